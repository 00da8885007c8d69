package state

// hash is the value of a hash: its fields in order, and an index of them once
// it is large. Small ones keep the order in which fields came, as Redis'
// listpacks do; large ones move their last field to the place of a deleted one.
type hash struct {
	pairs []pair
	index map[string]int32 // field to place; nil while small
	sum   uint64           // of the digests of its pairs
}

type pair struct {
	field string
	value []byte
}

// place finds a field: its place, or -1.
func (h *hash) place(field []byte) int {
	if h.index != nil {
		if i, ok := h.index[string(field)]; ok {
			return int(i)
		}
		return -1
	}
	for i := range h.pairs {
		if h.pairs[i].field == string(field) {
			return i
		}
	}
	return -1
}

// set gives a field a value. Both are copied.
func (h *hash) set(field, value []byte) {
	if i := h.place(field); i >= 0 {
		p := &h.pairs[i]
		h.sum += pairDigest(p.field, value) - pairDigest(p.field, p.value)
		p.value = overwrite(p.value, value)
	} else {
		var p pair
		p.field, p.value = join(field, value)
		if h.index != nil {
			h.index[p.field] = int32(len(h.pairs))
		}
		h.pairs = append(h.pairs, p)
		h.sum += pairDigest(p.field, value)
	}
	if h.index == nil && (len(h.pairs) > MaxListpackEntries || len(field) > MaxListpackValue || len(value) > MaxListpackValue) {
		h.grow()
	}
}

// grow makes a small hash a large one, for good.
func (h *hash) grow() {
	h.index = make(map[string]int32, len(h.pairs))
	for i := range h.pairs {
		h.index[h.pairs[i].field] = int32(i)
	}
}

// remove deletes a field and reports whether it was there.
func (h *hash) remove(field []byte) bool {
	i := h.place(field)
	if i < 0 {
		return false
	}
	last := len(h.pairs) - 1
	h.sum -= pairDigest(h.pairs[i].field, h.pairs[i].value)
	if h.index == nil {
		copy(h.pairs[i:], h.pairs[i+1:])
	} else {
		delete(h.index, h.pairs[i].field)
		if i != last {
			h.pairs[i] = h.pairs[last]
			h.index[h.pairs[i].field] = int32(i)
		}
	}
	h.pairs[last] = pair{}
	h.pairs = h.pairs[:last]
	return true
}

func (h *hash) clone() *hash {
	c := &hash{sum: h.sum, pairs: make([]pair, len(h.pairs))}
	for i, p := range h.pairs {
		c.pairs[i].field, c.pairs[i].value = join(bytesOf(p.field), p.value)
	}
	if h.index != nil {
		c.grow()
	}
	return c
}

func (h *hash) encoding() encoding {
	if h.index != nil {
		return encHashtable
	}
	return encListpack
}

// Fields is the fields and values of a hash. The zero value is that of a key
// that does not exist.
type Fields struct{ h *hash }

// Len is the number of fields; 0 where there is no key.
func (f Fields) Len() int {
	if f.h == nil {
		return 0
	}
	return len(f.h.pairs)
}

// Get finds a field's value. It is valid until the next Apply.
func (f Fields) Get(field []byte) ([]byte, bool) {
	if f.h == nil {
		return nil, false
	}
	i := f.h.place(field)
	if i < 0 {
		return nil, false
	}
	return f.h.pairs[i].value, true
}

// At is the field at a place from 0 to Len()-1. Both slices are valid until the
// next Apply.
func (f Fields) At(i int) (field, value []byte) {
	p := &f.h.pairs[i]
	return bytesOf(p.field), p.value
}

// Small reports whether the hash is stored as a listpack; HSCAN then gives all
// of it at once.
func (f Fields) Small() bool { return f.h != nil && f.h.index == nil }

// Scan hands count fields to fn, beginning at a cursor (0 at first), and returns
// the cursor to go on from: 0 when it is done. A field that is there from the
// first call to the last is handed out at least once.
func (f Fields) Scan(cursor uint64, count int, fn func(field, value []byte)) (next uint64) {
	return scan(f.Len(), cursor, count, func(i int) { fn(f.At(i)) })
}

// scan walks from the last place down, since deletions move the last element
// to a lower place and additions come above. The cursor is the number of places
// that are left.
func scan(n int, cursor uint64, count int, visit func(i int)) (next uint64) {
	left := n
	if cursor > 0 && cursor < uint64(n) {
		left = int(cursor)
	}
	for ; count > 0 && left > 0; count-- {
		left--
		visit(left)
	}
	return uint64(left)
}
