// Package pack is the part of msgpack (github.com/msgpack/msgpack, spec.md) that
// the log's bodies and checkpoints are made of, appended and read by hand: it is
// the hot path of every write, and of every start.
//
//	integers   not negative, in their shortest form, or eight bytes wide
//	bytes      bin
//	texts      str
//	numbers    float 64
//	arrays     of these
//
// A [Reader] allocates nothing and believes no length that was only announced.
package pack

import (
	"encoding/binary"
	"math"
)

// AppendArray appends the head of an array of n elements.
func AppendArray(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, 0x90|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 0xdc), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(dst, 0xdd), uint32(n))
	}
}

// AppendUint appends an integer.
func AppendUint(dst []byte, v uint64) []byte {
	switch {
	case v < 1<<7:
		return append(dst, byte(v))
	case v < 1<<8:
		return append(dst, 0xcc, byte(v))
	case v < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(v))
	case v < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(v))
	default:
		return AppendWide(dst, v)
	}
}

// AppendWide appends an integer in nine bytes, whatever its value.
func AppendWide(dst []byte, v uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), v)
}

// AppendFloat appends a floating point number.
func AppendFloat(dst []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(v))
}

// AppendBin appends bytes, fewer than 4 GiB.
func AppendBin(dst, p []byte) []byte {
	switch n := len(p); {
	case n < 1<<8:
		dst = append(dst, 0xc4, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xc5), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xc6), uint32(n))
	}
	return append(dst, p...)
}

// AppendStr appends a text.
func AppendStr(dst []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		dst = append(dst, 0xa0|byte(n))
	case n < 1<<8:
		dst = append(dst, 0xd9, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xda), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xdb), uint32(n))
	}
	return append(dst, s...)
}

// Reader reads values from the front of Rest. After the first that is not what
// was asked for Bad is set, Rest is empty, and everything reads as zero.
type Reader struct {
	Rest []byte
	Bad  bool
}

// Fail says that what was read means nothing to the caller.
func (r *Reader) Fail() { r.Rest, r.Bad = nil, true }

// take returns the next n bytes.
func (r *Reader) take(n uint64) []byte {
	if n > uint64(len(r.Rest)) {
		r.Fail()
		return nil
	}
	p := r.Rest[:n:n]
	r.Rest = r.Rest[n:]
	return p
}

// peek is the first byte of the next value, 0xc1 (which msgpack never uses)
// where there is none.
func (r *Reader) peek() byte {
	if len(r.Rest) == 0 {
		return 0xc1
	}
	return r.Rest[0]
}

func (r *Reader) lead() byte {
	b := r.peek()
	r.take(1)
	return b
}

// number reads an unsigned big-endian number of n bytes.
func (r *Reader) number(n uint64) uint64 {
	p := r.take(n)
	if p == nil {
		return 0
	}
	switch n {
	case 1:
		return uint64(p[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(p))
	case 4:
		return uint64(binary.BigEndian.Uint32(p))
	default:
		return binary.BigEndian.Uint64(p)
	}
}

// IsArray reports whether the next value is an array.
func (r *Reader) IsArray() bool {
	b := r.peek()
	return b&0xf0 == 0x90 || b == 0xdc || b == 0xdd
}

// IsBin reports whether the next value is bytes.
func (r *Reader) IsBin() bool {
	b := r.peek()
	return b >= 0xc4 && b <= 0xc6
}

// Array reads an array's head. Each element takes a byte at least, so a length
// above what is left is a lie.
func (r *Reader) Array() int {
	var n uint64
	switch b := r.lead(); {
	case b&0xf0 == 0x90:
		n = uint64(b & 0x0f)
	case b == 0xdc:
		n = r.number(2)
	case b == 0xdd:
		n = r.number(4)
	default:
		r.Fail()
	}
	if n > uint64(len(r.Rest)) {
		r.Fail()
		return 0
	}
	return int(n)
}

// Float reads a floating point number.
func (r *Reader) Float() float64 {
	if r.lead() != 0xcb {
		r.Fail()
	}
	return math.Float64frombits(r.number(8))
}

// Uint reads an integer of any form that is not negative: other writers of
// msgpack may choose a signed form for it.
func (r *Reader) Uint() uint64 {
	switch b := r.lead(); {
	case b < 0x80:
		return uint64(b)
	case b >= 0xcc && b <= 0xcf:
		return r.number(1 << (b - 0xcc))
	case b >= 0xd0 && b <= 0xd3:
		size := uint64(1) << (b - 0xd0)
		v := r.number(size)
		if v>>(8*size-1) == 0 {
			return v
		}
	}
	r.Fail()
	return 0
}

// AtMost reads an integer that must fit: cutting one off would make another
// fact of it.
func (r *Reader) AtMost(limit uint64) uint64 {
	v := r.Uint()
	if v > limit {
		r.Fail()
		return 0
	}
	return v
}

// Int reads an integer of at most 63 bits.
func (r *Reader) Int() int64 { return int64(r.AtMost(math.MaxInt64)) }

// Bin reads bytes or a text. They point into what is read.
func (r *Reader) Bin() []byte {
	switch b := r.lead(); {
	case b == 0xc4, b == 0xd9:
		return r.take(r.number(1))
	case b == 0xc5, b == 0xda:
		return r.take(r.number(2))
	case b == 0xc6, b == 0xdb:
		return r.take(r.number(4))
	case b&0xe0 == 0xa0:
		return r.take(uint64(b & 0x1f))
	}
	r.Fail()
	return nil
}

// Skip passes over an integer, a text, or an array of those.
func (r *Reader) Skip() {
	if !r.IsArray() {
		r.skipScalar()
		return
	}
	for n := r.Array(); n > 0 && !r.Bad; n-- {
		r.skipScalar()
	}
}

func (r *Reader) skipScalar() {
	if b := r.peek(); b < 0x80 || b >= 0xcc && b <= 0xd3 {
		r.Uint()
		return
	}
	r.Bin()
}
