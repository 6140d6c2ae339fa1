package scopeflow

import (
	"runtime"
	"sync"
)

// keeper goes when its scope does, and the collector's cleanup of it gives the scope's handle back: a scope
// that is open then has been forgotten, and the runtime ends it (S1.12). To be told of an object's end costs
// more than all else that a scope does, so that scopes which end in time pass their keepers on.
type keeper struct {
	kept *keptHandle
}

// keptHandle is what a keeper's cleanup finds; nil while no scope has the keeper.
type keptHandle struct{ handle scopeHandle }

var keepers = sync.Pool{New: func() any {
	k := &keeper{new(keptHandle)}
	runtime.AddCleanup(k, (*keptHandle).release, k.kept)
	return k
}}

func (k *keptHandle) release() {
	if k.handle != nil {
		coreScopeRelease(k.handle)
	}
}

// letKeeperGo is for a scope that has just ended: nothing waits for its handle but memory, as for a span.
func (c *call) letKeeperGo(scope *Scope) {
	k := scope.keeper
	if k == nil {
		return
	}
	scope.spans, scope.keeper = c.keepSpan(scope.handle), nil
	k.kept.handle = nil
	keepers.Put(k)
}
