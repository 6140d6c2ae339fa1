package scopeflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What happens to event files that others rename, remove or cut. The core has the file with cgo, the
// package without, and both do the same.

func exporterFor(t *testing.T, r *Runtime, config AtofExporterConfig) *AtofExporter {
	t.Helper()
	config.Runtime = r
	exporter, err := NewAtofExporter(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := exporter.Register("file"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exporter.Close() })
	return exporter
}

func emit(t *testing.T, r *Runtime, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := r.EmitEvent(context.Background(), name); err != nil {
			t.Fatal(err)
		}
	}
}

// namesIn reads the names of the events in a file.
func namesIn(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var names []string
	for event, err := range ReadAtof(file) {
		if err != nil {
			names = append(names, "?")
			continue
		}
		names = append(names, event.Name())
	}
	return strings.Join(names, ", ")
}

func TestLostEventsAreToldInTheFile(t *testing.T) {
	r := testRuntime(t)
	var logged bytes.Buffer
	r.SetLogger(slog.New(slog.NewTextHandler(&logged, nil)))
	folder := filepath.Join(t.TempDir(), "a folder")
	exporter := exporterFor(t, r, AtofExporterConfig{OutputDirectory: folder})
	emit(t, r, "before")
	must(0, os.RemoveAll(folder))
	emit(t, r, "lost", "lost too")
	if err := exporter.ForceFlush(); !errors.Is(err, ErrInvalidState) {
		t.Errorf("the flush returned %v", err)
	}
	if err := exporter.ForceFlush(); err != nil {
		t.Errorf("the next flush returned %v", err)
	}
	told := logged.String()
	if strings.Count(told, "level=ERROR") != 1 || !strings.Contains(told, folder) {
		t.Errorf("the log has\n%s", told)
	}
	if last := r.LastErrors(); len(last) != 1 || !strings.Contains(last[0].Error(), folder) {
		t.Errorf("the last errors are %v", last)
	}

	must(0, os.Mkdir(folder, 0o700))
	emit(t, r, "after", "last")
	if names := namesIn(t, exporter.Path()); names != "events dropped, after, last" {
		t.Fatalf("the file has %s", names)
	}
	text := string(must(os.ReadFile(exporter.Path())))
	lines := strings.Split(text, "\n")
	var mark, event map[string]any
	must(0, json.Unmarshal([]byte(lines[0]), &mark))
	must(0, json.Unmarshal([]byte(lines[1]), &event))
	if fmt.Sprint(mark["data"]) != "map[dropped:2]" || mark["parent_uuid"] != must(r.Root()).UUID().String() {
		t.Errorf("the mark is %s", lines[0])
	}
	for key := range event {
		if _, isThere := mark[key]; !isThere {
			t.Errorf("the mark has no %s", key)
		}
	}
	if mark["atof_version"] != event["atof_version"] || must(ParseUUID(mark["uuid"].(string)))[6]>>4 != 7 {
		t.Errorf("the mark is %s", lines[0])
	}
	stats := must(exporter.ReadStats())
	if stats.LostEventCount != 2 || stats.WrittenEventCount != 4 || stats.WriteErrorCount != 2 {
		t.Errorf("the counters are %+v", stats)
	}
}

func TestAFileThatIsRenamedOrRemovedIsMadeAnew(t *testing.T) {
	r := testRuntime(t)
	exporter := exporterFor(t, r, AtofExporterConfig{OutputDirectory: t.TempDir()})
	emit(t, r, "a")
	must(0, os.Rename(exporter.Path(), exporter.Path()+".old"))
	emit(t, r, "b")
	if names := namesIn(t, exporter.Path()+".old"); names != "a" {
		t.Errorf("the renamed file has %s", names)
	}
	must(0, os.Remove(exporter.Path()))
	emit(t, r, "c")
	if names := namesIn(t, exporter.Path()); names != "c" {
		t.Errorf("the file has %s", names)
	}
}

// A process that was killed has left half a line; it is ended, not continued.
func TestALineThatWasCutIsEnded(t *testing.T) {
	for text, want := range map[string]string{
		`{"kind":"ma`: "?, a, b", "": "a, b", "{\"kind\":\"ma\n": "?, a, b",
	} {
		r := testRuntime(t)
		folder := t.TempDir()
		must(0, os.WriteFile(filepath.Join(folder, "x"), []byte(text), 0o600))
		exporter := exporterFor(t, r, AtofExporterConfig{OutputDirectory: folder, Filename: "x"})
		emit(t, r, "a", "b")
		if names := namesIn(t, exporter.Path()); names != want {
			t.Errorf("after %q the file has %s", text, names)
		}
	}
}

