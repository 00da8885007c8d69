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
	if i := s.missing(&e, ev.Items); i < len(ev.Items) {
		part := "field"
		if typ != Hash {
			part = "member"
		}
		return foreign(ev, "there is no "+part+" "+shown(ev.Items[i]))
	}
	large := e.indexed()
	if large {
		d.setAside(&e)
	} else {
		d.forget(&e)
	}
	switch left := s.removeFields(d, &e, ev.Items); {
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

// missing is the place of the first of some fields that e does not have, or their number.
// Of several of a large one it keeps where they are, for removeFields.
func (s *State) missing(e *entry, items [][]byte) (i int) {
	f := e.fields()
	if !e.indexed() || len(items) == 1 { // it may have been looked up before
		for ; i < len(items); i++ {
			if _, ok := f.Get(items[i]); !ok {
				break
			}
		}
		return i
	}
	to := &s.located
	to.hashes, to.refs = to.hashes[:0], to.refs[:0]
	for i < len(items) {
		for _, h := range s.touchFields(e, items[i:], 1) {
			r := f.index.find(h, items[i])
			if r == 0 {
				return i
			}
			to.hashes, to.refs = append(to.hashes, h), append(to.refs, r)
			i++
		}
	}
	return i
}

// removeFields removes some fields of e, all of which missing has found, and says how many
// are left.
func (s *State) removeFields(d *database, e *entry, items [][]byte) (left int) {
	switch {
	case !e.indexed():
		for _, field := range items {
			if _, at, _ := findPacked(e.payload, field); at >= 0 {
				s.repack(e, removeField(s.spare[:0], e.payload, field), 0)
			}
		}
		return packedLen(e.payload)
	case len(items) == 1: // it has been looked up
		h, r := d.findField(e.o.hash.index, items[0])
		d.removeField(e, h, r)
	default:
		d.removeMany(e, s.located.hashes, s.located.refs)
		if len(items) > keepItems {
			s.located = located{}
		}
	}
	return e.o.hash.index.n
}

// located is where the fields are that an event removes.
type located struct {
	hashes []uint64
	refs   []ref
}
