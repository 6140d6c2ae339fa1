package wasm_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	scopeflow "github.com/scopeflow/scopeflow/go"
	"github.com/scopeflow/scopeflow/go/scopeflowtest"
	_ "github.com/scopeflow/scopeflow/go/wasm"
)

func TestTheImportIsAllThatIsNeeded(t *testing.T) {
	ctx, events := scopeflowtest.New(t)
	got, err := scopeflow.ExecuteTool(ctx, "double", 21,
		func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	if err != nil || got != 42 {
		t.Fatalf("the tool gave %d, %v", got, err)
	}
	if data := string(events.Find(t, "end", "double").Output()); data != "42" {
		t.Errorf("the end has %s", data)
	}
}

// All tests of package scopeflow, the vectors among them, with this module as the core: a file that
// imports it is laid over the package's folder.
func TestPackageScopeflowPassesWithoutCgo(t *testing.T) {
	folder, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	overlay := map[string]map[string]string{"Replace": {
		filepath.Join(folder, "module_test.go"): filepath.Join(folder, "wasm", "testdata", "module_test.go"),
	}}
	text, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("go", "test", "-count=1", "-overlay", path, "github.com/scopeflow/scopeflow/go")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}
