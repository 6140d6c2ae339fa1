package scopeflow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"strings"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

// showCost prints what a call of a model has taken.
func showCost(_ context.Context, event *scopeflow.Event) {
	var response scopeflow.AnnotatedLLMResponse
	if event.AnnotatedResponse() == nil || json.Unmarshal(event.AnnotatedResponse(), &response) != nil {
		return
	}
	usage := response.Usage
	fmt.Println(event.Name(), response.FinishReason, *usage.PromptTokens, "+", *usage.CompletionTokens, "tokens,",
		*usage.Cost.Total, usage.Cost.Currency)
}

// brief is a request intercept that works for every provider.
func brief(_ context.Context, _ string, request *scopeflow.LLMRequest, annotated any) (any, error) {
	form, isKnown := annotated.(*scopeflow.AnnotatedLLMRequest)
	if !isKnown {
		return request, nil
	}
	last := &form.Messages[len(form.Messages)-1]
	last.Content = scopeflow.TextContent(last.Content.String() + " Be brief.")
	return scopeflow.LLMRequestInterceptOutcome{Request: request, AnnotatedRequest: form}, nil
}

// The requests and responses of providers in a form of their own: edited by an intercept, and with tokens
// and costs for observers.
func ExampleProviderCodec() {
	runtime, err := scopeflow.NewRuntime()
	if err != nil {
		log.Fatal(err)
	}
	rates := scopeflow.PriceRates{InputPerMillion: 3, OutputPerMillion: 15}
	entry := scopeflow.PriceEntry{Provider: "example", ModelID: "claude-example", Rates: &rates}
	for _, err := range []error{
		runtime.UsePrices(scopeflow.PriceCatalogue{Entries: []scopeflow.PriceEntry{entry}}),
		runtime.RegisterLLMRequestIntercept("brief", 10, false, brief),
		runtime.RegisterSubscriber("cost", showCost),
	} {
		if err != nil {
			log.Fatal(err)
		}
	}
	request := &scopeflow.LLMRequest{Content: json.RawMessage(
		`{"model": "claude-example", "max_tokens": 99, "messages": [{"role": "user", "content": "Why?"}]}`)}
	_, err = runtime.LLMCallExecute(context.Background(), "anthropic", request,
		func(_ context.Context, request *scopeflow.LLMRequest) (any, error) {
			fmt.Printf("%s\n", request.Content) // All but what was edited has its bytes.
			return json.RawMessage(`{"type": "message", "model": "claude-example", "stop_reason": "end_turn",
				"content": [{"type": "text", "text": "So."}],
				"usage": {"input_tokens": 1000, "output_tokens": 100}}`), nil
		}, scopeflow.WithCodec(scopeflow.AutoCodec), scopeflow.WithResponseCodec(scopeflow.AutoCodec))
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"model": "claude-example", "max_tokens": 99, "messages": [{"role": "user", "content": "Why? Be brief."}]}
	// anthropic complete 1000 + 100 tokens, 0.0045 USD
}

// Server-sent events of a stream, put together to the response that came without streaming.
func ExampleReadSSE() {
	body := strings.NewReader(`data: {"id": "c1", "choices": [{"index": 0, "delta": {"content": "Hel"}}]}

data: {"choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}]}

data: [DONE]

`)
	ctx := context.Background()
	chunks, err := scopeflow.OpenAIChatCodec.NewStream(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range scopeflow.ReadSSE(body) {
		if err != nil {
			log.Fatal(err)
		}
		if err := chunks.Feed(json.RawMessage(event.Data)); err != nil {
			log.Fatal(err)
		}
	}
	response, err := chunks.Finish()
	if err != nil {
		log.Fatal(err)
	}
	annotated, err := scopeflow.OpenAIChatCodec.AnnotateResponse(ctx, response)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(annotated.ResponseText(), annotated.FinishReason)
	fmt.Printf("%s\n", response)
	// Output:
	// Hello complete
	// {"id":"c1","choices":[{"index":0,"message":{"content":"Hello"},"finish_reason":"stop"}]}
}
