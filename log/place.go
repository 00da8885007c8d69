package log

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Place is where a data directory is made from another one: it is there as a whole, or
// not at all. It is built in Partial, and Finish puts it where it belongs.
type Place struct {
	Path    string // where it goes
	Partial string // where it is built: beside Path, with ".partial" after its name
}

// NewPlace readies the place for what is made from dir, which is only read: out, or
// what out leads to where it is a symbolic link. It must not exist, or be empty, and
// lie apart from dir: ErrExists. What a killed process left of an earlier try is
// removed; ErrInUse where one is at it.
func NewPlace(dir, out string) (Place, error) {
	path := filepath.Clean(out)
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return Place{}, fmt.Errorf("%w: %s is a symbolic link to nothing; remove it, or choose a new directory", ErrExists, out)
		}
	}
	p := Place{Path: path, Partial: path + ".partial"}
	err := p.wantApart(dir, out)
	if err == nil {
		err = p.wantFree()
	}
	if err == nil {
		err = p.clearPartial()
	}
	if errors.Is(err, syscall.ENOTDIR) {
		err = fmt.Errorf("%w: %s is, or lies in, a file; choose a new directory", ErrExists, out)
	}
	return p, err
}

// Finish puts what was built in its place and makes that durable.
func (p Place) Finish() error {
	if err := os.Remove(p.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // it was empty when we looked; Remove takes nothing else
	}
	if err := os.Rename(p.Partial, p.Path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(p.Path))
}

// Failed removes what was built, where err is why it will not be finished, and returns err:
// on a full disk it would keep from everybody else what room there was. What somebody
// else builds there stays, and what cannot be removed the next try removes.
func (p Place) Failed(err error) error {
	if !errors.Is(err, ErrInUse) && !errors.Is(err, ErrExists) {
		_ = p.clearPartial()
	}
	return err
}

// wantApart refuses a place that is the source, in it, or around it.
func (p Place) wantApart(dir, out string) error {
	src, err := realPath(dir)
	if err != nil {
		return err
	}
	dst, err := realPath(p.Path)
	if err != nil {
		return err
	}
	if within(dst, src) || within(src, dst) {
		return fmt.Errorf("%w: %s is, holds or lies in the directory that is read, %s; choose a new one", ErrExists, out, dir)
	}
	return nil
}

// realPath is the absolute path of something that need not exist yet, symbolic
// links in what does exist resolved.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	var rest []string
	for at := abs; ; at = filepath.Dir(at) {
		real, err := filepath.EvalSymlinks(at)
		if err == nil {
			return filepath.Join(append([]string{real}, rest...)...), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			return "", err
		}
		rest = append([]string{filepath.Base(at)}, rest...)
	}
}

func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+string(filepath.Separator))
}

// wantFree refuses a place with anything in it.
func (p Place) wantFree() error {
	files, err := os.ReadDir(p.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(files) > 0 {
		return fmt.Errorf("%w: %s is not empty (it holds %s); choose a new directory", ErrExists, p.Path, files[0].Name())
	}
	return nil
}

// clearPartial removes what a failed or killed process left, and nothing that one would
// not have made.
func (p Place) clearPartial() error {
	files, err := os.ReadDir(p.Partial)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	ours := append([]string{manifestName, "wal", "checkpoints", "index", "quarantine", "recordings"}, unfinished...)
	for _, f := range files {
		if !slices.Contains(ours, f.Name()) {
			return fmt.Errorf("%w: %s, which it is built in, holds %s; remove it", ErrExists, p.Partial, f.Name())
		}
	}
	lock, err := Acquire(p.Partial)
	switch {
	case err == nil:
		err = lock.Release()
	case errors.Is(err, syscall.ENOSPC): // nobody else has it, but there is no room to write who we are
		err = nil
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(p.Partial)
}
