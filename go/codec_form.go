package scopeflow

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// The objects of the codecs' common form (codec_forms.gen.go) are structs that lose nothing of what they
// were made of: members of other names are in Extra, and what a field cannot say, such as a null or a
// member of an odd type, is written as it came for as long as the field stays as it was.

// form is a struct of the common form, as a pointer.
type form interface {
	fill(value any)
	members() formMembers
}

// formMemory is what a struct remembers of what it was made of.
type formMemory struct {
	// given has the members of which the fields do not say all.
	given map[string]any
	// other is a value that was no object at all.
	other    any
	hasOther bool
}

// formMembers are what a struct is written as: an object, or what it was made of.
type formMembers struct {
	names    []string
	values   []any
	other    any
	hasOther bool
}

func (m *formMembers) add(name string, value any) {
	m.names, m.values = append(m.names, name), append(m.values, value)
}

// --- What is made of values ---

func fillForm(made any, extra *map[string]any, memory *formMemory, value any) {
	members, isObject := value.(map[string]any)
	if !isObject {
		memory.other, memory.hasOther = value, true
		return
	}
	v := reflect.ValueOf(made).Elem()
	fields := planOf(v.Type()).fields
	known := 0
	for i := range fields {
		given, isThere := members[fields[i].name]
		if !isThere {
			continue
		}
		known++
		field, _ := fields[i].find(v)
		if saysAll := fillField(field, given); !saysAll {
			if memory.given == nil {
				memory.given = map[string]any{}
			}
			memory.given[fields[i].name] = given
		}
	}
	if known == len(members) {
		return
	}
	*extra = maps.Clone(members)
	for i := range fields {
		delete(*extra, fields[i].name)
	}
}

// fillField says whether the field says all of the value; one of an odd type it leaves as it is.
func fillField(field reflect.Value, given any) (saysAll bool) {
	switch into := field.Addr().Interface().(type) {
	case *string:
		*into, _ = given.(string)
		return *into != "" // Which is no absence.
	case **bool:
		if value, ok := given.(bool); ok {
			*into = &value
		}
	case **int64:
		number, _ := given.(json.Number)
		if value, err := number.Int64(); err == nil {
			*into = &value
		}
		return false // For how it was spelled.
	case **float64:
		number, _ := given.(json.Number)
		if value, err := number.Float64(); err == nil {
			*into = &value
		}
		return false
	case *any:
		*into = given
	case *map[string]any:
		*into, _ = given.(map[string]any)
	case *[]string:
		*into = textsOf(given)
	case **Content:
		*into = contentOf(given)
	default:
		fillForms(field, given)
	}
	return !field.IsZero()
}

// fillForms is for a struct of the common form, or a list of them.
func fillForms(field reflect.Value, given any) {
	if field.Kind() == reflect.Pointer {
		if given != nil {
			field.Set(reflect.New(field.Type().Elem()))
			field.Interface().(form).fill(given)
		}
		return
	}
	if elements, isList := given.([]any); isList {
		field.Set(reflect.MakeSlice(field.Type(), len(elements), len(elements)))
		for i, element := range elements {
			field.Index(i).Addr().Interface().(form).fill(element)
		}
	}
}

// textsOf is nil for what is no list of texts.
func textsOf(given any) []string {
	elements, isList := given.([]any)
	if !isList {
		return nil
	}
	texts := make([]string, len(elements))
	for i, element := range elements {
		text, isText := element.(string)
		if !isText {
			return nil
		}
		texts[i] = text
	}
	return texts
}

func readForm(text []byte, into form) error {
	var value any
	if err := decodeJSON(string(text), &value); err != nil {
		return err
	}
	into.fill(value)
	return nil
}

// --- What it is written as ---

