package scopeflow

import (
	"context"
	"sync"
)

// contextNode is what a context carries for one runtime: the current scope (S1.5), and in a
// subscriber's context the delivery that it belongs to (S5.1). It is a context itself, so that a
// scope and its context are one allocation.
type contextNode struct {
	context.Context
	runtime  *Runtime
	scope    *Scope // Nil: the implicit root.
	delivery *delivery
}

// nodeKey finds the innermost node, runtimeKey the innermost one of a runtime.
type (
	nodeKey    struct{}
	runtimeKey struct{ runtime *Runtime }
)

func (n *contextNode) Value(key any) any {
	switch k := key.(type) {
	case nodeKey:
		return n
	case runtimeKey:
		if k.runtime == n.runtime {
			return n
		}
	}
	return n.Context.Value(key)
}

// node finds what a context carries for this runtime, nil if nothing.
func (r *Runtime) node(ctx context.Context) *contextNode {
	found, _ := ctx.Value(nodeKey{}).(*contextNode)
	if found != nil && found.runtime != r {
		found, _ = ctx.Value(runtimeKey{r}).(*contextNode)
	}
	return found
}

// WithRuntime returns a context in which the functions of the package act on the given runtime,
// instead of the default one. A context that PushScope or a tool call made needs this not: in it they
// act on the scope's own runtime.
func WithRuntime(ctx context.Context, r *Runtime) context.Context {
	node := &contextNode{Context: ctx, runtime: r}
	if outer := r.node(ctx); outer != nil {
		node.scope, node.delivery = outer.scope, outer.delivery
	}
	return node
}

// runtimeOfContext is the runtime that the functions of the package act on.
func runtimeOfContext(ctx context.Context) (*Runtime, error) {
	if ctx == nil {
		return nil, errNilContext
	}
	if node, ok := ctx.Value(nodeKey{}).(*contextNode); ok {
		return node.runtime, nil
	}
	return Default()
}

// CurrentRuntime returns the runtime that the functions of the package act on in a context, nil where that
// is the default one and there is no core.
func CurrentRuntime(ctx context.Context) *Runtime {
	r, _ := runtimeOfContext(ctx)
	return r
}

// CurrentScope returns the scope that a context carries, ended or not, or nil where nothing was
// opened: the implicit root is current then ([Runtime.Root]).
func CurrentScope(ctx context.Context) *Scope {
	if ctx == nil {
		return nil
	}
	if node, ok := ctx.Value(nodeKey{}).(*contextNode); ok {
		return node.scope
	}
	return nil
}

// delivery is the time during which a subscriber is being served. What is emitted with the
// subscriber's context meanwhile waits until the event has reached everybody.
//
// An emitter is for one thread at a time, but a context may be used by several goroutines, and
// after the subscriber has returned; the lock and the flag make both harmless.
type delivery struct {
	mu       sync.Mutex
	emitter  emitterHandle
	isActive bool
}

func (d *delivery) begin(emitter emitterHandle) {
	d.mu.Lock()
	d.emitter, d.isActive = emitter, true
	d.mu.Unlock()
}

func (d *delivery) end() {
	d.mu.Lock()
	d.emitter, d.isActive = nil, false
	d.mu.Unlock()
}
