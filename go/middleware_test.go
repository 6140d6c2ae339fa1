package scopeflow

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// What the vectors cannot say of middleware: goroutines, panics, and what Go's own types are.

func TestNextRunsInSeveralGoroutinesAtOnce(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	const attempts = 8
	err := r.RegisterToolExecutionIntercept("race", 0,
		func(ctx context.Context, _ string, request any, next NextFunc) (any, error) {
			var all sync.WaitGroup
			results := make([]any, attempts)
			for i := range attempts {
				all.Add(1)
				go func() {
					defer all.Done()
					results[i] = must(next(ctx, request))
				}()
			}
			all.Wait()
			return len(results), nil
		})
	if err != nil {
		t.Fatal(err)
	}
	var reached atomic.Int32
	target := func(_ context.Context, args any) (any, error) { reached.Add(1); return args, nil }
	result, err := r.ToolCallExecute(context.Background(), "x", 1, target)
	if result != attempts || err != nil || reached.Load() != attempts {
		t.Errorf("got %v, %v after %d attempts", result, err, reached.Load())
	}
	marks := slices.DeleteFunc(recorded.summary(), func(line string) bool { return line != "mark attempt" })
	if len(marks) != attempts-1 {
		t.Errorf("%d attempts were marked", len(marks))
	}
}

func TestNextWorksNoLongerOnceItsInterceptHasReturned(t *testing.T) {
	r := testRuntime(t)
	ends := map[string]func(){"return": func() {}, "panic": func() { panic("x") }}
	for how, end := range ends {
		var kept NextFunc
		err := r.RegisterToolExecutionIntercept(how, 0,
			func(_ context.Context, _ string, request any, next NextFunc) (any, error) {
				kept = next
				end()
				return request, nil
			})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = r.ToolCallExecute(context.Background(), "x", 1, echo)
		if _, err := kept(context.Background(), 1); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("next after a %s returned %v", how, err)
		}
		r.DeregisterToolExecutionIntercept(how)
	}
}

