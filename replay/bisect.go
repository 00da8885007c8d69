package replay

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
)

// Verdict is what a try has found.
type Verdict uint8

// The verdicts. Their numbers mean nothing.
const (
	Bad  Verdict = iota // the condition does not hold
	Good                // it does
	Skip                // it cannot be told at this moment
)

// String is a word for a person.
func (v Verdict) String() string {
	switch v {
	case Bad:
		return "bad"
	case Good:
		return "good"
	}
	return "skip"
}

// MostSkips is after how many tries in a row that could not tell a bisection ends with
// what it has.
const MostSkips = 32

// Bisection looks for the first entry after which a condition no longer holds, see the
// package comment. Window and Try are required.
type Bisection struct {
	Window *Window
	Good   Point // where the condition holds
	Bad    Point // where it does not; it lies after Good

	// Touches reports whether a key matters: only entries that touch one are tried. nil:
	// all entries are.
	Touches func(db int, key []byte) bool

	// Expiring reports whether the condition may end at this moment by itself, because the
	// clock goes on: a key that matters has an expiry. nil: it never does.
	Expiring func(*At) bool

	// Try looks at one moment. It keeps nothing of the state. An error ends the bisection.
	Try func(context.Context, *At) (Verdict, error)

	// Told is told of each try after it. nil: nobody is.
	Told func(Probe)
}

// Probe is one try.
type Probe struct {
	At      Resolved
	Verdict Verdict
	Left    int // entries that may be the first bad one, after this try
}

// Found is what a bisection has found: the condition held after the entry at Good, and no
// more after that at Bad. Where tries could not tell, Suspects are all the entries of
// which one is the first bad one; otherwise Bad's alone.
type Found struct {
	Good, Bad Resolved
	Suspects  []uint64
	Clock     bool // the entry touches no key that matters: it is the time that has come
	Tries     int
	Entries   uint64 // between the two ends that were given
}

// EndError is returned when the condition is not at an end as it was said to be.
type EndError struct {
	At   Resolved
	Name string // "good" or "bad"
	Got  Verdict
}

// Error says which end, and what it must be.
func (e *EndError) Error() string {
	switch {
	case e.Got == Skip:
		return fmt.Sprintf("the condition cannot be told at %s, the %s end; another end is needed", e.At, e.Name)
	case e.Name == "good":
		return fmt.Sprintf("the condition does not hold at %s, the good end, where it must: choose another point for good", e.At)
	}
	return fmt.Sprintf("the condition still holds at %s, the bad end, where it must not: choose another point for bad", e.At)
}

// UntouchedError is returned when the condition has ended without an entry that touches
// what matters.
type UntouchedError struct{ After, To Resolved }

// Error names the piece of log.
func (e *UntouchedError) Error() string {
	return fmt.Sprintf("the condition holds at %s and no more at %s, but no entry in between touches a key that was said to matter: "+
		"other keys matter too, or all of them", e.After, e.To)
}

// Run looks for it. The error is an *EndError, an *UntouchedError, a *PointError, ctx's, one of
// [compaction.Build], or Try's.
func (b *Bisection) Run(ctx context.Context, now time.Time) (*Found, error) {
	s := search{Bisection: b, ctx: ctx, skipped: map[int]bool{}}
	var err error
	if s.good, err = b.Window.Resolve(b.Good, now); err != nil {
		return nil, err
	}
	if s.bad, err = b.Window.Resolve(b.Bad, now); err != nil {
		return nil, err
	}
	if s.good.Offset >= s.bad.Offset {
		return nil, &PointError{Kind: ErrBadPoint, Point: b.Bad.String(),
			Text: fmt.Sprintf("the bad end %s must lie after the good end %s", s.bad, s.good)}
	}
	found := &Found{Entries: s.bad.Offset - s.good.Offset}
	if err := s.ends(); err != nil {
		return nil, err
	}
	badEnd := s.bad.Offset
	var endMatters bool
	if s.entries, endMatters, err = b.choose(s.good.Offset, badEnd); err != nil {
		return nil, err
	}
	if err := s.halve(); err != nil {
		return nil, err
	}
	single := s.hi-s.lo == 1
	if single && s.mayExpire {
		if found.Clock, err = s.byClock(); err != nil {
			return nil, err
		}
	}
	if single && !found.Clock && s.bad.Offset == badEnd && !endMatters {
		if !s.mayExpire {
			return nil, &UntouchedError{After: s.good, To: s.bad}
		}
		found.Clock = true
	}
	for i := s.lo + 1; i <= s.hi; i++ {
		found.Suspects = append(found.Suspects, s.entries.at(i))
	}
	found.Good, found.Bad, found.Tries = s.good, s.bad, s.tries
	return found, nil
}

// search is a bisection at work. good and bad are tried points, and the entries at lo and
// hi: lo is -1 while it is the good end.
type search struct {
	*Bisection
	ctx       context.Context
	good, bad Resolved
	mayExpire bool // at good
	entries   entries
	lo, hi    int
	skipped   map[int]bool
	inRow     int // tries in a row that could not tell
	tries     int

	built *compaction.Built // the state; nil: none
}

