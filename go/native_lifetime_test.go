//go:build cgo

package scopeflow

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/scopeflow/scopeflow/go/internal/natives"
)

// How long callables in C live, and what they may do meanwhile.

func TestACallableInCIsGivenBackOnce(t *testing.T) {
	r := testRuntime(t)
	_, scope, _ := r.PushScope(t.Context(), "a", ScopeTypeAgent)
	c := natives.Callable{Act: natives.Look}
	guard := native(t, r, RegistryToolConditionalExecutionGuardrail, c)
	local := native(t, scope, RegistrySubscriber, c)
	callTool(t, r, 1)
	if guard.Destroyed() != 0 || !r.DeregisterToolConditionalExecutionGuardrail("n") {
		t.Error("the guard went too early")
	}
	r.DeregisterToolConditionalExecutionGuardrail("n")
	if err := scope.Close(); err != nil || local.Runs() != 1 {
		t.Errorf("the scope's subscriber ran %d times: %v", local.Runs(), err)
	}
	runtime.KeepAlive(scope)
	collected(t, "the return of the scope's subscriber", func() bool { return local.Destroyed() > 0 })
	runtime.KeepAlive(r)
	if guard.Destroyed() != 1 || local.Destroyed() != 1 {
		t.Errorf("given back %d and %d times", guard.Destroyed(), local.Destroyed())
	}
}

func TestARuntimeThatIsFreedGivesItsCallablesBack(t *testing.T) {
	var all []*natives.Registered
	func() {
		r := testRuntime(t)
		for _, name := range []string{"a", "b", "c"} {
			all = append(all, native(t, r, RegistrySubscriber, natives.Callable{Name: name}))
		}
		callTool(t, r, 1)
	}()
	for _, callable := range all {
		collected(t, "the end of the runtime", func() bool { return callable.Destroyed() == 1 })
	}
}

func TestACallKeepsTheCallablesThatItBeganWith(t *testing.T) {
	r := testRuntime(t)
	around := native(t, r, RegistryToolExecutionIntercept, natives.Callable{
		Act: natives.ReplaceResult, Text: "2",
	})
	result, err := r.ToolCallExecute(t.Context(), "x", 1, func(context.Context, any) (any, error) {
		if !r.DeregisterToolExecutionIntercept("n") || around.Destroyed() != 0 {
			t.Error("the call lost its intercept")
		}
		return 1, nil
	})
	if result != json.Number("2") || err != nil || around.Destroyed() != 1 {
		t.Errorf("got %v, %v, given back %d times", result, err, around.Destroyed())
	}
}

func TestACallableInCUsesTheRuntimeMeanwhile(t *testing.T) {
	r := testRuntime(t)
	var heard []string
	var status int32
	use := natives.Callable{Ask: func(i *natives.Invocation) {
		if i.Target() != "search" {
			return
		}
		err := r.RegisterSubscriber("late", func(_ context.Context, event *Event) {
			heard = append(heard, event.Name())
		})
		other, failure := r.ToolCallExecute(context.Background(), "other", 2, echo)
		if err := errors.Join(err, failure, r.EmitEvent(context.Background(), "inside")); err != nil || other != 2 {
			t.Error(other, err)
		}
		r.DeregisterSubscriber("late")
		r.DeregisterToolRequestIntercept("n")
		status = i.Answer(natives.Replace, "3")
	}}
	callable := native(t, r, RegistryToolRequestIntercept, use)
	if got := callTool(t, r, 1); got != json.Number("3") || status != 0 || callable.Destroyed() != 1 {
		t.Errorf("got %v, %d, given back %d times", got, status, callable.Destroyed())
	}
	if !slices.Equal(heard, []string{"other", "other", "inside"}) {
		t.Errorf("heard %v", heard)
	}
}

func TestNothingIsLeftBehindByMiddlewareInC(t *testing.T) {
	r := testRuntime(t)
	record(t, r)
	used := r.slots.used()
	for _, c := range []natives.Callable{
		{Act: natives.Replace, Text: "[%]"}, {Act: natives.Replace, Text: "["}, {Act: natives.Fail, Text: "x"},
		{Act: natives.ShortCircuit, Text: "1"}, {Act: natives.ReplaceResult, Text: "1"},
		{Act: natives.Retry, Retries: 2}, {Act: natives.Retry, Retries: 2, Text: "[%]"},
		{Act: natives.Refuse, Text: "x"}, {Act: natives.Mask},
	} {
		for registry := range toolRegistries() {
			native(t, r, registry, c)
			_, _ = r.ToolCallExecute(t.Context(), "x", "a", echo)
			_, _ = r.ToolCallExecute(t.Context(), "x", "a",
				func(context.Context, any) (any, error) { return nil, errors.New("x") })
			removeTool(r, registry)
		}
	}
	collected(t, "the release of every slot", func() bool { return r.slots.used() == used })
}

func removeTool(r *Runtime, registry Registry) {
	switch registry {
	case RegistryToolConditionalExecutionGuardrail:
		r.DeregisterToolConditionalExecutionGuardrail("n")
	case RegistrySubscriber:
		r.DeregisterSubscriber("n")
	case RegistryToolSanitizeRequestGuardrail:
		r.DeregisterToolSanitizeRequestGuardrail("n")
	case RegistryToolSanitizeResponseGuardrail:
		r.DeregisterToolSanitizeResponseGuardrail("n")
	case RegistryToolRequestIntercept:
		r.DeregisterToolRequestIntercept("n")
	case RegistryToolExecutionIntercept:
		r.DeregisterToolExecutionIntercept("n")
	}
}
