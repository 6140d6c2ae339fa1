//go:build cgo

package scopeflow

/*
#include "glue.h"
*/
import "C"

// The functions that the core calls, on the goroutine that called the core and with no lock held.
// A panic must not unwind through C: each of them ends where the application's code is run.

//export scopeflowGoRelease
func scopeflowGoRelease(context C.uintptr_t, r C.scopeflow_ref) {
	if owner := runtimeOf(uintptr(context)); owner != nil {
		owner.slots.take(ref(r))
	}
}

//export scopeflowGoEncode
func scopeflowGoEncode(context C.uintptr_t, r C.scopeflow_ref, tape *C.scopeflow_tape) {
	owner := runtimeOf(uintptr(context))
	if owner == nil {
		coreTapePutNull(tape)
		return
	}
	owner.encode(owner.slots.get(ref(r)), tape)
}

//export scopeflowGoDescribeError
func scopeflowGoDescribeError(context C.uintptr_t, r C.scopeflow_ref, tape *C.scopeflow_tape) {
	owner := runtimeOf(uintptr(context))
	if owner == nil {
		coreTapePutNull(tape)
		return
	}
	err, _ := owner.slots.get(ref(r)).(error)
	owner.encode(describeError(err), tape)
}

//export scopeflowGoSame
func scopeflowGoSame(context C.uintptr_t, a, b C.scopeflow_ref) C.uint32_t {
	owner := runtimeOf(uintptr(context))
	if owner == nil {
		return 0
	}
	return boolToC(identical(owner.slots.get(ref(a)), owner.slots.get(ref(b))))
}
