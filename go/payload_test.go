package scopeflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// encoded is the JSON text that a payload has in an event.
func encoded(t *testing.T, value any, options ...RuntimeOption) string {
	t.Helper()
	r := testRuntime(t, options...)
	recorded := record(t, r)
	if err := r.EmitEvent(context.Background(), "m", WithData(value)); err != nil {
		t.Fatal(err)
	}
	return string(recorded.all()[0].Data())
}

type (
	embedded   struct{ Own, Shadowed int }
	Pointed    struct{ Far int }
	structured struct {
		Name  string `json:"name"`
		Plain int
		Empty []int `json:"empty,omitempty"`
		Zero  int   `json:",omitzero"`
		Never int   `json:"-"`
		//lint:ignore SA5008 this is how encoding/json calls a member "-"
		Dash  int   `json:"-,"`
		Text  int64 `json:"text,string"`
		inner int
		embedded
		*Pointed
		Shadowed string
		Any      any       `json:"any"`
		When     time.Time `json:"when,omitzero"`
	}
	node struct {
		Value int
		Next  *node
	}
	level     int
	failing   struct{}
	exploding struct{ ID int }
	textual   struct{ a, b int }
	addressed struct{ n int }
	selfPoint *selfPoint
)

func (failing) MarshalJSON() ([]byte, error)      { return nil, errors.New("no") }
func (exploding) MarshalJSON() ([]byte, error)    { panic("no") }
func (t textual) MarshalText() ([]byte, error)    { return fmt.Appendf(nil, "%d-%d", t.a, t.b), nil }
func (a *addressed) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "[%d]", a.n), nil }

func cyclicNode() *node {
	first := &node{Value: 1}
	first.Next = &node{2, first}
	return first
}

func cyclicSlice() any {
	list := make([]any, 1)
	list[0] = list
	return list
}

func cyclicMap() any {
	m := map[string]any{}
	m["self"] = m
	return m
}

func pointerLoop() any {
	var p selfPoint
	p = &p
	return p
}

func nested(levels int) any {
	var value any = 1
	for range levels {
		value = []any{value}
	}
	return value
}

