package replay

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// Which keys may differ between two moments, and the least that must be read to know what
// they were.

// fewCompared is how many keys are looked up one by one at both ends: a look takes about a
// millisecond.
const fewCompared = 64

// Compare puts two moments side by side. What is compared are the keys that the entries
// between name, or all where one of those speaks of whole databases. So what is built does
// not grow with the database:
//
//	few keys    are looked up one by one, at both ends
//	more        are sifted out of one reading of a checkpoint and the log after it
//	most, all   both states are built at once
//
// What was built stays in memory as long as the Comparison. progress, which may be nil, is
// told of bytes read.
func (s *Seeker) Compare(from, to Resolved, progress func(done, total int64)) (*Comparison, error) {
	c, seen, err := s.compare(from, to)
	if err != nil {
		return nil, err
	}
	lo, hi := c.inOrder()
	switch {
	case seen == nil:
		return c, c.whole(s, nil, progress)
	case len(seen) <= fewCompared:
		err = c.lookUp(s, seen)
	case !s.sifts(lo.Offset, hi.Offset, len(seen)):
		return c, c.whole(s, seen, progress)
	default:
		err = c.sift(s, seen, progress)
	}
	if err != nil { // what is wrong is found again on the way to the states, or is not there
		return c, c.whole(s, seen, progress)
	}
	c.touch(seen)
	return c, nil
}

// compareWhole is Compare with both states whole.
func (s *Seeker) compareWhole(from, to Resolved, progress func(done, total int64)) (*Comparison, error) {
	c, seen, err := s.compare(from, to)
	if err != nil {
		return nil, err
	}
	return c, c.whole(s, seen, progress)
}

// compare begins a comparison: seen are the keys that may differ, nil for all.
func (s *Seeker) compare(from, to Resolved) (c *Comparison, seen map[place]bool, err error) {
	if err := s.look(0); err != nil {
		return nil, nil, err
	}
	c = &Comparison{From: &At{Resolved: from}, To: &At{Resolved: to}}
	lo, hi := c.inOrder()
	seen, err = s.touched(lo.Offset, hi.Offset)
	return c, seen, err
}

// inOrder is the two moments, the earlier one first.
func (c *Comparison) inOrder() (lo, hi *At) {
	if c.From.Offset <= c.To.Offset {
		return c.From, c.To
	}
	return c.To, c.From
}

