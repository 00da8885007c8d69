package command

import (
	"bytes"
	"encoding/binary"
	"math"
)

const (
	textBitfieldType = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
	textOverflowType = "ERR Invalid OVERFLOW type specified"
	textOnlyGet      = "ERR BITFIELD_RO only supports the GET subcommand"
)

// bitfieldKind is what is done with an integer of a bitfield.
type bitfieldKind uint8

const (
	bitfieldGet bitfieldKind = iota
	bitfieldSet
	bitfieldIncrby
)

// overflow is what happens where a result does not fit into its bits.
type overflow uint8

const (
	overflowWrap overflow = iota // the bits that fit are taken
	overflowSat                  // the nearest integer that fits is taken
	overflowFail                 // nothing is changed, and null answered
)

// bitfieldOp is one operation of a BITFIELD.
type bitfieldOp struct {
	kind     bitfieldKind
	signed   bool
	bits     int   // 1 to 64, unsigned to 63
	offset   int64 // in bits, of the highest one
	operand  int64 // of SET and INCRBY
	overflow overflow
}

// bitfieldOps reads the operations of a BITFIELD in their order. It is used twice: all
// of them are checked before the first is carried out.
type bitfieldOps struct {
	c        *Call
	at       int // of the next word
	overflow overflow
}

// next is the next operation; found is false behind the last one. After an error it
// is answered and ok false.
func (p *bitfieldOps) next() (op bitfieldOp, found, ok bool) {
	c := p.c
	for p.at < len(c.Args) && c.Is(p.at, "OVERFLOW") && p.at+1 < len(c.Args) {
		if !p.readOverflow(p.at + 1) {
			return op, false, false
		}
		p.at += 2
	}
	if p.at == len(c.Args) {
		return op, false, true
	}
	words := 4
	switch left := len(c.Args) - p.at; {
	case c.Is(p.at, "GET") && left >= 3:
		words = 3
	case c.Is(p.at, "SET") && left >= 4:
		op.kind = bitfieldSet
	case c.Is(p.at, "INCRBY") && left >= 4:
		op.kind = bitfieldIncrby
	default:
		c.Out.Error(TextSyntax)
		return op, false, false
	}
	op.overflow = p.overflow
	if !op.readPlace(c, p.at+1) {
		return op, false, false
	}
	if op.kind != bitfieldGet {
		if op.operand, ok = c.Int(p.at + 3); !ok {
			return op, false, false
		}
	}
	p.at += words
	return op, true, true
}

func (p *bitfieldOps) readOverflow(i int) bool {
	switch c := p.c; {
	case c.Is(i, "WRAP"):
		p.overflow = overflowWrap
	case c.Is(i, "SAT"):
		p.overflow = overflowSat
	case c.Is(i, "FAIL"):
		p.overflow = overflowFail
	default:
		c.Out.Error(textOverflowType)
		return false
	}
	return true
}

// readPlace reads the type in Args[i], and behind it the offset: in bits, or after a #
// in integers of the type.
//
// Redis writes up to 7 bytes beyond what a string may be long; here the offset
// is refused then.
func (op *bitfieldOp) readPlace(c *Call, i int) bool {
	word, offset := c.Args[i], c.Args[i+1]
	if len(word) == 0 || word[0] != 'i' && word[0] != 'u' {
		c.Out.Error(textBitfieldType)
		return false
	}
	op.signed = word[0] == 'i'
	digits, _, _ := bytes.Cut(word[1:], []byte{0})
	n, ok := ParseInt(digits)
	if !ok || n < 1 || n > 64 || n == 64 && !op.signed {
		c.Out.Error(textBitfieldType)
		return false
	}
	op.bits = int(n)
	unit := int64(1)
	if len(offset) > 0 && offset[0] == '#' {
		unit, offset = n, offset[1:]
	}
	// As in Redis, a product beyond 64 bits is what is left of it.
	op.offset, ok = ParseInt(offset)
	op.offset *= unit
	if !ok || op.offset < 0 || op.offset >= maxBits || op.kind != bitfieldGet && op.offset+n > maxBits {
		c.Out.Error(textBitOffset)
		return false
	}
	return true
}

