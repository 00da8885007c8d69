package rdb

import "encoding/binary"

// listpackHead is how many bytes a listpack has before its elements, and packEnd the byte
// that ends listpacks, ziplists and zipmaps.
const (
	listpackHead = 6
	packEnd      = 0xff
	uncounted    = 0xffff // elements are to be counted
)

// element is one of a listpack: a text, or an integer, whose text is nil.
type element struct {
	text []byte
	n    int64
}

// cursor walks over a listpack.
type cursor struct {
	r    *reader
	p    []byte
	at   int
	seen int // elements
}

// listpack begins to walk over one.
func (r *reader) listpack(p []byte) cursor {
	if r.ok() && (len(p) < listpackHead+1 || uint64(binary.LittleEndian.Uint32(p)) != uint64(len(p)) || p[len(p)-1] != packEnd) {
		r.fail("a listpack has another length")
	}
	return cursor{r: r, p: p, at: listpackHead}
}

// more reports whether there is another element.
func (c *cursor) more() bool { return c.r.ok() && c.p[c.at] != packEnd }

// end checks that the end of the elements is that of the listpack.
func (c *cursor) end() {
	if c.r.ok() && c.at != len(c.p)-1 {
		c.r.fail("a listpack ends before its end")
	}
}

// next reads an element. Its length must stand behind it.
func (c *cursor) next() (e element) {
	if !c.more() {
		c.r.fail("a listpack ends too early")
		return e
	}
	p := c.p[c.at : len(c.p)-1] // the last byte is no element's
	head, size := elementSize(p)
	behind := backBytes(size)
	if head == 0 || size+behind > len(p) || backLength(c.p[:c.at+size+behind]) != uint64(size) {
		c.r.fail("an element of a listpack is damaged")
		return e
	}
	c.at += size + behind
	c.seen++
	if b := p[0]; b < 0x80 || b >= 0xc0 && b < 0xe0 || b > 0xf0 {
		return element{n: elementInt(p[:size])}
	}
	return element{text: p[head:size:size]}
}

// elementSize is how many bytes the head of the element has that p begins with, 0 where
// that is none, and the whole without the length behind it.
func elementSize(p []byte) (head, size int) {
	switch b := p[0]; {
	case b < 0x80:
		return 1, 1
	case b < 0xc0:
		return 1, 1 + int(b&0x3f)
	case b < 0xe0:
		return 1, 2
	case b < 0xf0 && len(p) > 1:
		return 2, 2 + int(b&0xf)<<8 + int(p[1])
	case b == 0xf0 && len(p) > 4:
		return 5, 5 + int(binary.LittleEndian.Uint32(p[1:]))
	case b >= 0xf1 && b <= 0xf3:
		return 1, int(b-0xf0) + 2
	case b == 0xf4:
		return 1, 9
	}
	return 0, 0
}

// elementInt is the integer that an element is.
func elementInt(p []byte) int64 {
	switch b := p[0]; {
	case b < 0x80:
		return int64(b)
	case b < 0xf0:
		return int64(int16(b&0x1f)<<11|int16(p[1])<<3) >> 3
	}
	return littleInt(p[1:])
}

// littleInt is a signed integer of up to 8 bytes.
func littleInt(p []byte) int64 {
	var u uint64
	for i, b := range p {
		u |= uint64(b) << (8 * i)
	}
	unused := 64 - 8*len(p)
	return int64(u<<unused) >> unused
}

// backBytes is how many bytes a length takes that stands behind an element of it.
func backBytes(size int) int {
	switch {
	case size < 128:
		return 1
	case size < 1<<14-1: // and not 1<<14: so it is in Redis
		return 2
	case size < 1<<21-1:
		return 3
	case size < 1<<28-1:
		return 4
	}
	return 5
}

// backLength reads such a length from the end of p.
func backLength(p []byte) (size uint64) {
	for i := range 5 {
		b := p[len(p)-1-i]
		size |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return size
		}
	}
	return ^uint64(0)
}

// walkListpack hands out all elements of a listpack.
func (r *reader) walkListpack(p []byte, each func(x []byte)) {
	c := r.listpack(p)
	for c.more() {
		e := c.next()
		if r.ok() {
			each(r.elementText(e))
		}
	}
	c.end()
	if r.ok() && !counted(binary.LittleEndian.Uint16(p[4:]), c.seen) {
		r.fail("a listpack has another number of elements")
	}
}

// counted reports whether n is what a header says.
func counted(header uint16, n int) bool { return header == uncounted || int(header) == n }

func (r *reader) elementText(e element) []byte {
	if e.text != nil {
		return e.text
	}
	return r.decimal(e.n)
}

// packer makes a listpack.
type packer struct {
	p []byte
	n int // elements
}

// reset begins a new one, in the memory of the last.
func (k *packer) reset() {
	k.p, k.n = append(k.p[:0], make([]byte, listpackHead)...), 0
}

// text adds an element, as an integer if it is the text of one.
func (k *packer) text(x []byte) {
	if v, ok := parseInt(x); ok {
		k.int(v)
		return
	}
	from := len(k.p)
	switch n := len(x); {
	case n < 64:
		k.p = append(k.p, 0x80|byte(n))
	case n < 4096:
		k.p = append(k.p, 0xe0|byte(n>>8), byte(n))
	default:
		k.p = binary.LittleEndian.AppendUint32(append(k.p, 0xf0), uint32(n))
	}
	k.p = append(k.p, x...)
	k.close(from)
}

// int adds an integer.
func (k *packer) int(v int64) {
	from := len(k.p)
	switch {
	case v >= 0 && v < 128:
		k.p = append(k.p, byte(v))
	case v >= -4096 && v < 4096:
		k.p = append(k.p, 0xc0|byte(v>>8)&0x1f, byte(v))
	default:
		n := 2
		for n < 4 && v>>(8*n-1) != v>>63 {
			n++
		}
		head := byte(0xf0 + n - 1)
		if v>>31 != v>>63 {
			head, n = 0xf4, 8
		}
		k.p = append(k.p, head)
		for i := range n {
			k.p = append(k.p, byte(v>>(8*i)))
		}
	}
	k.close(from)
}

// close writes the length of the element that begins at from behind it.
func (k *packer) close(from int) {
	k.n++
	size := len(k.p) - from
	n := backBytes(size)
	for i := n - 1; i >= 0; i-- {
		b := byte(size>>(7*i)) & 0x7f
		if i < n-1 {
			b |= 0x80
		}
		k.p = append(k.p, b)
	}
}

// size is how many bytes the listpack has, its end included.
func (k *packer) size() int { return len(k.p) + 1 }

// bytes ends the listpack. They are valid until the next reset.
func (k *packer) bytes() []byte {
	k.p = append(k.p, packEnd)
	binary.LittleEndian.PutUint32(k.p, uint32(len(k.p)))
	binary.LittleEndian.PutUint16(k.p[4:], uint16(min(k.n, uncounted)))
	return k.p
}
