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

// Apply applies events that begin in database db, and returns the database that
// they end in. It is the only thing that changes a state. An error means that
// the events were not made for this state: the event that it names (by kind and
// key) and those after it were not applied, those before it were.
func (s *State) Apply(db int, events []byte) (after int, err error) {
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
	case event.Cause:
	case event.String:
		s.setString(d, ev, stringEncoding(ev.Value))
	case event.Text:
		s.setString(d, ev, textEncoding(ev.Value))
	case event.Append:
		err = s.appendTail(d, ev)
	case event.Range:
		err = s.writeRange(d, ev)
	case event.HashSet:
		err = s.hashSet(d, ev)
	case event.HashDelete:
		err = s.hashDelete(d, ev)
	case event.Flush:
		s.dbs[ev.DB] = newDatabase()
		s.findNext()
	case event.FlushAll:
		for i := range s.dbs {
			s.dbs[i] = newDatabase()
		}
		s.findNext()
	case event.Swap:
		s.dbs[ev.DB], s.dbs[ev.DB2] = s.dbs[ev.DB2], s.dbs[ev.DB]
	default:
		err = s.keyEvent(d, ev)
	}
	return db, err
}

// foreign is the error of an event that was made for another state.
func foreign(ev *event.Event, why string) error {
	return fmt.Errorf("%v of key %s: %s", ev.Kind, shown(ev.Key), why)
}

// holds is why an event does not fit a key of another type.
func holds(e *entry) string { return "it holds a " + e.typ.String() }

const noKey = "there is no such key"

// shown is a key in an error: quoted, its beginning if it is long.
func shown(key []byte) string {
	const most = 64
	if len(key) > most {
		return fmt.Sprintf("%q… (%d bytes)", key[:most], len(key))
	}
	return strconv.Quote(string(key))
}

// keyEvent applies the events that speak of a key as a whole.
func (s *State) keyEvent(d *database, ev *event.Event) error {
	e := d.keys.Get(ev.Key)
	if e == nil {
		return foreign(ev, noKey)
	}
	switch ev.Kind {
	case event.Delete:
		s.remove(d, e)
	case event.Expire:
		s.setExpire(d, e, ev.At)
		d.resum(e)
	case event.Rename:
		if e.key != string(ev.To) {
			s.remove(d, e)
			s.place(d, e, string(ev.To))
		}
	case event.Move:
		if to := s.dbs[ev.DB]; to != d {
			s.remove(d, e)
			s.place(to, e, e.key)
		}
	case event.Copy:
		if to := s.dbs[ev.DB]; to != d || e.key != string(ev.To) {
			s.place(to, e.clone(), string(ev.To))
		}
	default:
		return foreign(ev, "events of this kind cannot be applied")
	}
	return nil
}

// clone copies an entry; the copy is in no database.
func (e *entry) clone() *entry {
	c := &entry{typ: e.typ, enc: e.enc, expire: e.expire, access: e.access, heap: -1, body: e.body, dirty: e.dirty}
	if e.typ == Hash {
		c.hash = e.hash.clone()
	} else {
		c.value = append([]byte(nil), e.value...)
	}
	return c
}

// remove takes an entry out of its database. It keeps its value and expiry, so
// that place can put it elsewhere.
func (s *State) remove(d *database, e *entry) {
	at := e.expire
	s.setExpire(d, e, 0)
	e.expire = at
	d.keys.Delete(e)
	d.sum -= e.sum
	e.sum = 0
	if e.dirty {
		delete(d.dirty, e)
	}
}

// place puts an entry that is in no database under a key, replacing what is
// there.
func (s *State) place(d *database, e *entry, key string) {
	if old := d.keys.Get(bytesOf(key)); old != nil {
		s.remove(d, old)
	}
	at := e.expire
	e.key, e.expire = key, 0
	d.keys.Put(e)
	s.setExpire(d, e, at)
	if e.dirty {
		d.setDirty(e)
	}
	d.resum(e)
}

// setString makes key a string, whatever it was.
func (s *State) setString(d *database, ev *event.Event, enc encoding) {
	e := d.keys.Get(ev.Key)
	if e == nil {
		e = newString(ev.Key, ev.Value)
		d.keys.Put(e)
	} else {
		e.value, e.lent = overwrite(e.value, ev.Value), false
		e.typ, e.hash = String, nil
	}
	e.enc, e.access = enc, s.clock
	s.setExpire(d, e, ev.At)
	d.rewritten(e)
}

func (s *State) appendTail(d *database, ev *event.Event) error {
	e := d.keys.Get(ev.Key)
	switch {
	case e == nil:
		return foreign(ev, noKey)
	case e.typ != String:
		return foreign(ev, holds(e))
	}
	e.value = append(e.value, ev.Value...)
	e.enc, e.access = encRaw, s.clock
	d.edited(e)
	return nil
}

// maxString is the length that a Range event may make a string, in bytes. The
// commands have the same limit; here it keeps an offset from allocating anything.
const maxString = 512 << 20

func (s *State) writeRange(d *database, ev *event.Event) error {
	if ev.At > maxString-int64(len(ev.Value)) {
		return foreign(ev, fmt.Sprintf("%d bytes at offset %d are beyond the longest string", len(ev.Value), ev.At))
	}
	e := d.keys.Get(ev.Key)
	if e != nil && e.typ != String {
		return foreign(ev, holds(e))
	}
	if e == nil {
		e = newString(ev.Key, nil)
		d.keys.Put(e)
	}
	if e.lent && ev.At < int64(len(e.value)) {
		e.value, e.lent = append([]byte(nil), e.value...), false
	}
	if end := int(ev.At) + len(ev.Value); end > len(e.value) {
		e.value = lengthen(e.value, end)
	}
	copy(e.value[ev.At:], ev.Value)
	e.enc, e.access = encRaw, s.clock
	d.edited(e)
	return nil
}

// lengthen gives b zeros at its end, up to n bytes. A large block is asked for in
// zeros: the system has those ready and need not be made to touch them.
func lengthen(b []byte, n int) []byte {
	if n <= cap(b) {
		clear(b[len(b):n])
		return b[:n]
	}
	longer := make([]byte, n, max(n, min(2*cap(b), cap(b)+1<<20)))
	copy(longer, b)
	return longer
}

func (s *State) hashSet(d *database, ev *event.Event) error {
	e := d.keys.Get(ev.Key)
	if e != nil && e.typ != Hash {
		return foreign(ev, holds(e))
	}
	if e == nil {
		e = &entry{key: string(ev.Key), typ: Hash, hash: &hash{}, heap: -1}
		d.keys.Put(e)
	}
	for i := 0; i+1 < len(ev.Items); i += 2 {
		e.hash.set(ev.Items[i], ev.Items[i+1])
	}
	e.enc, e.access = e.hash.encoding(), s.clock
	d.rewritten(e)
	return nil
}

// hashDelete removes fields; one that is named twice is removed once.
func (s *State) hashDelete(d *database, ev *event.Event) error {
	e := d.keys.Get(ev.Key)
	switch {
	case e == nil:
		return foreign(ev, noKey)
	case e.typ != Hash:
		return foreign(ev, holds(e))
	}
	for _, field := range ev.Items {
		if e.hash.place(field) < 0 {
			return foreign(ev, "there is no field "+shown(field))
		}
	}
	for _, field := range ev.Items {
		e.hash.remove(field)
	}
	if len(e.hash.pairs) == 0 {
		s.remove(d, e)
		return nil
	}
	e.access = s.clock
	d.rewritten(e)
	return nil
}
