//go:build !cgo

package scopeflow

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"github.com/scopeflow/scopeflow/go/internal/wasmcore"
)

// Without cgo the core is a WebAssembly module that another Go module runs, if the program imports that
// (internal/wasmcore). One goroutine at a time runs in it. The lock is given up while the core waits for
// the application's own code, such as a marshaler (S6.2): the core is then where it would be if several
// threads ran in it, and whoever comes meanwhile works on a stack of its own.

// coreObject is an object in the module's memory. Nil stands for address 0.
type coreObject struct{ address uint32 }

func objectAt(address uint32) *coreObject {
	if address == 0 {
		return nil
	}
	return &coreObject{address}
}

// coreModule is the module that runs, and where its calls have their parts.
type coreModule struct {
	wasmcore.Module
	mu    sync.Mutex
	lanes []*lane // Those that nobody uses.

	stepPlace, errorPlace, emitterPlace, spanPlace, messagePlace uint32
	abiHash                                                      uint64
	// failure is the trap that stopped the module; nothing runs in it from then on.
	failure error
}

var started struct {
	once   sync.Once
	module *coreModule
	err    error
}

// startedModule starts the module when it is first needed.
func startedModule() (*coreModule, error) {
	started.once.Do(func() { started.module, started.err = startModule() })
	return started.module, started.err
}

func startModule() (*coreModule, error) {
	start := wasmcore.Registered()
	if start == nil {
		return nil, errNoCore
	}
	running, err := start(hostFunctions())
	if err != nil {
		return nil, &Error{
			Status: StatusInvalidState, Message: "invalid state: the core does not start: " + err.Error(),
			cause: err,
		}
	}
	m := &coreModule{Module: running}
	m.lanes = []*lane{newLane(m, running.StackPointer())}
	places := []*uint32{&m.stepPlace, &m.errorPlace, &m.emitterPlace, &m.spanPlace, &m.messagePlace}
	for i, place := range places {
		at, err := m.run("scopeflow_go_call_place", uint64(i))
		if err != nil {
			return nil, err
		}
		*place = uint32(at)
	}
	m.abiHash, err = m.run("scopeflow_go_abi_hash", 0)
	return m, err
}

// run calls a function that no operation stands behind.
func (m *coreModule) run(name string, argument uint64) (uint64, error) {
	function := m.Function(name)
	if function == nil {
		return 0, newError(StatusInvalidState, fmt.Sprintf("the core has no function %q", name))
	}
	stack := []uint64{argument, 0}
	if err := function.CallWithStack(stack); err != nil {
		return 0, newError(StatusInternal, "the core has stopped: "+err.Error())
	}
	return stack[0], nil
}

// outside gives the module up while the application's own code runs.
func (m *coreModule) outside(run func()) {
	at := m.StackPointer()
	m.mu.Unlock()
	run()
	m.mu.Lock()
	m.SetStackPointer(at)
}

// --- A call ---

const (
	laneStackBytes = 256 << 10
	// Longer texts go to the heap.
	stackTextBytes  = 8 << 10
	argumentLimit   = 48
	stackAlignBytes = 16
)

// lane is a call of the module that is being prepared or runs: its stack, its arguments and its own way
// to each function. There are as many as ever ran within each other. enterCore gives one, methods add the
// arguments, and the last method runs the function and leaves. What stands between them must not run
// anybody else's code.
type lane struct {
	module    *coreModule // Nil: there is no core.
	top       uint32      // Of its stack.
	at        uint32      // Down to here the stack is in use.
	onStack   int         // Bytes of texts on the stack.
	count     int
	arguments [argumentLimit]uint64
	functions map[string]wasmcore.Function
	texts     []heapText
	// isFull says that the module has no memory for what the call was given.
	isFull bool
}

type heapText struct{ at, size uint32 }

// enterCore begins a call; leave ends it.
func enterCore() *lane {
	m, err := startedModule()
	if err != nil {
		return new(lane)
	}
	m.mu.Lock()
	last := len(m.lanes) - 1
	if last < 0 {
		top := m.allocate(laneStackBytes)
		if top != 0 {
			top += laneStackBytes
		}
		x := newLane(m, top)
		x.at, x.isFull = top, top == 0
		return x
	}
	x := m.lanes[last]
	m.lanes = m.lanes[:last]
	x.at = x.top
	return x
}

func newLane(m *coreModule, top uint32) *lane {
	return &lane{module: m, top: top, functions: map[string]wasmcore.Function{}}
}

func (x *lane) leave() {
	m := x.module
	if m == nil {
		return
	}
	for _, text := range x.texts {
		m.deallocate(text.at, text.size)
	}
	x.texts, x.count, x.onStack, x.isFull = x.texts[:0], 0, 0, false
	if x.top != 0 {
		m.lanes = append(m.lanes, x)
	}
	m.mu.Unlock()
}

// call runs a function, and gives its result.
func (x *lane) call(name string) uint64 {
	m := x.module
	switch {
	case m == nil || m.failure != nil:
		return uint64(StatusInternal)
	case x.isFull:
		return uint64(StatusNoMemory)
	}
	function := x.functions[name]
	if function == nil {
		if function = m.Function(name); function == nil {
			m.failure = fmt.Errorf("the core has no function %q", name)
			return uint64(StatusInternal)
		}
		x.functions[name] = function
	}
	m.SetStackPointer(x.at)
	if err := function.CallWithStack(x.arguments[:]); err != nil {
		m.failure = err
		return uint64(StatusInternal)
	}
	return x.arguments[0]
}

