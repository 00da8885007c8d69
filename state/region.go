package state

import "runtime"

// region is the memory of one long string that has been changed in part: addresses of its
// own, several times as many as it has bytes (spread), so that it grows where it is. What
// no string has written to in it is zero.
//
// Keys that are copies of each other may have the same region, and what moves out of one
// still has it (long.go). When none has it any more it is given back, a little with each
// event; but one of which something was lent (see [View.Lend]) only by the collector, which
// finds out when the last reader is done.
type region struct {
	all     []byte
	refs    int  // of strings that are in it, or move out of it
	lent    bool // a reader may have it
	ready   int  // so many bytes from its beginning have memory, or will soon
	cleanup runtime.Cleanup
}

// newRegion is a region with room for n bytes, and for more as far as a string can be longer. It panics with an *OutOfMemory
// where there is none.
func (d *database) newRegion(n int) *region {
	for times := spread; ; times /= 2 { // where the system counts addresses, fewer will do
		all, err := newAddresses(max(n, min(n*times, maxString)))
		if err == nil {
			r := &region{all: all, refs: 1}
			r.cleanup = runtime.AddCleanup(r, freeArena, all)
			if n >= hugeFrom {
				wantHuge(all)
			}
			return r
		}
		if times <= 1 {
			panic(&OutOfMemory{Want: int64(n), Used: d.taken(), Err: err})
		}
	}
}

// aheadBytes are asked for ahead of a string that grows, and as many when half of them
// are left; of a short string an eighth of its length.
const aheadBytes = 4 << 20

// ahead is called when a string has grown to n bytes. What it will have next gets memory
// beside: the system takes up to 2 ms for 256 KiB, or for a huge page. Where the region is
// given back meanwhile that memory is asked for in vain, or for what lies there next.
func (r *region) ahead(n int) {
	most := min(aheadBytes, n/8)
	if from := max(n, r.ready); from-n < most/2 {
		r.ready = min(len(r.all), n+most)
		populate(r.all[from&^(pageBytes-1):r.ready], r)
	}
}

// pageBytes is how long the pages of most systems are: what is asked for begins with one.
const pageBytes = 4 << 10

// letGo says that a string has a region no more, of which it had used some bytes.
func (d *database) letGo(r *region, used int) {
	if r.refs--; r.refs > 0 {
		return
	}
	if r.lent {
		d.letGone += int64(used)
		return
	}
	d.spent = append(d.spent, spent{r, used})
	d.spentBytes += used
}

// spent is a region that is being given back.
type spent struct {
	*region
	used int // its first bytes still have memory
}

const (
	// giveBack bytes of spent regions are given back after an event: the system takes
	// about 0.1 ms for so many.
	giveBack = 1 << 20

	// giveShare: where there are many, it is one part of so many, lest they become ever more.
	giveShare = 64
)

// unspend gives some memory of spent regions back to the system.
func (d *database) unspend() {
	for left := max(giveBack, d.spentBytes/giveShare); left > 0 && len(d.spent) > 0; {
		last := &d.spent[len(d.spent)-1]
		n := min(left, last.used)
		discard(last.all[last.used-n : last.used])
		left -= n
		last.used -= n
		d.spentBytes -= n
		if last.used == 0 {
			last.cleanup.Stop()
			freeArena(last.all)
			*last = spent{}
			d.spent = d.spent[:len(d.spent)-1]
		}
	}
}

// LetGone is how many bytes of long strings have been let go since it was asked for last of
// which the collector has to find that no reader has them any more. It does not know how
// many they are, so whoever owns the state should have it run when they are.
func (s *State) LetGone() (n int64) {
	for _, d := range s.dbs {
		n += d.letGone
	}
	return n
}

// Collecting says that the collector has been asked to run for what was let go so far.
func (s *State) Collecting() {
	for _, d := range s.dbs {
		d.letGone = 0
	}
}
