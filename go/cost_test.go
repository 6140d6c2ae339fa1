//go:build !race

package scopeflow

import (
	"context"
	"runtime"
	"testing"
)

// What a managed call costs with nobody listening: at most 4 cgo calls and 4 allocations. The race
// detector makes pools forget, so that it is left out there.
func TestAToolCallCostsFewCgoCallsAndAllocations(t *testing.T) {
	r := testRuntime(t)
	ctx, _, err := r.PushScope(context.Background(), "a", ScopeTypeAgent)
	if err != nil {
		t.Fatal(err)
	}
	args := any(map[string]any{"q": 1})
	call := func() {
		if _, err := r.ToolCallExecute(ctx, "search", args, echo); err != nil {
			t.Fatal(err)
		}
	}
	const rounds = 1000
	call()
	before := runtime.NumCgoCall()
	for range rounds {
		call()
	}
	if calls := runtime.NumCgoCall() - before; calls > 4*rounds {
		t.Errorf("a tool call takes %.2f cgo calls", float64(calls)/rounds)
	}
	if count := testing.AllocsPerRun(rounds, call); count > 4 {
		t.Errorf("a tool call takes %.2f allocations", count)
	}
}
