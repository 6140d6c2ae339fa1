package scopeflow

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"weak"
)

// Whatever a codec is given: it says what is wrong, and nothing breaks.

func TestCodecsSayWhatIsWrong(t *testing.T) {
	ctx := context.Background()
	r := testRuntime(t)
	var nilContext context.Context
	request := chatRequest(chatText)
	annotated := must(OpenAIChatCodec.AnnotateRequest(ctx, request))
	var nilStream *CodecStream
	finished := must(OpenAIChatCodec.NewStream(ctx))
	if text, err := finished.Finish(); string(text) != "{}" || err != nil {
		t.Errorf("an empty stream came to %s, %v", text, err)
	}
	chat, unknown := OpenAIChatCodec, map[string]any{"x": 1}
	var nilForm *AnnotatedLLMRequest
	second := func(_ any, err error) error { return err }
	refuses := func(err error, names string) {
		t.Helper()
		if !errors.Is(err, ErrInvalidArgument) || !strings.Contains(err.Error(), names) {
			t.Errorf("%q: %v", names, err)
		}
	}
	refuses(second(CodecByName("openai")), `codec is "openai", not one of auto, openai_chat`)
	refuses(second(AutoCodec.AnnotateRequest(ctx, nil)), "request must not be nil")
	refuses(second(chat.AnnotateRequest(nilContext, request)), "context must not be nil")
	refuses(second(chat.Decode(ctx, chatRequest("x"))), "OpenAI Chat request decode: the content is no object")
	refuses(second(chat.Decode(ctx, chatRequest(json.RawMessage("{")))), "the content is no object")
	refuses(second(ProviderCodec(5).Decode(ctx, request)), "codec")
	refuses(second(ProviderCodec(-1).DecodeResponse(ctx, saidText)), "codec")
	refuses(second(chat.Encode(ctx, "x", request)), "must be objects")
	refuses(second(chat.Encode(ctx, nil, request)), "must be objects")
	refuses(second(chat.Encode(ctx, nilForm, request)), "must be objects")
	refuses(second(chat.Encode(ctx, annotated, nil)), "request must not be nil")
	refuses(second(AutoCodec.Encode(ctx, annotated, chatRequest(unknown))), "no codec knows")
	refuses(second(chat.AnnotateResponse(ctx, unknown)), "nothing of such a response")
	refuses(r.UsePrices("prices.json"), "prices[0] must be an object")
	refuses(r.UsePrices(nil), "prices[0] must be an object")
	refuses(nilStream.Feed(1), "stream must not be nil")
	refuses(second(nilStream.Finish()), "stream must not be nil")
	refuses(second(AutoCodec.NewStream(ctx, nil, WithMemoryLimit(1))), "memory_limit")
	refuses(second(AutoCodec.NewStream(nilContext)), "context must not be nil")
	refuses(second(ProviderCodec(9).NewStream(ctx)), "codec")
	for _, err := range []error{finished.Feed(1), second(finished.Finish())} {
		if !errors.Is(err, ErrInvalidState) || !strings.Contains(err.Error(), "given already") {
			t.Errorf("behind its end a stream gives %v", err)
		}
	}
}

func TestAStreamIsBounded(t *testing.T) {
	stream := must(OpenAIChatCodec.NewStream(context.Background(), WithMemoryLimit(1<<16)))
	chunk := json.RawMessage(`{"choices":[{"index":0,"delta":{"content":"` + strings.Repeat("x", 40_000) + `"}}]}`)
	var err error
	for range 4 {
		if err = stream.Feed(chunk); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrLimitExceeded) {
		t.Errorf("four long chunks gave %v", err)
	}
}

// withWrong gives the value again and again, each time with another place in it wrong or missing.
func withWrong(value any, yield func(any)) {
	wrong := []any{
		nil, true, -7, 1.5, "text", []any{}, []any{[]any{}}, map[string]any{},
		map[string]any{"type": map[string]any{}}, []any{nil, map[string]any{"type": "text"}},
	}
	for _, other := range wrong {
		yield(other)
	}
	switch v := value.(type) {
	case map[string]any:
		for key, member := range v {
			without := maps.Clone(v)
			delete(without, key)
			yield(without)
			withWrong(member, func(other any) {
				made := maps.Clone(v)
				made[key] = other
				yield(made)
			})
		}
	case []any:
		for i, element := range v {
			yield(slices.Delete(slices.Clone(v), i, i+1))
			withWrong(element, func(other any) {
				made := slices.Clone(v)
				made[i] = other
				yield(made)
			})
		}
	}
}

func isObject(value any) bool {
	_, ok := value.(map[string]any)
	return ok
}

func TestAnythingWrongInARequestIsDecodedAndStays(t *testing.T) {
	ctx := context.Background()
	for _, c := range readCodecCases[[]codecRequestCase](t, "requests") {
		codec := must(CodecByName(c.Codec))
		withWrong(decodePart(string(c.Content)), func(odd any) {
			request := chatRequest(odd)
			annotated, err := codec.AnnotateRequest(ctx, request)
			if !isObject(odd) {
				if !errors.Is(err, ErrInvalidArgument) || !strings.Contains(err.Error(), "the content is no object") {
					t.Errorf("%v gave %v", odd, err)
				}
				return
			}
			if err != nil {
				t.Errorf("%v gave %v", odd, err)
			} else if same, err := codec.Encode(ctx, annotated, request); same != request {
				t.Errorf("%s became %v, %v", sortedJSON(odd), same, err)
			}
		})
	}
}

