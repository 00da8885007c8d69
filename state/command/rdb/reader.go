package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// ErrFormat is returned by Decode when a body is not a value: it is wrapped with what is
// wrong, and where.
var ErrFormat = errors.New("rdb: bad data format")

// ErrTooLarge is returned by Decode when a value is larger than this server takes.
var ErrTooLarge = errors.New("rdb: the value is too large")

// ErrUnpacks is returned by Decode when all that is compressed would give more than
// MaxPlain bytes. Nothing is made of what would be too much.
var ErrUnpacks = errors.New("rdb: the value unpacks to too much")

const maxString = 512 << 20 // bytes of one string or element

// MaxPlain is how many bytes all that is compressed in a body may give: as many as an
// argument may have (proto-max-bulk-len), which is what it might have come in without LZF.
// A limit by the body's own length would be none: LZF gives up to 88 bytes for one.
const MaxPlain = 512 << 20

// reader reads a body. After the first error everything that it reads is empty, so that
// only loops must look whether there is one.
type reader struct {
	p     []byte
	at    int
	err   error
	plain int    // bytes that what is compressed may still give
	room  []byte // for the text of integers
	doubt bool   // something may have come twice, see distinct
	exact bool   // that is found out
}

func (r *reader) ok() bool { return r.err == nil }

// fail notes what is wrong, unless something was before.
func (r *reader) fail(why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s, before byte %d of %d", ErrFormat, why, r.at, len(r.p))
	}
}

// give notes what whoever gets the value says to it.
func (r *reader) give(err error) {
	if r.err == nil {
		r.err = err
	}
}

// take reads n bytes.
func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.p)-r.at) {
		r.fail("it ends too early")
	}
	if r.err != nil {
		return nil
	}
	from := r.at
	r.at += int(n)
	return r.p[from:r.at:r.at]
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// What follows a length whose first two bits are set.
const (
	codeInt8  = 0
	codeInt16 = 1
	codeInt32 = 2
	codeLZF   = 3
)

// length reads a length, or the code that stands in place of one.
func (r *reader) length() (n uint64, code bool) {
	switch b := r.byte(); {
	case b < 0x40:
		return uint64(b), false
	case b < 0x80:
		return uint64(b&0x3f)<<8 | uint64(r.byte()), false
	case b == 0x80:
		if p := r.take(4); p != nil {
			return uint64(binary.BigEndian.Uint32(p)), false
		}
	case b == 0x81:
		if p := r.take(8); p != nil {
			return binary.BigEndian.Uint64(p), false
		}
	case b >= 0xc0:
		return uint64(b & 0x3f), true
	default:
		r.fail("there is no such length")
	}
	return 0, false
}

// count reads a length that is a number. Where Redis expects one, it takes a code for its
// number; so is it here.
func (r *reader) count() uint64 {
	n, _ := r.length()
	return n
}

// items reads how many things follow, of which there must be one.
func (r *reader) items() uint64 {
	n := r.count()
	if n == 0 {
		r.fail("it is empty")
	}
	return n
}

// text reads a string. It lies in the body or in memory of its own, and stays what it is.
func (r *reader) text() []byte {
	n, code := r.length()
	switch {
	case !code && n > maxString:
		r.fail("a string is too long")
	case !code:
		return r.take(n)
	case n == codeInt8:
		return r.decimal(int64(int8(r.byte())))
	case n == codeInt16:
		if b := r.take(2); b != nil {
			return r.decimal(int64(int16(binary.LittleEndian.Uint16(b))))
		}
	case n == codeInt32:
		if b := r.take(4); b != nil {
			return r.decimal(int64(int32(binary.LittleEndian.Uint32(b))))
		}
	case n == codeLZF:
		return r.compressed()
	default:
		r.fail("there is no such string")
	}
	return nil
}

// compressed reads what follows codeLZF.
func (r *reader) compressed() []byte {
	n, announced := r.count(), r.count()
	p := r.take(n)
	if r.err != nil {
		return nil
	}
	size, ok := unpackedSize(p)
	switch {
	case announced == 0:
		r.fail("a compressed string is empty") // Redis takes it, whatever the bytes are
	case !ok || uint64(size) != announced:
		r.fail("a compressed string is damaged")
	case size > maxString:
		r.fail("a string is too long")
	case size > r.plain:
		r.give(ErrUnpacks)
	default:
		r.plain -= size
		return unpack(make([]byte, 0, size), p)
	}
	return nil
}

// decimal is the text of an integer.
func (r *reader) decimal(v int64) []byte {
	const most, block = 20, 4096
	if cap(r.room)-len(r.room) < most {
		r.room = make([]byte, 0, block)
	}
	from := len(r.room)
	r.room = strconv.AppendInt(r.room, v, 10)
	return r.room[from:len(r.room):len(r.room)]
}
