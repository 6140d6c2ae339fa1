// Package wasm lets package scopeflow work in programs that are built without cgo: it runs the same core
// as a WebAssembly module, by wazero. Import it for that:
//
//	import _ "github.com/scopeflow/scopeflow/go/wasm"
//
// Nothing else changes but the speed, middleware in C, which there is none of then, and files, which
// Go writes instead of the core. In a program that is built with cgo the import does nothing.
//
// The module is compiled when it is first needed, in some tenths of a second; where wazero has no
// compiler for the machine it is interpreted. Its memory grows to at most 4 GiB.
package wasm

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/scopeflow/scopeflow/go/internal/wasmcore"
)

// core is the module, as the CMake graph builds it (wasm/CMakeLists.txt); a test compares the two.
//
//go:embed scopeflow.wasm
var core []byte

func init() { wasmcore.Register(start) }

// module is the running core.
type module struct {
	api.Module
	stack api.MutableGlobal
}

func start(host []wasmcore.HostFunction) (wasmcore.Module, error) {
	ctx := context.Background()
	runtime := wazero.NewRuntime(ctx)
	imports := runtime.NewHostModuleBuilder(wasmcore.ImportModule)
	for _, each := range host {
		call := api.GoFunc(func(_ context.Context, stack []uint64) { each.Call(stack) })
		imports.NewFunctionBuilder().
			WithGoFunction(call, typesOf(each.Parameters), typesOf(each.Results)).Export(each.Name)
	}
	if _, err := imports.Instantiate(ctx); err != nil {
		return nil, fmt.Errorf("wazero refuses the functions that it lends the core: %w", err)
	}
	running, err := runtime.Instantiate(ctx, core)
	if err != nil {
		return nil, fmt.Errorf("wazero refuses the core: %w", err)
	}
	stack, ok := running.ExportedGlobal("__stack_pointer").(api.MutableGlobal)
	if !ok {
		return nil, fmt.Errorf("the core does not show its stack")
	}
	return &module{running, stack}, nil
}

func typesOf(types []wasmcore.Type) []api.ValueType {
	found := make([]api.ValueType, len(types))
	for i, each := range types {
		found[i] = api.ValueTypeI32
		if each == wasmcore.I64 {
			found[i] = api.ValueTypeI64
		}
	}
	return found
}

// Function finds an exported function.
func (m *module) Function(name string) wasmcore.Function {
	if found := m.ExportedFunction(name); found != nil {
		return function{found}
	}
	return nil
}

// Memory is all of the module's memory.
func (m *module) Memory() []byte {
	memory := m.Module.Memory()
	all, _ := memory.Read(0, memory.Size()) // It is never out of its own range.
	return all
}

// StackPointer is where the module's stack ends.
func (m *module) StackPointer() uint32 { return uint32(m.stack.Get()) }

// SetStackPointer moves the end of the module's stack.
func (m *module) SetStackPointer(at uint32) { m.stack.Set(uint64(at)) }

type function struct{ api.Function }

// CallWithStack runs the function.
func (f function) CallWithStack(stack []uint64) error {
	return f.Function.CallWithStack(context.Background(), stack)
}