func TestAnythingWrongInAnAnnotatedFormIsCarriedOrRefused(t *testing.T) {
	ctx := context.Background()
	for _, c := range readCodecCases[[]codecRequestCase](t, "requests") {
		codec := must(CodecByName(c.Codec))
		request := chatRequest(c.Content)
		withWrong(decodePart(string(c.Annotated)), func(odd any) {
			if !isObject(odd) {
				return
			}
			typed := new(AnnotatedLLMRequest)
			typed.fill(odd)
			for _, annotated := range []any{odd, typed} {
				made, err := codec.Encode(ctx, annotated, request)
				switch {
				case err == nil && !json.Valid(made.Content.(json.RawMessage)):
					t.Errorf("%s made %s", sortedJSON(odd), made.Content)
				case err != nil && !strings.Contains(err.Error(), cannotCarry):
					t.Errorf("%s gave %v", sortedJSON(odd), err)
				}
			}
		})
	}
}

func TestAnythingWrongInAResponseIsDecodedOrRefused(t *testing.T) {
	ctx := context.Background()
	for _, c := range readCodecCases[[]codecResponseCase](t, "responses") {
		codec := must(CodecByName(c.Codec))
		withWrong(decodePart(string(c.Response)), func(odd any) {
			annotated, err := codec.AnnotateResponse(ctx, odd)
			if err == nil && annotated.APISpecific == nil ||
				err != nil && !strings.Contains(err.Error(), "response decode: it has nothing of such a response") {
				t.Errorf("%s gave %v, %v", sortedJSON(odd), annotated, err)
			}
		})
	}
}

func TestMegabytesAndAHundredThousandMessages(t *testing.T) {
	ctx := context.Background()
	text := strings.Repeat("ž", 1_500_000)
	long := chatRequest(map[string]any{
		"messages": []any{map[string]any{"role": "user", "content": text}}, "model": text, text: text,
	})
	annotated := must(OpenAIChatCodec.AnnotateRequest(ctx, long))
	annotated.Messages[0].Content.Text += "y"
	made := must(OpenAIChatCodec.Encode(ctx, annotated, long)).Content.(map[string]any)
	if made["messages"].([]any)[0].(map[string]any)["content"] != text+"y" || made["model"] != text {
		t.Error("the texts are others")
	}

	messages := make([]any, 100_000)
	for i := range messages {
		messages[i] = map[string]any{"role": "user", "content": strings.Repeat("a", i%7)}
	}
	for _, content := range []any{
		map[string]any{"messages": messages},
		json.RawMessage(must(json.Marshal(map[string]any{"messages": messages}))),
	} {
		many := chatRequest(content)
		annotated = must(OpenAIChatCodec.AnnotateRequest(ctx, many))
		annotated.Messages[99_999].Content.Text = "last"
		got := must(OpenAIChatCodec.Encode(ctx, annotated, many)).Content
		again := must(OpenAIChatCodec.AnnotateRequest(ctx, chatRequest(got)))
		if len(again.Messages) != 100_000 || again.LastUserMessage() != "last" {
			t.Errorf("of %T: %d messages, the last %v", content, len(again.Messages), again.Messages[99_999])
		}
	}
}

func TestValuesThatCannotBeWrittenAreNoAffairOfTheCodecs(t *testing.T) {
	ctx := context.Background()
	cyclic := map[string]any{"choices": []any{map[string]any{"message": map[string]any{"content": "a"}}}}
	cyclic["self"] = cyclic
	if said := must(OpenAIChatCodec.AnnotateResponse(ctx, cyclic)); said.ResponseText() != "a" {
		t.Errorf("it says %v", said)
	}
	request := chatRequest(map[string]any{"messages": []any{}, "self": cyclic, "f": func() {}, "panics": panicking{}})
	annotated := must(OpenAIChatCodec.AnnotateRequest(ctx, request))
	if same := must(OpenAIChatCodec.Encode(ctx, annotated, request)); same != request {
		t.Errorf("it became %v", same)
	}
	if text := string(must(json.Marshal(annotated))); !strings.Contains(text, `"$unserializable"`) ||
		!strings.Contains(text, `"$cycle"`) {
		t.Errorf("it is written as %s", text)
	}
}

type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("no") }

func TestCodecsHoldNothing(t *testing.T) {
	r := testRuntime(t)
	ctx := WithRuntime(context.Background(), r)
	before := r.slots.used()
	for range 20 {
		request := chatRequest(chatText)
		annotated := must(AutoCodec.AnnotateRequest(ctx, request))
		annotated.Model = "m"
		must(AutoCodec.Encode(ctx, annotated, request))
		_, _ = GeminiGenerateContentCodec.AnnotateResponse(ctx, 7)
		_ = r.UsePrices(7)
		must(must(AutoCodec.NewStream(ctx)).Finish())
	}
	if after := r.slots.used(); after != before {
		t.Errorf("%d values stay lent", after-before)
	}
}

// What nobody finishes goes with whoever had it: a cleanup gives the core's part back.
func TestForgottenStreamsAndDecodersGo(t *testing.T) {
	forget := func() (weak.Pointer[CodecStream], weak.Pointer[SSEDecoder]) {
		stream, decoder := must(AutoCodec.NewStream(context.Background())), must(NewSSEDecoder())
		must(0, stream.Feed(saidText))
		must(decoder.Feed([]byte("data: a")))
		return weak.Make(stream), weak.Make(decoder)
	}
	stream, decoder := forget()
	collected(t, "the end of a stream and a decoder", func() bool {
		return stream.Value() == nil && decoder.Value() == nil
	})
}
