package scopeflow

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// tokenValue is one value as a row of tokens, as the core hands it over (spec/api/payload.yaml). A row that
// the core has made is well-formed.
type tokenValue []byte

// value makes Go's value of it: what decodeJSON would make, a []byte of bytes, and of what Go cannot say a
// tokenMark, which is written as the token that it was.
func (v tokenValue) value() any {
	r := tokenReader{row: v}
	return r.value()
}

// json is its text. Numbers are spelled so that they are read as what they were; bytes are base64, as with
// encoding/json.
func (v tokenValue) json() json.RawMessage {
	r := tokenReader{row: v}
	return r.appendJSON(nil)
}

// tokensOf is a value as tokens, all of it.
func tokensOf(value any) tokenValue {
	w := payloadWalkers.Get().(*payloadWalker)
	defer payloadWalkers.Put(w)
	w.encodePayload(value, payloadWithoutBudget, false)
	return bytes.Clone(w.bytes)
}

// withKeysOnce is a value that has JSON texts in it, with only the last of the members that have one key; it
// says whether there are such.
func withKeysOnce(value any) (once tokenMark, hadTwice bool) {
	r := tokenReader{row: tokensOf(value)}
	row := r.appendOnce(nil)
	return tokenMark{string(row)}, r.sawTwice
}

// tokenWriter is a type of this package that has tokens of its own.
type tokenWriter interface{ putTokens(w *payloadWalker) }

// tokenMark is a value as the tokens that it was, such as one that cannot be written, for which no JSON
// stands.
type tokenMark struct{ row string }

func (m tokenMark) putTokens(w *payloadWalker) {
	w.bytes = append(w.bytes, m.row...)
	w.least++
}

// MarshalJSON writes what events show of such a value.
func (m tokenMark) MarshalJSON() ([]byte, error) {
	r := tokenReader{row: []byte(m.row)}
	switch kind := r.kind(); kind {
	case tokenDouble:
		return []byte("null"), nil
	case tokenCycle:
		return fmt.Appendf(nil, `{"$cycle":%d}`, r.word()), nil
	case tokenTooDeep:
		return fmt.Appendf(nil, `{"$depth":%d}`, payloadDepthLimit), nil
	default:
		return append(append([]byte(`{"$unserializable":`), writtenJSON(r.text())...), '}'), nil
	}
}

// tokenReader reads a row from its beginning.
type tokenReader struct {
	row []byte
	// sawTwice says that an object had a key twice, once appendOnce has gone through it.
	sawTwice bool
}

func (r *tokenReader) take(size int) []byte {
	taken := r.row[:size]
	r.row = r.row[size:]
	return taken
}

func (r *tokenReader) kind() token { return token(r.take(1)[0]) }

func (r *tokenReader) word() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }

func (r *tokenReader) long() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }

func (r *tokenReader) text() string { return string(r.take(int(r.word()))) }

// ends says whether the innermost container does, and goes behind its end.
func (r *tokenReader) ends() bool {
	if token(r.row[0]) != tokenEnd {
		return false
	}
	r.row = r.row[1:]
	return true
}

// one takes the tokens of the next value.
func (r *tokenReader) one() tokenValue {
	begin := r.row
	r.skip()
	return begin[:len(begin)-len(r.row)]
}

func (r *tokenReader) skip() {
	switch kind := r.kind(); kind {
	case tokenInt, tokenUint, tokenDouble:
		r.take(8)
	case tokenCycle:
		r.take(4)
	case tokenString, tokenBytes, tokenBigInteger, tokenUnserializable:
		r.take(int(r.word()))
	case tokenObject, tokenArray, tokenSet: // An object's keys are texts.
		for !r.ends() {
			r.skip()
		}
	}
}

func (r *tokenReader) value() any {
	begin := r.row
	switch kind := r.kind(); kind {
	case tokenNull:
		return nil
	case tokenFalse, tokenTrue:
		return kind == tokenTrue
	case tokenInt, tokenUint, tokenDouble, tokenBigInteger:
		if text, isNumber := r.number(kind); isNumber {
			return json.Number(text)
		}
	case tokenString:
		return r.text()
	case tokenBytes:
		return []byte(r.text())
	case tokenObject:
		members := map[string]any{}
		for !r.ends() {
			r.kind()
			key := r.text()
			members[key] = r.value()
		}
		return members
	case tokenArray, tokenSet:
		elements := []any{}
		for !r.ends() {
			elements = append(elements, r.value())
		}
		return elements
	}
	r.row = begin
	return tokenMark{string(r.one())}
}

// appendOnce copies the next value. Of members of one key the last one stands, where the first one stood.
func (r *tokenReader) appendOnce(row []byte) []byte {
	switch token(r.row[0]) {
	case tokenObject:
		row = append(row, r.take(1)...)
		last := map[string]tokenValue{}
		var keys []tokenValue
		for !r.ends() {
			key := r.one()
			if _, isThere := last[string(key)]; isThere {
				r.sawTwice = true
			} else {
				keys = append(keys, key)
			}
			last[string(key)] = r.one()
		}
		for _, key := range keys {
			value := tokenReader{row: last[string(key)]}
			row = value.appendOnce(append(row, key...))
			r.sawTwice = r.sawTwice || value.sawTwice
		}
		return append(row, byte(tokenEnd))
	case tokenArray, tokenSet:
		row = append(row, r.take(1)...)
		for !r.ends() {
			row = r.appendOnce(row)
		}
		return append(row, byte(tokenEnd))
	}
	return append(row, r.one()...)
}

// number spells a number; one that is beyond all doubles is none in JSON.
func (r *tokenReader) number(kind token) (text string, isNumber bool) {
	switch kind {
	case tokenInt:
		return strconv.FormatInt(int64(r.long()), 10), true
	case tokenUint:
		return strconv.FormatUint(r.long(), 10), true
	case tokenBigInteger:
		return r.text(), true
	}
	value := math.Float64frombits(r.long())
	text = strconv.FormatFloat(value, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0" // So that it is no integer.
	}
	return text, !math.IsInf(value, 0) && !math.IsNaN(value)
}

func (r *tokenReader) appendJSON(text []byte) []byte {
	begin := r.row
	switch kind := r.kind(); kind {
	case tokenInt, tokenUint, tokenDouble, tokenBigInteger:
		if number, isNumber := r.number(kind); isNumber {
			return append(text, number...)
		}
	case tokenBytes:
		return append(base64.StdEncoding.AppendEncode(append(text, '"'), []byte(r.text())), '"')
	case tokenObject:
		text = append(text, '{')
		for isFirst := true; !r.ends(); isFirst = false {
			if !isFirst {
				text = append(text, ',')
			}
			r.kind()
			text = append(append(text, writtenJSON(r.text())...), ':')
			text = r.appendJSON(text)
		}
		return append(text, '}')
	case tokenArray, tokenSet:
		text = append(text, '[')
		for isFirst := true; !r.ends(); isFirst = false {
			if !isFirst {
				text = append(text, ',')
			}
			text = r.appendJSON(text)
		}
		return append(text, ']')
	}
	r.row = begin
	return append(text, writtenJSON(r.value())...)
}
