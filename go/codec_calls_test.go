package scopeflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"testing"
)

// What calls do with the core's codecs (S2.8, S4.11).

var (
	chatText = json.RawMessage(`{"messages": [{"role":"user","content":"hi"}], "model":"gpt-4o","stream":true}`)
	saidText = json.RawMessage(`{"model":"gpt-4o",` +
		`"choices":[{"message":{"content":"Hello!"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":7,"completion_tokens":4,"total_tokens":11}}`)
)

func chatRequest(content any) *LLMRequest {
	return &LLMRequest{Headers: map[string]any{}, Content: content}
}

func answering(response any) LLMFunc {
	return func(context.Context, *LLMRequest) (any, error) { return response, nil }
}

// askedCodec counts how often it is asked, and is none of the core's own.
type askedCodec struct {
	ProviderCodec
	count *int
}

func (a askedCodec) DecodeResponse(ctx context.Context, response any) (any, error) {
	*a.count++
	annotated, err := a.AnnotateResponse(ctx, response)
	annotated.Extra = map[string]any{"mine": true}
	return annotated, err
}

func annotatedRequest(t *testing.T, event *Event) (annotated *AnnotatedLLMRequest) {
	t.Helper()
	if text := event.AnnotatedRequest(); text == nil {
		t.Fatalf("there is no annotated request in %s", event)
	} else if err := json.Unmarshal(text, &annotated); err != nil {
		t.Fatal(err)
	}
	return annotated
}

func annotatedResponse(t *testing.T, event *Event) (annotated *AnnotatedLLMResponse) {
	t.Helper()
	if text := event.AnnotatedResponse(); text == nil {
		t.Fatalf("there is no annotated response in %s", event)
	} else if err := json.Unmarshal(text, &annotated); err != nil {
		t.Fatal(err)
	}
	return annotated
}

func TestACodecOfTheCoreAnnotatesAndNamesTheModel(t *testing.T) {
	for _, codec := range []ProviderCodec{AutoCodec, OpenAIChatCodec} {
		for form, content := range codecContents {
			r := testRuntime(t)
			recorded := record(t, r)
			response := content(saidText)
			got, err := r.LLMCallExecute(context.Background(), "openai", chatRequest(content(chatText)),
				answering(response), WithCodec(codec), WithResponseCodec(codec))
			if err != nil || !identical(got, response) {
				t.Fatalf("%v of %s: %v, %v", codec, form, got, err)
			}
			start, end := recorded.all()[0], recorded.all()[1]
			asked, said := annotatedRequest(t, start), annotatedResponse(t, end)
			if start.ModelName() != "gpt-4o" || asked.LastUserMessage() != "hi" || asked.Extra["stream"] != true {
				t.Errorf("%v of %s: it starts as %s", codec, form, start)
			}
			if said.ResponseText() != "Hello!" || said.FinishReason != "complete" || *said.Usage.TotalTokens != 11 {
				t.Errorf("%v of %s: it ends as %s", codec, form, end)
			}
		}
	}
}

func TestTheCoreAsksNobodyForItsOwnCodecs(t *testing.T) {
	count := 0
	r := testRuntime(t)
	call := func(codec ResponseCodec) {
		_, err := r.LLMCallExecute(context.Background(), "m", chatRequest(chatText), answering(saidText),
			WithResponseCodec(codec))
		if err != nil {
			t.Fatal(err)
		}
	}
	own := askedCodec{OpenAIChatCodec, &count}
	call(own)
	if count != 0 {
		t.Errorf("with nobody listening it was asked %d times", count)
	}
	recorded := record(t, r)
	call(own)
	if count != 1 || annotatedResponse(t, recorded.all()[1]).Extra["mine"] != true {
		t.Errorf("one of the application's own was asked %d times", count)
	}
	call(OpenAIChatCodec)
	if count != 1 || annotatedResponse(t, recorded.all()[3]).Extra != nil {
		t.Errorf("the event is %s", recorded.all()[3])
	}
}

// beKind is an intercept that puts a system message in front.
func beKind(_ context.Context, _ string, request *LLMRequest, annotated any) (any, error) {
	edited := annotated.(*AnnotatedLLMRequest)
	edited.Messages = append([]Message{{Role: "system", Content: TextContent("Be kind.")}}, edited.Messages...)
	return LLMRequestInterceptOutcome{Request: request, AnnotatedRequest: edited}, nil
}

