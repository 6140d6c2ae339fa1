//go:build !cgo && (darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package scopeflow

import (
	"os"
	"syscall"
)

// keepsOpenNames says that a file may be renamed while it is open.
const keepsOpenNames = true

// tryLockFile locks a file for this process until it is closed or unlocked, as the core does.
func tryLockFile(file *os.File) bool {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

func unlockFile(file *os.File) { _ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }
