package log

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Scan is step 4 of the start: it checks the segments, repairs a torn tail,
// and hands every entry after offset from to visit, in order, each once. What
// lies before the segment of from is checked by name and size only: it was
// verified when it was sealed, and the checkpoint at from stands for it.
//
// An error of visit ends the scan and is returned. ErrClosed after Close.
func (d *Dir) Scan(from uint64, visit func(Entry) error) (Report, error) {
	var rep Report
	if d.lock == nil {
		return rep, ErrClosed
	}
	chain, err := d.chain()
	if err != nil {
		return rep, err
	}
	sealed := len(d.Manifest.Sealed)
	last := d.Manifest.First - 1
	d.startMeter(chain[sealed:], from)
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
	if err := d.checkEnd(last); err != nil {
		return rep, err
	}
	d.scanned = true
	d.meter.tell(d.meter.total)
	return rep, nil
}

// meter tells Options.Progress how far a scan is.
type meter struct {
	tell        func(done int64)
	done, total int64 // bytes
	told        int64
}

// startMeter adds up what a scan is going to read: the sealed segments with
// entries after from, and all that are not sealed.
func (d *Dir) startMeter(unsealed []uint64, from uint64) {
	m := &meter{tell: func(int64) {}}
	d.meter = m
	for _, s := range d.Manifest.Sealed {
		if s.Last() > from {
			m.total += s.Size
		}
	}
	for _, first := range unsealed {
		if info, err := os.Stat(segmentPath(d.Path, first)); err == nil {
			m.total += info.Size()
		}
	}
	if d.o.Progress != nil {
		m.tell = func(done int64) { d.o.Progress(done, m.total) }
	}
}

// add notes that another entry has been read.
func (m *meter) add(bytes int) {
	m.done += int64(bytes)
	if m.done-m.told >= 1<<20 {
		m.told = m.done
		m.tell(m.done)
	}
}

// chain lists the first offsets of all segments and checks what names and sizes
// tell: the sealed ones are there as the manifest has them, and at least one
// segment comes after them. Leftovers from before First are removed.
func (d *Dir) chain() ([]uint64, error) {
	m := d.Manifest
	have, err := listSegments(d.Path)
	if err == nil {
		err = d.refuseHalfDone()
	}
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

// refuseHalfDone looks for the files that the library leaves when a truncation of
// its own is interrupted, which this package never asks for. At its Open it
// would act on them: delete the segments before a .START, after an .END.
func (d *Dir) refuseHalfDone() error {
	names, err := os.ReadDir(filepath.Join(d.Path, "wal"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range names {
		name := e.Name()
		if len(name) > 20 && (strings.HasSuffix(name, ".START") || strings.HasSuffix(name, ".END")) {
			return &Damage{Dir: d.Path, File: "wal/" + name, Byte: -1, What: "the file is not altilium's, and tidwall/wal would delete segments because of it",
				Hint: "move it out of wal/"}
		}
	}
	return nil
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
		offset := uint64(0) // of the first entry that is gone: not known without reading
		if info.Size() == 0 {
			offset = s.First
		}
		return d.damage(name, min(info.Size(), s.Size), offset, fmt.Sprintf("the sealed segment has %d bytes, it had %d", info.Size(), s.Size))
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
	r := newSegmentReader(f, d.Manifest.seedAt(first), first)
	r.reuse = true
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
		d.meter.add(e.Size)
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

// checkEnd holds the end of the log against what the manifest knows of it: a
// log that is shorter has lost entries. One that is longer than its clean-stop
// mark has an older manifest, which somebody has put back; nothing is lost.
func (d *Dir) checkEnd(last uint64) error {
	name := "wal/" + segmentName(d.active.first)
	for _, c := range d.Manifest.Checkpoints {
		if c.Offset > last { // the log was synced that far before it was registered
			return d.damage(name, d.active.size, last+1,
				fmt.Sprintf("the log ends at offset %d, but there is the checkpoint @%d: entries are lost", last, c.Offset))
		}
	}
	c := d.Manifest.Clean
	switch {
	case c == nil:
	case c.Last > last:
		return d.damage(name, d.active.size, last+1,
			fmt.Sprintf("the log ends at offset %d, but the server stopped in order at %d: entries are lost", last, c.Last))
	case c.Last < last:
		d.o.Logger.Warn().Uint64("last", last).Uint64("mark", c.Last).Msg("the log goes on after its clean-stop mark: the manifest is an older one")
	case d.active.count > 0 && d.active.crc != c.CRC:
		return d.damage(name, -1, last, "the last entry is another one than the clean-stop mark says")
	}
	return nil
}

func (d *Dir) damage(file string, at int64, offset uint64, what string) error {
	return &Damage{Dir: d.Path, File: file, Byte: at, Offset: offset, What: what}
}
