// Package blocklist is the guardrail as a Go package, with cgo.
package blocklist

/*
#cgo CXXFLAGS: -std=c++17 -I${SRCDIR}/../../src -I${SRCDIR}/../../../../go/include
#include <stdlib.h>

#include "blocklist.h"
*/
import "C"

import (
	"errors"
	goruntime "runtime"
	"slices"
	"unsafe"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

// Block refuses calls of these tools, under a name by which it can be removed again.
func Block(runtime *scopeflow.Runtime, name string, tools ...string) error {
	table, err := scopeflow.NativeFunctions()
	if err != nil {
		return err
	}
	names := make([]*C.char, len(tools)+1)
	for i, text := range slices.Concat(tools, []string{name}) {
		names[i] = C.CString(text)
		defer C.free(unsafe.Pointer(names[i]))
	}
	failure := C.block(table, runtime.NativeHandle(), names[len(tools)], &names[0], C.size_t(len(tools)))
	goruntime.KeepAlive(runtime)
	if failure == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(failure))
	return errors.New(C.GoString(failure))
}