// ends tries both ends.
func (s *search) ends() error {
	for _, end := range []struct {
		name string
		at   uint64
		want Verdict
	}{{"good", s.good.Offset, Good}, {"bad", s.bad.Offset, Bad}} {
		at, got, err := s.try(end.at, func(Verdict) int { return int(s.bad.Offset - s.good.Offset) })
		if err != nil {
			return err
		}
		if got != end.want {
			return &EndError{At: at, Name: end.name, Got: got}
		}
		if got == Good {
			s.good = at
			continue
		}
		s.bad = at
	}
	return nil
}

// halve narrows lo and hi until nothing is between them, or nothing that can be told.
func (s *search) halve() error {
	s.lo, s.hi, s.inRow = -1, s.entries.len()-1, 0
	for s.inRow < MostSkips {
		i, ok := s.next()
		if !ok {
			return nil
		}
		at, got, err := s.try(s.entries.at(i), func(v Verdict) int {
			switch v {
			case Good:
				return s.hi - i
			case Bad:
				return i - s.lo
			}
			return s.hi - s.lo
		})
		if err != nil {
			return err
		}
		switch got {
		case Good:
			s.lo, s.good = i, at
		case Bad:
			s.hi, s.bad = i, at
		default:
			s.skipped[i] = true
			s.inRow++
			continue
		}
		s.inRow = 0
	}
	return nil
}

// byClock looks whether the condition ended between two entries that matter, since the
// time of a key had come, and bisects the entries there.
func (s *search) byClock() (bool, error) {
	before := s.bad.Offset - 1
	if before == s.good.Offset {
		return false, nil
	}
	at, got, err := s.try(before, func(Verdict) int { return int(s.bad.Offset - s.good.Offset) })
	if err != nil || got != Bad {
		return false, err
	}
	s.bad = at
	s.entries = entries{after: s.good.Offset, n: int(at.Offset - s.good.Offset)}
	clear(s.skipped)
	return true, s.halve()
}

// next is the entry to be tried: near the middle of those between lo and hi. Where tries
// could not tell, it goes away from there in growing steps, to come out of where that is so.
func (s *search) next() (i int, ok bool) {
	mid := s.lo + (s.hi-s.lo)/2
	if mid == s.lo {
		return 0, false
	}
	if len(s.skipped) == 0 {
		return s.cheap(mid), true
	}
	free := func(i int) bool { return i > s.lo && i < s.hi && !s.skipped[i] }
	for step := 1; step <= s.hi-s.lo; step *= 2 {
		for _, i := range []int{mid, mid + step, mid - step} {
			if free(i) {
				return i, true
			}
		}
	}
	for d := range s.hi - s.lo {
		for _, i := range []int{mid + d, mid - d} {
			if free(i) {
				return i, true
			}
		}
	}
	return 0, false
}

// cheap is mid, or an entry near it that comes right after a checkpoint.
func (s *search) cheap(mid int) int {
	m, err := log.ReadManifest(s.Window.Dir)
	if err != nil {
		return mid // building the state will say so
	}
	best, quarter := mid, (s.hi-s.lo)/4
	nearest := quarter
	for _, c := range m.Checkpoints {
		i := s.entries.from(c.Offset)
		if d := max(i-mid, mid-i); i > s.lo && i < s.hi && d < nearest {
			best, nearest = i, d
		}
	}
	return best
}

// try brings the state to an offset and has it looked at. left says how many entries may
// still be the one after a verdict.
func (s *search) try(offset uint64, left func(Verdict) int) (Resolved, Verdict, error) {
	if err := s.ctx.Err(); err != nil {
		return Resolved{}, Skip, err
	}
	if err := s.move(offset); err != nil {
		return Resolved{}, Skip, err
	}
	at := Resolved{Offset: offset, Time: s.built.AtTime, Clock: s.built.AtTime}
	state := &At{Resolved: at, Built: s.built}
	got, err := s.Try(s.ctx, state)
	if err != nil {
		return at, Skip, err
	}
	s.tries++
	if got == Good && s.Expiring != nil {
		s.mayExpire = s.Expiring(state)
	}
	if s.Told != nil {
		s.Told(Probe{At: at, Verdict: got, Left: left(got)})
	}
	return at, got, nil
}

// move brings the state to an offset: forward, or from a checkpoint.
func (s *search) move(offset uint64) (err error) {
	if s.built != nil && s.built.At <= offset {
		if s.built, err = forward(s.Window.Dir, s.built, offset); err != nil || s.built != nil {
			return err
		}
	}
	if s.built != nil {
		s.built = nil
		runtime.GC() // its memory is not Go's: there need not be room for two
	}
	s.built, err = compaction.Build(s.Window.Dir, offset, nil)
	return err
}
