package scopeflow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAToolCallReturnsTheTargetsOwnValueAndError(t *testing.T) {
	r := testRuntime(t)
	args := map[string]any{"q": 1}
	result, err := r.ToolCallExecute(context.Background(), "search", args, echo)
	if err != nil || !identical(result, args) {
		t.Errorf("got %v, %v", result, err)
	}

	own := &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}
	recorded := record(t, r)
	_, err = r.ToolCallExecute(context.Background(), "read", nil,
		func(context.Context, any) (any, error) { return nil, own })
	if err != error(own) {
		t.Errorf("the target's error came out as %v", err)
	}
	end := metadataOf(recorded.all()[1])
	if end["error.type"] != "exception" || end["exception.type"] != "PathError" {
		t.Errorf("the end says %v", end)
	}
}

func TestATargetMayReturnNil(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	result, err := r.ToolCallExecute(context.Background(), "x", nil,
		func(_ context.Context, args any) (any, error) { return args, nil })
	if result != nil || err != nil {
		t.Errorf("got %v, %v", result, err)
	}
	end := recorded.all()[1]
	if string(end.Data()) != "null" || metadataOf(end)["data.null"] != true {
		t.Errorf("the end is %s", end)
	}
}

func TestTheCallsSpanIsCurrentInItsTarget(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx, outer, _ := r.PushScope(context.Background(), "outer", ScopeTypeAgent)
	_, err := r.ToolCallExecute(ctx, "x", nil, func(inner context.Context, _ any) (any, error) {
		span := CurrentScope(inner)
		if span.Type() != ScopeTypeTool || span.ParentUUID() != outer.UUID() {
			t.Errorf("the span is %v under %s", span.Type(), span.ParentUUID())
		}
		return nil, EmitEvent(inner, "within")
	}, WithToolCallID("call_1"), WithToolAttributes(ToolAttributeRemote), WithMetadata(map[string]any{"k": 1}))
	if err != nil {
		t.Fatal(err)
	}
	start, mark := recorded.all()[1], recorded.all()[2]
	if mark.ParentUUID() != start.UUID() {
		t.Error("the mark is not a child of the call")
	}
	if string(start.CategoryProfile()) != `{"tool_call_id":"call_1"}` {
		t.Errorf("the start is %s", start)
	}
}

func TestAContextThatOutlivesItsCallStaysUsable(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx, outer, _ := r.PushScope(context.Background(), "outer", ScopeTypeAgent)
	late := make(chan context.Context, 1)
	_, err := r.ToolCallExecute(ctx, "x", nil, func(inner context.Context, _ any) (any, error) {
		late <- inner
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 * spanBatchSize {
		if _, err := r.ToolCallExecute(ctx, "y", nil, echo); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	if err := EmitEvent(<-late, "late"); err != nil {
		t.Fatal(err)
	}
	events := recorded.all()
	if mark := events[len(events)-1]; mark.ParentUUID() != outer.UUID() {
		t.Errorf("the late mark is %s", mark)
	}
}

func TestTypedTools(t *testing.T) {
	r := testRuntime(t)
	ctx := WithRuntime(context.Background(), r)
	double := func(_ context.Context, n int) (string, error) { return fmt.Sprint(2 * n), nil }
	if got, err := ExecuteTool(ctx, "double", 21, double); got != "42" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	isNil := func(_ context.Context, err error) (error, error) { return err, nil }
	if got, err := ExecuteTool(ctx, "nil", error(nil), isNil); got != nil || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	_ = r.RegisterToolRequestIntercept("other", 0, false,
		func(context.Context, string, any) (any, error) { return int8(7), nil })
	if got, err := ExecuteTool(ctx, "double", 21, double); got != "" || !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("a request of another type gave %q, %v", got, err)
	}
	r.DeregisterToolRequestIntercept("other")
	if _, err := ExecuteTool[int, int](ctx, "none", 1, nil); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("a nil function returned %v", err)
	}
	if _, err := r.ToolCallExecute(ctx, "none", 1, nil); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("a nil function returned %v", err)
	}
}

func TestAPanicOfTheTargetComesBackWithItsStack(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	cause := errors.New("cause")
	_, err := r.ToolCallExecute(context.Background(), "x", nil, func(context.Context, any) (any, error) {
		panic(cause)
	})
	var panicked *PanicError
	if !errors.As(err, &panicked) || panicked.Value != any(cause) || !errors.Is(err, cause) {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(string(panicked.Stack), "TestAPanicOfTheTarget") {
		t.Errorf("the stack is\n%s", panicked.Stack)
	}
	if got := recorded.summary(); !slices.Equal(got, []string{"start x", "end x ERROR"}) {
		t.Errorf("got %v", got)
	}
}

func TestATargetThatEndsItsGoroutineStillEndsItsSpan(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = r.ToolCallExecute(context.Background(), "x", nil, func(context.Context, any) (any, error) {
			runtime.Goexit()
			return nil, nil
		})
		t.Error("the call returned after Goexit")
	}()
	<-done
	if got := recorded.summary(); !slices.Equal(got, []string{"start x", "end x ERROR"}) {
		t.Errorf("got %v", got)
	}
}

