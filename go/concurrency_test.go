package scopeflow

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
)

// Ten thousand goroutines under one scope: whatever runs beside a piece of work, its parent is its own.
func TestTenThousandGoroutinesKeepTheirParents(t *testing.T) {
	const count = 10_000
	r := testRuntime(t)
	recorded := record(t, r)
	ctx, turn, _ := r.PushScope(context.Background(), "turn", ScopeTypeAgent)
	begin := make(chan struct{})
	var wait sync.WaitGroup
	for i := range count {
		wait.Add(1)
		go func() {
			defer wait.Done()
			<-begin
			name := fmt.Sprint(i)
			inner, scope, err := r.PushScope(ctx, name, ScopeTypeFunction)
			if err != nil {
				t.Error(err)
				return
			}
			got, err := r.ToolCallExecute(inner, name, i, func(ctx context.Context, args any) (any, error) {
				return args, r.EmitEvent(ctx, name)
			})
			if err != nil || got != i {
				t.Errorf("call %d gave %v, %v", i, got, err)
			}
			if err := scope.Close(); err != nil {
				t.Error(err)
			}
		}()
	}
	close(begin)
	wait.Wait()
	if err := turn.Close(); err != nil {
		t.Fatal(err)
	}
	checkParents(t, recorded.events, turn.UUID(), count)
}

// checkParents wants of each name a scope under the turn, a call under that and a mark under the call.
func checkParents(t *testing.T, events []*Event, turn UUID, count int) {
	t.Helper()
	names, parents := map[UUID]string{}, map[UUID]UUID{}
	kinds := map[string]int{}
	for _, event := range events {
		if other, known := names[event.UUID()]; known && other != event.Name() {
			t.Fatalf("%v is %q and %q", event.UUID(), other, event.Name())
		}
		names[event.UUID()], parents[event.UUID()] = event.Name(), event.ParentUUID()
		kinds[event.Category()+event.ScopeCategory().String()]++
		if event.UUID() == turn {
			continue
		}
		if parent := event.ParentUUID(); parent != turn && names[parent] != event.Name() {
			t.Fatalf("%s %q stands under %q", event.Category(), event.Name(), names[parent])
		}
	}
	if len(events) != 5*count+2 || kinds["toolstart"] != count || kinds["toolend"] != count {
		t.Errorf("%d events: %v", len(events), kinds)
	}
}

// gate is a payload whose marshaler lets others work meanwhile, and waits for them.
type gate struct{ work func() error }

func (g gate) MarshalJSON() ([]byte, error) {
	if err := g.work(); err != nil {
		return nil, err
	}
	return json.Marshal("passed")
}

// While a payload is encoded nothing is locked (S6.2): other goroutines work, and so does the marshaler.
func TestNothingIsLockedWhileAPayloadIsEncoded(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx := context.Background()
	elsewhere := func(name string, data any) error {
		failed := make(chan error)
		go func() { failed <- r.EmitEvent(ctx, name, WithData(data)) }()
		return <-failed
	}
	payload := any("innermost")
	for depth := range 5 {
		inner := payload
		payload = gate{func() error {
			if err := r.EmitEvent(ctx, fmt.Sprint("here ", depth), WithData(inner)); err != nil {
				return err
			}
			return elsewhere(fmt.Sprint("elsewhere ", depth), inner)
		}}
	}
	if err := r.EmitEvent(ctx, "outermost", WithData(payload)); err != nil {
		t.Fatal(err)
	}
	last := recorded.events[len(recorded.events)-1]
	if last.Name() != "outermost" || string(last.Data()) != `"passed"` {
		t.Errorf("the outermost is %s", last)
	}
	if len(recorded.events) != 63 {
		t.Errorf("%d events came", len(recorded.events))
	}
}

// A call that waits for the application's code while a large payload makes the memory grow.
func TestAPayloadOfMegabytesPassesBesideOthers(t *testing.T) {
	r := testRuntime(t, WithPayloadBudget(1<<30))
	recorded := record(t, r)
	large := fmt.Sprintf("%0*d", 4<<20, 7)
	payload := []any{gate{func() error {
		return r.EmitEvent(context.Background(), "inner", WithData(json.RawMessage(`"`+large+`"`)))
	}}, large}
	if err := r.EmitEvent(context.Background(), "outer", WithData(payload)); err != nil {
		t.Fatal(err)
	}
	if got := len(recorded.events[1].Data()); got != len(`["passed",""]`)+len(large) {
		t.Errorf("the outer data has %d bytes", got)
	}
	if got := len(recorded.events[0].Data()); got != len(large)+2 {
		t.Errorf("the inner data has %d bytes", got)
	}
}
