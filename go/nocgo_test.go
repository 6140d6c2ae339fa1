//go:build !cgo

package scopeflow

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/scopeflow/scopeflow/go/internal/wasmcore"
)

// Without cgo the first call works where a core was imported, and else names both remedies. Middleware in C
// needs cgo in any case.
func TestWithoutCgoTheFirstCallWorksOrNamesTheRemedies(t *testing.T) {
	_, scope, push := PushScope(context.Background(), "a", ScopeTypeAgent)
	_, tool := ToolCallExecute(context.Background(), "x", nil, echo)
	_, exporter := NewAtofExporter(AtofExporterConfig{OutputDirectory: t.TempDir()})
	register := RegisterSubscriber("s", func(context.Context, *Event) {})
	table, native := NativeFunctions()
	if table != nil || scope.NativeHandle() != nil {
		t.Error("there are handles for middleware in C")
	}
	if !errors.Is(native, ErrInvalidState) || !strings.Contains(native.Error(), "CGO_ENABLED=1") {
		t.Errorf("middleware in C: %v", native)
	}
	others := []error{push, tool, exporter, register}
	if wasmcore.Registered() != nil {
		if err := errors.Join(append(others, scope.Close())...); err != nil || !DeregisterSubscriber("s") {
			t.Errorf("with a core: %v", err)
		}
		return
	}
	if scope != nil {
		t.Error("there is a scope without a core")
	}
	for _, err := range others {
		if !errors.Is(err, ErrInvalidState) || !strings.Contains(err.Error(), "CGO_ENABLED=1") ||
			!strings.Contains(err.Error(), "scopeflow/go/wasm") {
			t.Errorf("got %v", err)
		}
	}
}
