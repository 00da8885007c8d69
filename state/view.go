package state

import "math"

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

// find looks a key up and notes the access: its record, nil where it is absent
// or due.
func (v View) find(key []byte) []byte {
	b := v.peek(key)
	if b != nil {
		v.s.touched(b)
	}
	return b
}

// peek is find without noting the access.
func (v View) peek(key []byte) []byte {
	_, r := v.d.find(key)
	if r == 0 {
		return nil
	}
	b := v.d.mem.at(r)
	if dueRecord(b, v.now) {
		return nil
	}
	return b
}

// Len is the number of keys, those that are due but not yet removed included,
// as DBSIZE counts.
func (v View) Len() int { return v.d.keys.count() }

// Type is the type of a key's value, None where there is no key.
func (v View) Type(key []byte) Type {
	if b := v.peek(key); b != nil {
		return typeOf(b)
	}
	return None
}

// Exists reports whether the key is there.
func (v View) Exists(key []byte) bool { return v.find(key) != nil }

// String is a string's value, valid until the next Apply unless it is lent;
// ErrWrongType where the key holds something else.
func (v View) String(key []byte) (val []byte, ok bool, err error) {
	val, _, ok, err = v.Expiring(key)
	return val, ok, err
}

// Expiring is String with the key's expiry, in ms since 1970, 0 for never.
func (v View) Expiring(key []byte) (val []byte, at int64, ok bool, err error) {
	b := v.find(key)
	switch {
	case b == nil:
		return nil, 0, false, nil
	case typeOf(b) != String:
		return nil, 0, false, ErrWrongType
	}
	val, o := v.d.payload(b)
	v.d.bringAll(o)
	return val, expiryOf(b), true, nil
}

// Bytes is the string at key, to be read in part: all of one that moves to other memory may
// have to be brought there first, tens of milliseconds for 100 MB.
func (v View) Bytes(key []byte) (val Bytes, ok bool, err error) {
	b := v.find(key)
	switch {
	case b == nil:
		return Bytes{}, false, nil
	case typeOf(b) != String:
		return Bytes{}, false, ErrWrongType
	}
	p, o := v.d.payload(b)
	return Bytes{d: v.d, o: o, p: p}, true, nil
}

// Bytes is a string. The zero value is an empty one.
type Bytes struct {
	d *database
	o *object
	p []byte
}

// BytesOf is a string that is no key's.
func BytesOf(p []byte) Bytes { return Bytes{p: p} }

// Len is its length.
func (b Bytes) Len() int { return len(b.p) }

// Part is its bytes from a place to another, valid until the next Apply unless they are lent.
func (b Bytes) Part(from, to int) []byte {
	if b.o != nil {
		b.d.bring(b.o, from, to)
	}
	return b.p[from:to:to]
}

// LendFrom is the length in bytes from which a value may be lent: a reader keeps
// its slice for as long as it likes and the bytes stay what they are, whatever
// Apply does. So a large reply is not copied. The values of a hash and the elements of a
// list may be lent from this length on as they are; a string needs a [View.Lend].
const LendFrom = 16 << 10

// Lend says that somebody keeps the string at key, or part of it, beyond the next
// Apply. It must be of LendFrom bytes or more. The next change inside it happens in other
// memory; what is appended to it comes behind what was lent. The bytes last as long as
// somebody has what is returned, which is the memory that they lie in: the collector does
// not see it in them. Nil where it does.
func (v View) Lend(key []byte) (memory any) {
	b := v.peek(key)
	if b == nil {
		return nil
	}
	_, o := v.d.payload(b)
	if o == nil {
		return nil
	}
	o.lent = true
	if o.long == nil {
		return nil
	}
	o.long.region.lent = true
	return o.long.region
}

// Hash is a hash's fields; none where there is no key, ErrWrongType where the
// key holds something else.
func (v View) Hash(key []byte) (Fields, error) { return v.fields(key, Hash) }

// Set is a set's members; none where there is no key, ErrWrongType where the key
// holds something else.
func (v View) Set(key []byte) (Members, error) {
	f, err := v.fields(key, Set)
	return Members{f}, err
}

// ZSet is a sorted set's members; none where there is no key, ErrWrongType where the key
// holds something else.
func (v View) ZSet(key []byte) (Ranked, error) {
	f, err := v.fields(key, ZSet)
	z := Ranked{fields: f}
	if f.index != nil {
		b := v.peek(key)
		_, o := v.d.payload(b)
		z.ranking = o.hash.ranking
	}
	return z, err
}

// List is a list's elements; none where there is no key, ErrWrongType where the key holds
// something else.
func (v View) List(key []byte) (Elements, error) {
	b := v.find(key)
	switch {
	case b == nil:
		return Elements{}, nil
	case typeOf(b) != List:
		return Elements{}, ErrWrongType
	}
	p, o := v.d.payload(b)
	e := entry{payload: p, o: o}
	return *e.elements(), nil
}

// fields is what a hash, set or sorted set holds.
func (v View) fields(key []byte, t Type) (Fields, error) {
	b := v.find(key)
	switch {
	case b == nil:
		return Fields{}, nil
	case typeOf(b) != t:
		return Fields{}, ErrWrongType
	}
	p, o := v.d.payload(b)
	if o != nil && o.hash != nil {
		return Fields{index: o.hash.index}, nil
	}
	return Fields{packed: p}, nil
}

// ExpireAt is a key's expiry in ms since 1970, 0 for never; ok is false where
// there is no key.
func (v View) ExpireAt(key []byte) (at int64, ok bool) {
	b := v.peek(key)
	if b == nil {
		return 0, false
	}
	return expiryOf(b), true
}

// Encoding is the word that OBJECT ENCODING answers, "" where there is no key.
func (v View) Encoding(key []byte) string {
	if b := v.peek(key); b != nil {
		return encodingOf(b).String()
	}
	return ""
}

// Touch notes an access to a key and reports whether it is there.
func (v View) Touch(key []byte) bool { return v.find(key) != nil }

// Scan hands about count keys to fn, beginning at a cursor (0 at first), and
// returns the cursor to go on from: 0 when it is done. A key that is there from
// the first call to the last is handed out once, whatever happens to others
// between the calls.
func (v View) Scan(cursor uint64, count int, fn func(key []byte)) (next uint64) {
	return v.d.keys.scan(cursor, count, func(r ref) bool {
		if !dueRecord(v.d.mem.at(r), v.now) {
			fn(v.d.key(r))
		}
		return true
	})
}

// Each hands every key to fn, in the order of the database, until it returns
// false.
func (v View) Each(fn func(key []byte) bool) {
	v.d.keys.scan(0, math.MaxInt, func(r ref) bool {
		return dueRecord(v.d.mem.at(r), v.now) || fn(v.d.key(r))
	})
}

// Random chooses a key, each as likely as the others; rnd gives random numbers.
// Keys that are due are passed over; ok is false where no others are found.
func (v View) Random(rnd func() uint64) (key []byte, ok bool) {
	if v.d.keys.count() == 0 {
		return nil, false
	}
	for range 100 {
		r := v.d.keys.random(rnd)
		if !dueRecord(v.d.mem.at(r), v.now) {
			return v.d.key(r), true
		}
	}
	return v.first() // nearly all are due
}

// first is the first key in order.
func (v View) first() (key []byte, ok bool) {
	v.Each(func(k []byte) bool {
		key, ok = k, true
		return false
	})
	return key, ok
}
