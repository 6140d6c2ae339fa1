package openai_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	scopeflow "github.com/scopeflow/scopeflow/go"
	scopeflowopenai "github.com/scopeflow/scopeflow/go/openai"
	"github.com/scopeflow/scopeflow/go/scopeflowtest"
)

// What the provider sends must reach the client as it is, blanks and all.
const (
	wholeAnswer = ` {"id":"c1","object":"chat.completion","model":"m-1",` + "\r\n" +
		`"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hello"}}]} `
	comment        = ": a comment\r\n\r\n" // The official client takes it for an event.
	chunkBegin     = `{"id":"c1","object":"chat.completion.chunk","model":"m-1","choices":[{"index":0,"delta":`
	streamedAnswer = "data: " + chunkBegin + `{"content":"he"}}]}` + "\n\n" +
		"data:" + chunkBegin + `{"content":"llo"}}]}` + "\r\n\r\n" + "data: [DONE]\n\n"
)

// provider is a loopback server; it keeps what it was sent.
type provider struct {
	*httptest.Server
	bodies  []string
	headers []http.Header
	left    chan struct{} // Closed when the client has left a stream that does not end.
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{left: make(chan struct{})}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) serve(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	p.bodies, p.headers = append(p.bodies, string(body)), append(p.headers, request.Header)
	var facts struct {
		Model  string
		Stream bool
	}
	_ = json.Unmarshal(body, &facts)
	switch {
	case facts.Model == "broken":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":{"message":"no such model","code":"x","param":"model","type":"invalid"}}`)
	case facts.Model == "endless":
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		<-request.Context().Done()
		close(p.left)
	case facts.Stream:
		w.Header().Set("Content-Type", "text/event-stream")
		if facts.Model == "" {
			fmt.Fprint(w, comment)
		}
		fmt.Fprint(w, streamedAnswer)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Answer", "kept")
		fmt.Fprint(w, wholeAnswer)
	}
}

func (p *provider) client() openai.Client {
	return openai.NewClient(option.WithBaseURL(p.URL), option.WithAPIKey("secret"), option.WithMaxRetries(0),
		option.WithMiddleware(scopeflowopenai.Middleware(scopeflowopenai.WithTraceparent())))
}

func question(model string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("hi")},
	}
}

func post(ctx context.Context, t *testing.T, client *http.Client, url, body string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return client.Do(request)
}

func TestACallOfTheOfficialClientIsAManagedCall(t *testing.T) {
	p := newProvider(t)
	ctx, events := scopeflowtest.New(t)
	client := p.client()
	ctx, turn, err := scopeflow.PushScope(ctx, "turn", scopeflow.ScopeTypeAgent)
	if err != nil {
		t.Fatal(err)
	}
	defer turn.Close()
	answer, err := client.Chat.Completions.New(ctx, question("m-1"))
	if err != nil || answer.Choices[0].Message.Content != "hello" {
		t.Fatalf("the answer is %v, %v", answer, err)
	}
	start, end := events.Find(t, "start", "openai"), events.Find(t, "end", "openai")
	if start.ParentUUID() != turn.UUID() || start.ModelName() != "m-1" {
		t.Errorf("the call started as %s", start)
	}
	if text := start.String(); strings.Contains(text, "secret") || !strings.Contains(text, `"content":"hi"`) {
		t.Errorf("observers see %s", text)
	}
	if !strings.Contains(string(end.Output()), `"content":"hello"`) {
		t.Errorf("the call ended with %s", end)
	}
	if got := p.headers[0].Get("Authorization"); got != "Bearer secret" {
		t.Errorf("the provider got the credential %q", got)
	}
	if got := p.headers[0].Get("traceparent"); !strings.HasPrefix(got, "00-") {
		t.Errorf("the provider got the traceparent %q", got)
	}
}

func TestAStreamOfTheOfficialClientIsAManagedStream(t *testing.T) {
	p := newProvider(t)
	ctx, events := scopeflowtest.New(t)
	client := p.client()
	stream := client.Chat.Completions.NewStreaming(ctx, question("m-1"))
	var text strings.Builder
	for stream.Next() {
		text.WriteString(stream.Current().Choices[0].Delta.Content)
	}
	if err := stream.Err(); err != nil || text.String() != "hello" {
		t.Fatalf("the stream gave %q, %v", text.String(), err)
	}
	_ = stream.Close()
	end := events.Find(t, "end", "openai")
	if !strings.Contains(string(end.Output()), `"content":"llo"`) {
		t.Errorf("the stream ended with %s", end)
	}
}

