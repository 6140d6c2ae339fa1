package scopeflow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The runner of tests/vectors: the same scenarios in every language, byte for byte. Their format
// stands in tests/vectors/README.md; operations are found by their names in the generated table.

type (
	vectorCase struct {
		ID, Doc      string
		Rules, Needs []string
		Runtime      struct {
			ClockStart        string  `json:"clock_start"`
			ClockStep         string  `json:"clock_step"`
			PayloadBudget     *uint32 `json:"payload_budget"`
			CredentialHeaders *string `json:"credential_headers"`
		}
		Steps  []*vectorStep
		Expect struct {
			Events map[string][]string
			Calls  []string
			Stats  map[string]string
			// GivenBack has the callables in C that nobody asks any more; nil: it is not told.
			GivenBack []string `json:"given_back"`
		}
	}
	vectorStep struct {
		Op, On, As, Context string
		Fork, Abandon, Next string
		Request             json.RawMessage // Of next.
		Args                map[string]json.RawMessage
		Target              *vectorAnswer
		Collector           *vectorCallable
		Finalizer           *vectorCallable
		Consume             struct {
			Take    *int
			Then    string
			Between map[string][]*vectorStep
		}
		Expect    *vectorOutcome
		Propagate bool

		run *vectorRun
	}
	vectorAnswer struct {
		Label, As     string // Of a target.
		Answers       []vectorAnswer
		Steps         []*vectorStep
		Return        json.RawMessage
		Refuse        *string
		Raise, Cancel *vectorError
		Propagate     bool
		Edit          map[string]json.RawMessage
		Remove        []string
		Nothing       bool
		Annotated     json.RawMessage
		Got           json.RawMessage // What a codec that decodes has to be given.
		Chunks        []json.RawMessage
		Before        map[string][]*vectorStep
		Marks         []vectorMark
		Next          []vectorNext
		ResultOf      string `json:"result_of"`
		KeepNext      string `json:"keep_next"`
	}
	vectorMark struct {
		Name, Category  string
		Data, Metadata  json.RawMessage
		CategoryProfile json.RawMessage `json:"category_profile"`
		DataSchema      json.RawMessage `json:"data_schema"`
	}
	vectorNext struct {
		Request json.RawMessage
		As      string
		Catch   bool
	}
	vectorCallable struct {
		Label      string
		Async      bool // Nothing is in Go.
		BreakChain bool `json:"break_chain"`
		Answers    []vectorAnswer
		Native     *vectorNative // It is one in C.
	}
	vectorNative       struct{ Before, After []vectorNativeAnswer }
	vectorNativeAnswer struct {
		Got   map[string]json.RawMessage
		Steps []*vectorStep
		Says  []vectorSaid
	}
	vectorSaid struct {
		Refuse, Replace, Decide, JSON, Fail, Status *string
		Refused                                     *struct{ Status, Message string }
	}
	vectorOutcome struct {
		Status, Message string
		Raise, Cancel   *vectorError
		Out, Value      json.RawMessage
		Chunks          []json.RawMessage
	}
	vectorError struct{ Type, Message string }
)

func TestVectors(t *testing.T) { replayVectors(t, nil) }

// vectorMode does a step otherwise than it is done as a rule, or says that it does not.
type vectorMode func(r *vectorRun, s *vectorStep) (isDone bool, err error)

func replayVectors(t *testing.T, mode vectorMode) {
	gaps := readVectorGaps(t)
	var count vectorCount
	for _, c := range readVectors(t) {
		t.Run(c.ID, func(t *testing.T) {
			if reason := c.lacks(); reason != "" {
				count.leaveOut(reason)
				t.Skip("left out: " + reason)
			}
			count.replayed++
			replayVector(t, c, gaps[c.ID], mode)
			delete(gaps, c.ID)
		})
	}
	count.report(t)
}

// vectorRun is a case that is running.
type vectorRun struct {
	t       vectorReport
	runtime *Runtime
	// contexts are the named contexts; running is the name of the one in which things happen now.
	contexts  map[string]context.Context
	running   string
	openedIn  map[*Scope]context.Context
	scopes    map[string]*Scope
	events    map[string][]string
	calls     []string
	raised    []error // What callables and targets raised, for comparing identities.
	active    []*scriptedCall
	kept      map[string]*keptNext
	owned     []ownedPayload
	givenBack []givenBack
	mode      vectorMode // Nil: nothing is done otherwise.
}

