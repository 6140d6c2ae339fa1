package scopeflow

import (
	"context"
	"io"
	"runtime"
	"sync/atomic"
	"time"
)

// Scope is an open or ended piece of work. It may be used by any number of goroutines. A scope that
// is forgotten without being closed is ended by the runtime some time later (S1.12).
type Scope struct {
	runtime *Runtime
	handle  scopeHandle
	context contextNode
	spans   *spanBatch // Of a call's span, and of a scope that has ended: who frees the handle.
	keeper  *keeper    // Of a scope that is open: who notices that nobody holds it any more.
	parent  *Scope     // An explicit parent; its middleware is inherited.
	data    any        // What the application keeps with it (S1.4).
	locals  atomic.Pointer[localCallables]
}

var _ io.Closer = (*Scope)(nil)

// PushScope opens a scope under the current one and returns a context in which it is current.
//
// Close or PopScope ends it. After that the outer context is the one to go on with; work under the
// returned one falls to the nearest scope that is still open (S1.5).
//
// Options: [WithParent], [WithScopeAttributes], [WithSubtype], [WithInput], [WithData], [WithMetadata],
// [WithTimestamp]. On an error the context is the one that was given.
func (r *Runtime) PushScope(
	ctx context.Context, name string, scopeType ScopeType, options ...ScopeOption,
) (context.Context, *Scope, error) {
	if err := r.check(ctx); err != nil {
		return ctx, nil, err
	}
	c := r.beginCall(ctx)
	defer c.release()
	c.push.setDefaults()
	c.push.name, c.push.typ = name, scopeType
	for _, option := range options {
		if option != nil {
			option.applyScopePush(&c.push)
		}
	}
	err := c.run(c.beginScopePush(r.handle, &c.push))
	parent := c.push.parent
	c.push = scopePushArguments{}
	if err != nil {
		return ctx, nil, err
	}
	s := r.newScope(ctx, c.delivery, c.block.step.scope)
	s.parent, s.data = parent, keptData(options)
	return &s.context, s, nil
}

// The data of what is opened stays with it ([Scope.Data]); the core is not told.

func (o DataOption) applyScopePush(*scopePushArguments) {}

func (o DataOption) applyToolCall(*toolCallArguments) {}

func (o DataOption) applyLlmCall(*llmCallArguments) {}

func keptData[Option any](options []Option) (data any) {
	for _, option := range options {
		if kept, ok := any(option).(DataOption); ok {
			data = kept.value
		}
	}
	return data
}

// PopScope ends a scope in a context. It refuses, with [ErrInvalidArgument], a scope that has an open
// descendant in this context; Close does not mind. A scope that has ended is [ErrNotFound].
//
// Options: [WithOutput], [WithMetadata], [WithStatus], [WithError], [WithTimestamp].
func (r *Runtime) PopScope(ctx context.Context, scope *Scope, options ...ScopeEndOption) error {
	if err := r.check(ctx); err != nil {
		return err
	}
	if err := scope.usable(); err != nil {
		return err
	}
	c := r.beginCall(ctx)
	defer c.release()
	return c.endScope(scope, options)
}

// EmitEvent emits a mark under the current scope. Nothing is built when nobody listens.
//
// Options: [WithParent], [WithData], [WithMetadata], [WithSeverity], [WithCategory],
// [WithCategoryProfile], [WithDataSchema], [WithTimestamp].
func (r *Runtime) EmitEvent(ctx context.Context, name string, options ...EventOption) error {
	if err := r.check(ctx); err != nil {
		return err
	}
	c := r.beginCall(ctx)
	defer c.release()
	c.mark.setDefaults()
	c.mark.name = name
	err := applyEventOptions(&c.mark, options)
	if err == nil {
		err = c.run(c.beginScopeEvent(r.handle, &c.mark))
	}
	c.mark = scopeEventArguments{}
	return err
}

