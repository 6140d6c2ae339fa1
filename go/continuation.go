package scopeflow

import (
	"context"
	"fmt"
	"runtime"
	"sync"
)

// continuation is what `next` of a running execution intercept refers to. It knows the intercept's call
// only as long as the intercept runs; in a stream it then goes on by the streamed call itself, until
// that has ended: an iterator does its work later (ADR 0019).
type continuation struct {
	running      callInReach
	streamed     *callInReach // Of a stream's intercept.
	position     uint32       // Its place in the chain.
	runtime      *Runtime
	registration string
	span         *Scope
	target       ToolFunc
}

// callInReach is a call for as long as it may be used from elsewhere.
type callInReach struct {
	mu   sync.RWMutex // Held for reading while a link begins, so that the call is still there.
	call *call        // Nil afterwards.
}

// next makes the function that an execution intercept is given.
func (c *call) next() NextFunc {
	c.continuation = &continuation{
		running: callInReach{call: c}, streamed: c.streamed, position: uint32(c.block.step.position),
		runtime: c.runtime, span: c.span, target: c.target,
		registration: copyText(c.block.step.registration),
	}
	return c.continuation.run
}

// end ends the time in which the call may be used from elsewhere.
func (r *callInReach) end() {
	r.mu.Lock()
	r.call = nil
	r.mu.Unlock()
}

func (n *continuation) run(ctx context.Context, request any) (any, error) {
	if ctx == nil {
		return nil, errNilContext
	}
	c := n.runtime.beginCall(ctx)
	defer c.release()
	c.target, c.chainSpan, c.streamed = n.target, n.span, n.streamed
	c.knowSpan(n.span.handle)
	status, err := n.begin(c, request)
	if err != nil {
		return nil, err
	}
	if err := c.run(status); err != nil {
		return nil, err
	}
	runtime.KeepAlive(n)
	return c.result, nil
}

func (n *continuation) begin(c *call, request any) (Status, error) {
	status, isInTime := n.running.link(c, 0, request)
	if !isInTime && n.streamed != nil {
		status, isInTime = n.streamed.link(c, n.position, request)
	}
	if !isInTime {
		return 0, invalidArgument(fmt.Sprintf(
			"the execution continuation of '%s' is no longer active", n.registration))
	}
	return status, nil
}

// link begins the rest of the chain, unless it is too late.
func (r *callInReach) link(c *call, position uint32, request any) (status Status, isInTime bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.call == nil || !c.chainSpan.IsOpen() {
		return 0, false
	}
	c.link = taskLinkArguments{callValue: r.call.address, position: position, request: request}
	status = c.beginTaskLink(c.runtime.handle, &c.link)
	c.link = taskLinkArguments{}
	return status, true
}
