package scopeflow

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// Edits of the annotated form leave whatever they do not touch as it was.

// edit decodes a content, lets the form be edited, and gives the content that comes of it.
func edit(t *testing.T, content any, change func(*AnnotatedLLMRequest)) any {
	t.Helper()
	ctx := context.Background()
	request := chatRequest(content)
	annotated := must(OpenAIChatCodec.AnnotateRequest(ctx, request))
	if same := must(OpenAIChatCodec.Encode(ctx, annotated, request)); same != request {
		t.Errorf("%T: nothing was edited, and it became %v", content, same.Content)
	}
	change(annotated)
	made := must(OpenAIChatCodec.Encode(ctx, annotated, request))
	if made == request || !identical(request.Content, content) {
		t.Errorf("%T: the request is %v, was %v", content, made, request)
	}
	return made.Content
}

func sayB(annotated *AnnotatedLLMRequest) {
	annotated.Messages[len(annotated.Messages)-1].Content = TextContent("b")
}

func TestWhatWasNotEditedIsTheVeryValueThatItWas(t *testing.T) {
	first := map[string]any{"role": "user", "content": "a", "extra": []any{1}}
	metadata := &struct{ K []int }{[]int{1}}
	messages := []any{first, map[string]any{"role": "user", "content": "a"}}
	content := map[string]any{
		"messages": messages, "metadata": metadata, "image": []byte{1}, "f": func() {}, "max": json.RawMessage("1e999"),
	}
	made := edit(t, content, sayB).(map[string]any)
	edited := made["messages"].([]any)
	if !identical(edited[0], first) || made["metadata"] != metadata || !identical(made["image"], content["image"]) {
		t.Errorf("it became %v", made)
	}
	if edited[1].(map[string]any)["content"] != "b" || messages[1].(map[string]any)["content"] != "a" {
		t.Errorf("it became %v, was %v", edited, messages)
	}
}

func TestEditsOfATextKeepAllOtherBytes(t *testing.T) {
	const text = " {\n\t\"messages\" : [ {\"role\":\"user\", \"content\":\"a\" , \"n\":1.50} ,\r\n" +
		"{\"content\" :  \"a\",\"role\":\"user\"} ] , " +
		"\"seed\":123456789012345678901234567890, \"temperature\": 1E0 ,\n" +
		"\"x\":{ \"<\\u003c\\/\":[ ] } } "
	for _, c := range []struct {
		what, from, to string
		change         func(*AnnotatedLLMRequest)
	}{
		{"set", `{"content" :  "a"`, `{"content" :  "b"`, sayB},
		{"removed", ` "temperature": 1E0 ,`, "", func(a *AnnotatedLLMRequest) { a.Params = nil }},
		{"added", "] } } ", `] },"model":"<m>" } `, func(a *AnnotatedLLMRequest) { a.Model = "<m>" }},
		{"first removed", ` {"role":"user", "content":"a" , "n":1.50} ,`, "",
			func(a *AnnotatedLLMRequest) { a.Messages = a.Messages[1:] }},
		{"last removed", ",\r\n{\"content\" :  \"a\",\"role\":\"user\"}", "",
			func(a *AnnotatedLLMRequest) { a.Messages = a.Messages[:1] }},
		{"inserted", " [ {", ` [{"role":"system","content":"s"}, {`, func(a *AnnotatedLLMRequest) {
			a.Messages = append([]Message{{Role: "system", Content: TextContent("s")}}, a.Messages...)
		}},
	} {
		got := edit(t, json.RawMessage(text), c.change).(json.RawMessage)
		if want := strings.Replace(text, c.from, c.to, 1); string(got) != want || want == text {
			t.Errorf("%s:\n%s\ninstead of\n%s", c.what, got, want)
		}
	}
}

