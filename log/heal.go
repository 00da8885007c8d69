package log

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Heal makes the log writable after a failed Commit: the segment is cut back
// to its last committed byte and opened anew, and room for more is tried. It
// may be called again and again until it returns nil, and by any goroutine while
// the writer stands still; after Close it returns ErrClosed.
func (l *Log) Heal() error {
	l.healMu.Lock()
	defer l.healMu.Unlock()
	if l.closed {
		return ErrClosed
	}
	if p := l.fatal.Load(); p != nil {
		return *p
	}
	if l.failed == nil {
		return nil
	}
	if err := l.lock.holds(l.dir); err != nil {
		return err
	}
	if err := l.blocked(); err != nil {
		return err
	}
	st := l.active.state
	if err := l.cutBack(); err != nil {
		return err
	}
	if err := l.probe(); err != nil {
		return err
	}
	w, err := l.openLibrary(st)
	if err != nil {
		return err
	}
	old := l.active.w
	l.active.w = w
	l.tail.cut.Add(1) // readers must not trust bytes that they read before the cut
	l.failed = nil
	l.discard()
	l.roll = st.size >= l.o.SegmentSize
	if err := old.Close(); err != nil {
		l.o.Logger.Warn().Err(err).Msg("closing the segment whose write had failed")
	}
	return nil
}

// cutBack takes off what a failed write left behind: bytes after the last
// committed one, and an empty segment that a failed roll had begun.
func (l *Log) cutBack() error {
	st := l.active.state
	next := segmentPath(l.dir, st.first+st.count)
	if info, err := os.Stat(next); err == nil && st.count > 0 && info.Size() == 0 {
		if err := os.Remove(next); err != nil {
			return err
		}
	}
	return l.takeBack()
}

// takeBack cuts the segment behind its last committed byte, through the descriptor: it
// needs neither room nor the directory's name.
func (l *Log) takeBack() error {
	st := l.active.state
	info, err := l.active.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < st.size {
		return &Damage{Dir: l.dir, File: "wal/" + segmentName(st.first), Byte: info.Size(), Offset: st.first,
			What: fmt.Sprintf("%d bytes were written and %d are there", st.size, info.Size())}
	}
	return l.active.f.Truncate(st.size)
}

// probeSize is how much room must be there before writing is tried again.
const probeSize = 256 << 10

// probe finds out whether the disk takes bytes again.
func (l *Log) probe() error {
	if f := l.o.Faults; f != nil && f.Write != nil {
		if _, err := f.Write(nil); err != nil {
			return err
		}
	}
	path := filepath.Join(l.dir, "wal", "probe")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, probeSize))
	return errors.Join(err, f.Close(), os.Remove(path))
}
