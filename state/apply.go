package state

import (
	"fmt"
	"strconv"

	"github.com/altilium-db/altilium/state/event"
)

// ApplyEntry applies a whole log entry's body: a header and its events.
func (s *State) ApplyEntry(body []byte) error {
	db, events, err := event.SkipHeader(body)
	if err != nil {
		return err
	}
	_, err = s.Apply(db, events)
	return err
}

// Prepared is an entry's body as far as it can be read without the state.
type Prepared struct {
	DB     int    // the database that the events begin in
	Events []byte // for Apply; part of the body
	Keyed  bool   // the first of them names a key
	Hash   uint64 // of that
}

// Prepare reads a log entry's body as ApplyEntry would begin to. Any goroutine may call
// it at any time.
func (s *State) Prepare(body []byte) (p Prepared, err error) {
	if p.DB, p.Events, err = event.SkipHeader(body); err != nil {
		return p, err
	}
	if key := event.FirstKey(p.Events); key != nil && p.DB < Databases {
		p.Keyed, p.Hash = true, s.secret.hash(key)
	}
	return p, nil
}

// keepItems is how many items an event may have whose room is kept for the next one, and
// keepBytes how large events may be that the last decoded one may still point into.
const (
	keepItems = 4096
	keepBytes = 1 << 20
)

// Apply applies events that begin in database db, and returns the database that
// they end in. It is the only thing that changes a state. An error means that
// the events were not made for this state: the event that it names (by kind and
// key) and those after it were not applied, those before it were.
func (s *State) Apply(db int, events []byte) (after int, err error) {
	size := len(events)
	for len(events) > 0 {
		rest, err := s.ev.Decode(events)
		if err != nil {
			return db, err
		}
		if db, err = s.one(db, &s.ev); err != nil {
			return db, err
		}
		events = rest
	}
	if s.ev.Room() > keepItems || size > keepBytes {
		s.ev = event.Event{}
	}
	return db, nil
}

// one applies one event, in the database that is current; it returns the one
// that is current after it. Each event is checked whole before anything changes.
func (s *State) one(db int, ev *event.Event) (after int, err error) {
	if db < 0 || db >= Databases || ev.DB >= Databases || ev.DB2 >= Databases {
		return db, fmt.Errorf("%v in database %d (%d, %d): there is no such database", ev.Kind, db, ev.DB, ev.DB2)
	}
	d := s.dbs[db]
	switch ev.Kind {
	case event.Database:
		return ev.DB, nil
	case event.Cause, event.Clock:
	case event.String:
		s.setString(d, ev, stringEncoding(ev.Value))
	case event.Text:
		s.setString(d, ev, textEncoding(ev.Value))
	case event.Append:
		err = s.appendTail(d, ev)
	case event.Range:
		err = s.writeRange(d, ev)
	case event.HashSet:
		err = s.setItems(d, ev, Hash)
	case event.HashDelete:
		err = s.removeItems(d, ev, Hash)
	case event.SetAdd:
		err = s.setItems(d, ev, Set)
	case event.SetRemove:
		err = s.removeItems(d, ev, Set)
	case event.ZSetAdd:
		err = s.setItems(d, ev, ZSet)
	case event.ZSetRemove:
		err = s.removeItems(d, ev, ZSet)
	case event.ListPush, event.ListPop, event.ListSet, event.ListInsert, event.ListRemove:
		err = s.listEvent(d, ev)
	case event.StreamAdd, event.StreamDelete, event.StreamTrim, event.StreamSet, event.StreamGroup, event.StreamDestroy,
		event.StreamConsumer, event.StreamForget, event.StreamPending, event.StreamAck:
		err = s.streamEvent(d, ev)
	case event.Flush:
		s.flush(ev.DB)
	case event.FlushAll:
		for i := range s.dbs {
			s.flush(i)
		}
	case event.Swap:
		s.dbs[ev.DB], s.dbs[ev.DB2] = s.dbs[ev.DB2], s.dbs[ev.DB]
	default:
		err = s.keyEvent(d, ev)
	}
	s.dbs[db].tidy()
	s.last.key.r, s.last.field.r = 0, 0
	return db, err
}

