package replay

import (
	"bytes"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// descent is the line that a value comes from: backwards, the changes of what it was, under
// whatever names, to where it began.
type descent struct {
	s     *Seeker
	db    int    // where the value was, as far back as the line goes
	key   []byte //
	after uint64 // offset of the checkpoint: entries up to there are in it

	steps []happening // newest first
	done  bool        // it began with the last of the steps; else it goes back to the checkpoint
	read  uint64      // entries
}

// happening is an event in the bytes of its entry.
type happening struct {
	offset uint64
	db     int // that it happened in
	bytes  []byte
	event  event.Event
}

// happenings unpacks an entry, into the memory of a list that nobody needs any more. What events
// point to is never used again.
func happenings(e log.Entry, list []happening) ([]happening, error) {
	list = list[:0]
	db, events, err := event.SkipHeader(e.Body)
	for err == nil && len(events) > 0 {
		h := happening{offset: e.Offset, db: db}
		rest, derr := h.event.Decode(events)
		if err = derr; err != nil {
			break
		}
		h.bytes = events[:len(events)-len(rest)]
		events = rest
		switch h.event.Kind {
		case event.Database:
			db = h.event.DB
		case event.Cause:
		default:
			list = append(list, h)
		}
	}
	if err != nil {
		return nil, &compaction.Unapplicable{Offset: e.Offset, Err: err}
	}
	return list, nil
}

// from follows the line back from after entry at.
func (d *descent) from(at uint64) error {
	w := d.s.backwards(d.s.f.h.Key(d.db, d.key), at)
	for !d.done {
		e, ok, err := w.prev(at, d.after)
		if err != nil || !ok {
			return err
		}
		d.read++
		list, err := happenings(e, nil)
		if err != nil {
			return err
		}
		d.back(list)
		w.name = d.s.f.h.Key(d.db, d.key) // it may have another now
	}
	return nil
}

// back follows the line back over events.
func (d *descent) back(list []happening) {
	for i := len(list) - 1; i >= 0 && !d.done; i-- {
		d.over(&list[i])
	}
}

// over follows the line back over one event.
func (d *descent) over(h *happening) {
	e := &h.event
	here, same := h.db == d.db, bytes.Equal(e.Key, d.key)
	switch e.Kind {
	case event.Flush:
		d.done = e.DB == d.db
	case event.FlushAll:
		d.done = true
	case event.Swap:
		switch d.db {
		case e.DB:
			d.step(h, e.DB2, d.key)
		case e.DB2:
			d.step(h, e.DB, d.key)
		}
	case event.Rename:
		switch {
		case !here || bytes.Equal(e.Key, e.To):
		case bytes.Equal(e.To, d.key):
			d.step(h, d.db, e.Key)
		default:
			d.done = same
		}
	case event.Copy:
		if e.DB == d.db && bytes.Equal(e.To, d.key) && (!here || !same) {
			d.step(h, h.db, e.Key)
		}
	case event.Move:
		switch {
		case !same || h.db == e.DB:
		case e.DB == d.db:
			d.step(h, h.db, d.key)
		default:
			d.done = here
		}
	case event.Delete:
		d.done = here && same
	case event.String, event.Text:
		if here && same {
			d.step(h, d.db, d.key)
			d.done = true
		}
	default:
		if here && same {
			d.step(h, d.db, d.key)
		}
	}
}

// step keeps an event: before it, the value was at a key of a database.
func (d *descent) step(h *happening, db int, key []byte) {
	d.steps = append(d.steps, *h)
	d.db, d.key = db, key
}

// apply lets happen in st, which is empty, what has been kept: on what the checkpoint has, nil
// for nothing, where the line goes back to it. Then st has the key, or nothing.
func (d *descent) apply(st *state.State, r *state.Record) error {
	if r != nil {
		if err := st.Import(d.db, *r); err != nil {
			return err
		}
	}
	for i := len(d.steps) - 1; i >= 0; i-- {
		h := &d.steps[i]
		_, err := st.Apply(h.db, h.bytes)
		if err == nil && h.event.Kind == event.Copy {
			err = remove(st, h.db, h.event.Key)
		}
		if err != nil {
			return &compaction.Unapplicable{Offset: h.offset, Err: err}
		}
	}
	return nil
}

// into brings the key, which the line was followed from, into a state that does not have it
// but may have others: the line is walked in a state of its own, which is empty before and
// after.
func (d *descent) into(st, alone *state.State, k Key, r *state.Record) error {
	if err := d.apply(alone, r); err != nil {
		return err
	}
	found, ok := alone.Record(k.DB, k.Key)
	if !ok {
		return nil
	}
	if err := st.Import(k.DB, found); err != nil {
		return err
	}
	return remove(alone, k.DB, k.Key)
}

// remove takes a key out of a state.
func remove(st *state.State, db int, key []byte) error {
	var b event.Buffer
	b.Delete(key, event.User)
	_, err := st.Apply(db, b.Bytes())
	return err
}
