package scopeflow

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

func TestATraceGoesOnInAnotherProcess(t *testing.T) {
	here, there := testRuntime(t), testRuntime(t)
	if _, err := here.CapturePropagation(context.Background()); !errors.Is(err, ErrInvalidState) {
		t.Errorf("a context without a trace was captured: %v", err)
	}
	ctx, turn, _ := here.PushScope(context.Background(), "turn", ScopeTypeAgent)
	defer turn.Close()
	captured, err := here.CapturePropagation(ctx)
	if err != nil || captured.ParentUUID != turn.UUID() || *captured.RootUUID != turn.UUID() {
		t.Fatalf("captured %v, %v", captured, err)
	}
	header, err := here.CaptureTraceparent(ctx)
	if err != nil || !strings.HasPrefix(header, "00-") || !strings.HasSuffix(header, "-01") {
		t.Fatalf("traceparent is %q, %v", header, err)
	}
	if made, err := captured.Traceparent(); err != nil || made != header {
		t.Errorf("the captured context's header is %q instead of %q, %v", made, header, err)
	}

	got, err := ParsePropagation(captured.String())
	if err != nil || got.ParentUUID != captured.ParentUUID || *got.RootUUID != *captured.RootUUID {
		t.Fatalf("parsed %v, %v", got, err)
	}
	rootless := PropagationContext{ParentUUID: turn.UUID()}
	if got, err = ParsePropagation(rootless.String()); err != nil || got.RootUUID != nil {
		t.Errorf("parsed %v, %v", got, err)
	}
	for name, adopt := range map[string]func(context.Context) (context.Context, error){
		"JSON": func(ctx context.Context) (context.Context, error) {
			return there.WithPropagation(ctx, captured)
		},
		"traceparent": func(ctx context.Context) (context.Context, error) {
			return there.WithTraceparent(ctx, header)
		},
	} {
		type key struct{}
		ctx, err := adopt(context.WithValue(context.Background(), key{}, "kept"))
		if err != nil || ctx.Value(key{}) != "kept" {
			t.Fatalf("%s: %v, %v", name, ctx, err)
		}
		_, child, _ := there.PushScope(ctx, "elsewhere", ScopeTypeFunction)
		if got := child.ParentUUID(); [8]byte(got[8:]) != [8]byte(captured.ParentUUID[8:]) {
			t.Errorf("%s: the parent is %v", name, got)
		}
		child.Close()
	}
}

func TestAPropagatedTextThatIsNoneIsToldAndTheContextStays(t *testing.T) {
	r := testRuntime(t)
	ctx := context.Background()
	for text, want := range map[string]error{
		"":                        ErrInvalidJSON,
		"{":                       ErrInvalidJSON,
		`{"version":1}`:           ErrInvalidArgument,
		"00-zz-1-01":              ErrInvalidArgument,
		strings.Repeat(" ", 5000): ErrLimitExceeded,
	} {
		got, err := r.WithTraceparent(ctx, text)
		if !errors.Is(err, want) || got != ctx {
			t.Errorf("%.20q: %v instead of %v", text, err, want)
		}
		if _, err := ParsePropagation(text); !errors.Is(err, want) {
			t.Errorf("ParsePropagation(%.20q): %v instead of %v", text, err, want)
		}
	}
	zeros := PropagationContext{ParentUUID: UUID{1}}
	if text, err := zeros.Traceparent(); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("a span id of zeros made %q, %v", text, err)
	}
	var none context.Context
	if _, err := r.WithPropagation(none, zeros); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("a nil context: %v", err)
	}
}

func TestANewRootHasItsOwnID(t *testing.T) {
	r := testRuntime(t)
	shared, _ := r.Root()
	ctx, err := r.WithNewRoot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	_, scope, _ := r.PushScope(ctx, "work", ScopeTypeAgent)
	defer scope.Close()
	if scope.ParentUUID() != CurrentScope(ctx).UUID() || scope.ParentUUID() == shared.UUID() {
		t.Error("the scope stands under the shared root")
	}
}

