package compaction

import (
	"errors"
	"fmt"
	"strings"

	"github.com/altilium-db/altilium/log"
)

var errHead = errors.New("the header is not one of a checkpoint")

// Refusal says why a checkpoint is not used. It is a log.ErrDamaged, or a
// log.ErrNewerFormat where a later version wrote it.
type Refusal struct {
	File   string // path from the data directory
	Byte   int64  // in File; -1 where the whole file is meant
	Offset uint64 // of the checkpoint
	What   string
	newer  bool
}

// Error names what and where.
func (r *Refusal) Error() string {
	where := r.File
	if r.Byte >= 0 {
		where += fmt.Sprintf(", byte %d", r.Byte)
	}
	return fmt.Sprintf("checkpoint @%d refused: %s: %s", r.Offset, where, r.What)
}

// Is makes errors.Is work with the sentinels of package log.
func (r *Refusal) Is(target error) bool {
	if r.newer {
		return target == log.ErrNewerFormat
	}
	return target == log.ErrDamaged
}

// NoBase is returned where no state can be had to begin from: the log before a
// point is gone and no checkpoint that stands for it can be used. It is a
// log.ErrDamaged.
type NoBase struct {
	Dir     string
	At      uint64 // the point that was asked for
	First   uint64 // first entry that the log holds
	Refused []*Refusal
}

// Error names the refused checkpoints and the way out.
func (n *NoBase) Error() string {
	why := make([]string, len(n.Refused))
	for i, r := range n.Refused {
		why[i] = r.Error()
	}
	if len(why) == 0 {
		why = []string{"the MANIFEST names none"}
	}
	return fmt.Sprintf("%s: the log begins at @%d, and no checkpoint of what came before it can be used: %s. "+
		"Nothing was changed; put a copy of the file back into checkpoints/", n.Dir, n.First, strings.Join(why, "; "))
}

// Is makes errors.Is(err, log.ErrDamaged) true; log.ErrNewerFormat instead where
// all that was refused only needs a later version.
func (n *NoBase) Is(target error) bool {
	for _, r := range n.Refused {
		if !r.newer {
			return target == log.ErrDamaged
		}
	}
	if len(n.Refused) > 0 {
		return target == log.ErrNewerFormat
	}
	return target == log.ErrDamaged
}
