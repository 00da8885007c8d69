package log

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Finding is one thing that Check found wrong.
type Finding struct {
	Damage
	Torn bool // only a torn tail: the next start cuts it and goes on
}

// Checked is what Check found.
type Checked struct {
	Segments int
	Entries  uint64
	Bytes    int64
	First    uint64
	Last     uint64 // of the unbroken run from First
	Findings []Finding
}

// Damaged reports whether anything but a torn tail was found.
func (c *Checked) Damaged() bool {
	for _, f := range c.Findings {
		if !f.Torn {
			return true
		}
	}
	return false
}

// Check reads the manifest and every entry of every segment of a directory and
// changes nothing. progress may be nil. A directory that a server is writing
// can be checked: an entry that is just being written counts as a torn tail.
func Check(dir string, progress func(done, total int64)) (*Checked, error) {
	m, err := ReadManifest(dir)
	c := &Checked{}
	var dmg *Damage
	if errors.As(err, &dmg) {
		c.Findings = append(c.Findings, Finding{Damage: *dmg})
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	segments, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	k := checker{dir: dir, m: m, c: c, progress: progress}
	return c, k.run(segments)
}

// checker walks over all segments, also behind damage.
type checker struct {
	dir      string
	m        *Manifest
	c        *Checked
	progress func(done, total int64)
	broken   bool // the run from First has ended
	done     int64
	total    int64
}

func (k *checker) run(segments []uint64) error {
	for _, s := range segments {
		if info, err := os.Stat(segmentPath(k.dir, s)); err == nil {
			k.total += info.Size()
		}
	}
	k.c.First, k.c.Last = k.m.First, k.m.First-1
	sealed := map[uint64]Segment{}
	for _, s := range k.m.Sealed {
		sealed[s.First] = s
	}
	next := k.m.First
	for i, first := range segments {
		if first < k.m.First {
			continue // left over from a retention that was interrupted
		}
		if first != next {
			k.find(segmentName(next), -1, next, fmt.Sprintf("the segment is missing: the next one begins at offset %d", first), false)
		}
		count, err := k.segment(first, sealed[first], i == len(segments)-1)
		if err != nil {
			return err
		}
		next = first + count
		if s, ok := sealed[first]; ok {
			next = s.First + s.Count
			delete(sealed, first)
		}
	}
	for _, s := range sealed {
		k.find(segmentName(s.First), -1, s.First, fmt.Sprintf("the segment is missing: %d entries", s.Count), false)
	}
	if c := k.m.Clean; c != nil && !k.broken && k.c.Last < c.Last {
		k.find(segmentName(k.m.Active), -1, k.c.Last+1, fmt.Sprintf("the log ends at offset %d, the server stopped in order at %d", k.c.Last, c.Last), false)
	}
	return nil
}

// segment reads one segment to its end or its first bad frame.
func (k *checker) segment(first uint64, want Segment, newest bool) (uint64, error) {
	f, err := os.Open(segmentPath(k.dir, first))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	k.c.Segments++
	r := newSegmentReader(f, seedOf(k.m.LogID), first)
	for {
		e, err := r.read()
		if err == nil {
			k.count(e)
			continue
		}
		k.done += r.pos
		count := r.next - first
		var bad *badFrame
		switch {
		case errors.As(err, &bad):
			k.find(segmentName(first), bad.pos, bad.offset, bad.what, newest && !k.validAfter(first, bad))
		case !errors.Is(err, io.EOF):
			return count, err
		case want.Count > 0 && (count != want.Count || r.crc != want.LastCRC):
			k.find(segmentName(first), r.pos, r.next, fmt.Sprintf("the sealed segment has %d entries, it had %d", count, want.Count), false)
		}
		return count, nil
	}
}

func (k *checker) count(e Entry) {
	k.c.Entries++
	k.c.Bytes += int64(e.Size)
	if !k.broken {
		k.c.Last = e.Offset
	}
	if k.progress != nil && e.Offset%4096 == 0 {
		k.progress(k.done+e.Pos, k.total)
	}
}

func (k *checker) validAfter(first uint64, bad *badFrame) bool {
	if c := k.m.Clean; c != nil && c.Last >= bad.offset {
		return true
	}
	data, err := os.ReadFile(segmentPath(k.dir, first))
	if err != nil {
		return true
	}
	_, ok := findValid(data, bad.pos+1, seedOf(k.m.LogID), base{first: first}, bad.offset)
	return ok
}

func (k *checker) find(segment string, at int64, offset uint64, what string, torn bool) {
	k.broken = true
	k.c.Findings = append(k.c.Findings, Finding{
		Damage: Damage{Dir: k.dir, File: "wal/" + segment, Byte: at, Offset: offset, What: what}, Torn: torn,
	})
}

// Repaired says what Repair saved.
type Repaired struct {
	Last  uint64   // last offset of the new log
	Aside []string // files in quarantine/ of the new directory with what comes after the damage
}

// Repair saves all that is good of a damaged directory into out, a new one: the
// log up to the first damage, the checkpoints and tags up to there, recordings,
// and, in quarantine/, every byte that comes after. dir is not changed.
func Repair(dir, out string) (*Repaired, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	segments, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	k := checker{dir: dir, m: m, c: &Checked{}}
	if err := k.run(segments); err != nil {
		return nil, err
	}
	last := k.c.Last
	n := m.clone()
	n.Clean, n.Boot = nil, ""
	n.Sealed = nil
	for _, s := range m.Sealed {
		if s.Last() > last {
			break
		}
		n.Sealed = append(n.Sealed, s)
		n.Active = s.Last() + 1
	}
	if len(n.Sealed) == 0 {
		n.Active = n.First
	}
	n.Checkpoints = nil
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
	if err := create(out, n); err != nil {
		return nil, err
	}
	rep := &Repaired{Last: last}
	for _, first := range segments {
		if err := saveSegment(dir, out, seedOf(m.LogID), first, last, rep); err != nil {
			return nil, err
		}
	}
	for _, c := range n.Checkpoints {
		if err := copyFile(filepath.Join(dir, c.File), filepath.Join(out, c.File)); err != nil {
			return nil, err
		}
	}
	return rep, copyAll(filepath.Join(dir, "recordings"), filepath.Join(out, "recordings"))
}

// saveSegment copies the entries of a segment up to last, and keeps the rest of
// its bytes aside.
func saveSegment(dir, out string, seed uint32, first, last uint64, rep *Repaired) error {
	data, err := os.ReadFile(segmentPath(dir, first))
	if err != nil {
		return err
	}
	r := newSegmentReader(strings.NewReader(string(data)), seed, first)
	for r.next <= last {
		if _, err := r.read(); err != nil {
			break
		}
	}
	if r.pos > 0 {
		if err := ReplaceFile(segmentPath(out, first), data[:r.pos]); err != nil {
			return err
		}
	}
	if rest := data[r.pos:]; len(rest) > 0 {
		name := fmt.Sprintf("quarantine/%s.%d", segmentName(first), r.pos)
		rep.Aside = append(rep.Aside, name)
		return ReplaceFile(filepath.Join(out, name), rest)
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
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	return errors.Join(err, f.Sync(), f.Close())
}
