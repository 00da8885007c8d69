package replay

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
)

// BeforeLast is the point just before the last entry that a command caused, by itself or
// within a transaction: FLUSHALL, or XGROUP DESTROY; in any case. The error is a *PointError
// where the log has none.
func BeforeLast(dir, command string) (Point, error) {
	w, err := Look(dir)
	if err != nil {
		return Point{}, err
	}
	r, err := log.OpenReader(dir, w.First)
	if err != nil {
		return Point{}, err
	}
	defer r.Close()
	found := uint64(0)
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) || err == nil && e.Offset > w.Last {
			break
		}
		if err != nil {
			return Point{}, err
		}
		caused, err := causedBy(e, command)
		if err != nil {
			return Point{}, err
		}
		if caused {
			found = e.Offset
		}
	}
	if found == 0 {
		p := Point{text: "--before " + command}
		return Point{}, w.err(p, ErrBadPoint, fmt.Sprintf("no entry from @%d to @%d was caused by %s; `altilium log` shows what was", w.First, w.Last, command))
	}
	return AtOffset(found - 1), nil
}

// causedBy reports whether a command caused an entry, or a part of it.
func causedBy(e log.Entry, command string) (bool, error) {
	h, events, err := event.DecodeHeader(e.Body)
	if err != nil {
		return false, fmt.Errorf("entry @%d: %w", e.Offset, err)
	}
	if isCommand(h.Name, h.Argv, command) {
		return true, nil
	}
	var ev event.Event
	for len(events) > 0 {
		if events, err = ev.Decode(events); err != nil {
			return false, fmt.Errorf("entry @%d: %w", e.Offset, err)
		}
		if ev.Kind == event.Cause && isCommand("", ev.Items, command) {
			return true, nil
		}
	}
	return false, nil
}

// isCommand reports whether a cause is a command of that name, which may have two words.
func isCommand(name string, argv [][]byte, command string) bool {
	if len(argv) > 0 {
		name = string(argv[0])
		if strings.Contains(command, " ") && len(argv) > 1 {
			name += " " + string(argv[1])
		}
	}
	return strings.EqualFold(name, command)
}
