package scopeflow

import (
	"bytes"
	"encoding/json"
	"io"
	"math/big"
	"strconv"
	"strings"
)

// putRawMessage appends the value of a JSON text; what is none is appended as a text, as the core
// does with tape_put_json.
func (w *payloadWalker) putRawMessage(text []byte) {
	if text == nil {
		w.putNull()
		return
	}
	w.putJSON(text)
}

func (w *payloadWalker) putJSON(text []byte) {
	before := w.state()
	open := len(w.ancestors)
	if !json.Valid(text) || !w.putJSONValue(text) {
		w.restore(before)
		w.ancestors = w.ancestors[:open]
		putText(&w.tokenRow, tokenString, text)
	}
}

// putJSONValue appends a valid JSON text token by token, in its own order.
func (w *payloadWalker) putJSONValue(text []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	skipped := 0 // Containers that are open beyond the depth limit.
	for {
		next, err := decoder.Token()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return false
		}
		delimiter, isDelimiter := next.(json.Delim)
		switch {
		case isDelimiter && (delimiter == '{' || delimiter == '['):
			if skipped > 0 || !w.beginJSON(delimiter) {
				skipped++
			}
		case isDelimiter && skipped > 0:
			skipped--
		case isDelimiter:
			w.leave()
		case skipped == 0:
			w.putJSONScalar(next)
		}
	}
}

func (w *payloadWalker) beginJSON(delimiter json.Delim) bool {
	kind := tokenObject
	if delimiter == '[' {
		kind = tokenArray
	}
	if !w.begin(kind) {
		return false
	}
	w.ancestors = append(w.ancestors, ancestor{})
	return true
}

func (w *payloadWalker) putJSONScalar(value json.Token) {
	switch v := value.(type) {
	case bool:
		w.putBool(v)
	case string:
		w.putString(v)
	case json.Number:
		w.putNumber(v.String())
	default:
		w.putNull()
	}
}

// putNumber appends a number by its text: an integer of any size exactly, else a double.
func (w *payloadWalker) putNumber(text string) {
	if value, err := strconv.ParseInt(text, 10, 64); err == nil {
		w.putInt(value)
		return
	}
	if value, err := strconv.ParseUint(text, 10, 64); err == nil {
		w.putUint(value)
		return
	}
	if !strings.ContainsAny(text, ".eE") {
		if value, ok := new(big.Int).SetString(text, 10); ok {
			putText(&w.tokenRow, tokenBigInteger, value.String())
			return
		}
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil && value == 0 {
		// No number at all: json.Number holds whatever it was given.
		w.putString(text)
		return
	}
	w.putDouble(value)
}
