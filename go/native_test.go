//go:build cgo

package scopeflow

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/scopeflow/scopeflow/go/internal/natives"
)

// Middleware in C (ADR 0020) inside Go: in one chain with Go's own, and with Go's own values and errors at
// both ends.

// registerNatively registers on a *Runtime or a *Scope.
func registerNatively(owner any, c natives.Callable) (*natives.Registered, error) {
	var registered *natives.Registered
	var status int32
	var text string
	table, err := NativeFunctions()
	if err != nil {
		return nil, err
	}
	switch o := owner.(type) {
	case *Scope:
		registered, status, text = c.Register(table, nil, o.NativeHandle())
	case *Runtime:
		registered, status, text = c.Register(table, o.NativeHandle(), nil)
	}
	runtime.KeepAlive(owner)
	if status != 0 {
		return nil, &Error{Status: Status(status), Message: text}
	}
	return registered, nil
}

func native(t *testing.T, owner any, registry Registry, c natives.Callable) *natives.Registered {
	t.Helper()
	c.Registry = int32(registry)
	if c.Name == "" {
		c.Name = "n"
	}
	registered, err := registerNatively(owner, c)
	if err != nil {
		t.Fatal(err)
	}
	return registered
}

// toolRegistries are those that a tool call goes through.
func toolRegistries() iter.Seq[Registry] {
	return func(yield func(Registry) bool) {
		for r := RegistryToolConditionalExecutionGuardrail; r <= RegistryToolExecutionIntercept; r++ {
			if !yield(r) {
				return
			}
		}
	}
}

func callTool(t *testing.T, r *Runtime, request any) any {
	t.Helper()
	result, err := r.ToolCallExecute(t.Context(), "search", request, echo)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func object(members ...any) map[string]any {
	made := map[string]any{}
	for i := 0; i < len(members); i += 2 {
		made[members[i].(string)] = members[i+1]
	}
	return made
}

// --- Guards ---

func TestAGuardInCRefuses(t *testing.T) {
	r := testRuntime(t)
	guard := natives.Callable{Act: natives.Refuse, Text: "no %"}
	tool := native(t, r, RegistryToolConditionalExecutionGuardrail, guard)
	native(t, r, RegistryLLMConditionalExecutionGuardrail, guard)
	_, ofTool := r.ToolCallExecute(t.Context(), "search", object("q", 1), echo)
	_, ofModel := r.LLMCallExecute(t.Context(), "m", &LLMRequest{Content: "hi"}, nobody(t))
	_, ofStream := r.LLMStreamCallExecute(t.Context(), "m", &LLMRequest{Content: "hi"},
		func(context.Context, *LLMRequest) (iter.Seq2[any, error], error) { return twoChunks, nil },
		LLMStreamHooks{})
	request := `no {"content":"hi","headers":null}`
	reasons := []string{`no {"q":1}`, request, request}
	for i, err := range []error{ofTool, ofModel, ofStream} {
		var rejected *GuardrailRejectedError
		if !errors.Is(err, ErrGuardrailRejected) || !errors.As(err, &rejected) {
			t.Errorf("got %v", err)
		} else if rejected.Reason != reasons[i] {
			t.Errorf("the reason was %s", rejected.Reason)
		}
	}
	if !r.DeregisterToolConditionalExecutionGuardrail("n") || tool.Destroyed() != 1 {
		t.Error("Go did not remove what C had registered")
	}
	callTool(t, r, 1)
}

func nobody(t *testing.T) LLMFunc {
	return func(context.Context, *LLMRequest) (any, error) {
		t.Error("the target was called")
		return nil, nil
	}
}

func TestCallablesInCAndGoAreOneChain(t *testing.T) {
	r := testRuntime(t)
	var order []string
	for _, name := range []string{"second", "fourth"} {
		native(t, r, RegistryToolConditionalExecutionGuardrail, natives.Callable{
			Name: name, Priority: int32(len(name)), // 6 and 6: then in the order of registering.
			Ask: func(i *natives.Invocation) { order = append(order, i.Registration()) },
		})
	}
	for name, priority := range map[string]int32{"first": 5, "last": 7} {
		err := r.RegisterToolConditionalExecutionGuardrail(name, priority,
			func(context.Context, string, any) (*string, error) {
				order = append(order, name)
				return nil, nil
			})
		if err != nil {
			t.Fatal(err)
		}
	}
	callTool(t, r, 1)
	if !slices.Equal(order, []string{"first", "second", "fourth", "last"}) {
		t.Errorf("the order was %v", order)
	}
}

// --- Values ---

func TestWhatNoCallableInCChangesIsTheCallersOwn(t *testing.T) {
	r := testRuntime(t)
	record(t, r)
	var all []*natives.Registered
	for registry := range toolRegistries() {
		all = append(all, native(t, r, registry, natives.Callable{Act: natives.Look}))
	}
	request := new(struct{ private chan int }) // What no JSON could make again.
	if got := callTool(t, r, request); got != request {
		t.Errorf("got %v", got)
	}
	for i, callable := range all {
		if callable.Runs() == 0 {
			t.Errorf("nobody asked %s", Registry(i+1))
		}
	}
}

func TestAnInterceptInCRewritesARequest(t *testing.T) {
	r := testRuntime(t)
	native(t, r, RegistryToolRequestIntercept, natives.Callable{
		Act: natives.Replace, Text: `{"given":%,"n":12345678901234567890,"none":[null,true]}`,
	})
	expected := object("given", object("q", json.Number("1")),
		"n", json.Number("12345678901234567890"), "none", []any{nil, true})
	if got := callTool(t, r, object("q", 1)); !reflect.DeepEqual(got, expected) {
		t.Errorf("got %v", got)
	}
	rewritten, err := r.ToolRequestIntercepts(t.Context(), "search", object("q", 1))
	if err != nil || !reflect.DeepEqual(rewritten, expected) {
		t.Errorf("alone it gave %v, %v", rewritten, err)
	}
}

func TestATypedToolGetsWhatAnInterceptInCMade(t *testing.T) {
	type query struct {
		Text string `json:"text"`
		Max  int    `json:"max"`
	}
	r := testRuntime(t)
	ctx := WithRuntime(t.Context(), r)
	length := func(_ context.Context, q query) (int, error) { return q.Max, nil }
	native(t, r, RegistryToolRequestIntercept, natives.Callable{Act: natives.Replace, Text: `{"max":7}`})
	if got, err := ExecuteTool(ctx, "search", query{"a", 1}, length); got != 7 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	native(t, r, RegistryToolExecutionIntercept, natives.Callable{Act: natives.ReplaceResult, Text: "8"})
	if got, err := ExecuteTool(ctx, "search", query{}, length); got != 8 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	r.DeregisterToolRequestIntercept("n")
	native(t, r, RegistryToolExecutionIntercept, natives.Callable{
		Name: "inner", Priority: 1, Act: natives.ReplaceResult, Text: "[]",
	})
	r.DeregisterToolExecutionIntercept("n")
	if got, err := ExecuteTool(ctx, "search", query{}, length); got != 0 || !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("a list was made %v, %v", got, err)
	}
}

