package state

import "unsafe"

// How many keys' slots and records are brought into the processor's cache side by side,
// before they are looked up one after the other.

func (x *index) touch(hashes []uint64) {
	if x.n == 0 {
		return
	}
	for len(hashes) > 0 {
		some := hashes[:min(len(hashes), Together)]
		hashes = hashes[len(some):]
		for _, h := range some {
			x.prefetchSlot(h)
		}
		for _, h := range some {
			if r := x.likely(h); r != 0 {
				x.db.prefetch(r)
			}
		}
	}
}

// prefetchSlot asks for where the slot of a hash is at home.
func (x *index) prefetchSlot(h uint64) {
	s := x.segment(h)
	prefetch(unsafe.Pointer(&s.slots[s.home(h)]))
}

// prefetch asks for a record's memory: its first bytes and those near the end of a record
// as most are. Who looks at one finds out where its value is from its first bytes, and
// would wait twice where the value is in another line of the cache.
func (d *database) prefetch(r ref) {
	b := d.mem.at(r)
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