func TestAFailedCallIsToldAndTheClientGetsItsResponse(t *testing.T) {
	p := newProvider(t)
	ctx, events := scopeflowtest.New(t)
	client := p.client()
	_, err := client.Chat.Completions.New(ctx, question("broken"))
	var failed *openai.Error
	if !errors.As(err, &failed) || failed.StatusCode != http.StatusBadRequest {
		t.Fatalf("the client got %v", err)
	}
	if text := events.Find(t, "end", "openai").String(); !strings.Contains(text, `"exception.type":"StatusError"`) ||
		!strings.Contains(text, "no such model") {
		t.Errorf("the call ended as %s", text)
	}
	events.Clear()
	stream := client.Chat.Completions.NewStreaming(ctx, question("broken"))
	if stream.Next() || !errors.As(stream.Err(), &failed) {
		t.Errorf("the stream ended with %v", stream.Err())
	}
	events.Find(t, "end", "openai")
}

func TestAGuardrailRefusesBeforeAnythingIsSent(t *testing.T) {
	p := newProvider(t)
	ctx, events := scopeflowtest.New(t)
	reason := "no models today"
	register := func(ctx context.Context) error {
		r := scopeflow.CurrentRuntime(ctx)
		return r.RegisterLLMConditionalExecutionGuardrail("closed", 0,
			func(context.Context, *scopeflow.LLMRequest) (*string, error) { return &reason, nil })
	}
	if err := register(ctx); err != nil {
		t.Fatal(err)
	}
	client := p.client()
	_, err := client.Chat.Completions.New(ctx, question("m-1"))
	if !errors.Is(err, scopeflow.ErrGuardrailRejected) || len(p.bodies) != 0 {
		t.Errorf("the client got %v, the provider %q", err, p.bodies)
	}
	events.Find(t, "mark", "openai")
}

func TestEveryByteOfARoundTripIsKept(t *testing.T) {
	p := newProvider(t)
	ctx, events := scopeflowtest.New(t)
	client := &http.Client{Transport: scopeflowopenai.NewTransport(nil, scopeflowopenai.WithName("provider"))}
	for name, want := range map[string]string{
		` { "model" : "m-1" , "x":1e2}`: wholeAnswer, `{"stream" :true}`: comment + streamedAnswer,
	} {
		response, err := post(ctx, t, client, p.URL+"/v1/chat/completions", name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		if err != nil || string(got) != want {
			t.Errorf("%s gave\n%q, %v\ninstead of\n%q", name, got, err, want)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if last := p.bodies[len(p.bodies)-1]; last != name {
			t.Errorf("the provider got %q instead of %q", last, name)
		}
	}
	if len(events.Names()) != 4 {
		t.Errorf("emitted %v", events.Names())
	}
}

// A line that never ends goes on in pieces, so that no more is kept than an event may have.
func TestAnEndlessLineGoesOnInPieces(t *testing.T) {
	const size = 40 << 20
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		piece := bytes.Repeat([]byte("x"), 1<<20)
		for range size / len(piece) {
			_, _ = w.Write(piece)
		}
	}))
	defer server.Close()
	ctx, _ := scopeflowtest.New(t)
	var longest int
	err := scopeflow.CurrentRuntime(ctx).RegisterLLMStreamExecutionIntercept("look", 1, func(
		ctx context.Context, _ string, request *scopeflow.LLMRequest, next scopeflow.LLMStreamNextFunc,
	) (any, error) {
		chunks, err := next(ctx, request)
		return iter.Seq2[any, error](func(yield func(any, error) bool) {
			for chunk, err := range chunks {
				longest = max(longest, len(chunk.(*scopeflowopenai.Event).Raw))
				if !yield(chunk, err) {
					return
				}
			}
		}), err
	})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: scopeflowopenai.NewTransport(nil)}
	response, err := post(ctx, t, client, server.URL+"/v1/responses", `{"stream":true}`)
	if err != nil {
		t.Fatal(err)
	}
	count, err := io.Copy(io.Discard, response.Body)
	if failure := response.Body.Close(); err != nil || failure != nil || count != size || longest > 16<<20 {
		t.Errorf("%d bytes came, at most %d at once: %v, %v", count, longest, err, failure)
	}
}

func TestWhatIsNoCallPassesUntouched(t *testing.T) {
	p := newProvider(t)
	ctx, events := scopeflowtest.New(t)
	client := &http.Client{Transport: scopeflowopenai.NewTransport(nil)}
	response, err := post(ctx, t, client, p.URL+"/v1/files", "x")
	if err != nil || response.Header.Get("X-Answer") != "kept" {
		t.Fatalf("got %v, %v", response, err)
	}
	_ = response.Body.Close()
	if len(events.All()) != 0 {
		t.Errorf("emitted %v", events.Names())
	}
}

