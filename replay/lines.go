package replay

import (
	"iter"

	"github.com/altilium-db/altilium/log"
)

// Lines gives the entries after an offset up to another that touch a key (event.Event's
// Touches), each with the events that do and no others: the newest first, or the oldest. It
// knows nothing of what the key held: a flush is in it though the key was not there. After
// an error nothing follows.
func (s *Seeker) Lines(k Key, after, to uint64, newest bool) iter.Seq2[*Line, error] {
	return func(yield func(*Line, error) bool) {
		err := s.look(to)
		if err != nil {
			yield(nil, err)
			return
		}
		name := s.f.h.Key(k.DB, k.Key)
		w := s.forwards(name, after+1)
		if newest {
			w = s.backwards(name, to)
		}
		var scratch []happening
		for {
			var e log.Entry
			var ok bool
			if newest {
				e, ok, err = w.prev(to, after)
			} else if e, ok, err = w.next(after + 1); e.Offset > to {
				ok = false
			}
			var l *Line
			if ok && err == nil {
				l, err = s.touching(e, k, &scratch)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !ok || l != nil && !yield(l, nil) {
				return
			}
		}
	}
}

// touching is the line of an entry for a key; nil where it is only of the same hash.
func (s *Seeker) touching(e log.Entry, k Key, scratch *[]happening) (*Line, error) {
	list, err := happenings(e, *scratch)
	if err != nil {
		return nil, err
	}
	*scratch = list
	var facts []Fact
	for i := range list {
		if h := &list[i]; h.event.Touches(h.db, k.DB, k.Key) {
			facts = append(facts, Fact{DB: h.db, Event: h.event})
		}
	}
	if len(facts) == 0 {
		return nil, nil
	}
	l, err := s.line(e)
	if err == nil {
		l.Facts = facts
	}
	return l, err
}
