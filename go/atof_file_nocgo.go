//go:build !cgo

package scopeflow

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// lineFile is a file to which lines are added, which others may write to, rename or remove meanwhile: what
// native/src/host/file.c is in C.
type lineFile struct {
	path      string // From the root on, wherever the program goes.
	limit     int64  // 0: there is none.
	keptCount uint32

	file *os.File
	// halfLine is the file's size if it ended in half a line when it was opened, which a process that was
	// killed may have left. Whoever is still writing makes the file grow.
	halfLine int64
	// cut is the line of which the file has the bytes before cutAt, because there was no room for more.
	cut   []byte
	cutAt int

	rotationCount   uint64
	rotationFailure error // The last one; the file is written on.
}

const (
	fileModePrivate = 0o600
	folderModeOpen  = 0o777 // Less what the umask takes.
)

func openLineFile(path string, mode FileMode) (*lineFile, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(absolute), folderModeOpen); err != nil {
		return nil, err
	}
	f := &lineFile{path: absolute}
	if mode == FileModeOverwrite {
		return f, f.open(os.O_TRUNC)
	}
	return f, f.open(0)
}

// open opens the path and lets go of what was open before, which stays open if it cannot.
func (f *lineFile) open(flags int) error {
	made, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|flags, fileModePrivate)
	if err != nil {
		return err
	}
	if f.file != nil {
		_ = f.file.Close()
	}
	f.file, f.halfLine, f.cutAt = made, f.halfLineAt(made), 0
	return nil
}

// halfLineAt is the file's size if it ends in half a line. One that somebody is just writing looks the same,
// but a change of the mode, to what it is, waits for that write.
func (f *lineFile) halfLineAt(file *os.File) int64 {
	facts, err := file.Stat()
	if err != nil || !facts.Mode().IsRegular() || !f.endsInHalfLine(facts.Size()) ||
		file.Chmod(facts.Mode()) != nil || !f.endsInHalfLine(facts.Size()) {
		return 0
	}
	return facts.Size()
}

func (f *lineFile) endsInHalfLine(size int64) bool {
	file, err := os.Open(f.path)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	facts, err := file.Stat()
	var last [1]byte
	if err != nil || size == 0 || facts.Size() != size {
		return false
	}
	_, err = file.ReadAt(last[:], size-1)
	return err == nil && last[0] != '\n'
}

// write adds a line with its end, and gives the bytes that are in the file. Where that is only the start of
// the line, the rest is kept for complete.
func (f *lineFile) write(line []byte) (int, error) {
	if err := f.prepare(int64(len(line))); err != nil {
		return 0, err
	}
	written, err := f.file.Write(line) // One write: lines of several processes do not mix.
	if err != nil && written > 0 {
		f.cut, f.cutAt = line, written
	}
	return written, err
}

// complete writes the rest of a line that was cut, all of it where the file is another one by now.
func (f *lineFile) complete() (int, error) {
	if err := f.prepare(0); err != nil {
		return 0, err
	}
	written, err := f.file.Write(f.cut[f.cutAt:])
	if f.cutAt += written; err == nil {
		f.cut = nil
	}
	return written, err
}

// prepare sees to it that the file is the one of the path, begins a line, and has room for so much.
func (f *lineFile) prepare(size int64) error {
	facts, err := f.lookAtPath()
	if err != nil || !facts.Mode().IsRegular() {
		return err
	}
	if f.limit > 0 && f.cut == nil && facts.Size() > 0 && facts.Size()+size > f.limit {
		if facts, err = f.rotate(); err != nil {
			return err
		}
	}
	if f.halfLine > 0 && facts.Size() == f.halfLine {
		_, err = f.file.Write([]byte("\n"))
	}
	f.halfLine = 0
	return err
}

func (f *lineFile) lookAtPath() (fs.FileInfo, error) {
	if f.file != nil {
		own, err := f.file.Stat()
		if err == nil && !own.Mode().IsRegular() {
			return own, nil
		}
		if err == nil && f.isAtPath() {
			return own, nil
		}
	}
	if err := f.open(0); err != nil {
		return nil, err
	}
	return f.file.Stat()
}

// rotate renames the full file and makes a new one. Where it cannot, the full one is written on. Of several
// processes that find the file full one does so: it locks the file itself, and who gets the lock later finds
// another file at the path.
func (f *lineFile) rotate() (fs.FileInfo, error) {
	if !tryLockFile(f.file) {
		return f.file.Stat()
	}
	if f.isAtPath() {
		f.renameFull()
	}
	return f.lookAtPath()
}

func (f *lineFile) isAtPath() bool {
	own, err := f.file.Stat()
	there, thereErr := os.Stat(f.path)
	return err == nil && thereErr == nil && os.SameFile(there, own)
}

// renameFull leaves the file open, and with it locked, until another one is open, where that can be.
func (f *lineFile) renameFull() {
	if !keepsOpenNames {
		_ = f.file.Close()
		f.file = nil
	}
	err := f.shiftNames()
	if err == nil {
		f.rotationCount++
		return
	}
	f.rotationFailure = err
	if f.file != nil {
		unlockFile(f.file)
	}
}

// shiftNames renames `<path>` to `<path>.1` and what is in the way further up; the last one goes.
func (f *lineFile) shiftNames() error {
	numbered := func(number uint32) string { return fmt.Sprintf("%s.%d", f.path, number) }
	free := uint32(1)
	for free < f.keptCount {
		if _, err := os.Lstat(numbered(free)); err != nil {
			break
		}
		free++
	}
	for number := free; number > 1; number-- {
		err := os.Rename(numbered(number-1), numbered(number))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Rename(f.path, numbered(1))
}
