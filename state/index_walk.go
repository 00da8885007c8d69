package state

import (
	"math/bits"
	"unsafe"
)

// Walking the keys in order, and drawing one of them.

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
// has 32 to 64 on average, one in 10^7 more than fair. Larger groups would be read for
// longer, smaller ones differ so much that most draws hit no key, and each reads memory
// that is far away.
const fair = 108

// groupDepth is of how many bits the hashes of a group of n keys are the same.
func groupDepth(n int) uint { return uint(max(bits.Len(uint(n))-6, 0)) }

// random draws a group of hashes that begin alike, as wide as the number of keys
// says, then a place in it, until there is a key at that place: so every key is
// drawn as often as the others, and which one it is follows from the keys and the
// random numbers alone, not from how the segments came to be. A recorded RANDOMKEY
// finds the same key when it is played on a state that was loaded.
func (x *index) random(rnd func() uint64) ref {
	depth := groupDepth(x.n)
	places := uint64(fair)
	if depth == 0 {
		places = uint64(x.n)
	}
	var refs groupRefs
	next := rnd()
	for {
		r := next
		next = rnd() // half of all draws need it: its group comes nearer meanwhile
		s := x.segment(next)
		prefetch(unsafe.Pointer(&s.slots[s.home(next&^(1<<(64-depth)-1))]))
		n := x.group(&refs, r, depth)
		place := r & (1<<32 - 1) % max(places, uint64(n))
		if place < uint64(n) {
			return refs[place%uint64(len(refs))]
		}
	}
}

// groupRefs are the records of a group; of a larger one the last that it has.
type groupRefs [128]ref

// group is the records whose hashes begin as h does, to a depth, and how many
// they are. A depth is at most that of a tag.
func (x *index) group(refs *groupRefs, h uint64, depth uint) (n int) {
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
				refs[uint(n)%uint(len(refs))] = slot & refMask
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