// givenBack tells how often a callable in C was given back.
type givenBack struct {
	label string
	count func() int
}

// checkGivenBack wants that of the callables which are named, once, and never of the others.
func (r *vectorRun) checkGivenBack(named []string) {
	for _, each := range r.givenBack {
		count := each.count()
		if count > 1 || named != nil && (count == 1) != slices.Contains(named, each.label) {
			r.t.Errorf("%s was given back %d times", each.label, count)
		}
	}
}

func runVector(t vectorReport, c *vectorCase, mode vectorMode) {
	r := &vectorRun{
		t: t, runtime: newVectorRuntime(t, c), running: "main", mode: mode,
		contexts: map[string]context.Context{"main": context.Background()},
		openedIn: map[*Scope]context.Context{},
		scopes:   map[string]*Scope{},
		events:   map[string][]string{},
		kept:     map[string]*keptNext{},
	}
	if err := r.steps(c.Steps); err != nil {
		t.Fatalf("an error went out of the case: %v", err)
	}
	for label, lines := range c.Expect.Events {
		if !slices.Equal(r.events[label], lines) {
			t.Errorf("%s got\n%s\ninstead of\n%s", label,
				strings.Join(r.events[label], "\n"), strings.Join(lines, "\n"))
		}
	}
	if c.Expect.Calls != nil && !slices.Equal(r.calls, c.Expect.Calls) {
		t.Errorf("calls were %v instead of %v", r.calls, c.Expect.Calls)
	}
	r.checkOwned()
	r.checkGivenBack(c.Expect.GivenBack)
	stats, err := r.runtime.ReadStats()
	if err != nil {
		t.Fatal(err)
	}
	members := vectorMembers(stats)
	for name, value := range c.Expect.Stats {
		if members[name] != value {
			t.Errorf("%s is %v instead of %s", name, members[name], value)
		}
	}
}

