//go:build cgo

package scopeflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/scopeflow/scopeflow/go/internal/natives"
)

// Execution intercepts in C (S3.7): the driver runs the target more than once in one operation.

// flaky fails some times before it gives what it was given.
type flaky struct {
	failures int
	contexts []context.Context
	scopes   []*Scope
	requests []any
}

func (f *flaky) run(ctx context.Context, request any) (any, error) {
	f.contexts = append(f.contexts, ctx)
	f.scopes = append(f.scopes, CurrentScope(ctx))
	f.requests = append(f.requests, request)
	if len(f.requests) <= f.failures {
		return nil, fmt.Errorf("failure %d", len(f.requests))
	}
	return request, EmitEvent(ctx, "inside")
}

func TestATargetIsTriedAgainInTheSameSpan(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	retry := native(t, r, RegistryToolExecutionIntercept, natives.Callable{Act: natives.Retry, Retries: 3})
	ctx, parent, _ := r.PushScope(t.Context(), "agent", ScopeTypeAgent)
	target, request := flaky{failures: 2}, object("q", 1)
	result, err := r.ToolCallExecute(ctx, "search", request, target.run)
	if err != nil || !identical(result, request) || retry.Runs() != 4 {
		t.Errorf("got %v, %v after %d runs", result, err, retry.Runs())
	}
	span := target.scopes[0]
	for i, scope := range target.scopes {
		if scope != span || target.contexts[i] != target.contexts[0] || !identical(target.requests[i], request) {
			t.Errorf("attempt %d ran elsewhere, or with %v", i, target.requests[i])
		}
	}
	expected := []string{
		"start agent", "start search", "mark attempt", "mark attempt", "mark inside", "end search OK",
	}
	if got := recorded.summary(); !slices.Equal(got, expected) {
		t.Errorf("the events are %v", got)
	}
	for _, event := range recorded.all()[2:5] {
		if event.ParentUUID() != span.UUID() || span.ParentUUID() != parent.UUID() {
			t.Errorf("%s is nobody's child", event)
		}
	}
	if data := string(recorded.all()[3].Data()); data != `{"n":3}` || span.IsOpen() {
		t.Errorf("the last attempt is marked %s", data)
	}
}

// A span that somebody still held would hold the scope above it, and what is registered there.
func TestATargetThatWasTriedAgainLeavesNoSpanBehind(t *testing.T) {
	r := testRuntime(t)
	native(t, r, RegistryToolExecutionIntercept, natives.Callable{Act: natives.Retry, Retries: 3})
	local := func() *natives.Registered {
		ctx, scope, _ := r.PushScope(t.Context(), "agent", ScopeTypeAgent)
		defer scope.Close()
		local := native(t, scope, RegistrySubscriber, natives.Callable{Act: natives.Look})
		for range 2 * spanBatchSize { // So that what keeps a few spans together is full.
			target := flaky{failures: 2}
			if _, err := r.ToolCallExecute(ctx, "search", 1, target.run); err != nil {
				t.Error(err)
			}
		}
		return local
	}()
	callTool(t, r, 1)
	collected(t, "the end of the scope", func() bool { return local.Destroyed() == 1 })
}

func TestTheLastErrorIsTheCallsOwn(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	native(t, r, RegistryLLMExecutionIntercept, natives.Callable{Act: natives.Retry, Retries: 2})
	var failures []error
	_, err := r.LLMCallExecute(t.Context(), "m", &LLMRequest{Content: "hi"},
		func(context.Context, *LLMRequest) (any, error) {
			failures = append(failures, fmt.Errorf("failure %d", len(failures)))
			return nil, failures[len(failures)-1]
		})
	if len(failures) != 3 || err != failures[2] {
		t.Errorf("got %v after %d attempts", err, len(failures))
	}
	end := recorded.all()[len(recorded.all())-1]
	if metadataOf(end)["otel.status_description"] != "failure 2" {
		t.Errorf("the end is %s", end)
	}
}

func TestAModelIsAskedAgainWithAnotherRequest(t *testing.T) {
	r := testRuntime(t)
	native(t, r, RegistryLLMExecutionIntercept, natives.Callable{
		Act: natives.Retry, Retries: 1, Text: `{"headers":{},"content":[%]}`,
	})
	target, request := flaky{failures: 1}, &LLMRequest{Content: "hi"}
	result, err := r.LLMCallExecute(t.Context(), "m", request,
		func(ctx context.Context, request *LLMRequest) (any, error) { return target.run(ctx, request) })
	inner := object("content", "hi", "headers", nil)
	again := &LLMRequest{Headers: object(), Content: []any{inner}}
	if err != nil || !reflect.DeepEqual(result, again) || target.requests[0] != request {
		t.Errorf("got %v, %v", result, err)
	}
}

func TestAResultIsCutShortOrReplaced(t *testing.T) {
	for _, c := range []struct {
		act           natives.Act
		text          string
		reached, gets any
		result        any
	}{
		{natives.ShortCircuit, "[1]", false, nil, []any{json.Number("1")}},
		{natives.ShortCircuit, "null", false, nil, nil},
		{natives.ReplaceResult, `"other"`, true, "q", "other"},
		{natives.Replace, `{"given":%}`, true, object("given", "q"), object("given", "q")},
	} {
		r := testRuntime(t)
		recorded := record(t, r)
		native(t, r, RegistryToolExecutionIntercept, natives.Callable{Act: c.act, Text: c.text})
		target := flaky{}
		result, err := r.ToolCallExecute(t.Context(), "search", "q", target.run)
		if err != nil || !reflect.DeepEqual(result, c.result) || (len(target.requests) == 1) != c.reached {
			t.Errorf("%s gave %v, %v", c.text, result, err)
		}
		if c.reached == true && !reflect.DeepEqual(target.requests[0], c.gets) {
			t.Errorf("the target got %v", target.requests[0])
		}
		all := recorded.all()
		var shown any
		if json.Unmarshal(all[len(all)-1].Data(), &shown) != nil || textOf(shown) != textOf(plain(c.result)) {
			t.Errorf("the end shows %v", shown)
		}
	}
}

