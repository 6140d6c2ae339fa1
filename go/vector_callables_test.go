package scopeflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// What the runtime calls while a vector runs: targets and middleware that do what the script says, and
// that check who gives them which object (S3.10, S4.4).

// scriptedCall is a managed call that runs: the objects that have to come out where they were put in.
type scriptedCall struct {
	given   any // The caller's own request.
	request any // As it is now.
	result  any
	chunks  []any
	outer   context.Context
	span    *Scope
}

// keptNext is a `next` that an intercept kept.
type keptNext struct {
	next    NextFunc
	request any
	call    *scriptedCall
}

// madeNatively stands for an object that the core has had made of what middleware in C said.
type madeNatively struct{}

// isExpected says whether it is the very object that has to come out here, where that is known.
func isExpected(got, want any) bool {
	return want == any(madeNatively{}) || identical(got, want)
}

func (r *vectorRun) beginCall(request any) *scriptedCall {
	call := &scriptedCall{given: request, request: request, outer: r.ctx()}
	r.active = append(r.active, call)
	return call
}

func (r *vectorRun) endCall(*scriptedCall) { r.active = r.active[:len(r.active)-1] }

func (r *vectorRun) call() *scriptedCall { return r.active[len(r.active)-1] }

// enterSpan makes a context in which the call's span is current the running one.
func (r *vectorRun) enterSpan(ctx context.Context, call *scriptedCall) {
	call.span = CurrentScope(ctx)
	if _, known := r.openedIn[call.span]; !known {
		r.openedIn[call.span] = call.outer
	}
	r.contexts[r.running] = ctx
}

// leaveSpan settles after the call, if it has reached its span.
func (r *vectorRun) leaveSpan(call *scriptedCall) {
	if call.span != nil {
		r.settle(r.running, call.span)
	}
}

// --- Targets ---

func (r *vectorRun) target(s *vectorStep, call *scriptedCall) ToolFunc {
	count := 0
	return func(ctx context.Context, got any) (any, error) {
		script := s.Target
		if script == nil {
			r.t.Errorf("the target of %s was called", s.Op)
			return nil, nil
		}
		if !isExpected(got, call.request) {
			r.t.Errorf("the target of %s got %v instead of %v", s.Op, got, call.request)
		}
		r.enterSpan(ctx, call)
		if script.As != "" {
			r.scopes[script.As] = call.span
		}
		r.note(script.Label)
		mine := script
		if script.Answers != nil {
			mine = nextAnswer(script.Answers, &count)
		}
		if mine.Chunks != nil {
			if err := r.steps(mine.Steps); err != nil {
				return nil, err
			}
			call.result = r.chunks(mine, call)
			return call.result, nil
		}
		if err := r.play(mine); err != nil {
			return nil, err
		}
		call.result = r.own(mine.Return)
		return call.result, nil
	}
}

func (r *vectorRun) note(label string) {
	if label != "" {
		r.calls = append(r.calls, label)
	}
}

// nextAnswer counts the calls of a callable: the n-th gets the n-th answer, later ones the last.
func nextAnswer(answers []vectorAnswer, count *int) *vectorAnswer {
	if len(answers) == 0 {
		return &vectorAnswer{}
	}
	at := min(*count, len(answers)-1)
	*count++
	return &answers[at]
}

// play does what every answer may do and returns the error that it ends with.
func (r *vectorRun) play(a *vectorAnswer) error {
	if err := r.steps(a.Steps); err != nil {
		return err
	}
	return r.raise(a)
}

func (r *vectorRun) raise(a *vectorAnswer) error {
	told := a.Raise
	if told == nil {
		told = a.Cancel
	}
	if told == nil {
		return nil
	}
	r.raised = append(r.raised, told.make())
	return r.raised[len(r.raised)-1]
}

// --- Callables ---

// inContext runs a callable's answer in the context that it was called with.
func (r *vectorRun) inContext(ctx context.Context, run func() error) error {
	in, before := r.running, r.contexts[r.running]
	r.contexts[in] = ctx
	err := run()
	r.running = in
	if CurrentScope(r.contexts[in]) == CurrentScope(ctx) {
		r.contexts[in] = before
	}
	return err
}

// answered is a callable's turn: it is noted, does its steps, and gives its answer.
func (r *vectorRun) answered(
	ctx context.Context, c *vectorCallable, count *int,
) (mine *vectorAnswer, err error) {
	r.note(c.Label)
	mine = nextAnswer(c.Answers, count)
	return mine, r.inContext(ctx, func() error { return r.play(mine) })
}

// reason is what a guard or a gate does.
func (r *vectorRun) reason(
	ctx context.Context, c *vectorCallable, count *int, request ...any,
) (*string, error) {
	for _, got := range request {
		if !identical(got, r.call().given) {
			r.t.Errorf("the guard %s got %v instead of the caller's own %v", c.Label, got, r.call().given)
		}
	}
	mine, err := r.answered(ctx, c, count)
	return mine.Refuse, err
}