func newVectorRuntime(t vectorReport, c *vectorCase) *Runtime {
	t.Helper()
	number := func(text, otherwise string) int64 {
		if text == "" {
			text = otherwise
		}
		value, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	options := []RuntimeOption{
		WithRuntimeFlags(RuntimeFlagDeterministic | RuntimeFlagCanonical),
		WithClockStart(number(c.Runtime.ClockStart, "1767225600000000000")),
		WithClockStep(number(c.Runtime.ClockStep, "1000000")),
	}
	if c.Runtime.PayloadBudget != nil {
		options = append(options, WithPayloadBudget(*c.Runtime.PayloadBudget))
	}
	if c.Runtime.CredentialHeaders != nil {
		options = append(options, WithCredentialHeaders(*c.Runtime.CredentialHeaders))
	}
	runtime, err := NewRuntime(options...)
	if err != nil {
		t.Fatal(err)
	}
	runtime.SetLogger(quietLogger())
	return runtime
}

// --- Steps ---

func (r *vectorRun) steps(steps []*vectorStep) error {
	for _, s := range steps {
		if err := r.step(s); err != nil {
			return err
		}
	}
	return nil
}

// step does a step in its context and returns the error that is to go on out of the callable.
func (r *vectorRun) step(s *vectorStep) error {
	outer := r.running
	defer func() { r.running = outer }()
	switch {
	case s.Fork != "":
		r.contexts[s.Context] = r.contexts[s.Fork]
		return nil
	case s.Abandon != "":
		forgetScope(r.scopes[s.Abandon])
		delete(r.scopes, s.Abandon)
		return nil
	}
	if s.Context != "" {
		r.running = s.Context
	}
	s.run = r
	out, err := r.perform(s)
	r.check(s, out, err)
	if s.Propagate {
		return err
	}
	return nil
}

func (r *vectorRun) perform(s *vectorStep) (any, error) {
	if s.Next != "" {
		return r.callKeptNext(s)
	}
	if s.isNative() {
		return nil, r.registerScript(s)
	}
	if r.mode != nil {
		if isDone, err := r.mode(r, s); isDone {
			return nil, err
		}
	}
	return r.operate(s)
}

func (r *vectorRun) ctx() context.Context { return r.contexts[r.running] }

// scope finds a scope by its label; two labels always exist.
func (r *vectorRun) scope(label string) *Scope {
	if scope := r.scopes[label]; scope != nil {
		return scope
	}
	owner := r.runtime
	switch label {
	case "elsewhere":
		owner = newVectorRuntime(r.t, new(vectorCase))
	case "root":
	default:
		r.t.Fatalf("there is no scope %q", label)
	}
	root, err := owner.Root()
	if err != nil {
		r.t.Fatal(err)
	}
	r.scopes[label] = root
	return root
}

// settle restores a context after a scope in it has ended: if that is still the current one, to the
// nearest one in force along what was current when each opened (S1.5). Users of Go need it not: they go
// on with the outer context.
func (r *vectorRun) settle(name string, ended *Scope) {
	for current := ended; CurrentScope(r.contexts[name]) == current; {
		r.contexts[name] = r.openedIn[current]
		current = CurrentScope(r.contexts[name])
		if current == nil || current.IsInForce() {
			return
		}
	}
}

// --- Operations that are written by hand ---

func (r *vectorRun) scopeNewRoot(s *vectorStep) (any, error) {
	ctx, err := r.runtime.WithNewRoot(r.ctx())
	if err != nil {
		return nil, err
	}
	r.contexts[r.running], r.scopes[s.As] = ctx, CurrentScope(ctx)
	return nil, nil
}

func (r *vectorRun) propagationAdopt(_ *vectorStep, text string) (any, error) {
	ctx, err := r.runtime.withAdopted(r.ctx(), text)
	if err == nil {
		r.contexts[r.running] = ctx
	}
	return nil, err
}

func (r *vectorRun) propagationCapture(*vectorStep, *Scope) (any, error) {
	return r.runtime.CapturePropagation(r.ctx())
}

func (r *vectorRun) runtimeFlush(*vectorStep) (any, error) { return nil, r.runtime.Flush(r.ctx()) }

func (r *vectorRun) scopePush(s *vectorStep, name string, kind ScopeType, options []ScopeOption) (any, error) {
	outer, in := r.ctx(), r.running
	ctx, scope, err := r.runtime.PushScope(outer, name, kind, options...)
	if err != nil {
		return nil, err
	}
	r.contexts[in] = ctx
	r.openedIn[scope] = outer
	if s.As != "" {
		r.scopes[s.As] = scope
	}
	return scope, nil
}

// scopePop settles before the scope's end is heard, as the languages do that have a current scope
// (ADR 0011), and takes that back if the scope is refused.
func (r *vectorRun) scopePop(s *vectorStep, options []ScopeEndOption) (any, error) {
	scope, in := r.scope(s.On), r.running
	popped := r.ctx()
	if CurrentScope(popped) == scope {
		r.settle(in, scope)
	}
	err := r.runtime.PopScope(popped, scope, options...)
	if err != nil {
		r.contexts[in] = popped
	}
	return nil, err
}

func (r *vectorRun) scopeEvent(_ *vectorStep, name string, options []EventOption) (any, error) {
	return nil, r.runtime.EmitEvent(r.ctx(), name, options...)
}

func (r *vectorRun) runtimeClose(*vectorStep) (any, error) {
	return nil, r.runtime.CloseContext(r.ctx())
}

func (r *vectorRun) toolExecute(s *vectorStep, name string, request any, options []ToolCallOption) (any, error) {
	call := r.beginCall(request)
	defer r.endCall(call)
	result, err := r.runtime.ToolCallExecute(r.ctx(), name, request, r.target(s, call), options...)
	r.leaveSpan(call)
	if err == nil && !isExpected(result, call.result) {
		r.t.Errorf("%s returned %v instead of %v", name, result, call.result)
	}
	return result, err
}

func (r *vectorRun) toolCall(s *vectorStep, name string, request any, options []ToolBeginOption) (any, error) {
	call, err := r.runtime.ToolCall(r.ctx(), name, request, options...)
	if err == nil && s.As != "" {
		r.scopes[s.As] = call
	}
	return call, err
}

func (r *vectorRun) toolCallEnd(s *vectorStep, options []ToolEndOption) (any, error) {
	return nil, r.runtime.ToolCallEnd(r.ctx(), r.scope(s.On), options...)
}

func (r *vectorRun) toolRequestIntercepts(
	_ *vectorStep, name string, request any, options []toolRequestInterceptsOption,
) (any, error) {
	call := r.beginCall(request)
	defer r.endCall(call)
	result, err := r.runtime.rewriteToolRequest(r.ctx(), name, request, options)
	if err == nil && !isExpected(result, call.request) {
		r.t.Errorf("%s returned %v instead of %v", name, result, call.request)
	}
	return result, err
}

func (r *vectorRun) toolConditionalExecution(
	_ *vectorStep, name string, request any, options []toolConditionalExecutionOption,
) (any, error) {
	call := r.beginCall(request)
	defer r.endCall(call)
	return nil, r.runtime.permitTool(r.ctx(), name, request, options)
}

// --- What comes out ---

func (r *vectorRun) check(s *vectorStep, out any, err error) {
	want := s.Expect
	r.checkChunks(s, out)
	switch {
	case want == nil || want.Out != nil || want.Value != nil || want.expectsNoError():
		switch {
		case err != nil:
			r.t.Errorf("%s failed: %v", s.Op, err)
		case want == nil || want.Out == nil && want.Value == nil:
		case want.Value != nil:
			if textOf(out) != textOf(r.payload(want.Value)) {
				r.t.Errorf("%s returned %s instead of %s", s.Op, textOf(out), want.Value)
			}
		default:
			r.checkOut(s.Op, out, want.Out)
		}
	case want.Status != "":
		if statusOf(err).String() != want.Status {
			r.t.Errorf("%s ended with %v instead of %s", s.Op, err, want.Status)
		} else if want.Message != "" && err.Error() != want.Message {
			r.t.Errorf("%s said %q instead of %q", s.Op, err, want.Message)
		}
	default:
		expected := want.Raise
		if expected == nil {
			expected = want.Cancel
		}
		if err == nil || !slices.Contains(r.raised, err) {
			r.t.Errorf("%s ended with %v instead of the error that was raised, %v", s.Op, err, *expected)
		} else if describedType(err) != expected.Type || err.Error() != expected.Message {
			r.t.Errorf("%s ended with %T %v instead of %v", s.Op, err, err, *expected)
		}
	}
}

func (r *vectorRun) checkOut(op string, out any, want json.RawMessage) {
	var expected any
	if err := json.Unmarshal(want, &expected); err != nil {
		r.t.Fatal(err)
	}
	members, ok := expected.(map[string]any)
	if !ok {
		if fmt.Sprint(out) != fmt.Sprint(expected) {
			r.t.Errorf("%s returned %v instead of %v", op, out, expected)
		}
		return
	}
	got := vectorMembers(out)
	if info, ok := out.(ScopeInfo); ok {
		got["attributes"] = attributeNames(info)
	}
	for name, value := range members {
		if fmt.Sprint(got[name]) != fmt.Sprint(value) {
			r.t.Errorf("%s: %s is %v instead of %v", op, name, got[name], value)
		}
	}
}

// attributeNames reads the bits by the flags of the scope's type, sorted.
func attributeNames(info ScopeInfo) []string {
	text := ScopeAttribute(info.Attributes).String()
	if info.Type == ScopeTypeLLM {
		text = LLMAttribute(info.Attributes).String()
	}
	if info.Type == ScopeTypeTool {
		text = ToolAttribute(info.Attributes).String()
	}
	names := strings.FieldsFunc(text, func(r rune) bool { return r == '|' })
	slices.Sort(names)
	return names
}

// expectsNoError says that only the chunks of a stream are told.
func (o *vectorOutcome) expectsNoError() bool {
	return o.Status == "" && o.Raise == nil && o.Cancel == nil
}

func describedType(err error) any { return describeError(err).(map[string]any)["type"] }

func (e *vectorError) make() error {
	switch e.Type {
	case "ValueError":
		return &ValueError{e.Message}
	case "LookupError":
		return &LookupError{e.Message}
	case "Cancelled":
		return &Cancelled{e.Message}
	}
	panic("the vectors have no error of the type " + e.Type)
}

// The errors of the vectors; their types' names stand in events.
type (
	ValueError  struct{ message string }
	LookupError struct{ message string }
	Cancelled   struct{ message string }
)

func (e *ValueError) Error() string  { return e.message }
func (e *LookupError) Error() string { return e.message }
func (e *Cancelled) Error() string   { return e.message }

// Unwrap makes it a cancellation as Go knows it.
func (e *Cancelled) Unwrap() error { return context.Canceled }
