package scopeflow

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
)

// Every exported function with what it must not be given: an error of its own, and no crash.
func TestWhatMustNotBeNilIsToldSo(t *testing.T) {
	r := testRuntime(t)
	ctx := context.Background()
	var none context.Context
	var noRuntime *Runtime
	var noScope *Scope
	request := new(LLMRequest)
	producer := func(context.Context, *LLMRequest) (iter.Seq2[any, error], error) { return nil, nil }
	answer := func(context.Context, *LLMRequest) (any, error) { return nil, nil }
	ignore := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"PushScope, context":       must2Push(r.PushScope(none, "a", ScopeTypeAgent)),
		"PushScope, runtime":       must2Push(noRuntime.PushScope(ctx, "a", ScopeTypeAgent)),
		"PopScope, scope":          r.PopScope(ctx, nil),
		"PopScope, context":        PopScope(none, nil),
		"Close of no scope":        noScope.Close(),
		"EmitEvent":                r.EmitEvent(none, "a"),
		"EmitMetric":               EmitMetric(none, "a", nil),
		"tool, context":            ignore(r.ToolCallExecute(none, "a", nil, echo)),
		"tool, function":           ignore(r.ToolCallExecute(ctx, "a", nil, nil)),
		"ToolCall":                 ignore(r.ToolCall(none, "a", nil)),
		"ToolCallEnd":              r.ToolCallEnd(ctx, nil),
		"ToolRequestIntercepts":    ignore(r.ToolRequestIntercepts(none, "a", nil)),
		"ToolConditionalExecution": r.ToolConditionalExecution(none, "a", nil),
		"LLM, context":             ignore(r.LLMCallExecute(none, "a", request, answer)),
		"LLM, request":             ignore(r.LLMCallExecute(ctx, "a", nil, answer)),
		"LLM, function":            ignore(r.LLMCallExecute(ctx, "a", request, nil)),
		"LLMCall":                  ignore(r.LLMCall(ctx, "a", nil)),
		"LLMCallEnd":               r.LLMCallEnd(ctx, nil),
		"stream, context":          ignore(r.LLMStreamCallExecute(none, "a", request, producer, LLMStreamHooks{})),
		"stream, request":          ignore(r.LLMStreamCallExecute(ctx, "a", nil, producer, LLMStreamHooks{})),
		"stream, producer":         ignore(r.LLMStreamCallExecute(ctx, "a", request, nil, LLMStreamHooks{})),
		"stream, chunks":           ignore(r.LLMStreamCallExecute(ctx, "a", request, producer, LLMStreamHooks{})),
		"RegisterSubscriber":       r.RegisterSubscriber("a", nil),
		"a scope's subscriber":     noScope.RegisterSubscriber("a", func(context.Context, *Event) {}),
		"Flush":                    r.Flush(none),
		"Close":                    noRuntime.Close(),
		"CapturePropagation":       ignore(r.CapturePropagation(none)),
		"WithNewRoot":              ignore(noRuntime.WithNewRoot(ctx)),
	} {
		if !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var noStream *LLMStream
	for _, err := range noStream.All() {
		if !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("the chunks of no stream: %v", err)
		}
	}
	if err := noStream.Close(); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("the Close of no stream: %v", err)
	}
	if noScope.Name() != "" || CurrentScope(none) != nil || noRuntime.DeregisterSubscriber("a") {
		t.Error("nothing at all has something")
	}
}

func must2Push(_ context.Context, _ *Scope, err error) error { return err }

// A context may be cancelled before, in and after any callback: each start has its end, and what the caller
// gets says so.
func TestACancelledContextAtEveryStepLeavesNoCallOpen(t *testing.T) {
	places := []string{"before", "guard", "intercept", "sanitizer", "execution", "target", "subscriber"}
	for _, place := range places {
		t.Run(place, func(t *testing.T) {
			r := testRuntime(t)
			recorded := record(t, r)
			ctx, cancel := context.WithCancel(context.Background())
			at := func(here string) {
				if here == place {
					cancel()
				}
			}
			must(0, r.RegisterToolConditionalExecutionGuardrail("g", 0,
				func(context.Context, string, any) (*string, error) { at("guard"); return nil, nil }))
			must(0, r.RegisterToolRequestIntercept("i", 0, false,
				func(_ context.Context, _ string, request any) (any, error) { at("intercept"); return request, nil }))
			must(0, r.RegisterToolSanitizeRequestGuardrail("s", 0,
				func(_ context.Context, _ string, request any) (any, error) { at("sanitizer"); return request, nil }))
			must(0, r.RegisterToolExecutionIntercept("e", 0,
				func(ctx context.Context, _ string, request any, next NextFunc) (any, error) {
					at("execution")
					return next(ctx, request)
				}))
			must(0, r.RegisterSubscriber("n", func(context.Context, *Event) { at("subscriber") }))
			at("before")
			_, err := r.ToolCallExecute(ctx, "t", 1, func(ctx context.Context, args any) (any, error) {
				at("target")
				return args, ctx.Err()
			})
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("the caller got %v", err)
			}
			wantNoOpenCall(t, recorded)
			if err == nil && (place == "before" || place == "target") {
				t.Error("the caller got no error")
			}
		})
	}
}

func wantNoOpenCall(t *testing.T, recorded *recorder) {
	t.Helper()
	open := 0
	for _, event := range recorded.all() {
		switch event.ScopeCategory() {
		case ScopeCategoryStart:
			open++
		case ScopeCategoryEnd:
			open--
		}
	}
	if open != 0 {
		t.Errorf("%d calls are open: %v", open, recorded.summary())
	}
}

