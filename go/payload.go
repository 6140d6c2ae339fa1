package scopeflow

import (
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"sort"
	"strconv"
	"sync"
	"time"
)

// payloadWalker turns a Go value into a row of tokens by the table of S2.6.
//
// A payload looks as encoding/json would write it — json tags, json.Marshaler and
// encoding.TextMarshaler are respected — except that nothing can fail: []byte is bytes, an integer
// of any size is exact, map[K]struct{} is a set, and what JSON cannot say is written as a marker.
// Maps have no order in Go, so their keys are sorted by their text.
type payloadWalker struct {
	tokenRow
	// ancestors are the containers that are open now and that a pointer could lead back to.
	ancestors []ancestor
	// inSet counts the sets around the place; their elements are sorted, so that none may be left out.
	inSet    int
	pointers int
}

// ancestor is one open container. An array or a struct that was reached without a pointer has no
// identity: nothing can lead back to it but through what holds it.
type ancestor struct {
	address uintptr
	kind    reflect.Type
	size    int
}

// Sorted output is cut elsewhere than where the walk stops, so that the walk goes on for longer.
const sortedLimitFactor = 16

// payloadWithoutBudget is far beyond what any payload may hold, and can still be multiplied.
const payloadWithoutBudget = math.MaxInt / sortedLimitFactor

// Pointers to pointers make no container; a longer chain of them can only be a cycle.
const pointerChainLimit = 64

var payloadWalkers = sync.Pool{New: func() any { return new(payloadWalker) }}

// encodePayload appends the tokens of a value, always exactly one well-formed value.
func (w *payloadWalker) encodePayload(value any, budget int, canonical bool) {
	if canonical {
		budget *= sortedLimitFactor
	}
	w.reset(budget)
	w.ancestors = w.ancestors[:0]
	w.inSet, w.pointers = 0, 0
	defer func() {
		// A walk can only panic for a value that changes under its hands.
		if recover() != nil {
			w.reset(budget)
			w.putUnserializable(typeName(reflect.TypeOf(value)))
		}
	}()
	w.put(value)
}

func (w *payloadWalker) mayStop() bool {
	if w.inSet > 0 {
		return w.least > w.limit*sortedLimitFactor
	}
	return w.isFull()
}

// put walks the common types without reflection.
func (w *payloadWalker) put(value any) {
	switch v := value.(type) {
	case nil:
		w.putNull()
	case logData:
		w.put(v.payload())
	case bool:
		w.putBool(v)
	case string:
		w.putString(v)
	case int:
		w.putInt(int64(v))
	case int64:
		w.putInt(v)
	case float64:
		w.putDouble(v)
	case map[string]any:
		w.putStringMap(reflect.ValueOf(value), v)
	case []any:
		w.putSlice(reflect.ValueOf(value), v)
	default:
		w.putValue(reflect.ValueOf(value))
	}
}

func (w *payloadWalker) putStringMap(identity reflect.Value, members map[string]any) {
	if members == nil {
		w.putNull()
		return
	}
	if !w.enter(tokenObject, identity) {
		return
	}
	keys := make([]string, 0, len(members))
	for key := range members {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		if w.mayStop() {
			break
		}
		w.putString(key)
		w.put(members[key])
	}
	w.leave()
}

func (w *payloadWalker) putSlice(identity reflect.Value, elements []any) {
	if elements == nil {
		w.putNull()
		return
	}
	if !w.enter(tokenArray, identity) {
		return
	}
	for _, element := range elements {
		if w.mayStop() {
			break
		}
		w.put(element)
	}
	w.leave()
}

// enter opens a container, unless it stands open already (a cycle) or too many do.
func (w *payloadWalker) enter(kind token, v reflect.Value) bool {
	self := identify(v)
	if self.address != 0 {
		for i := len(w.ancestors) - 1; i >= 0; i-- {
			if w.ancestors[i] == self {
				w.putCycle(len(w.ancestors) - i)
				return false
			}
		}
	}
	if !w.begin(kind) {
		return false
	}
	w.ancestors = append(w.ancestors, self)
	return true
}

func (w *payloadWalker) leave() {
	w.ancestors = w.ancestors[:len(w.ancestors)-1]
	w.end()
}

