package log

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Lock is the exclusive right to change a data directory. The operating system
// takes it back when the process dies, so a lock is never stale.
type Lock struct{ f *os.File }

// Acquire takes the lock of dir. ErrInUse names the process that has it.
func Acquire(dir string) (*Lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, explain(dir, err)
	}
	held, err := flock(f, false)
	for try := 0; held && try < lookers; try++ { // it may only be somebody who looks, see Busy
		time.Sleep(5 * time.Millisecond)
		held, err = flock(f, false)
	}
	if held {
		text, _ := os.ReadFile(f.Name())
		f.Close()
		owner := strings.TrimSpace(string(text))
		if owner == "" {
			owner = "(it has not written its number yet)"
		}
		return nil, fmt.Errorf("%w: process %s has %s; stop it, or choose another --dir", ErrInUse, owner, dir)
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(append(strconv.AppendInt(nil, int64(os.Getpid()), 10), '\n'), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock of %s: %w", dir, err), f.Close())
	}
	return &Lock{f}, nil
}

// lookers is how often Acquire tries again: Busy has the lock for microseconds.
const lookers = 5

// Busy reports whether a process has the lock of dir. It changes nothing, and is for
// those who only read; the answer may be old when it arrives.
func Busy(dir string) (bool, error) {
	f, err := os.Open(filepath.Join(dir, "LOCK"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, explain(dir, err)
	}
	held, err := flock(f, true)
	return held, errors.Join(err, f.Close())
}

// holds makes sure that dir still is the directory that was locked: everything that
// goes by name would otherwise change one that somebody has put in its place.
// Only what is certain counts: an operating system that cannot tell is believed
// in the call that follows.
func (l *Lock) holds(dir string) error {
	ours, err := l.f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(filepath.Join(dir, "LOCK"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err == nil && os.SameFile(ours, there) {
		return nil
	}
	what := "its LOCK is another file than the one this process holds"
	if err != nil {
		what = "its LOCK is gone"
	}
	return fmt.Errorf("%w while it was open: %s: %s. What was acknowledged is where the directory is now; "+
		"put it back, or give its new place with --dir", ErrMoved, dir, what)
}

// Release gives the lock back.
func (l *Lock) Release() error { return l.f.Close() }