func TestAnInterceptEditsByTheCodec(t *testing.T) {
	const content = ` {"messages": [{"role":"user","content":"hi"}],"new_in_2027":[{"a":1.0}], "temperature":1e0}`
	const kind = ` {"messages": [{"role":"system","content":"Be kind."},{"role":"user","content":"hi"}],` +
		`"new_in_2027":[{"a":1.0}], "temperature":1e0}`
	r := testRuntime(t)
	recorded := record(t, r)
	must(0, r.RegisterLLMRequestIntercept("kind", 1, false, beKind))
	var seen any
	ctx := context.Background()
	_, err := r.LLMCallExecute(ctx, "openai", chatRequest(json.RawMessage(content)),
		func(_ context.Context, request *LLMRequest) (any, error) {
			seen = request.Content
			return nil, nil
		}, WithCodec(AutoCodec))
	if text, _ := seen.(json.RawMessage); err != nil || string(text) != kind {
		t.Errorf("the provider gets %s, %v", text, err)
	}
	if got := annotatedRequest(t, recorded.all()[0]); got.SystemPrompt() != "Be kind." || len(got.Messages) != 2 {
		t.Errorf("observers see %s", recorded.all()[0])
	}
}

func TestAnInterceptThatReturnsTheRequestAloneEditsOnlyThat(t *testing.T) {
	r := testRuntime(t)
	must(0, r.RegisterLLMRequestIntercept("raw", 1, false,
		func(_ context.Context, _ string, request *LLMRequest, annotated any) (any, error) {
			annotated.(*AnnotatedLLMRequest).Model = "forgotten"
			request.Content.(map[string]any)["user"] = "u"
			return request, nil
		}))
	got, err := r.LLMCallExecute(context.Background(), "m",
		chatRequest(map[string]any{"messages": []any{}, "model": "gpt-4o"}),
		func(_ context.Context, request *LLMRequest) (any, error) { return sortedJSON(request.Content), nil },
		WithCodec(OpenAIChatCodec))
	if got != `{"messages":[],"model":"gpt-4o","user":"u"}` || err != nil {
		t.Errorf("the provider gets %s, %v", got, err)
	}
}

func TestAnInterceptEditsTheAnnotatedFormAndTheRequest(t *testing.T) {
	for _, codec := range []ProviderCodec{AutoCodec, OpenAIChatCodec} {
		r := testRuntime(t)
		must(0, r.RegisterLLMRequestIntercept("both", 1, false,
			func(_ context.Context, _ string, request *LLMRequest, annotated any) (any, error) {
				form := annotated.(*AnnotatedLLMRequest)
				form.Messages = append(form.Messages, Message{Role: "user", Content: TextContent("Hello?")})
				request.Content.(map[string]any)["user"] = "u"
				return LLMRequestInterceptOutcome{Request: request, AnnotatedRequest: form}, nil
			}))
		got, err := r.LLMCallExecute(context.Background(), "m",
			chatRequest(map[string]any{"messages": []any{}, "model": "gpt-4o"}),
			func(_ context.Context, request *LLMRequest) (any, error) { return sortedJSON(request.Content), nil },
			WithCodec(codec))
		want := `{"messages":[{"content":"Hello?","role":"user"}],"model":"gpt-4o","user":"u"}`
		if got != want || err != nil {
			t.Errorf("the provider gets %s, %v", got, err)
		}
	}
}

func TestWhatBothHaveEditedAtOnePlaceFailsTheCall(t *testing.T) {
	r := testRuntime(t)
	must(0, r.RegisterLLMRequestIntercept("both", 1, false,
		func(_ context.Context, _ string, request *LLMRequest, annotated any) (any, error) {
			form := annotated.(*AnnotatedLLMRequest)
			form.Messages = append(form.Messages, Message{Role: "user", Content: TextContent("Hello?")})
			request.Content.(map[string]any)["messages"] = []any{map[string]any{"role": "user"}}
			return LLMRequestInterceptOutcome{Request: request, AnnotatedRequest: form}, nil
		}))
	_, err := r.LLMCallExecute(context.Background(), "m",
		chatRequest(map[string]any{"messages": []any{}, "model": "gpt-4o"}),
		answering(nil), WithCodec(OpenAIChatCodec))
	if !errors.Is(err, ErrInvalidArgument) || !strings.Contains(err.Error(), "both edited at messages[0]") {
		t.Errorf("the call gives %v", err)
	}
}

