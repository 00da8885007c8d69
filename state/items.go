package state

import (
	"slices"

	"github.com/altilium-db/altilium/state/event"
)

// What hashes, sets and sorted sets have in common: each is fields with values. The
// members of a set have empty values, those of a sorted set their scores (score.go).

// setItems gives some of them values.
func (s *State) setItems(d *database, ev *event.Event, typ Type) error {
	var e entry
	h, r := d.look(ev.Key, &e)
	switch {
	case r == 0:
		s.payload = newPacked(s.payload)
		e.typ, e.payload = typ, s.payload
		e.enc = encListpack
		if typ == Set {
			e.enc = encIntset
		}
	case e.typ != typ:
		return foreign(ev, holds(e.typ))
	case e.indexed():
		d.setAside(&e)
	default:
		d.forget(&e)
	}
	wasLarge := e.indexed()
	if r == 0 && typ == ZSet && !fitsSmall(ev.Items) { // at once, as Redis does: its small ones know no -0
		d.adopt(&e, &object{})
		d.newHash(&e)
	}
	stride := 1
	if typ == Hash {
		stride = 2
	}
	var hashes []uint64 // of the next fields
	for i := 0; i < len(ev.Items); i += stride {
		field, value := ev.Items[i], []byte(nil)
		switch typ {
		case Hash:
			value = ev.Items[i+1]
		case ZSet:
			value = s.score[:]
			putScore(value, ev.Scores[i])
		}
		if !e.indexed() {
			s.setSmall(d, &e, field, value)
			continue
		}
		if len(ev.Items) == stride { // it may have been looked up before
			d.setField(&e, field, value)
			continue
		}
		if len(hashes) == 0 {
			hashes = s.touchFields(&e, ev.Items[i:], stride)
		}
		h := hashes[0]
		d.setFound(&e, h, e.o.hash.index.find(h, field), field, value)
		hashes = hashes[1:]
	}
	if wasLarge { // of its record only the access time changes
		touchRecord(d.mem.at(r), s.kept(e.access))
		d.putBack(&e)
		return nil
	}
	e.access = s.kept(e.access)
	s.put(d, h, r, &e, e.expire)
	return nil
}

// fitsSmall reports whether a new sorted set of these members is a small one.
func fitsSmall(members [][]byte) bool {
	return len(members) <= MaxSetListpackEntries &&
		!slices.ContainsFunc(members, func(m []byte) bool { return len(m) > MaxListpackValue })
}

// indexed reports whether e is a large hash, set or sorted set.
func (e *entry) indexed() bool { return e.o != nil && e.o.hash != nil }

// setSmall gives a field of what is small a value. What does not fit makes it large, for
// good.
func (s *State) setSmall(d *database, e *entry, field, value []byte) {
	_, at, _ := findPacked(e.payload, field)
	if enc, ok := e.encodingWith(field, value, at < 0); ok {
		e.enc = enc
		if e.typ == ZSet && scoreOf(value) == 0 {
			putScore(value, 0) // and not -0, which a listpack of Redis does not tell from it
		}
		if p, inPlace := setField(s.spare[:0], e, field, value); !inPlace {
			s.repack(e, p, 0)
		}
		return
	}
	small := Fields{packed: e.payload}
	if e.o == nil {
		d.adopt(e, &object{})
	}
	d.newHash(e)
	for i := range small.Len() {
		f, v := small.At(i)
		d.setField(e, f, v)
	}
	d.setField(e, field, value)
}

// encodingWith is the encoding of what is small once it has this field; ok is false where
// it is small no more.
func (e *entry) encodingWith(field, value []byte, isNew bool) (enc encoding, ok bool) {
	n := packedLen(e.payload)
	if isNew {
		n++
	}
	fits := len(field) <= MaxListpackValue && len(value) <= MaxListpackValue
	switch {
	case e.typ == Hash:
		return encListpack, fits && n <= MaxListpackEntries
	case e.enc == encIntset && isInt(field):
		return encIntset, n <= MaxIntsetEntries
	default:
		return encListpack, fits && n <= MaxSetListpackEntries // it is that of sorted sets too
	}
}

// repack gives what is small its new payload, which was made in s.spare: p without its
// first bytes. The old one may lie in s.payload, which is the next spare.
func (s *State) repack(e *entry, p []byte, from int) {
	s.spare, s.payload = s.payload, p
	e.payload = p[from:]
	if e.o != nil {
		e.o.value = append(e.o.value[:0], e.payload...)
		e.payload = e.o.value
	}
}

// removeItems removes fields or members; one that is named twice is removed once.
func (s *State) removeItems(d *database, ev *event.Event, typ Type) error {
	var e entry
	h, r := d.look(ev.Key, &e)
	switch {
	case r == 0:
		return foreign(ev, noKey)
	case e.typ != typ:
		return foreign(ev, holds(e.typ))
	}
	f, part := e.fields(), "field"
	if typ != Hash {
		part = "member"
	}
	for _, field := range ev.Items {
		if _, ok := f.Get(field); !ok {
			return foreign(ev, "there is no "+part+" "+shown(field))
		}
	}
	large := e.indexed()
	if large {
		d.setAside(&e)
	} else {
		d.forget(&e)
	}
	left := 0
	for _, field := range ev.Items {
		left = s.removeField(d, &e, field)
	}
	switch {
	case left == 0:
		d.putBack(&e) // as remove expects it
		s.remove(d, h, r, &e)
	case large: // of its record only the access time changes
		touchRecord(d.mem.at(r), s.kept(e.access))
		d.putBack(&e)
	default:
		e.access = s.kept(e.access)
		s.put(d, h, r, &e, e.expire)
	}
	return nil
}

// removeField removes a field of the hash e, if it is there, and says how many are
// left.
func (s *State) removeField(d *database, e *entry, field []byte) (left int) {
	if e.indexed() {
		d.removeField(e, field)
		return e.o.hash.index.n
	}
	if _, at, _ := findPacked(e.payload, field); at >= 0 {
		s.repack(e, removeField(s.spare[:0], e.payload, field), 0)
	}
	return packedLen(e.payload)
}
