package compaction

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/altilium-db/altilium/log"
)

// Made is a checkpoint that [Make] made.
type Made struct {
	Checkpoint log.Checkpoint
	From       uint64        // offset of the checkpoint that it was built from; 0: of none
	Entries    uint64        // applied on top
	Took       time.Duration // in all
	Existed    bool          // it was there and registered already: nothing was written
	Refused    []*Refusal    // checkpoints found unusable on the way
}

// Make makes the checkpoint at an offset ([Latest]: the end) of the log in dir
// beside a running server: Build, then Write. It takes no lock and registers
// nothing; whoever has the lock does that, with [Register].
func Make(dir string, at uint64, progress func(done, total int64)) (*Made, error) {
	start := time.Now()
	b, err := Build(dir, at, progress)
	if err != nil {
		return nil, err
	}
	made := &Made{From: b.Offset(), Entries: b.Entries, Refused: b.Refused}
	if b.Checkpoint != nil && b.Checkpoint.Offset == b.At {
		made.Checkpoint, made.Existed = *b.Checkpoint, true
	} else if made.Checkpoint, err = Write(dir, b.State, Meta{LogID: b.Owner(), Offset: b.At, Time: b.AtTime}); err != nil {
		return nil, err
	}
	if p := ReadPace(dir); p != b.pace(p) {
		_ = b.pace(p).keep(dir) // an estimate rests on it, and nothing else
	}
	made.Took = time.Since(start)
	return made, nil
}

// Holder is who has a data directory's lock and its open log: *log.Log.
type Holder interface {
	Dir() string
	Last() uint64
	Durable() uint64
	Sync() error
	Manifest() *log.Manifest
	UpdateManifest(change func(*log.Manifest) error) error
	DropBefore(offset uint64) ([]log.Segment, error)
}

// Register names a checkpoint in the MANIFEST: from then on a start may use it.
// The log is brought to the disk up to its offset first, so that a checkpoint
// never knows of something that a power loss takes out of the log.
func Register(l Holder, c log.Checkpoint) error {
	if c.Offset > l.Last() {
		return fmt.Errorf("checkpoint @%d: %w: the log ends at @%d", c.Offset, log.ErrFuture, l.Last())
	}
	info, err := os.Stat(filepath.Join(l.Dir(), filepath.FromSlash(c.File)))
	if err != nil {
		return fmt.Errorf("checkpoint @%d: %w", c.Offset, err)
	}
	if info.Size() != c.Size {
		return fmt.Errorf("checkpoint @%d: %s has %d bytes, it was written with %d", c.Offset, c.File, info.Size(), c.Size)
	}
	if c.Offset > l.Durable() {
		if err := l.Sync(); err != nil {
			return err
		}
	}
	return l.UpdateManifest(func(m *log.Manifest) error {
		if c.Offset+1 < m.First {
			return fmt.Errorf("checkpoint @%d: %w: the log begins at @%d", c.Offset, log.ErrCompacted, m.First)
		}
		m.AddCheckpoint(c)
		return nil
	})
}
