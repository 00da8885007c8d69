package state

import (
	"slices"
	"sort"

	"github.com/altilium-db/altilium/state/event"
)

// rows is values in the order of their ids, each of which is there once, in blocks of at
// most blockRows: without pointers, found by bisection, and none is moved by more than a
// block when another comes or goes.
type rows[T row] struct {
	blocks [][]T // none is empty
	n      int
}

type row interface{ at() event.ID }

const blockRows = 128

func (r *rows[T]) clone() rows[T] {
	c := rows[T]{blocks: slices.Clone(r.blocks), n: r.n}
	for i := range c.blocks {
		c.blocks[i] = slices.Clone(c.blocks[i])
	}
	return c
}

// seek is the place of the first row that is not below id; b is len(r.blocks) where all
// are.
func (r *rows[T]) seek(id event.ID) (b, i int) {
	b = sort.Search(len(r.blocks), func(b int) bool {
		block := r.blocks[b]
		return !block[len(block)-1].at().Less(id)
	})
	if b < len(r.blocks) {
		i = sort.Search(len(r.blocks[b]), func(i int) bool { return !r.blocks[b][i].at().Less(id) })
	}
	return b, i
}

// seekOn is seek for one who goes on from a place that is not behind what is sought. Where
// that is in the same block, which it is nearly always, the way there is short.
func (r *rows[T]) seekOn(b, i int, id event.ID) (int, int) {
	if b < len(r.blocks) {
		if block := r.blocks[b]; !block[len(block)-1].at().Less(id) {
			for block[i].at().Less(id) {
				i++
			}
			return b, i
		}
	}
	return r.seek(id)
}

// find is the row with this id, nil where there is none. It is valid until the next
// insert or remove.
func (r *rows[T]) find(id event.ID) *T {
	if b, i := r.seek(id); b < len(r.blocks) && r.blocks[b][i].at() == id {
		return &r.blocks[b][i]
	}
	return nil
}

// insert adds a row whose id is not there.
func (r *rows[T]) insert(x T) {
	r.n++
	b, i := r.seek(x.at())
	if b == len(r.blocks) { // behind all others
		if b == 0 || len(r.blocks[b-1]) == blockRows {
			r.blocks = append(r.blocks, []T{x})
			return
		}
		b, i = b-1, len(r.blocks[b-1])
	}
	if block := r.blocks[b]; len(block) == blockRows {
		r.blocks[b] = block[: blockRows/2 : blockRows/2]
		r.blocks = slices.Insert(r.blocks, b+1, slices.Clone(block[blockRows/2:]))
		if i > blockRows/2 {
			b, i = b+1, i-blockRows/2
		}
	}
	r.blocks[b] = slices.Insert(r.blocks[b], i, x)
}

// remove removes the row with this id, which is there.
func (r *rows[T]) remove(id event.ID) {
	r.n--
	b, i := r.seek(id)
	r.blocks[b] = slices.Delete(r.blocks[b], i, i+1)
	switch n := len(r.blocks[b]); {
	case n == 0:
		r.blocks = slices.Delete(r.blocks, b, b+1)
	case b > 0 && n+len(r.blocks[b-1]) <= blockRows/2:
		r.blocks[b-1] = append(r.blocks[b-1], r.blocks[b]...)
		r.blocks = slices.Delete(r.blocks, b, b+1)
	}
}

// each hands the rows to fn, from the first that is not below an id, until it returns
// false.
func (r *rows[T]) each(from event.ID, fn func(*T) bool) {
	b, i := r.seek(from)
	for ; b < len(r.blocks); b, i = b+1, 0 {
		for ; i < len(r.blocks[b]); i++ {
			if !fn(&r.blocks[b][i]) {
				return
			}
		}
	}
}
