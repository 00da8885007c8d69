package rdb

import "encoding/binary"

// A ziplist is what a listpack was before Redis 7: each entry says how long the one before
// it is. The head of an entry:
//
//	00llllll                     text
//	01llllll l u8                text
//	10______ l u32 BE            text
//	11000000 | 11010000 | 11100000 | 11110000 | 11111110   i16, i32, i64, i24, i8, LE
//	1111nnnn                     n-1 itself, n from 1 to 13
const (
	ziplistHead = 10
	ziplistWide = 0xfe // a length of 4 bytes follows
)

// walkZiplist hands out all entries of a ziplist.
func (r *reader) walkZiplist(p []byte, each func(x []byte)) {
	if len(p) < ziplistHead+1 || uint64(binary.LittleEndian.Uint32(p)) != uint64(len(p)) || p[len(p)-1] != packEnd {
		r.fail("a ziplist has another length")
		return
	}
	at, last, n := ziplistHead, ziplistHead, 0
	for p[at] != packEnd {
		size, x := r.ziplistEntry(p[at:len(p)-1], uint64(at-last))
		if !r.ok() {
			return
		}
		each(x)
		last, at = at, at+size
		n++
	}
	tail := binary.LittleEndian.Uint32(p[4:])
	switch {
	case at != len(p)-1:
		r.fail("a ziplist ends before its end")
	case uint64(tail) > uint64(len(p)-1) || n > 0 && uint64(tail) != uint64(last):
		r.fail("a ziplist has another last entry")
	case !counted(binary.LittleEndian.Uint16(p[8:]), n):
		r.fail("a ziplist has another number of entries")
	}
}

// ziplistEntry reads the entry that p begins with, behind one of so many bytes, and says
// how many it has itself.
func (r *reader) ziplistEntry(p []byte, before uint64) (size int, x []byte) {
	head, said := 1, uint64(p[0])
	if p[0] == ziplistWide && len(p) >= 5 {
		head, said = 5, uint64(binary.LittleEndian.Uint32(p[1:]))
	}
	if said != before || head == len(p) || head == 1 && p[0] == ziplistWide {
		r.fail("an entry of a ziplist has another length")
		return 0, nil
	}
	more, n, isInt := ziplistLengths(p[head:])
	head += more
	if more == 0 || n > uint64(len(p)-head) {
		r.fail("an entry of a ziplist is damaged")
		return 0, nil
	}
	size = head + int(n)
	switch b := p[head-1]; {
	case !isInt:
		return size, p[head:size:size]
	case n == 0:
		return size, r.decimal(int64(b&0xf) - 1)
	}
	return size, r.decimal(littleInt(p[head:size]))
}

// ziplistLengths is how many bytes the head of an entry has, 0 where it is none, and how
// many follow it.
func ziplistLengths(p []byte) (head int, n uint64, isInt bool) {
	switch b := p[0]; {
	case b < 0x40:
		return 1, uint64(b), false
	case b < 0x80 && len(p) > 1:
		return 2, uint64(b&0x3f)<<8 | uint64(p[1]), false
	case b >= 0x80 && b < 0xc0 && len(p) > 4:
		return 5, uint64(binary.BigEndian.Uint32(p[1:])), false
	case b == 0xc0:
		return 1, 2, true
	case b == 0xd0:
		return 1, 4, true
	case b == 0xe0:
		return 1, 8, true
	case b == 0xf0:
		return 1, 3, true
	case b == 0xfe:
		return 1, 1, true
	case b > 0xf0 && b < 0xfe:
		return 1, 0, true
	}
	return 0, 0, false
}

const zipmapWide = 0xfe // a length of 4 bytes follows, or there are too many fields to say

// walkZipmap hands out the fields and values of a zipmap.
func (r *reader) walkZipmap(p []byte, each func(x []byte)) {
	if len(p) < 2 || p[len(p)-1] != packEnd {
		r.fail("a zipmap has no end")
		return
	}
	rest := p[1 : len(p)-1] // the end is no part of a field
	n := 0
	for ; r.ok() && len(rest) > 0 && rest[0] != packEnd; n++ {
		for _, slack := range []int{0, 1} {
			var x []byte
			if x, rest = r.zipmapPart(rest, slack); r.ok() {
				each(x)
			}
		}
	}
	switch {
	case !r.ok():
	case len(rest) > 0:
		r.fail("a zipmap ends before its end")
	case p[0] != zipmapWide && int(p[0]) != n:
		r.fail("a zipmap has another number of fields")
	}
}

// zipmapPart reads a field, or a value, before which there is a byte that says how many
// mean nothing behind it.
func (r *reader) zipmapPart(p []byte, slack int) (x, rest []byte) {
	head, n := 1, uint64(0)
	if len(p) > 0 {
		n = uint64(p[0])
	}
	if n >= zipmapWide && len(p) >= 5 {
		if head, n = 5, uint64(binary.LittleEndian.Uint32(p[1:])); n < zipmapWide {
			r.fail("a length in a zipmap is longer than it need be")
			return nil, nil
		}
	}
	head += slack
	free := uint64(0)
	if slack > 0 && len(p) >= head {
		free = uint64(p[head-1])
	}
	if len(p) < head || n+free > uint64(len(p)-head) {
		r.fail("a field of a zipmap is damaged")
		return nil, nil
	}
	end := head + int(n)
	return p[head:end:end], p[end+int(free):]
}