func identify(v reflect.Value) ancestor {
	switch v.Kind() {
	case reflect.Map:
		return ancestor{v.Pointer(), v.Type(), 0}
	case reflect.Slice:
		if v.Len() > 0 {
			return ancestor{v.Pointer(), v.Type(), v.Len()}
		}
	case reflect.Struct, reflect.Array:
		if v.CanAddr() {
			return ancestor{v.Addr().Pointer(), v.Type(), 0}
		}
	}
	return ancestor{}
}

var (
	typeOfRawMessage = reflect.TypeFor[json.RawMessage]()
	typeOfNumber     = reflect.TypeFor[json.Number]()
	typeOfTime       = reflect.TypeFor[time.Time]()
	typeOfBigInt     = reflect.TypeFor[big.Int]()
)

// putValue walks any value by reflection.
func (w *payloadWalker) putValue(v reflect.Value) {
	if !v.IsValid() {
		w.putNull()
		return
	}
	plan := planOf(v.Type())
	if plan.special != nil {
		plan.special(w, v)
		return
	}
	if w.putMarshaled(plan, v) {
		return
	}

	switch v.Kind() {
	case reflect.Bool:
		w.putBool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		w.putInt(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		w.putUint(v.Uint())
	case reflect.Float32:
		w.putDouble(shortestFloat32(v.Float()))
	case reflect.Float64:
		w.putDouble(v.Float())
	case reflect.String:
		w.putString(v.String())
	case reflect.Interface:
		w.putValue(v.Elem())
	case reflect.Pointer:
		w.putPointer(v)
	case reflect.Struct:
		w.putStruct(plan, v)
	case reflect.Map:
		w.putMap(plan, v)
	case reflect.Slice:
		w.putList(plan, v)
	case reflect.Array:
		w.putElements(v)
	default:
		w.putUnserializable(typeName(v.Type()))
	}
}

func (w *payloadWalker) putPointer(v reflect.Value) {
	if v.IsNil() {
		w.putNull()
		return
	}
	if w.pointers == pointerChainLimit {
		w.putUnserializable(typeName(v.Type()))
		return
	}
	w.pointers++
	w.putValue(v.Elem())
	w.pointers--
}

func (w *payloadWalker) putStruct(plan *typePlan, v reflect.Value) {
	if !w.enter(tokenObject, v) {
		return
	}
	outer := w.pointers
	w.pointers = 0
	for i := range plan.fields {
		if w.mayStop() {
			break
		}
		f := &plan.fields[i]
		member, found := f.find(v)
		if !found || f.isOmitted(member) {
			continue
		}
		w.putString(f.name)
		if f.quoted {
			w.putQuoted(member)
		} else {
			w.putValue(member)
		}
	}
	w.pointers = outer
	w.leave()
}

// putQuoted serves the `string` option of a json tag: the value's JSON text as a text.
func (w *payloadWalker) putQuoted(v reflect.Value) {
	text, err := json.Marshal(v.Interface())
	if err != nil || string(text) == "null" {
		w.putValue(v)
		return
	}
	putText(&w.tokenRow, tokenString, text)
}

func (w *payloadWalker) putList(plan *typePlan, v reflect.Value) {
	switch {
	case v.IsNil():
		w.putNull()
	case plan.isBytes:
		putText(&w.tokenRow, tokenBytes, v.Bytes())
	default:
		w.putElements(v)
	}
}

func (w *payloadWalker) putElements(v reflect.Value) {
	if !w.enter(tokenArray, v) {
		return
	}
	outer := w.pointers
	w.pointers = 0
	for i := 0; i < v.Len() && !w.mayStop(); i++ {
		w.putValue(v.Index(i))
	}
	w.pointers = outer
	w.leave()
}

// shortestFloat32 is the double whose shortest text is that of the float32.
func shortestFloat32(value float64) float64 {
	text := strconv.FormatFloat(value, 'g', -1, 32)
	double, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return value
	}
	return double
}

// typeName is the unqualified name of a type; a type without one is spelled out.
func typeName(t reflect.Type) string {
	if t == nil {
		return "nil"
	}
	if t.Kind() == reflect.Pointer && t.Elem().Name() != "" {
		t = t.Elem()
	}
	if t.Name() != "" {
		return t.Name()
	}
	return t.String()
}
