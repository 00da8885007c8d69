package state

import (
	"fmt"

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
// the events were not made for this state: the event that it names, and those
// after it, were not applied.
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

// one applies one event.
func (s *State) one(db int, ev *event.Event) (after int, err error) {
	if db < 0 || db >= Databases || ev.DB < 0 || ev.DB >= Databases || ev.DB2 < 0 || ev.DB2 >= Databases {
		return db, fmt.Errorf("%v: there is no such database", ev)
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
		s.flush(func(o *database) bool { return o == s.dbs[ev.DB] })
	case event.FlushAll:
		s.flush(func(*database) bool { return true })
	case event.Swap:
		s.dbs[ev.DB], s.dbs[ev.DB2] = s.dbs[ev.DB2], s.dbs[ev.DB]
		s.rebuildHeap(func(*database) bool { return false })
	default:
		err = s.keyEvent(d, ev)
	}
	return db, err
}

// keyEvent applies the events that speak of a key as a whole.
func (s *State) keyEvent(d *database, ev *event.Event) error {
	e := d.keys.Get(ev.Key)
	if e == nil {
		return fmt.Errorf("%v: there is no such key", ev)
	}
	switch ev.Kind {
	case event.Delete:
		s.remove(d, e)
	case event.Expire:
		s.setExpire(d, e, ev.At)
		d.changed(e)
	case event.Rename:
		if e.key == string(ev.To) {
			return nil
		}
		s.remove(d, e)
		s.place(d, e, string(ev.To))
	case event.Move:
		s.remove(d, e)
		s.place(s.dbs[ev.DB], e, e.key)
	case event.Copy:
		to := s.dbs[ev.DB]
		if to == d && e.key == string(ev.To) {
			return nil
		}
		c := &entry{typ: e.typ, enc: e.enc, expire: e.expire, access: e.access, heap: -1}
		if e.typ == Hash {
			c.hash = e.hash.clone()
		} else {
			c.value = append([]byte(nil), e.value...)
		}
		s.place(to, c, string(ev.To))
	default:
		return fmt.Errorf("%v: events of this kind cannot be applied", ev)
	}
	return nil
}

// remove takes an entry out of its database. It keeps its value and expiry.
func (s *State) remove(d *database, e *entry) {
	at := e.expire
	s.setExpire(d, e, 0)
	e.expire = at
	d.keys.Delete(e)
	d.sum -= e.sum
	e.sum, e.dirty = 0, false
}

// place puts an entry that is in no database under a key, replacing what is
// there.
func (s *State) place(d *database, e *entry, key string) {
	if old := d.keys.Get([]byte(key)); old != nil {
		s.remove(d, old)
	}
	at := e.expire
	e.key, e.expire = key, 0
	d.keys.Put(e)
	s.setExpire(d, e, at)
	d.changed(e)
}

func (s *State) flush(which func(*database) bool) {
	for i, d := range s.dbs {
		if which(d) {
			s.dbs[i] = &database{keys: newMapKeyspace()}
		}
	}
	alive := func(d *database) bool { return s.number(d) < 0 }
	s.rebuildHeap(alive)
}

// setString makes key a string, whatever it was.
func (s *State) setString(d *database, ev *event.Event, enc encoding) {
	e := d.keys.Get(ev.Key)
	if e == nil {
		e = &entry{key: string(ev.Key), heap: -1, access: s.clock}
		d.keys.Put(e)
	}
	if cap(e.value) >= len(ev.Value) && cap(e.value) <= 2*len(ev.Value)+64 {
		e.value = append(e.value[:0], ev.Value...)
	} else {
		e.value = append(make([]byte, 0, len(ev.Value)), ev.Value...)
	}
	e.typ, e.enc, e.hash, e.access = String, enc, nil, s.clock
	s.setExpire(d, e, ev.At)
	e.dirty = false
	d.changed(e)
}

// stringToChange finds the string that an event changes in part.
func stringToChange(d *database, ev *event.Event) (*entry, error) {
	e := d.keys.Get(ev.Key)
	if e != nil && e.typ != String {
		return nil, fmt.Errorf("%v: the key holds a %v", ev, e.typ)
	}
	return e, nil
}

func (s *State) appendTail(d *database, ev *event.Event) error {
	e, err := stringToChange(d, ev)
	if err != nil {
		return err
	}
	if e == nil {
		return fmt.Errorf("%v: there is no such key", ev)
	}
	e.value, e.enc, e.access = append(e.value, ev.Value...), encRaw, s.clock
	s.changedLater(d, e)
	return nil
}

func (s *State) writeRange(d *database, ev *event.Event) error {
	e, err := stringToChange(d, ev)
	if err != nil {
		return err
	}
	if ev.At < 0 || ev.At+int64(len(ev.Value)) > 1<<30 {
		return fmt.Errorf("range at %d: out of bounds", ev.At)
	}
	if e == nil {
		e = &entry{key: string(ev.Key), typ: String, heap: -1}
		d.keys.Put(e)
	}
	if end := int(ev.At) + len(ev.Value); end > len(e.value) {
		e.value = append(e.value, make([]byte, end-len(e.value))...)
	}
	copy(e.value[ev.At:], ev.Value)
	e.enc, e.access = encRaw, s.clock
	s.changedLater(d, e)
	return nil
}

func (s *State) hashSet(d *database, ev *event.Event) error {
	e := d.keys.Get(ev.Key)
	if e != nil && e.typ != Hash {
		return fmt.Errorf("%v: the key holds a %v", ev, e.typ)
	}
	if e == nil {
		e = &entry{key: string(ev.Key), typ: Hash, hash: &hash{}, heap: -1}
		d.keys.Put(e)
	}
	for i := 0; i+1 < len(ev.Items); i += 2 {
		e.hash.set(ev.Items[i], ev.Items[i+1])
	}
	e.enc, e.access = e.hash.encoding(), s.clock
	d.changed(e)
	return nil
}

func (s *State) hashDelete(d *database, ev *event.Event) error {
	e := d.keys.Get(ev.Key)
	if e == nil || e.typ != Hash {
		return fmt.Errorf("%v: the key holds no hash", ev)
	}
	for _, field := range ev.Items {
		if !e.hash.remove(field) {
			return fmt.Errorf("%v: there is no field %q", ev, field)
		}
	}
	if len(e.hash.pairs) == 0 {
		s.remove(d, e)
		return nil
	}
	e.access = s.clock
	d.changed(e)
	return nil
}
