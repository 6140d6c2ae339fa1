//go:build !cgo

package scopeflow

import (
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/scopeflow/scopeflow/go/internal/wasmcore"
)

// The functions that the module calls, on the goroutine that called the module. Those that run the
// application's code give the module up meanwhile. A panic must not unwind through the module: each of
// them ends where the application's code is run.

func hostFunctions() []wasmcore.HostFunction {
	const i, l = wasmcore.I32, wasmcore.I64
	function := func(
		name string, call func([]uint64), results []wasmcore.Type, parameters ...wasmcore.Type,
	) wasmcore.HostFunction {
		return wasmcore.HostFunction{Name: name, Parameters: parameters, Results: results, Call: call}
	}
	none, word, long := []wasmcore.Type{}, []wasmcore.Type{i}, []wasmcore.Type{l}
	return []wasmcore.HostFunction{
		function("scopeflowGoRelease", hostRelease, none, i, i),
		function("scopeflowGoEncode", hostEncode, none, i, i, i),
		function("scopeflowGoDescribeError", hostDescribeError, none, i, i, i),
		function("scopeflowGoLog", hostLog, none, i, i, i),
		function("scopeflowGoSame", hostSame, word, i, i, i),
		function("scopeflowGoDecode", hostDecode, word, i, i, i),
		function("scopeflowGoMakeError", hostMakeError, word, i, i, i),
		function("scopeflowGoCoreCodec", hostCoreCodec, word, i, i),
		function("scopeflowGoClock", hostClock, long),
		function("scopeflowGoEntropy", hostEntropy, none, i, i),
	}
}

// hostOf is the runtime that a callback belongs to, and the module.
func hostOf(stack []uint64) (*Runtime, *coreModule) {
	m, _ := startedModule() // It runs.
	return runtimeOf(uintptr(uint32(stack[0]))), m
}

func word(stack []uint64, index int) uint32 { return uint32(stack[index]) }

func hostRelease(stack []uint64) {
	if owner, _ := hostOf(stack); owner != nil {
		owner.slots.take(ref(word(stack, 1)))
	}
}

func hostEncode(stack []uint64) {
	owner, m := hostOf(stack)
	value, tape := ref(word(stack, 1)), objectAt(word(stack, 2))
	m.outside(func() {
		if owner == nil {
			coreTapePutNull(tape)
			return
		}
		owner.encode(owner.slots.get(value), tape)
	})
}

func hostDescribeError(stack []uint64) {
	owner, m := hostOf(stack)
	value, tape := ref(word(stack, 1)), objectAt(word(stack, 2))
	m.outside(func() {
		if owner == nil {
			coreTapePutNull(tape)
			return
		}
		err, _ := owner.slots.get(value).(error)
		owner.encode(describeError(err), tape)
	})
}

func hostLog(stack []uint64) {
	owner, m := hostOf(stack)
	if owner == nil {
		return
	}
	severity := slog.LevelWarn
	if logLevel(word(stack, 1)) == logLevelError {
		severity = slog.LevelError
	}
	message := moduleMemory(m.Memory()).readText(word(stack, 2))
	m.outside(func() { owner.tell(severity, message) })
}

func hostSame(stack []uint64) {
	owner, _ := hostOf(stack)
	isSame := owner != nil &&
		identical(owner.slots.get(ref(word(stack, 1))), owner.slots.get(ref(word(stack, 2))))
	stack[0] = 0
	if isSame {
		stack[0] = 1
	}
}

func hostDecode(stack []uint64) {
	owner, m := hostOf(stack)
	made := ref(0)
	if owner != nil {
		made = owner.decode(moduleMemory(m.Memory()).readText(word(stack, 1)), decodeShape(word(stack, 2)))
	}
	stack[0] = uint64(made)
}

func hostMakeError(stack []uint64) {
	owner, m := hostOf(stack)
	made := ref(0)
	if owner != nil {
		text := moduleMemory(m.Memory()).readText(word(stack, 2))
		made = owner.slots.put(0, toldError(Status(int32(word(stack, 1))), text))
	}
	stack[0] = uint64(made)
}

func hostCoreCodec(stack []uint64) {
	owner, _ := hostOf(stack)
	found := uint32(0)
	if owner != nil {
		found = coreCodecNumber(owner.slots.get(ref(word(stack, 1))))
	}
	stack[0] = uint64(found)
}

func hostClock(stack []uint64) { stack[0] = uint64(time.Now().UnixNano()) }

func hostEntropy(stack []uint64) {
	m, _ := startedModule()
	at, size := word(stack, 0), word(stack, 1)
	_, _ = rand.Read(m.Memory()[at : at+size]) // It never fails.
}
