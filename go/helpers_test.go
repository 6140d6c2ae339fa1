package scopeflow

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
)

// testRuntime makes a deterministic, canonical runtime that logs nowhere.
func testRuntime(t *testing.T, options ...RuntimeOption) *Runtime {
	t.Helper()
	flags := WithRuntimeFlags(RuntimeFlagDeterministic | RuntimeFlagCanonical)
	r, err := NewRuntime(append([]RuntimeOption{flags}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	r.SetLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	return r
}

// recorder keeps the events that it is subscribed to.
type recorder struct {
	mu     sync.Mutex
	events []*Event
}

func record(t *testing.T, r *Runtime) *recorder {
	t.Helper()
	recorded := new(recorder)
	err := r.RegisterSubscriber("recorder", func(_ context.Context, event *Event) {
		recorded.mu.Lock()
		defer recorded.mu.Unlock()
		recorded.events = append(recorded.events, event)
	})
	if err != nil {
		t.Fatal(err)
	}
	return recorded
}

func (r *recorder) all() []*Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events
}

// summary shows events as `start a`, `mark b`, `end a OK`.
func (r *recorder) summary() []string {
	var lines []string
	for _, event := range r.all() {
		line := event.ScopeCategory().String()
		if event.Kind() == EventKindMark {
			line = "mark"
		}
		line += " " + event.Name()
		if status := metadataOf(event)["otel.status_code"]; status != nil {
			line += " " + fmt.Sprint(status)
		}
		lines = append(lines, line)
	}
	return lines
}

func metadataOf(event *Event) map[string]any {
	var metadata map[string]any
	_ = json.Unmarshal(event.Metadata(), &metadata)
	return metadata
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func echo(_ context.Context, args any) (any, error) { return args, nil }
