//go:build cgo

package scopeflow

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/scopeflow/scopeflow/go/internal/natives"
)

// Middleware of the vectors in C (ADR 0020): the callables that only look, refuse or return JSON are
// registered as those of C, among the others of the case, and not a byte may differ.

// nativeRegistries are those of which C can do what vectors script, and what its answers may have.
var nativeRegistries = map[string]struct {
	registry Registry
	outcome  natives.Act
}{
	"tool_conditional_execution_guardrail": {RegistryToolConditionalExecutionGuardrail, natives.Refuse},
	"tool_sanitize_request_guardrail":      {RegistryToolSanitizeRequestGuardrail, natives.Replace},
	"tool_sanitize_response_guardrail":     {RegistryToolSanitizeResponseGuardrail, natives.Replace},
	"tool_request_intercept":               {RegistryToolRequestIntercept, natives.Look},
	"llm_sanitize_request_guardrail":       {RegistryLLMSanitizeRequestGuardrail, natives.Replace},
	"llm_sanitize_response_guardrail":      {RegistryLLMSanitizeResponseGuardrail, natives.Replace},
	"llm_conditional_execution_guardrail":  {RegistryLLMConditionalExecutionGuardrail, natives.Refuse},
	"mark_sanitize_guardrail":              {RegistryMarkSanitizeGuardrail, natives.Replace},
	"scope_sanitize_start_guardrail":       {RegistryScopeSanitizeStartGuardrail, natives.Replace},
	"scope_sanitize_end_guardrail":         {RegistryScopeSanitizeEndGuardrail, natives.Replace},
	"event_metadata_injector":              {RegistryEventMetadataInjector, natives.Replace},
}

func TestVectorsWithMiddlewareInC(t *testing.T) {
	var registered []*natives.Registered
	replayVectors(t, func(r *vectorRun, s *vectorStep) (bool, error) {
		owner, c, isNative := r.nativeCallable(s)
		if !isNative {
			return false, nil
		}
		callable, err := registerNatively(owner, c)
		if err == nil {
			registered = append(registered, callable)
		}
		return true, err
	})
	runs := 0
	for _, callable := range registered {
		runs += callable.Runs()
		if callable.Destroyed() > 1 {
			t.Error("a callable was given back twice")
		}
	}
	t.Logf("%d callables in C ran %d times", len(registered), runs)
	if runs == 0 {
		t.Error("no callable in C ran")
	}
}

// nativeCallable is what a step registers, if C can do it.
func (r *vectorRun) nativeCallable(s *vectorStep) (owner any, c natives.Callable, isNative bool) {
	local, isLocal := strings.CutPrefix(s.Op, "scope_register_")
	title, isGlobal := strings.CutPrefix(s.Op, "register_")
	if isLocal {
		title = local
	}
	kind, isKnown := nativeRegistries[title]
	if !isKnown || !isLocal && !isGlobal || json.Unmarshal(s.Args["name"], &c.Name) != nil {
		return nil, c, false
	}
	script := s.callable("callable")
	for i := range script.Answers {
		if !canAnswerNatively(&script.Answers[i], kind.outcome) {
			return nil, c, false
		}
	}
	c.Registry, c.BreaksChain = int32(kind.registry), script.BreakChain
	if s.has("priority") {
		c.Priority = int32(s.number("priority", nil))
	}
	c.Ask = r.answerNatively(script)
	if isLocal {
		return r.scope(s.On), c, true
	}
	return r.runtime, c, true
}

// canAnswerNatively says whether an answer has nothing but an outcome of the kind, or nothing at all.
func canAnswerNatively(a *vectorAnswer, outcome natives.Act) bool {
	rest := *a
	switch outcome {
	case natives.Refuse:
		rest.Refuse = nil
	case natives.Replace:
		text, isJSON := nativeJSON(a)
		if a.Return != nil && (!isJSON || text == "null") {
			return false
		}
		rest.Return = nil
	}
	return string(must(json.Marshal(rest))) == string(must(json.Marshal(vectorAnswer{})))
}

func nativeJSON(a *vectorAnswer) (text string, isJSON bool) {
	var payload struct{ JSON *string }
	if a.Return == nil || json.Unmarshal(a.Return, &payload) != nil || payload.JSON == nil {
		return "", false
	}
	return *payload.JSON, true
}

func (r *vectorRun) answerNatively(script *vectorCallable) func(*natives.Invocation) {
	count := 0
	return func(i *natives.Invocation) {
		r.note(script.Label)
		mine := nextAnswer(script.Answers, &count)
		if mine.Refuse != nil {
			i.Answer(natives.Refuse, *mine.Refuse)
		}
		if text, isJSON := nativeJSON(mine); isJSON {
			i.Answer(natives.Replace, text)
		}
	}
}
