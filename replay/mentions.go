package replay

import (
	"fmt"
	"slices"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// mentions is which keys a stretch of log speaks of. It grows as the log does.
type mentions struct {
	next  uint64 // the entry to be read next
	keys  []mentioned
	index [state.Databases]map[string]int // into keys
	whole [state.Databases]span           // entries that speak of the database as a whole

	// What keys became that these do not tell: what was copied to one, and databases that
	// changed places, each with the first entry that says so.
	sources []place
	swapped [state.Databases]uint64

	// The bodies of the entries, where they are not more than mostBodies bytes.
	bodies [][]byte
	size   int
}

const (
	mostBodies = 32 << 20
	// near is how many entries are read rather than looked for.
	near = 1024
	// mostRoom is how many entries memory is taken for before they are read.
	mostRoom = 1 << 17
)

// all reports whether bodies are those of all entries.
func (t *mentions) all() bool { return t.size <= mostBodies }

// mentioned is a key with the entries that touch it.
type mentioned struct {
	place
	span
}

// span is the first and the last entry of some; zeros: none.
type span struct{ first, last uint64 }

func (s *span) add(offset uint64) {
	if s.first == 0 {
		s.first = offset
	}
	s.last = offset
}

// read goes on up to an entry, which must be there. r may stand anywhere.
func (t *mentions) read(r *log.Reader, upTo uint64) error {
	if t.next > upTo {
		return nil
	}
	if at := r.Pos(); at > t.next || t.next-at > near {
		if err := r.Seek(t.next); err != nil {
			return err
		}
	}
	n := int(min(upTo+1-t.next, mostRoom))
	t.keys, t.bodies = slices.Grow(t.keys, n), slices.Grow(t.bodies, n)
	return readTo(r, upTo, func(e log.Entry) error {
		if e.Offset < t.next {
			return nil
		}
		return t.entry(e)
	})
}

// entry notes what an entry touches.
func (t *mentions) entry(e log.Entry) error {
	db, events, err := event.SkipHeader(e.Body)
	var ev event.Event
	for err == nil && len(events) > 0 {
		if events, err = ev.Decode(events); err != nil {
			break
		}
		switch ev.Kind {
		case event.Database:
			db = ev.DB
		case event.Flush:
			t.whole[ev.DB].add(e.Offset)
		case event.FlushAll:
			for i := range t.whole {
				t.whole[i].add(e.Offset)
			}
		case event.Swap:
			if ev.DB != ev.DB2 {
				t.swap(e.Offset, ev.DB)
				t.swap(e.Offset, ev.DB2)
			}
		case event.Copy:
			t.sources = append(t.sources, place{db, string(ev.Key)})
		}
		ev.Keys(db, func(db int, key []byte) { t.key(e.Offset, db, key) })
	}
	if err != nil {
		return fmt.Errorf("entry @%d: %w", e.Offset, err)
	}
	t.next = e.Offset + 1
	if t.size += len(e.Body); t.all() {
		t.bodies = append(t.bodies, e.Body)
	} else {
		t.bodies = nil
	}
	return nil
}

func (t *mentions) swap(offset uint64, db int) {
	t.whole[db].add(offset)
	if t.swapped[db] == 0 {
		t.swapped[db] = offset
	}
}

func (t *mentions) key(offset uint64, db int, key []byte) {
	i, ok := t.index[db][string(key)]
	if !ok {
		if t.index[db] == nil {
			t.index[db] = make(map[string]int, cap(t.keys))
		}
		name := string(key)
		i = len(t.keys)
		t.index[db][name] = i
		t.keys = append(t.keys, mentioned{place: place{db, name}})
	}
	t.keys[i].add(offset)
}

// together is how many keys are looked up side by side.
const together = 64

// each visits the keys, some at a time, which are of one database. Names are valid until visit
// returns.
func (t *mentions) each(visit func(db int, names [][]byte) error) error {
	var text []byte
	var names [][]byte
	for from, to := 0, 0; from < len(t.keys); from = to {
		db := t.keys[from].db
		text = text[:0]
		for to < min(from+together, len(t.keys)) && t.keys[to].db == db {
			text = append(text, t.keys[to].key...)
			to++
		}
		names = names[:0]
		rest := text
		for _, k := range t.keys[from:to] {
			n := len(k.key)
			names, rest = append(names, rest[:n:n]), rest[n:]
		}
		if err := visit(db, names); err != nil {
			return err
		}
	}
	return nil
}

// lastOf is the last entry that may have changed a key; 0 for none.
func (t *mentions) lastOf(db int, key []byte) uint64 {
	last := t.whole[db].last
	if i, ok := t.index[db][string(key)]; ok {
		last = max(last, t.keys[i].last)
	}
	return last
}

// onDatabases reports whether one of the entries up to one speaks of whole databases.
func (t *mentions) onDatabases(upTo uint64) bool {
	for _, w := range t.whole {
		if w.first != 0 && w.first <= upTo {
			return true
		}
	}
	return false
}
