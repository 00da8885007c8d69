package replay

import (
	"errors"
	"maps"
	"slices"
	"sort"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay/keyindex"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// sieve makes the state of some keys alone: from a checkpoint and the log after it, as a whole
// state is made, but what does not concern those keys falls through. Of a sealed segment only
// the entries are read that its index lists under one of them.
//
// Keys count by their names in the index, hashes, so that there may be some that nobody wants;
// these are then made as the others are. What is made from another key (RENAME, COPY, MOVE,
// SWAPDB) needs that one too, from the beginning; where it has not been one of the keys it becomes
// one, and the caller begins anew.
type sieve struct {
	s     *Seeker
	keys  map[place]bool
	names map[keyindex.Name]struct{}
	maybe []uint64 // a bit for each name; who has none is not in names: that is most, and quicker

	st     *state.State
	at     uint64 // st is after this entry
	missed bool   // keys has grown: st is not right
	ev     event.Event

	swapped [state.Databases][state.Databases]int // how many keys there were when swap has seen to these
}

// newSieve makes one; the keys are its own from then on.
func newSieve(s *Seeker, keys map[place]bool) *sieve {
	v := &sieve{s: s, keys: keys, names: make(map[keyindex.Name]struct{}, len(keys)), maybe: make([]uint64, maybeBits/64)}
	for p := range keys {
		v.name(p)
	}
	return v
}

// maybeBits are as many as stay in a core's cache.
const maybeBits = 1 << 20

func (v *sieve) name(p place) {
	n := v.s.f.h.Key(p.db, []byte(p.key))
	v.names[n] = struct{}{}
	v.maybe[n%maybeBits/64] |= 1 << (n % 64)
}

// need makes a key one of those, from the beginning.
func (v *sieve) need(p place) {
	if !v.keys[p] {
		v.keys[p], v.missed = true, true
		v.name(p)
	}
}

func (v *sieve) has(db int, key []byte) bool {
	n := v.s.f.h.Key(db, key)
	if v.maybe[n%maybeBits/64]&(1<<(n%64)) == 0 {
		return false
	}
	_, ok := v.names[n]
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
			if !v.has(db, r.Key) {
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

// goOn brings the state on to a later entry, over those that name the keys: all are wanted.
func (v *sieve) goOn(to uint64) error { return v.all(to, func(int64) {}) }

// read brings the state on to a later entry.
func (v *sieve) read(to uint64, meter *compaction.Meter) error {
	names := slices.Sorted(maps.Keys(v.names))
	bytes := int64(0)
	for _, seg := range v.s.segs {
		if seg.last <= v.at || v.at >= to {
			continue
		}
		if seg.sealed == nil { // it has no file of an index
			break
		}
		if err := v.segment(seg, names, to, func(read int64) { meter.Log(bytes + read) }); err != nil {
			return err
		}
		bytes += seg.sealed.Size
	}
	return v.all(to, func(read int64) { meter.Log(bytes + read) })
}

// all lets happen what concerns the keys in all entries up to one.
func (v *sieve) all(to uint64, progress func(bytes int64)) (err error) {
	defer state.CatchOutOfMemory(&err)
	bytes := int64(0)
	err = between(v.s.f.dir, v.at, to, func(e log.Entry) error {
		bytes += int64(e.Size)
		progress(bytes)
		return v.entry(e)
	})
	v.at = to
	return err
}

// segment reads the entries of a sealed segment, up to one, that may concern the keys.
func (v *sieve) segment(seg stretch, names []keyindex.Name, to uint64, progress func(bytes int64)) (err error) {
	defer state.CatchOutOfMemory(&err)
	x, err := v.s.index(seg)
	if err != nil {
		return err
	}
	spots, err := v.s.set.Listed(*seg.sealed, names)
	if err != nil {
		return err
	}
	p, err := v.s.picker(seg, x)
	if err != nil {
		return err
	}
	if seg.first <= v.at { // the first of those after it
		n := sort.Search(len(spots), func(n int) bool {
			e, perr := p.At(spots[n])
			err = errors.Join(err, perr)
			return e.Offset > v.at
		})
		spots = spots[n:]
	}
	p.Expect(spots)
	for i := 0; i < len(spots) && err == nil; i++ {
		var e log.Entry
		if e, err = p.At(spots[i]); err != nil || e.Offset > to {
			break
		}
		progress(e.Pos)
		err = v.entry(e)
	}
	v.at = min(seg.last, to)
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
		} else if v.concerns(db) && !v.missed {
			err = v.apply(db, events[:len(events)-len(rest)])
		}
		events = rest
	}
	if err != nil {
		return &compaction.Unapplicable{Offset: e.Offset, Err: err}
	}
	return nil
}

// concerns reports whether the event, which happens in a database, changes one of the keys. From
// which other keys it makes one, those it notes.
func (v *sieve) concerns(db int) bool {
	switch e := &v.ev; e.Kind {
	case event.Cause, event.Clock:
		return false
	case event.Flush, event.FlushAll:
		return true
	case event.Swap:
		v.swap(e.DB, e.DB2)
		return true
	case event.Rename:
		return v.made(db, e.To, db) || v.has(db, e.Key)
	case event.Copy:
		return v.made(e.DB, e.To, db)
	case event.Move:
		return v.made(e.DB, e.Key, db) || v.has(db, e.Key)
	default:
		return v.has(db, e.Key)
	}
}

// made reports whether the event makes one of the keys, that of a name in a database, from
// another one of a database from, which is then one of them.
func (v *sieve) made(db int, key []byte, from int) bool {
	if !v.has(db, key) {
		return false
	}
	v.need(place{from, string(v.ev.Key)})
	return true
}

// swap needs the keys that become some of two databases when these change places.
func (v *sieve) swap(a, b int) {
	if v.swapped[a][b] == len(v.keys) {
		return
	}
	for p := range maps.Clone(v.keys) {
		if p.db == a || p.db == b {
			v.need(place{a + b - p.db, p.key})
		}
	}
	v.swapped[a][b] = len(v.keys)
}

// apply lets the event happen. One that makes of a key what is none leaves nothing behind.
func (v *sieve) apply(db int, bytes []byte) error {
	_, err := v.st.Apply(db, bytes)
	if err != nil {
		return err
	}
	switch e := &v.ev; {
	case e.Kind == event.Rename && !v.has(db, e.To):
		err = remove(v.st, db, e.To)
	case e.Kind == event.Move && !v.has(e.DB, e.Key):
		err = remove(v.st, e.DB, e.Key)
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
