package replay

import (
	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// sieve makes the state of some keys alone: from a checkpoint and the log after it, as a whole
// state is made, but what does not concern those keys falls through. For a tenth of the keys
// that is a third of the work, most of it reading.
//
// Keys count by their names' hashes, in every database: SWAPDB and MOVE are then nothing
// special. What is made from another key (RENAME, COPY) needs that one too, from the
// beginning; where it has not been one of the keys it becomes one, and the caller begins anew.
type sieve struct {
	s      *Seeker
	hasher *state.Hasher
	names  map[uint64]struct{}
	maybe  []uint64 // a bit for each name; who has none is not in names: that is most, and quicker

	st     *state.State
	at     uint64 // st is after this entry
	missed bool   // names has grown: st is not right
	ev     event.Event
}

func newSieve(s *Seeker, keys map[place]bool) *sieve {
	v := &sieve{s: s, hasher: state.NewHasher(compaction.Seed(s.m.RootID())), names: make(map[uint64]struct{}, len(keys)),
		maybe: make([]uint64, maybeBits/64)}
	for p := range keys {
		v.add([]byte(p.key))
	}
	return v
}

// maybeBits are as many as stay in a core's cache.
const maybeBits = 1 << 20

func (v *sieve) add(key []byte) {
	h := v.hasher.Hash(key)
	v.names[h] = struct{}{}
	v.maybe[h%maybeBits/64] |= 1 << (h % 64)
}

func (v *sieve) has(key []byte) bool {
	h := v.hasher.Hash(key)
	if v.maybe[h%maybeBits/64]&(1<<(h%64)) == 0 {
		return false
	}
	_, ok := v.names[h]
	return ok
}

// begin makes the state after the entry at an offset.
func (v *sieve) begin(at uint64, progress func(done, total int64)) error {
	b, err := v.s.base(at)
	if err != nil {
		return err
	}
	v.st, v.at, v.missed = state.New(compaction.Seed(v.s.m.RootID())), b.Offset(), false
	if c := b.Checkpoint; c != nil {
		err := compaction.Each(v.s.f.dir, v.s.m.IDAt(c.Offset), *c, func(db int, r *state.Record) error {
			if !v.has(r.Key) {
				return nil
			}
			return v.st.Import(db, *r)
		})
		if err != nil {
			return err
		}
	}
	return v.read(at, compaction.NewMeter(v.s.f.dir, v.s.m, at, progress))
}

// goOn brings the state on to a later entry.
func (v *sieve) goOn(to uint64) error { return v.read(to, &compaction.Meter{}) }

func (v *sieve) read(to uint64, meter *compaction.Meter) (err error) {
	defer state.CatchOutOfMemory(&err)
	bytes := int64(0)
	err = v.s.between(v.at, to, func(e log.Entry) error {
		bytes += int64(e.Size)
		meter.Log(bytes)
		return v.entry(e)
	})
	v.at = to
	return err
}

// entry lets happen what concerns the keys.
func (v *sieve) entry(e log.Entry) error {
	db, events, err := event.SkipHeader(e.Body)
	for err == nil && len(events) > 0 {
		var rest []byte
		if rest, err = v.ev.Decode(events); err != nil {
			break
		}
		if v.ev.Kind == event.Database {
			db = v.ev.DB
		} else if v.concerns() && !v.missed {
			err = v.apply(db, events[:len(events)-len(rest)])
		}
		events = rest
	}
	if err != nil {
		return &compaction.Unapplicable{Offset: e.Offset, Err: err}
	}
	return nil
}

// concerns reports whether the event changes one of the keys.
func (v *sieve) concerns() bool {
	switch e := &v.ev; e.Kind {
	case event.Cause, event.Clock:
		return false
	case event.Flush, event.FlushAll, event.Swap:
		return true
	case event.Rename:
		return v.made() || v.has(e.Key)
	case event.Copy:
		return v.made()
	default:
		return v.has(e.Key)
	}
}

// made reports whether the event makes one of the keys from another one, which is then one of
// them.
func (v *sieve) made() bool {
	if !v.has(v.ev.To) {
		return false
	}
	if !v.has(v.ev.Key) {
		v.add(v.ev.Key)
		v.missed = true
	}
	return true
}

// apply lets the event happen. One that renames a key to what is none leaves nothing behind.
func (v *sieve) apply(db int, bytes []byte) error {
	_, err := v.st.Apply(db, bytes)
	if err == nil && v.ev.Kind == event.Rename && !v.has(v.ev.To) {
		err = remove(v.st, db, v.ev.To)
	}
	return err
}

// copied is a copy of the state.
func (v *sieve) copied() (st *state.State, err error) {
	defer state.CatchOutOfMemory(&err)
	st = state.New(compaction.Seed(v.s.m.RootID()))
	for db := range state.Databases {
		st.Expect(db, v.st.Keys(db))
		v.st.Export(db, 0, func(r state.Record) bool {
			err = st.Import(db, r)
			return err == nil
		})
		if err != nil {
			return nil, err
		}
	}
	return st, nil
}
