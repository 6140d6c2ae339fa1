//go:build !cgo

package scopeflow

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/scopeflow/scopeflow/go/internal/wasmcore"
)

func TestWithoutCgoTheFirstCallNamesTheRemedy(t *testing.T) {
	if wasmcore.Registered() != nil {
		t.Skip("there is a core, as WebAssembly")
	}
	_, scope, push := PushScope(context.Background(), "a", ScopeTypeAgent)
	_, tool := ToolCallExecute(context.Background(), "x", nil, echo)
	_, exporter := NewAtofExporter(AtofExporterConfig{})
	register := RegisterSubscriber("s", func(context.Context, *Event) {})
	table, native := NativeFunctions()
	if table != nil || (*Runtime)(nil).NativeHandle() != nil || (*Scope)(nil).NativeHandle() != nil {
		t.Error("there are handles without a core")
	}
	if scope != nil {
		t.Error("there is a scope without a core")
	}
	for _, err := range []error{push, tool, exporter, register, native} {
		if !errors.Is(err, ErrInvalidState) || !strings.Contains(err.Error(), "CGO_ENABLED=1") ||
			err != native && !strings.Contains(err.Error(), "scopeflow/go/wasm") {
			t.Errorf("got %v", err)
		}
	}
}
