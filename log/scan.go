package log

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Scan is step 4 of the start: it checks the segments, repairs a torn tail,
// and hands every entry after offset from to visit, in order, each once. What
// lies before the segment of from is checked by name and size only: it was
// verified when it was sealed, and the checkpoint at from stands for it.
//
// An error of visit ends the scan and is returned.
func (d *Dir) Scan(from uint64, visit func(Entry) error) (Report, error) {
	var rep Report
	chain, err := d.chain()
	if err != nil {
		return rep, err
	}
	sealed := len(d.Manifest.Sealed)
	last := d.Manifest.First - 1
	for i := range d.Manifest.Sealed {
		s := d.Manifest.Sealed[i]
		if last = s.Last(); last <= from {
			continue
		}
		if _, err := d.scanSegment(s.First, from, &s, visit, &rep); err != nil {
			return rep, d.sealedDamage(s.First, err)
		}
	}
	d.unsealed = nil
	for i := sealed; i < len(chain); i++ {
		st, err := d.scanUnsealed(chain, i, from, last, visit, &rep)
		if err != nil {
			return rep, err
		}
		last = max(st.first+st.count-1, last)
		if rep.Cut != nil || i == len(chain)-1 {
			d.active = st
			break
		}
		d.unsealed = append(d.unsealed, st)
	}
	rep.Last = last
	d.scanned = true
	return rep, d.checkEnd(last)
}

// chain lists the first offsets of all segments and checks what names and sizes
// tell: the sealed ones are there as the manifest has them, and at least one
// segment comes after them. Leftovers from before First are removed.
func (d *Dir) chain() ([]uint64, error) {
	m := d.Manifest
	have, err := listSegments(d.Path)
	if err != nil {
		return nil, err
	}
	for len(have) > 0 && have[0] < m.First {
		if err := os.Remove(segmentPath(d.Path, have[0])); err != nil {
			return nil, err
		}
		have = have[1:]
	}
	next := m.First
	for _, s := range m.Sealed {
		if s.First != next {
			return nil, d.damage(manifestName, -1, s.First, fmt.Sprintf("it lists a segment at %d where %d comes next", s.First, next))
		}
		if err := d.checkSealed(s); err != nil {
			return nil, err
		}
		next = s.First + s.Count
	}
	if !slices.Contains(have, next) {
		return nil, d.damage("wal/"+segmentName(next), -1, next, "the segment is missing")
	}
	at, _ := slices.BinarySearch(have, next)
	if at != len(m.Sealed) {
		return nil, d.damage("wal/"+segmentName(have[len(m.Sealed)]), -1, have[len(m.Sealed)],
			fmt.Sprintf("no segment begins at this offset: the manifest has %d sealed ones, then one at %d", len(m.Sealed), next))
	}
	return have, nil
}

func (d *Dir) checkSealed(s Segment) error {
	name := "wal/" + segmentName(s.First)
	info, err := os.Stat(segmentPath(d.Path, s.First))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return d.damage(name, -1, s.First, fmt.Sprintf("the segment is missing: %d entries", s.Count))
	case err != nil:
		return err
	case info.Size() != s.Size:
		return d.damage(name, min(info.Size(), s.Size), 0, fmt.Sprintf("the sealed segment has %d bytes, it had %d", info.Size(), s.Size))
	}
	return nil
}

// scanSegment reads one segment to its end. With want it must be just that.
func (d *Dir) scanSegment(first, from uint64, want *Segment, visit func(Entry) error, rep *Report) (segmentState, error) {
	st := segmentState{first: first, base: base{first: first}}
	f, err := os.Open(segmentPath(d.Path, first))
	if err != nil {
		return st, err
	}
	defer f.Close()
	r := newSegmentReader(f, d.seed, first)
	for {
		e, err := r.read()
		if err != nil {
			st.size, st.base = r.pos, r.base
			rep.Bytes += r.pos
			if errors.Is(err, io.EOF) {
				return st, st.matches(want)
			}
			return st, err
		}
		st.count, st.crc, st.last = st.count+1, r.crc, e.Time
		if e.Offset <= from {
			continue
		}
		if err := visit(e); err != nil {
			return st, &visitError{err}
		}
		rep.Entries++
	}
}

// visitError carries an error of the caller's through the judgement of frames.
type visitError struct{ err error }

func (v *visitError) Error() string { return v.err.Error() }
func (v *visitError) Unwrap() error { return v.err }

func (s segmentState) matches(want *Segment) error {
	if want != nil && (s.count != want.Count || s.crc != want.LastCRC) {
		return &badFrame{pos: s.size, offset: s.first + s.count,
			what: fmt.Sprintf("the sealed segment ends with another entry: %d entries, the manifest says %d", s.count, want.Count)}
	}
	return nil
}

// sealedDamage turns a bad frame in a sealed segment into a refusal.
func (d *Dir) sealedDamage(first uint64, err error) error {
	var bad *badFrame
	if errors.As(err, &bad) {
		return d.damage("wal/"+segmentName(first), bad.pos, bad.offset, bad.what+" in a sealed segment")
	}
	return unwrapVisit(err)
}

