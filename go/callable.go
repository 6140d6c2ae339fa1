package scopeflow

import (
	"sync"
	"sync/atomic"
	"weak"
)

// A callable that is registered on a scope often refers to that scope, or to its context. The core
// holds the callable as long as Go holds the scope: to the garbage collector that would be a scope
// that somebody needs. Once the scope has ended, therefore, only the scope itself holds its
// callables: they stay in force for every context that still has it (S1.7), and go with it.

// localCallable is what a slot holds for a callable of a scope.
type localCallable struct {
	held  atomic.Pointer[any] // Nil once the scope has ended.
	owned weak.Pointer[any]   // Alive while the scope is.
}

func (l *localCallable) get() any {
	if fn := l.held.Load(); fn != nil {
		return *fn
	}
	if fn := l.owned.Value(); fn != nil {
		return *fn
	}
	return nil
}

// localCallables are those of one scope.
type localCallables struct {
	mu    sync.Mutex
	slots []*localCallable
	owned []*any
}

// localCallables are made when the first one is registered: few scopes have any.
func (s *Scope) localCallables() *localCallables {
	if s.locals.Load() == nil {
		s.locals.CompareAndSwap(nil, new(localCallables))
	}
	return s.locals.Load()
}

func (l *localCallables) add(fn any) *localCallable {
	slot := &localCallable{owned: weak.Make(&fn)}
	slot.held.Store(&fn)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slots = append(l.slots, slot)
	l.owned = append(l.owned, &fn)
	return slot
}

// letGo leaves the callables to the scope alone.
func (s *Scope) letCallablesGo() {
	l := s.locals.Load()
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, slot := range l.slots {
		slot.held.Store(nil)
	}
	l.slots = nil
}

// holdCallable makes a ref for a callable that is registered on the runtime.
func (r *Runtime) holdCallable(fn any) ref { return r.slots.put(0, fn) }

// holdCallable makes a ref for a callable that is registered on the scope.
func (s *Scope) holdCallable(fn any) ref { return s.runtime.slots.put(0, s.localCallables().add(fn)) }

func (r *Runtime) callable(callable ref) any {
	value := r.slots.get(callable)
	if local, ok := value.(*localCallable); ok {
		return local.get()
	}
	return value
}
