package scopeflow

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
)

// putMarshaled asks the value's own methods for its text; false if it has none.
func (w *payloadWalker) putMarshaled(plan *typePlan, v reflect.Value) bool {
	isNil := (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil()
	if isNil || !v.CanInterface() {
		return false
	}
	var text []byte
	var err error
	switch {
	case plan.isMarshaler:
		text, err = contained(v.Interface().(json.Marshaler).MarshalJSON)
	case plan.isAddressMarshaler && v.CanAddr():
		text, err = contained(v.Addr().Interface().(json.Marshaler).MarshalJSON)
	case plan.isTextMarshaler:
		text, err = contained(v.Interface().(encoding.TextMarshaler).MarshalText)
	case plan.isAddressTextMarshaler && v.CanAddr():
		text, err = contained(v.Addr().Interface().(encoding.TextMarshaler).MarshalText)
	default:
		return false
	}
	switch {
	case err != nil:
		w.putUnserializable(typeName(v.Type()))
	case plan.isMarshaler || plan.isAddressMarshaler && v.CanAddr():
		w.putJSON(text)
	default:
		putText(&w.tokenRow, tokenString, text)
	}
	return true
}

var errMarshalerPanicked = errors.New("scopeflow: a marshaler panicked")

// contained calls an application's marshaler; a panic in it is an error like another (S2.6).
func contained(marshal func() ([]byte, error)) (text []byte, err error) {
	defer func() {
		if recover() != nil {
			err = errMarshalerPanicked
		}
	}()
	return marshal()
}