func unwrapVisit(err error) error {
	var v *visitError
	if errors.As(err, &v) {
		return v.err
	}
	return err
}

// scanUnsealed scans segment i of the chain, which the manifest does not know
// as sealed, and judges how it ends.
func (d *Dir) scanUnsealed(chain []uint64, i int, from, last uint64, visit func(Entry) error, rep *Report) (segmentState, error) {
	st, err := d.scanSegment(chain[i], from, nil, visit, rep)
	var bad *badFrame
	if errors.As(err, &bad) {
		return st, d.judge(chain, i, bad, rep)
	}
	if err != nil {
		return st, unwrapVisit(err)
	}
	next := st.first + st.count
	if i+1 < len(chain) && chain[i+1] != next {
		return st, d.judge(chain, i, &badFrame{pos: st.size, offset: next, what: "entries up to the next segment are missing"}, rep)
	}
	return st, nil
}

// judge decides about the first bad frame in segment i, which is not sealed:
// damage is returned as an error, a torn tail is cut. See the package comment.
func (d *Dir) judge(chain []uint64, i int, bad *badFrame, rep *Report) error {
	name := "wal/" + segmentName(chain[i])
	later, why, err := d.evidence(chain[i:], bad)
	if err != nil {
		return err
	}
	if why != "" {
		return d.damage(name, bad.pos, bad.offset, bad.what+"; "+why)
	}
	what := bad.what
	if later > 0 {
		what += fmt.Sprintf("; entries after it (offset %d) were never known durable", later)
	}
	cut := &Cut{File: name, Byte: bad.pos, Offset: bad.offset, What: what}
	for k, first := range chain[i:] {
		from := int64(0)
		if k == 0 {
			from = bad.pos
		}
		if err := d.quarantine(first, from, k > 0, cut); err != nil {
			return err
		}
	}
	rep.Cut = cut
	d.o.Logger.Warn().Msg(cut.String())
	return nil
}

// evidence looks for a valid entry after the bad frame (later is its offset)
// and for a proof that what is bad was once whole (why is not empty).
func (d *Dir) evidence(segments []uint64, bad *badFrame) (later uint64, why string, err error) {
	if c := d.Manifest.Clean; c != nil && c.Last >= bad.offset {
		return 0, fmt.Sprintf("the server stopped in order at offset %d", c.Last), nil
	}
	for _, c := range d.Manifest.Checkpoints {
		if c.Offset >= bad.offset { // the log was synced that far before it was registered
			return 0, fmt.Sprintf("the checkpoint @%d was registered when it was already on the disk", c.Offset), nil
		}
	}
	for k, first := range segments {
		data, err := os.ReadFile(segmentPath(d.Path, first))
		if err != nil {
			return 0, "", err
		}
		from := int64(0)
		if k == 0 {
			from = bad.pos + 1
		}
		for {
			e, ok := findValid(data, from, d.seed, base{first: first}, bad.offset)
			if !ok {
				break
			}
			later, from = e.Offset, e.Pos+1
			if e.Synced >= bad.offset {
				return later, fmt.Sprintf("offset %d was written when it was already on the disk", e.Offset), nil
			}
			if d.o.Boot != "" && d.o.Boot == d.Manifest.Boot {
				return later, fmt.Sprintf("offset %d after it is whole, and the machine has not lost power since", e.Offset), nil
			}
		}
	}
	return later, "", nil
}

// quarantine copies a segment's bytes from byte from on into quarantine/ and
// takes them off; whole removes the file.
func (d *Dir) quarantine(first uint64, from int64, whole bool, cut *Cut) error {
	path := segmentPath(d.Path, first)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	tail := data[min(from, int64(len(data))):]
	if len(tail) > 0 {
		name := fmt.Sprintf("quarantine/%s.%d.%d", segmentName(first), from, d.o.Now().UnixNano())
		if err := ReplaceFile(filepath.Join(d.Path, name), tail); err != nil {
			return fmt.Errorf("the torn tail of %s could not be kept aside: %w", segmentName(first), err)
		}
		cut.Quarantine = append(cut.Quarantine, name)
		cut.Bytes += int64(len(tail))
	}
	if whole {
		if err := os.Remove(path); err != nil {
			return err
		}
		return syncDir(filepath.Dir(path))
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(from), f.Sync(), f.Close())
}

// checkEnd holds the end of the log against the clean-stop mark.
func (d *Dir) checkEnd(last uint64) error {
	c := d.Manifest.Clean
	if c == nil || c.Last == last && (d.active.count == 0 || d.active.crc == c.CRC) {
		return nil
	}
	if c.Last == last {
		return d.damage("wal/"+segmentName(d.active.first), -1, last, "the last entry is another one than the clean-stop mark says")
	}
	return d.damage("wal/"+segmentName(d.active.first), d.active.size, last+1,
		fmt.Sprintf("the log ends at offset %d, but the server stopped in order at %d: entries are lost", last, c.Last))
}

func (d *Dir) damage(file string, at int64, offset uint64, what string) error {
	return &Damage{Dir: d.Path, File: file, Byte: at, Offset: offset, What: what}
}
