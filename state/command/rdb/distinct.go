package rdb

import (
	"bytes"
	"hash/maphash"
)

// distinct finds what comes twice. Its table grows with what has come.
type distinct struct {
	seed  maphash.Seed
	items [][]byte
	slots []uint32 // 1 + place among items, from where the hash says on; 0: free
}

// add reports whether x comes for the first time.
func (d *distinct) add(x []byte) bool {
	if 2*len(d.items) >= len(d.slots) {
		d.grow()
	}
	at := d.place(x)
	if d.slots[at] != 0 {
		return false
	}
	d.items = append(d.items, x)
	d.slots[at] = uint32(len(d.items))
	return true
}

// place is the slot of x, or the free one where it belongs.
func (d *distinct) place(x []byte) uint64 {
	mask := uint64(len(d.slots) - 1)
	for at := maphash.Bytes(d.seed, x) & mask; ; at = (at + 1) & mask {
		if k := d.slots[at]; k == 0 || bytes.Equal(d.items[k-1], x) {
			return at
		}
	}
}

func (d *distinct) grow() {
	if d.slots == nil {
		d.seed = maphash.MakeSeed()
	}
	d.slots = make([]uint32, max(16, 2*len(d.slots)))
	for i, x := range d.items {
		d.slots[d.place(x)] = uint32(i) + 1
	}
}