// touched are the keys that the entries between two offsets name; nil where one of those speaks
// of whole databases.
func (s *Seeker) touched(lo, hi uint64) (map[place]bool, error) {
	seen := map[place]bool{}
	note := func(db int, key []byte) bool {
		if !seen[place{db, string(key)}] { // to look takes no memory
			seen[place{db, string(key)}] = true
		}
		return false
	}
	err := between(s.f.dir, lo, hi, func(e log.Entry) error {
		all, err := touches(e, note)
		if all && err == nil {
			err = errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		return nil, nil
	}
	return seen, err
}

// errEnough ends a reading.
var errEnough = errors.New("enough is known")

// between hands the entries of the log in dir after an offset up to another to visit. A body is
// valid until visit returns.
func between(dir string, lo, hi uint64, visit func(log.Entry) error) error {
	if lo >= hi {
		return nil
	}
	r, err := log.OpenReader(dir, lo+1)
	if err != nil {
		return err
	}
	defer r.Close()
	r.Reuse()
	return readTo(r, hi, visit)
}

// readTo hands the entries from where r stands up to one to visit.
func readTo(r *log.Reader, upTo uint64, visit func(log.Entry) error) error {
	for r.Pos() <= upTo {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: @%d is after the last entry @%d", log.ErrFuture, upTo, r.Pos()-1)
		}
		if err == nil {
			err = visit(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// touches reports whether an entry speaks of whole databases, or names a key that matters; matters
// is told of the keys up to that.
func touches(e log.Entry, matters func(db int, key []byte) bool) (found bool, err error) {
	db, events, err := event.SkipHeader(e.Body)
	var ev event.Event
	for err == nil && len(events) > 0 && !found {
		if events, err = ev.Decode(events); err != nil {
			break
		}
		if ev.Kind == event.Database {
			db = ev.DB
		}
		found = ev.OnDatabases()
		ev.Keys(db, func(db int, key []byte) { found = found || matters(db, key) })
	}
	if err != nil {
		return false, fmt.Errorf("entry @%d: %w", e.Offset, err)
	}
	return found, nil
}

// touch keeps the keys to be compared, in order.
func (c *Comparison) touch(seen map[place]bool) {
	c.touched = slices.Grow(c.touched[:0], len(seen))
	for p := range seen {
		c.touched = append(c.touched, p)
	}
	slices.SortFunc(c.touched, func(a, b place) int { return cmp.Or(cmp.Compare(a.db, b.db), cmp.Compare(a.key, b.key)) })
}

// whole builds both states, at once. seen are the keys to be compared; nil: all.
func (c *Comparison) whole(s *Seeker, seen map[place]bool, progress func(done, total int64)) (err error) {
	other := make(chan error, 1)
	go func() {
		var err error
		c.From.Built, err = compaction.Build(s.f.dir, c.From.Offset, nil)
		other <- err
	}()
	c.To.Built, err = compaction.Build(s.f.dir, c.To.Offset, progress)
	if err := errors.Join(<-other, err); err != nil {
		return err
	}
	if seen == nil {
		seen = map[place]bool{}
		c.allKeys(seen)
	}
	c.touch(seen)
	return nil
}

// allKeys notes every key that either has.
func (c *Comparison) allKeys(seen map[place]bool) {
	for db := range state.Databases {
		for _, at := range []*At{c.From, c.To} {
			at.State.View(db, 0).Each(func(key []byte) bool {
				seen[place{db, string(key)}] = true
				return true
			})
		}
	}
}

// lookUp looks up the keys one by one.
func (c *Comparison) lookUp(s *Seeker, seen map[place]bool) (err error) {
	keys := make([]Key, 0, len(seen))
	for p := range seen {
		keys = append(keys, Key{DB: p.db, Key: []byte(p.key)})
	}
	if c.From.Built, err = s.At(c.From.Offset, keys...); err == nil {
		c.To.Built, err = s.At(c.To.Offset, keys...)
	}
	return err
}

// sift makes states of just the keys.
func (c *Comparison) sift(s *Seeker, seen map[place]bool, progress func(done, total int64)) error {
	lo, hi := c.inOrder()
	v := newSieve(s, maps.Clone(seen))
	for range mostSifts {
		err := v.begin(lo.Offset, progress)
		if err != nil {
			return err
		}
		before, err := v.copied()
		if err == nil {
			err = v.goOn(hi.Offset)
		}
		if err != nil {
			return err
		}
		if v.missed {
			continue
		}
		lo.Built = s.partOf(before, lo.Resolved)
		hi.Built = s.partOf(v.st, hi.Resolved)
		return nil
	}
	return errMissed
}

// partOf says where a state of some keys is.
func (s *Seeker) partOf(st *state.State, at Resolved) *compaction.Built {
	return &compaction.Built{Base: compaction.Base{State: st}, LogID: s.m.LogID, Root: s.m.RootID(), At: at.Offset, AtTime: at.Time}
}

// errMissed is why so many keys hang together that whole states are less work.
var errMissed = errors.New("keys are renamed over and over")

// mostSifts is how often the keys that others were made from are added, and all is read anew.
const mostSifts = 3

// sifts reports whether it is less work to sift n keys than to build both states: they are not
// most of the keys, and to read the log between is no more than to begin at a checkpoint after lo.
func (s *Seeker) sifts(lo, hi uint64, n int) bool {
	c, ok := s.m.Newest(hi)
	if !ok { // both would begin with the first entry
		return uint64(2*n) <= hi
	}
	if 2*n > c.Keys {
		return false
	}
	return hi-lo <= hi-c.Offset+uint64(c.Keys)/2 // a key of a checkpoint is half the work of an entry
}
