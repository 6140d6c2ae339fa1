//go:build cgo

package scopeflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/scopeflow/scopeflow/go/internal/natives"
)

// What middleware in C makes of events and streams, and what becomes of its failures.

// --- Events ---

func TestASanitizerInCRedacts(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	native(t, r, RegistryToolSanitizeRequestGuardrail, natives.Callable{Act: natives.Mask})
	native(t, r, RegistryToolSanitizeResponseGuardrail, natives.Callable{Act: natives.Replace, Text: `"***"`})
	request := object("card", "4111 11", "n", 1)
	if got := callTool(t, r, request); !identical(got, request) || request["card"] != "4111 11" {
		t.Errorf("got %v", got)
	}
	events := recorded.all()
	if got := string(events[0].Data()) + string(events[1].Data()); got != `{"card":"**** **","n":1}"***"` {
		t.Errorf("observers saw %s", got)
	}
}

func TestSanitizersInCSeeNoCredentials(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	native(t, r, RegistryLLMSanitizeRequestGuardrail, natives.Callable{
		Act: natives.Replace, Text: `{"headers":{"Cookie":"again"},"content":%}`,
	})
	request := &LLMRequest{Headers: object("Authorization", "k", "x", "y"), Content: "hi"}
	_, err := r.LLMCallExecute(t.Context(), "m", request,
		func(context.Context, *LLMRequest) (any, error) { return 1, nil })
	seen := `{"content":{"content":"hi","headers":{"x":"y"}},"headers":{}}`
	if got := string(recorded.all()[0].Data()); err != nil || got != seen {
		t.Errorf("observers saw %s, %v", got, err)
	}
}

func TestEventsAreSanitizedLabelledAndHeardInC(t *testing.T) {
	r := testRuntime(t)
	native(t, r, RegistryEventMetadataInjector, natives.Callable{Act: natives.Replace, Text: `{"zone":"eu"}`})
	native(t, r, RegistryMarkSanitizeGuardrail, natives.Callable{Act: natives.Mask})
	var heard []string
	native(t, r, RegistrySubscriber, natives.Callable{
		Ask: func(i *natives.Invocation) { heard = append(heard, i.JSON()) },
	})
	recorded := record(t, r)
	if err := r.EmitEvent(t.Context(), "seen", WithData("card 4111")); err != nil {
		t.Fatal(err)
	}
	event := recorded.all()[0]
	if string(event.Data()) != `"card ****"` || metadataOf(event)["zone"] != "eu" {
		t.Errorf("the event is %s", event)
	}
	if !slices.Equal(heard, []string{event.String()}) {
		t.Errorf("C heard %v", heard)
	}
}

