package log

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// segmentPath is where a segment lies.
func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, "wal", segmentName(first))
}

func segmentName(first uint64) string { return fmt.Sprintf("%020d", first) }

// listSegments returns the first offsets of the segment files, in order; none where
// wal/ itself is lost. Files of other names are not ours and are left alone.
func listSegments(dir string) ([]uint64, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "wal"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var firsts []uint64
	for _, e := range entries {
		if len(e.Name()) != 20 || e.IsDir() {
			continue
		}
		if n, err := strconv.ParseUint(e.Name(), 10, 64); err == nil && n > 0 {
			firsts = append(firsts, n)
		}
	}
	slices.Sort(firsts)
	return firsts, nil
}

// segmentReader reads the frames of one segment file in order, with
// pread: it can share a file with a writer.
type segmentReader struct {
	f    io.ReaderAt
	seed uint32
	base base
	next uint64 // offset that the next frame must have
	last int64  // µs of the frame before
	pos  int64  // in the file, of the next frame
	buf  []byte // bytes of the file from pos on
	crc  uint32 // of the frame read last
	eof  bool   // buf reaches the end of the file

	chunk int    // bytes of the read before
	reuse bool   // bodies need not outlive the next read
	spare []byte // with reuse: the memory that buf lies in
}

// A reader begins with small reads, for those who want one entry, and soon
// reads as much at a time as stays in a core's cache while it is looked at.
const (
	readFirst = 16 << 10
	readAhead = 256 << 10
	readKeep  = 4 * readAhead // more memory is for one long entry
)

func newSegmentReader(f io.ReaderAt, seed uint32, first uint64) *segmentReader {
	return &segmentReader{f: f, seed: seed, base: base{first: first}, next: first}
}

// read returns the next entry. io.EOF is the end of the file between two
// frames; a *badFrame is anything that is not the next frame.
func (r *segmentReader) read() (e Entry, err error) {
	if err := r.want(binary.MaxVarintLen32); err != nil {
		return e, err
	}
	if len(r.buf) == 0 {
		return e, io.EOF
	}
	n, head := binary.Uvarint(r.buf)
	if head <= 0 || n < frameMin || n > maxEntry {
		return e, r.bad("no entry begins here")
	}
	if err := r.want(head + int(n)); err != nil {
		return e, err
	}
	if len(r.buf) < head+int(n) {
		return e, r.bad("the entry is cut short")
	}
	if parseFrame(&e, r.buf[head:head+int(n)], r.seed, r.base) != nil {
		return e, r.bad("the entry fails its CRC")
	}
	if e.Offset != r.next || e.Time < r.last {
		return Entry{}, r.bad(fmt.Sprintf("the entry says it has offset %d and time %d", e.Offset, e.Time))
	}
	e.Pos, e.Size = r.pos, head+int(n)
	r.crc = binary.LittleEndian.Uint32(r.buf[head:])
	if e.Offset == r.base.first {
		r.base.time = e.Time
	}
	r.next, r.last = e.Offset+1, e.Time
	r.pos += int64(e.Size)
	r.buf = r.buf[e.Size:]
	return e, nil
}

// want makes buf hold n bytes, or all that the file has. It grows by what has
// really been read, never by n at once.
func (r *segmentReader) want(n int) error {
	for len(r.buf) < n && !r.eof {
		r.chunk = min(max(2*r.chunk, readFirst), readAhead)
		have := len(r.buf)
		buf := r.room(have + max(r.chunk, min(n-have, 4*have)))
		copy(buf, r.buf)
		got, err := r.f.ReadAt(buf[have:], r.pos+int64(have))
		if err != nil && err != io.EOF {
			return err
		}
		r.eof = err == io.EOF
		r.buf = buf[:have+got]
	}
	return nil
}

