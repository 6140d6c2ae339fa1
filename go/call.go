package scopeflow

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// call is a running operation: its C memory, what it borrowed, and where it stands. Calls are used
// again; the garbage collector frees those that have not been needed for a while.
type call struct {
	block   *callBlock
	address callAddress
	shard   uint32

	runtime *Runtime
	ctx     context.Context
	current *Scope
	// delivery is the one whose emitter the operation uses, nil for its own. Events of one
	// operation must not be spread over two emitters, so it is chosen once.
	delivery *delivery
	hasBegun bool

	target      ToolFunc
	span        *Scope
	ended       *Scope
	parent      *Scope // An explicit one, whose middleware the span inherits.
	spans       *spanBatch
	stream      *streamWork
	subscribers context.Context
	serving     *delivery
	event       *Event // The one being delivered.
	inspected   *Event // The one being sanitized.
	result      any
	// unanswered is what an operation returns if no middleware answered anything.
	unanswered any

	// chainSpan is set for a link, the rest of a chain: the span of the call that it belongs to.
	chainSpan    *Scope
	continuation *continuation
	streamed     *callInReach // Of a streamed call and all below it: that call.

	// lent are the refs of payloads that the core borrows until the last step.
	lent      [6]ref
	lentCount int

	// The arguments stand here so that options, which are interfaces, cost no allocation.
	push scopePushArguments
	pop  scopePopArguments
	mark scopeEventArguments
	tool toolExecuteArguments
	link taskLinkArguments
	llm  llmExecuteArguments

	begin      toolCallArguments
	end        toolCallEndArguments
	rewrite    toolRequestInterceptsArguments
	permission toolConditionalExecutionArguments
}

var (
	calls     = sync.Pool{New: func() any { return newCall() }}
	nextShard atomic.Uint32
)

func newCall() *call {
	block, address := newCallBlock()
	c := &call{block: block, address: address, shard: nextShard.Add(1)}
	runtime.AddCleanup(c, freeCallBlock, block)
	return c
}

// beginCall takes a call for an operation in a context.
func (r *Runtime) beginCall(ctx context.Context) *call {
	c := calls.Get().(*call)
	c.runtime, c.ctx = r, ctx
	if node := r.node(ctx); node != nil {
		c.current, c.delivery = node.scope, node.delivery
	}
	return c
}

// release gives the call back. It is deferred, so that it also runs when a callback ended the
// goroutine.
func (c *call) release() {
	for _, r := range c.lent[:c.lentCount] {
		c.runtime.slots.take(r)
	}
	if c.span != nil && c.chainSpan == nil {
		c.span.letCallablesGo()
	}
	if c.streamed != nil && c.chainSpan == nil {
		c.streamed.end()
	}
	c.lentCount, c.hasBegun, c.streamed = 0, false, nil
	c.runtime, c.ctx, c.current, c.delivery = nil, nil, nil, nil
	c.target, c.span, c.ended, c.event, c.inspected = nil, nil, nil, nil, nil
	c.result, c.unanswered, c.chainSpan, c.continuation = nil, nil, nil, nil
	c.subscribers, c.serving, c.parent, c.stream = nil, nil, nil, nil
	c.knowSpan(nil)
	calls.Put(c)
}

// lendAny makes a ref that the core borrows until the operation's last step.
func (c *call) lendAny(value any) ref {
	r := c.runtime.slots.put(c.shard, value)
	c.lent[c.lentCount] = r
	c.lentCount++
	return r
}

// nullPayload stands for a nil that an option was given: it is a value, other than an absent one (S2.5).
type nullPayload struct{}

func givenPayload(value any) any {
	if value == nil {
		return nullPayload{}
	}
	return value
}

// lend is lendAny for what may be absent: nil is.
func (c *call) lend(value any) ref {
	if value == nil {
		return 0
	}
	if _, isNull := value.(nullPayload); isNull {
		value = nil
	}
	return c.lendAny(value)
}

// give makes a ref that the core takes if the operation succeeds; nil is absent.
func (c *call) give(value any) ref {
	if value == nil {
		return 0
	}
	if _, isNull := value.(nullPayload); isNull {
		value = nil
	}
	return c.runtime.slots.put(c.shard, value)
}

// keepOnFailure takes a given ref back if the operation failed.
func (c *call) keepOnFailure(status Status, r ref) {
	if status != StatusOK {
		c.runtime.slots.take(r)
	}
}

// lockEmitter gives the emitter for one call of the core: the delivery's while its subscriber is
// being served, else the operation's own (S5.1). Every lockEmitter is followed by unlockEmitter.
func (c *call) lockEmitter() emitterHandle {
	first := !c.hasBegun
	c.hasBegun = true
	d := c.delivery
	if d == nil {
		return &c.block.emitter
	}
	// An operation may begin while the core, called with the same emitter, encodes a payload whose
	// marshaler uses the subscriber's context: it must not wait for itself.
	if !first {
		d.mu.Lock()
	} else if !d.mu.TryLock() {
		c.delivery = nil
		return &c.block.emitter
	}
	if d.isActive {
		return d.emitter
	}
	// The subscriber has returned, so whatever it could have waited for has been delivered.
	d.mu.Unlock()
	c.delivery = nil
	return &c.block.emitter
}

func (c *call) unlockEmitter() {
	if c.delivery != nil {
		c.delivery.mu.Unlock()
	}
}

// spanBatch keeps the spans of a few calls until none of them can be reached, for what a context
// that outlives its call still needs (S1.7). A call always ends its own span, so that nothing waits
// for its handle but memory; a cleanup for each of them would cost more than the call itself.
type spanBatch struct {
	spans *spanHandles
}

const spanBatchSize = 16

type spanHandles struct {
	count   int
	handles [spanBatchSize]scopeHandle
}

// keepSpan makes a span's handle live as long as the batch that it returns.
func (c *call) keepSpan(handle scopeHandle) *spanBatch {
	batch := c.spans
	if batch == nil {
		batch = &spanBatch{new(spanHandles)}
		runtime.AddCleanup(batch, releaseSpans, batch.spans)
		c.spans = batch
	}
	batch.spans.handles[batch.spans.count] = handle
	if batch.spans.count++; batch.spans.count == spanBatchSize {
		c.spans = nil
	}
	return batch
}