func membersOf(made any, extra map[string]any, memory *formMemory) (members formMembers) {
	v := reflect.ValueOf(made)
	fields := planOf(v.Type()).fields
	for i := range fields {
		f := &fields[i]
		field, _ := f.find(v)
		value, isThere := extra[f.name] // Where the field says nothing.
		switch given, isGiven := memory.given[f.name]; {
		case isGiven && isStill(field, given):
			members.add(f.name, given)
		case !field.IsZero():
			members.add(f.name, field.Interface())
		case isThere:
			members.add(f.name, value)
		case !f.omitZero && !memory.hasOther:
			members.add(f.name, []any{})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if !slices.ContainsFunc(fields, func(f fieldPlan) bool { return f.name == name }) {
			members.add(name, extra[name])
		}
	}
	members.other, members.hasOther = memory.other, memory.hasOther && len(members.names) == 0
	return members
}

// isStill says whether a field is as it was made of a value.
func isStill(field reflect.Value, given any) bool {
	again := reflect.New(field.Type()).Elem()
	fillField(again, given)
	return reflect.DeepEqual(again.Interface(), field.Interface())
}

func (w *payloadWalker) putForm(members formMembers) {
	if members.hasOther {
		w.put(members.other)
		return
	}
	if !w.beginJSON('{') {
		return
	}
	for i, name := range members.names {
		w.putString(name)
		w.put(members.values[i])
	}
	w.leave()
}

func writeForm(made interface{ members() formMembers }) ([]byte, error) {
	members := made.members()
	if members.hasOther {
		return json.Marshal(members.other)
	}
	text := []byte{'{'}
	for i, name := range members.names {
		if i > 0 {
			text = append(text, ',')
		}
		value, err := json.Marshal(members.values[i])
		if err != nil {
			return nil, err
		}
		text = append(append(append(text, writtenJSON(name)...), ':'), value...)
	}
	return append(text, '}'), nil
}

// --- Content ---

// Content is what a message says: a text, or parts.
type Content struct {
	// Text is the text where Parts is nil.
	Text  string
	Parts []ContentPart
}

// TextContent is a content that is a text.
func TextContent(text string) *Content { return &Content{Text: text} }

// String gives the text, or the texts of the parts, one to a line.
func (c *Content) String() string {
	if c == nil {
		return ""
	}
	if c.Parts == nil {
		return c.Text
	}
	var texts []string
	for i := range c.Parts {
		if c.Parts[i].Text != "" {
			texts = append(texts, c.Parts[i].Text)
		}
	}
	return strings.Join(texts, "\n")
}

// contentOf is nil for what is neither.
func contentOf(given any) *Content {
	switch v := given.(type) {
	case string:
		return TextContent(v)
	case []any:
		parts := make([]ContentPart, len(v))
		for i := range v {
			parts[i].fill(v[i])
		}
		return &Content{Parts: parts}
	}
	return nil
}

func (c *Content) value() any {
	if c.Parts == nil {
		return c.Text
	}
	return c.Parts
}

// UnmarshalJSON reads a text, or an array of parts; of what is neither it is an [ErrInvalidArgument].
func (c *Content) UnmarshalJSON(text []byte) error {
	var value any
	if err := decodeJSON(string(text), &value); err != nil {
		return err
	}
	made := contentOf(value)
	if made == nil {
		return invalidArgument("a content must be a text or an array of parts")
	}
	*c = *made
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (c Content) MarshalJSON() ([]byte, error) { return json.Marshal(c.value()) }

func (c Content) putTokens(w *payloadWalker) { w.put(c.value()) }

// --- What is often asked ---

// SystemPrompt is the text of the first system message, else that of the instructions.
func (a *AnnotatedLLMRequest) SystemPrompt() string {
	for i := range a.Messages {
		if a.Messages[i].Role == "system" {
			return a.Messages[i].Content.String()
		}
	}
	return a.Instructions.String()
}

// LastUserMessage is the text of the last message of the user.
func (a *AnnotatedLLMRequest) LastUserMessage() string {
	for _, message := range slices.Backward(a.Messages) {
		if message.Role == "user" {
			return message.Content.String()
		}
	}
	return ""
}

// HasToolCalls says whether a message calls a tool.
func (a *AnnotatedLLMRequest) HasToolCalls() bool {
	return slices.ContainsFunc(a.Messages, func(m Message) bool { return len(m.ToolCalls) > 0 })
}

// ResponseText is the text of what the response says.
func (a *AnnotatedLLMResponse) ResponseText() string { return a.Message.String() }

// HasToolCalls says whether the response calls a tool.
func (a *AnnotatedLLMResponse) HasToolCalls() bool { return len(a.ToolCalls) > 0 }
