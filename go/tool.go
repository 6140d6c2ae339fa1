package scopeflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// ToolFunc is what a managed tool call runs. The context carries the call's own span as the current
// scope; what it returns reaches the caller as it is.
type ToolFunc func(ctx context.Context, args any) (any, error)

var errNilTarget = invalidArgument("the tool's function must not be nil")

// ToolCallExecute runs a tool under management: guardrails decide on the caller's own arguments, the
// call's span opens, fn runs, and exactly one end follows one start, whatever happened (S4.1, S4.3).
//
// It returns fn's own value or fn's own error. An error that is context.Canceled or
// context.DeadlineExceeded ends the span as cancelled. A panic of fn comes back as a [*PanicError].
// A refusal is a [*GuardrailRejectedError]. A context that has ended already is an [ErrCancelled],
// and nothing is emitted.
//
// Options: [WithParent], [WithToolAttributes], [WithToolCallID], [WithData], [WithMetadata],
// [WithTimestamp].
func (r *Runtime) ToolCallExecute(
	ctx context.Context, name string, args any, fn ToolFunc, options ...ToolCallOption,
) (any, error) {
	if err := r.check(ctx); err != nil {
		return nil, err
	}
	if fn == nil {
		return nil, errNilTarget
	}
	if err := ctx.Err(); err != nil {
		return nil, cancelledError(err)
	}
	c := r.beginCall(ctx)
	defer c.release()
	c.target = fn
	c.tool.setDefaults()
	c.tool.name, c.tool.request, c.tool.flags = name, args, callFlagSync
	for _, option := range options {
		if option != nil {
			option.applyToolExecute(&c.tool)
		}
	}
	c.parent = c.tool.parent
	err := c.run(c.beginToolExecute(r.handle, &c.tool))
	c.tool = toolExecuteArguments{}
	if err != nil {
		return nil, err
	}
	return c.result, nil
}

// ToolCallExecute is [Runtime.ToolCallExecute] on the context's runtime, else on the default one.
func ToolCallExecute(
	ctx context.Context, name string, args any, fn ToolFunc, options ...ToolCallOption,
) (any, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return nil, err
	}
	return r.ToolCallExecute(ctx, name, args, fn, options...)
}

// ExecuteTool is [ToolCallExecute] for a function with types of its own. Where middleware has put what
// JSON makes in the place of the request or the result, as that in C does, it is read as encoding/json
// reads it; any other type than that of the function is an [ErrInvalidArgument].
func ExecuteTool[Request, Result any](
	ctx context.Context, name string, request Request,
	fn func(ctx context.Context, request Request) (Result, error), options ...ToolCallOption,
) (Result, error) {
	var zero Result
	if fn == nil {
		return zero, errNilTarget
	}
	result, err := ToolCallExecute(ctx, name, request,
		func(ctx context.Context, args any) (any, error) {
			typed, err := typedPayload[Request]("the tool was given", args)
			if err != nil {
				return nil, err
			}
			return fn(ctx, typed)
		}, options...)
	if err != nil {
		return zero, err
	}
	return typedPayload[Result]("the tool returned", result)
}

// typedPayload gives a payload the type that it is to have. A nil interface has lost its type on the way;
// it is the zero value.
func typedPayload[T any](what string, value any) (T, error) {
	typed, isTyped := value.(T)
	if isTyped || value == nil {
		return typed, nil
	}
	made, err := madeOfJSON[T](value)
	if err != nil {
		return typed, invalidArgument(fmt.Sprintf("%s %T instead of %T: %v", what, value, typed, err))
	}
	return *made, nil
}

var errNotOfJSON = errors.New("it is not what JSON makes")

// madeOfJSON reads what JSON has made as another type, if it is that.
func madeOfJSON[T any](value any) (*T, error) {
	switch value.(type) {
	case map[string]any, []any, string, bool, json.Number, json.RawMessage:
	default:
		return nil, errNotOfJSON
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	made := new(T)
	return made, decodeJSON(string(text), made)
}
