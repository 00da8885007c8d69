package state

import (
	"encoding/binary"
	"fmt"

	"github.com/altilium-db/altilium/state/event"
)

// The elements of a small list are packed into its payload:
//
//	packed   digest of the sequence u64 | elements uvarint | size in a listpack uvarint | element …
//
// How long the head is follows from what is behind it, so the elements are written first,
// behind room for the longest one.
const (
	listRoom      = 8 + 2*binary.MaxVarintLen32
	listpackFrame = 7 // what a listpack takes without elements
)

// withListRoom empties p and leaves the room.
func withListRoom(p []byte) []byte { return append(p[:0], make([]byte, listRoom)...) }

// putListHead writes the head into the end of the room, and says where it begins.
func putListHead(p []byte, seq sequence, size int) (from int) {
	from = listRoom - 8 - uvarintLen(seq.n) - uvarintLen(size)
	binary.LittleEndian.PutUint64(p[from:], seq.sum)
	n := binary.PutUvarint(p[from+8:], uint64(seq.n))
	binary.PutUvarint(p[from+8+n:], uint64(size))
	return from
}

// listHeadOf reads what putListHead wrote, and what is behind it.
func listHeadOf(p []byte) (seq sequence, size int, elements []byte) {
	count, n := binary.Uvarint(p[8:])
	bytes, m := binary.Uvarint(p[8+n:])
	return sequence{sum: binary.LittleEndian.Uint64(p), n: int(count)}, int(bytes), p[8+n+m:]
}

// listed reports whether e is a large list.
func (e *entry) listed() bool { return e.o != nil && e.o.list != nil }

// listLen is how many elements a list has.
func (e *entry) listLen() int {
	if e.listed() {
		return e.o.list.seq.n
	}
	seq, _, _ := listHeadOf(e.payload)
	return seq.n
}

// listEvent applies an event to a list.
func (s *State) listEvent(d *database, ev *event.Event) error {
	var e entry
	h, r := d.look(ev.Key, &e)
	switch {
	case r != 0 && e.typ != List:
		return foreign(ev, holds(e.typ))
	case r == 0 && ev.Kind != event.ListPush:
		return foreign(ev, noKey)
	case r == 0:
		s.payload = withListRoom(s.payload)
		e.typ, e.enc, e.payload = List, encListpack, s.payload[putListHead(s.payload, sequence{}, 0):]
	}
	count := e.listLen()
	if why := misplaced(ev, count); why != "" {
		return foreign(ev, why)
	}
	if n := leaving(ev); n > 0 && n == count {
		s.remove(d, h, r, &e)
		return nil
	}
	if r != 0 {
		d.forget(&e)
	}
	wasLarge := e.listed()
	if !wasLarge && outgrows(&e, ev) {
		d.enlist(&e)
	}
	if e.listed() {
		e.o.list.change(ev, e.o)
		s.relist(d, &e)
	} else {
		s.changeSmall(&e, ev)
	}
	e.access = s.kept(e.access)
	if wasLarge && e.listed() { // of its record only the access time changes
		touchRecord(d.mem.at(r), e.access)
		d.remember(&e)
		return nil
	}
	s.put(d, h, r, &e, e.expire)
	return nil
}

// misplaced says why an event does not fit a list of n elements, "" where it does.
func misplaced(ev *event.Event, n int) string {
	last := int64(n) // the place that must not be reached
	at := ev.At
	switch ev.Kind {
	case event.ListPush:
		return ""
	case event.ListPop, event.ListInsert:
		last++
	case event.ListRemove:
		at = int64(ev.Places[len(ev.Places)-1])
	}
	if at >= last {
		return fmt.Sprintf("it has %d elements, not %d", n, at)
	}
	return ""
}

// leaving is how many elements an event takes out.
func leaving(ev *event.Event) int {
	switch ev.Kind {
	case event.ListPop:
		return int(ev.At)
	case event.ListRemove:
		return len(ev.Places)
	}
	return 0
}

// outgrows reports whether a small list is to be a large one before an event: Redis asks
// this of the lengths of what is to come, whatever that will take.
func outgrows(e *entry, ev *event.Event) bool {
	_, size, _ := listHeadOf(e.payload)
	size += listpackFrame + len(ev.Value)
	for _, x := range ev.Items {
		size += len(x)
	}
	return leaving(ev) == 0 && size > MaxListpackBytes
}

