package scopeflow

import (
	"encoding"
	"fmt"
	"reflect"
	"sort"
	"strconv"
)

// mapMember is a member of a map with the text of its key.
type mapMember struct {
	text string
	key  reflect.Value
}

func (w *payloadWalker) putMap(plan *typePlan, v reflect.Value) {
	if v.IsNil() {
		w.putNull()
		return
	}
	if plan.isSet {
		w.putSet(v)
		return
	}
	if !w.enter(tokenObject, v) {
		return
	}
	members := make([]mapMember, 0, v.Len())
	for _, key := range v.MapKeys() {
		members = append(members, mapMember{keyText(key), key})
	}
	sort.Slice(members, func(i, j int) bool {
		a, b := members[i], members[j]
		if a.text != b.text {
			return a.text < b.text
		}
		return keyRank(a.key) < keyRank(b.key)
	})
	outer := w.pointers
	w.pointers = 0
	for i, member := range members {
		if w.mayStop() {
			break
		}
		// Different keys may have one text; the last of them wins, and a real text comes last (S2.6).
		if i+1 < len(members) && members[i+1].text == member.text {
			continue
		}
		w.putString(member.text)
		w.putValue(v.MapIndex(member.key))
	}
	w.pointers = outer
	w.leave()
}

func (w *payloadWalker) putSet(v reflect.Value) {
	if !w.enter(tokenSet, v) {
		return
	}
	w.inSet++
	for _, key := range v.MapKeys() {
		if w.mayStop() {
			break
		}
		w.putValue(key)
	}
	w.inSet--
	w.leave()
}

// keyText is the text that a key has as a member's name.
func keyText(key reflect.Value) string {
	if key.Kind() == reflect.Interface {
		key = key.Elem()
	}
	if !key.IsValid() {
		return "null"
	}
	if key.Kind() == reflect.String {
		return key.String()
	}
	if marshaler, ok := key.Interface().(encoding.TextMarshaler); ok {
		if text, err := contained(marshaler.MarshalText); err == nil {
			return string(text)
		}
	}
	switch key.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(key.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(key.Uint(), 10)
	default:
		return fmt.Sprint(key.Interface())
	}
}

// keyRank orders keys of one text, texts last.
func keyRank(key reflect.Value) int {
	if key.Kind() == reflect.Interface {
		key = key.Elem()
	}
	if key.Kind() == reflect.String {
		return int(reflect.UnsafePointer) + 1
	}
	return int(key.Kind())
}
