package scopeflow

import (
	"context"
	"errors"
	"log/slog"
)

// answer is what came of a step.
type answer struct {
	kind   answerKind
	status Status
	value  ref
}

// resume answers the last step. Nothing is awaited in Go, so that no flag has anything to say (S3.8).
func (c *call) resume(a answer) Status { return c.taskResume(a.kind, a.status, 0, a.value, 0) }

// run does what the steps say until the operation has ended. It is the only place where Go meets
// the core's pipeline. The result of a call stands in c.result, a new scope in the last step.
func (c *call) run(status Status) error {
	for status == StatusOK {
		step := &c.block.step
		switch kind := stepKind(step.kind); kind {
		case stepKindDone:
			return nil
		case stepKindReturn:
			c.result = c.runtime.slots.take(ref(step.value))
			return nil
		case stepKindRaise:
			return c.raised(Status(step.status), c.runtime.slots.take(ref(step.value)))
		default:
			status = c.resume(c.perform(kind))
		}
	}
	return c.coreError(status)
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
		if returned {
			return
		}
		if value := recover(); value != nil {
			a = c.failed(kind, newPanicError(value))
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
	default:
		step := &c.block.step
		a = c.invokeCallable(c.ctx, registry(step.registry), c.runtime.callable(ref(step.callable)))
	}
	returned = true
	return a
}

// failed answers for a panic.
func (c *call) failed(kind stepKind, err *PanicError) answer {
	if kind == stepKindDeliver {
		c.runtime.logger().Error("scopeflow: a subscriber failed",
			slog.String("subscriber", copyText(c.block.step.registration)),
			slog.Any("error", err), slog.String("stack", string(err.Stack)))
	}
	return c.answerError(err)
}

// execute runs the target in a context in which the call's own span is current (S4.6).
func (c *call) execute() answer {
	step := &c.block.step
	c.span = c.runtime.wrapScope(c.ctx, c.delivery, step.scope)
	c.span.spans = c.keepSpan(step.scope)
	c.span.parent = c.tool.parent
	result, err := c.target(&c.span.context, c.runtime.slots.get(ref(step.input)))
	if err != nil {
		return c.answerError(err)
	}
	return answer{kind: answerKindValue, value: c.runtime.slots.put(c.shard, result)}
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
	return c.invokeCallable(c.subscribers, registry(step.registry), c.runtime.callable(ref(step.callable)))
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

// stepInput is the request that a guard sees: the caller's own (S3.5).
func (c *call) stepInput() any { return c.runtime.slots.get(ref(c.block.step.input)) }

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
