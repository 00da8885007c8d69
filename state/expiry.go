package state

import "container/heap"

// expiryHeap holds every key that has an expiry, the earliest on top. Ties are
// broken by database and key, so the order in which keys expire follows from
// the state alone.
type expiryHeap struct {
	items []due
	state *State
}

type due struct {
	e  *entry
	db *database
}

func (h *expiryHeap) Len() int { return len(h.items) }

func (h *expiryHeap) Less(i, j int) bool {
	a, b := h.items[i], h.items[j]
	if a.e.expire != b.e.expire {
		return a.e.expire < b.e.expire
	}
	if a.db != b.db {
		return h.state.number(a.db) < h.state.number(b.db)
	}
	return a.e.key < b.e.key
}

func (h *expiryHeap) Swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	h.items[i].e.heap, h.items[j].e.heap = int32(i), int32(j)
}

// Push and Pop are heap.Interface's.
func (h *expiryHeap) Push(x any) {
	d := x.(due)
	d.e.heap = int32(len(h.items))
	h.items = append(h.items, d)
}

func (h *expiryHeap) Pop() any {
	last := len(h.items) - 1
	d := h.items[last]
	d.e.heap = -1
	h.items[last] = due{}
	h.items = h.items[:last]
	return d
}

// number is the number of a database.
func (s *State) number(d *database) int {
	for i, o := range s.dbs {
		if o == d {
			return i
		}
	}
	return -1
}

// setExpire gives an entry another expiry, 0 for none.
func (s *State) setExpire(d *database, e *entry, at int64) {
	if e.expire == at {
		return
	}
	had := e.expire != 0
	e.expire = at
	switch {
	case had && at == 0:
		heap.Remove(&s.heap, int(e.heap))
		d.expires--
	case had:
		heap.Fix(&s.heap, int(e.heap))
	default:
		heap.Push(&s.heap, due{e, d})
		d.expires++
	}
}

// rebuildHeap drops what belongs to no database any more, and orders the rest
// anew: after a flush or a swap.
func (s *State) rebuildHeap(gone func(*database) bool) {
	kept := s.heap.items[:0]
	for _, d := range s.heap.items {
		if gone(d.db) {
			continue
		}
		d.e.heap = int32(len(kept))
		kept = append(kept, d)
	}
	clear(s.heap.items[len(kept):])
	s.heap.items = kept
	heap.Init(&s.heap)
}

// Due reports whether any key's expiry has come. It costs nothing.
func (s *State) Due(nowMS int64) bool {
	return len(s.heap.items) > 0 && s.heap.items[0].e.expire <= nowMS
}

// NextDue is the first key that is due: the earliest expiry, ties by database
// and key. The key is valid until the next Apply.
func (s *State) NextDue(nowMS int64) (db int, key []byte, ok bool) {
	if !s.Due(nowMS) {
		return 0, nil, false
	}
	top := s.heap.items[0]
	return s.number(top.db), []byte(top.e.key), true
}

// NextExpiry is the earliest expiry of all, in ms since 1970.
func (s *State) NextExpiry() (atMS int64, ok bool) {
	if len(s.heap.items) == 0 {
		return 0, false
	}
	return s.heap.items[0].e.expire, true
}

// Expired reports whether a key is there but due.
func (s *State) Expired(db int, key []byte, nowMS int64) bool {
	e := s.dbs[db].keys.Get(key)
	return e != nil && e.expire != 0 && e.expire <= nowMS
}
