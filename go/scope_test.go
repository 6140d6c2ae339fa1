package scopeflow

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestAScopeIsCurrentInTheContextThatPushReturns(t *testing.T) {
	r := testRuntime(t)
	background := context.Background()
	outer, a, err := r.PushScope(background, "a", ScopeTypeAgent)
	if err != nil {
		t.Fatal(err)
	}
	inner, b, err := r.PushScope(outer, "b", ScopeTypeFunction)
	if err != nil {
		t.Fatal(err)
	}
	if CurrentScope(background) != nil || CurrentScope(outer) != a || CurrentScope(inner) != b {
		t.Error("a push changed a context that it was given")
	}
	if b.ParentUUID() != a.UUID() || a.ParentUUID() != must(r.Root()).UUID() {
		t.Error("the parents are wrong")
	}
	if b.Name() != "b" || b.Type() != ScopeTypeFunction || !b.IsOpen() {
		t.Errorf("b is %q, a %s, open: %v", b.Name(), b.Type(), b.IsOpen())
	}
	if b.Context() != inner {
		t.Error("Context is not what PushScope returned")
	}
}

func TestScopesOfSiblingsEndInAnyOrder(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx, parent, err := r.PushScope(context.Background(), "parent", ScopeTypeAgent)
	if err != nil {
		t.Fatal(err)
	}
	_, first, _ := r.PushScope(ctx, "first", ScopeTypeFunction)
	_, second, _ := r.PushScope(ctx, "second", ScopeTypeFunction)
	for _, scope := range []*Scope{first, parent, second} {
		if err := scope.Close(); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"start parent", "start first", "start second", "end first", "end parent", "end second",
	}
	if got := recorded.summary(); !slices.Equal(got, want) {
		t.Errorf("got %v instead of %v", got, want)
	}
}

func TestASecondCloseIsNotFoundAndEmitsNothing(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx, scope, _ := r.PushScope(context.Background(), "a", ScopeTypeAgent)
	if err := scope.Close(); err != nil {
		t.Fatal(err)
	}
	if err := scope.Close(); !errors.Is(err, ErrNotFound) {
		t.Errorf("a second Close returned %v", err)
	}
	if err := r.PopScope(ctx, scope); !errors.Is(err, ErrNotFound) {
		t.Errorf("a pop after Close returned %v", err)
	}
	if len(recorded.all()) != 2 {
		t.Errorf("the events are %v", recorded.summary())
	}
}

func TestPopRefusesAnAncestorOfTheContext(t *testing.T) {
	r := testRuntime(t)
	outer, a, _ := r.PushScope(context.Background(), "a", ScopeTypeAgent)
	inner, b, _ := r.PushScope(outer, "b", ScopeTypeFunction)
	if err := r.PopScope(inner, a); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("popping an ancestor returned %v", err)
	}
	if err := r.PopScope(inner, b, WithOutput(1), WithStatus(EndStatusOK)); err != nil {
		t.Error(err)
	}
	if err := r.PopScope(outer, a); err != nil {
		t.Error(err)
	}
}

func TestWorkUnderAnEndedScopeGoesToItsNearestOpenAncestor(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	outer, a, _ := r.PushScope(context.Background(), "a", ScopeTypeAgent)
	inner, b, _ := r.PushScope(outer, "b", ScopeTypeFunction)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	_, late, err := r.PushScope(inner, "late", ScopeTypeFunction)
	if err != nil {
		t.Fatal(err)
	}
	if late.ParentUUID() != a.UUID() {
		t.Errorf("the parent is %s instead of a", late.ParentUUID())
	}
	start := recorded.all()[len(recorded.all())-1]
	if got := metadataOf(start)["scope.detached_from"]; got != b.UUID().String() {
		t.Errorf("the start says that it was detached from %v", got)
	}
}

