package state

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// The fields of a small hash are packed into its payload, in the order in which
// they came, and so are the members of a small set, with empty values; those of one with
// encoding intset are in the order of the integers that they are, and those of a sorted set in that of their scores.
//
//	packed   sum of the digests of its pairs u64 | fields u16 | pair …
//	pair     field length uvarint | value length uvarint | field | value

const packedHead = 10

// newPacked is a hash without fields, in the memory of p.
func newPacked(p []byte) []byte { return append(p[:0], make([]byte, packedHead)...) }

func packedSum(p []byte) uint64 { return binary.LittleEndian.Uint64(p) }
func packedLen(p []byte) int    { return int(binary.LittleEndian.Uint16(p[8:])) }

func setPacked(p []byte, sum uint64, n int) {
	binary.LittleEndian.PutUint64(p, sum)
	binary.LittleEndian.PutUint16(p[8:], uint16(n))
}

// pairAt reads the pair that begins at a place, and says where the next one does.
func pairAt(p []byte, at int) (field, value []byte, next int) {
	f, v := int(p[at]), int(p[at+1])
	if f|v < 0x80 { // as it always is within the limits of a small hash
		at += 2
	} else {
		n, size := binary.Uvarint(p[at:])
		f, at = int(n), at+size
		n, size = binary.Uvarint(p[at:])
		v, at = int(n), at+size
	}
	return p[at : at+f : at+f], p[at+f : at+f+v : at+f+v], at + f + v
}

// findPacked finds a field: the bytes of its pair are p[from:to]. from is -1 when
// it is not there.
func findPacked(p, field []byte) (value []byte, from, to int) {
	for at := packedHead; at < len(p); {
		f, v, next := pairAt(p, at)
		if string(f) == string(field) {
			return v, at, next
		}
		at = next
	}
	return nil, -1, 0
}

func appendPair(dst, field, value []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(field)))
	dst = binary.AppendUvarint(dst, uint64(len(value)))
	return append(append(dst, field...), value...)
}

// setField gives a field of what is small a value: in its payload itself where the old
// one is as long and its place stays the same, else by appending the whole to dst, which
// must not be that memory, and returning it.
func setField(dst []byte, e *entry, field, value []byte) (result []byte, inPlace bool) {
	p := e.payload
	old, from, to := findPacked(p, field)
	fieldSum := xxhash.Sum64(field)
	sum, n := packedSum(p)+mix(fieldSum, xxhash.Sum64(value)), packedLen(p)
	if from < 0 {
		n++
		from, to = len(p), len(p)
	} else {
		sum -= mix(fieldSum, xxhash.Sum64(old))
		if len(old) == len(value) && (e.typ != ZSet || string(old) == string(value)) {
			copy(old, value)
			setPacked(p, sum, n)
			return p, true
		}
	}
	at := from
	if e.enc == encIntset || e.typ == ZSet {
		at = e.placeInOrder(p, field, value)
	}
	if at <= from {
		dst = appendPair(append(dst, p[:at]...), field, value)
		dst = append(append(dst, p[at:from]...), p[to:]...)
	} else {
		dst = append(append(dst, p[:from]...), p[to:at]...)
		dst = append(appendPair(dst, field, value), p[at:]...)
	}
	setPacked(dst, sum, n)
	return dst, false
}

// placeInOrder is before which pair a member belongs by its value; if it is there, as if
// it were not.
func (e *entry) placeInOrder(p, member, value []byte) int {
	for at := packedHead; at < len(p); {
		m, v, next := pairAt(p, at)
		if string(m) == string(member) {
			at = next
			continue
		}
		if e.typ == ZSet && lessRanked(scoreOf(value), member, scoreOf(v), m) || e.typ == Set && lessInt(member, m) {
			return at
		}
		at = next
	}
	return len(p)
}

// lessInt compares two integers in canonical text (isInt).
func lessInt(a, b []byte) bool {
	negative := a[0] == '-'
	switch {
	case negative != (b[0] == '-'):
		return negative
	case len(a) != len(b):
		return len(a) < len(b) != negative
	default:
		return string(a) != string(b) && (string(a) < string(b)) != negative
	}
}

// removeField appends p without a field, which must be there, to dst.
func removeField(dst, p, field []byte) []byte {
	old, from, to := findPacked(p, field)
	dst = append(append(dst, p[:from]...), p[to:]...)
	setPacked(dst, packedSum(p)-pairDigest(field, old), packedLen(p)-1)
	return dst
}