// foreign is the error of an event that was made for another state.
func foreign(ev *event.Event, why string) error {
	return fmt.Errorf("%v of key %s: %s", ev.Kind, shown(ev.Key), why)
}

// holds is why an event does not fit a key of another type.
func holds(t Type) string { return "it holds a " + t.String() }

const noKey = "there is no such key"

// shown is a key in an error: quoted, its beginning if it is long.
func shown(key []byte) string {
	const most = 64
	if len(key) > most {
		return fmt.Sprintf("%q… (%d bytes)", key[:most], len(key))
	}
	return strconv.Quote(string(key))
}

// flush empties a database.
func (s *State) flush(db int) {
	old := s.dbs[db]
	old.mem.discardAll()
	s.dbs[db] = s.newDatabase()
	s.dbs[db].letGone = old.letGone + old.heap + int64(old.spentBytes)
	s.findNext()
}

// look finds a key: its hash, its record and, in e, which must be empty, what that
// says. r is 0 where it is not there; e then has the key alone.
func (d *database) look(key []byte, e *entry) (h uint64, r ref) {
	if h, r = d.find(key); r == 0 {
		e.key = key
		return h, 0
	}
	d.read(r, e)
	return h, r
}

// keyEvent applies the events that speak of a key as a whole.
func (s *State) keyEvent(d *database, ev *event.Event) error {
	var e entry
	h, r := d.look(ev.Key, &e)
	if r == 0 {
		return foreign(ev, noKey)
	}
	switch ev.Kind {
	case event.Delete:
		s.remove(d, h, r, &e)
	case event.Expire:
		d.forget(&e)
		s.put(d, h, r, &e, ev.At)
	case event.Rename:
		if string(ev.Key) != string(ev.To) {
			s.move(d, d, h, r, &e, ev.To)
		}
	case event.Move:
		if to := s.dbs[ev.DB]; to != d {
			s.move(d, to, h, r, &e, ev.Key)
		}
	case event.Copy:
		if to := s.dbs[ev.DB]; to != d || string(ev.Key) != string(ev.To) {
			s.copy(to, &e, ev.To)
		}
	default:
		return foreign(ev, "events of this kind cannot be applied")
	}
	return nil
}

// unlink takes a key out of its database, but leaves its record and object, which
// nobody finds any more.
func (s *State) unlink(d *database, h uint64, r ref, e *entry) {
	d.forget(e)
	if e.expire != 0 {
		first := d.due.first()
		d.due.remove(int(e.heap))
		if d.due.first() != first {
			s.findNext()
		}
	}
	d.keys.remove(h, r)
}

// remove deletes a key.
func (s *State) remove(d *database, h uint64, r ref, e *entry) {
	s.unlink(d, h, r, e)
	d.dropObject(e)
	d.mem.release(r)
}

// move gives what key e holds to another key, or to a key of another database,
// replacing what is there.
func (s *State) move(from, to *database, h uint64, r ref, e *entry, key []byte) {
	s.unlink(from, h, r, e)
	switch {
	case e.o == nil || from == to:
		s.place(to, e, key)
	case e.o.hash != nil: // its records are the other database's
		old := *e
		to.copyObject(e)
		s.place(to, e, key)
		from.dropObject(&old)
	default:
		o := e.o
		from.leaveMoves(o)
		from.detach(e)
		to.adopt(e, o)
		s.place(to, e, key)
	}
	from.mem.release(r)
}

// copy gives another key the same as e, replacing what is there.
func (s *State) copy(to *database, e *entry, key []byte) {
	to.copyObject(e)
	s.place(to, e, key)
}

// copyObject gives e, which is no record of this database, a copy of its object.
func (d *database) copyObject(e *entry) {
	if e.o == nil {
		return
	}
	old := *e
	if e.typ == String && len(old.o.value) >= regionFrom {
		d.adopt(e, d.share(old.o))
		e.payload = e.o.value
		return
	}
	d.adopt(e, &object{body: old.o.body, dirty: old.o.dirty})
	if old.o.list != nil {
		e.o.list = old.o.list.clone()
		return
	}
	if old.o.stream != nil {
		e.o.stream = old.o.stream.clone()
		return
	}
	if old.o.hash == nil {
		e.o.value = append([]byte(nil), old.o.value...)
		e.payload = e.o.value
		return
	}
	d.copyHash(e, old.o.hash)
}

