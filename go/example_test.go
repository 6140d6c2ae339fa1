package scopeflow_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

// A tool call under a scope, seen by a subscriber.
func Example() {
	runtime, err := scopeflow.NewRuntime()
	if err != nil {
		log.Fatal(err)
	}
	ctx := scopeflow.WithRuntime(context.Background(), runtime)
	err = runtime.RegisterSubscriber("print", func(_ context.Context, event *scopeflow.Event) {
		fmt.Println(event.ScopeCategory(), event.Category(), event.Name(), string(event.Data()))
	})
	if err != nil {
		log.Fatal(err)
	}

	ctx, scope, err := scopeflow.PushScope(ctx, "research", scopeflow.ScopeTypeAgent)
	if err != nil {
		log.Fatal(err)
	}
	length := func(_ context.Context, words []string) (int, error) { return len(words), nil }
	count, err := scopeflow.ExecuteTool(ctx, "count", []string{"a", "b"}, length)
	if err != nil {
		log.Fatal(err)
	}
	if err := scope.End(scopeflow.WithOutput(map[string]int{"count": count})); err != nil {
		log.Fatal(err)
	}
	// Output:
	// start agent research null
	// start tool count ["a","b"]
	// end tool count 2
	// end agent research {"count":2}
}

// A guardrail that refuses a call.
func ExampleScope_RegisterToolConditionalExecutionGuardrail() {
	runtime, err := scopeflow.NewRuntime()
	if err != nil {
		log.Fatal(err)
	}
	ctx, scope, err := runtime.PushScope(context.Background(), "offline", scopeflow.ScopeTypeAgent)
	if err != nil {
		log.Fatal(err)
	}
	defer scope.Close()
	err = scope.RegisterToolConditionalExecutionGuardrail("no network", 0,
		func(_ context.Context, name string, _ any) (*string, error) {
			if name != "fetch" {
				return nil, nil
			}
			reason := "there is no network here"
			return &reason, nil
		})
	if err != nil {
		log.Fatal(err)
	}

	fetch := func(context.Context, string) (string, error) { return "page", nil }
	_, err = scopeflow.ExecuteTool(ctx, "fetch", "https://example.org", fetch)
	var rejected *scopeflow.GuardrailRejectedError
	fmt.Println(errors.As(err, &rejected), errors.Is(err, scopeflow.ErrGuardrailRejected))
	fmt.Println(err)
	// Output:
	// true true
	// guardrail rejected: there is no network here
}
