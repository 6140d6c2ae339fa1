package scopeflow

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The vectors of tests/codecs: both as texts, which have to come out byte for byte, and as Go's values.

const cannotCarry = " request encode: the provider cannot carry the edit of "

// codecContents are the forms in which a request's content is given.
var codecContents = map[string]func(text json.RawMessage) any{
	"text":   func(text json.RawMessage) any { return text },
	"values": func(text json.RawMessage) any { return decodePart(string(text)) },
}

func TestRequestsOfTheVectors(t *testing.T) {
	ctx := context.Background()
	for _, c := range readCodecCases[[]codecRequestCase](t, "requests") {
		t.Run(c.ID, func(t *testing.T) {
			codec := must(CodecByName(c.Codec))
			for form, content := range codecContents {
				request := &LLMRequest{Headers: map[string]any{"a": "b"}, Content: content(c.Content)}
				annotated := must(codec.AnnotateRequest(ctx, request))
				if got := sortedJSON(annotated); got != sortedJSON(c.Annotated) {
					t.Errorf("%s is decoded to\n%s\ninstead of\n%s", form, got, c.Annotated)
				}
				if same, err := codec.Encode(ctx, annotated, request); same != request || err != nil {
					t.Errorf("%s: nothing was edited, but it became %v, %v", form, same, err)
				}
				if detected, err := DetectRequest(ctx, request.Content, ""); detected == AutoCodec || err != nil {
					t.Errorf("%s: nobody's, %v", form, err)
				}
				for i := range c.Edits {
					c.Edits[i].check(t, codec, &c, request)
				}
				if sortedJSON(request.Content) != sortedJSON(c.Content) {
					t.Errorf("%s: the original was changed", form)
				}
			}
		})
	}
}

