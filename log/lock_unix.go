//go:build unix

package log

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// flock takes the lock on f without waiting, for itself or shared with others who
// only look.
func flock(f *os.File, shared bool) (held bool, err error) {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// lockDir takes a directory without waiting, until release, by a lock that has nothing to do
// with its LOCK file, and that goes where it is moved. ErrNotExist: it has not its name any
// more. A file system that has no locks for directories is believed that nobody else is there.
func lockDir(dir string) (release func() error, held bool, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, false, err
	}
	if held, _ = flock(f, false); held {
		return nil, true, f.Close()
	}
	ours, err := f.Stat()
	there, now := os.Stat(dir)
	if err = errors.Join(err, now); err == nil && !os.SameFile(ours, there) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	return f.Close, false, nil
}

// SyncDir makes the names in a directory durable: a file that was created or
// renamed there is found again after a power loss.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// names is how many names a file has: hard links are one file.
func names(info os.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink) //nolint:unconvert // it has another type on other systems
	}
	return 1
}