func TestASanitizerGetsACopyOfTypedContainers(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	err := r.RegisterToolSanitizeRequestGuardrail("clean", 0,
		func(_ context.Context, _ string, request any) (any, error) {
			members := request.(map[string][]int)
			members["a"][0] = 0
			delete(members, "b")
			return members, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	args := map[string][]int{"a": {1}, "b": {2}}
	result := must(r.ToolCallExecute(context.Background(), "x", args, echo))
	if !identical(result, args) || args["a"][0] != 1 || args["b"] == nil {
		t.Errorf("the caller's own object is %v", args)
	}
	if data := string(recorded.all()[0].Data()); data != `{"a":[0]}` {
		t.Errorf("the observers got %s", data)
	}
}

func TestAPrivateCopyKeepsAliasesAndCycles(t *testing.T) {
	shared := []any{1}
	root := map[string]any{"a": shared, "b": shared}
	root["self"] = root
	made := privateCopy(root).(map[string]any)
	a, b := made["a"].([]any), made["b"].([]any)
	if &a[0] != &b[0] || &a[0] == &shared[0] {
		t.Error("the alias is none, or not a copy")
	}
	if !identical(made["self"], made) || identical(made, root) {
		t.Error("the cycle leads elsewhere")
	}
}

func TestObserversGetNoCredentials(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	var seen []string
	err := r.RegisterLLMSanitizeRequestGuardrail("look", 0,
		func(_ context.Context, request *LLMRequest) (*LLMRequest, error) {
			for name := range request.Headers {
				seen = append(seen, name)
			}
			return request, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	request := &LLMRequest{Headers: map[string]any{"Authorization": "secret", "accept": "x"}, Content: 1}
	target := func(_ context.Context, got *LLMRequest) (any, error) { return got.Headers["Authorization"], nil }
	if result := must(r.LLMCallExecute(context.Background(), "gpt", request, target)); result != "secret" {
		t.Errorf("the target got %v", result)
	}
	if !slices.Equal(seen, []string{"accept"}) {
		t.Errorf("the sanitizer saw %v", seen)
	}
	if strings.Contains(recorded.all()[0].String(), "secret") {
		t.Errorf("the start is %s", recorded.all()[0])
	}
}

func TestAFailingSanitizerIsLogged(t *testing.T) {
	r := testRuntime(t)
	var log bytes.Buffer
	r.SetLogger(slog.New(slog.NewTextHandler(&log, nil)))
	record(t, r)
	err := r.RegisterToolSanitizeRequestGuardrail("clean", 0,
		func(context.Context, string, any) (any, error) { return nil, errors.New("boom") })
	if err != nil {
		t.Fatal(err)
	}
	must(r.ToolCallExecute(context.Background(), "x", 1, echo))
	if !strings.Contains(log.String(), "'clean' failed") || !strings.Contains(log.String(), "boom") {
		t.Errorf("the log is %s", &log)
	}
}

func TestAGateNamesItsRegistries(t *testing.T) {
	r := testRuntime(t)
	reason := "no"
	guard := func(context.Context, string, any) (*string, error) { return &reason, nil }
	off := func(context.Context, uint32, string) (*string, error) { return &reason, nil }
	bits := RegistryBits(RegistryToolConditionalExecutionGuardrail)
	if err := errors.Join(
		r.RegisterToolConditionalExecutionGuardrail("policy", 0, guard),
		r.RegisterConditionalMiddlewareGuardrail("gate", bits, "policy", off),
	); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ToolCallExecute(context.Background(), "x", 1, echo); err != nil {
		t.Errorf("the guard was not switched off: %v", err)
	}
}

// --- Streams ---

func stream(t *testing.T, r *Runtime, producer iter.Seq2[any, error], hooks LLMStreamHooks) *LLMStream {
	t.Helper()
	give := func(context.Context, *LLMRequest) (iter.Seq2[any, error], error) { return producer, nil }
	opened, err := r.LLMStreamCallExecute(
		context.Background(), "gpt", &LLMRequest{Content: "hi"}, give, hooks)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func TestLeavingTheLoopStopsTheProducer(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	stopped := false
	s := stream(t, r, func(yield func(any, error) bool) {
		defer func() { stopped = true }()
		for i := 0; yield(i, nil); i++ {
		}
	}, LLMStreamHooks{})
	for chunk, err := range s.All() {
		if err != nil {
			t.Fatal(err)
		}
		if chunk == 2 {
			break
		}
	}
	if !stopped || len(recorded.all()) != 2 {
		t.Errorf("stopped: %v, events: %v", stopped, recorded.summary())
	}
	if _, ok, err := s.Next(); ok || err != nil {
		t.Error("a stream that was closed goes on")
	}
}

func TestAProducerThatPanicsEndsItsStream(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	s := stream(t, r, func(yield func(any, error) bool) { panic("boom") }, LLMStreamHooks{})
	_, ok, err := s.Next()
	var panicked *PanicError
	if ok || !errors.As(err, &panicked) {
		t.Errorf("got %v, %v", ok, err)
	}
	if got := recorded.summary(); !slices.Equal(got, []string{"start gpt", "end gpt ERROR"}) {
		t.Errorf("got %v", got)
	}
}

func TestAStreamIsNotReadFromWithin(t *testing.T) {
	r := testRuntime(t)
	var s *LLMStream
	s = stream(t, r, func(yield func(any, error) bool) { yield(1, nil) }, LLMStreamHooks{
		Collector: func(any) error {
			if _, _, err := s.Next(); !errors.Is(err, ErrInvalidState) {
				t.Errorf("Next within Next returned %v", err)
			}
			return s.Close()
		},
	})
	if _, ok, err := s.Next(); ok || !errors.Is(err, ErrInvalidState) {
		t.Errorf("got %v, %v", ok, err)
	}
}

func TestAForgottenStreamIsAbandoned(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	var stopped atomic.Bool
	func() {
		s := stream(t, r, func(yield func(any, error) bool) {
			defer stopped.Store(true)
			for yield(1, nil) {
			}
		}, LLMStreamHooks{})
		_, _, _ = s.Next()
	}()
	collected(t, "the stream's end", func() bool {
		_ = r.Flush(context.Background())
		return stopped.Load() && len(recorded.all()) == 2
	})
	if end := metadataOf(recorded.all()[1]); end["error.type"] != "abandoned" {
		t.Errorf("the end says %v", end)
	}
}

func TestNothingIsLeftBehindByMiddlewareAndStreams(t *testing.T) {
	r := testRuntime(t)
	record(t, r)
	mark := []PendingMark{{Name: "m", Data: 1, Metadata: 2}}
	if err := errors.Join(
		r.RegisterToolRequestIntercept("a", 0, false, func(_ context.Context, _ string, request any) (any, error) {
			return InterceptOutcome{Result: request, PendingMarks: mark}, nil
		}),
		r.RegisterToolExecutionIntercept("b", 0,
			func(ctx context.Context, _ string, request any, next NextFunc) (any, error) {
				_, _ = next(ctx, 2)
				return next(ctx, request)
			}),
		r.RegisterEventMetadataInjector("c", 0, func(context.Context, *Event) (map[string]any, error) {
			return map[string]any{"k": 1}, nil
		}),
		r.RegisterMarkSanitizeGuardrail("d", 0,
			func(_ context.Context, _ *Event, fields *EventFields) (*EventFields, error) { return fields, nil }),
		r.RegisterLLMRequestIntercept("e", 0, false,
			func(_ context.Context, _ string, request *LLMRequest, _ any) (any, error) {
				return LLMRequestInterceptOutcome{Request: request, PendingMarks: mark}, nil
			}),
	); err != nil {
		t.Fatal(err)
	}
	work := func() {
		must(r.ToolCallExecute(context.Background(), "x", 1, echo))
		s := stream(t, r, func(yield func(any, error) bool) { yield(1, nil) }, LLMStreamHooks{
			Collector: func(any) error { return nil }, Finalizer: func() (any, error) { return 1, nil },
		})
		for range s.All() {
		}
		call := must(r.ToolCall(context.Background(), "x", 1))
		_ = r.ToolCallEnd(context.Background(), call, WithResponse(nil))
	}
	work()
	before := r.slots.used()
	for range 10 {
		work()
	}
	if after := r.slots.used(); after != before {
		t.Errorf("%d slots became %d", before, after)
	}
}