func TestAFullFileIsRenamed(t *testing.T) {
	r := testRuntime(t)
	exporter := exporterFor(t, r, AtofExporterConfig{
		OutputDirectory: t.TempDir(), FileLimitBytes: 1, KeptFileCount: 2,
	})
	emit(t, r, "a", "b", "c", "d")
	for ending, want := range map[string]string{"": "d", ".1": "c", ".2": "b"} {
		if names := namesIn(t, exporter.Path()+ending); names != want {
			t.Errorf("%q has %s", ending, names)
		}
	}
	if _, err := os.Stat(exporter.Path() + ".3"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is one too many: %v", err)
	}
	if stats := must(exporter.ReadStats()); stats.RotationCount != 3 || stats.WrittenEventCount != 4 {
		t.Errorf("the counters are %+v", stats)
	}
}

// Where a full file cannot be renamed it is written on, and a flush says why.
// Two processes fill files of a few lines, each of which one of them renames.
func TestProcessesThatRenameOneFileLoseNoLine(t *testing.T) {
	const count = 400
	if folder := os.Getenv("SCOPEFLOW_TEST_FILL"); folder != "" {
		r := testRuntime(t)
		exporter := exporterFor(t, r, AtofExporterConfig{
			OutputDirectory: folder, Filename: "shared.jsonl", FileLimitBytes: 2048, KeptFileCount: 1000,
		})
		for range count {
			emit(t, r, "m")
		}
		must(0, exporter.Close())
		return
	}
	folder := t.TempDir()
	var running []*exec.Cmd
	for range 2 {
		command := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
		command.Env = append(os.Environ(), "SCOPEFLOW_TEST_FILL="+folder)
		must(0, command.Start())
		running = append(running, command)
	}
	for _, command := range running {
		if err := command.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	lines, files := 0, must(filepath.Glob(filepath.Join(folder, "shared.jsonl*")))
	for _, path := range files {
		lines += strings.Count(namesIn(t, path), "m")
	}
	if lines != 2*count || len(files) < 2 {
		t.Errorf("%d lines in %d files", lines, len(files))
	}
}

func TestAFileThatCannotBeRenamedIsWrittenOn(t *testing.T) {
	r := testRuntime(t)
	exporter := exporterFor(t, r, AtofExporterConfig{
		OutputDirectory: t.TempDir(), FileLimitBytes: 1, KeptFileCount: 1,
	})
	must(0, os.MkdirAll(filepath.Join(exporter.Path()+".1", "in the way"), 0o700))
	emit(t, r, "a", "b", "c")
	if names := namesIn(t, exporter.Path()); names != "a, b, c" {
		t.Errorf("the file has %s", names)
	}
	if err := exporter.ForceFlush(); !errors.Is(err, ErrInvalidState) {
		t.Errorf("the flush returned %v", err)
	}
}

// A relative path is from where the program was when the file was opened.
func TestAProgramMayGoElsewhere(t *testing.T) {
	r := testRuntime(t)
	folder := t.TempDir()
	t.Chdir(folder)
	exporter := exporterFor(t, r, AtofExporterConfig{})
	emit(t, r, "a")
	t.Chdir(t.TempDir())
	emit(t, r, "b")
	if names := namesIn(t, filepath.Join(folder, exporter.Path())); names != "a, b" {
		t.Errorf("the file has %s", names)
	}
}

func TestAClosedExporterCountsNoMore(t *testing.T) {
	exporter := exporterFor(t, testRuntime(t), AtofExporterConfig{OutputDirectory: t.TempDir()})
	must(0, exporter.Close())
	if _, err := exporter.ReadStats(); !errors.Is(err, ErrInvalidState) {
		t.Errorf("got %v", err)
	}
	var none *AtofExporter
	if _, err := none.ReadStats(); !errors.Is(err, ErrInvalidArgument) || none.Path() != "" {
		t.Errorf("a nil exporter returned %v", err)
	}
}
