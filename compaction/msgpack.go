package compaction

import "encoding/binary"

// The msgpack forms that a checkpoint is made of, appended and read by hand.

func appendArray(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, 0x90|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 0xdc), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(dst, 0xdd), uint32(n))
	}
}

func appendUint(dst []byte, v uint64) []byte {
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
		return appendWide(dst, v)
	}
}

// appendWide appends an integer of a width that does not depend on its value.
func appendWide(dst []byte, v uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), v)
}

func appendBin(dst, p []byte) []byte {
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

// unpacker reads msgpack values from p. After the first one that is not what
// was asked for, bad is set and everything reads as zero.
type unpacker struct {
	p   []byte
	bad bool
}

func (u *unpacker) fail() uint64 {
	u.p, u.bad = nil, true
	return 0
}

// number reads a big-endian integer of n bytes.
func (u *unpacker) number(n int) uint64 {
	if len(u.p) < n {
		return u.fail()
	}
	var v uint64
	for _, b := range u.p[:n] {
		v = v<<8 | uint64(b)
	}
	u.p = u.p[n:]
	return v
}

// peek is the next value's first byte; 0xc1, which msgpack never uses, at the end.
func (u *unpacker) peek() byte {
	if len(u.p) == 0 {
		return 0xc1
	}
	return u.p[0]
}

func (u *unpacker) lead() byte {
	b := u.peek()
	if len(u.p) > 0 {
		u.p = u.p[1:]
	}
	return b
}

// array reads an array's head. Each element takes a byte at least, so a count
// above what is left is a lie.
func (u *unpacker) array() int {
	var n uint64
	switch b := u.lead(); {
	case b&0xf0 == 0x90:
		n = uint64(b & 0x0f)
	case b == 0xdc:
		n = u.number(2)
	case b == 0xdd:
		n = u.number(4)
	default:
		n = u.fail()
	}
	if n > uint64(len(u.p)) {
		n = u.fail()
	}
	return int(n)
}

func (u *unpacker) uint() uint64 {
	switch b := u.lead(); {
	case b < 0x80:
		return uint64(b)
	case b >= 0xcc && b <= 0xcf:
		return u.number(1 << (b - 0xcc))
	}
	return u.fail()
}

// bin reads bytes; they point into what is read.
func (u *unpacker) bin() []byte {
	b := u.lead()
	if b < 0xc4 || b > 0xc6 {
		u.fail()
		return nil
	}
	n := u.number(1 << (b - 0xc4))
	if n > uint64(len(u.p)) {
		u.fail()
		return nil
	}
	v := u.p[:n:n]
	u.p = u.p[n:]
	return v
}

// isBin reports whether the next value is bytes.
func (u *unpacker) isBin() bool { b := u.peek(); return b >= 0xc4 && b <= 0xc6 }
