//go:build cgo

package scopeflow

/*
#cgo CFLAGS: -std=c11 -O2 -pthread
#cgo LDFLAGS: -pthread
#include <stdlib.h>

#include "glue.h"
*/
import "C"

import (
	"strings"
	"sync"
	"unsafe"
)

// callBlock is the C memory of a running operation.
type callBlock = C.scopeflow_go_call

// callAddress is where a block lies; as a number it passes cgo's pointer checks unseen.
type callAddress = C.uintptr_t

type emitterHandle = *C.scopeflow_emitter

func newCallBlock() (*callBlock, callAddress) {
	block := (*callBlock)(C.calloc(1, C.sizeof_scopeflow_go_call))
	return block, callAddress(uintptr(unsafe.Pointer(block)))
}

func freeCallBlock(block *callBlock) { C.free(unsafe.Pointer(block)) }

// knowSpan says which span Go holds already.
func (c *call) knowSpan(handle scopeHandle) { c.block.span = handle }

func nativeRuntime(handle runtimeHandle) unsafe.Pointer { return unsafe.Pointer(handle) }

func nativeScope(handle scopeHandle) unsafe.Pointer { return unsafe.Pointer(handle) }

func releaseSpans(spans *spanHandles) {
	C.scopeflow_go_release_scopes(&spans.handles[0], C.size_t(spans.count))
}

func coreAbiHash() uint64 { return uint64(C.scopeflow_abi_hash()) }

func coreFunctions() (unsafe.Pointer, error) { return unsafe.Pointer(C.scopeflow_get_functions()), nil }

// failures are the places for the texts of errors; C must not write to a goroutine's stack, which moves.
var failures = sync.Pool{New: func() any { return new(C.scopeflow_error) }}

func newFailure() *C.scopeflow_error { return failures.Get().(*C.scopeflow_error) }

// coreError makes an error of an operation's status and message, and gives the message's place back.
func coreError(status C.int32_t, failure *C.scopeflow_error) error {
	defer failures.Put(failure)
	if status == 0 {
		return nil
	}
	return readError(status, failure)
}

func (c *call) coreError(status Status) error { return readError(C.int32_t(status), &c.block.error) }

func readError(status C.int32_t, failure *C.scopeflow_error) error {
	message := C.GoStringN(&failure.message[0], C.int(failure.message_len_bytes))
	return &Error{Status: Status(status), Message: message}
}

var emptyText = [1]byte{}

// textPointer gives the bytes of a text; an empty text that was given is not an absent one.
func textPointer(text string) *C.char {
	if text == "" {
		return (*C.char)(unsafe.Pointer(&emptyText[0]))
	}
	return (*C.char)(unsafe.Pointer(unsafe.StringData(text)))
}

func bytesPointer(bytes []byte) *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(bytes)))
}

func optionalPointer(text *string) *C.char {
	if text == nil {
		return nil
	}
	return textPointer(*text)
}

func optionalLength(text *string) C.size_t {
	if text == nil {
		return 0
	}
	return C.size_t(len(*text))
}

func boolToC(value bool) C.uint32_t {
	if value {
		return 1
	}
	return 0
}

// borrowText reads C memory in place: the text lives as long as what it was read from.
func borrowText(text C.scopeflow_bytes) string {
	if text.len == 0 {
		return ""
	}
	return unsafe.String((*byte)(unsafe.Pointer(text.ptr)), int(text.len))
}

func copyText(text C.scopeflow_bytes) string { return strings.Clone(borrowText(text)) }

func readUUID(uuid *C.scopeflow_uuid) UUID {
	return *(*UUID)(unsafe.Pointer(&uuid.bytes[0]))
}
