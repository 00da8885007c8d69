package replay

import (
	"errors"
	"time"

	"github.com/altilium-db/altilium/log"
)

// Forked says what a Fork made.
type Forked struct {
	Resolved
	*log.Forked
	Out string
}

// Fork makes out a new data directory that is dir as it was at a point, with all
// history that can be reached from there: see [log.Fork]. dir is only read, and may be a
// running server's. The error is a *PointError where the point is not there.
func Fork(dir string, p Point, out string, progress func(done, total int64)) (*Forked, error) {
	at, err := p.Resolve(dir, time.Now())
	if err != nil {
		return nil, err
	}
	made, err := log.Fork(dir, out, at.Offset, log.ForkOptions{Progress: progress})
	if errors.Is(err, log.ErrCompacted) { // retention was faster
		if _, gone := p.Resolve(dir, time.Now()); gone != nil {
			err = gone
		}
	}
	if err != nil {
		return nil, err
	}
	return &Forked{Resolved: at, Forked: made, Out: out}, nil
}
