package scopeflow_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"strings"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

type arguments = map[string]string

func query(_ context.Context, args arguments) ([]int, error) {
	if args["password"] != "sesame" { // Sanitizers change what observers see, and nothing else.
		return nil, errors.New("wrong password")
	}
	return []int{42}, nil
}

func onlyReading(_ context.Context, _ string, args any) (*string, error) {
	if strings.HasPrefix(args.(arguments)["statement"], "select") {
		return nil, nil
	}
	reason := "only reading is allowed"
	return &reason, nil
}

func withoutPassword(_ context.Context, _ string, args any) (any, error) {
	hidden := maps.Clone(args.(arguments))
	hidden["password"] = "(hidden)"
	return hidden, nil
}

// guard registers the guardrails and the subscriber.
func guard(runtime *scopeflow.Runtime) error {
	return errors.Join(
		runtime.RegisterSubscriber("show", show),
		runtime.RegisterToolConditionalExecutionGuardrail("only reading", 10, onlyReading),
		runtime.RegisterToolSanitizeRequestGuardrail("password", 20, withoutPassword),
	)
}

// A tool behind a guardrail that refuses, and a sanitizer that keeps a password out of events.
func Example_guardedTool() {
	runtime, err := scopeflow.NewRuntime()
	if err != nil {
		log.Fatal(err)
	}
	if err := guard(runtime); err != nil {
		log.Fatal(err)
	}
	ctx := scopeflow.WithRuntime(context.Background(), runtime)
	for _, statement := range []string{"select * from answers", "drop table answers"} {
		args := arguments{"statement": statement, "password": "sesame"}
		answers, err := scopeflow.ExecuteTool(ctx, "query", args, query)
		var refused *scopeflow.GuardrailRejectedError
		switch {
		case errors.As(err, &refused):
			fmt.Println("refused:", refused.Reason)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(answers)
		}
	}
	// Output:
	// start query {"password":"(hidden)","statement":"select * from answers"}
	// end query [42]
	// [42]
	// mark query {"rejected":true,"rejection_reason":"only reading is allowed","guardrail":"only reading"}
	// refused: only reading is allowed
}