func TestAnEditThatIsUndoneOrNoneLeavesTheRequestItself(t *testing.T) {
	r := testRuntime(t)
	must(0, r.RegisterLLMRequestIntercept("look", 1, false,
		func(_ context.Context, _ string, request *LLMRequest, annotated any) (any, error) {
			_ = annotated.(*AnnotatedLLMRequest).SystemPrompt()
			return LLMRequestInterceptOutcome{Request: request, AnnotatedRequest: annotated}, nil
		}))
	content := json.RawMessage(`{"model":"m", "messages":[{"role":"user","content":null,"n":1.50}],` +
		`"seed":123456789012345678901}`)
	_, err := r.LLMCallExecute(context.Background(), "m", chatRequest(content),
		func(_ context.Context, request *LLMRequest) (any, error) {
			if !identical(request.Content, content) {
				t.Errorf("the provider gets %s", request.Content)
			}
			return nil, nil
		}, WithCodec(AutoCodec))
	if err != nil {
		t.Error(err)
	}
}

func TestARequestOfNobodyHasNoAnnotatedForm(t *testing.T) {
	r := testRuntime(t)
	must(0, r.RegisterLLMRequestIntercept("look", 1, false,
		func(_ context.Context, _ string, request *LLMRequest, annotated any) (any, error) {
			if annotated != nil {
				t.Errorf("it has %v", annotated)
			}
			return &LLMRequest{Headers: request.Headers, Content: "ho"}, nil
		}))
	got, err := r.LLMCallExecute(context.Background(), "m", chatRequest(map[string]any{"prompt": "hi"}),
		func(_ context.Context, request *LLMRequest) (any, error) { return request.Content, nil },
		WithCodec(AutoCodec))
	if got != "ho" || err != nil {
		t.Errorf("the provider got %v, %v", got, err)
	}
}

func TestAnEditThatTheProviderCannotCarryFailsTheCall(t *testing.T) {
	r := testRuntime(t)
	must(0, r.RegisterLLMRequestIntercept("odd", 1, false,
		func(_ context.Context, _ string, request *LLMRequest, annotated any) (any, error) {
			annotated.(*AnnotatedLLMRequest).Params = &GenerationParams{Stop: []string{"x"}}
			return LLMRequestInterceptOutcome{Request: request, AnnotatedRequest: annotated}, nil
		}))
	_, err := r.LLMCallExecute(context.Background(), "m", chatRequest(json.RawMessage(`{"input":"hi"}`)),
		answering(1), WithCodec(OpenAIResponsesCodec))
	if !errors.Is(err, ErrInvalidArgument) || !strings.HasSuffix(err.Error(), cannotCarry+"params.stop") {
		t.Errorf("the call gave %v", err)
	}
}

func TestTypedCallsGetWhatAnEditMadeOfTheirContent(t *testing.T) {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	type content struct {
		Model    string    `json:"model"`
		Messages []message `json:"messages"`
		Image    []byte    `json:"image,omitempty"`
	}
	r := testRuntime(t)
	must(0, r.RegisterLLMRequestIntercept("kind", 1, false, beKind))
	ctx := WithRuntime(context.Background(), r)
	asked := &TypedLLMRequest[content]{Headers: map[string]any{}, Content: content{
		"gpt-4o", []message{{"user", "hi"}}, []byte{1, 2, 255},
	}}
	got, err := ExecuteLLM(ctx, "m", asked,
		func(_ context.Context, request *TypedLLMRequest[content]) (string, error) {
			return fmt.Sprint(request.Content), nil
		}, WithCodec(OpenAIChatCodec))
	if want := "{gpt-4o [{system Be kind.} {user hi}] [1 2 255]}"; got != want || err != nil {
		t.Errorf("the function got %s, %v", got, err)
	}
}

func TestCallsThatTheApplicationRunsByItselfAreAnnotated(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	ctx := context.Background()
	call := must(r.LLMCall(ctx, "openai", chatRequest(chatText), WithCodec(AutoCodec)))
	must(0, r.LLMCallEnd(ctx, call, WithResponse(saidText), WithResponseCodec(OpenAIChatCodec)))
	if annotatedRequest(t, recorded.all()[0]).Model != "gpt-4o" {
		t.Errorf("it starts as %s", recorded.all()[0])
	}
	if annotatedResponse(t, recorded.all()[1]).ResponseText() != "Hello!" {
		t.Errorf("it ends as %s", recorded.all()[1])
	}
}

