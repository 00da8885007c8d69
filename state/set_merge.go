package state

// Large sets are sorted by the hashes of their members, and all by the same secret. So
// several of them are one row, which is walked from end to end: no member is hashed or
// looked for, and only those are compared whose hashes begin alike.

// UnionOf hands out the members of any of some sets, each once; false where the sets are
// not ones that can be merged: small ones, or too many. Members are valid until the next
// Apply.
func UnionOf(sets []Members, fn func(member []byte)) (ok bool) {
	const most = 8 // each member takes a step for each set
	if len(sets) > most {
		return false
	}
	var rows []walk
	for i := range sets {
		x := sets[i].fields.index
		switch {
		case sets[i].Len() == 0:
			continue
		case x == nil:
			return false
		}
		r := walk{x: x, slot: -1}
		if r.next() {
			rows = append(rows, r)
		}
	}
	for len(rows) > 0 {
		first := 0
		for i := 1; i < len(rows); i++ {
			if rows[i].before(&rows[first]) {
				first = i
			}
		}
		fn(rows[first].key())
		at := rows[first]
		for i := len(rows) - 1; i >= 0; i-- { // what is last may be gone
			if (i == first || rows[i].same(&at)) && !rows[i].next() {
				rows = append(rows[:i], rows[i+1:]...)
			}
		}
	}
	return true
}

// walk is a place in a large set, on the way from its first member to its last.
type walk struct {
	x    *index
	from uint64 // the first hash of the segment
	slot int
	at   uint64 // what the slot has
}

// next goes on to the next member; false behind the last.
func (r *walk) next() bool {
	const ahead = 16 // slots: as many records are on their way
	s := r.x.segment(r.from)
	for {
		if r.slot++; r.slot == len(s.slots) {
			if r.from += 1 << (64 - s.depth); r.from == 0 || s.depth == 0 {
				return false
			}
			s, r.slot = r.x.segment(r.from), -1
			continue
		}
		if k := r.slot + ahead; k < len(s.slots) && s.slots[k] != 0 {
			r.x.db.prefetch(s.slots[k] & refMask)
		}
		if r.at = s.slots[r.slot]; r.at != 0 {
			return true
		}
	}
}

func (r *walk) key() []byte { return r.x.db.key(r.at & refMask) }

// before reports whether a walk's member comes before that of another.
func (r *walk) before(o *walk) bool {
	if a, b := r.at&tagMask, o.at&tagMask; a != b {
		return a < b
	}
	key := o.key()
	return r.x.before(r.at&refMask, o.x.db.secret.hash(key), key)
}

// same reports whether a walk's member is that of another.
func (r *walk) same(o *walk) bool {
	return r.at&tagMask == o.at&tagMask && string(r.key()) == string(o.key())
}