// bitfieldCommand is BITFIELD, and BITFIELD_RO if it may only read. A write makes the
// string long enough even when it fails.
func bitfieldCommand(c *Call, readOnly bool) {
	count, writes, length := 0, 0, int64(0) // length: in bytes, of what is written to
	for ops := (bitfieldOps{c: c, at: 2}); ; count++ {
		op, found, ok := ops.next()
		if !ok {
			return
		}
		if !found {
			break
		}
		if op.kind != bitfieldGet {
			writes++
			length = max(length, (op.offset+int64(op.bits)+7)/8)
		}
	}
	if readOnly && length > 0 {
		c.Out.Error(textOnlyGet)
		return
	}
	if writes*len(c.Args[1]) > maxRecorded { // each may be an event, which names the key
		c.Out.Error(textChange)
		return
	}
	value, _, ok := c.bitString()
	if !ok {
		return
	}
	c.Out.Array(count)
	p := newPatch(c, c.Args[1], value)
	ops := bitfieldOps{c: c, at: 2}
	for i := range count {
		op, _, _ := ops.next()
		op.carryOut(&p, i+1 < count)
	}
	p.lengthen(length)
	if c.Events.Len() > 0 {
		c.Tell()
	}
}

// carryOut carries an operation out and answers it: the integer as it was, that is GET's
// and SET's answer, or as it is.
func (op *bitfieldOp) carryOut(p *patch, more bool) {
	at, shift := op.offset/8, int(op.offset%8)
	was := p.load(at)
	old := op.get(was, shift)
	if op.kind == bitfieldGet {
		p.c.Out.Int(old)
		return
	}
	value, fits := op.result(old)
	switch {
	case !fits && op.overflow == overflowFail:
		p.c.Out.Null()
		return
	case op.kind == bitfieldSet:
		p.c.Out.Int(old)
	default:
		p.c.Out.Int(value)
	}
	p.store(at, was, op.put(was, shift, value), more)
}

// get is the integer that begins so many bits behind the first.
func (op *bitfieldOp) get(b [patchBytes]byte, shift int) int64 {
	w := binary.BigEndian.Uint64(b[:])<<shift | uint64(b[8])>>(8-shift)
	if op.signed {
		return int64(w) >> (64 - op.bits)
	}
	return int64(w >> (64 - op.bits))
}

// put is b with an integer that begins so many bits behind the first.
func (op *bitfieldOp) put(b [patchBytes]byte, shift int, value int64) [patchBytes]byte {
	w, mask := uint64(value)<<(64-op.bits), uint64(math.MaxUint64)<<(64-op.bits) // at the top
	high := binary.BigEndian.Uint64(b[:])
	binary.BigEndian.PutUint64(b[:], high&^(mask>>shift)|w>>shift)
	b[8] = b[8]&^byte(mask<<(8-shift)) | byte(w<<(8-shift))
	return b
}

// result is what SET or INCRBY makes of an integer, and whether it fits without what
// is done about overflow.
func (op *bitfieldOp) result(old int64) (value int64, fits bool) {
	base, incr := old, op.operand
	if op.kind == bitfieldSet {
		base, incr = op.operand, 0
	}
	limit, fits := op.unsignedLimit(base, incr)
	if op.signed {
		limit, fits = op.signedLimit(base, incr)
	}
	switch {
	case fits:
		return base + incr, true
	case op.overflow == overflowSat:
		return limit, false
	}
	shift := 64 - op.bits
	if op.signed {
		return (base + incr) << shift >> shift, false
	}
	return int64(uint64(base+incr) << shift >> shift), false
}

// unsignedLimit reports whether a sum fits, and if not, the limit that it exceeds. To
// SET a negative integer exceeds the greatest.
func (op *bitfieldOp) unsignedLimit(base, incr int64) (limit int64, fits bool) {
	greatest := int64(1)<<op.bits - 1
	switch {
	case uint64(base) > uint64(greatest) || incr > 0 && incr > greatest-base:
		return greatest, false
	case incr < 0 && incr < -base:
		return 0, false
	}
	return 0, true
}

// signedLimit is the same of signed integers. The differences wrap around as they do in
// Redis: to SET less than the least by nearly 2^63 exceeds the greatest.
func (op *bitfieldOp) signedLimit(base, incr int64) (limit int64, fits bool) {
	greatest := int64(math.MaxInt64) >> (64 - op.bits)
	least := -greatest - 1
	narrow := op.bits != 64
	switch up, down := greatest-base, least-base; {
	case base > greatest || narrow && incr > up || base >= 0 && incr > 0 && incr > up:
		return greatest, false
	case base < least || narrow && incr < down || base < 0 && incr < 0 && incr < down:
		return least, false
	}
	return 0, true
}
