package scopeflow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log"
	"strings"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

type prompt struct {
	Prompt string `json:"prompt"`
}

// complete is where a real one asks the provider, and waits for each chunk.
func complete(_ context.Context, request *scopeflow.TypedLLMRequest[prompt]) (iter.Seq2[string, error], error) {
	return func(yield func(string, error) bool) {
		for word := range strings.FieldsSeq(request.Content.Prompt) {
			if !yield(strings.ToUpper(word), nil) {
				return
			}
		}
	}, nil
}

// showStatus prints an event, and of an end how it came about.
func showStatus(ctx context.Context, event *scopeflow.Event) {
	show(ctx, event)
	var status struct {
		Code   string `json:"otel.status_code"`
		Chunks int    `json:"stream.chunk_count"`
	}
	if event.ScopeCategory() == scopeflow.ScopeCategoryEnd && json.Unmarshal(event.Metadata(), &status) == nil {
		fmt.Println(status.Code, status.Chunks)
	}
}

func ask(ctx context.Context, text string, enough int) error {
	request := &scopeflow.TypedLLMRequest[prompt]{
		Headers: map[string]any{"authorization": "Bearer secret"}, Content: prompt{text},
	}
	var answer []string
	hooks := scopeflow.LLMStreamHooks{
		Collector: func(chunk any) error {
			answer = append(answer, chunk.(string))
			return nil
		},
		Finalizer: func() (any, error) { return strings.Join(answer, " "), nil },
	}
	for word, err := range scopeflow.StreamLLM(ctx, "shouter", request, complete, hooks) {
		if err != nil {
			return err
		}
		fmt.Println(word)
		if len(answer) == enough {
			break // Whoever leaves early stops the producer, and the end event says so.
		}
	}
	return nil
}

// A model that answers in chunks: the consumer gets each at once, events get the whole answer.
func Example_streamingLLM() {
	runtime, err := scopeflow.NewRuntime()
	if err != nil {
		log.Fatal(err)
	}
	if err := runtime.RegisterSubscriber("show", showStatus); err != nil {
		log.Fatal(err)
	}
	ctx := scopeflow.WithRuntime(context.Background(), runtime)
	if err := ask(ctx, "all of the words", 10); err != nil {
		log.Fatal(err)
	}
	if err := ask(ctx, "only some of the words", 2); err != nil {
		log.Fatal(err)
	}
	// Output:
	// start shouter {"headers":{},"content":{"prompt":"all of the words"}}
	// ALL
	// OF
	// THE
	// WORDS
	// end shouter "ALL OF THE WORDS"
	// OK 4
	// start shouter {"headers":{},"content":{"prompt":"only some of the words"}}
	// ONLY
	// SOME
	// end shouter "ONLY SOME"
	// ERROR 2
}
