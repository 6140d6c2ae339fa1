package scopeflow

import (
	"context"
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
