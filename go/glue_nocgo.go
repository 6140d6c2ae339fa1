//go:build !cgo

package scopeflow

import "unsafe"

// Without cgo there is no core. Everything compiles, and the first call says what is missing.

type emitterHandle = *struct{ emitter byte }

type callAddress = uintptr

type callBlock struct {
	step struct {
		kind, registry, status int32
		codec_action           int32
		input_flags            uint32
		kinds, position        uint32
		callable, input, value uintptr
		annotated              uintptr
		scope                  scopeHandle
		event                  eventHandle
		registration, target   string
	}
	emitter struct{ emitter byte }
	span    scopeHandle
}

func newCallBlock() (*callBlock, callAddress) { return new(callBlock), 0 }

func freeCallBlock(*callBlock) {}

func releaseSpans(*spanHandles) {}

func coreAbiHash() uint64 { return abiHash }

func coreFunctions() (unsafe.Pointer, error) { return nil, errNoCore }

func (c *call) coreError(Status) error { return errNoCore }

func borrowText(text string) string { return text }

func copyText(text string) string { return text }
