//go:build cgo

package scopeflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/scopeflow/scopeflow/go/internal/natives"
)

// Callables of the vectors that are in C, whatever the language (tests/vectors/README.md, "Native
// callables"): each is registered as one of C, and asks this script.

var nativeFeatures = []string{"native"}

// scriptedNative is such a callable.
type scriptedNative struct {
	run           *vectorRun
	label, name   string
	registry      Registry
	script        *vectorNative
	before, after int // How often it was asked.
	registered    *natives.Registered
}

// isNative says whether the step registers one.
func (s *vectorStep) isNative() bool {
	if !strings.Contains(s.Op, "register_") || !s.has("callable") {
		return false
	}
	return s.callable("callable").Native != nil
}

var registriesByName = func() map[string]Registry {
	found := map[string]Registry{}
	for registry := Registry(1); registry.String() != "unknown"; registry++ {
		found[registry.String()] = registry
	}
	return found
}()

func (r *vectorRun) registerScript(s *vectorStep) error {
	local, isLocal := strings.CutPrefix(s.Op, "scope_")
	definition := s.callable("callable")
	n := &scriptedNative{
		run: r, label: definition.Label, name: s.text("name"), script: definition.Native,
		registry: registriesByName[strings.TrimPrefix(local, "register_")],
	}
	how := natives.Callable{
		Registry: int32(n.registry), Name: n.name, BreaksChain: definition.BreakChain, Ask: n.ask,
	}
	if s.has("priority") {
		how.Priority = int32(s.number("priority", nil))
	}
	if s.has("kinds") {
		how.Kinds, how.Gated = uint32(s.number("kinds", nil)), s.text("registration")
	}
	var owner any = r.runtime
	if isLocal {
		owner = r.scope(s.On)
	}
	var err error
	if n.registered, err = registerNatively(owner, how); err == nil {
		r.givenBack = append(r.givenBack, givenBack{n.label, n.registered.Destroyed})
	}
	return err
}

func (n *scriptedNative) ask(i *natives.Invocation) {
	r, facts := n.run, i.Facts()
	if Registry(facts.Registry) != n.registry || facts.Registration != n.name ||
		facts.Runtime != r.runtime.NativeHandle() {
		r.t.Errorf("%s is told that it is %+v", n.label, facts)
	}
	if n.registered != nil && n.registered.Destroyed() > 0 {
		r.t.Errorf("%s is asked, though it was given back", n.label)
	}
	if n.registry == RegistrySubscriber {
		r.events[n.label] = append(r.events[n.label], i.JSON())
	}
	answers, count, label := n.script.Before, &n.before, n.label
	if facts.IsAfter {
		answers, count, label = n.script.After, &n.after, n.label+"_after"
	}
	r.note(label)
	if len(answers) == 0 {
		return
	}
	mine := answers[min(*count, len(answers)-1)]
	*count++
	for key, want := range mine.Got {
		n.check(i, facts, key, want)
	}
	if err := r.steps(mine.Steps); err != nil {
		r.t.Errorf("%s let an error through: %v", n.label, err)
	}
	for _, said := range mine.Says {
		n.say(i, said)
	}
}

var nativeParts = map[string]natives.Part{
	"input": natives.Input, "annotated": natives.Annotated, "outcome": natives.Outcome,
}

func (n *scriptedNative) check(i *natives.Invocation, facts natives.Facts, key string, want json.RawMessage) {
	if part, isPart := nativeParts[key]; isPart {
		var text struct{ JSON string }
		must(0, json.Unmarshal(want, &text))
		if got := i.PartJSON(part); got == "" || canonical(got) != canonical(text.JSON) {
			n.run.t.Errorf("the %s of %s is %s instead of %s", key, n.label, got, text.JSON)
		}
		return
	}
	got, isKnown := map[string]any{
		"failed": facts.HasFailed, "attempt": facts.Attempt, "target": facts.Target,
		"tool_call_id": facts.ToolCallID, "model_name": facts.ModelName,
	}[key]
	if !isKnown || canonical(string(must(json.Marshal(got)))) != canonical(string(want)) {
		n.run.t.Errorf("%s: %s is %v instead of %s", n.label, key, got, want)
	}
}

func canonical(text string) string {
	var value any
	must(0, json.Unmarshal([]byte(text), &value))
	return string(must(json.Marshal(value)))
}

var nativeDecisions = []string{"proceed", "short_circuit", "retry", "replace"}

func (n *scriptedNative) say(i *natives.Invocation, said vectorSaid) {
	word, number, text := natives.SayFail, int32(0), said.Fail
	switch {
	case said.Refuse != nil:
		word, text = natives.SayRefuse, said.Refuse
	case said.Replace != nil:
		word, text = natives.SayReplace, said.Replace
	case said.Decide != nil:
		word, text = natives.SayDecide, said.JSON
		number = int32(slices.Index(nativeDecisions, *said.Decide))
	case said.Status != nil:
		number = int32(statusNamed(*said.Status))
	}
	status, message := i.Say(word, number, text)
	want, wantMessage := StatusOK, ""
	if said.Refused != nil {
		want, wantMessage = statusNamed(said.Refused.Status), said.Refused.Message
	}
	if Status(status) != want || message != wantMessage {
		n.run.t.Errorf("%s is told %v %q instead of %v %q", n.label, Status(status), message, want, wantMessage)
	}
	isIntercept := strings.Contains(n.registry.String(), "intercept")
	if isIntercept && Status(status) == StatusOK && said.Fail == nil && len(n.run.active) > 0 {
		n.run.call().request, n.run.call().result = madeNatively{}, madeNatively{}
	}
}

func statusNamed(name string) Status {
	for status := StatusOK; status < 10_000; status++ {
		if status.String() == name {
			return status
		}
	}
	panic(fmt.Sprintf("there is no status %q", name))
}
