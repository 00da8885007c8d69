package log

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"time"
)

// Reader reads entries in order. It takes no lock, uses its own descriptors,
// and may read a directory that a server is writing: at the end Next returns
// io.EOF, and a later Next goes on if there is more by then. Wait waits for it.
//
// Beside a log that is open in this process it hands out what is committed. In
// a directory of another process it hands out what is written, which is the same
// but in one case: a write that fails half way, on a full disk, may show entries
// that the server then takes back.
//
// A Reader serves one goroutine at a time. A body stays as it is until it is
// collected: it is never overwritten, but after Reuse.
type Reader struct {
	dir  string
	m    *Manifest // as it was in the beginning: it tells whose a segment is, which never changes
	live *Log      // the log that it reads beside; nil: another process', or nobody's

	f     *os.File
	seg   *segmentReader
	reuse bool
	want  uint64 // next offset to hand out
	cut   uint64 // tail.cut when seg began to read
	idx   map[uint64][]mark

	seenSize int64     // of the segment's file, when Wait last returned
	seenAt   time.Time // its time of change then
}

// mark is a place that a Seek can begin at.
type mark struct {
	offset uint64
	pos    int64
	last   int64 // µs of the entry before
	base   base
}

// markEvery is how many entries lie between two marks of the sparse index.
const markEvery = 1024

// OpenReader reads a data directory from an offset on, without its lock. The
// errors are those of Seek.
func OpenReader(dir string, from uint64) (*Reader, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	return newReader(&Reader{dir: dir, m: m}, from)
}

// Reader reads this log from an offset on, up to what is committed at the time
// of each Next.
func (l *Log) Reader(from uint64) (*Reader, error) {
	return newReader(&Reader{dir: l.dir, m: l.manifest.Load(), live: l}, from)
}