// The same of LLM calls and of streams, whose producer and consumer look at the context.
func TestACancelledContextAtEveryStepLeavesNoStreamOpen(t *testing.T) {
	places := []string{
		"before", "guard", "intercept", "sanitizer", "execution", "producer", "chunk", "collector",
		"consumer", "finalizer", "subscriber", "target",
	}
	for _, place := range places {
		t.Run(place, func(t *testing.T) {
			r := testRuntime(t)
			recorded := record(t, r)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			at := func(here string) error {
				if here == place {
					cancel()
				}
				return ctx.Err()
			}
			must(0, r.RegisterLLMConditionalExecutionGuardrail("g", 0,
				func(context.Context, *LLMRequest) (*string, error) { _ = at("guard"); return nil, nil }))
			must(0, r.RegisterLLMRequestIntercept("i", 0, false,
				func(_ context.Context, _ string, request *LLMRequest, _ any) (any, error) {
					_ = at("intercept")
					return request, nil
				}))
			must(0, r.RegisterLLMSanitizeRequestGuardrail("s", 0,
				func(_ context.Context, request *LLMRequest) (*LLMRequest, error) { return request, at("sanitizer") }))
			must(0, r.RegisterLLMStreamExecutionIntercept("e", 0,
				func(ctx context.Context, _ string, request *LLMRequest, next LLMStreamNextFunc) (any, error) {
					_ = at("execution")
					return next(ctx, request)
				}))
			must(0, r.RegisterSubscriber("n", func(context.Context, *Event) { _ = at("subscriber") }))
			_ = at("before")

			_, err := r.LLMCallExecute(ctx, "m", new(LLMRequest),
				func(ctx context.Context, _ *LLMRequest) (any, error) { return 1, at("target") })
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("the caller of the model got %v", err)
			}
			producer := func(context.Context, *LLMRequest) (iter.Seq2[any, error], error) {
				return func(yield func(any, error) bool) {
					for {
						if err := at("chunk"); err != nil {
							yield(nil, err)
							return
						}
						if !yield(1, nil) {
							return
						}
					}
				}, at("producer")
			}
			stream, err := r.LLMStreamCallExecute(ctx, "s", new(LLMRequest), producer, LLMStreamHooks{
				Collector: func(any) error { return at("collector") },
				Finalizer: func() (any, error) { _ = at("finalizer"); return 2, nil },
			})
			count := 0
			if err == nil {
				for _, err = range stream.All() {
					if count++; err != nil || count == 3 {
						break
					}
					_ = at("consumer")
				}
			}
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("the consumer got %v", err)
			}
			if err == nil && place != "finalizer" {
				t.Errorf("the consumer got no error but %d chunks", count)
			}
			wantNoOpenCall(t, recorded)
		})
	}
}

// Whether middleware has made a request, the core asks of large ones too.
func TestALargeRequestOfAnInterceptIsARequest(t *testing.T) {
	r := testRuntime(t)
	large := map[string]any{"text": strings.Repeat("x", 1<<16), "parts": []any{1, 2, 3}}
	must(0, r.RegisterLLMRequestIntercept("i", 0, false,
		func(_ context.Context, _ string, request *LLMRequest, _ any) (any, error) {
			return &LLMRequest{Headers: request.Headers, Content: large}, nil
		}))
	must(0, r.RegisterToolRequestIntercept("i", 0, false,
		func(context.Context, string, any) (any, error) { return large, nil }))
	ctx := context.Background()
	answer := func(_ context.Context, request *LLMRequest) (any, error) {
		return len(request.Content.(map[string]any)), nil
	}
	if got, err := r.LLMCallExecute(ctx, "m", new(LLMRequest), answer); err != nil || got != 2 {
		t.Errorf("the call gave %v, %v", got, err)
	}
	if _, err := r.ToolCallExecute(ctx, "t", 1, echo); err != nil {
		t.Error(err)
	}
}

// A keeper is used again once its scope has ended, and still tells of a scope that is forgotten.
func TestAScopeIsForgottenWithAKeeperThatHadAnotherOne(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx := context.Background()
	for range 100 {
		_, scope, err := r.PushScope(ctx, "closed", ScopeTypeAgent)
		if err != nil || scope.Close() != nil {
			t.Fatal(err)
		}
	}
	func() {
		if _, _, err := r.PushScope(ctx, "forgotten", ScopeTypeAgent); err != nil {
			t.Fatal(err)
		}
	}()
	collected(t, "the end of the scope", func() bool {
		if err := r.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		return len(recorded.all()) == 202
	})
	if count := must(r.ReadStats()).AbandonedScopeCount; count != 1 {
		t.Errorf("%d scopes were abandoned", count)
	}
}

func TestAClosedRuntimeRefusesAllThatEmits(t *testing.T) {
	r := testRuntime(t)
	ctx, scope, _ := r.PushScope(context.Background(), "a", ScopeTypeAgent)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	ignore := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"PushScope": must2Push(r.PushScope(ctx, "b", ScopeTypeAgent)), "EmitEvent": r.EmitEvent(ctx, "b"),
		"tool":     ignore(r.ToolCallExecute(ctx, "b", nil, echo)),
		"register": r.RegisterSubscriber("b", func(context.Context, *Event) {}),
		"root":     ignore(r.WithNewRoot(ctx)),
	} {
		if !errors.Is(err, ErrInvalidState) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := scope.Close(); !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrInvalidState) {
		t.Errorf("the scope's Close: %v", err)
	}
}
