package state

import (
	"math/bits"
	"sort"
	"unsafe"
)

// keyspace finds records by their keys. It is all that the rest of this package
// knows of how that is done; in the tests a Go map stands in for it.
//
// Its order is a function of the keys alone, not of how they came and went: by
// hash, and by key where hashes are the same.
type keyspace interface {
	find(h uint64, key []byte) ref // 0: it is not there
	insert(h uint64, r ref)        // the record's key must not be there
	remove(h uint64, r ref)
	replace(h uint64, old, r ref) // the record has moved
	count() int
	expect(n int) // so many keys are to come; only while there are none

	// scan hands records to visit in order, beginning at a cursor (0 at first),
	// until that many have been and no more of the same tag follow; it returns
	// the cursor to go on from, 0 at the end.
	scan(cursor uint64, n int, visit func(r ref) bool) (next uint64)

	// skip is a cursor at or before the record at a place of the order, which
	// must be below count, and how many records lie between.
	skip(place int) (cursor uint64, left int)

	// touch reads what find will read for keys of these hashes, all slots first and
	// then all records, so that the processor waits for many of them at once.
	touch(hashes []uint64)

	// random chooses a record, each as likely as the others, nearly; there must
	// be some.
	random(rnd func() uint64) ref
}

// index is the keyspace: a table of slots that is sorted by hash.
//
//	slot     tag: the first 30 bits of the hash | ref: 34 bits     0: empty
//	segment  64 to 4096 slots: all keys whose hashes begin alike
//	dir      by the first bits of the hash, which segment
//
// Within a segment it is linear probing in order: a slot lies at or behind its
// home, the place that its hash has in proportion, and no slot lies before one
// of a smaller hash. So looking for a key ends as soon as a larger tag is seen,
// walking the table is walking the hashes in order, and deleting moves back what
// was pushed away. A segment grows in small steps, each a copy in order, and is
// split in two when it is full; no step takes longer than that, however many
// keys there are. Records are looked at only where tags are the same.
//
// All this holds for hashes that are spread as they should be. Should somebody
// find keys that collide nevertheless, a segment at the deepest depth is made as
// large as it must be, and among keys of the same tag one is found by halving: so
// the rest of the keyspace is not the slower for it, and a key that collides with
// others costs a walk over their slots, not over their records.
type index struct {
	db   *database
	dir  []uint32 // segment numbers; len is 1<<bits
	bits uint
	segs []segment
	n    int
	full int      // segments of depth bits; with none the directory is halved
	free []uint32 // numbers of no segment; those have no slots

}

// segment is part of the index.
//
// Invariants: slots[len-1] is 0, which ends every search; n <= room(len(slots)).
type segment struct {
	slots []uint64
	block ref  // of memory, where slots lie; 0: on Go's heap, beyond the last step
	depth uint // how many first bits its hashes share
	n     int
}

const (
	refMask = 1<<refBits - 1
	tagMask = 1<<64 - 1<<refBits
)

// segmentBytes is the size of a segment of some step: 512 bytes to 16 KiB by
// doubling, then 4 KiB more each, and behind the last step by doubling again.
func segmentBytes(step int) int {
	switch {
	case step <= 5:
		return 512 << step
	case step <= lastStep:
		return (step - 1) * 4096
	}
	return (lastStep - 1) * 4096 << (step - lastStep)
}

const (
	// lastStep is that of the largest segments, which are split.
	lastStep = indexClasses - 1

	// deepest is the depth of those that are not: they go on growing. It is far
	// more than a full database needs, and less than the bits of a tag.
	deepest = 24
)

// largestSlots is how many slots a segment of the last step has.
const largestSlots = (lastStep - 1) * 4096 / 8

// homes is how many of a segment's slots are homes; behind them is room for what
// is pushed away from the last. In those beyond the last step all keys may be.
func homes(slots int) int {
	if slots > largestSlots {
		return slots / 2
	}
	return slots - slots/64 - 12
}

// room is how many keys a segment may have: nine in ten of its homes.
func room(slots int) int { return homes(slots) * 9 / 10 }

// newIndex makes an empty one, which takes no memory yet.
func newIndex(db *database) *index { return &index{db: db, dir: []uint32{0}} }

// newSegment makes an empty one.
func (x *index) newSegment(step int, depth uint) segment {
	if step > lastStep {
		return segment{slots: make([]uint64, segmentBytes(step)/8), depth: depth}
	}
	m := x.db.mem
	s := segment{block: m.alloc(uint8(recordClasses + 1 + step)), depth: depth}
	b := m.at(s.block)[:segmentBytes(step)]
	clear(b)
	s.slots = unsafe.Slice((*uint64)(unsafe.Pointer(&b[0])), len(b)/8) // blocks begin at multiples of 8
	return s
}

// drop gives a segment's memory back.
func (x *index) drop(s *segment) {
	if s.block != 0 {
		x.db.mem.release(s.block)
	}
}

// home is the place that a hash has in a segment.
func (s *segment) home(h uint64) int {
	return int((h & tagMask << s.depth >> 32) * uint64(homes(len(s.slots))) >> 32)
}

