package log

import (
	"cmp"
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
// not at all. [Place.Make] builds it in Partial, and puts it where it belongs.
type Place struct {
	Path    string // where it goes
	Partial string // where it is built: beside Path, with ".partial" after its name
}

// NewPlace looks for the place for what is made from dir, which is only read: out, or
// what out leads to where it is a symbolic link. It must not exist, or be empty, and
// lie apart from dir: ErrExists.
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
		_, err = p.leftovers()
	}
	if errors.Is(err, syscall.ENOTDIR) {
		err = fmt.Errorf("%w: %s is, or lies in, a file; choose a new directory", ErrExists, out)
	}
	return p, err
}

// Make has build make the directory in Partial, which is there and empty, and puts it in its
// place. Nobody else makes one there meanwhile: they get ErrInUse. Where it fails what was
// built is removed, since on a full disk it would keep from everybody else what room there
// was; what cannot be, and what a killed process leaves, the next try removes.
func (p Place) Make(build func() error) error {
	release, err := p.claim()
	if err != nil {
		return err
	}
	if err = build(); err == nil {
		err = p.finish()
	}
	if err != nil && p.clear() == nil {
		_ = os.Remove(p.Partial)
	}
	return errors.Join(err, release())
}

// claim makes Partial this process' own until release, empty. The lock is that of the directory
// itself: its LOCK file is taken and given back while it is built.
func (p Place) claim() (release func() error, err error) {
	made, err := makeAll(p.Partial)
	if err != nil {
		return nil, err
	}
	release, held, err := lockDir(p.Partial)
	switch {
	case errors.Is(err, fs.ErrNotExist): // who had it has finished meanwhile, or given up
		return p.claim()
	case err != nil:
		return nil, err
	case held:
		return nil, fmt.Errorf("%w: somebody else is making %s; choose another directory", ErrInUse, p.Path)
	}
	if err = p.clear(); err == nil {
		if err = p.wantFree(); err != nil {
			_ = os.Remove(p.Partial)
		}
	}
	if err == nil {
		err = syncNames(made)
	}
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}

// finish puts what was built in its place and makes that durable.
func (p Place) finish() error {
	if err := os.Remove(p.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		// It was empty when we looked; Remove takes nothing else.
		return cmp.Or(p.wantFree(), err)
	}
	if err := os.Rename(p.Partial, p.Path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(p.Path))
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

// leftovers are the names in Partial, of what a failed or killed process left. What one would
// not have made is refused.
func (p Place) leftovers() (names []string, err error) {
	files, err := os.ReadDir(p.Partial)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	ours := append([]string{manifestName, "wal", "checkpoints", "index", "quarantine", "recordings"}, unfinished...)
	for _, f := range files {
		if !slices.Contains(ours, f.Name()) {
			return nil, fmt.Errorf("%w: %s, which it is built in, holds %s; remove it", ErrExists, p.Partial, f.Name())
		}
		names = append(names, f.Name())
	}
	return names, nil
}

// clear removes the leftovers, unless somebody has opened them as a data directory.
func (p Place) clear() error {
	names, err := p.leftovers()
	if err != nil || len(names) == 0 {
		return err
	}
	lock, err := Acquire(p.Partial)
	switch {
	case err == nil:
		err = lock.Release()
	case errors.Is(err, syscall.ENOSPC): // nobody else has it, but there is no room to write who we are
		err = nil
	}
	for _, name := range append(names, "LOCK") {
		if err == nil {
			err = os.RemoveAll(filepath.Join(p.Partial, name))
		}
	}
	return err
}
