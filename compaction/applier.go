package compaction

import (
	"fmt"
	"sync/atomic"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
)

// Applier applies entries to a state on a goroutine of its own, in order, while
// the caller reads and checks those that follow: replay then takes as long as
// the slower of the two. Until Close has returned the state is the Applier's.
//
// Bodies are copied into batches: the copy costs a hundredth of the applying,
// and leaves reader and applier free of one another's buffers.
//
// It also makes room in the keyspace ahead of the entries, as far as those so far
// tell how many new keys are still to come: loading five million keys into a
// keyspace that grows step by step takes twice as long.
type Applier struct {
	st     *state.State
	ahead  forecast
	cur    *batch
	full   chan *batch
	free   chan *batch
	done   chan struct{}
	failed atomic.Pointer[Unapplicable]
}

// batch is some entries in a row.
type batch struct {
	first uint64 // offset of the first
	ends  []int  // where each body ends in data
	data  []byte
	bytes int64 // of log that the entries take
}

// batchBytes is how much a batch holds before it is handed over: enough to make
// the hand-over cheap, little enough to stay in a core's cache.
const batchBytes = 128 << 10

// Unapplicable is returned for an entry that is whole but says what cannot have
// happened to this state. It is a log.ErrDamaged: either the checkpoint before it
// is not what it claims, or a program with other rules wrote it.
type Unapplicable struct {
	Offset uint64
	Err    error
}

// Error names the entry.
func (u *Unapplicable) Error() string {
	return fmt.Sprintf("entry @%d is whole but cannot be applied: %v. A newer altilium may have written it; "+
		"nothing was changed", u.Offset, u.Err)
}

// Is makes errors.Is(err, log.ErrDamaged) true.
func (u *Unapplicable) Is(target error) bool { return target == log.ErrDamaged }

// Unwrap gives what the state said.
func (u *Unapplicable) Unwrap() error { return u.Err }

// NewApplier starts applying to st. expect is about how many bytes of entries will
// come, 0 where that is not known.
func NewApplier(st *state.State, expect int64) *Applier {
	a := &Applier{st: st, ahead: newForecast(st, expect), cur: &batch{}, full: make(chan *batch, 8), free: make(chan *batch, 10), done: make(chan struct{})}
	go a.run()
	return a
}

// Add hands over the next entry; its body is copied. It returns the error of an
// earlier one.
func (a *Applier) Add(e log.Entry) error {
	b := a.cur
	if len(b.ends) == 0 {
		b.first = e.Offset
	}
	b.data = append(b.data, e.Body...)
	b.ends = append(b.ends, len(b.data))
	b.bytes += int64(e.Size)
	if len(b.data) < batchBytes {
		return nil
	}
	a.full <- b
	select {
	case a.cur = <-a.free:
	default:
		a.cur = &batch{}
	}
	if u := a.failed.Load(); u != nil {
		return u
	}
	return nil
}

// Close waits until everything is applied and returns the first error. The
// state is the caller's again.
func (a *Applier) Close() error {
	if len(a.cur.ends) > 0 {
		a.full <- a.cur
	}
	close(a.full)
	<-a.done
	if u := a.failed.Load(); u != nil {
		return u
	}
	return nil
}

// run is the applying goroutine. After an error it only empties the channel.
func (a *Applier) run() {
	defer close(a.done)
	for b := range a.full {
		if a.failed.Load() == nil {
			a.apply(b)
			a.ahead.applied(a.st, b.bytes)
		}
		b.data, b.ends, b.bytes = b.data[:0], b.ends[:0], 0
		if cap(b.data) > 8*batchBytes {
			continue // a giant entry's buffer is not kept
		}
		select {
		case a.free <- b:
		default:
		}
	}
}

func (a *Applier) apply(b *batch) {
	at := 0
	for i, end := range b.ends {
		if err := a.st.ApplyEntry(b.data[at:end:end]); err != nil {
			a.failed.Store(&Unapplicable{Offset: b.first + uint64(i), Err: err})
			return
		}
		at = end
	}
}

// forecast guesses how many keys there will be when all entries are applied. It
// guesses twice, from what the first sixteenth of the log brought and from what
// came between that and the first quarter; the first time it makes room for four
// times the keys at most, so that a log that writes all its keys early and then
// over and over again does not cost memory for keys that never come.
type forecast struct {
	expect int64 // bytes
	done   int64
	marks  []int64 // of done, at which a guess is made
	at     int64   // done at the mark before
	keys   [state.Databases]int
}

// forecastMin is how many bytes of log make a forecast worth its while.
const forecastMin = 8 << 20

// room is the part of a state that a forecast looks at and changes.
type room interface {
	Keys(db int) int
	Reserve(db, n int)
}

func newForecast(st room, expect int64) forecast {
	f := forecast{expect: expect}
	if expect < forecastMin {
		return f
	}
	f.marks = []int64{expect / 16, expect / 4}
	for db := range f.keys {
		f.keys[db] = st.Keys(db)
	}
	return f
}

// applied counts entries that have been applied and, at a mark, makes room.
func (f *forecast) applied(st room, bytes int64) {
	f.done += bytes
	if len(f.marks) == 0 || f.done < f.marks[0] {
		return
	}
	first := len(f.marks) == 2
	f.marks = f.marks[1:]
	for db, before := range f.keys {
		now := st.Keys(db)
		want := guess(before, now, f.at, f.done, f.expect)
		if first {
			want = min(want, 4*now)
		}
		if want > now+max(now/4, 1024) {
			st.Reserve(db, want)
		}
		f.keys[db] = now
	}
	f.at = f.done
}

// guess extends a line through two counts, at two places, to a third place.
func guess(before, now int, from, at, end int64) int {
	if now <= before || at >= end {
		return now
	}
	return now + int(float64(now-before)*float64(end-at)/float64(at-from))
}