func TestOfSeveralMembersOfOneNameTheLastOneCounts(t *testing.T) {
	const text = `{"model":"a","messages":[],"model":"b"}`
	got := edit(t, json.RawMessage(text), func(a *AnnotatedLLMRequest) {
		if a.Model != "b" {
			t.Errorf("the model is %s", a.Model)
		}
		a.Model = "c"
	})
	if string(got.(json.RawMessage)) != `{"model":"a","messages":[],"model":"c"}` {
		t.Errorf("it became %s", got)
	}
	const unknown = `{"x":1,"messages":[{"content":"a","y":{},"y":[]}],"x":2}`
	got = edit(t, json.RawMessage(unknown), func(a *AnnotatedLLMRequest) { a.Extra["x"] = 3; sayB(a) })
	if string(got.(json.RawMessage)) != `{"x":1,"messages":[{"content":"b","y":{},"y":[]}],"x":3}` {
		t.Errorf("it became %s", got)
	}
	got = edit(t, json.RawMessage(text), func(a *AnnotatedLLMRequest) { a.Model = "" })
	if string(got.(json.RawMessage)) != `{"messages":[]}` {
		t.Errorf("it became %s", got)
	}
}

type (
	saidMessage struct {
		Role    string `json:"role"`
		Content string `json:"content"`
		Image   []byte `json:"image,omitempty"`
	}
	hiddenMessage struct{ content string }
	role          string
)

func (m hiddenMessage) MarshalJSON() ([]byte, error) {
	return json.Marshal(saidMessage{Role: "user", Content: m.content})
}

func TestEditsGoIntoWhateverIsWrittenAsJSON(t *testing.T) {
	user := map[string]string{"role": "user", "content": "a"}
	for _, messages := range []any{
		[]map[string]string{user},
		[]saidMessage{{Role: "user", Content: "a", Image: []byte{1}}},
		[]*saidMessage{{Role: "user", Content: "a"}},
		[]hiddenMessage{{"a"}},
		[]any{&hiddenMessage{"a"}},
		[]json.RawMessage{json.RawMessage(`{"role":"user","content":"a"}`)},
		json.RawMessage(`[{"role":"user","content":"a"}]`),
		[]map[role]any{{"role": "user", "content": "a"}},
		&[]any{user},
		[1]any{user},
	} {
		structured := struct {
			Messages any     `json:"messages"`
			Seed     float64 `json:"seed"`
		}{messages, 1}
		for _, content := range []any{map[string]any{"messages": messages, "seed": 1.0}, structured, &structured} {
			made := edit(t, content, sayB)
			want := strings.Replace(sortedJSON(content), `"content":"a"`, `"content":"b"`, 1)
			if sortedJSON(made) != want {
				t.Errorf("%T in %T became %s", messages, content, sortedJSON(made))
			}
		}
	}
}

func TestAnEditInsideOfWhatCannotBeWrittenIsAnError(t *testing.T) {
	type odd struct {
		Messages []any       `json:"messages"`
		Func     func()      `json:"f"`
		Channel  chan string `json:"c"`
	}
	ctx := context.Background()
	request := chatRequest(odd{Messages: []any{}, Func: func() {}})
	annotated := must(OpenAIChatCodec.AnnotateRequest(ctx, request))
	if same := must(OpenAIChatCodec.Encode(ctx, annotated, request)); same != request {
		t.Error("it did not stay what it was")
	}
	annotated.Model = "m"
	if _, err := OpenAIChatCodec.Encode(ctx, annotated, request); !errors.Is(err, ErrInvalidArgument) ||
		!strings.Contains(err.Error(), "odd cannot be edited") {
		t.Errorf("it gave %v", err)
	}
	panics := chatRequest(struct {
		Messages []any     `json:"messages"`
		Panics   panicking `json:"p"`
	}{Messages: []any{}})
	if _, err := OpenAIChatCodec.Encode(ctx, annotated, panics); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("it gave %v", err)
	}
}

// --- The structs of the common form ---