// plain is a value as observers read it.
func plain(value any) (read any) {
	if err := json.Unmarshal(must(json.Marshal(value)), &read); err != nil {
		panic(err)
	}
	return read
}

func TestAFailureBehindTheTargetTakesThePlaceOfItsResult(t *testing.T) {
	r := testRuntime(t)
	native(t, r, RegistryToolExecutionIntercept, natives.Callable{Act: natives.ReplaceResult, Text: "[}"})
	result, err := r.ToolCallExecute(t.Context(), "search", "q", echo)
	if result != nil || !errors.Is(err, ErrInvalidJSON) {
		t.Errorf("got %v, %v", result, err)
	}
}

// --- Contexts ---

func TestACallThatWasCancelledIsNotTriedAgain(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	native(t, r, RegistryToolExecutionIntercept, natives.Callable{Act: natives.Retry, Retries: 1000})
	ctx, cancel := context.WithCancel(t.Context())
	attempts := 0
	_, err := r.ToolCallExecute(ctx, "search", 1, func(context.Context, any) (any, error) {
		attempts++
		cancel()
		return nil, errors.New("connection reset") // That it is because of the context, nobody says.
	})
	if attempts != 1 || !errors.Is(err, ErrCancelled) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v after %d attempts", err, attempts)
	}
	end := metadataOf(recorded.all()[len(recorded.all())-1])
	if end["otel.status_code"] != "ERROR" || end["error.type"] != "cancelled" {
		t.Errorf("the end says %v", end)
	}
}

func TestACancellationPassesAnInterceptInC(t *testing.T) {
	r := testRuntime(t)
	around := native(t, r, RegistryToolExecutionIntercept, natives.Callable{Act: natives.Retry, Retries: 5})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := r.ToolCallExecute(ctx, "search", 1, func(ctx context.Context, _ any) (any, error) {
		cancel()
		return nil, ctx.Err()
	})
	if err != context.Canceled || around.Runs() != 1 {
		t.Errorf("got %v after %d runs", err, around.Runs())
	}
}

// --- In one chain with those in Go ---

func TestExecutionInterceptsInCAndGoNest(t *testing.T) {
	r := testRuntime(t)
	var order []string
	note := func(i *natives.Invocation) { order = append(order, i.Registration()) }
	native(t, r, RegistryToolExecutionIntercept, natives.Callable{Name: "outer", Priority: 1, Ask: note})
	native(t, r, RegistryToolExecutionIntercept, natives.Callable{Name: "inner", Priority: 3, Ask: note})
	around := func(ctx context.Context, _ string, request any, next NextFunc) (any, error) {
		order = append(order, "go")
		defer func() { order = append(order, "go") }()
		return next(ctx, []any{request})
	}
	if err := r.RegisterToolExecutionIntercept("go", 2, around); err != nil {
		t.Fatal(err)
	}
	if got := callTool(t, r, 1); !reflect.DeepEqual(got, []any{1}) {
		t.Errorf("got %v", got)
	}
	if !slices.Equal(order, []string{"outer", "go", "inner", "inner", "go", "outer"}) {
		t.Errorf("the order was %v", order)
	}
}

// Each time that C has it run anew, an intercept in Go has a `next` of its own, and the context is that of
// the call's span again.
func TestAnInterceptInGoIsRunAnew(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	native(t, r, RegistryToolExecutionIntercept, natives.Callable{Name: "outer", Act: natives.Retry, Retries: 1})
	native(t, r, RegistryToolExecutionIntercept, natives.Callable{
		Name: "inner", Priority: 2, Act: natives.Retry, Retries: 1,
	})
	var kept []NextFunc
	var scopes []*Scope
	err := r.RegisterToolExecutionIntercept("go", 1,
		func(ctx context.Context, _ string, request any, next NextFunc) (any, error) {
			scopes = append(scopes, CurrentScope(ctx))
			if len(kept) > 0 {
				if _, err := kept[0](ctx, request); !errors.Is(err, ErrInvalidArgument) {
					t.Errorf("the next of another time gave %v", err)
				}
			}
			kept = append(kept, next)
			under, scope, err := r.PushScope(ctx, "plan", ScopeTypeFunction)
			if err != nil {
				return nil, err
			}
			defer scope.Close()
			return next(under, request)
		})
	if err != nil {
		t.Fatal(err)
	}
	target := flaky{failures: 3} // Twice in the first run of the intercept, once in the second.
	result, err := r.ToolCallExecute(t.Context(), "search", 7, target.run)
	if result != 7 || err != nil || len(kept) != 2 || len(target.requests) != 4 {
		t.Fatalf("got %v, %v after %d runs", result, err, len(kept))
	}
	for _, scope := range append(target.scopes, scopes...) {
		if scope != scopes[0] {
			t.Errorf("%s was current", scope.Name())
		}
	}
	ends := map[string]int{}
	for _, line := range recorded.summary() {
		ends[line]++
	}
	if ends["mark attempt"] != 3 || ends["end plan OK"]+ends["end plan"] != 2 || ends["end search OK"] != 1 {
		t.Errorf("the events are %v", recorded.summary())
	}
}
