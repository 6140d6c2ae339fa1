package scopeflow

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// codecEdit is an edit of the core (`codec_edit_request`).
type codecEdit struct {
	path  []any // Keys, and positions as json.Number.
	kind  string
	value tokenValue // But for a removal.
}

// readEdits reads rows of `[path, kind, value]`.
func readEdits(row tokenValue) (edits []codecEdit) {
	r := tokenReader{row: row}
	for r.kind(); !r.ends(); {
		r.kind()
		var edit codecEdit
		edit.path, _ = r.value().([]any)
		edit.kind, _ = r.value().(string)
		for !r.ends() {
			edit.value = r.one()
		}
		edits = append(edits, edit)
	}
	return edits
}

// openContainer is a container that edits are in: a copy, in which others like it may stand in the place
// of values until all edits are made.
type openContainer interface {
	get(step any) any
	// set puts a container, or a tokenValue.
	set(step, value any)
	insert(index int, value tokenValue)
	remove(step any)
	// closed is what the container has become.
	closed() any
}

// edited is a content with edits, applied in order. What is on the way to one is copied; all else is the
// very value that it was.
func edited(content any, edits []codecEdit) (any, error) {
	root, err := opened(content)
	if err != nil {
		return nil, err
	}
	for _, edit := range edits {
		at, last := root, len(edit.path)-1
		if last < 0 {
			return nil, invalidArgument("an edit of the whole request is none of its parts'")
		}
		for _, step := range edit.path[:last] {
			inner, isOpen := at.get(step).(openContainer)
			if !isOpen {
				if inner, err = opened(at.get(step)); err != nil {
					return nil, fmt.Errorf("%w; the edit is of %v", err, edit.path)
				}
				at.set(step, inner)
			}
			at = inner
		}
		switch edit.kind {
		case "set":
			at.set(edit.path[last], edit.value)
		case "insert":
			at.insert(indexOf(edit.path[last]), edit.value)
		default:
			at.remove(edit.path[last])
		}
	}
	return root.closed(), nil
}

// opened copies what an edit is in. A map and a slice stay what they are, if of elements of any type;
// whatever else is written as JSON becomes that.
func opened(value any) (openContainer, error) {
	switch v := value.(type) {
	case map[string]any:
		return openObject(maps.Clone(v)), nil
	case []any:
		return &openArray{slices.Clone(v)}, nil
	case json.RawMessage:
		return openJSON(v)
	}
	if v := reflect.ValueOf(value); v.IsValid() {
		plan := planOf(v.Type())
		isPlain := plan.special == nil && !plan.isMarshaler && !plan.isTextMarshaler && !plan.isBytes && !plan.isSet
		switch {
		case isPlain && v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
			made := make(openObject, v.Len())
			for members := v.MapRange(); members.Next(); {
				made[members.Key().String()] = members.Value().Interface()
			}
			return made, nil
		case isPlain && v.Kind() == reflect.Slice:
			made := &openArray{make([]any, v.Len())}
			for i := range made.elements {
				made.elements[i] = v.Index(i).Interface()
			}
			return made, nil
		}
	}
	text, err := contained(func() ([]byte, error) { return json.Marshal(value) })
	if err != nil {
		return nil, invalidArgument(fmt.Sprintf("a %T cannot be edited, as it cannot be written: %v", value, err))
	}
	return openJSON(text)
}

// valueOf is what stands in a map or a slice for what an edit puts there.
func valueOf(given any) any {
	if tokens, ok := given.(tokenValue); ok {
		return tokens.value()
	}
	return given
}

func closedValue(value any) any {
	if inner, isOpen := value.(openContainer); isOpen {
		return inner.closed()
	}
	return value
}

func indexOf(step any) int {
	number, _ := step.(json.Number)
	index, _ := number.Int64() // The core has counted.
	return int(index)
}

type openObject map[string]any

func keyOf(step any) string {
	key, _ := step.(string)
	return key
}

func (o openObject) get(step any) any { return o[keyOf(step)] }

func (o openObject) set(step, value any) { o[keyOf(step)] = valueOf(value) }

func (o openObject) insert(int, tokenValue) {} // An object has no positions.

func (o openObject) remove(step any) { delete(o, keyOf(step)) }

func (o openObject) closed() any {
	for key, value := range o {
		o[key] = closedValue(value)
	}
	return map[string]any(o)
}

type openArray struct{ elements []any }

func (o *openArray) get(step any) any { return o.elements[indexOf(step)] }

func (o *openArray) set(step, value any) { o.elements[indexOf(step)] = valueOf(value) }

func (o *openArray) insert(index int, value tokenValue) {
	o.elements = slices.Insert(o.elements, index, valueOf(value))
}

func (o *openArray) remove(step any) {
	index := indexOf(step)
	o.elements = slices.Delete(o.elements, index, index+1)
}

func (o *openArray) closed() any {
	for i, value := range o.elements {
		o.elements[i] = closedValue(value)
	}
	return o.elements
}
