package scopeflow

import (
	"context"
	"runtime"
)

// LLMFunc is what a managed LLM call runs. The context carries the call's own span as the current
// scope; what it returns reaches the caller as it is.
type LLMFunc func(ctx context.Context, request *LLMRequest) (any, error)

var errNilRequest = invalidArgument("the request must not be nil")

// LLMCallExecute runs a call of a language model under management, as [Runtime.ToolCallExecute] does for
// a tool.
//
// Options: [WithParent], [WithLLMAttributes], [WithModelName], [WithData], [WithMetadata],
// [WithTimestamp], [WithCodec], [WithResponseCodec].
func (r *Runtime) LLMCallExecute(
	ctx context.Context, name string, request *LLMRequest, fn LLMFunc, options ...LLMCallOption,
) (any, error) {
	if err := r.checkCall(ctx, request, fn == nil); err != nil {
		return nil, err
	}
	c := r.beginCall(ctx)
	defer c.release()
	c.target = fn.target()
	c.llm.setDefaults()
	c.llm.name, c.llm.request, c.llm.flags = name, request, callFlagSync
	for _, option := range options {
		if option != nil {
			option.applyLlmExecute(&c.llm)
		}
	}
	c.parent = c.llm.parent
	err := c.run(c.beginLlmExecute(r.handle, &c.llm))
	c.llm = llmExecuteArguments{}
	if err != nil {
		return nil, err
	}
	return c.result, nil
}

func (r *Runtime) checkCall(ctx context.Context, request *LLMRequest, isNilTarget bool) error {
	if err := r.checkRequest(ctx, request); err != nil {
		return err
	}
	if isNilTarget {
		return invalidArgument("the call's function must not be nil")
	}
	if err := ctx.Err(); err != nil {
		return cancelledError(err)
	}
	return nil
}

func (r *Runtime) checkRequest(ctx context.Context, request *LLMRequest) error {
	if err := r.check(ctx); err != nil {
		return err
	}
	if request == nil {
		return errNilRequest
	}
	return nil
}

func (fn LLMFunc) target() ToolFunc {
	return func(ctx context.Context, request any) (any, error) {
		typed, _ := request.(*LLMRequest)
		return fn(ctx, typed)
	}
}

// LLMCall begins an LLM call that the application runs by itself, as [Runtime.ToolCall] does for a tool.
//
// Options: [WithParent], [WithLLMAttributes], [WithModelName], [WithData], [WithMetadata], [WithTimestamp],
// [WithAnnotatedRequest], [WithCodec].
func (r *Runtime) LLMCall(
	ctx context.Context, name string, request *LLMRequest, options ...LLMBeginOption,
) (*Scope, error) {
	if err := r.checkRequest(ctx, request); err != nil {
		return nil, err
	}
	c := r.beginCall(ctx)
	defer c.release()
	var arguments llmCallArguments
	arguments.setDefaults()
	arguments.name, arguments.request = name, request
	for _, option := range options {
		if option != nil {
			option.applyLlmCall(&arguments)
		}
	}
	if err := c.run(c.beginLlmCall(r.handle, &arguments)); err != nil {
		return nil, err
	}
	s := r.newScope(ctx, c.delivery, c.block.step.scope)
	s.parent, s.data = arguments.parent, keptData(options)
	return s, nil
}

// LLMCallEnd ends a call that [Runtime.LLMCall] began, with its response or its error. A call that has
// ended is [ErrNotFound], any other scope is [ErrInvalidArgument].
//
// Options: [WithResponse], [WithData], [WithMetadata], [WithStatus], [WithError], [WithTimestamp],
// [WithAnnotatedResponse], [WithResponseCodec].
func (r *Runtime) LLMCallEnd(ctx context.Context, call *Scope, options ...LLMEndOption) error {
	if err := r.check(ctx); err != nil {
		return err
	}
	if err := call.usable(); err != nil {
		return err
	}
	c := r.beginCall(ctx)
	defer c.release()
	var arguments llmCallEndArguments
	arguments.setDefaults()
	for _, option := range options {
		if option != nil {
			option.applyLlmCallEnd(&arguments)
		}
	}
	c.ended = call
	err := c.run(c.beginLlmCallEnd(call.handle, &arguments))
	if err == nil {
		call.letCallablesGo()
		c.letKeeperGo(call)
	}
	runtime.KeepAlive(call)
	return err
}

