package scopeflow

import (
	"context"
	"fmt"
	"runtime"
	"sync"
)

// continuation is what `next` of a running execution intercept refers to. It knows the intercept's call
// only as long as the intercept runs.
type continuation struct {
	mu           sync.RWMutex // Held for reading while a link begins, so that its call is still there.
	call         *call        // Nil once the intercept has returned.
	runtime      *Runtime
	registration string
	span         *Scope
	target       ToolFunc
}

// next makes the function that an execution intercept is given.
func (c *call) next() NextFunc {
	c.continuation = &continuation{
		call: c, runtime: c.runtime, span: c.span, target: c.target,
		registration: copyText(c.block.step.registration),
	}
	return c.continuation.run
}

// retire ends the time in which `next` works, whoever kept it.
func (n *continuation) retire() {
	n.mu.Lock()
	n.call = nil
	n.mu.Unlock()
}

func (n *continuation) run(ctx context.Context, request any) (any, error) {
	if ctx == nil {
		return nil, errNilContext
	}
	c := n.runtime.beginCall(ctx)
	defer c.release()
	c.target, c.chainSpan, c.block.span = n.target, n.span, n.span.handle
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
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.call == nil || !n.span.IsOpen() {
		return 0, invalidArgument(fmt.Sprintf(
			"the execution continuation of '%s' is no longer active", n.registration))
	}
	c.link = taskLinkArguments{callValue: n.call.address, request: request}
	status := c.beginTaskLink(n.runtime.handle, &c.link)
	c.link = taskLinkArguments{}
	return status, nil
}
