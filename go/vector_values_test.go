package scopeflow

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// How the vectors' arguments are written, and what they are in Go.

func (s *vectorStep) has(name string) bool {
	_, ok := s.Args[name]
	return ok
}

// read decodes an argument; a vector that does not fit is a fault of the file or the runner.
func (s *vectorStep) read(name string, into any) {
	if err := decodeStrictly(s.Args[name], into); err != nil {
		s.run.t.Fatalf("%s: %s: %v", s.Op, name, err)
	}
}

func (s *vectorStep) label(name string) string {
	var label string
	s.read(name, &label)
	return label
}

func (s *vectorStep) text(name string) string {
	var plain string
	if json.Unmarshal(s.Args[name], &plain) == nil {
		return plain
	}
	var special struct {
		Text  string
		Times int
		B64   *string
	}
	s.read(name, &special)
	if special.B64 == nil {
		return strings.Repeat(special.Text, special.Times)
	}
	text, err := base64.StdEncoding.DecodeString(*special.B64)
	if err != nil {
		s.run.t.Fatal(err)
	}
	return string(text)
}

// number reads a number, the name of an enum's value, or the names of flags.
func (s *vectorStep) number(name string, names map[string]int64) int64 {
	var number int64
	if json.Unmarshal(s.Args[name], &number) == nil {
		return number
	}
	var text string
	if json.Unmarshal(s.Args[name], &text) == nil {
		if names == nil {
			number, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				s.run.t.Fatal(err)
			}
			return number
		}
		return s.named(text, names)
	}
	var bits []string
	s.read(name, &bits)
	for _, bit := range bits {
		number |= s.named(bit, names)
	}
	return number
}

func (s *vectorStep) named(name string, names map[string]int64) int64 {
	number, ok := names[name]
	if !ok {
		s.run.t.Fatalf("%s: there is no value %q", s.Op, name)
	}
	return number
}

//lint:ignore U1000 what is generated reads the arguments of a new operation by it
func (s *vectorStep) boolean(name string) bool {
	var value bool
	s.read(name, &value)
	return value
}

func (s *vectorStep) time(name string) time.Time { return time.Unix(0, s.number(name, nil)) }

func (s *vectorStep) err(name string) error {
	var err vectorError
	s.read(name, &err)
	return err.make()
}

func (s *vectorStep) callable(name string) *vectorCallable {
	callable := new(vectorCallable)
	s.read(name, callable)
	return callable
}

func (s *vectorStep) breaksChain() bool { return s.callable("callable").BreakChain }

func (s *vectorStep) payload(name string) any { return s.run.own(s.Args[name]) }

func (r *vectorRun) payload(text json.RawMessage) any {
	var payload struct{ JSON, Host *string }
	if err := json.Unmarshal(text, &payload); err != nil {
		r.t.Fatal(err)
	}
	if payload.Host != nil {
		fixture, ok := vectorFixtures[*payload.Host]
		if !ok {
			r.t.Fatalf("there is no fixture %q", *payload.Host)
		}
		return fixture()
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(*payload.JSON)))
	decoder.UseNumber() // Integers of 64 bits stay what they are.
	var value any
	if err := decoder.Decode(&value); err != nil {
		r.t.Fatal(err)
	}
	return value
}

// Foreign is of a kind that cannot be encoded.
type Foreign chan int

var vectorFixtures = map[string]func() any{
	"cycle": func() any {
		child := map[string]any{}
		root := map[string]any{"child": child}
		child["list"] = []any{root, child}
		return root
	},
	"shared": func() any {
		list := []any{1}
		return map[string]any{"a": list, "b": list}
	},
	"integers": func() any {
		over := new(big.Int).Lsh(big.NewInt(1), 64)
		under := new(big.Int).Sub(big.NewInt(math.MinInt64), big.NewInt(1))
		return map[string]any{
			"max": uint64(math.MaxUint64), "min": int64(math.MinInt64), "over": over, "under": under,
		}
	},
	"not_finite": func() any {
		return map[string]any{
			"nan": math.NaN(), "plus": math.Inf(1), "minus": math.Inf(-1), "zero": math.Copysign(0, -1),
		}
	},
	"bytes": func() any {
		return map[string]any{"empty": []byte{}, "some": []byte{0, 1, 2, 0xfe, 0xff}}
	},
	"set": func() any {
		return map[any]struct{}{10: {}, 2: {}, 1: {}, "b": {}, "a": {}}
	},
	"too_deep": func() any {
		list := []any{}
		for range 129 {
			list = []any{list}
		}
		return list
	},
	"foreign":     func() any { return map[string]any{"value": Foreign(nil)} },
	"surrogate":   func() any { return map[string]any{"text": "a\xffb"} },
	"opaque":      func() any { return Foreign(nil) },
	"integer_key": func() any { return map[int]string{7: "seven"} },
}

// quietLogger keeps the failures that tests provoke out of the output.
func quietLogger() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// forgetScope does what the garbage collector would: it releases the scope's handle.
func forgetScope(s *Scope) {
	s.keeper.kept.release()
	s.keeper.kept.handle = nil
}
