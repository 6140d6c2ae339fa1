package scopeflow

import (
	"encoding"
	"encoding/json"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// typePlan is what the walker needs to know about a type, found out once.
type typePlan struct {
	// special serves the types that the table of S2.6 names; nil for all others.
	special func(w *payloadWalker, v reflect.Value)

	isMarshaler, isAddressMarshaler         bool
	isTextMarshaler, isAddressTextMarshaler bool
	isBytes, isSet                          bool
	fields                                  []fieldPlan
}

// fieldPlan is one member of the object that a struct is written as.
type fieldPlan struct {
	name      string
	index     []int
	omitEmpty bool
	omitZero  bool
	quoted    bool
	tagged    bool
}

var typePlans sync.Map // reflect.Type -> *typePlan

func planOf(t reflect.Type) *typePlan {
	if plan, ok := typePlans.Load(t); ok {
		return plan.(*typePlan)
	}
	plan, _ := typePlans.LoadOrStore(t, makePlan(t))
	return plan.(*typePlan)
}

var specialTypes = map[reflect.Type]func(w *payloadWalker, v reflect.Value){
	typeOfRawMessage: func(w *payloadWalker, v reflect.Value) { w.putRawMessage(v.Bytes()) },
	typeOfNumber:     func(w *payloadWalker, v reflect.Value) { w.putNumber(v.String()) },
	typeOfTime: func(w *payloadWalker, v reflect.Value) {
		if !v.CanInterface() {
			w.putNull()
			return
		}
		w.putString(v.Interface().(time.Time).Format(time.RFC3339Nano))
	},
	typeOfBigInt: func(w *payloadWalker, v reflect.Value) {
		if !v.CanInterface() {
			w.putNull()
			return
		}
		value := v.Interface().(big.Int)
		w.putNumber(value.String())
	},
}

func makePlan(t reflect.Type) *typePlan {
	plan := &typePlan{special: specialTypes[t]}
	if plan.special != nil || t.Kind() == reflect.Interface {
		return plan
	}
	if t.Kind() != reflect.Pointer && t.Implements(reflect.TypeFor[tokenWriter]()) {
		plan.special = func(w *payloadWalker, v reflect.Value) { v.Interface().(tokenWriter).putTokens(w) }
	}
	// A pointer's methods are found at what it points to, where nil has been dealt with.
	if t.Kind() != reflect.Pointer {
		marshaler, textMarshaler := reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()
		plan.isMarshaler = t.Implements(marshaler)
		plan.isAddressMarshaler = !plan.isMarshaler && reflect.PointerTo(t).Implements(marshaler)
		plan.isTextMarshaler = t.Implements(textMarshaler)
		plan.isAddressTextMarshaler = !plan.isTextMarshaler && reflect.PointerTo(t).Implements(textMarshaler)
	}
	switch t.Kind() {
	case reflect.Slice:
		element := planOfElement(t.Elem())
		plan.isBytes = t.Elem().Kind() == reflect.Uint8 && !element
	case reflect.Map:
		plan.isSet = t.Elem() == reflect.TypeFor[struct{}]()
	case reflect.Struct:
		plan.fields = structFields(t)
	}
	return plan
}

// planOfElement says whether a byte type writes itself, so that a slice of it is no row of bytes.
func planOfElement(t reflect.Type) bool {
	pointer := reflect.PointerTo(t)
	return pointer.Implements(reflect.TypeFor[json.Marshaler]()) ||
		pointer.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// find follows the path to a member; a nil pointer on the way means that there is none.
func (f *fieldPlan) find(v reflect.Value) (reflect.Value, bool) {
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

func (f *fieldPlan) isOmitted(v reflect.Value) bool {
	if f.omitEmpty && isEmpty(v) {
		return true
	}
	if !f.omitZero {
		return false
	}
	if v.CanInterface() {
		if zeroer, ok := v.Interface().(interface{ IsZero() bool }); ok {
			if v.Kind() == reflect.Pointer && v.IsNil() {
				return true
			}
			return zeroer.IsZero()
		}
	}
	return v.IsZero()
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	default:
		return v.IsZero()
	}
}

// structFields lists the members of a struct by the rules of encoding/json: embedded structs lend
// theirs, the shallowest of one name wins, among equals the only tagged one, else none.
func structFields(t reflect.Type) []fieldPlan {
	var found []fieldPlan
	collectFields(t, nil, map[reflect.Type]bool{}, &found)

	byName := map[string][]fieldPlan{}
	for _, f := range found {
		byName[f.name] = append(byName[f.name], f)
	}
	fields := slices.DeleteFunc(found, func(f fieldPlan) bool {
		winner, exists := dominant(byName[f.name])
		return !exists || !slices.Equal(winner.index, f.index)
	})
	slices.SortFunc(fields, func(a, b fieldPlan) int { return slices.Compare(a.index, b.index) })
	return fields
}

func dominant(fields []fieldPlan) (fieldPlan, bool) {
	depth := len(slices.MinFunc(fields, func(a, b fieldPlan) int { return len(a.index) - len(b.index) }).index)
	level := slices.DeleteFunc(slices.Clone(fields), func(f fieldPlan) bool { return len(f.index) > depth })
	if len(level) == 1 {
		return level[0], true
	}
	tagged := slices.DeleteFunc(level, func(f fieldPlan) bool { return !f.tagged })
	if len(tagged) == 1 {
		return tagged[0], true
	}
	return fieldPlan{}, false
}

func collectFields(t reflect.Type, path []int, above map[reflect.Type]bool, found *[]fieldPlan) {
	if above[t] {
		return
	}
	above[t] = true
	defer delete(above, t)
	for i := range t.NumField() {
		field := t.Field(i)
		tag := field.Tag.Get("json")
		if tag == "-" {
			continue
		}
		index := append(slices.Clone(path), i)
		name, options, _ := strings.Cut(tag, ",")
		embedded := field.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		isEmbeddedStruct := field.Anonymous && embedded.Kind() == reflect.Struct
		if isEmbeddedStruct && name == "" {
			if field.IsExported() || field.Type.Kind() != reflect.Pointer {
				collectFields(embedded, index, above, found)
			}
			continue
		}
		if !field.IsExported() {
			continue
		}
		plan := fieldPlan{name: name, index: index, tagged: name != ""}
		if name == "" {
			plan.name = field.Name
		}
		for _, option := range strings.Split(options, ",") {
			switch option {
			case "omitempty":
				plan.omitEmpty = true
			case "omitzero":
				plan.omitZero = true
			case "string":
				plan.quoted = isQuotable(field.Type)
			}
		}
		*found = append(*found, plan)
	}
}

func isQuotable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	kind := t.Kind()
	return kind == reflect.Bool || kind == reflect.String ||
		kind >= reflect.Int && kind <= reflect.Float64
}
