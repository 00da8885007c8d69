package rdb

import (
	"math"
	"math/bits"
)

// LZF (Marc Lehmann's LibLZF, in the variant that Redis has: VERY_FAST, a table of 65536
// places). Compressed bytes are pieces:
//
//	000lllll bytes            l+1 bytes as they are
//	lllooooo o u8             l+2 bytes, l from 1 to 6, from where o+1 bytes before the end are
//	111ooooo l u8 o u8        l+9 bytes
//
// What is written is what Redis writes, byte by byte, for a table that is empty at first.
// Redis does not empty its table between two strings, so now and then it finds something
// else: longer or shorter, and as good.
const (
	lzfLiteral = 1 << 5         // bytes of a piece that is no copy, at most
	lzfOffset  = 1 << 13        // how far back a copy may be
	lzfCopy    = 1<<8 + 1<<3    // length of a copy, at most, less 2
	lzfBits    = 16             // of a place in the table
	lzfPlace   = 1<<lzfBits - 1 // mask of one
)

// compressor finds where three bytes stood last.
type compressor struct {
	table []uint32 // by hash: base + place + 1 of where they begin; below base: of another string
	base  uint32

	// What is short fills little of that table. Until much has been compressed, a smaller
	// one says the same.
	few  []uint32 // hash << 16 | place + 1, from where the hash belongs on; 0: free
	done int      // bytes that were compressed with few
}

const (
	short = 8 << 10 // bytes of a string that few is used for
	much  = 1 << 18 // bytes from which the table has paid for itself
)

// reset forgets all places, for a string of n bytes.
func (c *compressor) reset(n int) {
	if c.table == nil && n <= short && c.done < much {
		c.done += n
		size := 2 << bits.Len(uint(n))
		if c.few = c.few[:min(size, cap(c.few))]; len(c.few) < size {
			c.few = make([]uint32, size)
		}
		clear(c.few)
		return
	}
	if c.few = nil; c.table == nil {
		c.table = make([]uint32, 1<<lzfBits)
	}
	if uint64(c.base)+uint64(n) >= math.MaxUint32-1 {
		clear(c.table)
		c.base = 0
	}
}

// swap notes that the bytes h begin at a place, and returns where they were before, -1
// where that is not known.
func (c *compressor) swap(h uint32, place int) (before int) {
	h = (h>>(3*8-lzfBits) - h*5) & lzfPlace
	if c.few != nil {
		return c.swapFew(h, place)
	}
	slot := &c.table[h]
	before = int(*slot) - int(c.base) - 1
	*slot = c.base + uint32(place) + 1
	return max(before, -1)
}

func (c *compressor) swapFew(h uint32, place int) (before int) {
	mask := uint32(len(c.few) - 1)
	for at := h * 0x9e3779b1 >> 16 & mask; ; at = (at + 1) & mask {
		if slot := &c.few[at]; *slot == 0 || *slot>>16 == h {
			before = int(*slot&0xffff) - 1
			*slot = h<<16 | uint32(place+1)
			return before
		}
	}
}

func three(p []byte, i int) uint32 {
	return uint32(p[i])<<16 | uint32(p[i+1])<<8 | uint32(p[i+2])
}

