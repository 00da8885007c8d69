package log

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Repaired says what Repair saved.
type Repaired struct {
	From     uint64    // the checkpoint that the new log begins after; 0: it begins where the old one did
	Last     uint64    // last offset of the new log
	After    uint64    // whole entries found behind the damage; their bytes are in Aside
	Aside    []string  // files in quarantine/ of the new directory with what comes after the damage
	Lost     []string  // checkpoints that could not be read, paths from the data directory
	Manifest string    // what stood in for the manifest; empty: it was whole
	Findings []Finding // what was wrong
}

// Repair saves all that is good of a damaged directory into out, a new one: the
// log up to the first damage, the checkpoints and tags up to there, recordings,
// and, in quarantine/, every byte that comes after. dir is not changed. out is there as
// a whole or not at all, see [Place].
//
// Damage that lies before a checkpoint costs history and no data: the new log then
// begins after the newest checkpoint that is usable (nil: any that is there), has
// every entry from there on, and what came before is in quarantine/. Checkpoints
// that are not usable are left behind.
//
// Where the manifest itself is damaged or lost, its copy is taken; without that, a new
// one is made from the entries (see salvage), and checkpoints and tags are left behind.
func Repair(dir, out string, usable func(*Manifest, Checkpoint) bool) (*Repaired, error) {
	p, err := NewPlace(dir, out)
	if err != nil {
		return nil, err
	}
	rep := &Repaired{}
	m, err := ReadManifest(dir)
	var dmg *Damage
	if errors.As(err, &dmg) {
		rep.Findings = append(rep.Findings, Finding{Damage: *dmg})
		rep.Manifest, m, err = otherManifest(dir)
	}
	if err != nil {
		return nil, err
	}
	k := newChecker(dir, m, nil)
	if err := k.run(); err != nil {
		return nil, err
	}
	var loads func(Checkpoint) bool
	if usable != nil {
		loads = func(c Checkpoint) bool { return usable(m, c) }
	}
	if err := p.Make(func() error { return rep.save(dir, p.Partial, k, loads) }); err != nil {
		return nil, err
	}
	return rep, nil
}

// otherManifest stands in for one that is damaged; how is where it comes from.
func otherManifest(dir string) (how string, m *Manifest, err error) {
	if m, err = readCopy(dir); err == nil && m.fits(dir) {
		return copyName + " was taken for it", m, nil
	}
	m, err = salvage(dir)
	return "a new one was made from the entries, without checkpoints and tags", m, err
}

// save makes out, a new directory, of what the checker found good.
func (rep *Repaired) save(dir, out string, k *checker, usable func(Checkpoint) bool) error {
	rep.Findings = append(rep.Findings, k.c.Findings...)
	rep.Last = k.c.Last
	rep.After = k.c.Entries - (k.c.Last + 1 - k.m.First)
	c := k.m.checkpointAfter(dir, rep.Last, usable)
	var err error
	if c != nil {
		err = rep.saveTail(dir, out, *c, k)
	} else {
		err = rep.saveFront(dir, out, k, usable)
	}
	if err != nil {
		return err
	}
	return copyAll(filepath.Join(dir, "recordings"), filepath.Join(out, "recordings"))
}

// saveFront makes a log of the entries up to the damage.
func (rep *Repaired) saveFront(dir, out string, k *checker, usable func(Checkpoint) bool) error {
	n := k.m.upTo(rep.Last)
	if err := rep.keepUsable(dir, n, usable); err != nil {
		return err
	}
	if n.endAncestors(rep.Last); n.IDAt(n.Active) != n.LogID {
		// What is left ends in a segment of an ancestor's, where the log's own entries cannot go on.
		s, err := frontOf(dir, n.seedAt(n.Active), n.Active, rep.Last)
		if err != nil {
			return err
		}
		n.Sealed, n.Active = append(n.Sealed, s), s.Last()+1
	}
	if err := create(out, n); err != nil {
		return err
	}
	for _, first := range k.segments {
		if err := rep.saveSegment(dir, out, k.m.seedAt(first), first); err != nil {
			return err
		}
	}
	return saveCheckpoints(dir, out, n)
}

// upTo is the manifest of a log that ends at an offset, after no clean stop.
func (m *Manifest) upTo(last uint64) *Manifest {
	n := m.clone()
	n.Clean, n.Boot = nil, ""
	n.Active, n.Sealed = n.First, []Segment{}
	for _, s := range m.Sealed {
		if s.Last() > last {
			break
		}
		n.Sealed = append(n.Sealed, s)
		n.Active = s.Last() + 1
	}
	n.Checkpoints = []Checkpoint{}
	for _, c := range m.Checkpoints {
		if c.Offset <= last {
			n.Checkpoints = append(n.Checkpoints, c)
		}
	}
	for tag, at := range n.Tags {
		if at > last {
			delete(n.Tags, tag)
		}
	}
	return n
}

// saveSegment copies the entries of a segment up to Last, and keeps the rest of
// its bytes aside.
func (rep *Repaired) saveSegment(dir, out string, seed uint32, first uint64) error {
	path := segmentPath(dir, first)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := newSegmentReader(f, seed, first)
	r.reuse = true
	for r.next <= rep.Last {
		if _, err := r.read(); err != nil {
			break
		}
	}
	if r.pos > 0 {
		os.Remove(segmentPath(out, first)) // the empty one of a new directory
		if _, err := writeNew(segmentPath(out, first), io.NewSectionReader(f, 0, r.pos)); err != nil {
			return err
		}
	}
	name := fmt.Sprintf("quarantine/%s.%d", segmentName(first), r.pos)
	n, err := copyTail(path, r.pos, filepath.Join(out, name))
	if n > 0 {
		rep.Aside = append(rep.Aside, name)
	}
	return err
}

// keepUsable leaves in n the checkpoints that can be read. The log stands for the
// others, if it reaches back to the first offset; if it does not and none is left,
// no server could open what would be made.
func (rep *Repaired) keepUsable(dir string, n *Manifest, usable func(Checkpoint) bool) error {
	kept := []Checkpoint{}
	for _, c := range n.Checkpoints {
		if c.there(dir, usable) {
			kept = append(kept, c)
		} else {
			rep.Lost = append(rep.Lost, c.File)
		}
	}
	n.Checkpoints = kept
	if n.First > 1 && len(kept) == 0 {
		return &Damage{Dir: dir, File: "checkpoints/", Byte: -1,
			What: fmt.Sprintf("the log begins at offset %d, and no checkpoint of what came before it can be read (%d are lost)", n.First, len(rep.Lost)),
			Hint: "put a copy of one back; without it there is nothing for the entries to change"}
	}
	return nil
}

// saveCheckpoints copies the checkpoints that n lists.
func saveCheckpoints(dir, out string, n *Manifest) error {
	for _, c := range n.Checkpoints {
		if err := copyFile(filepath.Join(dir, c.File), filepath.Join(out, c.File)); err != nil {
			return err
		}
	}
	return nil
}

func copyAll(from, to string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			if err := copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = writeNew(to, in)
	return err
}
