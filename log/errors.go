package log

import (
	"errors"
	"fmt"
)

// Errors of this package; all that is returned wraps one of them or the
// operating system's error.
var (
	// ErrDamaged is returned when something that was durable is not what was
	// written, or is gone.
	ErrDamaged = errors.New("log damaged")
	// ErrInUse is returned when another process has the directory.
	ErrInUse = errors.New("data directory in use")
	// ErrNewerFormat is returned for a directory written by a later version.
	ErrNewerFormat = errors.New("data directory has a newer format")
	// ErrCompacted is returned for an offset before the first that is kept.
	ErrCompacted = errors.New("compacted away")
	// ErrFuture is returned for an offset after the last.
	ErrFuture = errors.New("in the future")
	// ErrClosed is returned by a log after its Close.
	ErrClosed = errors.New("log closed")
	// ErrMoved is returned when the directory that was opened has no longer its
	// name: it was moved, removed or replaced.
	ErrMoved = errors.New("data directory moved or removed")
	// ErrNoLog is returned when a directory holds no log.
	ErrNoLog = errors.New("no data directory")
	// ErrExists is returned where a new directory cannot be: something is there, or it
	// would lie in what it is made from.
	ErrExists = errors.New("no new data directory can be made there")
)

// Damage says where a log is damaged. It is an ErrDamaged.
type Damage struct {
	Dir    string
	File   string // path from Dir
	Byte   int64  // in File; -1 where the whole file is meant
	Offset uint64 // of the entry; 0 where unknown
	What   string
	Hint   string // the way out; empty: `altilium check --repair`
}

// Error names what, where and the way out.
func (d *Damage) Error() string {
	where := d.File
	if d.Byte >= 0 {
		where += fmt.Sprintf(", byte %d", d.Byte)
	}
	if d.Offset > 0 {
		where += fmt.Sprintf(", offset %d", d.Offset)
	}
	hint := d.Hint
	if hint == "" {
		hint = fmt.Sprintf("`altilium check --dir %s --repair --out NEW` saves all that is good into NEW", quoted(d.Dir))
	}
	return fmt.Sprintf("log damaged: %s: %s. Nothing was changed; %s", where, d.What, hint)
}

// Is makes errors.Is(err, ErrDamaged) true.
func (d *Damage) Is(target error) bool { return target == ErrDamaged }
