package benchmarks

import (
	"context"
	"flag"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

var check = flag.Bool("check", false, "fail where a limit is passed")

// work is one operation, ready to be run as often as one likes.
type work struct {
	name string
	run  func(count int)
}

// quiet records spans and does nothing with them, as nobody listens to scopeflow's.
type quiet struct{}

func (quiet) OnStart(context.Context, trace.ReadWriteSpan) {}
func (quiet) OnEnd(trace.ReadOnlySpan)                     {}
func (quiet) Shutdown(context.Context) error               { return nil }
func (quiet) ForceFlush(context.Context) error             { return nil }

func works(tb testing.TB) []work {
	r, err := scopeflow.NewRuntime()
	if err != nil {
		tb.Fatal(err)
	}
	tracer := trace.NewTracerProvider(trace.WithSpanProcessor(quiet{})).Tracer("benchmark")
	ctx, turn, err := r.PushScope(context.Background(), "turn", scopeflow.ScopeTypeAgent)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = turn.Close() })
	spanCtx, span := tracer.Start(context.Background(), "turn")
	tb.Cleanup(func() { span.End() })

	small := map[string]any{"query": "weather", "limit": 10, "exact": true}
	large := map[string]any{"query": strings.Repeat("x", 200_000), "limit": 10, "exact": true}
	target := func(_ context.Context, args any) (any, error) { return args, nil }
	tool := func(args any) func(int) {
		return func(count int) {
			for range count {
				if _, err := r.ToolCallExecute(ctx, "search", args, target); err != nil {
					panic(err)
				}
			}
		}
	}
	return []work{
		{"cgo call", func(count int) {
			for range count {
				CallC()
			}
		}},
		{"scope", func(count int) {
			for range count {
				_, scope, err := r.PushScope(ctx, "step", scopeflow.ScopeTypeFunction)
				if err != nil {
					panic(err)
				}
				if err := scope.Close(); err != nil {
					panic(err)
				}
			}
		}},
		{"otel span", func(count int) {
			for range count {
				_, span := tracer.Start(spanCtx, "step")
				span.End()
			}
		}},
		{"tool call", tool(any(small))},
		{"tool call, 200 KB", tool(any(large))},
		{"otel tool span", func(count int) {
			for range count {
				ctx, span := tracer.Start(spanCtx, "search", oteltrace.WithAttributes(
					attribute.String("gen_ai.tool.name", "search"),
					attribute.String("query", "weather"), attribute.Int("limit", 10),
					attribute.Bool("exact", true),
				))
				if _, err := target(ctx, small); err != nil {
					panic(err)
				}
				span.End()
			}
		}},
		{"loop", func(count int) {
			sum := 1.0
			for i := range count * 100 {
				sum += math.Sqrt(sum + float64(i))
			}
			loopResult = sum
		}},
	}
}

var loopResult float64

// BenchmarkGo has all contestants in one run, for benchstat.
func BenchmarkGo(b *testing.B) {
	for _, each := range works(b) {
		b.Run(strings.ReplaceAll(each.name, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			each.run(b.N)
		})
	}
}

const (
	// There are many short rounds, so that some see neither the collector, which a single goroutine
	// leaves to the other processor, nor anybody else.
	rounds   = 400
	perRound = 1_000
)

// perOperation is the least time an operation took in rounds that take turns, alone and on two goroutines.
type perOperation struct{ alone, two float64 }

func measure(all []work) map[string]perOperation {
	found := map[string]perOperation{}
	for range rounds {
		for _, each := range all {
			best, isKnown := found[each.name]
			alone, two := timed(each.run, 1), timed(each.run, 2)
			if !isKnown || alone < best.alone {
				best.alone = alone
			}
			if !isKnown || two < best.two {
				best.two = two
			}
			found[each.name] = best
		}
	}
	return found
}

// timed gives the nanoseconds of an operation where so many goroutines do as much at once.
func timed(run func(int), goroutines int) float64 {
	var wait sync.WaitGroup
	begin := time.Now()
	for range goroutines {
		wait.Go(func() { run(perRound) })
	}
	wait.Wait()
	return float64(time.Since(begin).Nanoseconds()) / perRound
}

type limit struct {
	what       string
	is, atMost float64
	isExact    bool // Whatever else the machine does.
}

// TestLimits prints the table of the README; with -check it fails where a limit is passed.
func TestLimits(t *testing.T) {
	all := works(t)
	costs := map[string][2]float64{}
	for _, each := range all {
		each.run(100)
		before := runtime.NumCgoCall()
		each.run(1_000)
		calls := float64(runtime.NumCgoCall()-before) / 1_000
		costs[each.name] = [2]float64{calls, testing.AllocsPerRun(1_000, func() { each.run(1) })}
	}
	times := measure(all)
	fmt.Println("| | ns | cgo calls | allocations | two goroutines |\n|---|---:|---:|---:|---:|")
	for _, each := range all {
		ns := times[each.name]
		fmt.Printf("| %s | %.0f | %.2f | %.0f | %.2f |\n",
			each.name, ns.alone, costs[each.name][0], costs[each.name][1], 2*ns.alone/ns.two)
	}
	limits := []limit{
		{"cgo calls of a scope", costs["scope"][0], 2, true},
		{"cgo calls of a tool call", costs["tool call"][0], 4, true},
		{"allocations of a tool call", costs["tool call"][1], 4, true},
		{"ns of a scope", times["scope"].alone, 2*times["cgo call"].alone + 300, false},
		{"ns of a tool call", times["tool call"].alone, 4*times["cgo call"].alone + 600, false},
		{"a tool call in spans of otel-go", times["tool call"].alone / times["otel tool span"].alone, 1, false},
		{"200 KB in small payloads", times["tool call, 200 KB"].alone / times["tool call"].alone, 1.1, false},
	}
	for _, name := range []string{"scope", "tool call"} {
		// 1.5 times of one goroutine, where the machine has two to give.
		least := 1.5 / 2 * speedUp(times["loop"])
		limits = append(limits, limit{"two goroutines: the least for a " + name,
			least / speedUp(times[name]), 1, false})
	}
	for _, limit := range limits {
		verdict := "ok"
		if limit.is > limit.atMost {
			verdict = "passed"
			if limit.isExact || *check {
				t.Errorf("%s: %.2f, at most %.2f", limit.what, limit.is, limit.atMost)
			}
		}
		fmt.Printf("%-45s %8.2f   at most %8.2f   %s\n", limit.what, limit.is, limit.atMost, verdict)
	}
}

func speedUp(ns perOperation) float64 { return 2 * ns.alone / ns.two }
