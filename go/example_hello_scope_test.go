package scopeflow_test

import (
	"context"
	"fmt"
	"log"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

// show prints an event: what happened to whom, and its data.
func show(_ context.Context, event *scopeflow.Event) {
	if event.Kind() == scopeflow.EventKindMark {
		fmt.Println("mark", event.Name(), string(event.Data()))
		return
	}
	fmt.Println(event.ScopeCategory(), event.Name(), string(event.Data()))
}

// plan opens a scope with a mark in it.
func plan(ctx context.Context) error {
	goal := map[string]string{"goal": "tea"}
	ctx, planner, err := scopeflow.PushScope(ctx, "planner", scopeflow.ScopeTypeAgent, scopeflow.WithInput(goal))
	if err != nil {
		return err
	}
	// A child of the scope, because its context says so.
	err = scopeflow.EmitEvent(ctx, "thinking", scopeflow.WithData(map[string]string{"about": "leaves"}))
	if err != nil {
		return err
	}
	steps := []string{"boil water", "wait four minutes"}
	return planner.End(scopeflow.WithOutput(map[string]any{"plan": steps}))
}

// A scope with a mark in it, and a subscriber that prints what becomes of them.
func Example_helloScope() {
	runtime, err := scopeflow.NewRuntime()
	if err != nil {
		log.Fatal(err)
	}
	if err := runtime.RegisterSubscriber("show", show); err != nil {
		log.Fatal(err)
	}
	if err := plan(scopeflow.WithRuntime(context.Background(), runtime)); err != nil {
		log.Fatal(err)
	}
	// Output:
	// start planner {"goal":"tea"}
	// mark thinking {"about":"leaves"}
	// end planner {"plan":["boil water","wait four minutes"]}
}
