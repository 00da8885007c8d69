package state

import (
	"encoding/binary"
	"math"
)

// never is the time of an expiry that does not exist.
const never = math.MaxInt64

// expiryHeap holds the records of a database that have an expiry, the earliest
// on top; ties are broken by key. So the order in which keys expire follows from
// the state alone, not from how it came to be. It is a binary heap: the children
// of place i are at 2i+1 and 2i+2. Every record knows its place.
//
// It lies in pieces, so that it grows without being moved.
type expiryHeap struct {
	d      *database
	pieces [][]expiring
	n      int
}

type expiring struct {
	at int64
	r  ref
}

const (
	pieceShift = 10
	pieceSize  = 1 << pieceShift
)

func (h *expiryHeap) item(i int) *expiring { return &h.pieces[i>>pieceShift][i&(pieceSize-1)] }

func (h *expiryHeap) before(i, j int) bool {
	a, b := h.item(i), h.item(j)
	return a.at < b.at || a.at == b.at && string(h.d.key(a.r)) < string(h.d.key(b.r))
}

// tell writes its place into the record at place i.
func (h *expiryHeap) tell(i int) {
	binary.LittleEndian.PutUint32(h.d.mem.at(h.item(i).r)[headBytes+8:], uint32(i))
}

func (h *expiryHeap) swap(i, j int) {
	a, b := h.item(i), h.item(j)
	*a, *b = *b, *a
	h.tell(i)
	h.tell(j)
}

// settle moves what is at a place up or down to where it belongs.
func (h *expiryHeap) settle(i int) {
	for i > 0 && h.before(i, (i-1)/2) {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < h.n; child++ {
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

// add takes in a record that has its expiry already.
func (h *expiryHeap) add(r ref, at int64) {
	if h.n == len(h.pieces)<<pieceShift {
		h.pieces = append(h.pieces, make([]expiring, pieceSize))
	}
	*h.item(h.n) = expiring{at, r}
	h.n++
	h.tell(h.n - 1)
	h.settle(h.n - 1)
}

func (h *expiryHeap) remove(place int) {
	last := h.n - 1
	*h.item(place) = *h.item(last)
	*h.item(last) = expiring{}
	h.n--
	if place < last {
		h.tell(place)
		h.settle(place)
	}
	if len(h.pieces) > 1 && h.n <= (len(h.pieces)-2)<<pieceShift {
		h.pieces = h.pieces[:len(h.pieces)-1]
	}
}

// moved says that the record at a place lies elsewhere now.
func (h *expiryHeap) moved(place uint32, r ref) { h.item(int(place)).r = r }

// change gives what is at a place another expiry.
func (h *expiryHeap) change(place int, at int64) {
	h.item(place).at = at
	h.settle(place)
}

// first is the earliest expiry.
func (h *expiryHeap) first() int64 {
	if h.n == 0 {
		return never
	}
	return h.item(0).at
}

// put stores e, which is at old or nowhere yet, with an expiry (0 for none), and
// makes it part of the database's sum again.
func (s *State) put(d *database, h uint64, old ref, e *entry, at int64) {
	first, was := d.due.first(), e.expire
	if was != 0 && at == 0 {
		d.due.remove(int(e.heap))
	}
	e.expire = at
	r := d.store(d.keys, h, old, e)
	switch {
	case at == 0:
	case was == 0:
		d.due.add(r, at)
	case was != at:
		d.due.change(int(e.heap), at)
	}
	if d.due.first() != first {
		s.findNext()
	}
	d.remember(e)
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
			return db, d.key(d.due.item(0).r), true
		}
	}
	return 0, nil, false
}

// NextExpiry is the earliest expiry of all, in ms since 1970.
func (s *State) NextExpiry() (atMS int64, ok bool) { return s.next, s.next != never }

// Expired reports whether a key is there but due.
func (s *State) Expired(db int, key []byte, nowMS int64) bool {
	d := s.dbs[db]
	if d.due.n == 0 {
		return false
	}
	r := d.keys.find(d.secret.hash(key), key)
	return r != 0 && dueRecord(d.mem.at(r), nowMS)
}
