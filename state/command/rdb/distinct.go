package rdb

import (
	"hash/maphash"
	"math/bits"
)

// distinct finds out whether something comes twice. It keeps hashes and not the items
// themselves, and looks at those when all have come: first it deals them out into heaps by
// their first bits, then it looks through each heap with a table that a core's cache holds.
// A table of all would wait for memory at each item, five times as long as all else takes.
//
// Where two hashes are the same it is in doubt: then Decode reads the body once more, exactly.
type distinct struct {
	seed   maphash.Seed
	hashes []uint64

	exact bool // it keeps the items instead
	items map[string]struct{}
}

// expect makes room for n items, which is as many as are announced in so many bytes; but
// for no more than there is reason to believe in.
func (d *distinct) expect(n uint64, left int) {
	const likely = 8 // bytes of an item
	if !d.exact {
		d.hashes = make([]uint64, 0, min(n, uint64(left)/likely))
	}
}

// add reports whether x comes for the first time, for all that is known until differ.
func (d *distinct) add(x []byte) bool {
	switch {
	case d.exact:
		if d.items == nil {
			d.items = map[string]struct{}{}
		}
		before := len(d.items)
		d.items[string(x)] = struct{}{}
		return len(d.items) > before
	case len(d.hashes) == 0:
		d.seed = maphash.MakeSeed()
	}
	d.hashes = append(d.hashes, maphash.Bytes(d.seed, x))
	return true
}

// differ reports whether no two hashes are the same.
func (d *distinct) differ() bool {
	const heap = 2048 // hashes of one, about
	few := bits.Len(uint(len(d.hashes) / heap))
	heaps, most := deal(d.hashes, few)
	table := make([]uint64, 2<<bits.Len(uint(most)))
	for _, h := range heaps {
		clear(table)
		if !differ(h, few, table) {
			return false
		}
	}
	return true
}

// deal puts hashes into heaps by their first few bits, and says how many the largest has.
func deal(hashes []uint64, few int) (heaps [][]uint64, most int) {
	if few == 0 {
		return [][]uint64{hashes}, len(hashes)
	}
	counts := make([]int, 1<<few)
	for _, h := range hashes {
		counts[h>>(64-few)]++
	}
	all := make([]uint64, len(hashes))
	heaps = make([][]uint64, len(counts))
	for i, n := range counts {
		heaps[i], all, most = all[:0:n], all[n:], max(most, n)
	}
	for _, h := range hashes {
		i := h >> (64 - few)
		heaps[i] = append(heaps[i], h)
	}
	return heaps, most
}

// differ is distinct.differ of hashes whose first few bits say nothing, by an empty table
// that is less than half full with them.
func differ(hashes []uint64, few int, table []uint64) bool {
	shift, mask := 64-bits.Len(uint(len(table)-1)), len(table)-1
	for _, h := range hashes {
		h = max(h, 1) // 0 is a free place
		at := int(h << few >> shift)
		for table[at] != 0 {
			if table[at] == h {
				return false
			}
			at = (at + 1) & mask
		}
		table[at] = h
	}
	return true
}