func TestASubscriberInCCountsUnderManyGoroutines(t *testing.T) {
	r := testRuntime(t)
	counter := native(t, r, RegistrySubscriber, natives.Callable{Act: natives.Look})
	guard := native(t, r, RegistryToolConditionalExecutionGuardrail, natives.Callable{Act: natives.Look})
	native(t, r, RegistryToolRequestIntercept, natives.Callable{Act: natives.Replace, Text: "[%]"})
	native(t, r, RegistryToolExecutionIntercept, natives.Callable{Act: natives.Retry, Retries: 1})
	const goroutines, rounds = 32, 25
	var group sync.WaitGroup
	for i := range goroutines {
		group.Add(1)
		go func() {
			defer group.Done()
			for range rounds {
				if err := failOnce(t.Context(), r, i); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	group.Wait()
	calls := goroutines * rounds
	if counter.Runs() != 3*calls || guard.Runs() != calls { // Start, attempt, end.
		t.Errorf("%d events and %d calls in %d", counter.Runs(), guard.Runs(), calls)
	}
}

// failOnce calls a tool that fails at first.
func failOnce(ctx context.Context, r *Runtime, n int) error {
	attempts := 0
	result, err := r.ToolCallExecute(ctx, "search", n, func(_ context.Context, args any) (any, error) {
		if attempts++; attempts == 1 {
			return nil, errors.New("not yet")
		}
		return args, nil
	})
	expected := []any{json.Number(strconv.Itoa(n))}
	if err == nil && !reflect.DeepEqual(result, expected) {
		return errors.New("another call's result came back")
	}
	return err
}

// --- Streams ---

func TestMiddlewareInCAroundAStream(t *testing.T) {
	r := testRuntime(t)
	counter := native(t, r, RegistrySubscriber, natives.Callable{Act: natives.Look})
	recorded := record(t, r)
	native(t, r, RegistryLLMRequestIntercept, natives.Callable{
		Act: natives.Replace, Text: `{"headers":{},"content":"1 card"}`,
	})
	native(t, r, RegistryLLMSanitizeRequestGuardrail, natives.Callable{Act: natives.Mask})
	native(t, r, RegistryLLMSanitizeResponseGuardrail, natives.Callable{Act: natives.Mask})
	call := native(t, r, RegistryLLMExecutionIntercept, natives.Callable{Act: natives.Look})
	var chunks []any
	finalizer := func() (any, error) { return "4111", nil }
	for chunk, err := range stream(t, r, twoChunks, LLMStreamHooks{Finalizer: finalizer}).All() {
		if err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, chunk)
	}
	if !slices.Equal(chunks, []any{"a", "b"}) || counter.Runs() != 2 || call.Runs() != 0 {
		t.Errorf("got %v, %d events, %d runs around no call", chunks, counter.Runs(), call.Runs())
	}
	start, end := recorded.all()[0], recorded.all()[1]
	if got := string(start.Data()) + string(end.Data()); got != `{"content":"* card","headers":{}}"****"` {
		t.Errorf("observers saw %s", got)
	}
}

// --- Failures ---

func TestAFailureInCIsAnErrorOfThePackage(t *testing.T) {
	for expected, c := range map[*error]natives.Callable{
		&ErrPluginError:       {Act: natives.Fail, Text: "no rules"},
		&ErrLimitExceeded:     {Act: natives.Fail, Text: "99 are too many", Status: int32(StatusLimitExceeded)},
		&ErrGuardrailRejected: {Act: natives.Fail, Text: "not here", Status: int32(StatusGuardrailRejected)},
		&ErrInvalidJSON:       {Act: natives.Replace, Text: `{"a":`},
	} {
		r := testRuntime(t)
		recorded := record(t, r)
		native(t, r, RegistryToolRequestIntercept, c)
		result, err := r.ToolCallExecute(t.Context(), "search", 1, echo)
		if result != nil || !errors.Is(err, *expected) {
			t.Errorf("got %v, %v instead of %v", result, err, *expected)
		}
		told := `"message":` + string(must(json.Marshal(err.Error()))) + `,"type":"` + errorTypeOf(statusOf(err))
		if data := string(recorded.all()[0].Data()); !strings.Contains(data, told) {
			t.Errorf("the mark of %v says %s", err, data)
		}
	}
}

func TestATextOfAFailureInCComesAsItIs(t *testing.T) {
	r := testRuntime(t)
	for text, c := range map[string]natives.Callable{
		"plugin error: no rules":      {Act: natives.Fail, Text: "no rules"},
		"guardrail rejected: not now": {Act: natives.Fail, Text: "not now", Status: int32(StatusGuardrailRejected)},
	} {
		native(t, r, RegistryToolConditionalExecutionGuardrail, c)
		var rejected *GuardrailRejectedError
		_, err := r.ToolCallExecute(t.Context(), "search", 1, echo)
		if err == nil || err.Error() != text || errors.As(err, &rejected) && rejected.Reason != "not now" {
			t.Errorf("got %v instead of %s", err, text)
		}
		r.DeregisterToolConditionalExecutionGuardrail("n")
	}
}

func TestASanitizerInCWhoseJSONIsWrongLetsNothingThrough(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	native(t, r, RegistryToolSanitizeRequestGuardrail, natives.Callable{Act: natives.Replace, Text: "[%"})
	callTool(t, r, object("card", "4111"))
	start := recorded.all()[0]
	if string(start.Data()) != "null" || metadataOf(start)["sanitize.failed"] != "n" {
		t.Errorf("the start is %s", start)
	}
}

func TestAFailingSubscriberInCIsCountedAndLogged(t *testing.T) {
	r := testRuntime(t)
	var log bytes.Buffer
	r.SetLogger(slog.New(slog.NewTextHandler(&log, nil)))
	native(t, r, RegistrySubscriber, natives.Callable{Act: natives.Fail, Text: "disk full"})
	if err := r.EmitEvent(t.Context(), "seen"); err != nil {
		t.Fatal(err)
	}
	if must(r.ReadStats()).SubscriberErrorCount != 1 || !strings.Contains(log.String(), "disk full") {
		t.Errorf("the log says %s", log.String())
	}
}

func TestWhatCannotBeRegistered(t *testing.T) {
	r, closed := testRuntime(t), testRuntime(t)
	_, ended, _ := r.PushScope(t.Context(), "a", ScopeTypeAgent)
	if err := errors.Join(closed.Close(), ended.Close()); err != nil {
		t.Fatal(err)
	}
	guard := natives.Callable{Registry: int32(RegistryToolConditionalExecutionGuardrail), Name: "n"}
	stream := natives.Callable{Registry: int32(RegistryLLMStreamExecutionIntercept), Name: "n"}
	_, first := registerNatively(r, guard)
	_, again := registerNatively(r, guard)
	inGo := r.RegisterToolConditionalExecutionGuardrail("n", 0,
		func(context.Context, string, any) (*string, error) { return nil, nil })
	_, onClosed := registerNatively(closed, guard)
	_, onEnded := registerNatively(ended, guard)
	_, ofStream := registerNatively(r, stream)
	_, onNobody := registerNatively((*Runtime)(nil), guard)
	_, inNothing := registerNatively((*Scope)(nil), guard)
	for i, pair := range [][2]error{
		{again, ErrAlreadyExists}, {inGo, ErrAlreadyExists}, {onClosed, ErrInvalidState},
		{onEnded, ErrNotFound}, {ofStream, ErrInvalidArgument}, {onNobody, ErrInvalidArgument},
		{inNothing, ErrInvalidArgument},
	} {
		if first != nil || !errors.Is(pair[0], pair[1]) {
			t.Errorf("%d: got %v instead of %v", i, pair[0], pair[1])
		}
	}
}