// nothing is what a callable does that has no result in Go, such as a subscriber: it fails by a
// panic.
func (r *vectorRun) nothing(ctx context.Context, c *vectorCallable, count *int) {
	if _, err := r.answered(ctx, c, count); err != nil {
		panic(err)
	}
}

// record keeps the line of an event that a callable was given.
func (r *vectorRun) record(c *vectorCallable, event *Event) {
	r.events[c.Label] = append(r.events[c.Label], event.String())
}

func (r *vectorRun) sanitized(ctx context.Context, c *vectorCallable, count *int, given any) (any, error) {
	r.checkPrivate(given)
	mine, err := r.answered(ctx, c, count)
	return r.rewritten(mine, given), err
}

func (r *vectorRun) intercepted(ctx context.Context, c *vectorCallable, count *int, given any) (any, error) {
	r.checkPrivate(given)
	mine, err := r.answered(ctx, c, count)
	if err != nil {
		return nil, err
	}
	result := r.rewritten(mine, given)
	if result != nil || mine.Marks != nil {
		r.call().request = result
	}
	return r.outcome(mine, result), nil
}

func (r *vectorRun) fields(
	ctx context.Context, c *vectorCallable, count *int, given *EventFields,
) (*EventFields, error) {
	mine, err := r.answered(ctx, c, count)
	members, ok := r.rewritten(mine, map[string]any{
		"data": given.Data, "metadata": given.Metadata, "category_profile": given.CategoryProfile,
	}).(map[string]any)
	if !ok {
		return nil, err // Go's types leave no other way to return what is wrong.
	}
	return &EventFields{members["data"], members["metadata"], members["category_profile"]}, err
}

func (r *vectorRun) members(ctx context.Context, c *vectorCallable, count *int) (map[string]any, error) {
	mine, err := r.answered(ctx, c, count)
	members, _ := r.rewritten(mine, map[string]any{}).(map[string]any)
	return members, err
}

// rewritten is what middleware returns that may change what it got.
func (r *vectorRun) rewritten(a *vectorAnswer, given any) any {
	switch {
	case a.Return != nil:
		return r.payload(a.Return)
	case a.Nothing:
		return nil
	}
	for path, payload := range a.Edit {
		given = setAt(given, strings.Split(path, "/"), r.payload(payload))
	}
	for _, path := range a.Remove {
		given = removeAt(given, strings.Split(path, "/"))
	}
	return given
}

func (r *vectorRun) outcome(a *vectorAnswer, result any) any {
	if a.Marks == nil {
		return result
	}
	return InterceptOutcome{Result: result, PendingMarks: r.marks(a)}
}

func (r *vectorRun) marks(a *vectorAnswer) []PendingMark {
	marks := make([]PendingMark, len(a.Marks))
	for i, mark := range a.Marks {
		marks[i].Name = mark.Name
		if mark.Data != nil {
			marks[i].Data = r.payload(mark.Data)
		}
		if mark.Metadata != nil {
			marks[i].Metadata = r.payload(mark.Metadata)
		}
		marks[i].Category = mark.Category
		if mark.CategoryProfile != nil {
			marks[i].CategoryProfile = r.payload(mark.CategoryProfile)
		}
		if mark.DataSchema != nil {
			marks[i].DataSchema = r.payload(mark.DataSchema)
		}
	}
	return marks
}

// --- Execution intercepts ---

func (r *vectorRun) executed(
	ctx context.Context, c *vectorCallable, count *int, request any, next NextFunc,
) (any, error) {
	call := r.call()
	r.note(c.Label)
	if !isExpected(request, call.request) {
		r.t.Errorf("the intercept %s got %v instead of %v", c.Label, request, call.request)
	}
	r.enterSpan(ctx, call)
	mine := nextAnswer(c.Answers, count)
	if mine.KeepNext != "" {
		r.kept[mine.KeepNext] = &keptNext{next, request, call}
	}
	if err := r.steps(mine.Steps); err != nil {
		return nil, err
	}
	results := map[string]any{}
	last, err := r.callNexts(next, request, mine, call, results)
	if err == nil && mine.Chunks == nil {
		err = r.raise(mine)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case mine.Chunks != nil:
		last = r.chunks(mine, call)
	case mine.ResultOf != "":
		last = results[mine.ResultOf]
	case mine.Return != nil:
		last = r.payload(mine.Return)
	}
	call.result = last
	return r.outcome(mine, last), nil
}

func (r *vectorRun) callNexts(
	next NextFunc, request any, a *vectorAnswer, call *scriptedCall, results map[string]any,
) (last any, err error) {
	steps := a.Next
	if steps == nil {
		steps = []vectorNext{{}}
	}
	for _, step := range steps {
		last, err = r.callNext(next, request, step.Request, call)
		results[step.As] = last
		if err != nil && (!step.Catch || errors.Is(err, context.Canceled)) {
			return nil, err
		}
	}
	return last, nil
}

