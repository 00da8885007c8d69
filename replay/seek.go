package replay

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay/keyindex"
	"github.com/altilium-db/altilium/state"
)

// Key is a key of a database.
type Key = compaction.Name

// KeysAt gives the state at a point of the log in dir with these keys in it and no others,
// each as it was then. The errors are those of [StateAt]; report, which may be nil, is told of
// indexes that could not be used or written.
func KeysAt(dir string, p Point, report func(error), keys ...Key) (*At, error) {
	at, err := p.Resolve(dir, time.Now())
	if err != nil {
		return nil, err
	}
	s, err := OpenSeeker(dir, report)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }() // it only reads
	b, err := s.At(at.Offset, keys...)
	if err != nil {
		return nil, err
	}
	b.AtTime = at.Time
	return &At{Resolved: at, Built: b}, nil
}

// Seeker finds single keys in the past of a log, see the package comment. It takes no lock of
// the directory and works beside a running server. It keeps files open between calls, and
// serves one goroutine at a time.
type Seeker struct {
	f    *follower
	own  bool // f
	set  *keyindex.Set
	m    *log.Manifest // as it was when the call began
	segs []stretch     // the log's segments then, oldest first

	pickers map[uint64]*log.Picker // by the segment's first offset
	finders map[log.Checkpoint]*compaction.Finder
	told    map[whose]told
	bad     []*compaction.Refusal // checkpoints that could not be used
	scratch *state.State          // of Read: empty; nil: none
}

// stretch is a segment as far as a Seeker cares.
type stretch struct {
	first, last uint64       // offsets
	sealed      *log.Segment // nil: the tail has it
}

// OpenSeeker opens the log in dir for a tool. report, which may be nil, is told of indexes
// that could not be used or written.
func OpenSeeker(dir string, report func(error)) (*Seeker, error) {
	m, err := log.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	s := newSeeker(newFollower(dir, nil, m), report)
	s.own = true
	return s, s.look(0)
}

func newSeeker(f *follower, report func(error)) *Seeker {
	s := &Seeker{f: f, pickers: map[uint64]*log.Picker{}, finders: map[log.Checkpoint]*compaction.Finder{}, told: map[whose]told{}}
	m, err := f.manifest()
	if err == nil {
		s.m = m
		s.set = keyindex.NewSet(f.dir, m.IDAt, f.h, report)
	}
	return s
}

// Close closes the files.
func (s *Seeker) Close() error {
	s.set.Close()
	err := s.closePickers(0)
	s.closeFinders()
	if s.own {
		err = errors.Join(err, s.f.close())
	}
	return err
}

// closePickers closes all but so many, any of them.
func (s *Seeker) closePickers(leave int) error {
	var errs []error
	for first, p := range s.pickers {
		if len(s.pickers) <= leave {
			break
		}
		errs = append(errs, p.Close())
		delete(s.pickers, first)
	}
	return errors.Join(errs...)
}

// At gives the state after entry at, with these keys in it and no others. The errors are those
// of [compaction.Build].
func (s *Seeker) At(at uint64, keys ...Key) (*compaction.Built, error) {
	return s.into(state.New(s.seed()), at, keys)
}

// Read calls f with what At gives; f keeps nothing of it. The memory of a small state is used
// again: to get it from the system and to give it back costs as much as finding a key.
func (s *Seeker) Read(at uint64, f func(*compaction.Built) error, keys ...Key) error {
	st := s.scratch
	if s.scratch = nil; st == nil {
		st = state.New(s.seed())
	}
	b, err := s.into(st, at, keys)
	if err != nil {
		return err
	}
	if err := f(b); err != nil || st.Used() > mostScratch {
		return err
	}
	if err := empty(st); err != nil {
		return err
	}
	s.scratch = st
	return nil
}

// mostScratch is how many bytes a state may have held that is used again.
const mostScratch = 256 << 10

// empty takes all keys out of a state.
func empty(st *state.State) error {
	return removeBut(st, func(int, []byte) bool { return false })
}

