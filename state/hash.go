package state

import "github.com/cespare/xxhash/v2"

// hash is a large hash: an index of its own, of records that lie among those of
// the keys. Such a record has the number of its hash's object where that of a key
// has its access time. Its fields are in the order of their hashes. Small ones are
// packed (packed.go).
type hash struct {
	index   *index
	sum     uint64   // of the digests of its pairs
	ranking *ranking // of a sorted set; nil otherwise
	room    int64    // bytes that index and fields take, see weight.go
}

// fieldType is the type of the record of a field.
const fieldType Type = 7

// newHash gives e, which has an object, a large hash without fields. It is what a large
// set or sorted set is too.
func (d *database) newHash(e *entry) {
	before := d.taken()
	e.o.hash, e.o.value, e.payload, e.enc = &hash{index: newIndex(d)}, nil, nil, encHashtable
	e.o.hash.room = d.taken() - before
	if e.typ == ZSet {
		e.o.hash.ranking, e.enc = newRanking(d), encSkiplist
	}
}

// A record has 28 bits for the number of its hash. That is enough: each large hash
// has a segment of at least 512 bytes, and a database is full at 128 GiB, which is
// 1<<28 of them; a long string, the other kind of object, is longer than 8 KiB.

// setField gives a field of e's large hash a value. Both are copied.
func (d *database) setField(e *entry, field, value []byte) {
	h, r := d.findField(e.o.hash.index, field)
	d.setFound(e, h, r, field, value)
}

// setFound is setField where it is known what the field's hash and record are, 0 where it
// is new.
func (d *database) setFound(e *entry, h uint64, r ref, field, value []byte) {
	x, before := e.o.hash.index, d.taken()
	fieldSum := xxhash.Sum64(field)
	if r != 0 {
		old := d.load(r)
		d.unweigh(&old)
		e.o.hash.sum -= mix(fieldSum, xxhash.Sum64(old.payload))
		if k := e.o.hash.ranking; k != nil {
			k.remove(scoreOf(old.payload), field)
		}
		d.dropObject(&old)
	}
	e.o.hash.sum += mix(fieldSum, xxhash.Sum64(value))
	f := entry{typ: fieldType, access: e.obj - 1, key: field, payload: value}
	r = d.store(x, h, r, &f)
	d.weigh(&f)
	e.o.hash.room += d.taken() - before
	if k := e.o.hash.ranking; k != nil {
		k.insert(scoreOf(value), field, r)
	}
	d.last.field.r = 0 // the next one of the event may be the same
}

// touchFields brings what setting the first few of some fields will look at into the
// processor's cache, side by side, and returns their hashes. Items are fields, each
// followed by what makes stride of them.
func (s *State) touchFields(e *entry, items [][]byte, stride int) (hashes []uint64) {
	hashes = s.hashes[:0]
	for i := 0; i < len(items) && len(hashes) < Together; i += stride {
		hashes = append(hashes, s.secret.hash(items[i]))
	}
	s.hashes = hashes
	e.o.hash.index.touch(hashes)
	return hashes
}

// removeField removes a field that e's large hash has, whose hash and record are known.
func (d *database) removeField(e *entry, h uint64, r ref) {
	if k := e.o.hash.ranking; k != nil {
		f := d.load(r)
		k.remove(scoreOf(f.payload), f.key)
	}
	d.dropField(e, h, r)
}

// removeMany removes fields that e's large hash has, whose hashes and records are known.
// One that is named twice is removed once.
func (d *database) removeMany(e *entry, hashes []uint64, refs []ref) {
	x := e.o.hash.index
	if k := e.o.hash.ranking; k != nil {
		k.removeAll(refs) // while it can look at all of them
	}
	for i, r := range refs {
		if next := i + recordsAhead; next < len(refs) {
			x.prefetchSlot(hashes[next])
			d.prefetch(refs[next])
		}
		if x.has(hashes[i], r) {
			d.dropField(e, hashes[i], r)
		}
	}
}

// dropField takes a field out of all but the ranking.
func (d *database) dropField(e *entry, h uint64, r ref) {
	before := d.taken()
	d.last.field.r = 0
	old := d.load(r)
	d.unweigh(&old)
	e.o.hash.sum -= pairDigest(old.key, old.payload)
	e.o.hash.index.remove(h, r)
	d.dropObject(&old)
	d.mem.release(r)
	e.o.hash.room += d.taken() - before
}

// grave is a large hash whose key is gone. Its records are released a few at a
// time, so that no deletion takes long.
type grave struct {
	number  uint32 // of its object
	segment int    // the one being emptied
	slot    int    // the next one of it
}