func TestRegistrationsAreListedByTheirOwner(t *testing.T) {
	r := testRuntime(t)
	ctx, scope, _ := r.PushScope(context.Background(), "turn", ScopeTypeAgent)
	_ = ctx
	must(0, r.RegisterSubscriber("s", func(context.Context, *Event) {}))
	must(0, r.RegisterToolRequestIntercept("i", 7, true,
		func(_ context.Context, _ string, request any) (any, error) { return request, nil }))
	must(0, scope.RegisterSubscriber("own", func(context.Context, *Event) {}))
	listed, err := r.Registrations()
	if err != nil || len(listed) != 2 {
		t.Fatalf("listed %v, %v", listed, err)
	}
	want := RegistrationInfo{Registry: RegistryToolRequestIntercept, Name: "i", Priority: 7, BreaksChain: true}
	if listed[0].Name != "s" || listed[1] != want {
		t.Errorf("listed %v", listed)
	}
	scope.Close()
	if listed, err = scope.Registrations(); err != nil || len(listed) != 1 || listed[0].Name != "own" {
		t.Errorf("the scope has %v, %v", listed, err)
	}
	if _, err = (*Runtime)(nil).Registrations(); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("a nil runtime: %v", err)
	}
	if _, err = (*Scope)(nil).Registrations(); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("a nil scope: %v", err)
	}
}

func TestTheLastErrorsAreKeptNewestFirst(t *testing.T) {
	r := testRuntime(t)
	if got := r.LastErrors(); len(got) != 0 {
		t.Errorf("a new runtime has %v", got)
	}
	must(0, r.RegisterSubscriber("bad", func(context.Context, *Event) { panic("no") }))
	must(0, r.EmitEvent(context.Background(), "a"))
	must(0, r.EmitEvent(context.Background(), "b"))
	got := r.LastErrors()
	if len(got) != 2 || !strings.Contains(got[0].Error(), "bad") {
		t.Errorf("last errors are %v", got)
	}
	for i := range 8 {
		must(0, r.EmitEvent(context.Background(), "c"+strconv.Itoa(i)))
	}
	if got = r.LastErrors(); len(got) != 8 {
		t.Errorf("%d errors are kept", len(got))
	}
	if !errors.Is(got[0], ErrInternal) {
		t.Errorf("the last error is %v", got[0])
	}
}

func TestAMarksSeverityJoinsItsMetadata(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx := context.Background()
	must(0, r.EmitEvent(ctx, "a", WithSeverity(slog.LevelWarn), WithMetadata(map[string]any{"k": 1})))
	must(0, r.EmitEvent(ctx, "b", WithMetadata(json.RawMessage(`{"k":1}`)), WithSeverity(LevelTrace)))
	must(0, r.EmitEvent(ctx, "c", WithSeverity(slog.LevelInfo+1)))
	must(0, r.EmitEvent(ctx, "d"))
	for i, want := range []slog.Level{slog.LevelWarn, LevelTrace, slog.LevelInfo} {
		if level, isKnown := recorded.events[i].Severity(); !isKnown || level != want {
			t.Errorf("%s is %v, %v", recorded.events[i].Name(), level, isKnown)
		}
	}
	if got := string(recorded.events[0].Metadata()); got != `{"k":1,"nemo_relay.log.severity":"warn"}` {
		t.Errorf("metadata is %s", got)
	}
	if _, isKnown := recorded.events[3].Severity(); isKnown {
		t.Error("a mark without a severity has one")
	}
	for _, metadata := range []any{1, json.RawMessage("[]"), json.RawMessage("null")} {
		err := r.EmitEvent(ctx, "e", WithMetadata(metadata), WithSeverity(slog.LevelError))
		if !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("metadata %v: %v", metadata, err)
		}
	}
}