func TestFormsLoseNothingOfJSON(t *testing.T) {
	for _, text := range []string{
		`{}`, `{"messages":[]}`, `{"messages":null,"model":null,"params":null,"tools":null}`,
		`{"model":"","instructions":"","tool_choice":null,"api_specific":{}}`,
		`{"model":7,"instructions":7,"params":7,"tools":7,"tool_choice":7,"api_specific":7,"messages":7}`,
		`{"messages":[7,null,"x",[],{"role":null,"content":[]},{"content":[{"type":"text"},7,null]}]}`,
		`{"messages":[{"tool_calls":[{"function":{"arguments":""}},{"function":null},null]}]}`,
		`{"params":{"temperature":1.0,"top_p":1e0,"max_tokens":1e3,"stop":["a",null]}}`,
		`{"params":{"max_tokens":123456789012345678901234567890,"temperature":"warm","stop":[]}}`,
		`{"tools":[{"function":{"strict":false}},{"function":{"strict":null}}],"x":{"y":[1.0,null]},"":0}`,
		`[1]`, `null`, `"x"`,
	} {
		annotated := new(AnnotatedLLMRequest)
		if err := json.Unmarshal([]byte(text), annotated); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		want := text
		if want == "{}" || strings.HasPrefix(want, `{"`) && !strings.Contains(want, `"messages"`) {
			want = `{"messages":[],` + want[1:]
		}
		again := must(json.Marshal(annotated))
		if !reflect.DeepEqual(decodePart(strings.Replace(want, ",}", "}", 1)), decodePart(string(again))) {
			t.Errorf("%s became %s", text, again)
		}
		if tokens := tokensOf(annotated); sortedJSON(tokens.json()) != sortedJSON(json.RawMessage(again)) {
			t.Errorf("%s is shown as %s", text, tokens.json())
		}
	}
	if err := json.Unmarshal([]byte("{"), new(AnnotatedLLMRequest)); err == nil {
		t.Error("what is no JSON was read")
	}
	if err := json.Unmarshal([]byte("7"), new(Content)); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("7 as a content is %v", err)
	}
}

func TestAFieldThatIsSetCounts(t *testing.T) {
	annotated := new(AnnotatedLLMRequest)
	text := `{"messages":[{"role":7}],"model":null,"params":{"temperature":1.0,"max_tokens":"many"},"x":1}`
	if err := json.Unmarshal([]byte(text), annotated); err != nil {
		t.Fatal(err)
	}
	if *annotated.Params.Temperature != 1 || annotated.Params.MaxTokens != nil || annotated.Messages[0].Role != "" {
		t.Errorf("it has %v", annotated)
	}
	half, many := 0.5, int64(3)
	annotated.Model, annotated.Messages[0].Role = "m", "user"
	annotated.Params.Temperature, annotated.Params.MaxTokens = &half, &many
	annotated.Extra["tool_choice"], annotated.Extra["model"] = nil, "ignored"
	want := `{"messages":[{"role":"user"}],"model":"m","params":{"max_tokens":3,"temperature":0.5},` +
		`"tool_choice":null,"x":1}`
	if got := sortedJSON(annotated); got != want {
		t.Errorf("it became %s", got)
	}
	annotated.Messages, annotated.Params, annotated.Extra = nil, nil, nil
	if got := sortedJSON(annotated); got != `{"messages":[],"model":"m"}` {
		t.Errorf("it became %s", got)
	}
}

func TestWhatIsOftenAskedOfAForm(t *testing.T) {
	parts := &Content{Parts: []ContentPart{{Type: "text", Text: "a"}, {Type: "image"}, {Type: "text", Text: "b"}}}
	request := AnnotatedLLMRequest{Instructions: TextContent("i"), Messages: []Message{
		{Role: "user", Content: TextContent("x")}, {Role: "user", Content: parts}, {Role: "assistant"},
	}}
	if request.SystemPrompt() != "i" || request.LastUserMessage() != "a\nb" || request.HasToolCalls() {
		t.Errorf("of %v", request)
	}
	request.Messages[2] = Message{Role: "system", ToolCalls: []MessageToolCall{{ID: "c"}}}
	if request.SystemPrompt() != "" || !request.HasToolCalls() {
		t.Errorf("of %v", request)
	}
	response := AnnotatedLLMResponse{Message: parts, ToolCalls: []ResponseToolCall{{}}}
	if response.ResponseText() != "a\nb" || !response.HasToolCalls() {
		t.Errorf("of %v", response)
	}
	none := AnnotatedLLMResponse{}
	if none.ResponseText() != "" || none.HasToolCalls() || (&AnnotatedLLMRequest{}).LastUserMessage() != "" {
		t.Error("nothing says something")
	}
}
