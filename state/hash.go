package state

// hash is a large hash: its fields in a row, and an index of them. It moves its
// last field to the place of a deleted one. Small ones are packed (packed.go).
type hash struct {
	pairs []pair
	index map[string]int32 // field to place
	sum   uint64           // of the digests of its pairs
}

type pair struct {
	field string
	value []byte
}

// newHash makes a large hash of a packed one.
func newHash(packed []byte) *hash {
	n := packedLen(packed)
	h := &hash{pairs: make([]pair, 0, n+1), index: make(map[string]int32, n+1)}
	for at := packedHead; at < len(packed); {
		var field, value []byte
		field, value, at = pairAt(packed, at)
		h.set(field, value)
	}
	return h
}

// place finds a field: its place, or -1.
func (h *hash) place(field []byte) int {
	if i, ok := h.index[string(field)]; ok {
		return int(i)
	}
	return -1
}

// set gives a field a value. Both are copied.
func (h *hash) set(field, value []byte) {
	if i := h.place(field); i >= 0 {
		p := &h.pairs[i]
		h.sum += pairDigest(bytesOf(p.field), value) - pairDigest(bytesOf(p.field), p.value)
		p.value = overwrite(p.value, value)
		return
	}
	p := join(field, value)
	h.index[p.field] = int32(len(h.pairs))
	h.pairs = append(h.pairs, p)
	h.sum += pairDigest(field, value)
}

// maxJoined is the size up to which a value shares its field's block. Such a block
// lives as long as its field does, even when a shorter value has replaced this one.
const maxJoined = 256

// join copies a field and its value into one block where that is worth it: one
// allocation instead of two. The value may be overwritten and grow, the field is
// never written to.
func join(field, value []byte) pair {
	if len(value) > maxJoined {
		return pair{string(field), append(make([]byte, 0, len(value)), value...)}
	}
	block := append(append(make([]byte, 0, len(field)+len(value)), field...), value...)
	return pair{textOf(block[:len(field)]), block[len(field):]}
}

// remove deletes a field, which must be there.
func (h *hash) remove(field []byte) {
	i := h.place(field)
	last := len(h.pairs) - 1
	h.sum -= pairDigest(field, h.pairs[i].value)
	delete(h.index, string(field))
	if i != last {
		h.pairs[i] = h.pairs[last]
		h.index[h.pairs[i].field] = int32(i)
	}
	h.pairs[last] = pair{}
	h.pairs = h.pairs[:last]
}

func (h *hash) clone() *hash {
	c := &hash{pairs: make([]pair, 0, len(h.pairs)), index: make(map[string]int32, len(h.pairs))}
	for _, p := range h.pairs {
		c.set(bytesOf(p.field), p.value)
	}
	return c
}

// Fields is the fields and values of a hash. The zero value is that of a key
// that does not exist.
type Fields struct {
	packed []byte // of a small hash
	h      *hash  // a large one

	at, next int // At's last place, and where it has the next one in packed
}

// Len is the number of fields; 0 where there is no key.
func (f *Fields) Len() int {
	switch {
	case f.h != nil:
		return len(f.h.pairs)
	case f.packed != nil:
		return packedLen(f.packed)
	}
	return 0
}

// Get finds a field's value. It is valid until the next Apply.
func (f *Fields) Get(field []byte) ([]byte, bool) {
	switch {
	case f.h != nil:
		if i := f.h.place(field); i >= 0 {
			return f.h.pairs[i].value, true
		}
	case f.packed != nil:
		if value, from, _ := findPacked(f.packed, field); from >= 0 {
			return value, true
		}
	}
	return nil, false
}

// At is the field at a place from 0 to Len()-1. Both slices are valid until the
// next Apply. Going from one place to the next costs nothing, going back in a
// small hash means counting from the first.
func (f *Fields) At(i int) (field, value []byte) {
	if f.h != nil {
		p := &f.h.pairs[i]
		return bytesOf(p.field), p.value
	}
	if f.next == 0 || i <= f.at {
		f.at, f.next = -1, packedHead
	}
	for ; f.at < i; f.at++ {
		field, value, f.next = pairAt(f.packed, f.next)
	}
	return field, value
}

// Small reports whether the hash is stored as a listpack; HSCAN then gives all
// of it at once.
func (f *Fields) Small() bool { return f.packed != nil }

// Scan hands count fields to fn, beginning at a cursor (0 at first), and returns
// the cursor to go on from: 0 when it is done. A field that is there from the
// first call to the last is handed out at least once.
//
// A small hash is handed out whole. A large one is walked from the last place
// down, since deletions move the last element to a lower place and additions come
// above; the cursor is the number of places that are left.
func (f *Fields) Scan(cursor uint64, count int, fn func(field, value []byte)) (next uint64) {
	left := f.Len()
	if f.Small() {
		for i := range left {
			fn(f.At(i))
		}
		return 0
	}
	if cursor > 0 && cursor < uint64(left) {
		left = int(cursor)
	}
	for ; count > 0 && left > 0; count-- {
		left--
		fn(f.At(left))
	}
	return uint64(left)
}
