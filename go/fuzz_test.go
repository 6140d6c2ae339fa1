package scopeflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// Any JSON as a payload: what a subscriber gets is JSON, and says what encoding/json says.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,null,true,"x"]}`, `"\ud800"`, "1e999", "[[[]]]", "-0", `{"":{"":1}}`} {
		f.Add([]byte(seed))
	}
	r, err := NewRuntime()
	if err != nil {
		f.Fatal(err)
	}
	var last *Event
	err = r.RegisterSubscriber("last", func(_ context.Context, event *Event) { last = event })
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, payload := range []any{json.RawMessage(text), string(text), text} {
			if err := r.EmitEvent(context.Background(), "m", WithData(payload)); err != nil {
				t.Fatal(err)
			}
			if !json.Valid(last.Raw()) || !json.Valid(last.Data()) {
				t.Fatalf("%q became %s", text, last)
			}
		}
		var value any
		if decodeJSON(string(text), &value) != nil {
			return
		}
		if err := r.EmitEvent(context.Background(), "m", WithData(value)); err != nil || !json.Valid(last.Data()) {
			t.Fatalf("%v became %s, %v", value, last.Data(), err)
		}
	})
}

// Any bytes as an event file: each line is an event or an error that says which, and reading ends.
func FuzzReadAtof(f *testing.F) {
	f.Add([]byte(`{"kind":"mark","atof_version":"0.1","uuid":"00000000-0000-7000-8000-000000000001"}` + "\n{"))
	f.Add([]byte("\xef\xbb\xbf\r\n[]\n\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		count := 0
		for event, err := range ReadAtof(bytes.NewReader(text), WithLineLimit(1<<16), WithDepthLimit(64)) {
			var bad *AtofLineError
			if err == nil && event.Raw() == nil || err != nil && !errors.As(err, &bad) {
				t.Fatalf("%v, %v", event, err)
			}
			count++
		}
		if count > bytes.Count(text, []byte("\n"))+1 {
			t.Fatalf("%d items of %d lines", count, bytes.Count(text, []byte("\n"))+1)
		}
	})
}

// Any text as a propagated context: it is read as it is written again, or told what is wrong.
func FuzzParsePropagation(f *testing.F) {
	f.Add(`{"version":1,"parent_uuid":"00000000-0000-0000-b7ad-6b7169203331"}`)
	f.Add("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := ParsePropagation(text)
		if err != nil {
			if statusOf(err) == StatusOK || strings.TrimSpace(err.Error()) == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := ParsePropagation(parsed.String())
		if err != nil || again.String() != parsed.String() {
			t.Fatalf("%q is %v, then %v, %v", text, parsed, again, err)
		}
	})
}

// Any bytes as server-sent events: wherever they are cut, the same comes of them, and each event is of
// bytes of the stream.
func FuzzSSE(f *testing.F) {
	f.Add([]byte(sseText), 3)
	f.Add([]byte("\xef\xbb\xbfdata\r\rdata: \x00\xff\n\nretry: 99999999999999999999\n\n"), 1)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		whole := sseEvents(t, string(text), len(text)+1, WithLineLimit(64))
		cut := sseEvents(t, string(text), max(size, 1), WithLineLimit(64))
		if showSSE(whole) != showSSE(cut) {
			t.Fatalf("%q is\n%s\nin pieces of %d\n%s", text, showSSE(whole), size, showSSE(cut))
		}
		end := uint64(0)
		for _, event := range whole {
			if event.OffsetBytes < end || event.SizeBytes == 0 {
				t.Fatalf("%q has an event of %d bytes at %d", text, event.SizeBytes, event.OffsetBytes)
			}
			end = event.OffsetBytes + event.SizeBytes
		}
		if end > uint64(len(text)) {
			t.Fatalf("%q ends at %d", text, end)
		}
	})
}

// isSameBut says whether two objects are the same but for a member, numbers as they are spelled.
func isSameBut(a, b []byte, name string) bool {
	x, isObject := decodePart(string(a)).(map[string]any)
	y, isOther := decodePart(string(b)).(map[string]any)
	delete(x, name)
	delete(y, name)
	return isObject && isOther && reflect.DeepEqual(x, y)
}

// Any JSON as a request: what is not edited stays the very request, as a text and as Go's values; an edit
// of a text leaves a text, in which that is edited; any JSON as a response is decoded or refused.
func FuzzCodecs(f *testing.F) {
	for _, c := range readCodecCases[[]codecRequestCase](f, "requests") {
		f.Add([]byte(c.Content))
	}
	for _, c := range readCodecCases[[]codecResponseCase](f, "responses") {
		f.Add([]byte(c.Response))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		ctx := context.Background()
		for codec := OpenAIChatCodec; codec <= GeminiGenerateContentCodec; codec++ {
			if _, err := codec.AnnotateResponse(ctx, json.RawMessage(text)); statusOf(err) > StatusInvalidArgument {
				t.Fatalf("%v of the response %q: %v", codec, text, err)
			}
			for _, content := range codecContents {
				request := chatRequest(content(text))
				annotated, err := codec.AnnotateRequest(ctx, request)
				if err != nil {
					continue
				}
				if same, err := codec.Encode(ctx, annotated, request); same != request {
					t.Fatalf("%v: %q became %v, %v", codec, text, same, err)
				}
				annotated.Model += "-edited"
				made, err := codec.Encode(ctx, annotated, request)
				if err != nil {
					continue
				}
				again := must(codec.AnnotateRequest(ctx, made))
				given, isText := made.Content.(json.RawMessage)
				if again.Model != annotated.Model || isText && !isSameBut(text, given, "model") {
					t.Fatalf("%v: %q became %s", codec, text, made.Content)
				}
			}
		}
	})
}
