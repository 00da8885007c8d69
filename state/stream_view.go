package state

import (
	"github.com/altilium-db/altilium/state/event"
)

// Entries is a stream as commands see it. The zero value is that of a key that does
// not exist. What it hands out is valid until the next Apply.
type Entries struct{ s *stream }

// Stream is what a stream holds; none where there is no key, ErrWrongType where the key
// holds something else.
func (v View) Stream(key []byte) (Entries, error) {
	b := v.find(key)
	switch {
	case b == nil:
		return Entries{}, nil
	case typeOf(b) != Stream:
		return Entries{}, ErrWrongType
	}
	_, o := v.d.payload(b)
	return Entries{o.stream}, nil
}

// Exists reports whether there is a key: a stream without entries is one.
func (v Entries) Exists() bool { return v.s != nil }

// Len is the number of entries; 0 where there is no key.
func (v Entries) Len() int {
	if v.s == nil {
		return 0
	}
	return v.s.n
}

// Last is the greatest id that there ever was.
func (v Entries) Last() event.ID {
	if v.s == nil {
		return event.ID{}
	}
	return v.s.last
}

// Chunks is in how many pieces the entries lie.
func (v Entries) Chunks() int { return len(v.s.live()) }

// Deleted is the greatest id that was ever deleted, but for those that were trimmed.
func (v Entries) Deleted() event.ID { return v.s.deleted }

// Added is how many entries were ever added.
func (v Entries) Added() uint64 { return v.s.added }

// FirstEntry is the id of the first entry, LastEntry of the last; 0-0 where there is none.
func (v Entries) FirstEntry() event.ID { return v.s.firstID() }

// LastEntry: see FirstEntry.
func (v Entries) LastEntry() event.ID { return v.s.lastID() }

// Entry finds the entry with an id.
func (v Entries) Entry(id event.ID) (e StreamEntry, ok bool) {
	ok = v.s.entry(id, &e)
	return e, ok
}

// Range hands the entries from one id to another, both included, to fn, until it returns
// false.
func (v Entries) Range(from, to event.ID, fn func(*StreamEntry) bool) {
	live := v.live()
	if len(live) == 0 {
		return
	}
	var e StreamEntry
	for i := max(v.s.find(from), 0); i < len(live); i++ {
		c := &live[i]
		for at := c.from; at < len(c.data); {
			at = c.entryAt(at, &e)
			switch {
			case to.Less(e.ID):
				return
			case e.ID.Less(from):
			case !fn(&e):
				return
			}
		}
	}
}

// RangeBack is Range from the last of them to the first.
func (v Entries) RangeBack(from, to event.ID, fn func(*StreamEntry) bool) {
	live := v.live()
	if len(live) == 0 {
		return
	}
	var e StreamEntry
	var room [MaxChunkEntries]int
	for i := v.s.find(to); i >= 0; i-- {
		c := &live[i]
		places := c.offsets(room[:0])
		for j := len(places) - 1; j >= 0; j-- {
			c.entryAt(places[j], &e)
			switch {
			case e.ID.Less(from):
				return
			case to.Less(e.ID):
			case !fn(&e):
				return
			}
		}
	}
}

// Trim says what a stream is to be trimmed to.
type Trim struct {
	Keep    int64    // so many entries at most, the last ones; -1: those are not counted
	Least   event.ID // where Keep is -1: those from this id on
	Roughly bool     // only whole chunks go
	Limit   int64    // of those no more than have so many entries together; 0: any number
}

// Addition is an entry that is to be added.
type Addition struct {
	ID    event.ID
	Bytes int // of its fields and values
}

// Trimmed is how many entries at the front go by t; added, unless it is nil, has come
// before.
func (v Entries) Trimmed(t Trim, added *Addition) int {
	switch {
	case t.Roughly:
		return v.trimmedRoughly(t, added)
	case t.Keep < 0:
		return v.below(t.Least, added)
	}
	n := int64(v.Len())
	if added != nil {
		n++
	}
	return int(max(0, n-t.Keep))
}

// below is how many entries have ids below one.
func (v Entries) below(id event.ID, added *Addition) (n int) {
	if last, ok := id.Before(); ok {
		n = v.Count(event.ID{}, last, -1)
	}
	if added != nil && added.ID.Less(id) {
		n++
	}
	return n
}

// trimmedRoughly is Trimmed where only whole chunks go.
func (v Entries) trimmedRoughly(t Trim, added *Addition) (gone int) {
	live, total := v.live(), v.Len()
	n := len(live)
	if added != nil {
		total++
		if n == 0 || !v.s.joins(added.Bytes) {
			n++ // it has one of its own
		}
	}
	for i := range n {
		entries, top := 0, event.ID{}
		if i < len(live) {
			entries, top = live[i].n, live[i].top
		}
		if added != nil && i == n-1 {
			entries, top = entries+1, added.ID
		}
		if t.Keep >= 0 && int64(total-gone) <= t.Keep || t.Limit > 0 && int64(gone+entries) > t.Limit {
			break
		}
		if t.Keep >= 0 && int64(total-gone-entries) < t.Keep || t.Keep < 0 && !top.Less(t.Least) {
			break
		}
		gone += entries
	}
	return gone
}

// live is the chunks.
func (v Entries) live() []streamChunk {
	if v.s == nil {
		return nil
	}
	return v.s.live()
}

// Count is how many entries there are from one id to another, both included, but no more
// than most, unless that is negative.
func (v Entries) Count(from, to event.ID, most int64) (n int) {
	live := v.live()
	if len(live) == 0 {
		return 0
	}
	for i := max(v.s.find(from), 0); i < len(live) && !to.Less(live[i].base); i++ {
		c := &live[i]
		if !c.base.Less(from) && !to.Less(c.last) {
			n += c.n
		} else {
			n += c.count(from, to)
		}
		if most >= 0 && int64(n) >= most {
			return int(most)
		}
	}
	return n
}
