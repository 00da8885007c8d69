package log

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// KindChange is the kind of an entry that changes data. Kinds are fixed
// numbers, never reused.
const KindChange = 1

const (
	frameVersion = 1
	frameMin     = 4 + 1 + 1 + 1 + 1 + 1 // crc, version, kind, three uvarints
	maxEntry     = 1 << 30               // bytes of a frame: far above any command's 512 MB bulk
)

// MaxBody is how many bytes the body of an entry may have.
const MaxBody = maxEntry - headMax

// Entry is one entry as a reader hands it out.
type Entry struct {
	Offset  uint64 // dense, from 1
	Kind    uint8
	Time    int64  // µs since 1970
	Synced  uint64 // the offset known durable when this entry was written
	Body    []byte // valid until the next entry is read
	Size    int    // bytes on disk
	Segment uint64 // first offset of its segment
	Pos     int64  // where in the segment's file it begins
}

var errFrame = errors.New("not a whole entry")

// base is what a segment's frames count from.
type base struct {
	first uint64 // offset of its first entry
	time  int64  // µs of its first entry; 0 while there is none
}

// appendFrame appends a frame to dst, without the library's length.
func appendFrame(dst []byte, seed uint32, b base, e Entry) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0, frameVersion, e.Kind)
	dst = binary.AppendUvarint(dst, e.Offset-b.first)
	if e.Offset == b.first {
		dst = binary.AppendUvarint(dst, uint64(e.Time))
	} else {
		dst = binary.AppendUvarint(dst, uint64(e.Time-b.time))
	}
	dst = binary.AppendUvarint(dst, e.Offset-e.Synced)
	dst = append(dst, e.Body...)
	binary.LittleEndian.PutUint32(dst[at:], crc32.Update(seed, castagnoli, dst[at+4:]))
	return dst
}

// parseFrame reads a frame, whose CRC must be right, into e. An Entry is large enough for
// its copies to be felt where there are millions: it is filled where it is wanted.
func parseFrame(e *Entry, p []byte, seed uint32, b base) error {
	if len(p) < frameMin || binary.LittleEndian.Uint32(p) != crc32.Update(seed, castagnoli, p[4:]) {
		return errFrame
	}
	return parseFields(e, p, b)
}

// parseFields reads a frame into e without looking at its CRC. p may end anywhere
// after the fields; the body is what follows them.
func parseFields(e *Entry, p []byte, b base) error {
	if len(p) < frameMin || p[4] != frameVersion {
		return errFrame
	}
	rest := p[6:]
	var fields [3]uint64
	for i := range fields {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			return errFrame
		}
		fields[i], rest = v, rest[n:]
	}
	offset, micros := b.first+fields[0], int64(fields[1])
	if fields[0] > 0 {
		micros += b.time
	}
	if fields[2] > offset {
		return errFrame
	}
	*e = Entry{Offset: offset, Kind: p[5], Time: micros, Synced: offset - fields[2], Body: rest, Segment: b.first}
	return nil
}

// castagnoli is the polynomial's table: computed once, never written.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seedOf turns a log id into the value that every CRC of the log starts from.
func seedOf(id [16]byte) uint32 { return crc32.Checksum(id[:], castagnoli) }
