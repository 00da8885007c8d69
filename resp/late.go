package resp

import (
	"slices"
	"sort"
	"strconv"
)

// ArrayFrom puts an array's header before the n values that were written from an offset
// on: for who knows how many there are only when they are written, so that nothing need be
// kept meanwhile.
func (w *Writer) ArrayFrom(offset, n int) { w.headerFrom(offset, '*', n) }

// SetFrom is ArrayFrom for a set.
func (w *Writer) SetFrom(offset, n int) {
	if w.resp3 {
		w.headerFrom(offset, '~', n)
		return
	}
	w.headerFrom(offset, '*', n)
}

// headerFrom moves no more than what is in buf: elsewhere the header becomes a part of its
// own, and that in which the offset lies is cut in two.
func (w *Writer) headerFrom(offset int, kind byte, n int) {
	if offset >= w.before {
		room := [24]byte{kind}
		head := append(strconv.AppendInt(room[:1], int64(n), 10), '\r', '\n')
		w.buf = slices.Insert(w.buf, offset-w.before, head...)
		return
	}
	head := append(strconv.AppendInt([]byte{kind}, int64(n), 10), '\r', '\n')
	i := sort.Search(len(w.parts), func(i int) bool { return w.parts[i].end > offset })
	cut := w.parts[i]
	cut.data = cut.data[:len(cut.data)-(cut.end-offset)]
	cut.end = offset
	w.parts[i].data = w.parts[i].data[len(cut.data):]
	added := []part{cut, {end: offset, data: head, blocks: cut.blocks}}
	if len(cut.data) == 0 {
		added = added[1:]
	}
	w.parts = slices.Insert(w.parts, i, added...)
	for k := i + len(added) - 1; k < len(w.parts); k++ {
		w.parts[k].end += len(head)
	}
	w.before += len(head)
}
