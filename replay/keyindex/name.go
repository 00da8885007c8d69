package keyindex

import (
	"encoding/binary"
	"slices"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// Name is what entries are listed under: the hash of a key or of a connection, or Whole.
type Name uint64

// Whole lists the entries that speak of whole databases.
const Whole Name = 1 << 32

// Hasher gives the names of a log's keys. Any goroutine may use it.
type Hasher struct{ keys *state.Hasher }

// NewHasher makes the one of a log whose states have this seed.
func NewHasher(seed uint64) Hasher { return Hasher{state.NewHasher(seed)} }

// connections is the number of the database that connections are keys of, so to speak.
const connections = state.Databases

// Key is the name of a key of a database.
func (h Hasher) Key(db int, key []byte) Name {
	return Name((h.keys.Hash(key) + uint64(db)*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd >> 32)
}

// Conn is the name of a connection.
func (h Hasher) Conn(conn uint64) Name {
	return h.Key(connections, binary.LittleEndian.AppendUint64(nil, conn))
}

// lister says what entries are to be listed under.
type lister struct {
	h     Hasher
	ev    event.Event // scratch
	names []Name      // scratch
}

// list gives the names of an entry, each once, valid until the next call. What cannot be
// read is listed as Whole: it may change anything, and whoever needs it will say so.
func (l *lister) list(body []byte) []Name {
	l.names = l.names[:0]
	if conn, ok := event.Named(body); ok {
		l.names = append(l.names, l.h.Conn(conn))
	}
	db, events, err := event.SkipHeader(body)
	for err == nil && len(events) > 0 {
		if events, err = l.ev.Decode(events); err != nil {
			break
		}
		switch l.ev.Kind {
		case event.Database:
			db = l.ev.DB
		case event.Flush, event.FlushAll, event.Swap:
			l.names = append(l.names, Whole)
		default:
			l.ev.Keys(db, func(db int, key []byte) { l.names = append(l.names, l.h.Key(db, key)) })
		}
	}
	if err != nil {
		l.names = append(l.names, Whole)
	}
	if l.ev.Room() > keepItems {
		l.ev = event.Event{}
	}
	if len(l.names) > 1 {
		slices.Sort(l.names)
		l.names = slices.Compact(l.names)
	}
	return l.names
}

// keepItems is how many items an event may have whose room is kept for the next one.
const keepItems = 4096
