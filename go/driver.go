package scopeflow

import (
	"context"
	"errors"
	"log/slog"
)

// answer is what came of a step.
type answer struct {
	kind      answerKind
	status    Status
	value     ref
	annotated ref
}

// resume answers the last step. Nothing is awaited in Go, so that no flag has anything to say (S3.8).
func (c *call) resume(a answer) Status {
	if c.streamed != nil && c.chainSpan == nil { // Meanwhile no `next` may look at its task.
		c.streamed.mu.Lock()
		defer c.streamed.mu.Unlock()
	}
	return c.taskResume(a.kind, a.status, 0, a.value, a.annotated)
}

// run does what the steps say until the operation has ended, or comes to rest as a stream. It is the
// only place where Go meets the core's pipeline. The result of a call stands in c.result, a new scope
// in the last step.
func (c *call) run(status Status) error {
	for status == StatusOK {
		step := &c.block.step
		switch kind := stepKind(step.kind); kind {
		case stepKindDone:
			return nil
		case stepKindReturn:
			c.result = c.unanswered
			if step.value != 0 {
				c.result = c.runtime.slots.take(ref(step.value))
			}
			return nil
		case stepKindStream:
			return nil
		case stepKindRaise:
			return c.raised(Status(step.status), c.runtime.slots.take(ref(step.value)))
		default:
			a := c.perform(kind)
			if status = c.resume(a); status != StatusOK {
				status = c.answerRefused(kind, a, status)
			}
		}
	}
	return c.coreError(status)
}

// answerRefused is for an answer that the core does not take: a request intercept gave what is no
// request. That is the call's error (S3.11).
func (c *call) answerRefused(kind stepKind, a answer, status Status) Status {
	c.runtime.slots.take(a.value)
	c.runtime.slots.take(a.annotated)
	if kind != stepKindInvoke && kind != stepKindCodec || a.kind != answerKindValue {
		c.taskAbandon()
		return status
	}
	return c.resume(c.answerError(c.coreError(status)))
}

// raised is the error that a task ends with: the application's own one as it came (S4.4), or one of
// the runtime's.
func (c *call) raised(status Status, value any) error {
	switch status {
	case StatusOK:
		err, _ := value.(error)
		return err
	case StatusGuardrailRejected:
		reason, _ := value.(string)
		return &GuardrailRejectedError{Reason: reason}
	case StatusInvalidState:
		return errClosed
	}
	return newError(status, "the operation was refused")
}

// perform runs the application's code for one step. A panic becomes an error. Where the code ends
// its goroutine, nobody comes back to the driver: the operation is driven to its end from here, so
// that its end event is not lost (S4.3).
func (c *call) perform(kind stepKind) (a answer) {
	returned := false
	defer func() {
		if kind == stepKindDeliver {
			c.serving.end()
		}
		if c.continuation != nil {
			c.continuation.running.end()
			c.continuation = nil
		}
		if returned {
			return
		}
		if value := recover(); value != nil {
			a = c.panicked(value)
			return
		}
		exited := c.runtime.slots.put(c.shard, errExited)
		_ = c.run(c.resume(answer{kind: answerKindCancel, value: exited}))
	}()
	switch kind {
	case stepKindExecute:
		a = c.execute()
	case stepKindDeliver:
		a = c.deliver()
	case stepKindCodec:
		a = c.askCodec(c.middlewareContext())
	case stepKindFinalize:
		a = c.answerPayload(c.stream.finalizer())
	default:
		step := &c.block.step
		callable := c.runtime.callable(ref(step.callable))
		a = c.invokeCallable(c.middlewareContext(), Registry(step.registry), callable)
	}
	returned = true
	return a
}

// panicked answers for a panic. That something failed is told by the core, or by the error that the
// caller gets; where it did, only here.
func (c *call) panicked(value any) answer {
	err := newPanicError(value)
	c.runtime.logger().Debug("scopeflow: a panic in a callable",
		slog.Any("error", err), slog.String("stack", string(err.Stack)))
	return c.answerError(err)
}

