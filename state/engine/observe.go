package engine

import "github.com/altilium-db/altilium/state/event"

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
	default:
		ev.Keys(db, e.changed)
	}
}