func TestAnLLMRequestIsMadeAnew(t *testing.T) {
	r := testRuntime(t)
	native(t, r, RegistryLLMRequestIntercept, natives.Callable{
		Act: natives.Replace, Text: `{"headers":{"x":"y"},"content":[%,1],"other":2}`,
	})
	given := &LLMRequest{Headers: object("Authorization", "k"), Content: "hi"}
	target := func(_ context.Context, request *LLMRequest) (any, error) { return request, nil }
	got, err := r.LLMCallExecute(t.Context(), "m", given, target)
	inner := object("content", "hi", "headers", object("Authorization", "k"))
	expected := &LLMRequest{Headers: object("x", "y"), Content: []any{inner, json.Number("1")}}
	if err != nil || !reflect.DeepEqual(got, expected) || given.Content != "hi" {
		t.Errorf("got %v, %v", got, err)
	}
}

// A budget is for events: what goes on must not lack an end.
func TestCallablesInCGetAllOfAPayload(t *testing.T) {
	for _, flags := range []RuntimeFlag{0, RuntimeFlagCanonical} {
		r := testRuntime(t, WithPayloadBudget(64), WithRuntimeFlags(flags))
		native(t, r, RegistryToolRequestIntercept, natives.Callable{Act: natives.Replace, Text: "[%]"})
		var given []any
		for range 2000 {
			given = append(given, map[string]struct{}{strings.Repeat("x", 10): {}})
		}
		got, _ := callTool(t, r, given).([]any)
		if len(got) != 1 || len(got[0].([]any)) != len(given) {
			t.Errorf("the payload was cut")
		}
	}
}
