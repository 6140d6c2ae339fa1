package scopeflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// openText is a JSON text of an object or an array that edits are in: whatever they do not touch keeps its
// bytes, blanks and the spelling of numbers included.
type openText struct {
	isObject   bool
	head, tail []byte // With the brackets.
	members    []textMember
}

// textMember is a member of an object, or an element of an array.
type textMember struct {
	key           string
	before, after []byte // Blanks, and before a member its key with the colon.
	value         any    // A json.RawMessage, a tokenValue, or a container that is open.
}

func openJSON(text []byte) (openContainer, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	bracket, err := decoder.Token()
	if bracket != json.Delim('{') && bracket != json.Delim('[') || !json.Valid(text) {
		return nil, invalidArgument(fmt.Sprintf("%.40q is no object and no array that could be edited: %v", text, err))
	}
	at := decoder.InputOffset()
	o := &openText{isObject: bracket == json.Delim('{'), head: text[:at]}
	for decoder.More() {
		member, end, err := readMember(decoder, text, o.isObject)
		if err != nil {
			return nil, invalidArgument(err.Error())
		}
		member.before = text[at : int(end)-len(member.value.(json.RawMessage))]
		if count := len(o.members); count > 0 {
			last := &o.members[count-1]
			last.after, member.before, _ = bytes.Cut(member.before, []byte(","))
		}
		o.members = append(o.members, member)
		at = end
	}
	o.tail = text[at:]
	return o, nil
}

// readMember reads a member, and says where it ends.
func readMember(decoder *json.Decoder, text []byte, isObject bool) (member textMember, end int64, err error) {
	if isObject {
		key, err := decoder.Token()
		if err != nil {
			return member, 0, err
		}
		member.key, _ = key.(string)
	}
	var value json.RawMessage
	err = decoder.Decode(&value)
	end = decoder.InputOffset()
	member.value = json.RawMessage(text[int(end)-len(value) : end])
	return member, end, err
}

// find gives the place of a member; of several with one key the last one counts.
func (o *openText) find(step any) int {
	if !o.isObject {
		return indexOf(step)
	}
	for i := len(o.members) - 1; i >= 0; i-- {
		if o.members[i].key == keyOf(step) {
			return i
		}
	}
	return -1
}

func (o *openText) get(step any) any {
	if at := o.find(step); at >= 0 {
		return o.members[at].value
	}
	return nil
}

func (o *openText) set(step, value any) {
	if at := o.find(step); at >= 0 {
		o.members[at].value = value
		return
	}
	key := writtenJSON(keyOf(step))
	o.members = append(o.members, textMember{key: keyOf(step), before: append(key, ':'), value: value})
}

func (o *openText) insert(index int, value tokenValue) {
	o.members = slices.Insert(o.members, index, textMember{value: value})
}

func (o *openText) remove(step any) {
	if !o.isObject {
		at := indexOf(step)
		o.members = slices.Delete(o.members, at, at+1)
		return
	}
	o.members = slices.DeleteFunc(o.members, func(m textMember) bool { return m.key == keyOf(step) })
}

func (o *openText) closed() any {
	text := slices.Clone(o.head)
	for i, member := range o.members {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, member.before...)
		text = append(text, writtenJSON(closedValue(member.value))...)
		text = append(text, member.after...)
	}
	return json.RawMessage(append(text, o.tail...))
}

// writtenJSON is the JSON text of a value that can be written, without a detour for HTML's sake.
func writtenJSON(value any) []byte {
	switch v := value.(type) {
	case json.RawMessage:
		return v
	case tokenValue:
		return v.json()
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}
