package state

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// The elements of a list lie behind one another, so that they can be read from either
// end:
//
//	element   length uvarint | bytes | length of both, readable backwards
//
// The last is a uvarint of which the end comes first: 7 bits in each byte, and another
// byte before it where the eighth is set.

// appendElement appends an element.
func appendElement(dst, x []byte) []byte {
	at := len(dst)
	dst = append(binary.AppendUvarint(dst, uint64(len(x))), x...)
	n := len(dst) - at
	if n < 0x80 {
		return append(dst, byte(n))
	}
	for shift := 7 * (uvarintLen(n) - 1); shift >= 0; shift -= 7 {
		b := byte(n>>shift) & 0x7f
		if shift < 7*(uvarintLen(n)-1) {
			b |= 0x80
		}
		dst = append(dst, b)
	}
	return dst
}

// elementBytes is how long an element of n bytes is.
func elementBytes(n int) int {
	n += uvarintLen(n)
	return n + uvarintLen(n)
}

// elementAt is the element that begins at a place, and where the next one does.
func elementAt(p []byte, at int) (x []byte, next int) {
	n, size := int(p[at]), 1
	if n >= 0x80 {
		v, s := binary.Uvarint(p[at:])
		n, size = int(v), s
	}
	from := at + size
	return p[from : from+n : from+n], from + n + uvarintLen(size+n)
}

// elementBefore is the element that ends at a place, and where it begins.
func elementBefore(p []byte, end int) (x []byte, at int) {
	n, i := 0, end-1
	for shift := 0; ; shift += 7 {
		n |= int(p[i]&0x7f) << shift
		if p[i] < 0x80 {
			break
		}
		i--
	}
	x, _ = elementAt(p, i-n)
	return x, i - n
}

// listpackSize is how many bytes an element takes in a listpack of Redis: by the sum of
// these it is decided when a list is a large one.
func listpackSize(x []byte) int {
	if v, ok := parseInt(x); ok {
		return listpackInt(v)
	}
	n := len(x)
	switch {
	case n < 64:
		n++
	case n < 4096:
		n += 2
	default:
		n += 5
	}
	switch {
	case n < 128:
		return n + 1
	case n < 16383:
		return n + 2
	case n < 2097151:
		return n + 3
	case n < 268435455:
		return n + 4
	default:
		return n + 5
	}
}

// listpackInt is that of an integer.
func listpackInt(v int64) int {
	switch {
	case v >= 0 && v < 128:
		return 2
	case v >= -4096 && v < 4096:
		return 3
	case v>>15 == v>>63:
		return 4
	case v>>23 == v>>63:
		return 5
	case v>>31 == v>>63:
		return 6
	}
	return 10
}

// parseInt reads the canonical text of a 64-bit integer.
func parseInt(x []byte) (v int64, ok bool) {
	if !isInt(x) {
		return 0, false
	}
	digits := x
	if x[0] == '-' {
		digits = x[1:]
	}
	for _, c := range digits {
		v = v*10 + int64(c-'0') // the least one overflows to itself
	}
	if x[0] == '-' {
		v = -v
	}
	return v, true
}

// The digest of a sequence is a polynomial in seqBase, modulo 2^64, whose coefficients
// are the digests of the elements, the first one's being that of seqBase^0. seqBase is
// odd, so what came can go again, at either end, without a look at the rest.
const (
	seqBase    = 0x9e3779b97f4a7c15
	seqInverse = 0xf1de83e19937733d // seqBase * seqInverse = 1
)

// sequence is the digest of some elements, and how many they are.
type sequence struct {
	sum uint64
	n   int
}

// elementDigest is never what adds nothing, so that lengths count too.
func elementDigest(x []byte) uint64 { return mix(xxhash.Sum64(x), 1) | 1 }

// seqPower is seqBase^n.
func seqPower(n int) uint64 {
	result, base := uint64(1), uint64(seqBase)
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			result *= base
		}
		base *= base
	}
	return result
}

func (s *sequence) pushLeft(x []byte) {
	s.sum, s.n = s.sum*seqBase+elementDigest(x), s.n+1
}

func (s *sequence) pushRight(x []byte) {
	s.sum, s.n = s.sum+elementDigest(x)*seqPower(s.n), s.n+1
}

func (s *sequence) popLeft(x []byte) {
	s.sum, s.n = (s.sum-elementDigest(x))*seqInverse, s.n-1
}

func (s *sequence) popRight(x []byte) {
	s.n--
	s.sum -= elementDigest(x) * seqPower(s.n)
}

// replace says that the element at a place is another.
func (s *sequence) replace(place int, old, x []byte) {
	s.sum += (elementDigest(x) - elementDigest(old)) * seqPower(place)
}

// add takes in elements that lie behind one another, on the right.
func (s *sequence) add(p []byte) {
	power := seqPower(s.n)
	for at := 0; at < len(p); s.n++ {
		var x []byte
		x, at = elementAt(p, at)
		s.sum += elementDigest(x) * power
		power *= seqBase
	}
}
