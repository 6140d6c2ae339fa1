package main

import (
	"context"
	"fmt"
	"log"
	"strings"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

func search(ctx context.Context, query string) (string, error) {
	// A child of the call, because it happens inside it.
	return strings.ToUpper(query), scopeflow.EmitEvent(ctx, "cache miss")
}

func onlyShortQueries(_ context.Context, _ string, query any) (*string, error) {
	if len(query.(string)) <= 20 {
		return nil, nil
	}
	reason := "the query is too long"
	return &reason, nil
}

func logEvent(_ context.Context, event *scopeflow.Event) {
	if event.Kind() == scopeflow.EventKindMark {
		fmt.Println("mark", event.Name())
	} else {
		fmt.Println(event.ScopeCategory(), event.Name())
	}
}

func run() error {
	runtime, err := scopeflow.NewRuntime()
	if err != nil {
		return err
	}
	if err := runtime.RegisterSubscriber("log", logEvent); err != nil {
		return err
	}
	err = runtime.RegisterToolConditionalExecutionGuardrail("length", 10, onlyShortQueries)
	if err != nil {
		return err
	}

	ctx, scope, err := runtime.PushScope(context.Background(), "assistant", scopeflow.ScopeTypeAgent)
	if err != nil {
		return err
	}
	defer scope.Close()
	answer, err := scopeflow.ExecuteTool(ctx, "search", "scopes", search)
	if err != nil {
		return err
	}
	fmt.Println("found", answer)
	_, refusal := scopeflow.ExecuteTool(ctx, "search", "scopes, all of the scopes", search)
	fmt.Println(refusal)
	return nil
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