func TestOptionsReachTheEvents(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
	_, elsewhere, _ := r.PushScope(context.Background(), "elsewhere", ScopeTypeAgent)
	_, scope, err := r.PushScope(context.Background(), "io", ScopeTypeCustom,
		WithParent(elsewhere), WithScopeAttributes(ScopeAttributeParallel), WithSubtype("disk"),
		WithInput(map[string]int{"n": 1}), WithMetadata(map[string]int{"m": 2}), WithTimestamp(at), nil)
	if err != nil {
		t.Fatal(err)
	}
	if scope.ParentUUID() != elsewhere.UUID() || !scope.StartedAt().Equal(at) {
		t.Error("the parent or the start are wrong")
	}
	err = scope.End(WithOutput("done"), WithError(errors.New("late")), WithStatus(EndStatusError),
		WithTimestamp(at.Add(time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	start, end := recorded.all()[1], recorded.all()[2]
	if string(start.Data()) != `{"n":1}` || string(start.Metadata()) != `{"m":2}` {
		t.Errorf("the start is %s", start)
	}
	if string(start.CategoryProfile()) != `{"subtype":"disk"}` || start.Category() != "custom" {
		t.Errorf("the start is %s", start)
	}
	if start.Attributes() != uint32(ScopeAttributeParallel) || !start.Timestamp().Equal(at) {
		t.Errorf("the start is %s", start)
	}
	metadata := metadataOf(end)
	if string(end.Data()) != `"done"` || metadata["otel.status_description"] != "late" ||
		metadata["exception.type"] != "errorString" {
		t.Errorf("the end is %s", end)
	}
	if start.UUID() != end.UUID() || end.UUID() != scope.UUID() || start.UUID().IsZero() {
		t.Error("start and end do not share the scope's id")
	}
}

func TestBadArgumentsAreErrorsNotCrashes(t *testing.T) {
	r := testRuntime(t)
	other := testRuntime(t)
	ctx := context.Background()
	_, foreign, _ := other.PushScope(ctx, "foreign", ScopeTypeAgent)
	_, ended, _ := r.PushScope(ctx, "ended", ScopeTypeAgent)
	if err := ended.Close(); err != nil {
		t.Fatal(err)
	}
	push := func(ctx context.Context, kind ScopeType, options ...ScopeOption) error {
		_, scope, err := r.PushScope(ctx, "x", kind, options...)
		if (scope == nil) != (err != nil) {
			t.Errorf("a scope %v came with the error %v", scope, err)
		}
		return err
	}
	var nilContext context.Context
	var nilRuntime *Runtime
	var nilScope *Scope
	cases := map[string]error{
		"nil context":       push(nilContext, ScopeTypeAgent),
		"unknown type":      push(ctx, ScopeType(99)),
		"unknown attribute": push(ctx, ScopeTypeAgent, WithScopeAttributes(8)),
		"misplaced subtype": push(ctx, ScopeTypeAgent, WithSubtype("x")),
		"foreign parent":    push(ctx, ScopeTypeAgent, WithParent(foreign)),
		"ended parent":      push(ctx, ScopeTypeAgent, WithParent(ended)),
		"nil scope":         nilScope.Close(),
		"pop of nil":        r.PopScope(ctx, nil),
		"nil runtime":       nilRuntime.EmitEvent(ctx, "x"),
		"mark, nil context": r.EmitEvent(nilContext, "x"),
		"package function":  EmitEvent(nilContext, "x"),
		"nil subscriber":    r.RegisterSubscriber("x", nil),
		"nil guardrail":     r.RegisterToolConditionalExecutionGuardrail("x", 0, nil),
		"nil scope's guard": nilScope.RegisterSubscriber("x", func(context.Context, *Event) {}),
		"flush":             r.Flush(nilContext),
		"budget":            must2(NewRuntime(WithPayloadBudget(1))),
	}
	for name, err := range cases {
		if !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if nilScope.UUID() != (UUID{}) || nilScope.Name() != "" {
		t.Error("a nil scope knows something")
	}
}

func must2[T any](_ T, err error) error { return err }

func TestAClosedRuntimeIsInAnInvalidState(t *testing.T) {
	r := testRuntime(t)
	ctx, scope, _ := r.PushScope(context.Background(), "a", ScopeTypeAgent)
	for range 2 {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := r.ToolCallExecute(ctx, "x", nil, echo)
	for name, err := range map[string]error{
		"tool": err, "scope": scope.Close(), "mark": EmitEvent(ctx, "x"),
		"register": r.RegisterSubscriber("x", func(context.Context, *Event) {}),
	} {
		if !errors.Is(err, ErrInvalidState) {
			t.Errorf("%s after Close returned %v", name, err)
		}
	}
}

func TestFunctionsOfThePackageActOnTheContextsRuntime(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx, scope, err := PushScope(WithRuntime(context.Background(), r), "a", ScopeTypeAgent)
	if err != nil {
		t.Fatal(err)
	}
	if err := EmitEvent(ctx, "m", WithData(1)); err != nil {
		t.Error(err)
	}
	if err := PopScope(ctx, scope); err != nil {
		t.Error(err)
	}
	if got := recorded.summary(); !slices.Equal(got, []string{"start a", "mark m", "end a"}) {
		t.Errorf("got %v", got)
	}

	byDefault := must(Default())
	_, scope, err = PushScope(context.Background(), "b", ScopeTypeAgent)
	if err != nil || scope.owner() != byDefault {
		t.Errorf("the default runtime was not used: %v", err)
	}
}

func TestTwoRuntimesShareAContextWithoutMixing(t *testing.T) {
	a, b := testRuntime(t), testRuntime(t)
	ctx, inA, _ := a.PushScope(context.Background(), "a", ScopeTypeAgent)
	ctx, inB, err := b.PushScope(ctx, "b", ScopeTypeAgent)
	if err != nil {
		t.Fatal(err)
	}
	if inB.ParentUUID() != must(b.Root()).UUID() {
		t.Error("a scope has a parent of another runtime")
	}
	_, again, err := a.PushScope(ctx, "c", ScopeTypeAgent)
	if err != nil || again.ParentUUID() != inA.UUID() {
		t.Errorf("the first runtime's scope is not current any more: %v", err)
	}
}
