//go:build cgo

package scopeflow

/*
#include "glue.h"
*/
import "C"

import "log/slog"

// The functions that the core calls, on the goroutine that called the core and with no lock held.
// A panic must not unwind through C: each of them ends where the application's code is run.

//export scopeflowGoRelease
func scopeflowGoRelease(host C.uintptr_t, r C.scopeflow_ref) {
	if owner := runtimeOf(uintptr(host)); owner != nil {
		owner.slots.take(ref(r))
	}
}

//export scopeflowGoEncode
func scopeflowGoEncode(host C.uintptr_t, r C.scopeflow_ref, tape *C.scopeflow_tape) {
	owner := runtimeOf(uintptr(host))
	if owner == nil {
		coreTapePutNull(tape)
		return
	}
	owner.encode(owner.slots.get(ref(r)), tape)
}

//export scopeflowGoDescribeError
func scopeflowGoDescribeError(host C.uintptr_t, r C.scopeflow_ref, tape *C.scopeflow_tape) {
	owner := runtimeOf(uintptr(host))
	if owner == nil {
		coreTapePutNull(tape)
		return
	}
	err, _ := owner.slots.get(ref(r)).(error)
	owner.encode(describeError(err), tape)
}

//export scopeflowGoSame
func scopeflowGoSame(host C.uintptr_t, a, b C.scopeflow_ref) C.uint32_t {
	owner := runtimeOf(uintptr(host))
	if owner == nil {
		return 0
	}
	return boolToC(identical(owner.slots.get(ref(a)), owner.slots.get(ref(b))))
}

//export scopeflowGoDecode
func scopeflowGoDecode(host C.uintptr_t, text C.scopeflow_bytes, shape C.uint32_t) C.scopeflow_ref {
	owner := runtimeOf(uintptr(host))
	if owner == nil {
		return 0
	}
	return C.scopeflow_ref(owner.decode(borrowText(text), decodeShape(shape)))
}

//export scopeflowGoMakeError
func scopeflowGoMakeError(host C.uintptr_t, status C.uint32_t, text C.scopeflow_bytes) C.scopeflow_ref {
	owner := runtimeOf(uintptr(host))
	if owner == nil {
		return 0
	}
	return C.scopeflow_ref(owner.slots.put(0, toldError(Status(status), copyText(text))))
}

//export scopeflowGoCoreCodec
func scopeflowGoCoreCodec(host C.uintptr_t, codec C.scopeflow_ref) C.uint32_t {
	owner := runtimeOf(uintptr(host))
	if owner == nil {
		return 0
	}
	return C.uint32_t(coreCodecNumber(owner.slots.get(ref(codec))))
}

//export scopeflowGoLog
func scopeflowGoLog(host C.uintptr_t, level C.uint32_t, message C.scopeflow_bytes) {
	owner := runtimeOf(uintptr(host))
	if owner == nil {
		return
	}
	severity := slog.LevelWarn
	if logLevel(level) == logLevelError {
		severity = slog.LevelError
	}
	owner.tell(severity, copyText(message))
}
