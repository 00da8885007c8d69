package replay

import (
	"errors"
	"fmt"

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
	stepRenamed    step = "it is in place"
)

// Restore makes out a new data directory that begins at a point of the log in
// dir: a log whose first offset is the one after the point, with the old log as
// its parent, and a checkpoint of what is wanted of the state there. dir is only
// read, and may be a running server's.
//
// Whatever happens there is no out, or a complete one, see [log.Place].
func Restore(dir string, p Point, out string, w Wanted, progress func(done, total int64)) (*Restored, error) {
	return restore(dir, p, out, w, progress, func(step) error { return nil })
}

func restore(dir string, p Point, out string, w Wanted, progress func(done, total int64), at func(step) error) (*Restored, error) {
	place, err := log.NewPlace(dir, out)
	if err != nil {
		return nil, err
	}
	src, err := StateAt(dir, p, progress)
	if err != nil {
		return nil, err
	}
	if err := w.Take(src); err != nil {
		return nil, err
	}
	r := &Restored{Resolved: src.Resolved, Out: out, Keys: src.State.TotalKeys(), Digest: src.State.Digest(),
		Parent: log.Parent{LogID: src.LogID, Offset: src.Offset}}
	if err := at(stepBuilt); err != nil {
		return nil, err
	}
	if err := place.Make(func() error { return r.fill(place.Partial, src, at) }); err != nil {
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
	c, err := compaction.Write(partial, src.State, compaction.Meta{LogID: m.LogID, Offset: r.Offset, Time: src.AtTime})
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
