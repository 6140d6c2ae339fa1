// Package scopeflowtest helps to test what an application does with scopeflow: a runtime of the test's
// own, with a deterministic clock and ids, and the events that it emitted.
//
//	func TestSearch(t *testing.T) {
//		ctx, events := scopeflowtest.New(t)
//		search(ctx, "x")
//		if want := []string{"start search", "end search"}; !slices.Equal(events.Names(), want) {
//			t.Errorf("got %v", events.Names())
//		}
//	}
//
// Two runs of the same program, on one goroutine at a time, emit the same bytes.
package scopeflowtest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

// ClockStart is the first reading of a test's clock.
var ClockStart = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// ClockStep is what passes between two readings.
const ClockStep = time.Millisecond

// New makes a runtime for a test, which closes it at its end. In the context the functions of package
// scopeflow act on that runtime; the events are all that it emits. What the runtime logs becomes the
// test's log.
//
// Options are those of [scopeflow.NewRuntime], and win over the test's own.
func New(t testing.TB, options ...scopeflow.RuntimeOption) (context.Context, *Events) {
	t.Helper()
	r := NewRuntime(t, options...)
	return scopeflow.WithRuntime(t.Context(), r), Capture(t, r)
}

// NewRuntime makes a deterministic runtime for a test, which closes it at its end.
func NewRuntime(t testing.TB, options ...scopeflow.RuntimeOption) *scopeflow.Runtime {
	t.Helper()
	own := []scopeflow.RuntimeOption{
		scopeflow.WithRuntimeFlags(scopeflow.RuntimeFlagDeterministic),
		scopeflow.WithClockStart(ClockStart.UnixNano()),
		scopeflow.WithClockStep(ClockStep.Nanoseconds()),
	}
	r, err := scopeflow.NewRuntime(append(own, options...)...)
	if err != nil {
		t.Fatalf("scopeflowtest: %v", err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("scopeflowtest: closing the runtime: %v", err)
		}
	})
	return r
}

// Capture subscribes to a runtime until the end of the test. The subscriber is called
// `scopeflowtest`; a second one on the same runtime fails the test.
func Capture(t testing.TB, r *scopeflow.Runtime) *Events {
	t.Helper()
	events := new(Events)
	if err := r.RegisterSubscriber("scopeflowtest", events.Add); err != nil {
		t.Fatalf("scopeflowtest: %v", err)
	}
	t.Cleanup(func() { r.DeregisterSubscriber("scopeflowtest") })
	return events
}

// Events are those that were emitted, in order. They may be used by any number of goroutines; the zero
// value is empty, and [Events.Add] is a subscriber.
type Events struct {
	mu     sync.Mutex
	events []*scopeflow.Event
}

// Add keeps an event: a [scopeflow.SubscriberFunc].
func (e *Events) Add(_ context.Context, event *scopeflow.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, event)
}

// All returns the events so far.
func (e *Events) All() []*scopeflow.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.events)
}

// Clear forgets the events so far.
func (e *Events) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = nil
}

// Names returns what was emitted: `start search`, `end search`, `mark cache miss`.
func (e *Events) Names() []string {
	var names []string
	for _, event := range e.All() {
		names = append(names, Phase(event)+" "+event.Name())
	}
	return names
}

// Lines returns the events as ATOF, a line each.
func (e *Events) Lines() []string {
	var lines []string
	for _, event := range e.All() {
		lines = append(lines, event.String())
	}
	return lines
}

// Find returns the first event of a phase and a name, `start`, `end` or `mark`; an empty phase is any.
// Without one the test ends, with what there is instead.
func (e *Events) Find(t testing.TB, phase, name string) *scopeflow.Event {
	t.Helper()
	for _, event := range e.All() {
		if event.Name() == name && (phase == "" || phase == Phase(event)) {
			return event
		}
	}
	t.Fatalf("scopeflowtest: no event %q among:\n%s",
		strings.TrimSpace(phase+" "+name), strings.Join(e.Names(), "\n"))
	return nil
}

// Phase is `start` or `end` of a scope or call, or `mark`.
func Phase(event *scopeflow.Event) string {
	if event.Kind() == scopeflow.EventKindMark {
		return "mark"
	}
	return event.ScopeCategory().String()
}
