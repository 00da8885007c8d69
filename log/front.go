package log

import (
	"errors"
	"io"
	"os"
)

// frontOf describes a sealed segment that has the entries of a segment of dir up to one,
// or all of them where that comes later. Each is checked; there must be at least one.
func frontOf(dir string, seed uint32, first, upTo uint64) (Segment, error) {
	s := Segment{First: first}
	f, err := os.Open(segmentPath(dir, first))
	if err != nil {
		return s, err
	}
	defer f.Close()
	r := newSegmentReader(f, seed, first)
	r.reuse = true
	for r.next <= upTo {
		_, err := r.read()
		var bad *badFrame
		switch {
		case err == nil:
			continue
		case errors.As(err, &bad):
			return s, &Damage{Dir: dir, File: "wal/" + segmentName(first), Byte: r.pos, Offset: r.next, What: bad.what}
		case !errors.Is(err, io.EOF):
			return s, err
		case r.next == first:
			return s, future(upTo, first-1)
		}
		break
	}
	s.Count, s.Size, s.LastCRC, s.LastTime = r.next-first, r.pos, r.crc, r.last
	return s, nil
}
