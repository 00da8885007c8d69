package replay

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
)

// Options are the settings of Recover. The zero value is valid.
type Options struct {
	Log log.Options

	// Create makes a new, empty data directory where there is none.
	Create bool

	// Progress is told of bytes of checkpoint and log that have been read, by
	// the goroutine that called Recover, about once for each MiB.
	Progress func(done, total int64)
}

// Recovered is a data directory, open: memory and log say the same.
type Recovered struct {
	Log    *log.Log
	State  *state.State
	Report Report
}

// Report says what a start found and did.
type Report struct {
	Created    bool                  // the directory is new
	LogID      log.ID                //
	Checkpoint *log.Checkpoint       // what it began from; nil: the empty state
	Refused    []*compaction.Refusal // newer checkpoints that could not be used
	Entries    uint64                // replayed on top
	Bytes      int64                 // of log that were read
	Last       uint64                // last offset
	LastTime   int64                 // its time, µs since 1970
	Keys       int
	Digest     uint64
	Cut        *log.Cut // the torn tail that was taken off; nil: none
	Took       time.Duration

	loading   time.Duration // what the checkpoint took
	replaying time.Duration // what the entries took
}

// Pace is how fast the start was, so far as it tells; known is what is known besides.
func (r *Report) Pace(known compaction.Pace) compaction.Pace {
	size := int64(0)
	if r.Checkpoint != nil && len(r.Refused) == 0 {
		size = r.Checkpoint.Size
	}
	return known.Measured(size, r.loading, r.Entries, r.replaying)
}

// String is a line for the server's log.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d keys at %s: ", r.Keys, Resolved{Offset: r.Last, Time: r.LastTime})
	if r.Checkpoint != nil {
		fmt.Fprintf(&b, "checkpoint @%d and ", r.Checkpoint.Offset)
	}
	fmt.Fprintf(&b, "%d entries of log (%.1f MB) in %s", r.Entries, float64(r.Bytes)/1e6, r.Took.Round(time.Millisecond))
	for _, refused := range r.Refused {
		fmt.Fprintf(&b, "; %v", refused)
	}
	if r.Cut != nil {
		fmt.Fprintf(&b, "; %s", r.Cut)
	}
	return b.String()
}

// Recover opens a data directory: steps 1 to 7 of the start, as in the package
// comment. Serving is the caller's. On an error the directory is not locked any
// more, and what was in it is as it was, a torn tail apart.
func Recover(dir string, o Options) (*Recovered, error) {
	start := time.Now()
	rec := &Recovered{}
	d, err := log.OpenDir(dir, o.Log) // steps 1 and 2
	if errors.Is(err, log.ErrNoLog) && o.Create {
		if _, err = log.Create(dir, log.CreateOptions{}); err == nil {
			rec.Report.Created = true
			d, err = log.OpenDir(dir, o.Log)
		}
	}
	if err != nil {
		return nil, err
	}
	err = rec.load(d, o.Progress)
	if err == nil {
		rec.Log, err = d.OpenAppend() // steps 6 and 7
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	rec.Report.Keys, rec.Report.Digest = rec.State.TotalKeys(), rec.State.Digest()
	rec.Report.LastTime = rec.Log.LastTime()
	rec.Report.Took = time.Since(start)
	return rec, nil
}

// load is steps 3 to 5.
func (rec *Recovered) load(d *log.Dir, progress func(done, total int64)) error {
	compaction.RemoveLeftovers(d.Path)
	meter := compaction.NewMeter(d.Path, d.Manifest, compaction.Latest, progress)
	began := time.Now()
	base, err := compaction.Newest(d.Path, d.Manifest, compaction.Latest, meter.Checkpoint)
	if err != nil {
		return err
	}
	loaded := time.Now()
	rep := &rec.Report
	rep.LogID, rep.Checkpoint, rep.Refused = d.Manifest.LogID, base.Checkpoint, base.Refused
	rec.State = base.State

	a := compaction.NewApplier(base.State)
	scan, err := d.Scan(base.Offset(), func(e log.Entry) error {
		rep.Bytes += int64(e.Size)
		meter.Log(rep.Bytes)
		return a.Add(e)
	})
	if aerr := a.Close(); aerr != nil {
		err = aerr // the cause, where it also stopped the scan
	}
	if err != nil {
		return err
	}
	meter.Finish()
	rep.loading, rep.replaying = loaded.Sub(began), time.Since(loaded)
	rep.Entries, rep.Last, rep.Cut = scan.Entries, scan.Last, scan.Cut
	return nil
}

// Rebuild makes memory and log say the same again after a failed write: the log
// is healed, and the state of everything in it is built anew. The caller must
// have stopped appending; it may call from any goroutine and again and again,
// until it succeeds.
func Rebuild(l *log.Log) (*state.State, error) {
	if err := l.Heal(); err != nil {
		return nil, err
	}
	return Committed(l)
}

// Committed is the state of everything that has been committed to an open log,
// built from its directory. It works while the log cannot be written, so that
// reads can go on.
func Committed(l *log.Log) (*state.State, error) {
	b, err := compaction.Build(l.Dir(), l.Last(), nil)
	if err != nil {
		return nil, err
	}
	return b.State, nil
}

// At is the state at a point.
type At struct {
	Resolved
	*compaction.Built
}

// StateAt gives the state at a point of the log in dir, beside a running server
// or without one. The error is a *PointError where the point is not there.
func StateAt(dir string, p Point, progress func(done, total int64)) (*At, error) {
	at, err := p.Resolve(dir, time.Now())
	if err != nil {
		return nil, err
	}
	b, err := compaction.Build(dir, at.Offset, progress)
	if err != nil {
		return nil, err
	}
	return &At{Resolved: at, Built: b}, nil
}
