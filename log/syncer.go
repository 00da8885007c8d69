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
// waits too, since each keeps its bytes in memory.
const maxOld = 2

// beginSegment makes the segment that the pending entries go to and hands the
// full one to the syncer.
func (l *Log) beginSegment() error {
	l.mu.Lock()
	for len(l.old) >= maxOld && l.fatal.Load() == nil {
		l.sealed.Wait()
	}
	l.mu.Unlock()
	first := l.last.Load() + 1
	path := segmentPath(l.dir, first)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	seg, err := l.openSegment(segmentState{first: first, base: base{first: first}})
	if err != nil {
		os.Remove(path)
		return err
	}
	if l.policy == Always {
		if err := syncDir(filepath.Join(l.dir, "wal")); err != nil {
			return errors.Join(err, seg.close(), os.Remove(path))
		}
	}
	l.mu.Lock()
	l.old = append(l.old, l.active)
	l.active = seg
	l.mu.Unlock()
	l.roll = false
	l.kick()
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

// Sync fsyncs everything that has been committed. A failure is final: Fatal is
// called and nothing is acknowledged any more.
func (l *Log) Sync() error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	if p := l.fatal.Load(); p != nil {
		return *p
	}
	target := l.last.Load()
	if target == l.durable.Load() {
		return nil
	}
	l.mu.Lock()
	segments := append(slices.Clone(l.old), l.active)
	l.mu.Unlock()
	err := l.syncFiles(segments)
	if err != nil {
		err = fmt.Errorf("fsync of the log failed, nothing after offset %d is certain: %w", l.durable.Load(), err)
		l.fatal.Store(&err)
		l.sealed.Broadcast()
		l.o.Fatal(err)
		return err
	}
	l.durable.Store(target)
	return nil
}

func (l *Log) syncFiles(segments []*segment) error {
	if f := l.o.Faults; f != nil && f.Sync != nil {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	for _, s := range segments {
		if err := fdatasync(s.f); err != nil && !errors.Is(err, os.ErrClosed) {
			return err
		}
	}
	if len(segments) > 1 {
		return syncDir(filepath.Join(l.dir, "wal"))
	}
	return nil
}

// seal closes the rolled segments, which Sync has made durable, and records
// them in the manifest.
func (l *Log) seal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.old) > 0 {
		s := l.old[0]
		if s.state.first+s.state.count-1 > l.durable.Load() {
			return nil // rolled after the last Sync
		}
		next := l.manifest.clone()
		next.Sealed = append(next.Sealed, s.state.sealed())
		next.Active = s.state.first + s.state.count
		if err := next.write(l.dir); err != nil {
			return err
		}
		l.manifest = next
		l.old = l.old[1:]
		l.sealed.Broadcast()
		if err := s.close(); err != nil {
			l.o.Logger.Warn().Err(err).Msg("closing a sealed segment")
		}
	}
	return nil
}

// Manifest is a copy of the manifest as it is now.
func (l *Log) Manifest() *Manifest {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.manifest.clone()
}

// UpdateManifest changes the manifest: wholly, or not at all.
func (l *Log) UpdateManifest(change func(*Manifest) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.manifest.clone()
	if err := change(next); err != nil {
		return err
	}
	if err := next.write(l.dir); err != nil {
		return err
	}
	l.manifest = next
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
// from the manifest first, then from the disk.
func (l *Log) DropBefore(offset uint64) (dropped []Segment, err error) {
	err = l.UpdateManifest(func(m *Manifest) error {
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
	}
	return dropped, nil
}