func TestCancellation(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := r.ToolCallExecute(ctx, "x", nil, echo)
	if !errors.Is(err, ErrCancelled) || !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context gave %v", err)
	}
	if len(recorded.all()) != 0 {
		t.Errorf("a call that never began emitted %v", recorded.summary())
	}

	deadline, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err = r.ToolCallExecute(deadline, "x", nil, func(ctx context.Context, _ any) (any, error) {
		<-ctx.Done()
		return nil, fmt.Errorf("stopped: %w", ctx.Err())
	})
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "stopped: context deadline exceeded" {
		t.Errorf("the deadline gave %v", err)
	}
	end := metadataOf(recorded.all()[1])
	if end["error.type"] != "cancelled" {
		t.Errorf("the end says %v", end)
	}
}

func TestAGuardrailRefuses(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	reason := "no network here"
	args := map[string]any{"q": 1}
	err := r.RegisterToolConditionalExecutionGuardrail("offline", 0,
		func(ctx context.Context, name string, request any) (*string, error) {
			if name != "fetch" || !identical(request, args) {
				t.Errorf("the guard got %s, %v", name, request)
			}
			return &reason, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.ToolCallExecute(context.Background(), "fetch", args, func(context.Context, any) (any, error) {
		t.Error("the target was called")
		return nil, nil
	})
	var rejected *GuardrailRejectedError
	if !errors.As(err, &rejected) || rejected.Reason != reason || !errors.Is(err, ErrGuardrailRejected) {
		t.Errorf("got %v", err)
	}
	if err.Error() != "guardrail rejected: no network here" || errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if got := recorded.summary(); !slices.Equal(got, []string{"mark fetch"}) {
		t.Errorf("got %v", got)
	}
	if !r.DeregisterToolConditionalExecutionGuardrail("offline") ||
		r.DeregisterToolConditionalExecutionGuardrail("offline") {
		t.Error("the deregistrations did not say what they found")
	}
}

func TestAGuardrailThatFailsRefusesWithItsOwnError(t *testing.T) {
	r := testRuntime(t)
	own := errors.New("guard failed")
	fail := func(context.Context, string, any) (*string, error) { return nil, own }
	if err := r.RegisterToolConditionalExecutionGuardrail("g", 0, fail); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ToolCallExecute(context.Background(), "x", nil, echo); err != own {
		t.Errorf("got %v", err)
	}
	r.DeregisterToolConditionalExecutionGuardrail("g")
	explode := func(context.Context, string, any) (*string, error) { panic("boom") }
	if err := r.RegisterToolConditionalExecutionGuardrail("g", 0, explode); err != nil {
		t.Fatal(err)
	}
	var panicked *PanicError
	if _, err := r.ToolCallExecute(context.Background(), "x", nil, echo); !errors.As(err, &panicked) {
		t.Errorf("got %v", err)
	}
}

func TestGuardrailsOfAScopeGuardWhatIsUnderIt(t *testing.T) {
	r := testRuntime(t)
	ctx, scope, _ := r.PushScope(context.Background(), "a", ScopeTypeAgent)
	reason := "not here"
	refuse := func(context.Context, string, any) (*string, error) { return &reason, nil }
	if err := scope.RegisterToolConditionalExecutionGuardrail("g", 0, refuse); err != nil {
		t.Fatal(err)
	}
	if err := scope.RegisterToolConditionalExecutionGuardrail("g", 0, refuse); !errors.Is(err, ErrAlreadyExists) {
		t.Errorf("a second registration returned %v", err)
	}
	if _, err := r.ToolCallExecute(ctx, "x", nil, echo); !errors.Is(err, ErrGuardrailRejected) {
		t.Errorf("under the scope: %v", err)
	}
	if _, err := r.ToolCallExecute(context.Background(), "x", nil, echo); err != nil {
		t.Errorf("elsewhere: %v", err)
	}
	if !scope.DeregisterToolConditionalExecutionGuardrail("g") {
		t.Error("the registration was not found")
	}
	if _, err := r.ToolCallExecute(ctx, "x", nil, echo); err != nil {
		t.Errorf("after the deregistration: %v", err)
	}
}
