package log

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Lock is the exclusive right to change a data directory. The operating system
// takes it back when the process dies, so a lock is never stale.
type Lock struct{ f *os.File }

// Acquire takes the lock of dir. ErrInUse names the process that has it.
func Acquire(dir string) (*Lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	held, err := flock(f)
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

// Release gives the lock back.
func (l *Lock) Release() error { return l.f.Close() }
