package scopeflow

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// The vectors of tests/codecs, and what their tests need.

type (
	codecRequestCase struct {
		ID                 string
		Codec              string
		Content, Annotated json.RawMessage
		Edits              []codecEditCase
	}
	codecEditCase struct {
		Set     [][]json.RawMessage // `[path, value]` is set, `[path]` taken away.
		Content json.RawMessage
		Path    *string // The provider cannot carry it.
	}
	codecResponseCase struct {
		ID, Codec           string
		Response, Annotated json.RawMessage
	}
	codecStreamCase struct {
		ID, Codec string
		Chunks    []json.RawMessage
		Response  json.RawMessage
	}
	codecPriceCases struct {
		Catalogues []any
		Costs      []struct {
			ID, Codec      string
			Response, Cost json.RawMessage
		}
		Refused []struct {
			Catalogues json.RawMessage
			Message    string
		}
	}
)

func readCodecCases[T any](t testing.TB, name string) (cases T) {
	t.Helper()
	text := must(os.ReadFile("../tests/codecs/" + name + ".json"))
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return cases
}

// changed is a JSON text with edits as the vectors write them.
func (e *codecEditCase) changed(t *testing.T, text json.RawMessage) json.RawMessage {
	t.Helper()
	var edits []codecEdit
	for _, each := range e.Set {
		edit := codecEdit{kind: "remove"}
		if err := decodeJSON(string(each[0]), &edit.path); err != nil {
			t.Fatal(err)
		}
		if len(each) > 1 {
			edit.kind, edit.value = "set", tokensOf(each[1])
		}
		if position, isPosition := edit.path[len(edit.path)-1].(json.Number); isPosition && len(each) > 1 {
			list := valueAt(decodePart(string(text)), edit.path[:len(edit.path)-1]).([]any)
			if indexOf(position) == len(list) {
				edit.kind = "insert"
			}
		}
		edits = append(edits, edit)
	}
	return must(edited(text, edits)).(json.RawMessage)
}

// valueAt follows a path into a value.
func valueAt(value any, path []any) any {
	for _, step := range path {
		if key, isKey := step.(string); isKey {
			value = value.(map[string]any)[key]
		} else {
			value = value.([]any)[indexOf(step)]
		}
	}
	return value
}

// compact is a JSON text without blanks, in its own order.
func compact(text []byte) string {
	var made bytes.Buffer
	if err := json.Compact(&made, text); err != nil {
		panic(err)
	}
	return made.String()
}

// sortedJSON is the JSON of any value with its keys in order, and numbers as a double has them.
func sortedJSON(value any) string {
	var decoded any
	if err := json.Unmarshal(must(json.Marshal(value)), &decoded); err != nil {
		panic(err)
	}
	return string(writtenJSON(decoded))
}
