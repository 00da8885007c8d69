package rdb

import "encoding/binary"

const intsetHead = 8

// walkIntset hands out the integers of an intset, which must ascend.
func (r *reader) walkIntset(p []byte, each func(x []byte)) {
	if len(p) < intsetHead {
		r.fail("an intset has no head")
		return
	}
	width, n := binary.LittleEndian.Uint32(p), uint64(binary.LittleEndian.Uint32(p[4:]))
	p = p[intsetHead:]
	if width != 2 && width != 4 && width != 8 || n == 0 || n*uint64(width) != uint64(len(p)) {
		r.fail("an intset has another length")
		return
	}
	var before int64
	for i := 0; len(p) > 0 && r.ok(); i++ {
		v := littleInt(p[:width])
		if i > 0 && v <= before {
			r.fail("an intset does not ascend")
			return
		}
		each(r.decimal(v))
		before, p = v, p[width:]
	}
}

// appendIntset appends an intset of the least width.
func appendIntset(dst []byte, ascending []int64) []byte {
	width := 2
	for _, v := range []int64{ascending[0], ascending[len(ascending)-1]} {
		for width < 8 && v>>(8*width-1) != v>>63 {
			width *= 2
		}
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(width))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(ascending)))
	for _, v := range ascending {
		for i := range width {
			dst = append(dst, byte(v>>(8*i)))
		}
	}
	return dst
}
