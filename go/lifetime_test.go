package scopeflow

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
	"weak"
)

// collected runs the garbage collector until something has come about that it brings about.
func collected(t *testing.T, what string, happened func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !happened() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen", what)
		}
		runtime.GC()
		runtime.Gosched()
	}
}

func TestNoSlotIsLeftBehind(t *testing.T) {
	r := testRuntime(t)
	reason := "no"
	refuse := true
	guard := func(context.Context, string, any) (*string, error) {
		if refuse {
			return &reason, nil
		}
		return nil, errors.New("broken")
	}
	failing := func(context.Context, any) (any, error) { return nil, errors.New("x") }
	panicking := func(context.Context, any) (any, error) { panic("x") }
	payload := WithMetadata(map[string]any{"k": 1})
	work := func() {
		ctx, scope, _ := r.PushScope(context.Background(), "a", ScopeTypeAgent, payload, WithInput(1))
		_, _, _ = r.PushScope(ctx, "refused", ScopeType(99), payload, WithInput(1))
		for _, target := range []ToolFunc{echo, failing, panicking} {
			_, _ = r.ToolCallExecute(ctx, "x", 1, target, payload, WithData(2))
		}
		_ = r.RegisterToolConditionalExecutionGuardrail("g", 0, guard)
		_ = r.RegisterToolConditionalExecutionGuardrail("g", 0, guard)
		_, _ = r.ToolCallExecute(ctx, "x", 1, echo, payload)
		refuse = !refuse
		_, _ = r.ToolCallExecute(ctx, "x", 1, echo, payload)
		r.DeregisterToolConditionalExecutionGuardrail("g")
		_ = r.EmitEvent(ctx, "m", WithData(1), payload)
		_ = scope.End(WithOutput(1), payload, WithError(errors.New("x")))
		_ = scope.End(WithOutput(1), payload)
	}
	work()
	record(t, r)
	_ = r.RegisterSubscriber("bad", func(context.Context, *Event) { panic("x") })
	work()
	r.DeregisterSubscriber("recorder")
	r.DeregisterSubscriber("bad")
	collected(t, "the release of every slot", func() bool { return r.slots.used() == 0 })
}

func TestAForgottenScopeIsEnded(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	func() {
		if _, _, err := r.PushScope(context.Background(), "forgotten", ScopeTypeAgent); err != nil {
			t.Fatal(err)
		}
	}()
	collected(t, "the end of the scope", func() bool {
		if err := r.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		return len(recorded.all()) == 2
	})
	end := metadataOf(recorded.all()[1])
	if end["error.type"] != "abandoned" || must(r.ReadStats()).AbandonedScopeCount != 1 {
		t.Errorf("the end says %v", end)
	}
}

func TestAScopeThatAContextHoldsIsNotEnded(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx, _, _ := r.PushScope(context.Background(), "kept", ScopeTypeAgent)
	for range 5 {
		runtime.GC()
		if err := r.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if len(recorded.all()) != 1 {
		t.Errorf("the events are %v", recorded.summary())
	}
	runtime.KeepAlive(ctx)
}

func TestARuntimeThatOnlyItsCallbacksReferToIsFreed(t *testing.T) {
	gone := func() weak.Pointer[Runtime] {
		r := must(NewRuntime())
		err := r.RegisterSubscriber("s", func(ctx context.Context, _ *Event) { _ = r.Flush(ctx) })
		if err != nil {
			t.Fatal(err)
		}
		_, _, _ = r.PushScope(context.Background(), "open", ScopeTypeAgent, WithMetadata(1))
		return weak.Make(r)
	}()
	collected(t, "the end of the runtime", func() bool { return gone.Value() == nil })
}

func TestAnEndedScopeThatOnlyItsCallablesReferToIsFreed(t *testing.T) {
	r := testRuntime(t)
	gone := endedScopeWithSubscriber(t, r)
	collected(t, "the end of the scope", func() bool { return gone.Value() == nil })
	collected(t, "the release of every slot", func() bool { return r.slots.used() == 0 })
}

//go:noinline
func endedScopeWithSubscriber(t *testing.T, r *Runtime) weak.Pointer[Scope] {
	ctx, scope, _ := r.PushScope(context.Background(), "a", ScopeTypeAgent)
	calls := 0
	err := scope.RegisterSubscriber("s", func(context.Context, *Event) {
		calls++
		runtime.KeepAlive(scope)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := scope.Close(); err != nil {
		t.Fatal(err)
	}
	// Work that still has the scope's context is still under its middleware (S1.7).
	runtime.GC()
	if err := r.EmitEvent(ctx, "late"); err != nil {
		t.Fatal(err)
	}
	if calls != 2 {
		t.Errorf("the subscriber was called %d times", calls)
	}
	return weak.Make(scope)
}

func TestManyGoroutines(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx, parent, _ := r.PushScope(context.Background(), "parent", ScopeTypeAgent)
	const goroutines, rounds = 64, 20
	var group sync.WaitGroup
	for i := range goroutines {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := range rounds {
				if err := oneOfMany(ctx, r, fmt.Sprintf("%d-%d", i, n)); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	group.Wait()
	if err := parent.Close(); err != nil {
		t.Error(err)
	}
	if got, want := len(recorded.all()), 2+goroutines*rounds*5; got != want {
		t.Errorf("%d events were delivered instead of %d", got, want)
	}
}

// oneOfMany opens a scope, calls a tool and emits a mark in it, and looks at the parents.
func oneOfMany(ctx context.Context, r *Runtime, name string) error {
	inner, scope, err := r.PushScope(ctx, name, ScopeTypeFunction, WithMetadata(map[string]any{"n": name}))
	if err != nil {
		return err
	}
	if scope.ParentUUID() != CurrentScope(ctx).UUID() {
		return fmt.Errorf("%s has a wrong parent", name)
	}
	result, err := r.ToolCallExecute(inner, name, name, func(ctx context.Context, args any) (any, error) {
		if CurrentScope(ctx).ParentUUID() != scope.UUID() {
			return nil, fmt.Errorf("the call in %s has a wrong parent", name)
		}
		return args, r.EmitEvent(ctx, name, WithData(args))
	})
	if err != nil {
		return err
	}
	if result != name {
		return fmt.Errorf("%s got the result %v", name, result)
	}
	return scope.Close()
}

func TestRegistrationsAndCallsAtOnce(t *testing.T) {
	r := testRuntime(t)
	ctx, scope, _ := r.PushScope(context.Background(), "a", ScopeTypeAgent)
	pass := func(context.Context, string, any) (*string, error) { return nil, nil }
	var group sync.WaitGroup
	for i := range 4 {
		group.Add(2)
		name := fmt.Sprint(i)
		go func() {
			defer group.Done()
			for range 200 {
				if err := scope.RegisterToolConditionalExecutionGuardrail(name, int32(i), pass); err != nil {
					t.Error(err)
				}
				if err := r.RegisterSubscriber(name, func(context.Context, *Event) {}); err != nil {
					t.Error(err)
				}
				r.DeregisterSubscriber(name)
				scope.DeregisterToolConditionalExecutionGuardrail(name)
			}
		}()
		go func() {
			defer group.Done()
			for range 200 {
				if _, err := r.ToolCallExecute(ctx, "x", i, echo); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	group.Wait()
	collected(t, "the release of every slot", func() bool { return r.slots.used() == 0 })
}
