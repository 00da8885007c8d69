package state

import (
	"errors"

	"github.com/altilium-db/altilium/state/event"
)

// Databases is how many databases there are.
const Databases = 16

// Type is the type of a value: a fixed number, in checkpoints too.
type Type uint8

// The types.
const (
	None   Type = 0 // there is no key
	String Type = 1
	Hash   Type = 2
)

// String is the word that TYPE answers.
func (t Type) String() string {
	switch t {
	case String:
		return "string"
	case Hash:
		return "hash"
	}
	return "none"
}

// ErrWrongType is returned when a key holds another type than was asked for.
var ErrWrongType = errors.New("WRONGTYPE Operation against a key holding the wrong kind of value")

// State is all sixteen databases. See the package comment.
type State struct {
	dbs  [Databases]*database
	next int64 // the earliest expiry in all dbs, never where there is none

	ev    event.Event // scratch for Apply
	clock uint32      // access clock in s, see SetAccessClock
}

// database is one keyspace with what is known of it as a whole. It does not know
// its own number, so that Swap and Flush are an exchange of pointers.
type database struct {
	keys  keyspace
	due   expiryHeap          // the entries that have an expiry
	sum   uint64              // of e.sum over all entries e
	dirty map[*entry]struct{} // those with e.dirty: not in sum at the moment
}

func newDatabase() *database { return &database{keys: newMapKeyspace()} }

// keyspace finds entries by key. It is all that the rest of this package knows
// of how keys are stored, so another implementation can take its place; this
// one is then the oracle in its tests.
//
// At gives each entry a place from 0 to Len()-1. Put takes the place Len();
// Delete moves the last entry to the freed place. So whoever goes from the last
// place down to the first meets every key that stays, whatever else happens.
type keyspace interface {
	Get(key []byte) *entry
	Put(e *entry) // its key must not be there
	Delete(e *entry)
	Len() int
	At(i int) *entry
	Reserve(n int)
}

// New gives an empty state.
func New() *State {
	s := &State{next: never}
	for i := range s.dbs {
		s.dbs[i] = newDatabase()
	}
	return s
}

// Keys is the number of keys in a database, those that are due included.
func (s *State) Keys(db int) int { return s.dbs[db].keys.Len() }

// TotalKeys is the number of keys in all databases.
func (s *State) TotalKeys() int {
	n := 0
	for _, d := range s.dbs {
		n += d.keys.Len()
	}
	return n
}

// Expires is the number of keys of a database that have an expiry.
func (s *State) Expires(db int) int { return len(s.dbs[db].due) }

// View gives the commands' view of a database at a moment (ms since 1970).
func (s *State) View(db int, nowMS int64) View { return View{s: s, d: s.dbs[db], db: db, now: nowMS} }

// Reserve makes room for n keys, so that loading them need not grow step by step.
func (s *State) Reserve(db, n int) { s.dbs[db].keys.Reserve(n) }

// SetAccessClock sets the time, in seconds, that reads note in the keys they
// touch; 0 leaves them alone. Access times are no part of the state.
func (s *State) SetAccessClock(seconds uint32) { s.clock = seconds }
