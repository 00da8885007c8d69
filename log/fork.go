package log

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Forked says what Fork made.
type Forked struct {
	LogID       ID     // of the new directory
	Parent      Parent // the log that was forked, and where
	First       uint64 // first entry that came along; the point + 1 for none
	Segments    int
	Checkpoints []Checkpoint
	Linked      int64 // bytes of files that both directories have now
	Copied      int64 // bytes of files that are the new one's
}

// Fork makes out a new data directory that is dir as it was after the entry at: with
// its history, and the checkpoints and tags up to there. It takes no lock and may
// be used beside a server. Recordings, and what repairs have kept aside, stay behind.
//
// Segments that are sealed and checkpoints never change again, so the new directory
// gets a second name for each of them, where the file system has such: it costs
// neither time nor room, and either directory may drop its name. The segment with
// the point in it is copied up to there, and so is one that has not been sealed yet.
//
// The new log has an id of its own, and an empty segment for what it will write. What
// came along keeps the id that it was written with: see [Manifest.IDAt].
//
// out is there as a whole or not at all, see [Place].
func Fork(dir, out string, at uint64, o ForkOptions) (*Forked, error) {
	return fork(dir, out, at, o, os.Link)
}

// ForkOptions say how a fork is made. The zero value is right.
type ForkOptions struct {
	LogID    *ID                     // nil: a random one, as it should be; golden directories are made with a fixed one
	Progress func(done, total int64) // bytes linked and copied. Default: nobody is told
}

func fork(dir, out string, at uint64, o ForkOptions, link func(from, to string) error) (*Forked, error) {
	for tries := 0; ; tries++ {
		p, err := NewPlace(dir, out)
		if err != nil {
			return nil, err
		}
		m, err := ReadManifest(dir)
		if err != nil {
			return nil, err
		}
		f := &forker{dir: dir, out: p.Partial, from: m, o: o, link: link}
		err = p.Make(func() error { return f.run(at) })
		if err == nil {
			return &f.made, nil
		}
		if now, merr := ReadManifest(dir); tries == 3 || merr != nil || now.First == m.First && len(now.Checkpoints) == len(m.Checkpoints) {
			return nil, explain(out, err)
		}
		// Retention beside us took something away: begin anew.
	}
}

// forker makes one fork.
type forker struct {
	dir, out string
	from     *Manifest // of dir
	m        *Manifest // of out
	o        ForkOptions
	link     func(from, to string) error
	total    int64
	made     Forked
}

// run makes out, a complete directory.
func (f *forker) run(at uint64) error {
	if err := f.plan(at); err != nil {
		return err
	}
	next := f.m.Active
	f.m.Active = at + 1
	return createWith(f.out, f.m, func() error { return f.fill(next, at) })
}

// plan makes the new manifest, which has yet to learn what is copied.
func (f *forker) plan(at uint64) error {
	old := f.from
	if at+1 < old.First {
		return fmt.Errorf("%w: the log begins with @%d, after @%d", ErrCompacted, old.First, at)
	}
	m, root := old.upTo(at), old.RootID()
	m.Parent, m.Root, m.Ancestors = &Parent{LogID: old.LogID, Offset: at}, &root, old.lineage(at)
	m.Format = formatOf(m.Ancestors)
	if f.o.LogID != nil {
		m.LogID = *f.o.LogID
	} else if _, err := rand.Read(m.LogID[:]); err != nil {
		return err
	}
	f.m = m
	named := len(m.Checkpoints)
	m.Checkpoints = []Checkpoint{}
	for _, c := range old.Checkpoints {
		if c.Offset <= at && c.there(f.dir, nil) {
			m.Checkpoints = append(m.Checkpoints, c)
			f.total += c.Size
		}
	}
	if m.First > 1 && len(m.Checkpoints) == 0 {
		if named == 0 {
			return fmt.Errorf("%w: no checkpoint at or before @%d stands for what came before @%d", ErrCompacted, at, m.First)
		}
		return &Damage{Dir: f.dir, File: "checkpoints", Byte: -1,
			What: fmt.Sprintf("no checkpoint at or before @%d is there with its size (%d are named)", at, named)}
	}
	for _, s := range m.Sealed {
		f.total += s.Size
	}
	return nil
}

// fill puts segments and checkpoints in. next is the first offset that is in no sealed
// segment of the new manifest.
func (f *forker) fill(next, at uint64) error {
	d := &Dir{Path: f.dir, Manifest: f.from}
	for _, s := range f.m.Sealed {
		if err := d.checkSealed(s); err != nil {
			return err
		}
		if err := f.share(filepath.Join("wal", segmentName(s.First)), s.Size); err != nil {
			return err
		}
	}
	for next <= at {
		s, err := f.copyFront(next, at)
		if err != nil {
			return err
		}
		f.m.Sealed = append(f.m.Sealed, s)
		next = s.Last() + 1
	}
	for _, c := range f.m.Checkpoints {
		if err := f.share(filepath.FromSlash(c.File), c.Size); err != nil {
			return err
		}
	}
	f.m.Clean = &CleanStop{Last: at}
	if n := len(f.m.Sealed); n > 0 {
		f.m.Clean.CRC = f.m.Sealed[n-1].LastCRC
	}
	f.made.LogID, f.made.Parent, f.made.First = f.m.LogID, *f.m.Parent, f.m.First
	f.made.Segments, f.made.Checkpoints = len(f.m.Sealed), f.m.Checkpoints
	return errors.Join(SyncDir(filepath.Join(f.out, "wal")), SyncDir(filepath.Join(f.out, "checkpoints")))
}

// share gives the new directory a file of the old one: by a second name, or as a copy
// where the file system has no such, or has it only within itself.
func (f *forker) share(name string, size int64) error {
	from, to := filepath.Join(f.dir, name), filepath.Join(f.out, name)
	switch err := f.link(from, to); {
	case err == nil:
		f.made.Linked += size
	case errors.Is(err, fs.ErrNotExist):
		return err
	default:
		if err := copyFile(from, to); err != nil {
			return err
		}
		f.made.Copied += size
	}
	if f.o.Progress != nil {
		f.o.Progress(f.made.Linked+f.made.Copied, f.total)
	}
	return nil
}

// copyFront copies the segment that begins at first up to an entry, or all of it where
// that comes later: checked, and durable.
func (f *forker) copyFront(first, upTo uint64) (Segment, error) {
	s, err := frontOf(f.dir, f.from.seedAt(first), first, upTo)
	if errors.Is(err, fs.ErrNotExist) && first > f.from.Active {
		err = future(upTo, first-1)
	}
	if err != nil {
		return s, err
	}
	in, err := os.Open(segmentPath(f.dir, first))
	if err != nil {
		return s, err
	}
	defer in.Close()
	f.made.Copied += s.Size
	_, err = writeNew(segmentPath(f.out, first), io.NewSectionReader(in, 0, s.Size))
	return s, err
}