// room is memory for n bytes. With reuse it is that of buf, which copy can move
// within itself; without, bodies that were handed out keep theirs.
func (r *segmentReader) room(n int) []byte {
	if !r.reuse {
		return make([]byte, n)
	}
	if cap(r.spare) < n || cap(r.spare) > readKeep && n <= readKeep/2 {
		r.spare = make([]byte, n+readFirst) // what is left of the read before is a little more each time
	}
	return r.spare[:n]
}

// refresh forgets what is buffered, so that bytes written since are seen.
func (r *segmentReader) refresh() { r.buf, r.eof = nil, false }

// rest gives back what a long entry took, before nothing may come for long.
func (r *segmentReader) rest() {
	if cap(r.spare) > readKeep {
		r.spare = nil
		r.refresh()
	}
}

// badFrame says that the bytes at pos are not the entry that belongs there.
type badFrame struct {
	pos    int64
	offset uint64 // that the entry should have had
	what   string
}

// Error says what is wrong; whoever knows the file adds where.
func (b *badFrame) Error() string { return b.what }

func (r *segmentReader) bad(what string) error {
	return &badFrame{pos: r.pos, offset: r.next, what: what}
}

// searcher looks for whole entries where none is expected, a window at a time.
type searcher struct {
	f    io.ReaderAt
	size int64
	seed uint32
	base base
	long *ranges // made for the first long candidate
}

const (
	searchWindow = 1 << 20
	// headMax is the most that length, CRC and fields of an entry can take.
	headMax = binary.MaxVarintLen32 + 4 + 2 + 3*binary.MaxVarintLen64
)

// next finds the first whole entry of an offset above after that begins at byte
// from or later. Nothing passes by chance: a CRC of 32 bits, version, kind and a
// plausible offset must agree. ok is false where there is none.
func (s *searcher) next(from int64, after uint64) (e Entry, ok bool, err error) {
	buf := make([]byte, min(searchWindow, max(s.size-from, 0)))
	for at := from; at < s.size; {
		n, err := s.f.ReadAt(buf[:min(int64(len(buf)), s.size-at)], at)
		if err != nil && err != io.EOF {
			return e, false, err
		}
		end := n - headMax
		if at+int64(n) >= s.size || end <= 0 {
			end = n
		}
		for i := range end {
			e, ok, err := s.entryAt(buf[i:min(n, i+headMax)], at+int64(i), after)
			if ok || err != nil {
				return e, ok, err
			}
		}
		if n == 0 {
			break // it was cut while we looked
		}
		at += int64(end)
	}
	return e, false, nil
}

// entryAt reports whether a whole entry lies at pos. The CRC is the dear part:
// everything else is looked at first. The body is not kept.
func (s *searcher) entryAt(head []byte, pos int64, after uint64) (Entry, bool, error) {
	n, w := binary.Uvarint(head)
	if w <= 0 || w > binary.MaxVarintLen32 || n < frameMin || n > maxEntry || int64(n) > s.size-pos-int64(w) {
		return Entry{}, false, nil
	}
	p := head[w:]
	if uint64(len(p)) > n {
		p = p[:n]
	}
	var e Entry
	if parseFields(&e, p, s.base) != nil || e.Kind != KindChange || e.Offset <= after {
		return e, false, nil
	}
	crc, err := s.crc(pos+int64(w)+4, pos+int64(w)+int64(n))
	if err != nil {
		return e, false, err
	}
	want := binary.LittleEndian.Uint32(p)
	e.Pos, e.Size, e.Body = pos, w+int(n), nil
	return e, crc == want, nil
}

// crc is the CRC of the file's bytes from a to b, as an entry's is made.
func (s *searcher) crc(a, b int64) (uint32, error) {
	if b-a <= rangeStep {
		var buf [rangeStep]byte
		n, err := s.f.ReadAt(buf[:b-a], a)
		if err != nil && err != io.EOF {
			return 0, err
		}
		return crc32.Update(s.seed, castagnoli, buf[:n]), nil
	}
	if s.long == nil {
		var err error
		if s.long, err = newRanges(s.f, s.size); err != nil {
			return 0, err
		}
	}
	return s.long.crc(s.seed, a, b)
}
