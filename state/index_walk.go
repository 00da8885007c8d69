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

// cacheLine is what the processor asks of memory at once, in bytes.
const cacheLine = 64

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
	next := rnd()
	x.prefetchGroup(next, depth)
	for {
		r := next
		next = rnd() // half of all draws need it: its group comes nearer meanwhile
		x.prefetchGroup(next, depth)
		from := r &^ (1<<(64-depth) - 1)
		last := from + (1<<(64-depth) - 1)
		n := uint64(x.groupSize(from, last))
		if place := r & (1<<32 - 1) % max(places, n); place < n {
			return x.pick(from, last, int(place))
		}
	}
}

// prefetchGroup asks for all slots of a group side by side: they lie in ten lines of the
// cache or so, of which the processor would ask for two or three in vain before it sees
// what is going on.
func (x *index) prefetchGroup(h uint64, depth uint) {
	width := uint64(1)<<(64-depth) - 1
	s := x.segment(h)
	for i, end := s.home(h&^width), s.home(h|width); i <= end; i += cacheLine / 8 {
		prefetch(unsafe.Pointer(&s.slots[i]))
	}
}

// groupSize is how many records have hashes from one to another that begin alike, to a
// depth that is at most that of a tag.
func (x *index) groupSize(from, last uint64) (n int) {
	for {
		s := x.segment(from)
		for _, slot := range s.span(from, last) {
			n += full(slot)
		}
		if from |= 1<<(64-s.depth) - 1; from >= last {
			return n
		}
		from++
	}
}

// pick is the record at a place among these.
func (x *index) pick(from, last uint64, place int) ref {
	for {
		s := x.segment(from)
		for _, slot := range s.span(from, last) {
			if place -= full(slot); place < 0 {
				return slot & refMask
			}
		}
		from = (from | (1<<(64-s.depth) - 1)) + 1
	}
}

// span is where the slots of hashes from one to another lie in a segment: what is not
// empty of it is theirs. Empty slots are strewn about in it, so that who branches on each
// takes the wrong way every third time.
func (s *segment) span(from, last uint64) []uint64 {
	begin := s.home(from)
	for s.slots[begin] != 0 && s.slots[begin] < from { // pushed away by smaller ones
		begin++
	}
	end := max(begin, s.home(last))
	for s.slots[end] != 0 && s.slots[end] <= last {
		end++
	}
	return s.slots[begin:end]
}

// full is 1 for a slot that is not empty.
func full(slot uint64) int { return int((slot | -slot) >> 63) }