// removeBut takes all keys out of a state but those to keep.
func removeBut(st *state.State, keep func(db int, key []byte) bool) error {
	for db := range state.Databases {
		if st.Keys(db) == 0 {
			continue
		}
		var others [][]byte
		st.View(db, 0).Each(func(key []byte) bool {
			if !keep(db, key) {
				others = append(others, bytes.Clone(key))
			}
			return true
		})
		for _, key := range others {
			if err := remove(st, db, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// into brings the keys into an empty state. After an error that is of no use any more.
func (s *Seeker) into(st *state.State, at uint64, keys []Key) (*compaction.Built, error) {
	var b *compaction.Built
	err := s.again(at, func() (err error) {
		if st.TotalKeys() > 0 { // it went wrong half way
			st = state.New(s.seed())
		}
		b, err = s.at(st, at, keys)
		return err
	})
	return b, err
}

// again calls f until retention takes nothing away meanwhile.
func (s *Seeker) again(at uint64, f func() error) error {
	for tries := 0; ; tries++ {
		if err := s.look(at); err != nil {
			return err
		}
		before := s.m
		err := f()
		if err == nil || tries == 3 {
			return err
		}
		if errors.Is(err, errMoved) {
			continue
		}
		now, merr := s.f.manifest()
		if merr != nil || now.First == before.First && len(now.Checkpoints) >= len(before.Checkpoints) {
			return err
		}
	}
}

// look finds out what there is, and has the tail reach an offset.
func (s *Seeker) look(at uint64) error {
	m, err := s.f.manifest()
	if err != nil {
		return err
	}
	s.m, s.segs = m, s.segs[:0]
	for i := range m.Sealed {
		s.segs = append(s.segs, stretch{m.Sealed[i].First, m.Sealed[i].Last(), &m.Sealed[i]})
	}
	if at < m.Active {
		return nil
	}
	s.f.asked.Store(true)
	if err := s.f.upTo(m, at); err != nil {
		return err
	}
	next := s.f.tail.Next()
	if at >= next {
		return fmt.Errorf("%w: @%d is after the last entry @%d", log.ErrFuture, at, next-1)
	}
	firsts := s.f.tail.Segments()
	for i, first := range firsts {
		if first < m.Active {
			continue
		}
		last := next - 1
		if i+1 < len(firsts) {
			last = firsts[i+1] - 1
		}
		s.segs = append(s.segs, stretch{first: first, last: last})
	}
	return nil
}

// at builds the state in st, as far as it is asked for.
func (s *Seeker) at(st *state.State, at uint64, keys []Key) (*compaction.Built, error) {
	for {
		b, err := s.base(at)
		if err != nil {
			return nil, err
		}
		lines := make([]*descent, len(keys))
		for i, k := range keys {
			lines[i] = &descent{s: s, db: k.DB, key: k.Key, after: b.Offset()}
			if err := lines[i].from(at); err != nil {
				return nil, err
			}
			b.Entries += lines[i].read
		}
		records, err := s.inCheckpoint(b.Checkpoint, lines)
		if s.refused(err) {
			continue // with an older one
		}
		if err != nil {
			return nil, err
		}
		b.State, err = st, s.bring(st, keys, lines, records)
		b.Refused = slices.Clone(s.bad)
		return b, err
	}
}

// refused notes a checkpoint that cannot be used.
func (s *Seeker) refused(err error) bool {
	var refusal *compaction.Refusal
	ok := errors.As(err, &refusal)
	if ok {
		s.bad = append(s.bad, refusal)
	}
	return ok
}

// base chooses the checkpoint to begin from, without looking into it.
func (s *Seeker) base(at uint64) (*compaction.Built, error) {
	b := &compaction.Built{LogID: s.m.LogID, Root: s.m.RootID(), At: at}
	for limit := at; ; {
		c, ok := s.m.Newest(limit)
		if !ok || c.Offset+1 < s.m.First {
			break
		}
		if !slices.ContainsFunc(s.bad, func(r *compaction.Refusal) bool { return r.Offset == c.Offset }) {
			b.Checkpoint = &c
			return b, nil
		}
		if c.Offset == 0 {
			break
		}
		limit = c.Offset - 1
	}
	if s.m.First == 1 {
		return b, nil
	}
	if first := compaction.Reach(s.m); at < first {
		return nil, fmt.Errorf("%w: @%d is before the first reachable point @%d", log.ErrCompacted, at, first)
	}
	return nil, &compaction.NoBase{Dir: s.f.dir, At: at, First: s.m.First, Refused: s.bad}
}

// inCheckpoint finds what those lines begin with that go back to the checkpoint. c may be
// nil: the empty state.
func (s *Seeker) inCheckpoint(c *log.Checkpoint, lines []*descent) ([]*state.Record, error) {
	records := make([]*state.Record, len(lines))
	var names []Key
	var whose []int
	for i, d := range lines {
		if !d.done {
			names, whose = append(names, Key{DB: d.db, Key: d.key}), append(whose, i)
		}
	}
	if c == nil || len(names) == 0 {
		return records, nil
	}
	f, err := s.finder(*c)
	if err != nil {
		return nil, err
	}
	found, err := f.Find(names...)
	if err != nil {
		return nil, err
	}
	for i, r := range found {
		records[whose[i]] = r
	}
	return records, nil
}

// mostFinders is how many checkpoints a Seeker has open.
const mostFinders = 16

// finder looks into a checkpoint.
func (s *Seeker) finder(c log.Checkpoint) (*compaction.Finder, error) {
	if f, ok := s.finders[c]; ok {
		return f, nil
	}
	if len(s.finders) >= mostFinders {
		s.closeFinders()
	}
	f, err := compaction.OpenFinder(s.f.dir, s.m.IDAt(c.Offset), s.m.RootID(), c)
	if err == nil {
		s.finders[c] = f
	}
	return f, err
}

func (s *Seeker) closeFinders() {
	for c, f := range s.finders {
		f.Close()
		delete(s.finders, c)
	}
}

// seed is that of every state of the log.
func (s *Seeker) seed() uint64 { return compaction.Seed(s.m.RootID()) }

// bring brings what was found of each key into a state. A line may go over names that are
// others of the keys, so each is brought to its end alone.
func (s *Seeker) bring(all *state.State, keys []Key, lines []*descent, records []*state.Record) error {
	if len(lines) == 1 {
		return lines[0].apply(all, records[0])
	}
	alone := state.New(s.seed())
	for i, d := range lines {
		if all.View(keys[i].DB, 0).Exists(keys[i].Key) { // named twice
			continue
		}
		if err := d.into(all, alone, keys[i], records[i]); err != nil {
			return err
		}
	}
	return nil
}

// index is that of a segment.
func (s *Seeker) index(at stretch) (keyindex.Index, error) {
	next := s.f.tail.Next() // first: a tail that begins anew has no index of what is before
	x, ok := s.f.tail.Index(at.first)
	switch {
	case ok && next > at.last: // also where it is sealed, but has no file yet
		return x, nil
	case at.sealed == nil:
		return s.sealedSince(at.first)
	default:
		return s.set.Index(*at.sealed)
	}
}

// sealedSince is the index of a segment that has been sealed, and left the tail, since it was
// looked what there is.
func (s *Seeker) sealedSince(first uint64) (keyindex.Index, error) {
	m, err := s.f.manifest()
	if err != nil {
		return nil, err
	}
	for i := range m.Sealed {
		if m.Sealed[i].First == first {
			return s.set.Index(m.Sealed[i])
		}
	}
	return nil, fmt.Errorf("%w: the segment @%d is gone", errMoved, first)
}

// mostPickers is how many segments a Seeker has open.
const mostPickers = 32

// picker reads entries of a segment, whose index is x.
func (s *Seeker) picker(at stretch, x keyindex.Index) (*log.Picker, error) {
	p, ok := s.pickers[at.first]
	if ok {
		return p, nil
	}
	if err := s.closePickers(mostPickers - 1); err != nil {
		return nil, err
	}
	p, err := log.OpenPicker(s.f.dir, s.m.IDAt(at.first), at.first, x.FirstTime())
	if err == nil {
		s.pickers[at.first] = p
	}
	return p, err
}

// TimeOf is the time of the entry at an offset, in µs since 1970, found by entries near it that
// the index of its segment knows, where the function of that name reads half a segment.
func (s *Seeker) TimeOf(offset uint64) (at int64, err error) {
	err = s.again(offset, func() error {
		e, err := s.entry(offset)
		at = e.Time
		return err
	})
	if err != nil { // what is wrong is found again, and by its right name
		return TimeOf(s.f.dir, offset)
	}
	return at, nil
}

// FindTime is the last offset whose time is at or before micros, as log.FindTime finds it; but by
// entries near it that the index of its segment knows. micros is less than the time of the entry
// last. Segments that are not sealed are indexed up to that where it lies in one of them; with a
// last of 0 they are read instead.
func (s *Seeker) FindTime(micros int64, last uint64) (offset uint64, err error) {
	err = s.again(0, func() error {
		e, err := s.later(micros, last)
		offset = e.Offset - 1
		return err
	})
	if err != nil { // as in TimeOf
		return log.FindTime(s.f.dir, micros)
	}
	return offset, nil
}

// later reads the first entry whose time is after micros. Where that is in no sealed segment it
// looks for what there is up to the entry last.
func (s *Seeker) later(micros int64, last uint64) (e log.Entry, err error) {
	if s.m.Later(micros) == len(s.m.Sealed) {
		if err := s.look(last); err != nil {
			return e, err
		}
	}
	err = errElsewhere
	for i := s.m.Later(micros); i < len(s.segs) && errors.Is(err, errElsewhere); i++ {
		e, err = s.first(s.segs[i], func(e *log.Entry) bool { return e.Time > micros })
	}
	return e, err
}

// entry reads the entry at an offset.
func (s *Seeker) entry(offset uint64) (e log.Entry, err error) {
	i := sort.Search(len(s.segs), func(i int) bool { return s.segs[i].last >= offset })
	if i == len(s.segs) {
		return e, errElsewhere
	}
	e, err = s.first(s.segs[i], func(e *log.Entry) bool { return e.Offset >= offset })
	if err == nil && e.Offset != offset {
		err = errElsewhere
	}
	return e, err
}

// first reads the first entry of a segment that is what is wanted, as all after it are. Entries
// that the index knows lead to one near it, from which on all are read.
func (s *Seeker) first(at stretch, wanted func(*log.Entry) bool) (e log.Entry, err error) {
	x, err := s.index(at)
	if err != nil {
		return e, err
	}
	p, err := s.picker(at, x)
	if err != nil {
		return e, err
	}
	g := gap{0, log.MaxSpot}
	for part := 0; g.hi-g.lo > narrow; part++ {
		some, err := x.Some(part)
		if err != nil {
			return e, err
		}
		if len(some) == 0 {
			break
		}
		if err := g.halve(p, some, wanted); err != nil {
			return e, err
		}
	}
	for {
		if e, err = p.At(g.lo); err != nil || wanted(&e) {
			return e, err
		}
		if e.Offset >= at.last {
			return e, errElsewhere
		}
		g.lo = log.Spot((e.Pos + int64(e.Size)) / log.SpotUnit)
	}
}

// gap is where the first wanted entry is: it does not begin before lo, nor after hi.
type gap struct{ lo, hi log.Spot }

// narrow is a gap that is read, rather than that the index is asked for more entries in it.
const narrow = log.Spot(256 << 10 / log.SpotUnit)

// halve makes the gap as small as some entries allow.
func (g *gap) halve(p *log.Picker, some []log.Spot, wanted func(*log.Entry) bool) error {
	slices.Sort(some)
	for len(some) > 0 {
		mid := len(some) / 2
		switch at := some[mid]; {
		case at <= g.lo:
			some = some[mid+1:]
		case at >= g.hi:
			some = some[:mid]
		default:
			e, err := p.At(at)
			if err != nil {
				return err
			}
			if wanted(&e) {
				g.hi = at
			} else {
				g.lo = at
			}
		}
	}
	return nil
}

// errElsewhere: an entry is not where it should be.
var errElsewhere = errors.New("the entry is not in its segment")

// errMoved is why a call begins anew.
var errMoved = errors.New("the log went on")