func (c *call) endScope(scope *Scope, options []ScopeEndOption) error {
	c.pop.setDefaults()
	for _, option := range options {
		if option != nil {
			option.applyScopePop(&c.pop)
		}
	}
	c.ended = scope
	err := c.run(c.beginScopePop(scope.handle, &c.pop))
	c.pop = scopePopArguments{}
	if err == nil {
		scope.letCallablesGo()
		c.letKeeperGo(scope)
	}
	runtime.KeepAlive(scope)
	return err
}

// Close ends the scope, from any goroutine and in any order (S1.6). A scope that has ended is
// [ErrNotFound].
func (s *Scope) Close() error { return s.End() }

// End is Close with options: [WithOutput], [WithMetadata], [WithStatus], [WithError],
// [WithTimestamp].
func (s *Scope) End(options ...ScopeEndOption) error {
	if err := s.usable(); err != nil {
		return err
	}
	// In its own context a scope has no descendant, so that the order does not matter.
	c := s.runtime.beginCall(&s.context)
	defer c.release()
	return c.endScope(s, options)
}

// wrapScope makes a scope's handle and its context.
func (r *Runtime) wrapScope(ctx context.Context, d *delivery, handle scopeHandle) *Scope {
	s := &Scope{runtime: r, handle: handle}
	s.context = contextNode{Context: ctx, runtime: r, scope: s, delivery: d}
	return s
}

// newScope is wrapScope for a scope that somebody may forget: the garbage collector releases it, and
// if it is open then, the runtime ends it (S1.12).
func (r *Runtime) newScope(ctx context.Context, d *delivery, handle scopeHandle) *Scope {
	s := r.wrapScope(ctx, d, handle)
	s.keeper = keepers.Get().(*keeper)
	s.keeper.kept.handle = handle
	return s
}

// Context returns a context in which the scope is current: the one that PushScope returned.
func (s *Scope) Context() context.Context { return &s.context }

// UUID returns the id that the scope's start and end share; zero for a nil scope.
func (s *Scope) UUID() UUID { return s.facts().UUID }

// ParentUUID returns the parent's id; zero for the root.
func (s *Scope) ParentUUID() UUID { return s.facts().ParentUUID }

// Name returns what the scope is called.
func (s *Scope) Name() string { return s.facts().Name }

// Type returns what kind of work the scope is.
func (s *Scope) Type() ScopeType { return s.facts().Type }

// Attributes returns the flag bits of the scope's own type.
func (s *Scope) Attributes() uint32 { return s.facts().Attributes }

// Data returns what [WithData] gave the scope to keep; of a managed call nil.
func (s *Scope) Data() any {
	if s == nil {
		return nil
	}
	return s.data
}

// StartedAt returns when the scope started.
func (s *Scope) StartedAt() time.Time { return time.Unix(0, s.facts().StartedAtNs).UTC() }

func (s *Scope) facts() ScopeInfo {
	if s == nil {
		return ScopeInfo{}
	}
	info, err := coreScopeDescribe(s.handle)
	runtime.KeepAlive(s)
	if err != nil {
		return ScopeInfo{}
	}
	return info
}

var errNilScope = invalidArgument("the scope must not be nil")

func (s *Scope) usable() error {
	if s == nil {
		return errNilScope
	}
	return s.runtime.usable()
}

func (s *Scope) owner() *Runtime { return s.runtime }

func (s *Scope) handleOrNil() scopeHandle {
	if s == nil {
		return nil
	}
	return s.handle
}

// PushScope is [Runtime.PushScope] on the context's runtime, else on the default one.
func PushScope(
	ctx context.Context, name string, scopeType ScopeType, options ...ScopeOption,
) (context.Context, *Scope, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return ctx, nil, err
	}
	return r.PushScope(ctx, name, scopeType, options...)
}

// PopScope is [Runtime.PopScope] on the context's runtime, else on the default one.
func PopScope(ctx context.Context, scope *Scope, options ...ScopeEndOption) error {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return err
	}
	return r.PopScope(ctx, scope, options...)
}

// EmitEvent is [Runtime.EmitEvent] on the context's runtime, else on the default one.
func EmitEvent(ctx context.Context, name string, options ...EventOption) error {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return err
	}
	return r.EmitEvent(ctx, name, options...)
}