// compress appends p to dst, compressed to at most `most` bytes. Where that cannot be done
// it returns false and dst as it was.
//
// The names are those of the original turned into words: out is what was written, run is
// where the piece begins that is being collected.
func (c *compressor) compress(dst, p []byte, most int) (_ []byte, ok bool) {
	start := len(dst)
	if len(p) == 0 || most <= 0 {
		return dst, false
	}
	c.reset(len(p))
	if c.few == nil {
		defer func() { c.base += uint32(len(p)) }()
	}
	end := start + most
	out := append(dst, 0) // the head of a piece
	literal := 0
	i := 0
	// The original reads FRST before the loop and shifts a byte in each time. Behind a copy
	// it begins anew two places back, so h is always the three bytes at i.
	for i < len(p)-2 {
		ref := c.swap(three(p, i), i)
		if off := i - ref - 1; ref > 0 && off < lzfOffset && three(p, ref) == three(p, i) {
			undo := 0
			if literal == 0 {
				undo = 1
			}
			if len(out)-undo+3+1 >= end {
				return dst[:start], false
			}
			out = closeRun(out, literal)
			n := matching(p, ref, i) - 2
			if n < 7 {
				out = append(out, byte(off>>8)+byte(n<<5))
			} else {
				out = append(out, byte(off>>8)+7<<5, byte(n-7))
			}
			out = append(out, byte(off), 0)
			literal = 0
			if i += n + 2; i >= len(p)-2 {
				break
			}
			c.swap(three(p, i-2), i-2)
			c.swap(three(p, i-1), i-1)
			continue
		}
		if len(out) >= end {
			return dst[:start], false
		}
		out, literal = addLiteral(out, literal, p[i])
		i++
	}
	if len(out)+3 > end {
		return dst[:start], false
	}
	for ; i < len(p); i++ {
		out, literal = addLiteral(out, literal, p[i])
	}
	return closeRun(out, literal), true
}

// addLiteral adds a byte to the piece being collected, and begins the next one when that
// is full.
func addLiteral(out []byte, literal int, b byte) ([]byte, int) {
	out = append(out, b)
	if literal++; literal == lzfLiteral {
		return append(closeRun(out, literal), 0), 0
	}
	return out, literal
}

// closeRun writes the head of the piece being collected, or takes it back where the piece
// is empty.
func closeRun(out []byte, literal int) []byte {
	if literal == 0 {
		return out[:len(out)-1]
	}
	out[len(out)-literal-1] = byte(literal - 1)
	return out
}

// matching is how many bytes from i on are the same as from ref on, of which three are. As
// in the original, which looks at 16 of them without looking for the end, it may be two
// more than lzfCopy and the end allow, but never more than there are.
func matching(p []byte, ref, i int) int {
	most := min(len(p)-i-2, lzfCopy)
	n := 2
	for most > 16 && n < 18 {
		if n++; p[ref+n] != p[i+n] {
			return n
		}
	}
	for {
		if n++; n >= most || p[ref+n] != p[i+n] {
			return n
		}
	}
}

// unpackedSize is how many bytes compressed ones give; false where they are not LZF.
func unpackedSize(p []byte) (size int, ok bool) {
	if len(p) == 0 {
		return 0, false
	}
	for i := 0; i < len(p); {
		head := int(p[i])
		i++
		if head < lzfLiteral {
			i += head + 1
			size += head + 1
			if i > len(p) {
				return 0, false
			}
			continue
		}
		n := head >> 5
		if n == 7 {
			if i+1 >= len(p) {
				return 0, false
			}
			n += int(p[i])
			i++
		}
		if i >= len(p) {
			return 0, false
		}
		off := (head&0x1f)<<8 | int(p[i])
		i++
		if off >= size {
			return 0, false // before the beginning
		}
		size += n + 2
	}
	return size, true
}

// unpack appends what compressed bytes give, which unpackedSize has found sound, to dst,
// which must be empty.
func unpack(dst, p []byte) []byte {
	for i := 0; i < len(p); {
		head := int(p[i])
		i++
		if head < lzfLiteral {
			dst = append(dst, p[i:i+head+1]...)
			i += head + 1
			continue
		}
		n := head >> 5
		if n == 7 {
			n += int(p[i])
			i++
		}
		dst = repeat(dst, (head&0x1f)<<8|int(p[i])+1, n+2)
		i++
	}
	return dst
}

// repeat appends the n bytes from off bytes before the end on. Where those run into what
// is appended, it is more and more at a time.
func repeat(dst []byte, off, n int) []byte {
	from := len(dst) - off
	for n > 0 {
		k := min(n, len(dst)-from)
		dst = append(dst, dst[from:from+k]...)
		n -= k
	}
	return dst
}
