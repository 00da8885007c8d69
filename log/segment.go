package log

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
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

// listSegments returns the first offsets of the segment files, in order. Files
// of other names are not ours and are left alone.
func listSegments(dir string) ([]uint64, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "wal"))
	if err != nil {
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

	chunk int // bytes of the read before
}

// A reader begins with small reads, for those who want one entry, and soon
// reads 1 MiB at a time.
const (
	readFirst = 16 << 10
	readAhead = 1 << 20
)

func newSegmentReader(f io.ReaderAt, seed uint32, first uint64) *segmentReader {
	return &segmentReader{f: f, seed: seed, base: base{first: first}, next: first}
}

// read returns the next entry. io.EOF is the end of the file between two
// frames; a *badFrame is anything that is not the next frame.
func (r *segmentReader) read() (Entry, error) {
	if err := r.want(binary.MaxVarintLen32); err != nil {
		return Entry{}, err
	}
	if len(r.buf) == 0 {
		return Entry{}, io.EOF
	}
	n, head := binary.Uvarint(r.buf)
	if head <= 0 || n < frameMin || n > maxEntry {
		return Entry{}, r.bad("no entry begins here")
	}
	if err := r.want(head + int(n)); err != nil {
		return Entry{}, err
	}
	if len(r.buf) < head+int(n) {
		return Entry{}, r.bad("the entry is cut short")
	}
	e, err := parseFrame(r.buf[head:head+int(n)], r.seed, r.base)
	if err != nil {
		return Entry{}, r.bad("the entry fails its CRC")
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
		chunk := make([]byte, max(r.chunk, min(n-len(r.buf), 4*len(r.buf))))
		got, err := r.f.ReadAt(chunk, r.pos+int64(len(r.buf)))
		if err != nil && err != io.EOF {
			return err
		}
		r.eof = err == io.EOF
		if len(r.buf) == 0 {
			r.buf = chunk[:got]
		} else {
			r.buf = append(bytes.Clone(r.buf), chunk[:got]...)
		}
	}
	return nil
}

// refresh forgets what is buffered, so that bytes written since are seen.
func (r *segmentReader) refresh() { r.buf, r.eof = nil, false }

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

// findValid looks for a whole frame of a later offset anywhere after byte from
// of data, which begins at byte 0 of a segment. It proves nothing by chance:
// a CRC of 32 bits, a kind, a version and a plausible offset must agree.
func findValid(data []byte, from int64, seed uint32, b base, after uint64) (Entry, bool) {
	for i := int(from); i+frameMin < len(data); i++ {
		n, head := binary.Uvarint(data[i:min(len(data), i+binary.MaxVarintLen32)])
		if head <= 0 || n < frameMin || int(n) > len(data)-i-head {
			continue
		}
		p := data[i+head : i+head+int(n)]
		if p[4] != frameVersion || p[5] != KindChange {
			continue
		}
		if e, err := parseFrame(p, seed, b); err == nil && e.Offset > after {
			e.Pos = int64(i)
			return e, true
		}
	}
	return Entry{}, false
}
