// Package wasmcore is where a module that can run WebAssembly offers the core to package scopeflow, for
// programs without cgo. It knows neither.
package wasmcore

import "sync"

// Module is the core, running. One function at a time runs in it, but while a function waits for the
// host, others may run and finish.
type Module interface {
	// Function finds an exported function, nil if there is none. What it returns must not be called
	// again before it has returned; to call a function within itself takes another one.
	Function(name string) Function
	// Memory is all of the module's memory, valid until a function runs again.
	Memory() []byte
	// StackPointer is where the module's stack ends, and SetStackPointer moves it.
	StackPointer() uint32
	SetStackPointer(at uint32)
}

// Function is an exported function. Arguments and results cross as 64 bits each: the first result, if
// there is one, replaces the first argument.
type Function interface {
	CallWithStack(stack []uint64) error
}

// Type is the type of an argument or a result.
type Type byte

const (
	// I32 is an integer of 32 bits, or an address.
	I32 Type = 'i'
	// I64 is an integer of 64 bits.
	I64 Type = 'l'
)

// HostFunction is a function that the module imports from the host.
type HostFunction struct {
	Name       string
	Parameters []Type
	Results    []Type
	// Call has the arguments in stack, and puts the result there.
	Call func(stack []uint64)
}

// ImportModule is the name under which the host's functions are imported.
const ImportModule = "scopeflow"

// Start runs the module with the host's functions.
type Start func(host []HostFunction) (Module, error)

var (
	mu         sync.Mutex
	registered Start
)

// Register offers a way to run the core; the last one is taken.
func Register(start Start) {
	mu.Lock()
	defer mu.Unlock()
	registered = start
}

// Registered is what was registered last, nil if nothing was.
func Registered() Start {
	mu.Lock()
	defer mu.Unlock()
	return registered
}
