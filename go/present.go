package scopeflow

import (
	"encoding/json"
	"reflect"
	"strings"
	"unsafe"
)

// How the input of a step is shown to middleware (S3.6, S3.10).

// stepInput is the request, response or error that a step is about, in the form that its flags ask
// for: a guard sees the caller's own object (S3.5), an observer a copy.
func (c *call) stepInput() any {
	step := &c.block.step
	value := c.runtime.slots.get(ref(step.input))
	switch flags := stepFlag(step.input_flags); {
	case flags&stepFlagPrivateCopy != 0:
		made := privateCopy(value)
		if request, ok := made.(*LLMRequest); ok && flags&stepFlagObserved != 0 {
			c.runtime.dropCredentials(request)
		}
		return made
	case flags&stepFlagError != 0:
		err, _ := value.(error)
		return map[string]any{"error": describeError(err)}
	case flags&stepFlagReason != 0:
		name := errorTypeOf(StatusGuardrailRejected)
		return map[string]any{"error": map[string]any{"type": name, "message": value}}
	}
	return value
}

// stepEvent is the event that a step is about. To a sanitizer it is as those before it left it, so that
// it is read anew each time.
func (c *call) stepEvent() *Event {
	step := &c.block.step
	if stepKind(step.kind) == stepKindDeliver {
		return c.event
	}
	c.event = nil
	event, err := c.eventOf(step.event)
	if err != nil {
		panic(err) // The driver answers with it, as with any other failure of the callable.
	}
	c.inspected = event
	return event
}

// stepFields are the fields of the event that stepEvent gave.
func (c *call) stepFields() *EventFields {
	return &EventFields{
		Data:            decodePart(c.inspected.data),
		Metadata:        decodePart(c.inspected.metadata),
		CategoryProfile: decodePart(c.inspected.profile),
	}
}

func (c *call) stepKinds() uint32 { return uint32(c.block.step.kinds) }

// decodePart reads the JSON text of a part of an event.
func decodePart(text string) any {
	var value any
	if decodeJSON(text, &value) != nil {
		return nil
	}
	return value
}

// decodeJSON reads a JSON text. A number whose type is not said is a json.Number, so that it stays exact.
func decodeJSON(text string, into any) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// --- Private copies (S3.10) ---

// privateCopy makes the maps and slices of a value anew; all else is shared. Aliases and cycles stay
// what they are.
func privateCopy(value any) any {
	if value == nil {
		return nil
	}
	copier := payloadCopier{}
	if request, ok := value.(*LLMRequest); ok && request != nil {
		return copier.copyRequest(request)
	}
	return copier.copy(reflect.ValueOf(value)).Interface()
}

// payloadCopier maps what was copied already to its copy.
type payloadCopier map[ancestor]reflect.Value

func (p payloadCopier) copy(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		return p.copy(v.Elem())
	case reflect.Map:
		return p.copyMap(v)
	case reflect.Slice:
		return p.copySlice(v)
	}
	return v
}

func (p payloadCopier) copyRequest(request *LLMRequest) *LLMRequest {
	made := *request
	if request.Headers != nil {
		made.Headers = p.copy(reflect.ValueOf(request.Headers)).Interface().(map[string]any)
	}
	if request.Content != nil {
		made.Content = p.copy(reflect.ValueOf(request.Content)).Interface()
	}
	return &made
}

func (p payloadCopier) copyMap(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	self := identify(v)
	if made, ok := p[self]; ok {
		return made
	}
	made := reflect.MakeMapWithSize(v.Type(), v.Len())
	p[self] = made
	for members := v.MapRange(); members.Next(); {
		made.SetMapIndex(members.Key(), p.copy(members.Value()))
	}
	return made
}

func (p payloadCopier) copySlice(v reflect.Value) reflect.Value {
	if v.IsNil() || planOf(v.Type()).isBytes || v.Type() == typeOfRawMessage {
		return v
	}
	self := identify(v)
	if made, ok := p[self]; ok && self.address != 0 {
		return made
	}
	made := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	p[self] = made
	for i := range v.Len() {
		made.Index(i).Set(p.copy(v.Index(i)))
	}
	return made
}

// --- Identity ---

// identical says whether two values are the same object (S3.10): the same pointer, map or slice, else
// the same value. What cannot be compared is the same where it came through the same interface.
func identical(a, b any) bool {
	type words struct{ kind, data unsafe.Pointer }
	if *(*words)(unsafe.Pointer(&a)) == *(*words)(unsafe.Pointer(&b)) {
		return true
	}
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if !x.IsValid() || !y.IsValid() || x.Type() != y.Type() {
		return false
	}
	if x.Kind() == reflect.Slice {
		return x.Pointer() == y.Pointer() && x.Len() == y.Len() && !x.IsNil()
	}
	return x.Comparable() && x.Equal(y)
}
