package scopeflow

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestWhatASubscriberEmitsWaitsUntilTheEventHasReachedEverybody(t *testing.T) {
	r := testRuntime(t)
	var order []string
	subscribe := func(name string, extra func(ctx context.Context, event *Event)) {
		err := r.RegisterSubscriber(name, func(ctx context.Context, event *Event) {
			order = append(order, name+" "+event.Name())
			extra(ctx, event)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	subscribe("first", func(ctx context.Context, event *Event) {
		if event.Name() == "outer" {
			if err := r.EmitEvent(ctx, "inner"); err != nil {
				t.Error(err)
			}
			if _, err := r.ToolCallExecute(ctx, "tool", nil, echo); err != nil {
				t.Error(err)
			}
		}
	})
	subscribe("second", func(context.Context, *Event) {})
	if err := r.EmitEvent(context.Background(), "outer"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"first outer", "second outer", "first inner", "second inner",
		"first tool", "second tool", "first tool", "second tool",
	}
	if !slices.Equal(order, want) {
		t.Errorf("the order was %v instead of %v", order, want)
	}
}

func TestASubscribersContextServesSeveralGoroutinesAndOutlivesItsDelivery(t *testing.T) {
	r := testRuntime(t)
	count, mu := 0, sync.Mutex{}
	var kept context.Context
	err := r.RegisterSubscriber("s", func(ctx context.Context, event *Event) {
		mu.Lock()
		count++
		isOuter := event.Name() == "outer"
		mu.Unlock()
		if !isOuter {
			return
		}
		kept = ctx
		var group sync.WaitGroup
		for range 8 {
			group.Add(1)
			go func() {
				defer group.Done()
				for range 10 {
					if err := r.EmitEvent(ctx, "inner"); err != nil {
						t.Error(err)
					}
				}
			}()
		}
		group.Wait()
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.EmitEvent(context.Background(), "outer"); err != nil {
		t.Fatal(err)
	}
	if err := r.EmitEvent(kept, "late"); err != nil {
		t.Fatal(err)
	}
	if count != 82 {
		t.Errorf("%d events were delivered instead of 82", count)
	}
}

func TestAMarshalerMayUseTheSubscribersContext(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	err := r.RegisterSubscriber("s", func(ctx context.Context, event *Event) {
		if event.Name() != "outer" {
			return
		}
		payload := marshalerFunc(func() ([]byte, error) { return []byte("1"), r.EmitEvent(ctx, "within") })
		if err := r.EmitEvent(ctx, "inner", WithData(payload)); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.EmitEvent(context.Background(), "outer"); err != nil {
		t.Fatal(err)
	}
	got := recorded.summary()
	slices.Sort(got)
	if !slices.Equal(got, []string{"mark inner", "mark outer", "mark within"}) {
		t.Errorf("got %v", got)
	}
}

type marshalerFunc func() ([]byte, error)

func (f marshalerFunc) MarshalJSON() ([]byte, error) { return f() }

func TestASubscriberThatPanicsIsLoggedAndCounted(t *testing.T) {
	r := testRuntime(t)
	var log bytes.Buffer
	r.SetLogger(slog.New(slog.NewTextHandler(&log, nil)))
	if err := r.RegisterSubscriber("bad", func(context.Context, *Event) { panic("boom") }); err != nil {
		t.Fatal(err)
	}
	recorded := record(t, r)
	if _, err := r.ToolCallExecute(context.Background(), "x", 1, echo); err != nil {
		t.Errorf("the call failed: %v", err)
	}
	stats := must(r.ReadStats())
	if stats.SubscriberErrorCount != 2 || len(recorded.all()) != 2 || stats.ScopeEventCount != 2 {
		t.Errorf("the stats are %+v", stats)
	}
	if !strings.Contains(log.String(), "subscriber 'bad' failed") || !strings.Contains(log.String(), "boom") {
		t.Errorf("the log is %s", &log)
	}
}

func TestASubscriberThatEndsItsGoroutineLosesNoEvent(t *testing.T) {
	r := testRuntime(t)
	if err := r.RegisterSubscriber("leaver", func(context.Context, *Event) { runtime.Goexit() }); err != nil {
		t.Fatal(err)
	}
	recorded := record(t, r)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = r.ToolCallExecute(context.Background(), "x", 1, echo)
	}()
	<-done
	if got := recorded.summary(); len(got) != 2 || got[0] != "start x" {
		t.Errorf("got %v", got)
	}
}

func TestSubscribersOfAScopeGetWhatBelongsToIt(t *testing.T) {
	r := testRuntime(t)
	ctx, scope, _ := r.PushScope(context.Background(), "a", ScopeTypeAgent)
	var names []string
	err := scope.RegisterSubscriber("s", func(_ context.Context, event *Event) {
		names = append(names, event.Name())
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = r.EmitEvent(context.Background(), "elsewhere")
	_ = r.EmitEvent(ctx, "here")
	if err := scope.Close(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(names, []string{"here", "a"}) {
		t.Errorf("got %v", names)
	}
}

func TestAnEventIsAsItWasWhenItWasEmitted(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	payload := map[string]any{"n": 1}
	if err := r.EmitEvent(context.Background(), "m", WithData(payload)); err != nil {
		t.Fatal(err)
	}
	payload["n"] = 2
	event := recorded.all()[0]
	copy(event.Data(), "garbage")
	copy(event.Raw(), "garbage")
	if string(event.Data()) != `{"n":1}` || !json.Valid(event.Raw()) {
		t.Errorf("the event is %s with %s", event.Raw(), event.Data())
	}
	text, err := json.Marshal(event)
	if err != nil || string(text) != event.String() {
		t.Errorf("as JSON it is %s, %v", text, err)
	}
}
