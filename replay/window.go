package replay

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
)

// Window is what can be reached of a log: every state from Reach to Last, and
// every entry from First to Last.
type Window struct {
	Dir       string
	LogID     log.ID
	Reach     uint64 // first offset whose state can be had
	ReachTime int64  // µs since 1970 of that entry; 0 for offset 0
	First     uint64 // first entry that the log holds; Last+1 for none
	Last      uint64 // last entry
	LastTime  int64
	Tags      map[string]uint64

	// TimeOf gives the time of an entry, FindTime the last entry at or before a time that is
	// less than LastTime. nil: the functions of those names find it in Dir.
	TimeOf   func(offset uint64) (int64, error)
	FindTime func(micros int64) (uint64, error)
}

// Look finds the window of a data directory, which a server may be writing. A log that has lost
// its end is refused (log.ErrDamaged): what is there would pass for all that there was.
func Look(dir string) (*Window, error) {
	m, err := log.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	w := windowOf(dir, m)
	w.Last, w.LastTime = m.First-1, w.ReachTime
	if n := len(m.Sealed); n > 0 {
		w.Last, w.LastTime = m.Sealed[n-1].Last(), m.Sealed[n-1].LastTime
	}
	r, err := log.OpenReader(dir, m.Active)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for again := false; ; {
		e, err := r.Next()
		switch {
		case err == nil:
			w.Last, w.LastTime = e.Offset, e.Time
			again = false
		case !errors.Is(err, io.EOF):
			return nil, err
		default:
			err = r.Whole()
			if err == nil {
				return w, nil
			}
			if again || !errors.Is(err, log.ErrDamaged) {
				return nil, err
			}
			again = true // a server may have written on meanwhile
		}
	}
}

// windowOf is the window of a log as far as its manifest tells it: all but its end.
func windowOf(dir string, m *log.Manifest) *Window {
	w := &Window{Dir: dir, LogID: m.LogID, Reach: compaction.Reach(m), First: m.First, Tags: m.Tags}
	for _, c := range m.Checkpoints {
		if c.Offset == w.Reach {
			w.ReachTime = c.Time
		}
	}
	return w
}

// LookLive is the window of a log that is open in this process, up to an entry that is
// committed, and its time. Nothing is read for it.
func LookLive(l *log.Log, last uint64, lastTime int64) *Window {
	w := windowOf(l.Dir(), l.Manifest())
	w.Last, w.LastTime = last, lastTime
	return w
}

// Tag is a name for an offset.
type Tag struct {
	Name   string `json:"tag"`
	Offset uint64 `json:"offset"`
}

// String is the tag for a person.
func (t Tag) String() string { return fmt.Sprintf("%s @%d", t.Name, t.Offset) }

// TagList is the tags by offset, and by name where that is the same.
func (w *Window) TagList() (all []Tag) {
	for name, at := range w.Tags {
		all = append(all, Tag{name, at})
	}
	slices.SortFunc(all, func(a, b Tag) int { return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Name, b.Name)) })
	return all
}

// Resolved is a point found.
type Resolved struct {
	Offset uint64
	Time   int64 // µs since 1970 of the entry at Offset; 0 for offset 0
	Clock  int64 // µs since 1970: the moment that the state is looked at
}

// String is the form that every command prints.
func (r Resolved) String() string {
	if r.Offset == 0 {
		return "@0"
	}
	return fmt.Sprintf("@%d (%s)", r.Offset, stamp(r.Time))
}

// stamp is how this package writes a time.
func stamp(micros int64) string { return string(appendStamp(nil, micros)) }

// appendStamp appends it. The layout of package time that is closest is several times as
// fast as one that says the same but for the fraction.
func appendStamp(dst []byte, micros int64) []byte {
	t := time.UnixMicro(micros).UTC()
	dst = t.AppendFormat(dst, time.RFC3339)
	dst[len(dst)-1] = '.' // it was Z
	var digits [6]byte
	for i, n := len(digits)-1, t.Nanosecond()/1000; i >= 0; i, n = i-1, n/10 {
		digits[i] = '0' + byte(n%10)
	}
	return append(append(dst, digits[:]...), 'Z')
}

// Resolve finds a point in dir; ages are counted from now. The error is a
// *PointError where the point is not there.
func (p Point) Resolve(dir string, now time.Time) (Resolved, error) {
	w, err := Look(dir)
	if err != nil {
		return Resolved{}, err
	}
	return w.Resolve(p, now)
}

// Resolve finds a point in the window.
func (w *Window) Resolve(p Point, now time.Time) (Resolved, error) {
	offset, clock, err := w.find(p, now)
	if err != nil {
		return Resolved{}, err
	}
	if offset < p.back {
		return Resolved{}, w.err(p, ErrBadPoint, fmt.Sprintf("%s: there is nothing before @0", p))
	}
	if p.back > 0 {
		offset, clock = offset-p.back, 0
	}
	switch {
	case offset > w.Last:
		return Resolved{}, w.err(p, log.ErrFuture, fmt.Sprintf("%s is after the last entry @%d", p, w.Last))
	case offset < w.Reach:
		return Resolved{}, w.err(p, log.ErrCompacted, fmt.Sprintf("%s is before the first reachable point @%d", w.name(p, offset), w.Reach))
	}
	r := Resolved{Offset: offset, Clock: clock}
	if r.Time, err = w.timeOf(offset); err != nil {
		return Resolved{}, err
	}
	if r.Clock == 0 {
		r.Clock = r.Time
	}
	return r, nil
}