// run runs a function that cannot fail, and leaves.
func (x *lane) run(name string) uint64 {
	defer x.leave()
	return x.call(name)
}

// check runs a function that can fail, whose last argument is the place for its error, and leaves.
func (x *lane) check(name string) error {
	defer x.leave()
	return x.checked(name)
}

// resulting is check for a function that also gives something: its size, and what reads it.
func resulting[T any](x *lane, name string, size int, read func(moduleMemory, uint32) T) (T, error) {
	defer x.leave()
	out := x.out(size)
	if err := x.checked(name); err != nil {
		var none T
		return none, err
	}
	return read(x.memory(), out), nil
}

// placed runs a function that cannot fail and puts what it gives at a place, reads that, and leaves. It
// gives nothing where the core has stopped.
func placed[T any](x *lane, name string, out uint32, read func(moduleMemory, uint32) T) (given T) {
	defer x.leave()
	x.call(name)
	if x.module == nil || x.module.failure != nil {
		return given
	}
	return read(x.memory(), out)
}

func (x *lane) checked(name string) error {
	failure := x.out(errorBytes)
	status := Status(int32(x.call(name)))
	if status == StatusOK {
		return nil
	}
	return x.readError(status, failure)
}

func (x *lane) readError(status Status, at uint32) error {
	m := x.module
	switch {
	case m == nil:
		return errNoCore
	case m.failure != nil:
		return newError(StatusInternal, "the core has stopped: "+m.failure.Error())
	case x.isFull:
		return newError(StatusNoMemory, "the core's memory is full")
	}
	return &Error{Status: status, Message: x.memory().readChars(at + m.messagePlace)}
}

func (x *lane) memory() moduleMemory { return x.module.Memory() }

// --- Arguments ---

func (x *lane) word(value uint32) *lane { return x.long(uint64(value)) }

func (x *lane) long(value uint64) *lane {
	x.arguments[x.count] = value
	x.count++
	return x
}

func (x *lane) double(value float64) *lane { return x.long(math.Float64bits(value)) }

func (x *lane) flag(value bool) *lane {
	if value {
		return x.word(1)
	}
	return x.word(0)
}

func (x *lane) handle(object *coreObject) *lane {
	if object == nil {
		return x.word(0)
	}
	return x.word(object.address)
}

// text hands over a text; an empty one that was given is not an absent one.
func (x *lane) text(text string) *lane {
	at := x.placeFor(len(text))
	if at != 0 {
		copy(x.memory()[at:], text)
	}
	return x.word(at).word(uint32(len(text)))
}

func (x *lane) bytes(text []byte) *lane {
	at := x.placeFor(len(text))
	if at != 0 {
		copy(x.memory()[at:], text)
	}
	return x.word(at).word(uint32(len(text)))
}

func (x *lane) optionalText(text *string) *lane {
	if text == nil {
		return x.word(0).word(0)
	}
	return x.text(*text)
}

func (x *lane) placeFor(size int) uint32 {
	switch {
	case x.module == nil || x.isFull:
		return 0
	case uint64(size) > math.MaxUint32/2:
		x.isFull = true
		return 0
	case x.onStack+size <= stackTextBytes:
		x.onStack += size
		return x.room(size + 1)
	}
	at := x.module.allocate(uint32(size))
	if at == 0 {
		x.isFull = true
		return 0
	}
	x.texts = append(x.texts, heapText{at, uint32(size)})
	return at
}

// out hands over a place for what a function gives.
func (x *lane) out(size int) uint32 {
	at := x.room(size)
	x.word(at)
	return at
}

// room is a place on the call's stack.
func (x *lane) room(size int) uint32 {
	x.at = (x.at - uint32(size)) &^ (stackAlignBytes - 1)
	return x.at
}

func (m *coreModule) allocate(size uint32) uint32 {
	at, err := m.run("scopeflow_go_allocate", uint64(size))
	if err != nil {
		return 0
	}
	return uint32(at)
}

func (m *coreModule) deallocate(at, size uint32) {
	if function := m.Function("scopeflow_go_deallocate"); function != nil && m.failure == nil {
		m.failure = function.CallWithStack([]uint64{uint64(at), uint64(size)})
	}
}

// --- What stands in memory ---

// moduleMemory is all of the module's memory. What is read is copied.
type moduleMemory []byte

func (m moduleMemory) readWord(at uint32) uint32 { return binary.LittleEndian.Uint32(m[at:]) }

func (m moduleMemory) readLong(at uint32) uint64 { return binary.LittleEndian.Uint64(m[at:]) }

func (m moduleMemory) readFlag(at uint32) bool { return m.readWord(at) != 0 }

func (m moduleMemory) readRef(at uint32) ref { return ref(m.readWord(at)) }

func (m moduleMemory) readHandle(at uint32) *coreObject { return objectAt(m.readWord(at)) }

func (m moduleMemory) readText(at uint32) string {
	from, size := m.readWord(at), m.readWord(at+4)
	return string(m[from : from+size])
}

func (m moduleMemory) readBytes(at uint32) []byte { return []byte(m.readText(at)) }

func (m moduleMemory) readChars(at uint32) string {
	end := at
	for m[end] != 0 {
		end++
	}
	return string(m[at:end])
}

func (m moduleMemory) readUUID(at uint32) UUID { return UUID(m[at : at+16]) }

// sizeOf is a size of the module's; its largest one is the largest here.
func sizeOf(result uint64) uintptr {
	if uint32(result) == math.MaxUint32 {
		return math.MaxUint
	}
	return uintptr(uint32(result))
}