func TestAStreamThatTheClientLeavesIsStopped(t *testing.T) {
	p := newProvider(t)
	ctx, events := scopeflowtest.New(t)
	client := &http.Client{Transport: scopeflowopenai.NewTransport(nil)}
	response, err := post(ctx, t, client, p.URL+"/v1/responses", `{"model":"endless","stream":true}`)
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 64)
	if count, err := response.Body.Read(first); err != nil || string(first[:count]) != "data: 1\n\n" {
		t.Errorf("read %q, %v", first[:count], err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	<-p.left
	if text := events.Find(t, "end", "openai").String(); !strings.Contains(text, `"error.type":"cancelled"`) {
		t.Errorf("the stream ended as %s", text)
	}
}

func TestAStreamThatIsNeverReadIsStopped(t *testing.T) {
	p := newProvider(t)
	ctx, _ := scopeflowtest.New(t)
	client := &http.Client{Transport: scopeflowopenai.NewTransport(nil)}
	response, err := post(ctx, t, client, p.URL+"/v1/responses", `{"model":"endless","stream":true}`)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	<-p.left
}

func TestMiddlewareMayRewriteAndAnswerCalls(t *testing.T) {
	p := newProvider(t)
	ctx, _ := scopeflowtest.New(t)
	r := scopeflow.CurrentRuntime(ctx)
	err := r.RegisterLLMRequestIntercept("tenant", 0, false,
		func(_ context.Context, _ string, request *scopeflow.LLMRequest, _ any) (any, error) {
			request.Headers["X-Tenant"] = "a"
			request.Content = map[string]any{"model": "edited"}
			return request, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: scopeflowopenai.NewTransport(nil)}
	response, err := post(ctx, t, client, p.URL+"/v1/embeddings", `{"model":"m-1"}`)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if p.bodies[0] != `{"model":"edited"}` || p.headers[0].Get("X-Tenant") != "a" {
		t.Errorf("the provider got %q with %v", p.bodies[0], p.headers[0])
	}
	err = r.RegisterLLMExecutionIntercept("cache", 0,
		func(context.Context, string, *scopeflow.LLMRequest, scopeflow.LLMNextFunc) (any, error) {
			return map[string]any{"cached": true}, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	response, err = post(ctx, t, client, p.URL+"/v1/embeddings", `{"model":"m-1"}`)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(response.Body)
	if !bytes.Equal(got, []byte(`{"cached":true}`)) || len(p.bodies) != 1 {
		t.Errorf("the client got %s, the provider %d requests", got, len(p.bodies))
	}
}

func TestACancelledCallEndsAsCancelled(t *testing.T) {
	p := newProvider(t)
	ctx, events := scopeflowtest.New(t)
	ctx, cancel := context.WithCancel(ctx)
	client := &http.Client{Transport: scopeflowopenai.NewTransport(nil)}
	response, err := post(ctx, t, client, p.URL+"/v1/responses", `{"model":"endless","stream":true}`)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(response.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("reading gave %v", err)
	}
	_ = response.Body.Close()
	if text := events.Find(t, "end", "openai").String(); !strings.Contains(text, `"error.type":"cancelled"`) {
		t.Errorf("the stream ended as %s", text)
	}
	if _, err := post(ctx, t, client, p.URL+"/v1/responses", `{}`); !errors.Is(err, context.Canceled) {
		t.Errorf("a call in a cancelled context gave %v", err)
	}
}

// chatAnswer has tokens that cost something; in streams they come last.
const (
	usage      = `"usage":{"prompt_tokens":1000,"completion_tokens":10,"total_tokens":1010}`
	chatAnswer = `{"id":"c1","object":"chat.completion","model":"m-1","choices":[{"index":0,"finish_reason":"stop",` +
		`"message":{"role":"assistant","content":"hello"}}],` + usage + `}`
	chatStream = "data: " + chunkBegin + `{"role":"assistant","content":"he"}}]}` + "\n\n" +
		"data: " + chunkBegin + `{"content":"llo"},"finish_reason":"stop"}]}` + "\n\n" +
		`data: {"id":"c1","object":"chat.completion.chunk","model":"m-1","choices":[],` + usage + "}\n\n" +
		"data: [DONE]\n\n"
	messageAnswer = `{"id":"m1","type":"message","role":"assistant","model":"m-1","stop_reason":"end_turn",` +
		`"content":[{"type":"text","text":"hello"}],"usage":{"input_tokens":1000,"output_tokens":10}}`
)

func TestACodecTellsTokensAndCosts(t *testing.T) {
	for _, c := range []struct {
		name, path, request, answer string
		codec                       scopeflow.ProviderCodec
	}{
		{"plain", "/v1/chat/completions", `{"model":"m-1", "messages":[]}`, chatAnswer, scopeflow.OpenAIChatCodec},
		{"streamed", "/v1/chat/completions", `{"model":"m-1", "messages":[],"stream":true}`, chatStream,
			scopeflow.OpenAIChatCodec},
		{"streamed, by itself", "/v1/chat/completions", `{"messages":[],"stream":true}`, chatStream,
			scopeflow.AutoCodec},
		{"streamed, in lines that end in CRLF", "/v1/chat/completions", `{"messages":[],"stream":true}`,
			strings.ReplaceAll(": alive\n\n"+chatStream, "\n", "\r\n"), scopeflow.AutoCodec},
		{"streamed, in lines that end in CR", "/v1/chat/completions", `{"messages":[],"stream":true}`,
			strings.ReplaceAll(chatStream+": alive\n\n", "\n", "\r"), scopeflow.OpenAIChatCodec},
		{"another provider", "/v1/messages", `{"model":"m-1","max_tokens":9,"messages":[]}`, messageAnswer,
			scopeflow.AutoCodec},
	} {
		t.Run(c.name, func(t *testing.T) {
			var sent []byte
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
				sent, _ = io.ReadAll(request.Body)
				_, _ = io.WriteString(w, c.answer)
			}))
			defer server.Close()
			ctx, events := scopeflowtest.New(t)
			r := scopeflow.CurrentRuntime(ctx)
			rates := scopeflow.PriceRates{InputPerMillion: 2, OutputPerMillion: 10}
			entry := scopeflow.PriceEntry{Provider: "p", ModelID: "m-1", Rates: &rates}
			if err := r.UsePrices(scopeflow.PriceCatalogue{Entries: []scopeflow.PriceEntry{entry}}); err != nil {
				t.Fatal(err)
			}
			err := r.RegisterLLMRequestIntercept("kind", 1, false,
				func(_ context.Context, _ string, request *scopeflow.LLMRequest, annotated any) (any, error) {
					form := annotated.(*scopeflow.AnnotatedLLMRequest)
					form.Messages = append(form.Messages,
						scopeflow.Message{Role: "user", Content: scopeflow.TextContent("hi")})
					return scopeflow.LLMRequestInterceptOutcome{Request: request, AnnotatedRequest: form}, nil
				})
			if err != nil {
				t.Fatal(err)
			}
			client := &http.Client{Transport: scopeflowopenai.NewTransport(nil, scopeflowopenai.WithCodec(c.codec),
				scopeflowopenai.WithPaths("/chat/completions", "/messages"))}
			response, err := post(ctx, t, client, server.URL+c.path, c.request)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(response.Body)
			if failure := response.Body.Close(); err != nil || failure != nil || string(got) != c.answer {
				t.Errorf("the client got %q, %v, %v", got, err, failure)
			}
			want := strings.Replace(c.request, "[]", `[{"role":"user","content":"hi"}]`, 1)
			if string(sent) != want {
				t.Errorf("the provider got %s instead of %s", sent, want)
			}
			end := events.Find(t, "end", "openai")
			var annotated scopeflow.AnnotatedLLMResponse
			if err := json.Unmarshal(end.AnnotatedResponse(), &annotated); err != nil {
				t.Fatalf("%v: %s", err, end)
			}
			if annotated.ResponseText() != "hello" || annotated.FinishReason != "complete" ||
				*annotated.Usage.TotalTokens != 1010 || *annotated.Usage.Cost.Total != 0.0021 {
				t.Errorf("the call ended as %s", end)
			}
			if !strings.Contains(string(end.Output()), "hello") {
				t.Errorf("observers see %s", end.Output())
			}
		})
	}
}

func TestWhatNoCodecKnowsIsNoFailure(t *testing.T) {
	p := newProvider(t)
	ctx, events := scopeflowtest.New(t)
	for _, codec := range []scopeflow.ProviderCodec{scopeflow.AutoCodec, scopeflow.AnthropicMessagesCodec, 77} {
		client := &http.Client{Transport: scopeflowopenai.NewTransport(nil, scopeflowopenai.WithCodec(codec))}
		for _, request := range []string{`{"stream":true}`, `{"stream":true,"model":"m"}`, `{}`, `[`} {
			response, err := post(ctx, t, client, p.URL+"/v1/embeddings", request)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(response.Body); err != nil {
				t.Errorf("%v: reading gave %v", codec, err)
			}
			_ = response.Body.Close()
		}
	}
	if count := len(events.All()); count != 2*3*4 {
		t.Errorf("emitted %d events", count)
	}
}
