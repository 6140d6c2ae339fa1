package scopeflow

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheExporterWritesWhatSubscribersGet(t *testing.T) {
	r := testRuntime(t)
	recorded := record(t, r)
	folder := filepath.Join(t.TempDir(), "a folder", "below")
	exporter, err := NewAtofExporter(AtofExporterConfig{OutputDirectory: folder, Runtime: r})
	if err != nil {
		t.Fatal(err)
	}
	if err := exporter.Register("file"); err != nil {
		t.Fatal(err)
	}
	if err := exporter.Register("file"); !errors.Is(err, ErrAlreadyExists) {
		t.Errorf("a second registration returned %v", err)
	}
	ctx, scope, _ := r.PushScope(context.Background(), "a", ScopeTypeAgent, WithInput(map[string]any{"k": "ü"}))
	if _, err := r.ToolCallExecute(ctx, "x", json.RawMessage(`{"q":1}`), echo); err != nil {
		t.Fatal(err)
	}
	if err := scope.Close(); err != nil {
		t.Fatal(err)
	}
	if err := exporter.ForceFlush(); err != nil {
		t.Fatal(err)
	}

	text, err := os.ReadFile(exporter.Path())
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, event := range recorded.all() {
		want.WriteString(event.String() + "\n")
	}
	if string(text) != want.String() || len(recorded.all()) != 4 {
		t.Errorf("the file is\n%s\ninstead of\n%s", text, &want)
	}
	if info, err := os.Stat(exporter.Path()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}

	if !exporter.Deregister("file") || exporter.Deregister("file") {
		t.Error("the deregistrations did not say what they found")
	}
	if err := exporter.Close(); err != nil {
		t.Error(err)
	}
	if err := exporter.Close(); !errors.Is(err, ErrInvalidState) {
		t.Errorf("a second Close returned %v", err)
	}
	if err := exporter.Register("again"); !errors.Is(err, ErrInvalidState) {
		t.Errorf("a registration after Close returned %v", err)
	}
}

func TestAFileThatCannotBeOpenedIsAnError(t *testing.T) {
	r := testRuntime(t)
	folder := t.TempDir()
	blocker := filepath.Join(folder, "file")
	if err := os.WriteFile(blocker, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := NewAtofExporter(AtofExporterConfig{OutputDirectory: blocker, Filename: "x", Runtime: r})
	if !errors.Is(err, ErrInvalidState) {
		t.Errorf("got %v", err)
	}
	var none *AtofExporter
	if err := none.Close(); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("a nil exporter returned %v", err)
	}
}
