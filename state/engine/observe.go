package engine

import (
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// observe tells the watches, those who track and those who wait what events are about to change. It
// is called before they are applied, since an emptied database forgets what was in it.
func (e *Engine) observe(db int, events []byte) {
	ev := &e.decoded
	for len(events) > 0 {
		rest, err := ev.Decode(events)
		if err != nil {
			return // Apply will say so
		}
		events = rest
		switch ev.Kind {
		case event.Database:
			db = ev.DB
			continue
		case event.Cause, event.Clock:
			continue
		}
		if e.watching > 0 {
			e.touch(db, ev)
		}
		if e.tracking.tracks() {
			e.invalidate(db, ev)
		}
		if e.overlay.count > 0 {
			e.overlay.touch(db, ev)
		}
		if e.block.count > 0 {
			e.stir(db, ev)
		}
	}
}

// stir notes whose keys an event changes among those who wait.
func (e *Engine) stir(db int, ev *event.Event) {
	switch ev.Kind {
	case event.Flush:
		e.changedAll(ev.DB, true)
	case event.FlushAll:
		for i := range e.block.queues {
			e.changedAll(i, true)
		}
	case event.Swap:
		e.changedAll(ev.DB, false)
		e.changedAll(ev.DB2, false)
	case event.StreamDelete, event.StreamTrim, event.StreamGroup, event.StreamConsumer, event.StreamForget, event.StreamPending, event.StreamAck:
		// No entry comes by these. Redis, too, leaves those alone who wait for one when XGROUP SETID
		// has a group begin earlier; and each consumer that acknowledges would ask all others again.
	default:
		ev.Keys(db, e.changed)
	}
}

// seemChanged has the key of a command that has found nothing to change count as changed,
// as in Redis, for all who would be told of a change but those who wait for one.
func (e *Engine) seemChanged(r *row) {
	c := &e.call
	db, key := c.View.DB(), c.Args[1]
	if c.View.Type(key) == state.None {
		return
	}
	e.touchKey(db, key, false)
	if e.tracking.tracks() {
		e.invalidateKey(db, key)
	}
	if e.notifying() {
		e.tell(notice{r.voice.class, r.voice.name, db, key})
	}
}