func (x *index) segment(h uint64) *segment { return &x.segs[x.dir[h>>(64-x.bits)]] }

func (x *index) count() int { return x.n }

// expect lays out the segments that n keys will fill. Those are no use to keys as
// they come, but to keys in order: into a segment for many hashes these come all
// in one corner, which is split off again and again, until segments hold a tenth
// of what they should.
func (x *index) expect(n int) {
	if x.n > 0 {
		return
	}
	for i := range x.segs {
		x.drop(&x.segs[i])
	}
	x.bits = 0
	for n>>x.bits > room(largestSlots)*7/8 && x.bits < crowdedDepth {
		x.bits++
	}
	each, step := n>>x.bits, 0
	for step < lastStep && room(segmentBytes(step)/8) < each*9/8 { // some get more than others
		step++
	}
	x.full = 1 << x.bits
	x.dir, x.segs, x.free = make([]uint32, x.full), make([]segment, x.full), nil
	for i := range x.segs {
		x.dir[i], x.segs[i] = uint32(i), x.newSegment(step, x.bits)
	}
}

func (x *index) find(h uint64, key []byte) ref {
	if x.n == 0 {
		return 0
	}
	s := x.segment(h)
	tag := h & tagMask
	for i := s.home(h); ; i++ {
		slot := s.slots[i]
		switch {
		case slot&tagMask == tag && slot != 0:
			r := slot & refMask
			x.prefetch(r)
			if string(x.db.key(r)) == string(key) {
				return r
			}
			return x.findAmong(s, i+1, h, key)
		case slot == 0 || slot > tag:
			return 0
		}
	}
}

// findAmong finds a key among those of its tag, which begin at slot i, if any do.
func (x *index) findAmong(s *segment, i int, h uint64, key []byte) ref {
	slot := s.slots[x.among(s, i, h, key)]
	if r := slot & refMask; r != 0 && slot&tagMask == h&tagMask && string(x.db.key(r)) == string(key) {
		return r
	}
	return 0
}

func (x *index) touch(hashes []uint64) {
	if x.n == 0 {
		return
	}
	for len(hashes) > 0 {
		some := hashes[:min(len(hashes), Together)]
		hashes = hashes[len(some):]
		for _, h := range some {
			s := x.segment(h)
			prefetch(unsafe.Pointer(&s.slots[s.home(h)]))
		}
		for _, h := range some {
			if r := x.likely(h); r != 0 {
				x.prefetch(r)
			}
		}
	}
}

// prefetch asks for a record's memory: its first bytes and those near the end of a record
// as most are. Who looks at one finds out where its value is from its first bytes, and
// would wait twice where the value is in another line of the cache.
func (x *index) prefetch(r ref) {
	b := x.db.mem.at(r)
	prefetch(unsafe.Pointer(&b[0]))
	prefetch(unsafe.Pointer(&b[min(55, len(b)-1)]))
}

// Together is how many keys are touched side by side: as many as a core's nearest cache
// still has when their turn comes.
const Together = 64

// likely is the record that a hash belongs to, by all that the index itself knows.
func (x *index) likely(h uint64) ref {
	s := x.segment(h)
	tag := h & tagMask
	for i := s.home(h); ; i++ {
		switch slot := s.slots[i]; {
		case slot&tagMask == tag:
			return slot & refMask
		case slot == 0 || slot > tag:
			return 0
		}
	}
}

// place is where a record's slot is.
func (s *segment) place(h uint64, r ref) int {
	for i := s.home(h); ; i++ {
		if s.slots[i]&refMask == r {
			return i
		}
	}
}

func (x *index) replace(h uint64, old, r ref) {
	s := x.segment(h)
	s.slots[s.place(h, old)] = h&tagMask | r
}

func (x *index) insert(h uint64, r ref) {
	if len(x.segs) == 0 {
		x.segs, x.full = []segment{x.newSegment(0, 0)}, 1
	}
	for {
		n := x.dir[h>>(64-x.bits)]
		s := &x.segs[n]
		full := s.n == room(len(s.slots))
		if !full && x.put(s, h, r) {
			s.n++
			x.n++
			return
		}
		step := s.step()
		switch {
		case s.depth == deepest:
			for !x.resize(n, step+1) {
				step++
			}
		case !full || step == lastStep || !x.resize(n, step+1):
			x.split(n, h)
		}
	}
}

// crowded is how far from its home a slot may come to lie before its segment is
// split, full or not. Keys as they come are never pushed that far; those that
// come in the order of their hashes (a loaded checkpoint, the copies that somebody
// makes of the keys that SCAN shows) are all at home in one corner at first.
const crowded = 96

// crowdedDepth is the depth to which segments are split for that: a directory of
// 4 MiB.
const crowdedDepth = 20

