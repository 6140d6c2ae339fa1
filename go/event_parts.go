package scopeflow

import "encoding/json"

// What can be read from the JSON of an event's parts. Each call reads it anew; nothing is kept.

// eventLine is what only the line has.
type eventLine struct {
	ATOFVersion string          `json:"atof_version"`
	DataSchema  json.RawMessage `json:"data_schema"`
	Attributes  []string        `json:"attributes"`
}

func (e *Event) readLine() (line eventLine) {
	_ = json.Unmarshal([]byte(e.line), &line) // The core has written it, or checked it.
	return line
}

// ATOFVersion returns the version of the format, "0.1".
func (e *Event) ATOFVersion() string { return e.readLine().ATOFVersion }

// DataSchema returns the JSON text of the schema that the data follows, `null` if none was told.
func (e *Event) DataSchema() json.RawMessage {
	if schema := e.readLine().DataSchema; schema != nil {
		return schema
	}
	return json.RawMessage("null")
}

// AttributeNames returns the names of a scope's flags, such as `parallel`.
func (e *Event) AttributeNames() []string { return e.readLine().Attributes }

// Input returns the data of a start; nil for any other event.
func (e *Event) Input() json.RawMessage { return e.dataOf(ScopeCategoryStart) }

// Output returns the data of an end; nil for any other event.
func (e *Event) Output() json.RawMessage { return e.dataOf(ScopeCategoryEnd) }

func (e *Event) dataOf(category ScopeCategory) json.RawMessage {
	if e.info.Kind != EventKindScope || e.info.ScopeCategory != category {
		return nil
	}
	return e.Data()
}

// Subtype returns the subtype of a custom scope, else an empty text.
func (e *Event) Subtype() string { return e.profileText("subtype") }

// ModelName returns the model of an LLM call, empty if none was told.
func (e *Event) ModelName() string { return e.profileText("model_name") }

// ToolCallID returns the provider's id of a tool call, empty if none was told.
func (e *Event) ToolCallID() string { return e.profileText("tool_call_id") }

// AnnotatedRequest returns the JSON text of an LLM request's annotated form, nil if there is none.
func (e *Event) AnnotatedRequest() json.RawMessage { return e.profileMember("annotated_request") }

// AnnotatedResponse returns the JSON text of an LLM response's annotated form, nil if there is none.
func (e *Event) AnnotatedResponse() json.RawMessage { return e.profileMember("annotated_response") }

func (e *Event) profileMember(name string) json.RawMessage {
	var members map[string]json.RawMessage
	_ = json.Unmarshal([]byte(e.profile), &members) // No object has no members.
	return members[name]
}

func (e *Event) profileText(name string) (text string) {
	_ = json.Unmarshal([]byte(e.profileMember(name)), &text)
	return text
}
