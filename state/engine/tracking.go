package engine

import (
	"slices"

	"github.com/altilium-db/altilium/state/event"
)

// tracking is what a session asked for with CLIENT TRACKING.
type tracking struct {
	on, bcast, optIn, optOut, noLoop bool

	redirect uint64   // the connection that is told instead; 0: this one
	broken   bool     // that one had gone when it was to be told
	caching  bool     // CLIENT CACHING was said: the next command is an exception
	prefixes []string // of bcast, ascending; never changed in place
}

// trackingState is who has to be told that keys have changed (package comment, "Tracking").
type trackingState struct {
	sessions []*Session // with tracking, ascending by id
	acting   *Session   // whose command is being executed; nil: nobody's

	table       map[string]*trackedKey
	first, last *trackedKey // in the order in which they were read first
	items       int         // ids of all keys together
	most        int64       // keys that the table may have; 0: any number

	broadcasts map[string]*broadcast
	lengths    map[int]int  // of the prefixes, and how many have each
	touched    []*broadcast // that have keys to tell of
}

// trackedKey is a key that clients have read, in whatever database, and may keep.
type trackedKey struct {
	key           string
	ids           []uint64 // of their connections, ascending; some may have gone
	prune         int      // from how many on it is looked who has
	before, after *trackedKey
}

// broadcast is who is told of all keys with a prefix.
type broadcast struct {
	prefix   string
	sessions []*Session          // ascending by id
	keys     map[string]*Session // that this unit has changed, and who did it last
}

// trimPerCall is how many keys one command lets go of, beside as many as it adds, while the
// table has more than it may: so a lower limit holds nobody up.
const trimPerCall = 100

// live is an open connection, by its id.
func (e *Engine) live(id uint64) *Session {
	if s := e.sessions[id]; s != nil && !s.closing {
		return s
	}
	return nil
}

// remember notes that s has read the keys of a command.
func (e *Engine) remember(s *Session, r *row, args [][]byte) {
	t, now := &e.tracking, &s.tracking
	if now.bcast || now.optIn && !now.caching || now.optOut && now.caching {
		return
	}
	added := 0
	for i := range r.spec.KeyPositions(args) {
		k := t.table[string(args[i])]
		if k == nil {
			k = t.add(string(args[i]))
			added++
		}
		if at, known := slices.BinarySearch(k.ids, s.id); !known {
			k.ids = slices.Insert(k.ids, at, s.id)
			t.items++
		}
		if len(k.ids) >= k.prune {
			before := len(k.ids)
			k.ids = slices.DeleteFunc(k.ids, func(id uint64) bool { return e.sessions[id] == nil })
			t.items -= before - len(k.ids)
			k.prune = 2*len(k.ids) + 16
		}
	}
	for n := 0; n < added+trimPerCall && t.most > 0 && int64(len(t.table)) > t.most; n++ {
		e.forgetKey(t.first)
	}
}

func (t *trackingState) add(key string) *trackedKey {
	k := &trackedKey{key: key, prune: 16, before: t.last}
	if t.table == nil {
		t.table = make(map[string]*trackedKey)
	}
	t.table[key] = k
	if t.last == nil {
		t.first = k
	} else {
		t.last.after = k
	}
	t.last = k
	return k
}

func (t *trackingState) remove(k *trackedKey) {
	delete(t.table, k.key)
	t.items -= len(k.ids)
	if k.before == nil {
		t.first = k.after
	} else {
		k.before.after = k.after
	}
	if k.after == nil {
		t.last = k.before
	} else {
		k.after.before = k.before
	}
}

// empty forgets all keys.
func (t *trackingState) empty() {
	t.table, t.first, t.last, t.items = nil, nil, nil, 0
}

// invalidate tells those who track what an event in db is about to change. It is the same
// that WATCH sees, but that a swap of databases is none: who tracks does not say which he reads.
func (e *Engine) invalidate(db int, ev *event.Event) {
	switch {
	case ev.Kind == event.Flush || ev.Kind == event.FlushAll:
		e.invalidateAll()
	case ev.Kind == event.Swap || e.unseen(ev):
	default:
		ev.Keys(db, e.invalidateKey)
	}
}

func (e *Engine) invalidateKey(_ int, key []byte) {
	t := &e.tracking
	for n := range t.lengths {
		if n > len(key) {
			continue
		}
		if b := t.broadcasts[string(key[:n])]; b != nil {
			if len(b.keys) == 0 {
				t.touched = append(t.touched, b)
			}
			b.keys[string(key)] = t.acting
		}
	}
	if k := t.table[string(key)]; k != nil {
		e.forgetKey(k)
	}
}

// forgetKey tells all who have read a key that they are not told of it any more.
func (e *Engine) forgetKey(k *trackedKey) {
	e.tracking.remove(k)
	var m staleMessage
	m.keys = []string{k.key}
	for _, id := range k.ids {
		s := e.live(id)
		if s == nil || !s.tracking.on || s.tracking.bcast || s.tracking.noLoop && s == e.tracking.acting {
			continue
		}
		e.tellStale(s, &m)
	}
}

// invalidateAll tells all who track that everything has changed.
func (e *Engine) invalidateAll() {
	e.tracking.empty()
	var m staleMessage
	for _, s := range e.tracking.sessions {
		e.tellStale(s, &m)
	}
}

// tracks reports whether an event may have to be told to anybody.
func (t *trackingState) tracks() bool { return len(t.sessions)+len(t.table) > 0 }

// limitTracking takes over the setting.
func (e *Engine) limitTracking() { e.tracking.most = e.cfg.now.Load().trackedKeys }

// nobodyActs ends a session's share in a turn.
func (e *Engine) nobodyActs() { e.tracking.acting = nil }

// forgetCaching ends what CLIENT CACHING has said, with the command after it, or with the
// transaction; other subcommands of CLIENT do not count.
func (s *Session) forgetCaching(r *row) {
	client := r != nil && r.spec.Parent != nil && r.spec.Parent.Name == "client"
	s.tracking.caching = client || s.multi.active || s.waiting
}