func newReader(r *Reader, from uint64) (*Reader, error) {
	r.idx = map[uint64][]mark{}
	if err := r.Seek(from); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// first is the first offset that the log holds now: retention moves it on.
func (r *Reader) first() (uint64, error) {
	if r.live != nil {
		return r.live.manifest.Load().First, nil
	}
	m, err := ReadManifest(r.dir)
	if err != nil {
		return 0, err
	}
	return m.First, nil
}

// compacted is the error for an offset that retention has dropped; nil where it
// has not.
func (r *Reader) compacted(offset uint64) error {
	first, err := r.first()
	if err == nil && offset < first {
		err = fmt.Errorf("%w: @%d is before the first reachable point @%d", ErrCompacted, offset, first)
	}
	return err
}

// Seek makes offset the next entry. It may lie one after the last: there will
// be one in time. ErrCompacted and ErrFuture are returned for what cannot be.
func (r *Reader) Seek(offset uint64) error {
	if err := r.compacted(offset); err != nil {
		return err
	}
	if r.live != nil {
		if last := r.live.Last(); offset > last+1 {
			return future(offset, last)
		}
	}
	segments, err := listSegments(r.dir)
	if err != nil {
		return err
	}
	i := sort.Search(len(segments), func(i int) bool { return segments[i] > offset }) - 1
	if i < 0 {
		return r.gone(offset)
	}
	if err := r.enter(segments[i]); err != nil {
		return err
	}
	r.want = offset
	r.skipTo(offset)
	for r.seg.next < offset {
		if _, err := r.raw(); errors.Is(err, io.EOF) {
			return future(offset, r.seg.next-1)
		} else if err != nil {
			return err
		}
	}
	return nil
}

func future(offset, last uint64) error {
	return fmt.Errorf("%w: @%d is after the last entry @%d", ErrFuture, offset, last)
}

// gone says why there is no segment for an offset.
func (r *Reader) gone(offset uint64) error {
	if err := r.compacted(offset); err != nil {
		return err // dropped just now
	}
	return &Damage{Dir: r.dir, File: "wal/" + segmentName(offset), Byte: -1, Offset: offset, What: "the segment is missing"}
}

// skipTo uses the sparse index of what was read before.
func (r *Reader) skipTo(offset uint64) {
	marks := r.idx[r.seg.base.first]
	i := sort.Search(len(marks), func(i int) bool { return marks[i].offset > offset }) - 1
	if i < 0 {
		return
	}
	m := marks[i]
	r.seg.next, r.seg.pos, r.seg.last, r.seg.base = m.offset, m.pos, m.last, m.base
}

// enter opens a segment.
func (r *Reader) enter(first uint64) error {
	if r.live != nil {
		r.cut = r.live.tail.cut.Load()
	}
	f, err := os.Open(segmentPath(r.dir, first))
	if errors.Is(err, os.ErrNotExist) {
		return r.gone(first)
	}
	if err != nil {
		return err
	}
	if r.f != nil {
		r.f.Close()
	}
	var spare []byte
	if r.reuse {
		spare = r.seg.spare
	}
	r.f, r.seg = f, newSegmentReader(f, r.m.seedAt(first), first)
	r.seg.reuse, r.seg.spare = r.reuse, spare
	r.seenSize = 0
	return nil
}

// Reuse makes bodies valid until the next call only: for who reads much and keeps nothing,
// that saves the memory, and the time to get it.
func (r *Reader) Reuse() { r.reuse, r.seg.reuse = true, true }

// Next returns the next entry; io.EOF where there is none yet. A *Damage says
// where the log cannot be read.
func (r *Reader) Next() (Entry, error) {
	if r.live != nil {
		if r.want > r.live.Last() {
			return Entry{}, io.EOF
		}
		if cut := r.live.tail.cut.Load(); cut != r.cut {
			r.cut = cut
			r.seg.refresh()
		}
	}
	for {
		e, err := r.raw()
		if err != nil {
			return e, err
		}
		if e.Offset >= r.want {
			r.want = e.Offset + 1
			return e, nil
		}
	}
}

// raw reads the next entry of the segment, or of the one after it.
func (r *Reader) raw() (Entry, error) {
	for again := false; ; {
		r.note()
		e, err := r.seg.read()
		if err != nil && r.seg.eof {
			// What was the end of the file when it was last read need not be now.
			r.seg.refresh()
			e, err = r.seg.read()
		}
		if err == nil {
			return e, nil
		}
		if errors.Is(err, io.EOF) {
			moved, err := r.advance()
			if err != nil {
				return e, err
			}
			if moved {
				again = false
				continue
			}
		}
		if err = r.ending(err); again || !errors.Is(err, ErrDamaged) {
			return e, err
		}
		// A writer may have gone on, and rolled, between our read and the
		// look at what there is: damage is what a second read finds too.
		again = true
	}
}

// note keeps a mark now and then.
func (r *Reader) note() {
	s := r.seg
	if (s.next-s.base.first)%markEvery != 0 || s.next == s.base.first {
		return
	}
	marks := r.idx[s.base.first]
	if len(marks) == 0 || marks[len(marks)-1].offset < s.next {
		r.idx[s.base.first] = append(marks, mark{s.next, s.pos, s.last, s.base})
	}
}

// advance moves to the segment that begins at the next offset, if there is one.
func (r *Reader) advance() (bool, error) {
	s := r.seg
	if s.next == s.base.first {
		return false, nil
	}
	_, err := os.Stat(segmentPath(r.dir, s.next))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, r.enter(s.next)
}

// ending tells the end of the log, where a writer may be at work, from damage.
// There is more behind a place that cannot be read: damage. Nothing more: it
// is the end for now.
func (r *Reader) ending(err error) error {
	pos := r.seg.pos
	var bad *badFrame
	isBad := errors.As(err, &bad)
	if !isBad && !errors.Is(err, io.EOF) {
		return err
	}
	segments, lerr := listSegments(r.dir)
	if lerr != nil {
		return lerr
	}
	newest := len(segments) == 0 || segments[len(segments)-1] <= r.seg.base.first
	committed := r.live != nil && r.want <= r.live.Last()
	r.seg.refresh()
	if newest && !committed {
		return io.EOF
	}
	if err := r.compacted(r.seg.next); err != nil {
		return err // the segments after this one have been dropped
	}
	what := "entries up to the next segment are missing"
	if isBad {
		what = bad.what
	}
	return &Damage{Dir: r.dir, File: "wal/" + segmentName(r.seg.base.first), Byte: pos, Offset: r.seg.next, What: what}
}

// Whole judges the end that Next has found, as a start would: a *Damage where what is behind it,
// or was, is known to have been on the disk; nil where nothing is, or a torn tail. A writer may be
// at work meanwhile, so damage is what is said once more after Next has found no entry again.
func (r *Reader) Whole() error {
	s := *r.seg
	s.spare = nil
	s.refresh()
	_, err := s.read()
	bad := &badFrame{pos: s.pos, offset: s.next, what: "the log ends here"}
	if err == nil || !errors.As(err, &bad) && !errors.Is(err, io.EOF) {
		return err
	}
	m, err := ReadManifest(r.dir)
	if err != nil {
		return err
	}
	d := &Dir{Path: r.dir, Manifest: m, o: Options{Boot: bootID()}} // without its lock: nothing is changed
	_, why, err := d.evidence([]uint64{s.base.first}, bad)
	if why == "" || err != nil {
		return err
	}
	return d.damage("wal/"+segmentName(s.base.first), bad.pos, bad.offset, bad.what+"; "+why)
}

// Pos is the next offset that Next will return.
func (r *Reader) Pos() uint64 { return r.want }

// Close closes the reader's file.
func (r *Reader) Close() error {
	if r.f == nil {
		return nil
	}
	return r.f.Close()
}

// FindTime returns the last offset whose time is at or before micros; first-1 where all
// entries are later. It reads the segment from its beginning.
func FindTime(dir string, micros int64) (offset uint64, err error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return 0, err
	}
	from := m.Active
	if i := m.Later(micros); i < len(m.Sealed) {
		from = m.Sealed[i].First
	}
	r, err := OpenReader(dir, from)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	r.Reuse()
	for offset = from - 1; ; offset++ {
		e, err := r.Next()
		if errors.Is(err, io.EOF) || err == nil && e.Time > micros {
			return offset, nil
		}
		if err != nil {
			return 0, err
		}
	}
}
