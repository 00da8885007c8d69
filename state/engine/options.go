package engine

import (
	"context"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/rs/zerolog"
)

// Options is what an engine needs from outside. The zero value gives an engine
// on the wall clock that cannot record or heal, and whose checkpoints are
// answered but not made.
type Options struct {
	Config  *Config        // nil: defaults
	Version string         // of the program, for INFO; "": what the build knows
	Logger  zerolog.Logger // zero: silent

	// Clock is the time in µs since 1970. Default: the wall clock.
	Clock func() int64

	// Seed gives the seed of a unit's random numbers. It is called at most
	// once for each unit, and only by one that draws a number. Default: a
	// generator seeded by the operating system.
	Seed func() uint64

	// ConnID numbers connections, from 1. Default: 1, 2, 3 …
	ConnID func() uint64

	// Played: what is evicted, and when memory is full, is told by PlayEviction.
	Played bool

	// Post runs f on the loop, in a turn of its own. Required where Rebuild, Checkpoint
	// or Past is given; it may be called from any goroutine.
	Post func(f func())

	// Rebuild gives the state of everything that is committed in the log. It
	// reads only: the disk may be full, and l need not be healed yet. Called on
	// a goroutine after a failed write, again and again until it succeeds; l is
	// not written meanwhile. nil: after a failed write the engine has no data
	// any more and answers -LOADING.
	Rebuild func(l *log.Log) (*state.State, error)

	// Checkpoint makes a checkpoint of the state at offset, beside the server,
	// and registers it; not if its digest is another than the live state had
	// there, which is digest: it then returns what it made as its result, or
	// an error. Called on a goroutine; one at a time. nil: SAVE and its kin
	// are answered as if one had been made, which is what a player of recorded
	// sessions wants.
	Checkpoint func(offset, digest uint64) (CheckpointResult, error)

	// Pace says when checkpoints are due besides, and what INFO tells of it. nil: it is the
	// log's growth alone that counts.
	Pace Pace

	// Past answers what is asked of the past. Called on goroutines, one for each client
	// that waits for its answer. nil: ASOF answers an error.
	Past func(PastRequest) PastAnswer

	// Follow reads the log after an offset, and goes on as it grows, until ctx ends or put
	// fails; idle is called when there are no more entries for now. words are the options
	// of LOG SUBSCRIBE, which Past has found right. Called on a goroutine for each
	// subscriber. nil: LOG SUBSCRIBE answers an error.
	Follow func(ctx context.Context, after uint64, words [][]byte, put func(offset uint64, line []byte) error, idle func() error) error

	// Shutdown stops the process: "finish the turn, sync, mark, exit". Called
	// on the loop after the turn's Commit; it must return, and the end comes
	// later. nil: SHUTDOWN stops only the connection that asked.
	Shutdown func(reason string)

	// Record opens a recording of the given name whose first step happens on
	// the state at offset, under the given settings: whoever plays it must
	// begin with them. Passwords in them and in the steps are pseudonyms.
	// Called on the loop. nil: RECORD answers an error.
	Record func(name string, offset uint64, settings map[string]string) (Recorder, error)
}

// Pace says what the state of a moment of the past costs here. It changes as it is measured:
// its methods are called on the loop, again and again.
type Pace interface {
	// Spacing is how many entries should lie between two checkpoints of so many keys, the
	// last of which had so many bytes.
	Spacing(keys int, bytes int64) uint64

	// Opening estimates how long it takes to have the state of a point of the log up to
	// last: the one that takes longest, and one in the middle.
	Opening(m *log.Manifest, last uint64) (worst, typical time.Duration)
}

// CheckpointResult describes a finished checkpoint.
type CheckpointResult struct {
	Offset uint64
	Digest uint64 // of the state in it
	Keys   int
	Bytes  int64 // size of the file
	Micros int64 // how long it took
}

// Recorder takes the steps of a recorded session. The engine calls it from the
// loop; a step's slices are valid during the call only. After an error the
// engine closes it and records no more.
type Recorder interface {
	Step(resp.Step) error
	Close() error
}
