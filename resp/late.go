package resp

import (
	"slices"
	"sort"
	"strconv"
)

// ArrayFrom puts an array's header before the n values that were written from an offset
// on: for who knows how many there are only when they are written, so that nothing need be
// kept meanwhile. It moves no more than what is in buf: elsewhere the header becomes a part
// of its own, and that in which the offset lies is cut in two.
func (w *Writer) ArrayFrom(offset, n int) {
	room := [24]byte{'*'}
	head := append(strconv.AppendInt(room[:1], int64(n), 10), '\r', '\n')
	if offset >= w.before {
		w.buf = slices.Insert(w.buf, offset-w.before, head...)
		return
	}
	i := sort.Search(len(w.parts), func(i int) bool { return w.parts[i].end > offset })
	cut := w.parts[i]
	cut.data = cut.data[:len(cut.data)-(cut.end-offset)]
	cut.end = offset
	w.parts[i].data = w.parts[i].data[len(cut.data):]
	added := []part{cut, {end: offset, data: slices.Clone(head), blocks: cut.blocks}}
	if len(cut.data) == 0 {
		added = added[1:]
	}
	w.parts = slices.Insert(w.parts, i, added...)
	for k := i + len(added) - 1; k < len(w.parts); k++ {
		w.parts[k].end += len(head)
	}
	w.before += len(head)
}
