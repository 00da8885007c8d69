package state

import "math"

// never is the time of an expiry that does not exist.
const never = math.MaxInt64

// expiryHeap holds the entries of a database that have an expiry, the earliest
// on top; ties are broken by key. So the order in which keys expire follows from
// the state alone, not from how it came to be. It is a binary heap: the children
// of place i are at 2i+1 and 2i+2. Every entry knows its place, e.heap.
//
// It is written out rather than built on container/heap, which would allocate
// for each SET with an expiry.
type expiryHeap []*entry

func (h expiryHeap) before(i, j int) bool {
	a, b := h[i], h[j]
	return a.expire < b.expire || a.expire == b.expire && a.key < b.key
}

func (h expiryHeap) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heap, h[j].heap = int32(i), int32(j)
}

// settle moves the entry at a place up or down to where it belongs.
func (h expiryHeap) settle(i int) {
	for i > 0 && h.before(i, (i-1)/2) {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			if h.before(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}

func (h *expiryHeap) add(e *entry) {
	e.heap = int32(len(*h))
	*h = append(*h, e)
	h.settle(int(e.heap))
}

func (h *expiryHeap) remove(e *entry) {
	place, last := int(e.heap), len(*h)-1
	h.swap(place, last)
	(*h)[last] = nil
	*h = (*h)[:last]
	e.heap = -1
	if place < last {
		h.settle(place)
	}
}

// first is the earliest expiry.
func (h expiryHeap) first() int64 {
	if len(h) == 0 {
		return never
	}
	return h[0].expire
}

// setExpire gives an entry another expiry, 0 for none. Its sum is not brought up
// to date.
func (s *State) setExpire(d *database, e *entry, at int64) {
	if e.expire == at {
		return
	}
	first, had := d.due.first(), e.expire != 0
	e.expire = at
	switch {
	case had && at == 0:
		d.due.remove(e)
	case had:
		d.due.settle(int(e.heap))
	default:
		d.due.add(e)
	}
	if d.due.first() != first {
		s.findNext()
	}
}

// findNext looks for the earliest expiry after one database's has changed.
func (s *State) findNext() {
	s.next = never
	for _, d := range s.dbs {
		s.next = min(s.next, d.due.first())
	}
}

// Due reports whether any key's expiry (ms since 1970) has come. It is one
// comparison.
func (s *State) Due(nowMS int64) bool { return s.next <= nowMS && s.next != never }

// NextDue is the first key that is due: the earliest expiry, ties by database
// and key. The key is valid until the next Apply.
func (s *State) NextDue(nowMS int64) (db int, key []byte, ok bool) {
	if !s.Due(nowMS) {
		return 0, nil, false
	}
	for db, d := range s.dbs {
		if d.due.first() == s.next {
			return db, bytesOf(d.due[0].key), true
		}
	}
	return 0, nil, false
}

// NextExpiry is the earliest expiry of all, in ms since 1970.
func (s *State) NextExpiry() (atMS int64, ok bool) { return s.next, s.next != never }

// Expired reports whether a key is there but due.
func (s *State) Expired(db int, key []byte, nowMS int64) bool {
	e := s.dbs[db].keys.Get(key)
	return e != nil && e.due(nowMS)
}
