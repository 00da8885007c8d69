package state

import (
	"errors"
	"fmt"
)

// OutOfMemory says that a database cannot have the memory that its keys need next. Apply,
// Import, ImportBatch and Expect panic with it: what they were given is applied in part,
// so the state is of no use any more, and a caller that only returned an error could be
// taken for one that may go on. A program that serves a state ends when it sees it, and
// commits nothing more; one that builds a state makes an error of it, see
// [CatchOutOfMemory], and lets go of what it has built.
//
// It speaks of keys, the index, what is packed into records, and regions of long strings. What
// Go's own heap holds (other large values, and everything where arenas come from it:
// arena_heap.go) is beyond that:
// when the system refuses it more, Go ends the process with exit code 2 and "fatal error:
// runtime: out of memory", and no program can prevent that.
type OutOfMemory struct {
	Want int64 // bytes that were asked for: of addresses, since nothing has touched them yet
	Used int64 // bytes that the database has in use for its keys
	Err  error // what the system said, or ErrFull
}

// ErrFull is in an OutOfMemory when a database has all the keys that it can have,
// however much memory there is.
var ErrFull = errors.New("a database has 128 GiB of keys at most")

// Error tells both amounts.
func (o *OutOfMemory) Error() string {
	return fmt.Sprintf("out of memory: %.1f MiB more are needed for a database whose keys take %.1f MiB: %v",
		float64(o.Want)/(1<<20), float64(o.Used)/(1<<20), o.Err)
}

// Unwrap gives the cause.
func (o *OutOfMemory) Unwrap() error { return o.Err }

// CatchOutOfMemory is to be deferred by a function that returns *err: where it ended by a
// panic with an *OutOfMemory, it returns that. Other panics go on.
func CatchOutOfMemory(err *error) {
	switch v := recover().(type) {
	case nil:
	case *OutOfMemory:
		*err = v
	default:
		panic(v)
	}
}
