//go:build !cgo

package scopeflow

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Without cgo the core has no files: the sink is a subscriber in Go. Each line is written before the
// operation that emitted the event returns, whatever delivery was asked for, so that there is no queue
// that could be full.

type atofSinkHandle = *fileSink

type fileSink struct {
	mu      sync.Mutex
	options atofSinkOpenArguments
	file    *os.File
	size    int64
	stats   SinkStats
	// failure is the first one to write since the last flush.
	failure error
}

const (
	fileModePrivate   = 0o600
	folderModePrivate = 0o777 // Less what the umask takes.
)

func coreAtofSinkOpen(a *atofSinkOpenArguments) (atofSinkHandle, error) {
	if _, err := startedModule(); err != nil {
		return nil, err
	}
	if a.path == "" {
		return nil, invalidArgument("path must not be empty")
	}
	s := &fileSink{options: *a}
	if err := os.MkdirAll(filepath.Dir(a.path), folderModePrivate); err != nil {
		return nil, fileError("its folder cannot be made", err)
	}
	flags := 0
	if a.mode == FileModeOverwrite {
		flags = os.O_TRUNC
	}
	return s, s.open(flags)
}

func fileError(what string, err error) error {
	return &Error{
		Status: StatusInvalidState, Message: fmt.Sprintf("invalid state: the file: %s: %v", what, err), cause: err,
	}
}

func (s *fileSink) open(flags int) error {
	file, err := os.OpenFile(s.options.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|flags, fileModePrivate)
	if err != nil {
		return fileError("it cannot be opened", err)
	}
	info, err := file.Stat()
	if err != nil || info.IsDir() {
		_ = file.Close()
		return fileError("it cannot be looked at", err)
	}
	s.file, s.size = file, info.Size()
	return nil
}

// receive is the subscriber.
func (s *fileSink) receive(_ context.Context, event *Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return
	}
	line := append([]byte(event.line), '\n')
	err := s.prepare(int64(len(line)))
	if err == nil {
		_, err = s.file.Write(line) // One write: lines of several processes do not mix.
	}
	if err != nil {
		s.stats.WriteErrorCount++
		s.stats.LostEventCount++
		if s.failure == nil {
			s.failure = err
		}
		return
	}
	s.size += int64(len(line))
	s.stats.WrittenEventCount++
	s.stats.WrittenBytes += uint64(len(line))
}

// prepare sees to it that the file is the one of that path, and has room.
func (s *fileSink) prepare(size int64) error {
	there, err := os.Stat(s.options.path)
	own, ownErr := s.file.Stat()
	if err != nil || ownErr != nil || !os.SameFile(there, own) { // It was renamed or removed.
		_ = s.file.Close()
		return s.open(0)
	}
	s.size = own.Size() // Others may write to it too.
	limit := int64(s.options.fileLimit)
	if limit <= 0 || s.size == 0 || s.size+size <= limit {
		return nil
	}
	return s.rotate()
}

func (s *fileSink) rotate() error {
	path := s.options.path
	numbered := func(number uint32) string { return fmt.Sprintf("%s.%d", path, number) }
	for number := s.options.keptFileCount; number > 1; number-- {
		if err := os.Rename(numbered(number-1), numbered(number)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	if err := os.Rename(path, numbered(1)); err != nil {
		return err
	}
	s.stats.RotationCount++
	_ = s.file.Close()
	return s.open(0)
}

func coreAtofSinkRegister(s atofSinkHandle, owner runtimeHandle, name string) error {
	r := runtimes.find(owner)
	if r == nil {
		return errNilRuntime
	}
	return r.RegisterSubscriber(name, s.receive)
}

func coreAtofSinkFlush(s atofSinkHandle, _ uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	failure := s.failure
	s.failure = nil
	if failure != nil {
		return fileError("a line could not be written", failure)
	}
	return nil
}

func coreAtofSinkReadStats(s atofSinkHandle) (SinkStats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats, nil
}

// coreAtofSinkFree does nothing: what is registered goes on to write, and the garbage collector closes the
// file of a sink that nobody holds.
func coreAtofSinkFree(atofSinkHandle) {}

func (t *runtimeTable) find(handle runtimeHandle) *Runtime {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, each := range t.byID {
		if r := each.Value(); r != nil && r.handle == handle {
			return r
		}
	}
	return nil
}
