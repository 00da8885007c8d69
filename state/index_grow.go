package state

// How segments grow, are split in two, shrink and become one again, one at a time.

// merged is how many keys two segments that were one may have together to become
// one again: half of the 45 that make the smallest segment grow.
const merged = 22

// merge undoes splits, as far as there is so little left. So what walks over all
// segments takes no longer than the keys that there are make it.
func (x *index) merge(h uint64) {
	for {
		n := x.dir[h>>(64-x.bits)]
		s := x.segs[n]
		if s.depth == 0 {
			return
		}
		upper := uint64(1) << (64 - s.depth)
		number := x.dir[(h^upper)>>(64-x.bits)]
		other := x.segs[number]
		if other.depth != s.depth || other.n+s.n > merged {
			return
		}
		both := x.newSegment(0, s.depth-1)
		low, high := s.slots, other.slots
		if h&upper != 0 {
			low, high = high, low
		}
		if !both.fill(low, high) {
			x.drop(&both)
			return
		}
		if s.depth == x.bits {
			x.full -= 2
		}
		x.drop(&s)
		x.drop(&other)
		x.segs[number] = segment{}
		x.free = append(x.free, number)
		x.assign(n, both, h)
		for x.bits > 0 && x.full == 0 {
			x.shrink()
		}
	}
}

// assign makes s segment n, for the hashes that begin as h does.
func (x *index) assign(n uint32, s segment, h uint64) {
	x.segs[n] = s
	if s.depth == x.bits {
		x.full++
	}
	first := h &^ (1<<(64-s.depth) - 1) >> (64 - x.bits)
	for i := range uint64(1) << (x.bits - s.depth) {
		x.dir[first+i] = n
	}
}

// step is the size of a segment, see segmentBytes.
func (s *segment) step() int {
	step := 0
	for segmentBytes(step) < 8*len(s.slots) {
		step++
	}
	return step
}

// resize moves a segment into one of another size; false where its end is too
// crowded for that.
func (x *index) resize(n uint32, step int) bool {
	old := x.segs[n]
	s := x.newSegment(step, old.depth)
	if !s.fill(old.slots) {
		x.drop(&s)
		return false
	}
	x.segs[n] = s
	x.drop(&old)
	return true
}

// fill takes the slots of others over, in order; false where there is no place for
// all at the end.
func (s *segment) fill(others ...[]uint64) bool {
	next := 0
	for _, slots := range others {
		for _, slot := range slots {
			if slot == 0 {
				continue
			}
			next = max(next, s.home(slot))
			if next >= len(s.slots)-1 {
				return false
			}
			s.slots[next] = slot
			next++
			s.n++
		}
	}
	return true
}

// split makes two segments of the one that a hash belongs to, or more where all
// its keys are in one corner.
func (x *index) split(n uint32, h uint64) {
	old := x.segs[n]
	x.halve(n, old.slots, old.depth, h)
	x.drop(&old)
}

// halve makes a segment of each half of the hashes that begin as h does, to a
// depth; the lower gets number n.
func (x *index) halve(n uint32, slots []uint64, depth uint, h uint64) {
	if depth == x.bits {
		x.double()
	}
	upper := uint64(1) << (63 - depth)
	h &^= upper<<1 - 1 // the first of these hashes
	half := 0          // the first slot of the upper half
	for half < len(slots) && (slots[half] == 0 || slots[half]&upper == 0) {
		half++
	}
	other := uint32(len(x.segs))
	if last := len(x.free) - 1; last >= 0 {
		other, x.free = x.free[last], x.free[:last]
	} else {
		x.segs = append(x.segs, segment{})
	}
	x.install(n, slots[:half], depth+1, h)
	x.install(other, slots[half:], depth+1, h|upper)
}

// install makes segment n of slots, the smallest that is not full, for the hashes
// that begin as h does.
func (x *index) install(n uint32, slots []uint64, depth uint, h uint64) {
	keys := 0
	for _, slot := range slots {
		if slot != 0 {
			keys++
		}
	}
	for step := 0; step <= lastStep || depth == deepest; step++ {
		if keys >= room(segmentBytes(step)/8) {
			continue
		}
		s := x.newSegment(step, depth)
		if s.fill(slots) {
			x.assign(n, s, h)
			return
		}
		x.drop(&s)
	}
	x.halve(n, slots, depth, h)
}

// double makes the directory twice as large.
func (x *index) double() {
	dir := make([]uint32, 2*len(x.dir))
	for i, n := range x.dir {
		dir[2*i], dir[2*i+1] = n, n
	}
	x.dir, x.bits, x.full = dir, x.bits+1, 0
}

// shrink makes it half as large.
func (x *index) shrink() {
	dir := make([]uint32, len(x.dir)/2)
	for i := range dir {
		dir[i] = x.dir[2*i]
	}
	x.dir, x.bits, x.full = dir, x.bits-1, 0
	for i := range x.segs {
		if s := &x.segs[i]; s.slots != nil && s.depth == x.bits {
			x.full++
		}
	}
}
