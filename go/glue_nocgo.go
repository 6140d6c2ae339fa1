//go:build !cgo

package scopeflow

import "unsafe"

// errNoCore answers where no core runs: it names both remedies.
var errNoCore error = &Error{
	Status: StatusInvalidState,
	Message: "invalid state: this program was built without the scopeflow core; build it with cgo " +
		"(install a C compiler such as gcc or clang and set CGO_ENABLED=1), or without a C compiler " +
		"import _ \"github.com/scopeflow/scopeflow/go/wasm\", which runs the core as WebAssembly",
}

type emitterHandle = *coreObject

type callAddress = uint32

// callBlock is what Go has of a running operation in the module's memory.
type callBlock struct {
	address   uint32
	step      stepFields
	emitter   coreObject
	knowsSpan bool
	// failure is the error that the operation was refused with.
	failure error
}

func newCallBlock() (*callBlock, callAddress) {
	block := new(callBlock)
	x := enterCore()
	if m := x.module; m != nil {
		if at, err := m.run("scopeflow_go_call_new", 0); err == nil && at != 0 {
			block.address = uint32(at)
			block.emitter.address = block.address + m.emitterPlace
		}
	}
	x.leave()
	return block, block.address
}

func freeCallBlock(block *callBlock) {
	enterCore().word(block.address).run("scopeflow_go_call_free")
}

// stepped runs a function that gives the next step of the call, reads that, leaves, and gives back the
// emitter that was locked for it.
func (c *call) stepped(x *lane, name string) Status {
	defer c.unlockEmitter()
	defer x.leave()
	x.isFull = x.isFull || c.address == 0
	status := c.tried(x, name)
	if status == StatusOK {
		c.block.step = readStep(x.memory(), c.address+x.module.stepPlace)
	}
	return status
}

// told runs a function on the call's task that can fail, and leaves.
func (c *call) told(x *lane, name string) Status {
	defer x.leave()
	return c.tried(x, name)
}

func (c *call) tried(x *lane, name string) Status {
	status := Status(int32(x.call(name)))
	if status != StatusOK && x.module != nil {
		c.block.failure = x.readError(status, c.address+x.module.errorPlace)
	}
	return status
}

// knowSpan says which span Go holds already.
func (c *call) knowSpan(handle scopeHandle) {
	if handle == nil && !c.block.knowsSpan {
		return
	}
	c.block.knowsSpan = handle != nil
	x := enterCore()
	if x.module != nil && c.address != 0 {
		at := c.address + x.module.spanPlace
		word := x.memory()[at : at+4]
		for i := range word {
			word[i] = 0
		}
		if handle != nil {
			for i := range word {
				word[i] = byte(handle.address >> (8 * i))
			}
		}
	}
	x.leave()
}

func releaseSpans(spans *spanHandles) {
	for _, handle := range spans.handles[:spans.count] {
		coreScopeRelease(handle)
	}
}

// coreAbiHash is the binding's own where there is no core: what is wrong is told when it is used.
func coreAbiHash() uint64 {
	m, err := startedModule()
	if err != nil {
		return abiHash
	}
	return m.abiHash
}

func coreFunctions() (unsafe.Pointer, error) {
	return nil, newError(StatusInvalidState, "middleware in C needs a program that is built with cgo; "+
		"install a C compiler such as gcc or clang and set CGO_ENABLED=1")
}

// No pointer leads into the module's memory.

func nativeRuntime(runtimeHandle) unsafe.Pointer { return nil }

func nativeScope(scopeHandle) unsafe.Pointer { return nil }

func (c *call) coreError(Status) error {
	if c.block.failure != nil {
		return c.block.failure
	}
	return errNoCore
}

func copyText(text string) string { return text }