func (r *vectorRun) callNext(
	next NextFunc, request any, other json.RawMessage, call *scriptedCall,
) (any, error) {
	call.request = request
	if other != nil {
		call.request = r.payload(other)
		if _, isLLM := call.given.(*LLMRequest); isLLM {
			call.request = r.llmRequest(other)
		}
	}
	in, before := r.running, r.ctx()
	result, err := next(before, call.request)
	if current := CurrentScope(before); current != call.span && CurrentScope(r.contexts[in]) == call.span {
		r.contexts[in] = before
		if current != nil && !current.IsInForce() {
			r.settle(in, current)
		}
	}
	if err == nil && !isExpected(result, call.result) {
		r.t.Errorf("next gave %v instead of %v", result, call.result)
	}
	return result, err
}

func (r *vectorRun) callKeptNext(s *vectorStep) (any, error) {
	kept := r.kept[s.Next]
	if kept == nil {
		r.t.Fatalf("no intercept kept %q", s.Next)
	}
	r.active = append(r.active, kept.call)
	defer r.endCall(kept.call)
	request, result := kept.call.request, kept.call.result
	defer func() { kept.call.request, kept.call.result = request, result }()
	return r.callNext(kept.next, kept.request, s.Request, kept.call)
}

// --- The application's own objects (S3.10) ---

type ownedPayload struct {
	value any
	text  string
}

// own remembers what belongs to the application: nobody may change it or get it to edit.
func (r *vectorRun) own(text json.RawMessage) any {
	value := r.payload(text)
	if bytes.Contains(text, []byte(`"host"`)) {
		return value // Sets among the fixtures have no order.
	}
	r.ownValue(value)
	return value
}

func (r *vectorRun) ownValue(value any) {
	r.owned = append(r.owned, ownedPayload{value, textOf(value)})
}

func (r *vectorRun) checkOwned() {
	for _, owned := range r.owned {
		if textOf(owned.value) != owned.text {
			r.t.Errorf("the application's own object was changed: %s", textOf(owned.value))
		}
	}
}

func (r *vectorRun) checkPrivate(given any) {
	private := map[uintptr]bool{}
	collectContainers(given, private)
	for _, owned := range r.owned {
		own := map[uintptr]bool{}
		collectContainers(owned.value, own)
		for address := range own {
			if private[address] {
				r.t.Errorf("a callable that may edit got a container of %s", owned.text)
				return
			}
		}
	}
}

func collectContainers(value any, found map[uintptr]bool) {
	if request, ok := value.(*LLMRequest); ok && request != nil {
		collectContainers(request.Headers, found)
		collectContainers(request.Content, found)
		return
	}
	v := reflect.ValueOf(value)
	if v.Kind() != reflect.Map && v.Kind() != reflect.Slice || v.Len() == 0 || found[v.Pointer()] {
		return
	}
	found[v.Pointer()] = true
	switch container := value.(type) {
	case map[string]any:
		for _, member := range container {
			collectContainers(member, found)
		}
	case []any:
		for _, element := range container {
			collectContainers(element, found)
		}
	}
}

// textOf is a text by which payloads are compared.
func textOf(value any) string {
	const budget = 1 << 24
	if request, ok := value.(*LLMRequest); ok && request != nil {
		value = map[string]any{"headers": request.Headers, "content": request.Content}
	}
	w := new(payloadWalker)
	w.encodePayload(value, budget, true)
	return string(w.bytes)
}

// --- Ways into a payload ---

// setAt puts a member into a container, in place, and returns the container.
func setAt(value any, path []string, new any) any {
	switch container := value.(type) {
	case *LLMRequest:
		members := map[string]any{"headers": container.Headers, "content": container.Content}
		setAt(members, path, new)
		container.Headers, _ = members["headers"].(map[string]any)
		container.Content = members["content"]
	case map[string]any:
		if len(path) > 1 {
			new = setAt(container[path[0]], path[1:], new)
		}
		container[path[0]] = new
	case []any:
		at := must(strconv.Atoi(path[0]))
		if at == len(container) {
			return append(container, new)
		}
		if len(path) > 1 {
			new = setAt(container[at], path[1:], new)
		}
		container[at] = new
	}
	return value
}

func removeAt(value any, path []string) any {
	switch container := value.(type) {
	case *LLMRequest:
		members := map[string]any{"headers": container.Headers, "content": container.Content}
		removeAt(members, path)
		container.Headers, _ = members["headers"].(map[string]any)
		container.Content = members["content"]
	case map[string]any:
		if len(path) > 1 {
			container[path[0]] = removeAt(container[path[0]], path[1:])
		} else {
			delete(container, path[0])
		}
	case []any:
		at := must(strconv.Atoi(path[0]))
		if len(path) == 1 {
			return slices.Delete(container, at, at+1)
		}
		container[at] = removeAt(container[at], path[1:])
	}
	return value
}
