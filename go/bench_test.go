package scopeflow

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
)

// The limits of a managed call with nobody listening are 4 cgo calls + 600 ns and 4 allocations:
// compare BenchmarkToolCall with BenchmarkCgoCall of the same run.

func benchRuntime(b *testing.B) *Runtime {
	b.Helper()
	r, err := NewRuntime()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	return r
}

func BenchmarkCgoCall(b *testing.B) {
	r := benchRuntime(b)
	root, err := r.Root()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		root.IsOpen()
	}
}

func BenchmarkToolCall(b *testing.B) {
	r := benchRuntime(b)
	ctx := context.Background()
	args := any(map[string]any{"query": "x"})
	target := func(ctx context.Context, args any) (any, error) { return args, nil }
	for b.Loop() {
		if _, err := r.ToolCallExecute(ctx, "search", args, target); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkToolCallParallel(b *testing.B) {
	r := benchRuntime(b)
	args := any(map[string]any{"query": "x"})
	target := func(ctx context.Context, args any) (any, error) { return args, nil }
	b.RunParallel(func(pb *testing.PB) {
		ctx := context.Background()
		for pb.Next() {
			if _, err := r.ToolCallExecute(ctx, "search", args, target); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkToolCallTyped(b *testing.B) {
	r := benchRuntime(b)
	ctx := WithRuntime(context.Background(), r)
	target := func(ctx context.Context, n int) (int, error) { return n, nil }
	for b.Loop() {
		if _, err := ExecuteTool(ctx, "search", 1000, target); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkToolCallOneSubscriber(b *testing.B) {
	r := benchRuntime(b)
	if err := r.RegisterSubscriber("s", func(context.Context, *Event) {}); err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	args := any(map[string]any{"query": "x"})
	target := func(ctx context.Context, args any) (any, error) { return args, nil }
	for b.Loop() {
		if _, err := r.ToolCallExecute(ctx, "search", args, target); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScopePushClose(b *testing.B) {
	r := benchRuntime(b)
	ctx := context.Background()
	for b.Loop() {
		_, scope, err := r.PushScope(ctx, "work", ScopeTypeFunction)
		if err != nil {
			b.Fatal(err)
		}
		if err := scope.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScopePushCloseDepth1000(b *testing.B) {
	r := benchRuntime(b)
	ctx := context.Background()
	var err error
	for range 1000 {
		if ctx, _, err = r.PushScope(ctx, "outer", ScopeTypeFunction); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		_, scope, err := r.PushScope(ctx, "work", ScopeTypeFunction)
		if err != nil {
			b.Fatal(err)
		}
		if err := scope.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEmitEventUnheard(b *testing.B) {
	r := benchRuntime(b)
	ctx := context.Background()
	for b.Loop() {
		if err := r.EmitEvent(ctx, "mark"); err != nil {
			b.Fatal(err)
		}
	}
}

// chatOf8KB is a chat of many messages, as its provider's JSON.
func chatOf8KB() json.RawMessage {
	messages := make([]any, 40)
	for i := range messages {
		messages[i] = map[string]any{"role": "user", "content": strings.Repeat("word ", 35), "name": "ann"}
	}
	return must(json.Marshal(map[string]any{"model": "gpt-4o", "messages": messages, "temperature": 0.5}))
}

// What a codec of the core costs a call that nobody looks at: nothing but its two slots.
func BenchmarkLLMCallWithCodecs(b *testing.B) {
	r := benchRuntime(b)
	ctx := context.Background()
	request := chatRequest(chatOf8KB())
	target := answering(saidText)
	for b.Loop() {
		_, err := r.LLMCallExecute(ctx, "m", request, target, WithCodec(AutoCodec), WithResponseCodec(AutoCodec))
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnmarshalChat is what encoding/json takes for the text that BenchmarkAnnotateRequest decodes.
func BenchmarkUnmarshalChat(b *testing.B) {
	text := chatOf8KB()
	b.ReportAllocs()
	for b.Loop() {
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAnnotateRequest(b *testing.B) {
	r := benchRuntime(b)
	ctx := WithRuntime(context.Background(), r)
	request := chatRequest(chatOf8KB())
	for b.Loop() {
		if _, err := OpenAIChatCodec.AnnotateRequest(ctx, request); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeRequest(b *testing.B) {
	r := benchRuntime(b)
	ctx := WithRuntime(context.Background(), r)
	request := chatRequest(chatOf8KB())
	annotated := must(OpenAIChatCodec.AnnotateRequest(ctx, request))
	annotated.Messages[20].Content = TextContent("edited")
	for b.Loop() {
		if _, err := OpenAIChatCodec.Encode(ctx, annotated, request); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCodecStreamChunk(b *testing.B) {
	r := benchRuntime(b)
	stream := must(OpenAIChatCodec.NewStream(WithRuntime(context.Background(), r)))
	chunk := json.RawMessage(`{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o",` +
		`"choices":[{"index":0,"delta":{"content":"word"},"finish_reason":null}]}`)
	for b.Loop() {
		if err := stream.Feed(chunk); err != nil {
			b.Fatal(err)
		}
	}
}