// buriedPerEvent is how many fields of dead hashes are released after an event, at
// least: as many bytes as the event took are released too, or a hash that is built
// anew and renamed into its place again and again, with more fields than these by
// each event, would leave dead ones behind without end.
const buriedPerEvent = 64

// bury releases some fields of the last dead hash.
func (d *database) bury() {
	g := &d.graves[len(d.graves)-1]
	x, before := d.objects[g.number].hash.index, d.taken()
	defer func() { d.dying -= before - d.taken() }()
	for left := buriedPerEvent; left > 0 || d.mem.used > d.settled; {
		if g.segment == len(x.segs) {
			d.objects[g.number] = nil
			d.freeObjects = append(d.freeObjects, g.number)
			d.graves = d.graves[:len(d.graves)-1]
			return
		}
		s := &x.segs[g.segment]
		if g.slot == len(s.slots) {
			if s.slots != nil {
				x.drop(s)
				s.slots, s.n = nil, 0
			}
			g.segment, g.slot = g.segment+1, 0
			continue
		}
		if r := s.slots[g.slot] & refMask; r != 0 {
			field := d.load(r)
			s.slots[g.slot] = 0
			d.unweigh(&field)
			d.dropObject(&field)
			d.mem.release(r)
			left--
		}
		g.slot++
	}
}

// Fields is the fields and values of a hash. The zero value is that of a key
// that does not exist.
type Fields struct {
	packed []byte // of a small hash
	index  *index // of a large one

	at   int    // the last place that At was asked for
	next int    // where packed has the place after it; 0 before the first call
	from uint64 // a large one: the first hash of the segment that it lies in
	slot int    // and which slot it is
}

// Len is the number of fields; 0 where there is no key.
func (f *Fields) Len() int {
	switch {
	case f.index != nil:
		return f.index.n
	case f.packed != nil:
		return packedLen(f.packed)
	}
	return 0
}

// Get finds a field's value. It is valid until the next Apply.
func (f *Fields) Get(field []byte) ([]byte, bool) {
	switch {
	case f.index != nil:
		d := f.index.db
		if _, r := d.findField(f.index, field); r != 0 {
			value, _ := d.payload(d.mem.at(r))
			return value, true
		}
	case f.packed != nil:
		if value, from, _ := findPacked(f.packed, field); from >= 0 {
			return value, true
		}
	}
	return nil, false
}

// At is the field at a place from 0 to Len()-1. Both slices are valid until the
// next Apply. Going from one place to the next costs next to nothing, going
// anywhere else means counting.
func (f *Fields) At(i int) (field, value []byte) {
	if f.index != nil {
		return f.atLarge(i)
	}
	if f.next == 0 || i <= f.at {
		f.at, f.next = -1, packedHead
	}
	for ; f.at < i; f.at++ {
		field, value, f.next = pairAt(f.packed, f.next)
	}
	return field, value
}

func (f *Fields) atLarge(i int) (field, value []byte) {
	x, steps := f.index, 1
	if f.next == 0 || i != f.at+1 {
		cursor, left := x.skip(i)
		f.from, f.slot, f.next = cursor<<refBits, -1, 1
		steps += left
	}
	f.at = i
	s := x.segment(f.from)
	for steps > 0 {
		if f.slot++; f.slot == len(s.slots) {
			f.from, f.slot = f.from+1<<(64-s.depth), -1
			s = x.segment(f.from)
		} else if s.slots[f.slot] != 0 {
			steps--
		}
	}
	r := s.slots[f.slot] & refMask
	value, _ = x.db.payload(x.db.mem.at(r))
	return x.db.key(r), value
}

// Random draws a field, each as likely as the others; there must be one. It takes no
// longer where there are many.
func (f *Fields) Random(rnd func() uint64) (field, value []byte) {
	if f.index == nil {
		return f.At(int(rnd() % uint64(f.Len())))
	}
	d := f.index.db
	r := f.index.random(rnd)
	value, _ = d.payload(d.mem.at(r))
	return d.key(r), value
}

// Small reports whether the hash is stored as a listpack; HSCAN then gives all
// of it at once.
func (f *Fields) Small() bool { return f.packed != nil }

// Scan hands about count fields to fn, beginning at a cursor (0 at first), and
// returns the cursor to go on from: 0 when it is done. A field that is there from
// the first call to the last is handed out once. A small hash is handed out whole.
func (f *Fields) Scan(cursor uint64, count int, fn func(field, value []byte)) (next uint64) {
	if f.index == nil {
		for i := range f.Len() {
			fn(f.At(i))
		}
		return 0
	}
	d := f.index.db
	return f.index.scan(cursor, count, func(r ref) bool {
		value, _ := d.payload(d.mem.at(r))
		fn(d.key(r), value)
		return true
	})
}
