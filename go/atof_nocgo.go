//go:build !cgo

package scopeflow

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// Without cgo the core has no files: the sink is a subscriber in Go. Each line is written before the
// operation that emitted the event returns, whatever delivery was asked for, so that there is no queue
// that could be full.

type atofSinkHandle = *fileSink

type fileSink struct {
	mu    sync.Mutex
	file  *lineFile
	stats SinkStats
	// failure is the first one since the last flush.
	failure error
	// isFailing says that the last attempt failed; untold is what the log has to be told of that.
	isFailing bool
	untold    error
	// lostCount events are not told of in the file yet; lostRoot is the root of the last of them.
	lostCount uint64
	lostRoot  UUID
}

func coreAtofSinkOpen(a *atofSinkOpenArguments) (atofSinkHandle, error) {
	if _, err := startedModule(); err != nil {
		return nil, err
	}
	if a.path == "" || strings.Contains(a.path, "\x00") {
		return nil, invalidArgument("path is empty or has a null byte")
	}
	file, err := openLineFile(a.path, a.mode)
	if err != nil {
		return nil, fileError(fmt.Sprintf("cannot open %q", a.path), err)
	}
	file.limit, file.keptCount = int64(a.fileLimit), a.keptFileCount
	return &fileSink{file: file}, nil
}

func fileError(what string, err error) error {
	return &Error{
		Status: StatusInvalidState, Message: fmt.Sprintf("invalid state: %s: %v", what, err), cause: err,
	}
}

// receive is the subscriber.
func (s *fileSink) receive(r *Runtime, root UUID, event *Event) {
	if failure := s.add(root, event); failure != nil {
		r.tell(slog.LevelError, fmt.Sprintf("writing to '%s' failed: %v", s.file.path, failure))
	}
}

// add writes an event, and gives the failure that the log is not told of yet.
func (s *fileSink) add(root UUID, event *Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.catchUp()
	if err == nil {
		err = s.write(append([]byte(event.line), '\n'))
	}
	if err != nil {
		s.stats.LostEventCount++
		s.lostCount, s.lostRoot = s.lostCount+1, root
	}
	untold := s.untold
	s.untold = nil
	return untold
}

// catchUp completes a line that was cut, and tells of lost events in the file.
func (s *fileSink) catchUp() error {
	if s.file.cut != nil {
		if err := s.account(s.file.complete()); err != nil {
			return err
		}
	}
	if s.lostCount == 0 {
		return nil
	}
	line, err := droppedLine(s.lostRoot, s.lostCount)
	if err == nil {
		err = s.write(line)
	}
	if err != nil {
		return err
	}
	s.lostCount = 0
	if s.file.cut != nil {
		return io.ErrShortWrite
	}
	return nil
}

// write writes a line. One of which only the start fits is no loss: the rest follows.
func (s *fileSink) write(line []byte) error {
	err := s.account(s.file.write(line))
	if s.file.cut != nil {
		return nil
	}
	return err
}

// account takes down an attempt to write.
func (s *fileSink) account(written int, err error) error {
	s.stats.WrittenBytes += uint64(written)
	if err == nil {
		s.stats.WrittenEventCount++
	}
	rotation := s.file.rotationFailure
	s.stats.RotationCount, s.file.rotationFailure = s.file.rotationCount, nil
	for _, each := range []error{err, rotation} {
		if each == nil {
			continue
		}
		s.stats.WriteErrorCount++
		if s.failure == nil {
			s.failure = each
		}
		if !s.isFailing {
			s.isFailing, s.untold = true, each
		}
	}
	s.isFailing = err != nil || rotation != nil
	return err
}

// droppedLine is the mark `events dropped`. It comes from a runtime of its own, so that its id and time are
// the system's and nobody else hears of it.
func droppedLine(root UUID, count uint64) ([]byte, error) {
	r, err := NewRuntime()
	if err != nil {
		return nil, err
	}
	var line []byte
	err = r.RegisterSubscriber("line", func(_ context.Context, event *Event) {
		line = append([]byte(event.line), '\n')
	})
	if err != nil {
		return nil, err
	}
	ctx, err := r.WithPropagation(context.Background(), PropagationContext{ParentUUID: root, RootUUID: &root})
	if err != nil {
		return nil, err
	}
	err = r.EmitEvent(ctx, "events dropped", WithData(map[string]uint64{"dropped": count}))
	return line, err
}

func coreAtofSinkRegister(s atofSinkHandle, owner runtimeHandle, name string) error {
	r := runtimes.find(owner)
	if r == nil {
		return errNilRuntime
	}
	root, err := r.Root()
	if err != nil {
		return err
	}
	id := root.UUID()
	return r.RegisterSubscriber(name, func(_ context.Context, event *Event) { s.receive(r, id, event) })
}

func coreAtofSinkFlush(s atofSinkHandle, _ uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	failure := s.failure
	s.failure = nil
	if failure != nil {
		return fileError("an event was not written", failure)
	}
	return nil
}

func coreAtofSinkReadStats(s atofSinkHandle) (SinkStats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats, nil
}

// coreAtofSinkFree writes what is owed. What is registered goes on to write, and the garbage collector closes
// the file of a sink that nobody holds.
func coreAtofSinkFree(s atofSinkHandle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.catchUp()
}

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
