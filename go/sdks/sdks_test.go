// Package sdks compares what the codecs say of the exchanges in tests/codecs with what the providers' own
// SDKs say: each drives its client against a loopback server that replays them, plain and streamed, through
// the transport that makes its requests managed calls.
package sdks

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	scopeflow "github.com/scopeflow/scopeflow/go"
	managed "github.com/scopeflow/scopeflow/go/openai"
	"github.com/scopeflow/scopeflow/go/scopeflowtest"
)

type (
	exchange struct {
		ID                string
		Request, Response json.RawMessage
		Chunks            []json.RawMessage
	}
	// sdk is a provider's client, and what its own objects are in the common form.
	sdk struct {
		codec scopeflow.ProviderCodec
		// create makes a call, and says what came of it and which JSON that was made of.
		create func(ctx context.Context, client *http.Client, url string, request json.RawMessage) (said, string, error)
		// stream makes a streamed one, and says what the SDK puts its chunks together to.
		stream func(ctx context.Context, client *http.Client, url string, request json.RawMessage) (said, error)
	}
	said = scopeflow.AnnotatedLLMResponse
)

const key = "not-a-key"

var paths = managed.WithPaths("/chat/completions", "/responses", "/messages")

func TestCodecsSayWhatTheSDKsSay(t *testing.T) {
	for _, s := range []sdk{openaiChat, openaiResponses, anthropicMessages} {
		for _, x := range readExchanges(t, s.codec) {
			t.Run(fmt.Sprintf("%v %s", s.codec, x.ID), func(t *testing.T) { s.check(t, &x) })
		}
	}
}

func readExchanges(t *testing.T, codec scopeflow.ProviderCodec) (found []exchange) {
	t.Helper()
	text, err := os.ReadFile("../../tests/codecs/exchanges/" + codec.String() + ".json")
	if err == nil {
		err = json.Unmarshal(text, &found)
	}
	if err != nil || len(found) == 0 {
		t.Fatalf("%v has %d exchanges: %v", codec, len(found), err)
	}
	return found
}

func (s *sdk) check(t *testing.T, x *exchange) {
	ctx, events := scopeflowtest.New(t)
	server := httptest.NewServer(x.serve(s.codec))
	defer server.Close()
	for _, codec := range []scopeflow.ProviderCodec{s.codec, scopeflow.AutoCodec} {
		client := &http.Client{Transport: managed.NewTransport(nil, paths, managed.WithCodec(codec))}
		expected, raw, err := s.create(ctx, client, server.URL, x.Request)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the event", annotatedResponse(t, events), expected)
		annotated, err := codec.AnnotateResponse(ctx, json.RawMessage(raw))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the SDK's JSON", annotated, expected)
		checkRequest(t, events, x.Request)
		events.Clear()

		if x.Chunks == nil {
			continue
		}
		expected, err = s.stream(ctx, client, server.URL, x.Request)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the stream's event", annotatedResponse(t, events), expected)
		events.Clear()
	}
}

// checkRequest wants observers to see the request that was given, and its parts in the common form.
func checkRequest(t *testing.T, events *scopeflowtest.Events, request json.RawMessage) {
	t.Helper()
	start := events.Find(t, "start", "openai")
	var given struct {
		Model    string
		Messages []any
		Input    any
	}
	var annotated scopeflow.AnnotatedLLMRequest
	if json.Unmarshal(request, &given) != nil || json.Unmarshal(start.AnnotatedRequest(), &annotated) != nil {
		t.Fatalf("the call began as %s", start)
	}
	count := len(given.Messages)
	if list, isList := given.Input.([]any); isList {
		count = len(list)
	} else if given.Input != nil {
		count = 1
	}
	if annotated.Model != given.Model || len(annotated.Messages) != count {
		t.Errorf("%d messages to %s were annotated as %d to %s", count, given.Model, len(annotated.Messages),
			annotated.Model)
	}
}

func annotatedResponse(t *testing.T, events *scopeflowtest.Events) *said {
	t.Helper()
	end := events.Find(t, "end", "openai")
	annotated := new(said)
	if err := json.Unmarshal(end.AnnotatedResponse(), annotated); err != nil {
		t.Fatalf("%v: %s", err, end)
	}
	return annotated
}

// same compares the members of the common form that all providers fill.
func same(t *testing.T, what string, annotated *said, expected said) {
	t.Helper()
	if got, want := common(t, annotated), common(t, &expected); !reflect.DeepEqual(got, want) {
		t.Errorf("of %s the codec says\n%v\nand the SDK\n%v", what, got, want)
	}
}

func common(t *testing.T, annotated *said) map[string]any {
	t.Helper()
	shown := said{
		ID: annotated.ID, Model: annotated.Model, Message: annotated.Message, ToolCalls: annotated.ToolCalls,
		FinishReason: annotated.FinishReason, Usage: annotated.Usage, TokenUsage: annotated.TokenUsage,
	}
	text, err := json.Marshal(shown)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	buckets, _ := members["token_usage"].(map[string]any)
	delete(buckets, "raw")
	for name, count := range buckets {
		if count == 0.0 {
			delete(buckets, name)
		}
	}
	return members
}

// serve answers as the provider would, in pieces.
func (x *exchange) serve(codec scopeflow.ProviderCodec) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		var asked struct{ Stream bool }
		_ = json.NewDecoder(request.Body).Decode(&asked)
		content, kind := string(x.Response), "application/json"
		if asked.Stream {
			content, kind = x.framed(codec), "text/event-stream"
		}
		w.Header().Set("Content-Type", kind)
		const pieceBytes = 1000
		for len(content) > 0 {
			piece := content[:min(len(content), pieceBytes)]
			_, _ = w.Write([]byte(piece))
			w.(http.Flusher).Flush()
			content = content[len(piece):]
		}
	}
}

func (x *exchange) framed(codec scopeflow.ProviderCodec) string {
	var text strings.Builder
	for _, chunk := range x.Chunks {
		var typed struct{ Type string }
		_ = json.Unmarshal(chunk, &typed)
		if typed.Type != "" {
			fmt.Fprintf(&text, "event: %s\n", typed.Type)
		}
		compact, _ := json.Marshal(chunk)
		fmt.Fprintf(&text, "data: %s\n\n", compact)
	}
	if codec == scopeflow.OpenAIChatCodec {
		text.WriteString("data: [DONE]\n\n")
	}
	return text.String()
}

// --- The common form of what SDKs say ---

// saidIn is the common form of parts: one text alone is the text.
func saidIn(parts []scopeflow.ContentPart) *scopeflow.Content {
	switch {
	case len(parts) == 0:
		return nil
	case len(parts) == 1 && parts[0].Type == "text":
		return scopeflow.TextContent(parts[0].Text)
	}
	return &scopeflow.Content{Parts: parts}
}

// parsed are the arguments of a tool, a text where they are no JSON.
func parsed(text string) any {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return text
}

func count(value int64) *int64 { return &value }