func TestAMetricIsCheckedBeforeItIsEmitted(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx := context.Background()
	good := MetricMeasurement{Name: "llm.tokens", Kind: MetricKindCounter, ValueType: MetricValueTypeU64, Value: 812}
	must(0, r.EmitMetric(ctx, "tokens", []MetricMeasurement{good}, WithSeverity(slog.LevelInfo)))
	want := `{"measurements":[{"kind":"counter","name":"llm.tokens","value":812,"value_type":"u64"}]}`
	if got := string(recorded.events[0].Data()); got != want {
		t.Errorf("data is %s", got)
	}
	want = `{"name":"nemo.relay.metric_measurements","version":"1"}`
	if got := string(recorded.events[0].DataSchema()); got != want {
		t.Errorf("the schema is %s", got)
	}
	change := func(edit func(*MetricMeasurement)) []MetricMeasurement {
		made := good
		edit(&made)
		return []MetricMeasurement{made}
	}
	for problem, measurements := range map[string][]MetricMeasurement{
		"at least one":  nil,
		"Name must":     change(func(m *MetricMeasurement) { m.Name = "1x" }),
		"Kind must":     change(func(m *MetricMeasurement) { m.Kind = "sum" }),
		"ValueType of":  change(func(m *MetricMeasurement) { m.ValueType = MetricValueTypeI64 }),
		"0 or more":     change(func(m *MetricMeasurement) { m.Value = -1 }),
		"must not be":   change(func(m *MetricMeasurement) { m.Value = "1" }),
		"at most 92233": change(func(m *MetricMeasurement) { m.Value = ^uint64(0) }),
		"Unit must":     change(func(m *MetricMeasurement) { m.Unit = "é" }),
		"attribute": change(func(m *MetricMeasurement) {
			m.Attributes = map[string]any{"a": []any{1, "b"}}
		}),
		"Boundaries are":    change(func(m *MetricMeasurement) { m.Boundaries = []float64{1} }),
		"stands here twice": append(change(func(m *MetricMeasurement) { m.Unit = "1" }), good),
	} {
		err := r.EmitMetric(ctx, "tokens", measurements)
		if !errors.Is(err, ErrInvalidArgument) || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v", problem, err)
		}
	}
	if len(recorded.events) != 1 {
		t.Errorf("%d events were emitted", len(recorded.events))
	}
}

func TestALogRecordIsAMark(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx, scope, _ := r.PushScope(context.Background(), "turn", ScopeTypeAgent)
	var text strings.Builder
	logger := slog.New(NewLogHandler(slog.NewTextHandler(&text, nil))).With("a", 1).WithGroup("g").With("b", 2)
	logger.WarnContext(ctx, "disk full", "c", errors.New("no space"), slog.Group("d", "e", true))
	scope.Close()
	mark := recorded.events[1]
	if mark.Name() != "disk full" || mark.ParentUUID() != scope.UUID() {
		t.Errorf("emitted %s", mark)
	}
	if got := string(mark.Data()); got != `{"a":1,"g":{"b":2,"c":"no space","d":{"e":true}}}` {
		t.Errorf("data is %s", got)
	}
	if level, _ := mark.Severity(); level != slog.LevelWarn || !strings.Contains(text.String(), "g.b=2") {
		t.Errorf("severity is %v, and the next handler wrote %q", level, text.String())
	}
}

func TestTypedLLMCallsSeeWhatMiddlewareMade(t *testing.T) {
	type prompt struct {
		Text string `json:"text"`
	}
	r := testRuntime(t)
	ctx := WithRuntime(context.Background(), r)
	must(0, r.RegisterLLMRequestIntercept("i", 0, false,
		func(_ context.Context, _ string, request *LLMRequest, _ any) (any, error) {
			return &LLMRequest{Headers: request.Headers, Content: map[string]any{"text": "edited"}}, nil
		}))
	request := &TypedLLMRequest[prompt]{Content: prompt{"given"}}
	answer, err := ExecuteLLM(ctx, "model", request,
		func(_ context.Context, request *TypedLLMRequest[prompt]) (string, error) {
			return request.Content.Text, nil
		})
	if answer != "edited" || err != nil {
		t.Errorf("the call gave %q, %v", answer, err)
	}
	chunks := func(_ context.Context, request *TypedLLMRequest[prompt]) (iter.Seq2[int, error], error) {
		return func(yield func(int, error) bool) {
			for i := range 3 {
				if !yield(i*len(request.Content.Text), nil) {
					return
				}
			}
		}, nil
	}
	var got []int
	for chunk, err := range StreamLLM(ctx, "model", request, chunks, LLMStreamHooks{}) {
		must(0, err)
		got = append(got, chunk)
	}
	if !slices.Equal(got, []int{0, 6, 12}) {
		t.Errorf("the stream gave %v", got)
	}
	for _, err := range StreamLLM[prompt, int](ctx, "model", nil, nil, LLMStreamHooks{}) {
		if !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("a nil request: %v", err)
		}
	}
	if _, err := ExecuteLLM[prompt, string](ctx, "model", request, nil); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("a nil function: %v", err)
	}
}

