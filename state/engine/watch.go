package engine

import (
	"slices"

	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
)

// watch is one key watched by one session. Watches are fed by applied events:
// a command that changes nothing touches nothing, and nobody has to remember
// to signal. LTRIM alone is told of in any case (seemChanged), as Redis does.
type watch struct {
	s   *Session
	db  int
	key string
	// expired: the key was due when WATCH saw it, so its removal is no change.
	expired bool
}

func watchCommand(e *Engine, s *Session, c *command.Call) {
	if s.multi.active {
		c.Out.Error("ERR WATCH inside MULTI is not allowed")
		return
	}
	if !s.lost && s.past == nil { // once lost, more keys make no difference; the past does not change
		for _, key := range c.Args[1:] {
			e.watchKey(s, s.db, key, c.View.Now())
		}
	}
	c.Out.OK()
}

func unwatchCommand(e *Engine, s *Session, c *command.Call) {
	if s.past == nil {
		e.unwatch(s)
	}
	c.Out.OK()
}

// watchKey adds a watch, once for each key and session.
func (e *Engine) watchKey(s *Session, db int, key []byte, ms int64) {
	byKey := e.watch[db]
	if byKey == nil {
		byKey = make(map[string][]*watch)
		e.watch[db] = byKey
	}
	for _, w := range byKey[string(key)] {
		if w.s == s {
			return
		}
	}
	if len(s.watches) == 0 {
		e.watching++
	}
	w := &watch{s: s, db: db, key: string(key), expired: e.state.Expired(db, key, ms)}
	s.watches = append(s.watches, w)
	byKey[w.key] = append(byKey[w.key], w)
}

// unwatch forgets all that s watches, and that any of it has changed.
func (e *Engine) unwatch(s *Session) {
	s.lost = false
	if len(s.watches) == 0 {
		return
	}
	for _, w := range s.watches {
		byKey := e.watch[w.db]
		list := byKey[w.key]
		i := slices.Index(list, w)
		list = slices.Delete(list, i, i+1)
		if len(list) == 0 {
			delete(byKey, w.key)
		} else {
			byKey[w.key] = list
		}
	}
	s.watches = nil
	e.watching--
}

// watchedExpired reports whether a key that s watches has become due since.
// Nothing may have removed it yet, but for every reader it is gone.
func (e *Engine) watchedExpired(s *Session) bool {
	for _, w := range s.watches {
		if !w.expired && e.state.Expired(w.db, []byte(w.key), e.now/1000) {
			return true
		}
	}
	return false
}

// touch tells the watches what an event in db is about to change.
func (e *Engine) touch(db int, ev *event.Event) {
	switch ev.Kind {
	case event.Flush:
		e.touchEmptied(ev.DB)
	case event.FlushAll:
		for i := range e.watch {
			e.touchEmptied(i)
		}
	case event.Swap:
		e.touchSwapped(ev.DB, ev.DB2)
	default:
		if e.unseen(ev) {
			return
		}
		expired := ev.Kind == event.Delete && ev.Reason == event.Expired
		ev.Keys(db, func(db int, key []byte) { e.touchKey(db, key, expired) })
	}
}

// unseen reports whether an event is no change to who watches or tracks its key. As in Redis:
// the stream has the entries that it had.
func (e *Engine) unseen(ev *event.Event) bool {
	return ev.Kind >= event.StreamGroup && ev.Kind <= event.StreamAck || ev.Kind == event.StreamSet && e.call.Spec.Unwatched
}

// touchKey: the key changes; or it only disappears because it was due.
func (e *Engine) touchKey(db int, key []byte, expired bool) {
	for _, w := range e.watch[db][string(key)] {
		if expired && w.expired {
			w.expired = false
			continue
		}
		w.s.lost = true
	}
}

// touchEmptied: everything in db goes.
func (e *Engine) touchEmptied(db int) {
	for key, list := range e.watch[db] {
		if !e.there(db, key) {
			continue
		}
		for _, w := range list {
			if w.expired {
				w.expired = false
				continue
			}
			w.s.lost = true
		}
	}
}

// touchSwapped: a and b change places.
func (e *Engine) touchSwapped(a, b int) {
	if a == b {
		return
	}
	e.touchReplaced(a, b)
	e.touchReplaced(b, a)
}

// touchReplaced: what was in db goes, what is in by comes in its place.
func (e *Engine) touchReplaced(db, by int) {
	ms := e.now / 1000
	for key, list := range e.watch[db] {
		before, after := e.there(db, key), e.there(by, key)
		if !before && !after {
			continue
		}
		due := after && e.state.Expired(by, []byte(key), ms)
		for _, w := range list {
			switch {
			case w.expired && !after:
				w.expired = false // due before, gone now
			case w.expired && due:
			case !w.expired && !before && due:
				w.expired = true // absent before, due now
			default:
				w.s.lost = true
			}
		}
	}
}

// there reports whether the key is physically in db, due or not.
func (e *Engine) there(db int, key string) bool {
	return e.state.View(db, 0).Exists([]byte(key))
}
