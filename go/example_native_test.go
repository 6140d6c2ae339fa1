//go:build cgo

package scopeflow_test

import (
	"context"
	"fmt"
	"log"
	goruntime "runtime"

	scopeflow "github.com/scopeflow/scopeflow/go"
	"github.com/scopeflow/scopeflow/go/internal/natives"
)

// A guardrail in C, of a package with cgo that knows no more of scopeflow than its header.
func ExampleNativeFunctions() {
	runtime, err := scopeflow.NewRuntime()
	if err != nil {
		log.Fatal(err)
	}
	table, err := scopeflow.NativeFunctions()
	if err != nil {
		log.Fatal(err)
	}
	guard := natives.Callable{
		Registry: int32(scopeflow.RegistryToolConditionalExecutionGuardrail),
		Name:     "no shell", Act: natives.Refuse, Text: "there is no shell here",
	}
	if _, status, text := guard.Register(table, runtime.NativeHandle(), nil); status != 0 {
		log.Fatal(text)
	}
	goruntime.KeepAlive(runtime)

	shell := func(context.Context, any) (any, error) { return "done", nil }
	_, err = runtime.ToolCallExecute(context.Background(), "shell", "rm -rf /", shell)
	fmt.Println(err)
	fmt.Println(runtime.DeregisterToolConditionalExecutionGuardrail("no shell"))
	// Output:
	// guardrail rejected: there is no shell here
	// true
}
