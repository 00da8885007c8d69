package log

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// syncEvery is the period of the background fsync under EverySec.
const syncEvery = time.Second

// maxOld is how many rolled segments may wait for the syncer; the writer then
// waits too: a disk that cannot follow is not given ever more to do.
const maxOld = 2

// beginSegment makes the segment that the pending entries go to and hands the
// full one to the syncer. The name of the new one is durable after the next
// Sync, as its bytes are: under Always that is this Commit's.
func (l *Log) beginSegment() error {
	if err := l.awaitSealing(); err != nil {
		return err
	}
	if err := l.lock.holds(l.dir); err != nil {
		return err
	}
	first := l.last.Load() + 1
	path := segmentPath(l.dir, first)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	seg, err := l.openSegment(segmentState{first: first, base: base{first: first}})
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	l.mu.Lock()
	l.old = append(l.old, l.active)
	l.active = seg
	l.mu.Unlock()
	l.roll = false
	l.kick()
	return nil
}

// awaitSealing waits while too many full segments wait for the syncer. Where
// the syncer cannot go on it does not wait: a full disk must not hang the writer.
func (l *Log) awaitSealing() error {
	l.mu.Lock()
	for len(l.old) >= maxOld && l.sealErr == nil && l.fatal.Load() == nil {
		l.sealed.Wait()
	}
	l.mu.Unlock()
	if p := l.fatal.Load(); p != nil {
		return *p
	}
	return l.blocked()
}

// blocked is why no further segment can begin, or nil.
func (l *Log) blocked() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.old) >= maxOld && l.sealErr != nil {
		l.kick()
		return fmt.Errorf("full segments cannot be recorded as sealed: %w", l.sealErr)
	}
	return nil
}

// kick wakes the syncer.
func (l *Log) kick() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// syncer fsyncs each second under EverySec, and seals rolled segments under
// every policy.
func (l *Log) syncer() {
	defer close(l.done)
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
			if err := l.lock.holds(l.dir); err != nil {
				l.moved(err)
				return
			}
		case <-l.wake:
		}
		l.mu.Lock()
		rolled := len(l.old) > 0
		l.mu.Unlock()
		if !rolled && !l.background.Load() {
			continue
		}
		if l.Sync() != nil {
			return
		}
		if err := l.seal(); err != nil {
			l.o.Logger.Error().Err(err).Msg("a full segment could not be recorded as sealed; it will be tried again")
		}
	}
}

// moved ends writing: the directory is not the one that was opened.
func (l *Log) moved(err error) {
	l.end(err)
	if l.o.Moved != nil {
		l.o.Moved(err)
	}
}

// end makes err final: nothing is written or acknowledged after it.
func (l *Log) end(err error) {
	l.mu.Lock() // or a writer on its way into awaitSealing would miss it
	l.fatal.CompareAndSwap(nil, &err)
	l.sealed.Broadcast()
	l.mu.Unlock()
}

// Sync fsyncs everything that has been committed. A failure is final: Fatal is
// called (Moved where the directory has gone elsewhere) and nothing is acknowledged
// any more. After Close it returns ErrClosed.
func (l *Log) Sync() error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	if l.syncClosed {
		return ErrClosed
	}
	if p := l.fatal.Load(); p != nil {
		return *p
	}
	target := l.last.Load()
	l.mu.Lock()
	segments := append(slices.Clone(l.old), l.active)
	l.mu.Unlock()
	if target == l.durable.Load() && segments[len(segments)-1].named {
		return nil
	}
	if err := l.syncFiles(segments); err != nil {
		if moved := l.lock.holds(l.dir); moved != nil {
			l.moved(moved)
			return moved
		}
		err = fmt.Errorf("fsync of the log failed, nothing after offset %d is certain: %w", l.durable.Load(), err)
		l.end(err)
		l.o.Fatal(err)
		return err
	}
	l.durable.Store(target)
	return nil
}

