package log

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// IndexPath is where the index of the segment that begins at offset first lies, in a data
// directory; package replay/keyindex makes it. It goes when the segment goes.
func IndexPath(dir string, first uint64) string {
	return filepath.Join(dir, "index", segmentName(first)+".idx")
}

// SpotUnit is the unit, in bytes, that a Spot counts in. No two entries begin in the
// same one: the smallest frame and its length have ten bytes.
const SpotUnit = 8

// Spot says where in its segment an entry begins: which unit of SpotUnit bytes. So four
// bytes do for segments of up to 32 GiB.
type Spot uint32

// MaxSpot is behind every spot that an entry can have.
const MaxSpot Spot = 1<<32 - 1

// Spot is where e begins; ok is false beyond what a Spot can say.
func (e *Entry) Spot() (p Spot, ok bool) {
	return Spot(e.Pos / SpotUnit), e.Pos/SpotUnit < int64(MaxSpot)
}

// Picker reads single entries of one segment, in any order. It takes no lock and may read
// a segment that is being written: what it is asked for must have been committed. It
// serves one goroutine at a time. The body of an entry is never overwritten.
type Picker struct {
	dir  string
	f    *os.File
	seed uint32
	base base

	buf   []byte // bytes of the file from at on: spare's, or those of a large entry
	spare []byte // pickNear at most; the next read overwrites it
	at    int64
	eof   bool // the file ended with buf

	ahead []Spot // see Expect
	row   int    // so many of them were asked for, one after the other
	told  int    // for so many of ahead the system has begun to read
	end   int64  // where the entry that was read last ends
	size  int    // of that entry
}

// A Picker reads little for one entry: as much as the one before would have taken, so that most
// need one read. Those that are expected are read with it as long as they are no farther from one
// another than pickGap, for to read so much takes about as long as one more read does; whoever
// goes on to the very next entry gets it from larger and larger reads.
const (
	pickRead = 512
	pickMost = 4 << 10
	pickGap  = 10 << 10
	pickNear = 64 << 10
)

// A read that takes longer than pickSlow has waited for the disk. Where pickRow expected ones were
// asked for in a row, so that the others will be, the system is then told of the next pickAhead:
// the disk works at all of these at once.
const (
	pickRow   = 4
	pickSlow  = 15 * time.Microsecond
	pickAhead = 64
)

// OpenPicker opens the segment of the log id in dir that begins at offset first. firstTime
// is the time of its first entry, which the others count theirs from. The error is
// ErrCompacted where the segment is gone.
func OpenPicker(dir string, id ID, first uint64, firstTime int64) (*Picker, error) {
	f, err := os.Open(segmentPath(dir, first))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, goneSegment(dir, first)
	}
	if err != nil {
		return nil, err
	}
	return &Picker{dir: dir, f: f, seed: seedOf(id), base: base{first: first, time: firstTime}}, nil
}

// goneSegment says why there is no such segment.
func goneSegment(dir string, first uint64) error {
	m, err := ReadManifest(dir)
	if err != nil {
		return err
	}
	if first < m.First {
		return fmt.Errorf("%w: @%d is before the first reachable point @%d", ErrCompacted, first, m.First)
	}
	return &Damage{Dir: dir, File: "wal/" + segmentName(first), Byte: -1, Offset: first, What: "the segment is missing"}
}

// Close closes the file.
func (r *Picker) Close() error { return r.f.Close() }

// Expect says which entries will be asked for next, upwards or downwards: those that lie close
// together then take one read. It promises nothing. The slice is the Picker's until the next call.
func (r *Picker) Expect(spots []Spot) { r.ahead, r.row, r.told = spots, 0, 0 }

// At reads the entry at a spot. The error is a *Damage where no whole entry begins there.
func (r *Picker) At(p Spot) (Entry, error) {
	from := int64(p) * SpotUnit
	if len(r.ahead) > 0 && r.ahead[0] == p {
		r.ahead, r.row, r.told = r.ahead[1:], r.row+1, max(r.told-1, 0)
	}
	for {
		buffered := r.buf != nil
		for pos := from; pos < from+SpotUnit; pos++ {
			e, ok, err := r.entry(pos)
			if ok || err != nil {
				return e, err
			}
		}
		if r.buf = nil; !buffered { // what was read before may have been half written then
			return Entry{}, damagedSegment(r.dir, Segment{First: r.base.first}, from, 0, "an entry that was here is not whole")
		}
	}
}

