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

// A codec of the core costs a call that nobody looks at no cgo call more, and its two options.
func TestCodecsCostNothingWhileNobodyLooks(t *testing.T) {
	r := testRuntime(t)
	ctx := context.Background()
	request := chatRequest(chatText)
	target := answering(saidText)
	cost := func(options ...LLMCallOption) (cgoCalls int64, allocations float64) {
		call := func() {
			if _, err := r.LLMCallExecute(ctx, "m", request, target, options...); err != nil {
				t.Fatal(err)
			}
		}
		const rounds = 1000
		call()
		before := runtime.NumCgoCall()
		for range rounds {
			call()
		}
		return (runtime.NumCgoCall() - before + rounds/2) / rounds, testing.AllocsPerRun(rounds, call)
	}
	calls, allocations := cost()
	for _, codec := range []ProviderCodec{AutoCodec, AnthropicMessagesCodec} {
		withCalls, withAllocations := cost(WithCodec(codec), WithResponseCodec(codec))
		if withCalls > calls || withAllocations > allocations {
			t.Errorf("%v: %d cgo calls and %v allocations instead of %d and %v", codec, withCalls, withAllocations,
				calls, allocations)
		}
	}
}
