package compaction

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
)

// Applier applies entries to a state on a goroutine of its own, in order, while
// the caller reads and checks those that follow: replay then takes as long as
// the slower of the two. Until Close has returned the state is the Applier's.
//
// What can be done before an entry's turn is done by the caller's goroutine, which has
// less to do: the header is read, and the first key hashed, so that the keys of many
// entries can be fetched from memory side by side. Events are copied into batches: the
// copy costs a hundredth of the applying, and leaves reader and applier free of one
// another's buffers. A giant entry is waited for: there is one of them at a time.
type Applier struct {
	st     *state.State
	cur    *batch
	full   chan *batch
	free   chan *batch
	giant  chan struct{} // a giant batch has been applied
	done   chan struct{}
	failed atomic.Pointer[error]
}

// batch is some entries in a row.
type batch struct {
	first   uint64 // offset of the first
	entries []entry
	data    []byte

	db     int      // of the first entry
	hashes []uint64 // of the keys that entries of db name first
}

// entry is where the events of an entry end in data, and the database that they begin
// in; headless where the head cannot be read: all of the body is there then.
type entry struct {
	end int
	db  int
}

const headless = -1

// batchBytes is how much a batch holds before it is handed over: enough to make
// the hand-over cheap, little enough to stay in a core's cache.
const batchBytes = 128 << 10

// isGiant: the batch's buffer is not kept.
func (b *batch) isGiant() bool { return cap(b.data) > 8*batchBytes }

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

// NewApplier starts applying to st.
func NewApplier(st *state.State) *Applier {
	a := &Applier{st: st, cur: &batch{}, full: make(chan *batch, 8), free: make(chan *batch, 10),
		giant: make(chan struct{}, 1), done: make(chan struct{})}
	go a.run()
	return a
}

// Add hands over the next entry; its body is copied. It returns the error of an
// earlier one: an *[Unapplicable], or one with a *[state.OutOfMemory] in it.
func (a *Applier) Add(e log.Entry) error {
	b := a.cur
	p, err := a.st.Prepare(e.Body)
	if err != nil {
		p.DB, p.Events = headless, e.Body // it is reported when it is applied
	}
	if len(b.entries) == 0 {
		b.first, b.db = e.Offset, p.DB
	}
	if p.Keyed && p.DB == b.db {
		b.hashes = append(b.hashes, p.Hash)
	}
	b.data = append(b.data, p.Events...)
	b.entries = append(b.entries, entry{len(b.data), p.DB})
	if len(b.data) < batchBytes {
		return nil
	}
	giant := b.isGiant()
	a.full <- b
	if giant {
		<-a.giant
	}
	select {
	case a.cur = <-a.free:
	default:
		a.cur = &batch{}
	}
	return a.err()
}

func (a *Applier) err() error {
	if err := a.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Close waits until everything is applied and returns the first error. The
// state is the caller's again.
func (a *Applier) Close() error {
	if len(a.cur.entries) > 0 {
		a.full <- a.cur
	}
	close(a.full)
	<-a.done
	return a.err()
}

// run is the applying goroutine. After an error it only empties the channel.
func (a *Applier) run() {
	defer close(a.done)
	for b := range a.full {
		if a.failed.Load() == nil {
			if err := a.apply(b); err != nil {
				a.failed.Store(&err)
			}
		}
		if b.isGiant() {
			*b = batch{}
			a.giant <- struct{}{}
		}
		b.data, b.entries, b.hashes = b.data[:0], b.entries[:0], b.hashes[:0]
		select {
		case a.free <- b:
		default:
		}
	}
}

// apply applies a batch, up to the first entry with an error.
func (a *Applier) apply(b *batch) error {
	n, err := a.inOrder(b)
	if err == nil {
		return nil
	}
	failed := b.first + uint64(n)
	var memory *state.OutOfMemory
	if errors.As(err, &memory) {
		return fmt.Errorf("entry @%d: %w", failed, err)
	}
	return &Unapplicable{Offset: failed, Err: err}
}

// inOrder applies a batch's entries; it returns how many it has, and why no more.
func (a *Applier) inOrder(b *batch) (n int, err error) {
	defer state.CatchOutOfMemory(&err)
	for at := 0; n < len(b.entries); n++ {
		if n%state.Together == 0 && n < len(b.hashes) {
			a.st.PrefetchHashes(b.db, b.hashes[n:min(n+state.Together, len(b.hashes))])
		}
		e := b.entries[n]
		if err := a.one(e.db, b.data[at:e.end:e.end]); err != nil {
			return n, err
		}
		at = e.end
	}
	return n, nil
}

func (a *Applier) one(db int, events []byte) error {
	if db == headless {
		return a.st.ApplyEntry(events)
	}
	_, err := a.st.Apply(db, events)
	return err
}
