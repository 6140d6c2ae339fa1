package scopeflow

import "unsafe"

// Middleware and subscribers that are written in C (ADR 0020). The core runs them itself; what stands
// here is what they need from this package: functions to call, something to register on, and Go's values
// and errors in the place of the JSON texts and messages that they answer with.

// NativeFunctions returns the core's function table, a `const scopeflow_functions *` which is never freed,
// for middleware and subscribers that are written in C, C++ or Rust and stand in one chain with those in
// Go. It is shared by all runtimes, and may be used on any thread.
//
// Their sources include the header and are linked to nothing; those that serve an extension of Python
// serve a package with cgo as they are. The header stands beside this file and, for sources which say
// <scopeflow/scopeflow.h>, in the folder include. A package of another module finds it by
//
//	export CGO_CFLAGS="-I$(go list -m -f '{{.Dir}}' github.com/scopeflow/scopeflow/go)/include"
//
// or has a copy of its own: an extension that was built with an older header runs with a newer core.
// With a file in C that has a function
//
//	int block(const scopeflow_functions *table, scopeflow_runtime *runtime, const char *tool);
//
// the package's Go is
//
//	func Block(runtime *scopeflow.Runtime, tool string) error {
//		table, err := scopeflow.NativeFunctions()
//		if err != nil {
//			return err
//		}
//		name := C.CString(tool)
//		defer C.free(unsafe.Pointer(name))
//		status := C.block((*C.scopeflow_functions)(table),
//			(*C.scopeflow_runtime)(runtime.NativeHandle()), name)
//		goruntime.KeepAlive(runtime) // Of the package runtime.
//		...
//	}
//
// A callable runs on the thread of the goroutine whose operation it is about, during a call into C, and
// several may run it at once. It must not wait, for its thread waits with it, and it knows no
// [context.Context]: once that has ended, the driver runs nothing again that it would retry. No C++
// exception, no longjmp and, where it calls functions that Go has exported, no panic and no
// [runtime.Goexit] may leave it. Those functions may use this package, with contexts of their own; but the
// `next` of a streamed call that is just being answered would wait for itself.
//
// What it answers as JSON is in Go what [encoding/json] makes of it, with numbers as [json.Number], and an
// [*LLMRequest] where one belongs; [ExecuteTool] gives it the types of its function. An error that it tells
// is an [*Error], or a [*GuardrailRejectedError]. What it does not change stays the caller's own value.
//
// `destroy` is called once, on any thread: that of whoever deregisters it or ends the last call that uses
// it, or one of the garbage collector's after the owner has gone. A program that ends calls it no more.
//
// Errors: invalid_state in a program built without cgo.
func NativeFunctions() (unsafe.Pointer, error) { return coreFunctions() }

// NativeHandle returns the runtime for middleware in C, a `scopeflow_runtime *` that `native_register`
// takes; nil for a nil runtime. It is the runtime's own and valid as long as Go can reach r:
// [runtime.KeepAlive] belongs behind the last use. Any thread may use it. On a runtime that was closed,
// registering is invalid_state. What was registered is removed by its name, also by the methods in Go,
// such as [Runtime.DeregisterSubscriber]. See [NativeFunctions].
func (r *Runtime) NativeHandle() unsafe.Pointer { return nativeRuntime(r.handleOrNil()) }

// NativeHandle returns the scope for middleware in C, a `scopeflow_scope *` that `native_scope_register`
// takes; nil for a nil scope. It is the scope's own and valid as long as Go can reach s, as
// [Runtime.NativeHandle] is. On a scope that has ended, registering is not_found (S1.7).
func (s *Scope) NativeHandle() unsafe.Pointer { return nativeScope(s.handleOrNil()) }

// decode makes what the core asks for of a JSON text that middleware in C gave, 0 where there is no such
// thing. It runs below C and therefore never panics.
func (r *Runtime) decode(text string, shape decodeShape) ref {
	var value any
	if decodeJSON(text, &value) != nil {
		return 0
	}
	if shape == decodeShapeLLMRequest {
		members, _ := value.(map[string]any)
		headers, isObject := members["headers"].(map[string]any)
		if !isObject {
			return 0
		}
		value = &LLMRequest{Headers: headers, Content: members["content"]}
	}
	return r.slots.put(0, value)
}