// place puts what e holds under a key. It is in no database, its object, if it
// has one, in this.
func (s *State) place(d *database, e *entry, key []byte) {
	h := d.secret.hash(key)
	if old := d.keys.find(h, key); old != 0 {
		replaced := d.load(old)
		s.remove(d, h, old, &replaced)
	}
	e.key, e.keySum = key, 0
	if e.o != nil {
		e.o.key = nil // outsource gives it the new one, if that is long
	}
	at := e.expire
	e.expire = 0
	s.put(d, h, 0, e, at)
}

// setString makes key a string, whatever it was.
func (s *State) setString(d *database, ev *event.Event, enc encoding) {
	var e entry
	h, r := d.look(ev.Key, &e)
	if r != 0 {
		d.forget(&e)
		d.dropObject(&e)
		e.key = ev.Key
	}
	e.typ, e.enc, e.access, e.payload = String, enc, s.noted(e.access), ev.Value
	s.put(d, h, r, &e, ev.At)
}

func (s *State) appendTail(d *database, ev *event.Event) error {
	var e entry
	h, r := d.look(ev.Key, &e)
	switch {
	case r == 0:
		return foreign(ev, noKey)
	case e.typ != String:
		return foreign(ev, holds(e.typ))
	}
	d.forget(&e)
	if e.o == nil && len(e.payload)+len(ev.Value) > maxRecord {
		d.adopt(&e, &object{value: append([]byte(nil), e.payload...)})
	}
	if e.o != nil {
		d.write(e.o, len(e.o.value), ev.Value)
		e.payload = e.o.value
		e.o.edited()
	} else {
		s.payload = append(append(s.payload[:0], e.payload...), ev.Value...)
		e.payload = s.payload
	}
	e.enc, e.access = encRaw, s.kept(e.access)
	s.put(d, h, r, &e, e.expire)
	return nil
}

// lateFrom is the length from which a string that changes in part is hashed when
// the digest is asked for, not at each change.
const lateFrom = LendFrom

// edited is called when an object's string has changed in part.
func (o *object) edited() {
	if o.dirty = len(o.value) >= lateFrom; !o.dirty {
		o.body = o.sum()
	}
}

// maxString is the length that a Range event may make a string, in bytes. The
// commands have the same limit; here it keeps an offset from allocating anything.
const maxString = 512 << 20

func (s *State) writeRange(d *database, ev *event.Event) error {
	if ev.At > maxString-int64(len(ev.Value)) {
		return foreign(ev, fmt.Sprintf("%d bytes at offset %d are beyond the longest string", len(ev.Value), ev.At))
	}
	var e entry
	h, r := d.look(ev.Key, &e)
	end := int(ev.At) + len(ev.Value)
	switch {
	case r == 0:
		e.typ = String
	case e.typ != String:
		return foreign(ev, holds(e.typ))
	default:
		d.forget(&e)
	}
	switch {
	case e.o == nil && end > maxRecord:
		d.adopt(&e, &object{value: append([]byte(nil), e.payload...)})
	case e.o == nil:
		s.payload = lengthen(append(s.payload[:0], e.payload...), max(end, len(e.payload)))
		copy(s.payload[ev.At:], ev.Value)
		e.payload = s.payload
	}
	if e.o != nil {
		d.write(e.o, int(ev.At), ev.Value)
		e.payload = e.o.value
		e.o.edited()
	}
	e.enc, e.access = encRaw, s.kept(e.access)
	s.put(d, h, r, &e, e.expire)
	return nil
}

// lengthen gives b zeros at its end, up to n bytes. A large block is asked for in
// zeros: the system has those ready and need not be made to touch them.
func lengthen(b []byte, n int) []byte {
	if n <= cap(b) { // it may have been longer before
		clear(b[len(b):max(n, len(b))])
		return b[:max(n, len(b))]
	}
	longer := make([]byte, n, max(n, min(2*cap(b), cap(b)+1<<20)))
	copy(longer, b)
	return longer
}