// entry reads the entry that begins at a byte; ok is false where none does. The CRC is the
// dear part: everything else is looked at first. A body is a copy, but for a large one, which
// keeps what was read for it.
func (r *Picker) entry(pos int64) (e Entry, ok bool, err error) {
	p, err := r.bytes(pos, headMax, true)
	if err != nil {
		return e, false, err
	}
	n, head := binary.Uvarint(p)
	if head <= 0 || n < frameMin || n > maxEntry {
		return e, false, nil
	}
	if parseFields(&e, p[head:head+int(min(uint64(len(p)-head), n))], r.base) != nil || e.Kind != KindChange {
		return e, false, nil
	}
	size := head + int(n)
	if p, err = r.bytes(pos, size, false); err != nil || len(p) < size {
		return e, false, err
	}
	if parseFrame(&e, p[head:size:size], r.seed, r.base) != nil {
		return e, false, nil
	}
	r.end, r.size = pos+int64(size), size
	if e.Pos, e.Size = pos, size; size > pickNear {
		r.buf = nil
	} else {
		e.Body = bytes.Clone(e.Body)
	}
	return e, true, nil
}

// bytes are those of the file from a byte on: at least n, or all that it has. short: of
// what was read before, fewer will do where the file ended then.
func (r *Picker) bytes(pos int64, n int, short bool) ([]byte, error) {
	if end := r.at + int64(len(r.buf)); pos >= r.at && pos < end && (pos+int64(n) <= end || short && r.eof) {
		return r.buf[pos-r.at:], nil
	}
	from, size := r.stretch(pos, n)
	if size > pickNear { // nothing is allocated by a length that was only announced
		info, err := r.f.Stat()
		if err != nil {
			return nil, err
		}
		size = int(min(int64(size), max(info.Size()-from, 0)))
	}
	buf := r.room(size)
	began := time.Now()
	got, err := r.f.ReadAt(buf, from)
	if r.row >= pickRow && r.told == 0 && time.Since(began) > pickSlow {
		r.tell()
	}
	if err != nil && err != io.EOF {
		r.buf = nil
		return nil, err
	}
	r.buf, r.at, r.eof = buf[:got], from, err == io.EOF
	return r.buf[min(pos-from, int64(got)):], nil
}

// stretch is what to read for n bytes from pos on, and for what is expected close by.
func (r *Picker) stretch(pos int64, n int) (from int64, size int) {
	one := int64(min(max(r.size+SpotUnit, pickRead), pickMost))
	if near := pos - r.end; -SpotUnit < near && near < SpotUnit { // a spot may begin before it
		one = max(one, min(2*int64(len(r.buf)), pickNear))
	}
	from, to := pos, pos+max(int64(n), one)
	for _, p := range r.ahead {
		lo := int64(p) * SpotUnit
		hi := lo + one
		if lo > to+pickGap || hi < from-pickGap || max(to, hi)-min(from, lo) > pickNear {
			break
		}
		from, to = min(from, lo), max(to, hi)
	}
	return from, int(to - from)
}

// tell tells the system what will be read next. It promises nothing.
func (r *Picker) tell() {
	r.told = min(len(r.ahead), pickAhead)
	for _, p := range r.ahead[:r.told] {
		willNeed(r.f, int64(p)*SpotUnit, pickMost)
	}
}

// room is where to read so many bytes to. Most entries are a hundredth of what is read for one:
// memory of its own for each read was more than half of what a long history cost.
func (r *Picker) room(size int) []byte {
	if size > pickNear {
		return make([]byte, size)
	}
	if cap(r.spare) < size {
		r.spare = make([]byte, size)
	}
	return r.spare[:size]
}

// ReadSegment hands every entry of a sealed segment to visit, in order, and checks that it
// is the one that s describes. A body is valid until visit returns. The error is
// ErrCompacted where the segment is gone, a *Damage where it is not what it was.
func ReadSegment(dir string, id ID, s Segment, visit func(Entry) error) error {
	f, err := os.Open(segmentPath(dir, s.First))
	if errors.Is(err, fs.ErrNotExist) {
		return goneSegment(dir, s.First)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	r := newSegmentReader(f, seedOf(id), s.First)
	r.reuse, r.chunk = true, readAhead // all of it is wanted
	for {
		e, err := r.read()
		if err != nil {
			return segmentEnd(dir, s, r, err)
		}
		if err := visit(e); err != nil {
			return err
		}
	}
}

// segmentEnd is what it means for a sealed segment that r has come to err: nil where that is
// its end.
func segmentEnd(dir string, s Segment, r *segmentReader, err error) error {
	var bad *badFrame
	switch {
	case errors.Is(err, io.EOF) && (r.next != s.First+s.Count || r.pos != s.Size || r.crc != s.LastCRC):
		return damagedSegment(dir, s, r.pos, r.next, "it is not the segment that was sealed")
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &bad):
		return damagedSegment(dir, s, bad.pos, bad.offset, bad.what)
	}
	return err
}

func damagedSegment(dir string, s Segment, pos int64, offset uint64, what string) error {
	return &Damage{Dir: dir, File: "wal/" + segmentName(s.First), Byte: pos, Offset: offset, What: what}
}

// Checksum is the CRC-32C of p, seeded with the log id: a file that belongs to another log
// is found out by it, even where it is whole.
func (id ID) Checksum(p []byte) uint32 { return crc32.Update(seedOf(id), castagnoli, p) }
