package replay

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
)

// Restored says what a Restore made.
type Restored struct {
	Resolved
	Out    string
	LogID  log.ID // of the new log
	Parent log.Parent
	Keys   int
	Digest uint64
}

// step names a moment of Restore, for tests that stop it there.
type step string

// The steps of Restore, in order.
const (
	stepBuilt      step = "the state is built"
	stepCreated    step = "the directory is laid out"
	stepWritten    step = "the checkpoint is written"
	stepRegistered step = "the manifest names it"
	stepVerified   step = "it has been opened and compared"
	stepCleared    step = "an empty out is out of the way"
	stepRenamed    step = "it is in place"
)

// Restore makes out a new data directory that begins at a point of the log in
// dir: a log whose first offset is the one after the point, with the old log as
// its parent, and a checkpoint of the state there. dir is only read, and may be
// a running server's.
//
// out must not exist, or be empty. The work is done in out+".partial", so that
// whatever happens there is no out, or a complete one. What an earlier, killed
// Restore left in out+".partial" is removed.
func Restore(dir string, p Point, out string, progress func(done, total int64)) (*Restored, error) {
	return restore(dir, p, out, progress, func(step) error { return nil })
}

func restore(dir string, p Point, out string, progress func(done, total int64), at func(step) error) (*Restored, error) {
	partial := filepath.Clean(out) + ".partial"
	if err := errors.Join(wantApart(dir, out), wantEmpty(out), clearPartial(partial)); err != nil {
		return nil, err
	}
	src, err := StateAt(dir, p, progress)
	if err != nil {
		return nil, err
	}
	r := &Restored{Resolved: src.Resolved, Out: out, Keys: src.State.TotalKeys(), Digest: src.State.Digest(),
		Parent: log.Parent{LogID: src.LogID, Offset: src.Offset}}
	if err := at(stepBuilt); err != nil {
		return nil, err
	}
	if err := r.fill(partial, src, at); err != nil {
		return nil, err
	}
	if err := moveInto(partial, out, at); err != nil {
		return nil, err
	}
	return r, at(stepRenamed)
}

// fill makes partial a complete data directory.
func (r *Restored) fill(partial string, src *At, at func(step) error) error {
	m, err := log.Create(partial, log.CreateOptions{First: r.Offset + 1, Parent: &r.Parent, Root: &src.Root})
	if err != nil {
		return err
	}
	r.LogID = m.LogID
	if err := at(stepCreated); err != nil {
		return err
	}
	c, err := compaction.Write(partial, src.State, compaction.Meta{LogID: m.LogID, Offset: r.Offset, Time: r.Time})
	if err != nil {
		return err
	}
	if err := at(stepWritten); err != nil {
		return err
	}
	if err := register(partial, c); err != nil {
		return err
	}
	if err := at(stepRegistered); err != nil {
		return err
	}
	b, err := compaction.Build(partial, compaction.Latest, nil)
	if err != nil {
		return err
	}
	if b.At != r.Offset || b.State.Digest() != r.Digest {
		return fmt.Errorf("the restored directory has digest %016x at @%d, the source has %016x at @%d",
			b.State.Digest(), b.At, r.Digest, r.Offset)
	}
	return at(stepVerified)
}

// register names the checkpoint in the manifest of a directory that no server
// has opened yet.
func register(dir string, c log.Checkpoint) error {
	d, err := log.OpenDir(dir, log.Options{})
	if err != nil {
		return err
	}
	err = d.UpdateManifest(func(m *log.Manifest) error {
		m.AddCheckpoint(c)
		return nil
	})
	return errors.Join(err, d.Close())
}

// moveInto puts a finished directory in its place and makes that durable.
func moveInto(partial, out string, at func(step) error) error {
	if err := os.Remove(out); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // it was empty a moment ago; Remove takes nothing else
	}
	if err := at(stepCleared); err != nil {
		return err
	}
	if err := os.Rename(partial, out); err != nil {
		return err
	}
	return log.SyncDir(filepath.Dir(filepath.Clean(out)))
}

// ErrOut is returned for an --out that a restore will not write to.
var ErrOut = errors.New("cannot restore there")

// wantApart refuses an out that is the source, in it, or around it.
func wantApart(dir, out string) error {
	src, err := realPath(dir)
	if err != nil {
		return err
	}
	dst, err := realPath(out)
	if err != nil {
		return err
	}
	if within(dst, src) || within(src, dst) {
		return fmt.Errorf("%w: %s is, holds or lies in the directory that is read, %s; choose a new one", ErrOut, out, dir)
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

// wantEmpty refuses an out with anything in it.
func wantEmpty(out string) error {
	files, err := os.ReadDir(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(files) > 0 {
		return fmt.Errorf("%w: %s is not empty (it holds %s); choose a new directory", ErrOut, out, files[0].Name())
	}
	return nil
}

// clearPartial removes what a killed Restore left, and nothing that one would
// not have made.
func clearPartial(partial string) error {
	files, err := os.ReadDir(partial)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	ours := []string{"LOCK", "MANIFEST", "MANIFEST.tmp", "wal", "checkpoints", "quarantine", "recordings"}
	for _, f := range files {
		if !slices.Contains(ours, f.Name()) {
			return fmt.Errorf("%w: %s, which it is built in, holds %s; remove it", ErrOut, partial, f.Name())
		}
	}
	lock, err := log.Acquire(partial)
	if err != nil {
		return err
	}
	if err := lock.Release(); err != nil {
		return err
	}
	return os.RemoveAll(partial)
}
