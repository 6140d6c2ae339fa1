package scopeflow

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
	"weak"
)

// Runtime owns registries, a clock and a source of ids. Nothing is shared between two runtimes
// (S6.1). It may be used by any number of goroutines.
type Runtime struct {
	handle runtimeHandle
	slots  slotTable
	log    atomic.Pointer[slog.Logger]
	told   toldMessages

	payloadBudget int
	isCanonical   bool
}

// NewRuntime makes a runtime of its own. Its memory is freed by the garbage collector.
//
// Options: [WithRuntimeFlags], [WithClockStart], [WithClockStep], [WithPayloadBudget].
// Errors: invalid_argument, no_memory; invalid_state in a program built without cgo.
func NewRuntime(options ...RuntimeOption) (*Runtime, error) {
	if core := coreAbiHash(); core != abiHash {
		return nil, newError(StatusInvalidState, fmt.Sprintf(
			"the core has the ABI %016x, this binding was made for %016x", core, abiHash))
	}
	var arguments runtimeNewArguments
	arguments.setDefaults()
	for _, option := range options {
		if option != nil {
			option.applyRuntimeNew(&arguments)
		}
	}
	r := &Runtime{
		payloadBudget: int(arguments.payloadBudget),
		isCanonical:   arguments.flags&RuntimeFlagCanonical != 0,
	}
	id := runtimes.add(r)
	handle, err := coreRuntimeNew(id, &arguments)
	if err != nil {
		runtimes.remove(id)
		return nil, err
	}
	r.handle = handle
	runtime.AddCleanup(r, freeRuntime, runtimeMemory{handle, id})
	return r, nil
}

// runtimeMemory is what is left to free when nobody can reach a runtime any more.
type runtimeMemory struct {
	handle runtimeHandle
	id     uintptr
}

func freeRuntime(memory runtimeMemory) {
	coreRuntimeFree(memory.handle)
	runtimes.remove(memory.id)
}

// Default returns the runtime that the functions of the package act on where the context names no
// other one. It is made when it is first needed.
func Default() (*Runtime, error) { return defaultRuntime() }

var defaultRuntime = sync.OnceValues(func() (*Runtime, error) { return NewRuntime() })

// Flush delivers what is still owed: the ends of scopes that nobody holds any more (S1.12).
func (r *Runtime) Flush(ctx context.Context) error {
	if err := r.check(ctx); err != nil {
		return err
	}
	c := r.beginCall(ctx)
	defer c.release()
	return c.run(c.beginRuntimeFlush(r.handle, nil))
}

// Close ends what is open, as abandoned, delivers what is owed and makes later use of the runtime an
// [ErrInvalidState] (S6.1). Its memory is freed once nobody holds it, its scopes or their contexts. A
// second Close does nothing.
func (r *Runtime) Close() error { return r.CloseContext(context.Background()) }

// CloseContext is [Runtime.Close] in a context, which a subscriber has of its own.
func (r *Runtime) CloseContext(ctx context.Context) error {
	if err := r.check(ctx); err != nil {
		return err
	}
	c := r.beginCall(ctx)
	defer c.release()
	return c.run(c.beginRuntimeClose(r.handle, nil))
}

// SetLogger sets where failures are logged that nobody is told of by other means, such as those of
// subscribers and sanitizers (S5.7); nil is slog.Default().
func (r *Runtime) SetLogger(logger *slog.Logger) { r.log.Store(logger) }

func (r *Runtime) logger() *slog.Logger {
	if logger := r.log.Load(); logger != nil {
		return logger
	}
	return slog.Default()
}

// toldLimit is how many messages are kept (S5.7).
const toldLimit = 8

// toldMessages are the last messages for the log, whether the core has them or what works in its place.
type toldMessages struct {
	mu   sync.Mutex
	last []string // The oldest first.
}

func (t *toldMessages) add(message string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.last) == toldLimit {
		t.last = slices.Delete(t.last, 0, 1)
	}
	t.last = append(t.last, message)
}

func (t *toldMessages) errors() []error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []error
	for _, message := range slices.Backward(t.last) {
		found = append(found, &Error{Status: StatusInternal, Message: message})
	}
	return found
}

// tell logs a message of the core. It runs below C and therefore never panics.
func (r *Runtime) tell(severity slog.Level, message string) {
	r.told.add(message)
	defer func() { _ = recover() }()
	r.logger().Log(context.Background(), severity, "scopeflow: "+message)
}

var (
	errNilContext = invalidArgument("the context must not be nil")
	errNilRuntime = invalidArgument("the runtime must not be nil")
	errClosed     = newError(StatusInvalidState, "the runtime is closed")
)

func (r *Runtime) usable() error {
	if r == nil {
		return errNilRuntime
	}
	return nil
}

func (r *Runtime) check(ctx context.Context) error {
	if ctx == nil {
		return errNilContext
	}
	return r.usable()
}

func (r *Runtime) owner() *Runtime { return r }

func (r *Runtime) handleOrNil() runtimeHandle {
	if r == nil {
		return nil
	}
	return r.handle
}

// adopt wraps a scope that the core has handed over.
func (r *Runtime) adopt(handle scopeHandle) *Scope {
	return r.newScope(context.Background(), nil, handle)
}

// smallRowBytes is what fits wherever a value is written.
const smallRowBytes = 64

// encode appends a value to the core's tape. It runs below C and therefore never panics.
func (r *Runtime) encode(value any, tape tapeHandle) {
	if text, ok := value.(json.RawMessage); ok && text != nil {
		coreTapePutJson(tape, unsafe.String(unsafe.SliceData(text), len(text)))
		return
	}
	w := payloadWalkers.Get().(*payloadWalker)
	w.encodePayload(value, r.payloadBudget, r.isCanonical)
	if w.isFull() && coreTapeFullAt(tape) == math.MaxUint { // Middleware in C gets all of it.
		w.encodePayload(value, payloadWithoutBudget, false)
	}
	// Whoever asks only what a value is, such as whether middleware made an object, has room for little.
	if len(w.bytes) > smallRowBytes && coreTapeFullAt(tape) == 1 {
		coreTapePutMark(tape, token(w.bytes[0]))
	} else {
		coreTapePutTokens(tape, w.bytes)
	}
	payloadWalkers.Put(w)
}

// runtimes finds the runtime that a callback of the core belongs to. It holds them weakly: a runtime
// that only its own callbacks refer to can go.
var runtimes runtimeTable

type runtimeTable struct {
	mu     sync.RWMutex
	byID   map[uintptr]weak.Pointer[Runtime]
	lastID uintptr
}

func (t *runtimeTable) add(r *Runtime) uintptr {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID = map[uintptr]weak.Pointer[Runtime]{}
	}
	t.lastID++
	t.byID[t.lastID] = weak.Make(r)
	return t.lastID
}

func (t *runtimeTable) remove(id uintptr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byID, id)
}

// runtimeOf gives the runtime of an id, nil once nobody can reach it: then its slots have gone too.
func runtimeOf(id uintptr) *Runtime {
	runtimes.mu.RLock()
	defer runtimes.mu.RUnlock()
	return runtimes.byID[id].Value()
}
