package scopeflow

import (
	"context"
	"runtime"
)

// ToolCall begins a tool call that the application runs by itself: the sanitizers run and the start
// event is emitted (S4.8). The call does not become current. [Runtime.ToolCallEnd] ends it.
//
// Options: [WithParent], [WithToolAttributes], [WithData], [WithToolCallID], [WithMetadata], [WithTimestamp].
func (r *Runtime) ToolCall(
	ctx context.Context, name string, args any, options ...ToolBeginOption,
) (*Scope, error) {
	if err := r.check(ctx); err != nil {
		return nil, err
	}
	c := r.beginCall(ctx)
	defer c.release()
	c.begin.setDefaults()
	c.begin.name, c.begin.request = name, args
	for _, option := range options {
		if option != nil {
			option.applyToolCall(&c.begin)
		}
	}
	err := c.run(c.beginToolCall(r.handle, &c.begin))
	parent := c.begin.parent
	c.begin = toolCallArguments{}
	if err != nil {
		return nil, err
	}
	s := r.newScope(ctx, c.delivery, c.block.step.scope)
	s.parent, s.data = parent, keptData(options)
	return s, nil
}

// ToolCallEnd ends a call that [Runtime.ToolCall] began, with its response or its error. A call that
// has ended is [ErrNotFound], any other scope is [ErrInvalidArgument].
//
// Options: [WithResponse], [WithData], [WithMetadata], [WithStatus], [WithError], [WithTimestamp].
func (r *Runtime) ToolCallEnd(
	ctx context.Context, call *Scope, options ...ToolEndOption,
) error {
	if err := r.check(ctx); err != nil {
		return err
	}
	if err := call.usable(); err != nil {
		return err
	}
	c := r.beginCall(ctx)
	defer c.release()
	c.end.setDefaults()
	for _, option := range options {
		if option != nil {
			option.applyToolCallEnd(&c.end)
		}
	}
	c.ended = call
	err := c.run(c.beginToolCallEnd(call.handle, &c.end))
	c.end = toolCallEndArguments{}
	if err == nil {
		call.letCallablesGo()
		c.letKeeperGo(call)
	}
	runtime.KeepAlive(call)
	return err
}

// ToolRequestIntercepts runs only the request intercepts and returns the request that comes out,
// without a span or an event (S4.9).
func (r *Runtime) ToolRequestIntercepts(ctx context.Context, name string, args any) (any, error) {
	return r.rewriteToolRequest(ctx, name, args, nil)
}

func (r *Runtime) rewriteToolRequest(
	ctx context.Context, name string, args any, options []toolRequestInterceptsOption,
) (any, error) {
	if err := r.check(ctx); err != nil {
		return nil, err
	}
	c := r.beginCall(ctx)
	defer c.release()
	c.unanswered = args
	c.rewrite = toolRequestInterceptsArguments{name: name, request: args, flags: callFlagSync}
	for _, option := range options {
		option.applyToolRequestIntercepts(&c.rewrite)
	}
	err := c.run(c.beginToolRequestIntercepts(r.handle, &c.rewrite))
	c.rewrite = toolRequestInterceptsArguments{}
	if err != nil {
		return nil, err
	}
	return c.result, nil
}

// ToolConditionalExecution runs only the guards, without a span or an event (S4.9). A refusal is a
// [*GuardrailRejectedError].
func (r *Runtime) ToolConditionalExecution(ctx context.Context, name string, args any) error {
	return r.permitTool(ctx, name, args, nil)
}

func (r *Runtime) permitTool(
	ctx context.Context, name string, args any, options []toolConditionalExecutionOption,
) error {
	if err := r.check(ctx); err != nil {
		return err
	}
	c := r.beginCall(ctx)
	defer c.release()
	c.permission = toolConditionalExecutionArguments{name: name, request: args, flags: callFlagSync}
	for _, option := range options {
		option.applyToolConditionalExecution(&c.permission)
	}
	err := c.run(c.beginToolConditionalExecution(r.handle, &c.permission))
	c.permission = toolConditionalExecutionArguments{}
	return err
}

// ToolCall is [Runtime.ToolCall] on the context's runtime, else on the default one.
func ToolCall(
	ctx context.Context, name string, args any, options ...ToolBeginOption,
) (*Scope, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return nil, err
	}
	return r.ToolCall(ctx, name, args, options...)
}

// ToolCallEnd is [Runtime.ToolCallEnd] on the call's runtime.
func ToolCallEnd(ctx context.Context, call *Scope, options ...ToolEndOption) error {
	if err := call.usable(); err != nil {
		return err
	}
	return call.runtime.ToolCallEnd(ctx, call, options...)
}

// ToolRequestIntercepts is [Runtime.ToolRequestIntercepts] on the context's runtime, else on the default
// one.
func ToolRequestIntercepts(ctx context.Context, name string, args any) (any, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return nil, err
	}
	return r.ToolRequestIntercepts(ctx, name, args)
}

// ToolConditionalExecution is [Runtime.ToolConditionalExecution] on the context's runtime, else on the
// default one.
func ToolConditionalExecution(ctx context.Context, name string, args any) error {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return err
	}
	return r.ToolConditionalExecution(ctx, name, args)
}