// syncFiles fsyncs segments, oldest first, then their names: the newest may
// have begun since the round before.
func (l *Log) syncFiles(segments []*segment) error {
	if f := l.o.Faults; f != nil && f.Sync != nil {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	for _, s := range segments {
		if err := fdatasync(s.f); err != nil {
			return err
		}
	}
	if segments[len(segments)-1].named {
		return nil
	}
	if err := l.syncNames(); err != nil {
		return err
	}
	for _, s := range segments {
		s.named = true
	}
	return nil
}

// syncNames makes the names in wal/ durable.
func (l *Log) syncNames() error {
	if f := l.o.Faults; f != nil && f.SyncDir != nil {
		if err := f.SyncDir(); err != nil {
			return err
		}
	}
	if err := SyncDir(filepath.Join(l.dir, "wal")); err != nil {
		return err
	}
	return l.lock.holds(l.dir) // or they were another directory's names
}

// seal records the rolled segments that are durable in the manifest and closes
// them. Only the syncer calls it, and Close after the syncer has ended.
func (l *Log) seal() error {
	for {
		s := l.sealable()
		if s == nil {
			return nil
		}
		err := l.UpdateManifest(func(m *Manifest) error {
			m.Sealed = append(m.Sealed, s.state.sealed())
			m.Active = s.state.first + s.state.count
			return nil
		})
		l.mu.Lock()
		l.sealErr = err
		if err == nil {
			l.old = l.old[1:]
		}
		l.sealed.Broadcast()
		l.mu.Unlock()
		if err != nil {
			return err
		}
		l.syncMu.Lock() // a Sync of another goroutine may be at this descriptor
		err = s.close()
		l.syncMu.Unlock()
		if err != nil {
			l.o.Logger.Warn().Err(err).Msg("closing a sealed segment")
		}
	}
}

// sealable is the oldest rolled segment, if all of it is durable and so is the
// name of the next, which the manifest will then expect.
func (l *Log) sealable() *segment {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.old) == 0 {
		return nil
	}
	s, next := l.old[0], l.active
	if len(l.old) > 1 {
		next = l.old[1]
	}
	if !next.named || s.state.first+s.state.count-1 > l.durable.Load() {
		return nil // rolled after the last Sync: the kick of that roll is still to come
	}
	return s
}

// Manifest is a copy of the manifest as it is now.
func (l *Log) Manifest() *Manifest { return l.manifest.Load().clone() }

// UpdateManifest changes the manifest: wholly, or not at all. After Close the
// directory may be somebody else's: ErrClosed; ErrMoved where it is another one.
func (l *Log) UpdateManifest(change func(*Manifest) error) error {
	l.manifestMu.Lock()
	defer l.manifestMu.Unlock()
	return l.updateManifest(change)
}

// updateManifest is UpdateManifest for who has manifestMu.
func (l *Log) updateManifest(change func(*Manifest) error) error {
	if l.manifestClosed {
		return ErrClosed
	}
	if err := l.lock.holds(l.dir); err != nil {
		return err
	}
	next := l.Manifest()
	if err := change(next); err != nil {
		return err
	}
	if f := l.o.Faults; f != nil && f.Manifest != nil {
		if err := f.Manifest(); err != nil {
			return err
		}
	}
	if err := next.write(l.dir); err != nil {
		return err
	}
	l.manifest.Store(next)
	return nil
}

func (m *Manifest) clone() *Manifest {
	c := *m
	c.Sealed = slices.Clone(m.Sealed)
	c.Checkpoints = slices.Clone(m.Checkpoints)
	c.Tags = maps.Clone(m.Tags)
	return &c
}

// DropBefore removes the sealed segments whose entries all lie before offset:
// from the manifest first, then from the disk, with their indexes. After Close it
// returns ErrClosed, and Close waits for one that has begun.
func (l *Log) DropBefore(offset uint64) (dropped []Segment, err error) {
	l.manifestMu.Lock()
	defer l.manifestMu.Unlock()
	err = l.updateManifest(func(m *Manifest) error {
		for len(m.Sealed) > 0 && m.Sealed[0].Last() < offset {
			dropped = append(dropped, m.Sealed[0])
			m.First = m.Sealed[0].Last() + 1
			m.Sealed = m.Sealed[1:]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, s := range dropped {
		if err := os.Remove(segmentPath(l.dir, s.First)); err != nil {
			return dropped, err
		}
		os.Remove(IndexPath(l.dir, s.First)) // most often there is one; nobody asks for it any more
	}
	return dropped, nil
}
