package replay

import (
	"fmt"
	"math"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/state"
)

// TTL is what becomes of expiries when a moment is restored; see the package comment.
type TTL uint8

const (
	// TTLAbsolute: keys expire when they would have.
	TTLAbsolute TTL = iota
	// TTLShift: what a key had left to live at the point, it has left from now.
	TTLShift
	// TTLFrozen: no key expires.
	TTLFrozen
)

// String is the word that ParseTTL reads.
func (t TTL) String() string {
	switch t {
	case TTLShift:
		return "shift"
	case TTLFrozen:
		return "frozen"
	}
	return "absolute"
}

// ParseTTL reads what String writes.
func ParseTTL(word string) (TTL, error) {
	for _, t := range []TTL{TTLAbsolute, TTLShift, TTLFrozen} {
		if t.String() == word {
			return t, nil
		}
	}
	return 0, fmt.Errorf("%q is not absolute, shift or frozen", word)
}

// Wanted is what of a moment is restored. The zero value: all of it, as it was.
type Wanted struct {
	Keys func(key []byte) bool // only these; nil: all
	TTL  TTL
	Now  time.Time // what TTLShift counts from. Default: the wall clock's once the state is there
}

func (w *Wanted) all() bool { return w.Keys == nil && w.TTL == TTLAbsolute }

// Take makes at what is wanted of it. The state is a new one, unless all is wanted. After
// TTLShift its time is Now: the two belong together.
func (w *Wanted) Take(at *At) error {
	if w.all() {
		return nil
	}
	now := w.Now
	if now.IsZero() {
		now = time.Now()
	}
	st := state.New(compaction.Seed(at.Root))
	x := Exporting{DB: -1, Match: w.Keys}
	err := x.each(at.State, func(db int, r *state.Record) error {
		switch {
		case r.ExpireAt == 0:
		case w.TTL == TTLShift:
			r.ExpireAt = shifted(r.ExpireAt, now.UnixMilli()-at.Clock/1000)
		case w.TTL == TTLFrozen && r.ExpireAt <= at.Clock/1000:
			return nil // it is gone then, though no entry has said so
		case w.TTL == TTLFrozen:
			r.ExpireAt = 0
		}
		return st.Import(db, *r)
	})
	if at.State = st; w.TTL == TTLShift {
		at.AtTime = now.UnixMicro() // also where the log's clock was ahead
	}
	return err
}

// shifted is an expiry so many ms later, or earlier, within what an expiry can be.
func shifted(at, by int64) int64 {
	switch {
	case by > 0 && at >= math.MaxInt64-by:
		return math.MaxInt64 - 1
	case at+by < 1:
		return 1
	}
	return at + by
}

// want makes To what is wanted of it. With other expiries a key may differ though no entry
// between the two moments names it.
func (c *Comparison) want(w *Wanted) error {
	if w.TTL == TTLAbsolute {
		return nil // the keys are Each's to choose
	}
	seen := make(map[place]bool, len(c.touched))
	for _, p := range c.touched {
		seen[p] = true
	}
	for db := range state.Databases {
		view := c.To.State.View(db, 0)
		view.Each(func(key []byte) bool {
			if at, _ := view.ExpireAt(key); at != 0 && (w.Keys == nil || w.Keys(key)) {
				seen[place{db, string(key)}] = true
			}
			return true
		})
	}
	c.touch(seen)
	return w.Take(c.To)
}
