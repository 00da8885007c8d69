package state

// View is one database at one moment, read-only: what commands see. A key whose
// expiry has come is not there. It is a small value, to be passed on by value.
type View struct {
	s   *State
	d   *database
	db  int
	now int64
}

// DB is the number of the database.
func (v View) DB() int { return v.db }

// Now is the moment in ms since 1970.
func (v View) Now() int64 { return v.now }

// In is the same moment in another database.
func (v View) In(db int) View { return v.s.View(db, v.now) }

// find looks a key up; nil where it is absent or due.
func (v View) find(key []byte) *entry {
	e := v.peek(key)
	if e != nil && v.s.clock != 0 {
		e.access = v.s.clock
	}
	return e
}

// peek is find without noting the access.
func (v View) peek(key []byte) *entry {
	e := v.d.keys.Get(key)
	if e == nil || e.due(v.now) {
		return nil
	}
	return e
}

// Len is the number of keys, those that are due but not yet removed included,
// as DBSIZE counts.
func (v View) Len() int { return v.d.keys.Len() }

// Type is the type of a key's value, None where there is no key.
func (v View) Type(key []byte) Type {
	if e := v.peek(key); e != nil {
		return e.typ
	}
	return None
}

// Exists reports whether the key is there.
func (v View) Exists(key []byte) bool { return v.find(key) != nil }

// String is a string's value, valid until the next Apply unless it is lent;
// ErrWrongType where the key holds something else.
func (v View) String(key []byte) (val []byte, ok bool, err error) {
	e := v.find(key)
	switch {
	case e == nil:
		return nil, false, nil
	case e.typ != String:
		return nil, false, ErrWrongType
	}
	return e.value, true, nil
}

// LendFrom is the length in bytes from which a value may be lent: a reader keeps
// its slice for as long as it likes and the bytes stay what they are, whatever
// Apply does. So a large reply is not copied. The values of a hash may be lent
// from this length on as they are; a string needs a [View.Lend].
const LendFrom = 16 << 10

// Lend says that somebody keeps the string at key, or part of it, beyond the next
// Apply. It must be of LendFrom bytes or more. The next change inside it makes a
// copy first; what is appended to it comes behind what was lent.
func (v View) Lend(key []byte) {
	if e := v.peek(key); e != nil {
		e.lent = true
	}
}

// Hash is a hash's fields; none where there is no key, ErrWrongType where the
// key holds something else.
func (v View) Hash(key []byte) (Fields, error) {
	e := v.find(key)
	switch {
	case e == nil:
		return Fields{}, nil
	case e.typ != Hash:
		return Fields{}, ErrWrongType
	}
	return Fields{e.hash}, nil
}

// ExpireAt is a key's expiry in ms since 1970, 0 for never; ok is false where
// there is no key.
func (v View) ExpireAt(key []byte) (at int64, ok bool) {
	e := v.peek(key)
	if e == nil {
		return 0, false
	}
	return e.expire, true
}

// Encoding is the word that OBJECT ENCODING answers, "" where there is no key.
func (v View) Encoding(key []byte) string {
	if e := v.peek(key); e != nil {
		return e.enc.String()
	}
	return ""
}

// Idle is how many seconds ago a key was last touched, as far as the server has
// kept track (SetAccessClock).
func (v View) Idle(key []byte) int64 {
	e := v.peek(key)
	if e == nil || e.access == 0 {
		return 0
	}
	return max(0, v.now/1000-int64(e.access))
}

// Touch notes an access to a key and reports whether it is there.
func (v View) Touch(key []byte) bool { return v.find(key) != nil }

// Scan hands count keys to fn, beginning at a cursor (0 at first), and returns
// the cursor to go on from: 0 when it is done. A key that is there from the
// first call to the last is handed out at least once, whatever happens to
// others between the calls.
func (v View) Scan(cursor uint64, count int, fn func(key []byte)) (next uint64) {
	return scan(v.d.keys.Len(), cursor, count, func(i int) {
		if e := v.d.keys.At(i); !e.due(v.now) {
			fn(bytesOf(e.key))
		}
	})
}

// Each hands every key to fn, in the order of the database, until it returns
// false.
func (v View) Each(fn func(key []byte) bool) {
	for i := range v.d.keys.Len() {
		e := v.d.keys.At(i)
		if e.due(v.now) {
			continue
		}
		if !fn(bytesOf(e.key)) {
			return
		}
	}
}

// Random chooses a key with a random number that the caller drew. A key that is
// due is passed over for the next one that is not; ok is false where there is
// none.
func (v View) Random(r uint64) (key []byte, ok bool) {
	n := v.d.keys.Len()
	for i := range n {
		e := v.d.keys.At(int((r + uint64(i)) % uint64(n)))
		if !e.due(v.now) {
			return bytesOf(e.key), true
		}
	}
	return nil, false
}
