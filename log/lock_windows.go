package log

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockAt is where the locked byte lies: beyond the text, since a locked byte
// cannot be read by others.
const lockAt = 1 << 20

// flock takes the lock on f without waiting, for itself or shared with others who
// only look.
func flock(f *os.File, shared bool) (held bool, err error) {
	how := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if !shared {
		how |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err = windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, &windows.Overlapped{Offset: lockAt})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return true, nil
	}
	return false, err
}

// lockDir does nothing: Windows has no locks for directories, and moves none that is open.
func lockDir(string) (release func() error, held bool, err error) {
	return func() error { return nil }, false, nil
}

// SyncDir does nothing: Windows keeps names durable by itself.
func SyncDir(string) error { return nil }

// names is how many names a file has: Stat does not tell here.
func names(os.FileInfo) uint64 { return 1 }
