package command

import "math/bits"

// bitRange is which part of a string BITCOUNT and BITPOS look at.
type bitRange struct {
	given, endGiven bool
	start, end      int64 // both included; negative ones count from the end
	bits            bool  // counted in bits, not in bytes
}

// bitRange reads Args[from:], where a range of BITCOUNT (both ends or none) or BITPOS
// stands: [start [end [BYTE | BIT]]]. Everything is checked before the key is looked
// at. After an error it is answered and ok false.
func (c *Call) bitRange(from int, startAlone bool) (r bitRange, ok bool) {
	n := len(c.Args) - from
	switch {
	case n == 0:
		return r, true
	case n > 3, n == 1 && !startAlone:
		c.Out.Error(TextSyntax)
		return r, false
	}
	if r.start, ok = c.Int(from); !ok {
		return r, false
	}
	// BITPOS looks at the unit before it looks at the end, BITCOUNT after.
	if startAlone && n == 3 && !c.bitUnit(from+2, &r) {
		return r, false
	}
	if n > 1 {
		if r.end, ok = c.Int(from + 1); !ok {
			return r, false
		}
	}
	if !startAlone && n == 3 && !c.bitUnit(from+2, &r) {
		return r, false
	}
	r.given, r.endGiven = true, n > 1
	return r, true
}

func (c *Call) bitUnit(i int, r *bitRange) bool {
	r.bits = c.Is(i, "BIT")
	if !r.bits && !c.Is(i, "BYTE") {
		c.Out.Error(TextSyntax)
		return false
	}
	return true
}

// in is the range in a string of n bytes, as its first bit and its last; none where
// from is beyond to.
func (r bitRange) in(n int64) (from, to int64) {
	if !r.given {
		return 0, n*8 - 1
	}
	total := n
	if r.bits {
		total *= 8
	}
	start, end := r.start, r.end
	if !r.endGiven {
		end = -1
	}
	if start < 0 {
		start = max(0, start+total)
	}
	if end < 0 {
		end = max(0, end+total)
	}
	end = min(end, total-1)
	switch {
	case start > end:
		return 0, -1
	case r.bits:
		return start, end
	}
	return start * 8, end*8 + 7
}

func bitcountCommand(c *Call) {
	r, ok := c.bitRange(2, false)
	if !ok {
		return
	}
	value, _, ok := c.bitString()
	if !ok {
		return
	}
	if r.start < 0 && r.end < 0 && r.start > r.end {
		c.Out.Int(0) // even if both would be cut to the first
		return
	}
	from, to := r.in(int64(value.Len()))
	if from > to {
		c.Out.Int(0)
		return
	}
	p, skip := value.Part(int(from/8), int(to/8)+1), from&^7
	c.Out.Int(countBits(p, from-skip, to-skip))
}

// countBits is how many of the bits from one to another, both included, are set.
func countBits(p []byte, from, to int64) int64 {
	first, last := p[from/8], p[to/8]
	n := onesCount(p[from/8 : to/8+1])
	n -= bits.OnesCount8(first &^ (0xff >> (from % 8)))
	n -= bits.OnesCount8(last & (1<<(7-to%8) - 1))
	return int64(n)
}

// onesCount is how many bits of p are set.
func onesCount(p []byte) (n int) {
	for ; len(p) >= block; p = p[block:] {
		b := p[:block]
		n += bits.OnesCount64(word(b)) + bits.OnesCount64(word(b[8:])) + bits.OnesCount64(word(b[16:])) + bits.OnesCount64(word(b[24:]))
	}
	for _, b := range p {
		n += bits.OnesCount8(b)
	}
	return n
}

// bitposCommand finds nothing in an empty range. Where no end is given, a clear bit is
// found behind the last of the string at the latest.
func bitposCommand(c *Call) {
	bit, ok := c.Int(2)
	if !ok {
		return
	}
	if bit&^1 != 0 {
		c.Out.Error("ERR The bit argument must be 1 or 0.")
		return
	}
	r, ok := c.bitRange(3, true)
	if !ok {
		return
	}
	value, found, ok := c.bitString()
	if !ok {
		return
	}
	if !found {
		c.Out.Int(-bit)
		return
	}
	from, to := r.in(int64(value.Len()))
	if from > to {
		c.Out.Int(-1)
		return
	}
	p, skip := value.Part(int(from/8), int(to/8)+1), from&^7
	at := findBit(p, bit, from-skip, to-skip)
	switch {
	case at >= 0:
		at += skip
	case bit == 0 && !r.endGiven:
		at = int64(value.Len()) * 8
	}
	c.Out.Int(at)
}

// findBit is the place of the first bit that is the given one, among those from one
// place to another, both included; -1 where there is none.
func findBit(p []byte, bit, from, to int64) int64 {
	flip := uint64(bit) - 1 // so that a bit that is set is looked for: none for 1, all for 0
	for at := from; at <= to; at = at&^7 + 8 {
		if at%8 == 0 {
			at += 8 * sameBytes(p[at/8:to/8], flip)
		}
		if b := (p[at/8] ^ byte(flip)) << (at % 8); b != 0 {
			if at += int64(bits.LeadingZeros8(b)); at > to {
				return -1
			}
			return at
		}
	}
	return -1
}

// sameBytes is how many bytes, in whole blocks, p begins with that are all those of w.
func sameBytes(p []byte, w uint64) int64 {
	n := len(p)
	for ; len(p) >= block; p = p[block:] {
		b := p[:block]
		if (word(b)^w)|(word(b[8:])^w)|(word(b[16:])^w)|(word(b[24:])^w) != 0 {
			break
		}
	}
	return int64(n - len(p))
}
