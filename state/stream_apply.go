package state

import (
	"fmt"

	"github.com/altilium-db/altilium/state/event"
)

// streamEvent applies an event to a stream. A stream is a key however little it has.
func (s *State) streamEvent(d *database, ev *event.Event) error {
	var e entry
	h, r := d.look(ev.Key, &e)
	switch {
	case r != 0 && e.typ != Stream:
		return foreign(ev, holds(e.typ))
	case r == 0 && ev.Kind != event.StreamAdd && ev.Kind != event.StreamSet:
		return foreign(ev, noKey)
	}
	var st *stream
	if r != 0 {
		st = e.o.stream
	} else {
		st = &stream{}
	}
	if why := st.refuses(ev); why != "" {
		return foreign(ev, why)
	}
	if r == 0 {
		e.typ, e.enc = Stream, encStream
		d.adopt(&e, &object{stream: st})
		st.change(ev)
		e.access = s.kept(e.access)
		s.put(d, h, r, &e, 0)
		return nil
	}
	d.setAside(&e)
	st.change(ev)
	touchRecord(d.mem.at(r), s.kept(e.access))
	d.putBack(&e)
	return nil
}

// refuses says why an event does not fit a stream, "" where it does.
func (s *stream) refuses(ev *event.Event) string {
	f := ev.Stream
	switch ev.Kind {
	case event.StreamAdd:
		if !s.last.Less(f.ID) {
			return fmt.Sprintf("the id %v is not above %v", f.ID, s.last)
		}
	case event.StreamDelete:
		for _, id := range f.IDs {
			if !s.has(id) {
				return fmt.Sprintf("there is no entry %v", id)
			}
		}
	case event.StreamTrim:
		if ev.At > int64(s.n) {
			return fmt.Sprintf("it has %d entries, not %d", s.n, ev.At)
		}
	case event.StreamSet:
		if f.ID.Less(s.lastID()) {
			return fmt.Sprintf("it has an entry above %v", f.ID)
		}
	case event.StreamGroup:
	default:
		return s.groupRefuses(ev)
	}
	return ""
}

// groupRefuses is refuses for what befalls a group that is there.
func (s *stream) groupRefuses(ev *event.Event) string {
	f := ev.Stream
	i, found := s.group(f.Group)
	if !found {
		return "there is no group " + shown(f.Group)
	}
	g := s.groups[i]
	switch ev.Kind {
	case event.StreamForget, event.StreamPending:
		if _, found := g.consumer(f.Consumer); !found {
			return "there is no consumer " + shown(f.Consumer)
		}
	case event.StreamAck:
		for _, id := range f.IDs {
			if g.pending.find(id) == nil {
				return fmt.Sprintf("the entry %v is not pending", id)
			}
		}
	}
	return ""
}

// change applies an event that fits.
func (s *stream) change(ev *event.Event) {
	f := ev.Stream
	switch ev.Kind {
	case event.StreamAdd:
		s.add(f.ID, ev.Items)
	case event.StreamDelete:
		s.delete(f.IDs)
	case event.StreamTrim:
		s.trim(int(ev.At))
	case event.StreamSet:
		s.last, s.added, s.deleted = f.ID, f.Added, f.Deleted
	case event.StreamGroup:
		g := s.place(f.Group)
		s.people -= g.digest()
		g.last, g.read = f.ID, f.Read
		s.people += g.digest()
	case event.StreamDestroy:
		i, _ := s.group(f.Group)
		s.destroy(i)
	default:
		i, _ := s.group(f.Group)
		g := s.groups[i]
		s.people -= g.digest()
		s.changeGroup(g, ev)
		s.people += g.digest()
	}
}

// changeGroup applies an event to what a group has.
func (s *stream) changeGroup(g *group, ev *event.Event) {
	f := ev.Stream
	switch ev.Kind {
	case event.StreamConsumer:
		c := s.join(g, f.Consumer)
		g.sum -= c.digest()
		c.seen, c.active = ev.At, f.Active
		g.sum += c.digest()
	case event.StreamForget:
		i, _ := g.consumer(f.Consumer)
		s.leave(g, i)
	case event.StreamPending:
		i, _ := g.consumer(f.Consumer)
		for n, id := range f.IDs {
			s.deliver(g, g.consumers[i], id, ev.At, f.Counts[n])
		}
	case event.StreamAck:
		for _, id := range f.IDs {
			s.acknowledge(g, id)
		}
	}
}
