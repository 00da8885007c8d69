package log

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
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
	Copy     string // what is wrong with the copy of the manifest, which the next start makes anew; empty: nothing
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
	for try := 0; ; try++ {
		m, err := ReadManifest(dir)
		var dmg *Damage
		if errors.As(err, &dmg) {
			return checkWithout(dir, Finding{Damage: *dmg}, progress)
		}
		if err != nil {
			return nil, err
		}
		k := newChecker(dir, m, progress)
		if err := k.run(); err != nil {
			return nil, err
		}
		// Retention beside us removes segments that this manifest still had.
		now, err := ReadManifest(dir)
		if !k.c.Damaged() || try == 2 || err != nil || now.First == m.First {
			if _, err := readCopy(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // earlier programs make none
				k.c.Copy = copyName + ": " + err.Error()
			}
			return k.c, nil
		}
	}
}

// checkWithout is Check of a directory whose manifest is damaged, by what a repair would
// take for it. found says so.
func checkWithout(dir string, found Finding, progress func(done, total int64)) (*Checked, error) {
	_, m, err := otherManifest(dir)
	if err != nil { // nothing is known of the entries
		return &Checked{Findings: []Finding{found}}, nil
	}
	k := newChecker(dir, m, progress)
	if err := k.run(); err != nil {
		return nil, err
	}
	k.c.Findings = append([]Finding{found}, k.c.Findings...)
	return k.c, nil
}

// checker walks over all segments, also behind damage. It judges a bad frame as
// the next start would.
type checker struct {
	d        *Dir // without its lock: nothing that changes it is called
	m        *Manifest
	c        *Checked
	segments []uint64
	progress func(done, total int64)
	broken   bool // the run from First has ended
	done     int64
	total    int64
}

func newChecker(dir string, m *Manifest, progress func(done, total int64)) *checker {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	d := &Dir{Path: dir, Manifest: m, o: Options{Boot: bootID()}}
	return &checker{d: d, m: m, c: &Checked{}, progress: progress}
}

func (k *checker) run() error {
	if err := k.list(); err != nil {
		return err
	}
	k.c.First, k.c.Last = k.m.First, k.m.First-1
	sealed := map[uint64]Segment{}
	for _, s := range k.m.Sealed {
		sealed[s.First] = s
	}
	next := k.m.First
	for i, first := range k.segments {
		for first > next {
			next = k.missing(next, first, sealed)
		}
		want := sealed[first]
		delete(sealed, first)
		count, err := k.segment(i, want)
		if err != nil {
			return err
		}
		next = first + max(count, want.Count)
		if want.Count == 0 && k.broken && i+1 < len(k.segments) {
			next = k.segments[i+1] // what lies between has been found
		}
	}
	for len(sealed) > 0 || next <= k.m.Active && !slices.Contains(k.segments, k.m.Active) {
		next = k.missing(next, k.m.Active+1, sealed)
	}
	k.ending()
	return nil
}

// list finds the segments, and what lies among them that must not.
func (k *checker) list() error {
	all, err := listSegments(k.d.Path)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s < k.m.First {
			continue // left over from a retention that was interrupted
		}
		k.segments = append(k.segments, s)
		if info, err := os.Stat(segmentPath(k.d.Path, s)); err == nil {
			k.total += info.Size()
		}
	}
	var dmg *Damage
	if err := k.d.refuseHalfDone(); errors.As(err, &dmg) {
		k.c.Findings = append(k.c.Findings, Finding{Damage: *dmg})
	}
	return nil
}

// missing reports the segment that should begin at next, where the following one
// begins at upTo, and returns where to go on.
func (k *checker) missing(next, upTo uint64, sealed map[uint64]Segment) uint64 {
	if s, ok := sealed[next]; ok {
		delete(sealed, next)
		k.find(segmentName(next), -1, next, fmt.Sprintf("the segment is missing: %d entries", s.Count), false)
		return next + s.Count
	}
	what := "the segment is missing"
	if upTo <= k.m.Active {
		what += fmt.Sprintf(": nothing is there before offset %d", upTo)
	}
	k.find(segmentName(next), -1, next, what, false)
	clear(sealed) // the manifest does not fit together; one finding says so
	return upTo
}

// segment reads segment i to its end or its first bad frame.
func (k *checker) segment(i int, want Segment) (count uint64, err error) {
	first := k.segments[i]
	f, err := os.Open(segmentPath(k.d.Path, first))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	k.c.Segments++
	r := newSegmentReader(f, k.m.seedAt(first), first)
	r.reuse = true
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
			return count, k.bad(i, bad, want)
		case !errors.Is(err, io.EOF):
			return count, err
		case want.Count > 0 && (count != want.Count || r.crc != want.LastCRC):
			k.find(segmentName(first), r.pos, r.next, fmt.Sprintf("the sealed segment has %d entries, it had %d", count, want.Count), false)
		case want.Count == 0 && i+1 < len(k.segments) && k.segments[i+1] != r.next:
			return count, k.bad(i, &badFrame{pos: r.pos, offset: r.next, what: "entries up to the next segment are missing"}, want)
		}
		return count, nil
	}
}

// bad judges the first bad frame of segment i.
func (k *checker) bad(i int, bad *badFrame, want Segment) error {
	name := segmentName(k.segments[i])
	if want.Count > 0 {
		k.find(name, bad.pos, bad.offset, bad.what+" in a sealed segment", false)
		return nil
	}
	_, why, err := k.d.evidence(k.segments[i:], bad)
	if why != "" {
		why = "; " + why
	}
	k.find(name, bad.pos, bad.offset, bad.what+why, why == "")
	return err
}

func (k *checker) count(e Entry) {
	k.c.Entries++
	k.c.Bytes += int64(e.Size)
	if !k.broken {
		k.c.Last = e.Offset
	}
	if e.Offset%4096 == 0 {
		k.progress(k.done+e.Pos, k.total)
	}
}

// ending holds the end of an unbroken log against what the manifest knows.
func (k *checker) ending() {
	if k.broken {
		return
	}
	name, last := segmentName(k.m.Active), k.c.Last
	if c := k.m.Clean; c != nil && last < c.Last {
		k.find(name, -1, last+1, fmt.Sprintf("the log ends at offset %d, the server stopped in order at %d", last, c.Last), false)
		return
	}
	for _, c := range k.m.Checkpoints {
		if c.Offset > last {
			k.find(name, -1, last+1, fmt.Sprintf("the log ends at offset %d, but there is the checkpoint @%d", last, c.Offset), false)
			return
		}
	}
}

func (k *checker) find(segment string, at int64, offset uint64, what string, torn bool) {
	k.broken = true
	k.c.Findings = append(k.c.Findings, Finding{
		Damage: Damage{Dir: k.d.Path, File: "wal/" + segment, Byte: at, Offset: offset, What: what}, Torn: torn,
	})
}