// put places a slot; false where the segment is too crowded for it.
func (x *index) put(s *segment, h uint64, r ref) bool {
	home := s.home(h)
	i := home
	for s.slots[i] != 0 && s.slots[i]&tagMask < h&tagMask {
		i++
	}
	if s.slots[i] != 0 && s.slots[i]&tagMask == h&tagMask {
		i = x.among(s, i, h, x.db.key(r))
	}
	end := i
	for _, slot := range s.slots[i:] { // the longest of these walks, by far
		if slot == 0 {
			break
		}
		end++
	}
	if end == len(s.slots)-1 {
		return false
	}
	far := i - home
	if end > i {
		far = max(far, end-s.home(s.slots[end-1]))
	}
	if far > crowded && s.depth < crowdedDepth {
		return false
	}
	copy(s.slots[i+1:end+1], s.slots[i:end])
	s.slots[i] = h&tagMask | r
	return true
}

// among is where a key belongs among those of its tag, the first of which is in
// slot i: the first slot that does not come before it. They are side by side.
func (x *index) among(s *segment, i int, h uint64, key []byte) int {
	n := 1 // how many they are: at least so many, then exactly
	for s.slots[i+n-1] != 0 && s.slots[i+n-1]&tagMask == h&tagMask {
		if n *= 2; i+n > len(s.slots) {
			n = len(s.slots) - i
			break
		}
	}
	return i + sort.Search(n, func(j int) bool {
		slot := s.slots[i+j]
		return slot == 0 || slot&tagMask != h&tagMask || !x.before(slot&refMask, h, key)
	})
}

// before reports whether a record comes before a key of hash h, whose tag it has.
func (x *index) before(r ref, h uint64, key []byte) bool {
	other := x.db.key(r)
	if o := x.db.secret.hash(other); o != h {
		return o < h
	}
	return string(other) < string(key)
}

func (x *index) remove(h uint64, r ref) {
	s := x.segment(h)
	i := s.place(h, r)
	end := i + 1
	for s.slots[end] != 0 && s.home(s.slots[end]) < end {
		end++
	}
	copy(s.slots[i:], s.slots[i+1:end])
	s.slots[end-1] = 0
	s.n--
	x.n--
	switch step := s.step(); {
	case step > 0 && s.n < room(len(s.slots))/4:
		x.resize(x.dir[h>>(64-x.bits)], step-1) // or not, where it is crowded
	case s.n <= merged && s.depth > 0:
		x.merge(h)
	}
}

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

// A cursor is 1 + the tag of the last record that was handed out. Records whose
// tags are the same are handed out together.

func (x *index) scan(cursor uint64, n int, visit func(r ref) bool) (next uint64) {
	if x.n == 0 {
		return 0
	}
	from := cursor << refBits // the first hash that is wanted
	last := uint64(0)         // tag + 1
	for {
		s := x.segment(from)
		for i := s.home(from); i < len(s.slots); i++ {
			slot := s.slots[i]
			if slot == 0 || slot < from {
				continue
			}
			tag := slot>>refBits + 1
			if n <= 0 && tag != last {
				return last
			}
			n, last = n-1, tag
			if !visit(slot & refMask) {
				return last
			}
		}
		width := uint64(1) << (64 - s.depth)
		from = (from | (width - 1)) + 1
		if from == 0 {
			return 0
		}
	}
}

func (x *index) skip(place int) (cursor uint64, left int) {
	for from := uint64(0); ; {
		s := x.segment(from)
		if place < s.n {
			return from >> refBits, place
		}
		place -= s.n
		from += uint64(1) << (64 - s.depth)
	}
}

// fair is how many keys a group may have for a draw to be exactly fair. A group
// has 8 to 16 on average; one that has more than fair is one in 10^9.
const fair = 48

// random draws a group of hashes that begin alike, as wide as the number of keys
// says, then a place in it, until there is a key at that place: so every key is
// drawn as often as the others, and which one it is follows from the keys and the
// random numbers alone, not from how the segments came to be. A recorded RANDOMKEY
// finds the same key when it is played on a state that was loaded.
func (x *index) random(rnd func() uint64) ref {
	depth := uint(max(bits.Len(uint(x.n))-4, 0))
	places := uint64(fair)
	if depth == 0 {
		places = uint64(x.n)
	}
	var refs [fair]ref
	for {
		r := rnd()
		n := x.group(&refs, r, depth)
		place := r & (1<<32 - 1) % max(places, uint64(n))
		if place < uint64(n) {
			return refs[place%fair]
		}
	}
}

// group is the records whose hashes begin as h does, to a depth, and how many
// they are; of more than fair the last ones. A depth is at most that of a tag.
func (x *index) group(refs *[fair]ref, h uint64, depth uint) (n int) {
	from := h &^ (1<<(64-depth) - 1)
	last := from + (1<<(64-depth) - 1)
	for {
		s := x.segment(from)
		for i := s.home(from); i < len(s.slots); i++ {
			slot := s.slots[i]
			switch {
			case slot == 0 || slot < from:
			case slot > last:
				return n
			default:
				refs[n%fair] = slot & refMask
				n++
			}
		}
		end := from | (1<<(64-s.depth) - 1)
		if end >= last {
			return n
		}
		from = end + 1
	}
}
