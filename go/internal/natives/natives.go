//go:build cgo

// Package natives has middleware in C for the tests of the package scopeflow, whose own test files cannot
// use cgo. It is a stranger to that package, and knows no more of it than its functions and handles.
package natives

/*
#cgo CFLAGS: -std=c11 -I${SRCDIR}/../../include
#include <stdlib.h>

#include "natives.h"
*/
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

// Act is what a callable does each time that it runs.
type Act C.natives_act

// What natives.h says of them.
const (
	Look          Act = C.NATIVES_LOOK
	Refuse        Act = C.NATIVES_REFUSE
	Replace       Act = C.NATIVES_REPLACE
	ShortCircuit  Act = C.NATIVES_SHORT_CIRCUIT
	ReplaceResult Act = C.NATIVES_REPLACE_RESULT
	Retry         Act = C.NATIVES_RETRY
	Mask          Act = C.NATIVES_MASK
	Fail          Act = C.NATIVES_FAIL
)

// Callable says what a callable is and does.
type Callable struct {
	Registry    int32
	Name        string
	Priority    int32
	BreaksChain bool
	Gated       string
	Kinds       uint32

	Act     Act
	Text    string // A `%` stands for the JSON that it was given.
	Status  int32  // Of Fail.
	Retries uint32
	Ask     func(*Invocation) // Answers instead of an act.
}

// Registered is a callable that was registered.
type Registered struct{ callable *C.natives_callable }

// Runs is how often it has run.
func (r *Registered) Runs() int { return int(C.natives_run_count(r.callable)) }

// Destroyed is how often it was given back.
func (r *Registered) Destroyed() int { return int(C.natives_destroy_count(r.callable)) }

// Register registers a callable on a scope, or without one on a runtime. A status other than 0 is an
// error, of which the text tells.
func (c Callable) Register(table, runtime, scope unsafe.Pointer) (r *Registered, status int32, text string) {
	name, gated := C.CString(c.Name), C.CString(c.Gated)
	defer C.free(unsafe.Pointer(name))
	defer C.free(unsafe.Pointer(gated))
	how := C.scopeflow_native_callable{
		struct_size_bytes: C.sizeof_scopeflow_native_callable,
		registry:          C.scopeflow_registry(c.Registry), priority: C.int32_t(c.Priority),
		name:  C.scopeflow_bytes{ptr: name, len: C.size_t(len(c.Name))},
		gated: C.scopeflow_bytes{ptr: gated, len: C.size_t(len(c.Gated))},
		kinds: C.uint32_t(c.Kinds),
	}
	if c.BreaksChain {
		how.flags = C.SCOPEFLOW_CALLABLE_FLAG_BREAK_CHAIN
	}
	script := C.natives_script{
		act: C.natives_act(c.Act), status: C.scopeflow_status(c.Status), retries: C.uint32_t(c.Retries),
	}
	if c.Text != "" {
		script.text = C.CString(c.Text)
		defer C.free(unsafe.Pointer(script.text))
	}
	if c.Ask != nil {
		script.act, script.function = C.NATIVES_ASK_GO, C.uintptr_t(cgo.NewHandle(c.Ask))
	}
	var failure C.scopeflow_error
	callable := C.natives_register((*C.scopeflow_functions)(table), (*C.scopeflow_runtime)(runtime),
		(*C.scopeflow_scope)(scope), &how, &script, &failure)
	if callable == nil {
		text = C.GoStringN(&failure.message[0], C.int(failure.message_len_bytes))
		return nil, int32(failure.status), text
	}
	return &Registered{callable}, 0, ""
}

// --- Callables in Go, called from C ---

// Invocation is what such a callable is given.
type Invocation struct{ invocation *C.scopeflow_invocation }

//export nativesAskGo
func nativesAskGo(function C.uintptr_t, invocation *C.scopeflow_invocation) {
	cgo.Handle(function).Value().(func(*Invocation))(&Invocation{invocation})
}

// JSON is the text that the callable is about; empty if there is none to be had.
func (i *Invocation) JSON() string { return i.PartJSON(Input) }

// Part is one of the texts that a callable may be shown.
type Part C.scopeflow_native_part

// The parts of the spec's `native_part`.
const (
	Input     Part = C.SCOPEFLOW_NATIVE_PART_INPUT
	Annotated Part = C.SCOPEFLOW_NATIVE_PART_ANNOTATED
	Outcome   Part = C.SCOPEFLOW_NATIVE_PART_OUTCOME
)

// PartJSON is one of the texts; empty if it is not to be had.
func (i *Invocation) PartJSON(part Part) string {
	var text C.scopeflow_bytes
	if C.natives_json(i.invocation, C.scopeflow_native_part(part), &text) != 0 {
		return ""
	}
	return goText(text)
}

// Facts are what a callable is told beside the JSON.
type Facts struct {
	Registry                                    int32
	Runtime                                     unsafe.Pointer
	Registration, Target, ToolCallID, ModelName string
	Attempt                                     uint32
	IsAfter, HasFailed                          bool
}

// Facts reads them.
func (i *Invocation) Facts() Facts {
	var f C.natives_facts
	C.natives_read_facts(i.invocation, &f)
	return Facts{
		Registry: int32(f.registry), Runtime: unsafe.Pointer(f.runtime),
		Registration: goText(f.registration), Target: goText(f.target),
		ToolCallID: goText(f.tool_call_id), ModelName: goText(f.model_name),
		Attempt: uint32(f.attempt), IsAfter: f.is_after != 0, HasFailed: f.has_failed != 0,
	}
}

// Word is what a callable says.
type Word C.natives_word

// The words of the vectors.
const (
	SayRefuse  Word = C.NATIVES_SAY_REFUSE
	SayReplace Word = C.NATIVES_SAY_REPLACE
	SayDecide  Word = C.NATIVES_SAY_DECIDE
	SayFail    Word = C.NATIVES_SAY_FAIL
)

// Say answers; number is the decision, or the status to fail with. It gives the status with which that was
// taken, and what the callable is told where it was not.
func (i *Invocation) Say(word Word, number int32, text *string) (status int32, message string) {
	var given C.scopeflow_bytes
	if text != nil {
		given.ptr, given.len = C.CString(*text), C.size_t(len(*text))
		defer C.free(unsafe.Pointer(given.ptr))
	}
	var failure C.scopeflow_error
	status = int32(C.natives_say(i.invocation, C.natives_word(word), C.int32_t(number), given, &failure))
	if status != 0 {
		message = C.GoStringN(&failure.message[0], C.int(failure.message_len_bytes))
	}
	return status, message
}

// Answer answers by an act, and gives the status with which that was taken.
func (i *Invocation) Answer(act Act, text string) int32 {
	given := C.CString(text)
	defer C.free(unsafe.Pointer(given))
	return int32(C.natives_answer(i.invocation, C.natives_act(act),
		C.scopeflow_bytes{ptr: given, len: C.size_t(len(text))}))
}

// Registration is the name under which the callable is registered.
func (i *Invocation) Registration() string { return i.Facts().Registration }

// Target is what is called.
func (i *Invocation) Target() string { return i.Facts().Target }

func goText(text C.scopeflow_bytes) string { return C.GoStringN(text.ptr, C.int(text.len)) }