func (e *codecEditCase) check(t *testing.T, codec ProviderCodec, c *codecRequestCase, request *LLMRequest) {
	t.Helper()
	text := e.changed(t, c.Annotated)
	typed := new(AnnotatedLLMRequest)
	if err := json.Unmarshal(text, typed); err != nil {
		t.Fatal(err)
	}
	for _, annotated := range []any{text, typed, decodePart(string(text))} {
		_, hasNoOrder := annotated.(map[string]any)
		made, err := codec.Encode(context.Background(), annotated, request)
		if e.Path != nil {
			// Which of several comes first is a matter of their order.
			isOther := !hasNoOrder && !strings.HasSuffix(err.Error(), " "+*e.Path)
			if !errors.Is(err, ErrInvalidArgument) || isOther || !strings.Contains(err.Error(), cannotCarry) {
				t.Errorf("%s: %v instead of an error of %s", text, err, *e.Path)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, isText := made.Content.(json.RawMessage)
		isText = isText && !hasNoOrder
		if isText && compact(got) != compact(e.Content) || sortedJSON(made.Content) != sortedJSON(e.Content) {
			t.Errorf("%T %s became\n%s\ninstead of\n%s", annotated, text, sortedJSON(made.Content), e.Content)
		}
	}
}

func TestResponsesOfTheVectors(t *testing.T) {
	ctx := context.Background()
	for _, c := range readCodecCases[[]codecResponseCase](t, "responses") {
		t.Run(c.ID, func(t *testing.T) {
			for form, response := range codecContents {
				annotated, err := must(CodecByName(c.Codec)).AnnotateResponse(ctx, response(c.Response))
				if err != nil || sortedJSON(annotated) != sortedJSON(c.Annotated) {
					t.Errorf("%s is decoded to\n%s\ninstead of\n%s, %v", form, sortedJSON(annotated), c.Annotated, err)
				}
			}
		})
	}
}

// gathered is what chunks come to.
func gathered(t *testing.T, codec ProviderCodec, chunks []any) json.RawMessage {
	t.Helper()
	stream := must(codec.NewStream(context.Background()))
	for _, chunk := range chunks {
		if err := stream.Feed(chunk); err != nil {
			t.Fatalf("%s: %v", chunk, err)
		}
	}
	return must(stream.Finish())
}

func TestStreamsOfTheVectors(t *testing.T) {
	for _, c := range readCodecCases[[]codecStreamCase](t, "streams") {
		t.Run(c.ID, func(t *testing.T) { checkStream(t, must(CodecByName(c.Codec)), c.Chunks, c.Response) })
	}
}

func checkStream(t *testing.T, codec ProviderCodec, texts []json.RawMessage, response json.RawMessage) {
	for form, chunk := range codecContents {
		var chunks []any
		for _, text := range texts {
			chunks = append(chunks, chunk(text))
		}
		for _, each := range []ProviderCodec{codec, AutoCodec} {
			if got := gathered(t, each, chunks); sortedJSON(got) != sortedJSON(response) {
				t.Errorf("%v made of %s\n%s\ninstead of\n%s", each, form, got, response)
			}
		}
		for count := range chunks { // What broke off can be decoded, too.
			made := gathered(t, codec, chunks[:count])
			if detected, err := DetectResponse(context.Background(), made); err != nil || detected == AutoCodec {
				continue
			}
			if _, err := codec.AnnotateResponse(context.Background(), made); err != nil {
				t.Errorf("%d chunks became %s: %v", count, made, err)
			}
		}
	}
}

// All that the providers' own SDKs know: each request is decoded and left as it is, each stream comes to
// its response.
func TestExchangesOfTheVectors(t *testing.T) {
	ctx := context.Background()
	files := must(filepath.Glob("../tests/codecs/exchanges/*.json"))
	if len(files) != 4 {
		t.Fatalf("there are %v", files)
	}
	for _, file := range files {
		codec := must(CodecByName(strings.TrimSuffix(filepath.Base(file), ".json")))
		var exchanges []struct {
			ID                string
			Request, Response json.RawMessage
			Chunks            []json.RawMessage
		}
		if err := json.Unmarshal(must(os.ReadFile(file)), &exchanges); err != nil {
			t.Fatal(err)
		}
		for _, x := range exchanges {
			t.Run(codec.String()+" "+x.ID, func(t *testing.T) {
				if x.Request != nil {
					request := &LLMRequest{Content: x.Request}
					annotated := must(codec.AnnotateRequest(ctx, request))
					if same := must(codec.Encode(ctx, annotated, request)); same != request {
						t.Errorf("it became %s", same.Content)
					}
				}
				if x.Response != nil && must(codec.AnnotateResponse(ctx, x.Response)).APISpecific == nil {
					t.Error("the response says nothing")
				}
				if x.Chunks != nil {
					checkStream(t, codec, x.Chunks, x.Response)
				}
			})
		}
	}
}

func TestPricesOfTheVectors(t *testing.T) {
	cases := readCodecCases[codecPriceCases](t, "prices")
	r := testRuntime(t)
	ctx := WithRuntime(context.Background(), r)
	for _, c := range cases.Costs {
		t.Run(c.ID, func(t *testing.T) {
			must(0, r.UsePrices(cases.Catalogues...))
			codec := must(CodecByName(c.Codec))
			cost := func() *Cost {
				usage := must(codec.AnnotateResponse(ctx, c.Response)).Usage
				if usage == nil {
					return nil
				}
				return usage.Cost
			}
			if got := sortedJSON(cost()); got != sortedJSON(c.Cost) {
				t.Errorf("it costs %s instead of %s", got, c.Cost)
			}
			must(0, r.UsePrices())
			if got := cost(); got != nil && got.Source != "provider_reported" {
				t.Errorf("without prices it costs %s", sortedJSON(got))
			}
		})
	}
}

func TestCataloguesThatAreRefusedLeaveThePricesAsTheyWere(t *testing.T) {
	cases := readCodecCases[codecPriceCases](t, "prices")
	r := testRuntime(t)
	ctx := WithRuntime(context.Background(), r)
	must(0, r.UsePrices(cases.Catalogues...))
	for _, c := range cases.Refused {
		message := c.Message
		var catalogues []any
		if json.Unmarshal(c.Catalogues, &catalogues) != nil {
			catalogues = []any{c.Catalogues}
			message = strings.Replace(message, "prices", "prices[0]", 1)
		}
		err := r.UsePrices(catalogues...)
		if !errors.Is(err, ErrInvalidArgument) || !strings.Contains(err.Error(), message) {
			t.Errorf("%s: %v instead of %s", c.Catalogues, err, message)
		}
	}
	priced := cases.Costs[0]
	annotated := must(must(CodecByName(priced.Codec)).AnnotateResponse(ctx, priced.Response))
	if got := sortedJSON(annotated.Usage.Cost); got != sortedJSON(priced.Cost) {
		t.Errorf("it costs %s instead of %s", got, priced.Cost)
	}
}

func TestPricesAreTypedOrOfAFile(t *testing.T) {
	r := testRuntime(t)
	ctx := WithRuntime(context.Background(), r)
	cached := 0.25
	typed := PriceCatalogue{Entries: []PriceEntry{{
		Provider: "p", ModelID: "m", Aliases: []string{"n"}, Currency: "EUR",
		RateSchedule: &PriceSchedule{Type: "prompt_token_threshold", Tiers: []PriceTier{{
			Rates: PriceRates{InputPerMillion: 2.5, OutputPerMillion: 10, CacheReadPerMillion: &cached},
		}}},
	}}}
	response := json.RawMessage(`{"model":"n","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":100}}`)
	must(0, r.UsePrices(&typed))
	cost := must(OpenAIChatCodec.AnnotateResponse(ctx, response)).Usage.Cost
	if cost == nil || cost.Total == nil || *cost.Total != 0.0035 || cost.Currency != "EUR" {
		t.Errorf("it costs %s", sortedJSON(cost))
	}
	file := must(os.ReadFile("../examples/prices.json"))
	if err := r.UsePrices(json.RawMessage(file), typed); err != nil {
		t.Error(err)
	}
	if err := (*Runtime)(nil).UsePrices(); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("a nil runtime: %v", err)
	}
}

func TestWhoseAPayloadIs(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		text, hint string
		isResponse bool
		codec      ProviderCodec
	}{
		{`{"messages":[]}`, "", false, OpenAIChatCodec},
		{`{"messages":[]}`, "Anthropic's", false, AnthropicMessagesCodec},
		{`{"messages":[],"model":"claude-x"}`, "", false, AnthropicMessagesCodec},
		{`{"input":"x"}`, "", false, OpenAIResponsesCodec},
		{`{"contents":[]}`, "", false, GeminiGenerateContentCodec},
		{`{"prompt":"x"}`, "openai", false, AutoCodec},
		{`[]`, "", false, AutoCodec},
		{`{"choices":[]}`, "", true, OpenAIChatCodec},
		{`{"type":"message","content":[]}`, "", true, AnthropicMessagesCodec},
		{`{"object":"response"}`, "", true, OpenAIResponsesCodec},
		{`{"candidates":[]}`, "", true, GeminiGenerateContentCodec},
		{`"x"`, "", true, AutoCodec},
	} {
		for form, content := range codecContents {
			got, err := DetectResponse(ctx, content(json.RawMessage(c.text)))
			if !c.isResponse {
				got, err = DetectRequest(ctx, content(json.RawMessage(c.text)), c.hint)
			}
			if got != c.codec || err != nil {
				t.Errorf("%s as %s is of %v, %v", c.text, form, got, err)
			}
		}
	}
	var none context.Context
	if _, err := DetectRequest(none, nil, ""); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("without a context: %v", err)
	}
}

func TestWhatAutoDoesNotKnowHasNoForm(t *testing.T) {
	ctx := context.Background()
	request, err := AutoCodec.Decode(ctx, chatRequest(map[string]any{"prompt": "x"}))
	if request != nil || err != nil {
		t.Errorf("a request has %v, %v", request, err)
	}
	response, err := AutoCodec.DecodeResponse(ctx, "hello")
	if response != nil || err != nil {
		t.Errorf("a response has %v, %v", response, err)
	}
	if failed, err := OpenAIChatCodec.AnnotateResponse(ctx, 7); failed != nil || err == nil {
		t.Errorf("a response that is none has %v, %v", failed, err)
	}
	if failed, err := OpenAIChatCodec.AnnotateRequest(ctx, chatRequest(7)); failed != nil || err == nil {
		t.Errorf("a request that is none has %v, %v", failed, err)
	}
}
