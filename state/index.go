package state

import (
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
			x.db.prefetch(r)
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

// place is where a record's slot is.
func (s *segment) place(h uint64, r ref) int {
	for i := s.home(h); ; i++ {
		if s.slots[i]&refMask == r {
			return i
		}
	}
}

// has reports whether a record is there.
func (x *index) has(h uint64, r ref) bool {
	if x.n == 0 {
		return false
	}
	s := x.segment(h)
	slot := h&tagMask | r
	for i := s.home(h); ; i++ {
		switch {
		case s.slots[i] == slot:
			return true
		case s.slots[i] == 0 || s.slots[i]&tagMask > h&tagMask:
			return false
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