// The table of spec/api/payload.yaml, and what is Go's own.
func TestPayloads(t *testing.T) {
	when := time.Date(2026, 1, 2, 3, 4, 5, 600, time.FixedZone("", 3600))
	wide := new(big.Int).Exp(big.NewInt(10), big.NewInt(30), nil)
	number := 7
	deep := strings.Repeat("[", 128) + `{"$depth":128}` + strings.Repeat("]", 128)
	cases := []struct {
		name  string
		value any
		want  string
	}{
		{"boolean", true, `true`},
		{"least integer", int64(math.MinInt64), `-9223372036854775808`},
		{"greatest integer", uint64(math.MaxUint64), `18446744073709551615`},
		{"small integers", []any{int8(-1), uint8(2), int16(3), uint16(4), int32(5), uint32(6)}, `[-1,2,3,4,5,6]`},
		{"unsigned integers", []any{uint(7), uintptr(8), uint64(9)}, `[7,8,9]`},
		{"wider integer", wide, `{"$integer":"1000000000000000000000000000000"}`},
		{"narrow big integer", big.NewInt(-5), `-5`},
		{"big integer by value", *big.NewInt(6), `6`},
		{"double", 0.1, `0.1`},
		{"float32 has its own shortest text", float32(0.1), `0.1`},
		{"negative zero", math.Copysign(0, -1), `0`},
		{"not finite", []float64{math.NaN(), math.Inf(1), math.Inf(-1)}, `[null,null,null]`},
		{"text", "a\"b\u2028é", `"a\"b` + "\u2028" + `é"`},
		{"ill-formed text", "a\xff", `"a` + "\ufffd" + `"`},
		{"bytes", []byte{0, 255}, `{"$bytes":"AP8="}`},
		{"no bytes", []byte{}, `{"$bytes":""}`},
		{"array of bytes", [2]byte{1, 2}, `[1,2]`},
		{"time", when, `"2026-01-02T03:04:05.0000006+01:00"`},
		{"decimal text", json.Number("1.50"), `1.5`},
		{"integer as number", json.Number("12345678901234567890123"), `{"$integer":"12345678901234567890123"}`},
		{"number that is none", json.Number("x"), `"x"`},
		{"enum", level(3), `3`},
		{"set of texts", map[string]struct{}{"b": {}, "a": {}}, `["a","b"]`},
		{"set of anything", map[any]struct{}{10: {}, 2: {}, "x": {}}, `["x",10,2]`},
		{"map with integer keys", map[int]string{7: "seven", -1: "minus"}, `{"-1":"minus","7":"seven"}`},
		{"map with keys that write themselves", map[textual]int{{1, 2}: 3}, `{"1-2":3}`},
		{"colliding keys, the text wins", map[any]int{1: 10, "1": 20}, `{"1":20}`},
		{"nil slice, map and pointer", []any{[]int(nil), map[string]int(nil), (*int)(nil)}, `[null,null,null]`},
		{"pointer", &number, `7`},
		{"list", []any{1, "a", nil}, `[1,"a",null]`},
		{"cyclic slice", cyclicSlice(), `[{"$cycle":1}]`},
		{"cyclic map", cyclicMap(), `{"self":{"$cycle":1}}`},
		{"cyclic struct", cyclicNode(), `{"Next":{"Next":{"$cycle":2},"Value":2},"Value":1}`},
		{"pointer to itself", pointerLoop(), `{"$unserializable":"selfPoint"}`},
		{"too deep", nested(130), deep},
		{"just deep enough", nested(128), strings.Repeat("[", 128) + "1" + strings.Repeat("]", 128)},
		{"channel", make(chan int), `{"$unserializable":"chan int"}`},
		{"function", echo, `{"$unserializable":"func(context.Context, interface {}) (interface {}, error)"}`},
		{"complex number", 1i, `{"$unserializable":"complex128"}`},
		{"JSON text", json.RawMessage(` {"b": [1, 2.50], "a": 1e400} `), `{"a":null,"b":[1,2.5]}`},
		{"nested JSON text", []any{json.RawMessage(`{"b":[1,{"x":18446744073709551615}]}`)},
			`[{"b":[1,{"x":18446744073709551615}]}]`},
		{"JSON text that is none", []any{json.RawMessage(`{"a"`)}, `["{\"a\""]`},
		{"JSON text that is none, outermost", json.RawMessage(`{"a"`), `"{\"a\""`},
		{"nil JSON text", json.RawMessage(nil), `null`},
		{"nested JSON text too deep",
			[]any{json.RawMessage(strings.Repeat("[", 128) + strings.Repeat("]", 128))}, deep},
		{"marshaler", netip.MustParseAddr("10.0.0.1"), `"10.0.0.1"`},
		{"marshaler that fails", []any{failing{}, 1}, `[{"$unserializable":"failing"},1]`},
		{"marshaler that panics", []any{exploding{}, 1}, `[{"$unserializable":"exploding"},1]`},
		{"marshaler by address", []*addressed{{1}}, `[[1]]`},
		{"nil marshaler", (*addressed)(nil), `null`},
		{"text marshaler", textual{1, 2}, `"1-2"`},
		{"struct", &structured{
			Name: "n", Plain: 1, Dash: 2, Text: 3, inner: 4,
			embedded: embedded{5, 6}, Shadowed: "s", Any: []int{},
		}, `{"-":2,"Own":5,"Plain":1,"Shadowed":"s","any":[],"name":"n","text":"3"}`},
		{"struct with an embedded pointer", structured{Pointed: &Pointed{8}, When: when, Zero: 9, Empty: []int{1}},
			`{"-":0,"Far":8,"Own":0,"Plain":0,"Shadowed":"","Zero":9,"any":null,"empty":[1],` +
				`"name":"","text":"0","when":"2026-01-02T03:04:05.0000006+01:00"}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := encoded(t, c.value); got != c.want {
				t.Errorf("got %s instead of %s", got, c.want)
			}
		})
	}
}

// Wherever no marker stands, a payload is what encoding/json writes.
func TestPayloadsAgreeWithEncodingJSON(t *testing.T) {
	type deep struct {
		A map[string][]*node `json:"a"`
		B any
		embedded
		C [2]bool `json:"c,omitempty"`
		D *string `json:"d,omitempty"`
		E float64 `json:",string"`
	}
	text := "x"
	for _, value := range []any{
		deep{A: map[string][]*node{"k": {{1, nil}, {2, &node{3, nil}}}}, B: map[string]any{"z": 1, "y": 2.5}},
		deep{D: &text, E: 1.5, B: []any{nil, true, "t", textual{3, 4}}},
		map[uint8]textual{1: {1, 1}},
		[]fmt.Stringer{time.Second},
	} {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if want := encoded(t, json.RawMessage(text)); encoded(t, value) != want {
			t.Errorf("%T is %s instead of %s", value, encoded(t, value), want)
		}
	}
}

func TestALargePayloadIsCutAndNotWalkedToItsEnd(t *testing.T) {
	visited := 0
	values := make([]any, 100_000)
	for i := range values {
		values[i] = marshalerFunc(func() ([]byte, error) {
			visited++
			return []byte(`"0123456789"`), nil
		})
	}
	got := encoded(t, values, WithPayloadBudget(64), WithRuntimeFlags(RuntimeFlagDeterministic))
	if !strings.HasSuffix(got, `{"$truncated":64}]`) || len(got) > 200 {
		t.Errorf("got %s", got)
	}
	if visited > 100 {
		t.Errorf("%d elements were visited for a budget of 64 bytes", visited)
	}
}

func TestNothingIsEncodedWhenNobodyListens(t *testing.T) {
	r := testRuntime(t)
	payload := marshalerFunc(func() ([]byte, error) {
		t.Error("a payload was encoded")
		return []byte("1"), nil
	})
	ctx, scope, err := r.PushScope(context.Background(), "a", ScopeTypeAgent,
		WithInput(payload), WithMetadata(payload))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.EmitEvent(ctx, "m", WithData(payload)); err != nil {
		t.Error(err)
	}
	if _, err := r.ToolCallExecute(ctx, "x", payload, echo, WithMetadata(payload)); err != nil {
		t.Error(err)
	}
	if err := scope.End(WithOutput(payload)); err != nil {
		t.Error(err)
	}
}