// execute runs the target, or the intercept around it, in a context in which the call's own span is
// current (S4.6). Middleware in C may have it run once more (S3.7). That knows nothing of contexts, so
// that it is here that a call for which nobody waits any longer is not tried again.
func (c *call) execute() answer {
	step := &c.block.step
	if c.span != nil && c.ctx.Err() != nil {
		return c.answerError(cancelledError(c.ctx.Err()))
	}
	ctx := c.spanContext()
	if step.callable != 0 {
		return c.invokeCallable(ctx, Registry(step.registry), c.runtime.callable(ref(step.callable)))
	}
	result, err := c.target(ctx, c.runtime.slots.get(ref(step.input)))
	if err != nil {
		return c.answerError(err)
	}
	return answer{kind: answerKindValue, value: c.runtime.slots.put(c.shard, result)}
}

// spanContext makes the call's own span, once, or finds it for the rest of a chain, where it is current
// again whatever the intercept has made current.
func (c *call) spanContext() context.Context {
	if c.chainSpan == nil {
		if c.span == nil {
			c.openSpan()
		}
		return &c.span.context
	}
	c.span = c.chainSpan
	if c.current == c.span {
		return c.ctx
	}
	return &contextNode{Context: c.ctx, runtime: c.runtime, scope: c.span, delivery: c.delivery}
}

func (c *call) openSpan() {
	handle := c.block.step.scope
	c.span = c.runtime.wrapScope(c.ctx, c.delivery, handle)
	c.span.spans = c.keepSpan(handle)
	c.span.parent = c.parent
}

// middlewareContext is the operation's own, but that an ended scope is current no more.
func (c *call) middlewareContext() context.Context {
	if c.ended == nil {
		return c.ctx
	}
	return &contextNode{
		Context: c.ctx, runtime: c.runtime, scope: c.currentAfter(), delivery: c.delivery,
	}
}

// deliver hands an event to a subscriber, in a context whose emissions wait meanwhile (S5.1).
func (c *call) deliver() answer {
	if c.serving == nil {
		c.serving = new(delivery)
		c.subscribers = &contextNode{
			Context: c.ctx, runtime: c.runtime, scope: c.currentAfter(), delivery: c.serving,
		}
	}
	step := &c.block.step
	event, err := c.eventOf(step.event)
	if err != nil {
		return c.answerError(err)
	}
	c.event = event
	// Had the operation used another delivery's emitter, its events would wait there.
	c.serving.begin(&c.block.emitter)
	return c.invokeCallable(c.subscribers, Registry(step.registry), c.runtime.callable(ref(step.callable)))
}

// currentAfter is what is current for those who hear of the operation: a scope that it has ended is
// not (S1.5), nor is one above it that is in force no more (ADR 0011).
func (c *call) currentAfter() *Scope {
	current := c.current
	if c.ended == nil || current != c.ended {
		return current
	}
	for current != nil && (current == c.ended || !current.IsInForce()) {
		current = CurrentScope(current.context.Context)
	}
	return current
}

func (c *call) targetName() string { return copyText(c.block.step.target) }

func (c *call) answerNothing() answer { return answer{} }

// answerReason answers for a guard: nil lets the call pass.
func (c *call) answerReason(reason *string, err error) answer {
	if err != nil {
		return c.answerError(err)
	}
	if reason == nil {
		return answer{}
	}
	return answer{kind: answerKindRefuse, value: c.runtime.slots.put(c.shard, *reason)}
}

// answerError answers with an application's error; a context's end is a cancellation.
func (c *call) answerError(err error) answer {
	value := c.runtime.slots.put(c.shard, err)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return answer{kind: answerKindCancel, status: statusOf(err), value: value}
	}
	return answer{kind: answerKindError, status: statusOf(err), value: value}
}
