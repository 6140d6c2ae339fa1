package scopeflow

import (
	"encoding/json"
	"strings"
	"time"
)

// Event is one event in ATOF 0.1, as it was when it was emitted (S5.5). It never changes and may be
// kept and shared; what its methods return is the caller's own.
type Event struct {
	info     eventInfo
	line     string
	data     string
	metadata string
	profile  string
}

// eventOf reads the event of a step. Subscribers of one event share one Event.
func (c *call) eventOf(handle eventHandle) (*Event, error) {
	info, err := coreEventDescribe(handle)
	if err != nil {
		return nil, err
	}
	// A scope's start and end share their id, but nothing else does.
	last := c.event
	if last != nil && last.info.UUID == info.UUID && last.info.ScopeCategory == info.ScopeCategory {
		return last, nil
	}
	event := &Event{info: info}
	line, err := coreEventJson(handle, eventPartLine)
	if err != nil {
		return nil, err
	}
	event.line = strings.Clone(line)
	if event.data, err = event.part(handle, eventPartData); err != nil {
		return nil, err
	}
	if event.metadata, err = event.part(handle, eventPartMetadata); err != nil {
		return nil, err
	}
	if event.profile, err = event.part(handle, eventPartCategoryProfile); err != nil {
		return nil, err
	}
	return event, nil
}

// part reads a part of the event. It stands in the line too, which is kept anyway; wherever its text
// is found there, it reads the same.
func (e *Event) part(handle eventHandle, part eventPart) (string, error) {
	text, err := coreEventJson(handle, part)
	if err != nil {
		return "", err
	}
	if at := strings.Index(e.line, text); at >= 0 {
		return e.line[at : at+len(text)], nil
	}
	return strings.Clone(text), nil
}

// UUID returns the scope's id, or the mark's own.
func (e *Event) UUID() UUID { return e.info.UUID }

// ParentUUID returns the parent's id.
func (e *Event) ParentUUID() UUID { return e.info.ParentUUID }

// Name returns the name of the scope or the mark.
func (e *Event) Name() string { return e.info.Name }

// Kind returns whether the event is of a scope or a mark.
func (e *Event) Kind() EventKind { return e.info.Kind }

// ScopeCategory returns whether a scope has started or ended; a mark has none.
func (e *Event) ScopeCategory() ScopeCategory { return e.info.ScopeCategory }

// Category returns the scope's type, such as `tool`; empty for a mark without one.
func (e *Event) Category() string { return e.info.Category }

// Attributes returns the flag bits of a scope.
func (e *Event) Attributes() uint32 { return e.info.Attributes }

// Timestamp returns when the event happened, in UTC.
func (e *Event) Timestamp() time.Time { return time.Unix(0, e.info.TimestampNs).UTC() }

// Data returns the JSON text of the event's data, `null` if it has none.
func (e *Event) Data() json.RawMessage { return json.RawMessage(e.data) }

// Metadata returns the JSON text of the event's metadata, `null` if it has none.
func (e *Event) Metadata() json.RawMessage { return json.RawMessage(e.metadata) }

// CategoryProfile returns the JSON text of the event's category profile, `null` if it has none.
func (e *Event) CategoryProfile() json.RawMessage { return json.RawMessage(e.profile) }

// Raw returns the whole event as one line of ATOF, without a line end.
func (e *Event) Raw() json.RawMessage { return json.RawMessage(e.line) }

// String returns the same as Raw, as a text.
func (e *Event) String() string { return e.line }

// MarshalJSON gives Raw.
func (e *Event) MarshalJSON() ([]byte, error) { return e.Raw(), nil }