func TestAStreamedResponseIsAnnotatedLikeAPlainOne(t *testing.T) {
	ctx := context.Background()
	for _, c := range readCodecCases[[]codecStreamCase](t, "streams") {
		r := testRuntime(t)
		recorded := record(t, r)
		codec := must(CodecByName(c.Codec))
		chunks := must(codec.NewStream(ctx))
		produce := func(context.Context, *LLMRequest) (iter.Seq2[any, error], error) {
			return func(yield func(any, error) bool) {
				for _, chunk := range c.Chunks {
					if !yield(chunk, nil) {
						return
					}
				}
			}, nil
		}
		stream := must(r.LLMStreamCallExecute(ctx, "streamed", chatRequest(chatText), produce, chunks.Hooks(),
			WithCodec(OpenAIChatCodec), WithResponseCodec(codec)))
		count := 0
		for chunk, err := range stream.All() {
			if err != nil || !identical(chunk, c.Chunks[count]) {
				t.Fatalf("%s: chunk %d is %s, %v", c.ID, count, chunk, err)
			}
			count++
		}
		must(r.LLMCallExecute(ctx, "plain", chatRequest(chatText), answering(c.Response), WithResponseCodec(codec)))
		events := recorded.all()
		streamed, plain := events[1], events[3]
		if count != len(c.Chunks) || string(streamed.AnnotatedResponse()) != string(plain.AnnotatedResponse()) {
			t.Errorf("%s: streamed it is\n%s\nplain it is\n%s", c.ID, streamed, plain)
		}
	}
}

func TestAPayloadOfNobodyIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	r := testRuntime(t)
	r.SetLogger(slog.New(slog.NewTextHandler(&log, nil)))
	recorded := record(t, r)
	for range 3 {
		got, err := r.LLMCallExecute(context.Background(), "m", chatRequest(map[string]any{"prompt": "hi"}),
			answering("hello"), WithCodec(AutoCodec), WithResponseCodec(AutoCodec))
		if got != "hello" || err != nil {
			t.Fatal(got, err)
		}
	}
	for _, event := range recorded.all() {
		isAnnotated := event.AnnotatedRequest() != nil || event.AnnotatedResponse() != nil
		if isAnnotated || metadataOf(event)["codec.failed"] != nil {
			t.Errorf("it tells %s", event)
		}
	}
	if lines := log.String(); strings.Count(lines, "\n") != 1 || !strings.Contains(lines, "no codec knows such a re") {
		t.Errorf("the log has %s", lines)
	}
}

func TestACodecThatFailsNeverFailsTheCall(t *testing.T) {
	var log bytes.Buffer
	r := testRuntime(t)
	r.SetLogger(slog.New(slog.NewTextHandler(&log, nil)))
	recorded := record(t, r)
	odd := []any{
		7, "x", nil, []any{}, map[string]any{"choices": 7}, map[string]any{"content": 1}, struct{}{}, func() {},
	}
	for codec := AutoCodec; codec <= GeminiGenerateContentCodec+1; codec++ {
		for i, response := range odd {
			_, err := r.LLMCallExecute(context.Background(), "m", chatRequest(nil), answering(response),
				WithResponseCodec(codec))
			if err != nil {
				t.Errorf("%v: response %d gave %v", codec, i, err)
			}
		}
	}
	failed := 0
	for _, event := range recorded.all() {
		if metadataOf(event)["codec.failed"] != nil {
			failed++
		}
	}
	if told := strings.Count(log.String(), "\n"); failed < len(odd) || told != failed+1 {
		t.Errorf("%d events tell of it, %d lines", failed, told)
	}
}

func TestThePricesOfTheRuntimeTellTheCostInItsEvents(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	must(0, r.UsePrices(PriceCatalogue{Entries: []PriceEntry{{
		Provider: "p", ModelID: "gpt-4o", Rates: &PriceRates{InputPerMillion: 1e6, OutputPerMillion: 2e6},
	}}}))
	count := 0
	for _, codec := range []ResponseCodec{AutoCodec, askedCodec{OpenAIChatCodec, &count}} {
		must(r.LLMCallExecute(context.Background(), "m", chatRequest(chatText), answering(saidText),
			WithResponseCodec(codec)))
		end := recorded.all()[len(recorded.all())-1]
		if cost := annotatedResponse(t, end).Usage.Cost; cost == nil || *cost.Total != 15 {
			t.Errorf("%T: it ends as %s", codec, end)
		}
	}
	if usage := must(OpenAIChatCodec.AnnotateResponse(context.Background(), saidText)).Usage; usage.Cost != nil {
		t.Errorf("the default runtime knows of %v", usage.Cost)
	}
	must(0, UsePrices(PriceCatalogue{Entries: []PriceEntry{{
		Provider: "p", ModelID: "gpt-4o", Rates: &PriceRates{InputPerMillion: 1e6},
	}}}))
	defer func() { must(0, UsePrices()) }()
	if usage := must(OpenAIChatCodec.AnnotateResponse(context.Background(), saidText)).Usage; *usage.Cost.Total != 7 {
		t.Errorf("the default runtime knows of %v", usage.Cost)
	}
}
