package scopeflowtest_test

import (
	"context"
	"slices"
	"testing"

	scopeflow "github.com/scopeflow/scopeflow/go"
	"github.com/scopeflow/scopeflow/go/scopeflowtest"
)

func work(ctx context.Context) error {
	ctx, scope, err := scopeflow.PushScope(ctx, "turn", scopeflow.ScopeTypeAgent)
	if err != nil {
		return err
	}
	defer scope.Close()
	return scopeflow.EmitEvent(ctx, "cache miss", scopeflow.WithData("key"))
}

func TestEventsOfATestAreItsOwnAndTheSameEachTime(t *testing.T) {
	ctx, events := scopeflowtest.New(t)
	if err := work(ctx); err != nil {
		t.Fatal(err)
	}
	if want := []string{"start turn", "mark cache miss", "end turn"}; !slices.Equal(events.Names(), want) {
		t.Errorf("got %v", events.Names())
	}
	if at := events.Find(t, "start", "turn").Timestamp(); at.Before(scopeflowtest.ClockStart) ||
		at.Sub(scopeflowtest.ClockStart) > 10*scopeflowtest.ClockStep {
		t.Errorf("the test's clock says %v", at)
	}
	if data := string(events.Find(t, "", "cache miss").Data()); data != `"key"` {
		t.Errorf("data is %s", data)
	}

	first := events.Lines()
	t.Run("again", func(t *testing.T) {
		ctx, events := scopeflowtest.New(t)
		if err := work(ctx); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(events.Lines(), first) {
			t.Errorf("got\n%v\ninstead of\n%v", events.Lines(), first)
		}
	})
	events.Clear()
	if len(events.All()) != 0 {
		t.Error("Clear left events")
	}
}

func TestTheRuntimeIsClosedAtTheEndOfItsTest(t *testing.T) {
	var r *scopeflow.Runtime
	t.Run("inner", func(t *testing.T) { r = scopeflowtest.NewRuntime(t) })
	ctx := scopeflow.WithRuntime(context.Background(), r)
	if _, _, err := scopeflow.PushScope(ctx, "late", scopeflow.ScopeTypeAgent); err == nil {
		t.Error("a scope opened on a runtime that is closed")
	}
}