// name adds the offset to a point that does not show it.
func (w *Window) name(p Point, offset uint64) string {
	if plain := AtOffset(offset).String(); p.String() != plain {
		return fmt.Sprintf("%s (%s)", p, plain)
	}
	return p.String()
}

// find gives a point's offset without its ^; clock is 0 but for times.
func (w *Window) find(p Point, now time.Time) (offset uint64, clock int64, err error) {
	switch p.form {
	case byOffset:
		return p.offset, 0, nil
	case byFirst:
		return min(max(w.First, w.Reach+1), w.Last), 0, nil
	case byStart:
		return w.Reach, 0, nil
	case byLast:
		if p.offset > w.Last {
			return 0, 0, w.err(p, ErrBadPoint, fmt.Sprintf("%s: there are only %d entries before the last", p, w.Last))
		}
		return w.Last - p.offset, 0, nil
	case byTag:
		at, ok := w.Tags[p.tag]
		if !ok {
			text := fmt.Sprintf("there is no tag %q", p.tag)
			if n, err := parseNumber(p.tag); err == nil {
				text += fmt.Sprintf("; an entry is @%d", n)
			}
			if _, err := time.Parse(time.DateOnly, p.tag); err == nil {
				text += fmt.Sprintf("; a time is @%sT00:00:00Z", p.tag)
			}
			return 0, 0, w.err(p, ErrNoTag, text)
		}
		return at, 0, nil
	case byAge:
		return w.findTime(p, now.Add(-p.age), now)
	default:
		return w.findTime(p, p.time, now)
	}
}

// findTime finds the last entry at or before a moment. One that has not come yet
// by the clock nor by the log is the future: what will be true then is not known.
func (w *Window) findTime(p Point, t, now time.Time) (offset uint64, clock int64, err error) {
	micros := t.UnixMicro()
	switch {
	case t.After(now) && micros > w.LastTime:
		return 0, 0, w.err(p, log.ErrFuture, fmt.Sprintf("%s has not come yet: it is %s, and the last entry is @%d", p,
			stamp(now.UnixMicro()), w.Last))
	case micros >= w.LastTime:
		return w.Last, micros, nil
	case w.Reach > 0 && micros < w.ReachTime:
		return 0, 0, w.err(p, log.ErrCompacted, fmt.Sprintf("%s is before the first reachable point @%d", p, w.Reach))
	}
	if w.FindTime != nil {
		offset, err = w.FindTime(micros)
	} else {
		offset, err = log.FindTime(w.Dir, micros)
	}
	return max(offset, w.Reach), micros, err
}

// timeOf is the time of the entry at a reachable offset.
func (w *Window) timeOf(offset uint64) (int64, error) {
	switch {
	case offset == w.Last:
		return w.LastTime, nil
	case offset == w.Reach && (offset == 0 || w.ReachTime > 0):
		return w.ReachTime, nil
	}
	if w.TimeOf != nil {
		return w.TimeOf(offset)
	}
	return TimeOf(w.Dir, offset)
}

// TimeOf is the time of the entry at an offset of the log in dir, in µs since 1970.
func TimeOf(dir string, offset uint64) (int64, error) {
	r, err := log.OpenReader(dir, offset)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	e, err := r.Next()
	return e.Time, err
}

// err makes an error that names what can be reached, and the nearest tag that is
// in it.
func (w *Window) err(p Point, kind error, what string) error {
	text := fmt.Sprintf("%s; reachable: @%d to @%d", what, w.Reach, w.Last)
	if w.Last > 0 {
		text = fmt.Sprintf("%s; reachable: @%d to %s", what, w.Reach, Resolved{Offset: w.Last, Time: w.LastTime})
	}
	if tag, ok := w.nearestTag(p, kind); ok {
		text += fmt.Sprintf("; nearest tag: %s @%d", tag, w.Tags[tag])
	}
	return &PointError{Kind: kind, Point: p.String(), Text: text}
}

// nearestTag is the reachable tag nearest to the end that the point lies beyond.
func (w *Window) nearestTag(p Point, kind error) (string, bool) {
	var names []string
	for name, at := range w.Tags {
		if at >= w.Reach && at <= w.Last {
			names = append(names, name)
		}
	}
	if len(names) == 0 || errors.Is(kind, ErrBadPoint) {
		return "", false
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(w.Tags[a], w.Tags[b]), cmp.Compare(a, b))
	})
	if errors.Is(kind, log.ErrFuture) {
		return names[len(names)-1], true
	}
	return names[0], true
}

// Span is a range found: the entries after After up to To.
type Span struct {
	After, To Resolved
}

// ResolveRange finds both ends of a range.
func (w *Window) ResolveRange(r Range, now time.Time) (s Span, err error) {
	if s.To, err = w.Resolve(r.To, now); err != nil {
		return s, err
	}
	s.After, err = w.Resolve(r.From, now)
	return s, err
}