// enlist makes a small list a large one.
func (d *database) enlist(e *entry) {
	_, _, elements := listHeadOf(e.payload)
	l := newList(elements)
	if e.o == nil {
		d.adopt(e, &object{})
	}
	e.o.list, e.o.value, e.payload, e.enc = l, nil, nil, encQuicklist
}

// relist makes a large list that has shrunk a small one again.
func (s *State) relist(d *database, e *entry) {
	l := e.o.list
	if l.size+listpackFrame > MaxListpackBytes/2 {
		return
	}
	if e.o.dirty {
		e.o.refresh()
	}
	p := withListRoom(s.spare)
	for _, c := range l.chunks[l.first:] {
		p = append(p, c.data...)
	}
	s.spare, s.payload = s.payload, p
	d.dropObject(e)
	e.payload, e.enc = p[putListHead(p, l.seq, l.size):], encListpack
}

// manyPopped is from how many elements on that leave a list at once its digest waits until
// it is asked for: to keep it up to date each of them must be read.
const manyPopped = 256

// change applies an event to a large list.
func (l *list) change(ev *event.Event, o *object) {
	switch ev.Kind {
	case event.ListPush:
		for _, x := range ev.Items {
			if ev.Side == event.Left {
				l.pushLeft(x)
			} else {
				l.pushRight(x)
			}
		}
	case event.ListPop:
		if ev.At >= manyPopped {
			o.dirty = true
			l.popMany(ev.Side, int(ev.At))
			return
		}
		for range ev.At {
			if ev.Side == event.Left {
				l.popLeft()
			} else {
				l.popRight()
			}
		}
	case event.ListSet:
		l.set(int(ev.At), ev.Value)
	case event.ListInsert:
		o.dirty = true
		l.insert(int(ev.At), ev.Value)
	case event.ListRemove:
		o.dirty = true
		l.remove(ev.Places)
	}
}

// changeSmall applies an event to a small list: its elements are written anew.
func (s *State) changeSmall(e *entry, ev *event.Event) {
	seq, size, old := listHeadOf(e.payload)
	p := withListRoom(s.spare)
	switch ev.Kind {
	case event.ListPush:
		if ev.Side == event.Right {
			p = append(p, old...)
		}
		for i, x := range ev.Items {
			size += listpackSize(x)
			if ev.Side == event.Right {
				seq.pushRight(x)
				p = appendElement(p, x)
			} else {
				seq.pushLeft(x)
				p = appendElement(p, ev.Items[len(ev.Items)-1-i])
			}
		}
		if ev.Side == event.Left {
			p = append(p, old...)
		}
	case event.ListPop:
		var x []byte
		for range ev.At {
			if ev.Side == event.Left {
				n := 0
				x, n = elementAt(old, 0)
				seq.popLeft(x)
				old = old[n:]
			} else {
				n := 0
				x, n = elementBefore(old, len(old))
				seq.popRight(x)
				old = old[:n]
			}
			size -= listpackSize(x)
		}
		p = append(p, old...)
	default:
		p, size = edited(p, old, ev)
		seq = sequence{}
		seq.add(p[listRoom:])
	}
	s.repack(e, p, putListHead(p, seq, size))
}

// edited appends elements to p as an event between the ends leaves them, and counts what
// they take in a listpack.
func edited(p, old []byte, ev *event.Event) (result []byte, size int) {
	keep := func(x []byte) {
		p = appendElement(p, x)
		size += listpackSize(x)
	}
	places := ev.Places
	place := 0
	for at := 0; at < len(old); place++ {
		x, next := elementAt(old, at)
		at = next
		switch {
		case ev.Kind == event.ListRemove && len(places) > 0 && places[0] == place:
			places = places[1:]
		case ev.Kind == event.ListSet && int(ev.At) == place:
			keep(ev.Value)
		case ev.Kind == event.ListInsert && int(ev.At) == place:
			keep(ev.Value)
			keep(x)
		default:
			keep(x)
		}
	}
	if ev.Kind == event.ListInsert && int(ev.At) == place {
		keep(ev.Value)
	}
	return p, size
}