// LLMRequestIntercepts runs only the request intercepts and returns the request that comes out, without
// a span or an event (S4.9).
func (r *Runtime) LLMRequestIntercepts(
	ctx context.Context, name string, request *LLMRequest,
) (*LLMRequest, error) {
	return r.rewriteLLMRequest(ctx, name, request, nil)
}

func (r *Runtime) rewriteLLMRequest(
	ctx context.Context, name string, request *LLMRequest, options []llmRequestInterceptsOption,
) (*LLMRequest, error) {
	if err := r.checkRequest(ctx, request); err != nil {
		return nil, err
	}
	c := r.beginCall(ctx)
	defer c.release()
	c.unanswered = request
	arguments := llmRequestInterceptsArguments{name: name, request: request, flags: callFlagSync}
	for _, option := range options {
		option.applyLlmRequestIntercepts(&arguments)
	}
	if err := c.run(c.beginLlmRequestIntercepts(r.handle, &arguments)); err != nil {
		return nil, err
	}
	rewritten, _ := c.result.(*LLMRequest)
	return rewritten, nil
}

// LLMConditionalExecution runs only the guards, without a span or an event (S4.9). A refusal is a
// [*GuardrailRejectedError].
func (r *Runtime) LLMConditionalExecution(ctx context.Context, name string, request *LLMRequest) error {
	return r.permitLLM(ctx, name, request, nil)
}

func (r *Runtime) permitLLM(
	ctx context.Context, name string, request *LLMRequest, options []llmConditionalExecutionOption,
) error {
	if err := r.checkRequest(ctx, request); err != nil {
		return err
	}
	c := r.beginCall(ctx)
	defer c.release()
	arguments := llmConditionalExecutionArguments{name: name, request: request, flags: callFlagSync}
	for _, option := range options {
		option.applyLlmConditionalExecution(&arguments)
	}
	return c.run(c.beginLlmConditionalExecution(r.handle, &arguments))
}

// LLMCallExecute is [Runtime.LLMCallExecute] on the context's runtime, else on the default one.
func LLMCallExecute(
	ctx context.Context, name string, request *LLMRequest, fn LLMFunc, options ...LLMCallOption,
) (any, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return nil, err
	}
	return r.LLMCallExecute(ctx, name, request, fn, options...)
}

// LLMCall is [Runtime.LLMCall] on the context's runtime, else on the default one.
func LLMCall(
	ctx context.Context, name string, request *LLMRequest, options ...LLMBeginOption,
) (*Scope, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return nil, err
	}
	return r.LLMCall(ctx, name, request, options...)
}

// LLMCallEnd is [Runtime.LLMCallEnd] on the call's runtime.
func LLMCallEnd(ctx context.Context, call *Scope, options ...LLMEndOption) error {
	if err := call.usable(); err != nil {
		return err
	}
	return call.runtime.LLMCallEnd(ctx, call, options...)
}

// LLMRequestIntercepts is [Runtime.LLMRequestIntercepts] on the context's runtime, else on the default
// one.
func LLMRequestIntercepts(
	ctx context.Context, name string, request *LLMRequest,
) (*LLMRequest, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return nil, err
	}
	return r.LLMRequestIntercepts(ctx, name, request)
}

// LLMConditionalExecution is [Runtime.LLMConditionalExecution] on the context's runtime, else on the
// default one.
func LLMConditionalExecution(ctx context.Context, name string, request *LLMRequest) error {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return err
	}
	return r.LLMConditionalExecution(ctx, name, request)
}