func TestWhatAScopeIsGivenToKeepStaysWithIt(t *testing.T) {
	r := testRuntime(t)
	ctx := context.Background()
	kept := new(int)
	_, scope, _ := r.PushScope(ctx, "s", ScopeTypeAgent, WithData(kept),
		WithScopeAttributes(ScopeAttributeParallel))
	tool, _ := r.ToolCall(ctx, "t", nil, WithData(kept))
	if scope.Data() != kept || tool.Data() != kept || (*Scope)(nil).Data() != nil {
		t.Error("the data got lost")
	}
	if scope.Attributes() != uint32(ScopeAttributeParallel) {
		t.Errorf("attributes are %d", scope.Attributes())
	}
	scope.Close()
	tool.Close()
}

func TestAnEventFileIsReadAsItWasWritten(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx, scope, _ := r.PushScope(context.Background(), "turn", ScopeTypeCustom, WithSubtype("x"), WithInput(1),
		WithScopeAttributes(ScopeAttributeParallel|ScopeAttributeRelocatable))
	_, err := r.ToolCallExecute(ctx, "search", "q", func(context.Context, any) (any, error) { return 2, nil },
		WithToolCallID("c1"), WithToolAttributes(ToolAttributeRemote))
	must(0, err)
	must(0, r.EmitEvent(ctx, "m", WithSeverity(slog.LevelError)))
	scope.Close()

	var file strings.Builder
	for _, event := range recorded.events {
		file.WriteString(event.String() + "\r\n\n")
	}
	var got []*Event
	for event, err := range ReadAtof(iotest.OneByteReader(strings.NewReader(file.String()))) {
		must(0, err)
		got = append(got, event)
	}
	if len(got) != len(recorded.events) {
		t.Fatalf("read %d of %d events", len(got), len(recorded.events))
	}
	for i, event := range got {
		if want := recorded.events[i]; event.info != want.info || event.line != want.line ||
			event.data != want.data || event.metadata != want.metadata || event.profile != want.profile {
			t.Errorf("read %+v\ninstead of %+v", event, want)
		}
	}
	start := got[0]
	if start.Subtype() != "x" || string(start.Input()) != "1" || start.Output() != nil || start.ATOFVersion() != "0.1" {
		t.Errorf("the start has %q, %s, %s, %q", start.Subtype(), start.Input(), start.Output(), start.ATOFVersion())
	}
	if got[1].ToolCallID() != "c1" || !slices.Equal(start.AttributeNames(), []string{"parallel", "relocatable"}) {
		t.Errorf("read %q and %v", got[1].ToolCallID(), start.AttributeNames())
	}
}

func TestABadLineOfAnEventFileIsToldAndPassedOver(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	must(0, r.EmitEvent(context.Background(), "m"))
	line := recorded.events[0].String()
	file := line + "\n{\"kind\":7}\nnot json\n" + line
	var names []string
	for event, err := range ReadAtof(strings.NewReader(file)) {
		var bad *AtofLineError
		switch {
		case err == nil:
			names = append(names, event.Name())
		case errors.As(err, &bad):
			names = append(names, bad.Line)
			if !errors.Is(err, ErrInvalidArgument) && !errors.Is(err, ErrInvalidJSON) {
				t.Errorf("line %d: %v", bad.LineNumber, err)
			}
		default:
			t.Fatal(err)
		}
	}
	if want := []string{"m", `{"kind":7}`, "not json", "m"}; !slices.Equal(names, want) {
		t.Errorf("read %q", names)
	}
	for _, err := range ReadAtof(iotest.ErrReader(io.ErrClosedPipe)) {
		if err != io.ErrClosedPipe {
			t.Errorf("a failing input: %v", err)
		}
	}
	for _, err := range ReadAtof(nil) {
		if !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("a nil input: %v", err)
		}
	}
	for _, err := range ReadAtof(strings.NewReader(file), WithLineLimit(1)) {
		if !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("a limit of 1: %v", err)
		}
	}
}

func TestAUUIDIsReadAsItIsWritten(t *testing.T) {
	want := UUID{0x01, 0x9b, 15: 0xff}
	var got UUID
	if err := json.Unmarshal(must(json.Marshal(want)), &got); err != nil || got != want {
		t.Errorf("read %v, %v", got, err)
	}
	for _, text := range []string{"", "x", strings.Repeat("0", 36), strings.Replace(want.String(), "f", "g", 1)} {
		if _, err := ParseUUID(text); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
