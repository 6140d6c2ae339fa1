package scopeflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Which cases there are, which of them this package can replay, and which it is known to fail.

// What this language can express of the features of the vectors.
var vectorFeatures = append([]string{"byte_strings"}, nativeFeatures...)

const vectorFolder = "../tests/vectors"

// vectorFileCase is a case as it stands in a file, before it is known whether the package offers
// what it needs.
type vectorFileCase struct {
	ID    string
	Needs []string
	Steps any
	text  json.RawMessage
}

func readVectors(t *testing.T) []vectorFileCase {
	t.Helper()
	var all []vectorFileCase
	for _, path := range must(filepath.Glob(vectorFolder + "/*.json")) {
		if filepath.Base(path) != "schema.json" {
			all = append(all, readVectorFile(t, path)...)
		}
	}
	if len(all) == 0 {
		t.Fatal("there are no vectors")
	}
	return all
}

func readVectorFile(t *testing.T, path string) []vectorFileCase {
	t.Helper()
	var file struct {
		Format    int
		CaseCount int `json:"case_count"`
		Cases     []json.RawMessage
	}
	if err := json.Unmarshal(must(os.ReadFile(path)), &file); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if file.Format != 1 || file.CaseCount != len(file.Cases) || file.CaseCount == 0 {
		t.Fatalf("%s: format %d with %d of %d cases", path, file.Format, len(file.Cases), file.CaseCount)
	}
	cases := make([]vectorFileCase, len(file.Cases))
	for i, text := range file.Cases {
		if err := json.Unmarshal(text, &cases[i]); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		cases[i].text = text
	}
	return cases
}

// decode reads the case strictly: what the runner does not know, it must not pass over.
func (c *vectorFileCase) decode(t vectorReport) *vectorCase {
	decoded := new(vectorCase)
	if err := decodeStrictly(c.text, decoded); err != nil {
		t.Fatalf("%s: %v", c.ID, err)
	}
	return decoded
}

func decodeStrictly(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// lacks says why the case is left out; empty if it is not.
func (c *vectorFileCase) lacks() string {
	for _, feature := range c.Needs {
		if !slices.Contains(vectorFeatures, feature) {
			return "Go has no " + feature
		}
	}
	missing := map[string]bool{}
	collectOperations(c.Steps, missing)
	for _, offered := range vectorOperations {
		delete(missing, offered)
	}
	if len(missing) == 0 {
		return ""
	}
	return "not offered yet: " + strings.Join(slices.Sorted(maps.Keys(missing)), ", ")
}

func collectOperations(step any, found map[string]bool) {
	switch value := step.(type) {
	case []any:
		for _, item := range value {
			collectOperations(item, found)
		}
	case map[string]any:
		if name, ok := value["op"].(string); ok {
			found[name] = true
		}
		for _, member := range value {
			collectOperations(member, found)
		}
	}
}

// --- What came of all cases ---

type vectorCount struct {
	replayed int
	leftOut  map[string]int
}

func (v *vectorCount) leaveOut(reason string) {
	if v.leftOut == nil {
		v.leftOut = map[string]int{}
	}
	v.leftOut[reason]++
}

func (v *vectorCount) report(t *testing.T) {
	total := 0
	for _, reason := range slices.Sorted(maps.Keys(v.leftOut)) {
		t.Logf("left out %3d: %s", v.leftOut[reason], reason)
		total += v.leftOut[reason]
	}
	t.Logf("replayed %d cases, left out %d", v.replayed, total)
}

// --- Known gaps ---

const vectorGapLimit = 5

var (
	vectorGapSection = regexp.MustCompile(`(?m)^go:((?:\n? .*)*)`)
	vectorGapEntry   = regexp.MustCompile(`\{case: ([a-z0-9-]+), reason: (.+)\}`)
)

// readVectorGaps gives the reasons of the cases that Go is known to fail.
func readVectorGaps(t *testing.T) map[string]string {
	t.Helper()
	gaps := map[string]string{}
	section := vectorGapSection.FindSubmatch(must(os.ReadFile(vectorFolder + "/known_gaps.yaml")))
	if section == nil {
		t.Fatal("known_gaps.yaml has no section for Go")
	}
	entries := vectorGapEntry.FindAllSubmatch(section[1], -1)
	if len(entries) != bytes.Count(section[1], []byte("case:")) || len(entries) > vectorGapLimit {
		t.Fatalf("known_gaps.yaml: unreadable, or more than %d for Go", vectorGapLimit)
	}
	for _, entry := range entries {
		gaps[string(entry[1])] = string(entry[2])
	}
	return gaps
}

// vectorReport is what a replay needs of a test.
type vectorReport interface {
	Helper()
	Errorf(format string, arguments ...any)
	Fatal(arguments ...any)
	Fatalf(format string, arguments ...any)
}

// expectedFailures takes the failures of a case that is known to fail.
type expectedFailures struct{ count int }

func (e *expectedFailures) Helper()               {}
func (e *expectedFailures) Errorf(string, ...any) { e.count++ }
func (e *expectedFailures) Fatal(...any)          { e.count++; runtime.Goexit() }
func (e *expectedFailures) Fatalf(string, ...any) { e.Fatal() }

// replayVector replays a case; one with a gap has to fail.
func replayVector(t *testing.T, c vectorFileCase, gap string, mode vectorMode) {
	t.Helper()
	if gap == "" {
		runVector(t, c.decode(t), mode)
		return
	}
	var failures expectedFailures
	done := make(chan struct{})
	go func() {
		defer close(done)
		runVector(&failures, c.decode(&failures), mode)
	}()
	<-done
	if failures.count == 0 {
		t.Errorf("%s passes, though known_gaps.yaml says: %s", c.ID, gap)
	}
}

func TestCasesThatAreLeftOut(t *testing.T) {
	parse := func(text string) (c vectorFileCase) {
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	for text, expected := range map[string]string{
		`{"steps": [{"op": "scope_push"}]}`:                                           "",
		`{"steps": [{"op": "scope_push", "target": {"steps": [{"op": "nobodys"}]}}]}`: "not offered yet: nobodys",
		`{"needs": ["subscriber_cancel"], "steps": []}`:                               "Go has no subscriber_cancel",
	} {
		c := parse(text)
		if got := c.lacks(); got != expected {
			t.Errorf("%s: %q instead of %q", text, got, expected)
		}
	}
}

func TestAKnownGapHasToFail(t *testing.T) {
	failing := vectorFileCase{ID: "failing", text: json.RawMessage(
		`{"steps": [{"op": "scope_pop", "on": "nobody"}]}`)}
	replayVector(t, failing, fmt.Sprintf("%q is none", "nobody"), nil)
}
