package past

import (
	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
)

// What a command reads by name alone is looked up key by key, so that it costs nothing of
// the size of the database. A view that is there already is used instead.

// mostKeys is how many keys are looked up one by one; for more a whole state is built.
const mostKeys = 32

// named gives the keys that q reads, where it reads nothing else.
func (r *Room) named(q *Request) (keys []replay.Key, ok bool) {
	calls := q.Queue
	if calls == nil {
		calls = [][][]byte{q.Args}
	}
	names, ok := r.table.Reads(calls, mostKeys)
	return inDB(q.DB, names), ok
}

// inDB are keys of a database.
func inDB(db int, names [][]byte) []replay.Key {
	keys := make([]replay.Key, len(names))
	for i, name := range names {
		keys[i] = replay.Key{DB: db, Key: name}
	}
	return keys
}

// asNow reports whether the keys of q hold at q.Last what they held at that moment. What keeps
// that from being found out is found again by whoever looks at the moment.
func (r *Room) asNow(at replay.Resolved, q *Request) bool {
	s, err := r.seeker()
	if err != nil {
		return false
	}
	defer r.seekers.done(s)
	untouched, err := s.Untouched(at.Offset, q.Last, inDB(q.DB, q.Keys)...)
	return untouched && err == nil
}

// readKeys carries out what q asks of a moment on a state of these keys alone.
func (r *Room) readKeys(at replay.Resolved, keys []replay.Key, q *Request, out *resp.Writer) (err error) {
	defer state.CatchOutOfMemory(&err)
	s, err := r.seeker()
	if err != nil {
		return err
	}
	defer r.seekers.done(s)
	return s.Read(at.Offset, func(b *compaction.Built) error {
		r.run(at, b.State, q, out)
		return nil
	}, keys...)
}

// seekers are those that nobody uses.
type seekers struct {
	open func() (*replay.Seeker, error)
	idle chan *replay.Seeker
}

// mostIdle is how many are kept, with their open files.
const mostIdle = 4

func newSeekers(o Options) seekers {
	s := seekers{idle: make(chan *replay.Seeker, mostIdle)}
	s.open = func() (*replay.Seeker, error) { return replay.OpenSeeker(o.Log.Dir(), nil) }
	if o.Indexer != nil {
		s.open = func() (*replay.Seeker, error) { return o.Indexer.Seeker(), nil }
	}
	return s
}

// seeker is one for the caller alone, until it is done with it.
func (r *Room) seeker() (*replay.Seeker, error) {
	select {
	case s := <-r.seekers.idle:
		return s, nil
	default:
		return r.seekers.open()
	}
}

// done takes one back.
func (s *seekers) done(one *replay.Seeker) {
	select {
	case s.idle <- one:
	default:
		_ = one.Close() // it only reads
	}
}
