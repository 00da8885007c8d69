package log

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// appendOne commits one entry.
func appendOne(t testing.TB, l *Log) {
	t.Helper()
	fill(t, l, 1, 1)
}

// TestNameOfANewSegmentIsSynced: the fsync of a new file's bytes is worth
// nothing while its name may still be lost. Here everything is durable when the
// roll comes, so that nothing but the name is left to do for the old segment.
func TestNameOfANewSegmentIsSynced(t *testing.T) {
	for _, policy := range []Policy{Always, EverySec, No} {
		t.Run(policy.String(), func(t *testing.T) {
			var names atomic.Int32
			l, _, _ := testLog(t, t.TempDir(), Options{Policy: policy, SegmentSize: 100,
				Faults: &Faults{SyncDir: func() error { names.Add(1); return nil }}})
			for round := range int32(5) {
				for len(segmentsOf(t, l.Dir())) != int(round)+2 {
					if err := l.Sync(); err != nil { // all that is there is durable
						t.Fatal(err)
					}
					appendOne(t, l)
				}
				if err := l.Sync(); err != nil {
					t.Fatal(err)
				}
				if l.Durable() != l.Last() || names.Load() != round+1 {
					t.Fatalf("after %d rolls: durable %d of %d, the directory was synced %d times", round+1, l.Durable(), l.Last(), names.Load())
				}
			}
			closeLog(t, l, true)
		})
	}
}

func TestFailedSyncOfANameIsFinal(t *testing.T) {
	broken := errors.New("input/output error")
	var fatal atomic.Int32
	l, _, _ := testLog(t, t.TempDir(), Options{Policy: Always, SegmentSize: 60,
		Fatal: func(error) { fatal.Add(1) }, Faults: &Faults{SyncDir: func() error { return broken }}})
	var err error
	for i := 0; i < 10 && err == nil; i++ {
		l.Append(KindChange, 1, body(1))
		err = l.Commit()
	}
	if !errors.Is(err, broken) || fatal.Load() != 1 || l.Durable() == l.Last() {
		t.Errorf("commit said %v, fatal was called %d times, durable %d of %d", err, fatal.Load(), l.Durable(), l.Last())
	}
	closeLog(t, l, false)
}

// TestSealedOnlyWhenDurable: the manifest never says that a segment is sealed,
// nor expects the next one, before both are on the disk.
func TestSealedOnlyWhenDurable(t *testing.T) {
	gate := make(chan struct{})
	l, _, _ := testLog(t, t.TempDir(), Options{Policy: No, SegmentSize: 100,
		Faults: &Faults{Sync: func() error { <-gate; return nil }}})
	for len(segmentsOf(t, l.Dir())) < 2 {
		appendOne(t, l)
	}
	if m := l.Manifest(); len(m.Sealed) != 0 || m.Active != 1 {
		t.Errorf("before the fsync: %d sealed, active %d", len(m.Sealed), m.Active)
	}
	close(gate)
	eventually(t, "the segment is sealed", func() bool { return len(l.Manifest().Sealed) == 1 })
	m := l.Manifest()
	if s := m.Sealed[0]; s.Last() > l.Durable() || m.Active != s.Last()+1 {
		t.Errorf("sealed up to %d, durable %d, active %d", s.Last(), l.Durable(), m.Active)
	}
	closeLog(t, l, true)
}

// TestWriterWaitsForTheSyncer: rolled segments stay in memory, so no more than
// two of them wait.
func TestWriterWaitsForTheSyncer(t *testing.T) {
	gate := make(chan struct{})
	entered := make(chan struct{}, 1)
	l, _, _ := testLog(t, t.TempDir(), Options{Policy: No, SegmentSize: 100, Faults: &Faults{Sync: func() error {
		select {
		case entered <- struct{}{}:
		default:
		}
		<-gate
		return nil
	}}})
	written := make(chan error)
	go func() {
		var err error
		for range 40 {
			l.Append(KindChange, 1, body(1))
			err = errors.Join(err, l.Commit())
		}
		written <- err
	}()
	<-entered
	eventually(t, "two segments wait", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.old) == maxOld
	})
	select {
	case <-written:
		t.Fatal("the writer did not wait")
	default:
	}
	close(gate)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if n := len(segmentsOf(t, l.Dir())); n < 10 {
		t.Errorf("only %d segments", n)
	}
	closeLog(t, l, true)
}

// TestSealingThatFailsDoesNotHangTheWriter: with a full disk the manifest cannot
// be replaced. The writer is told, and goes on when there is room.
func TestSealingThatFailsDoesNotHangTheWriter(t *testing.T) {
	full := errors.New("no space left on device")
	var fail atomic.Bool
	fail.Store(true)
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 100, Faults: &Faults{Manifest: func() error {
		if fail.Load() {
			return full
		}
		return nil
	}}})
	committed := 0
	for ; committed < 1000; committed++ {
		l.Append(KindChange, 1_000_000*int64(l.Next()), body(l.Next()))
		if err := l.Commit(); err != nil {
			if !errors.Is(err, full) {
				t.Fatal(err)
			}
			break
		}
	}
	if committed == 1000 {
		t.Fatal("segments pile up without end")
	}
	if err := l.Heal(); !errors.Is(err, full) {
		t.Errorf("healed on a full disk: %v", err)
	}
	fail.Store(false)
	eventually(t, "healed", func() bool { return l.Heal() == nil })
	fill(t, l, 30, 1)
	closeLog(t, l, true)
	l, bodies, _ := testLog(t, dir, Options{})
	wantBodies(t, bodies, committed+30)
	closeLog(t, l, true)
}

// TestSyncBesideEverything calls Sync from other goroutines while the writer
// rolls, fails and heals: a descriptor must not go away under an fsync, which
// would look like a failed one and stop the server.
func TestSyncBesideEverything(t *testing.T) {
	dir := t.TempDir()
	var fail atomic.Bool
	full := errors.New("no space left on device")
	l, _, _ := testLog(t, dir, Options{SegmentSize: 200,
		Fatal: func(err error) { t.Errorf("fatal: %v", err) },
		Faults: &Faults{Write: func([]byte) (int, error) {
			if fail.Load() {
				return 7, full
			}
			return 0, nil
		}}})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := l.Sync(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 60 {
		fill(t, l, 3, 2)
		fail.Store(true)
		l.Append(KindChange, 1, []byte("never happened"))
		if err := l.Commit(); !errors.Is(err, full) {
			t.Fatal(err)
		}
		fail.Store(false)
		if err := l.Heal(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	closeLog(t, l, true)
	l, bodies, rep := testLog(t, dir, Options{})
	wantBodies(t, bodies, 180)
	if rep.Cut != nil {
		t.Errorf("%v", rep.Cut)
	}
	closeLog(t, l, true)
}

func TestPolicyChangesOnTheWay(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{Policy: No, SegmentSize: 150})
	fill(t, l, 5, 1)
	l.SetPolicy(Always)
	fill(t, l, 5, 1)
	if l.Policy() != Always || l.Durable() != 10 {
		t.Errorf("%v: durable %d of 10", l.Policy(), l.Durable())
	}
	l.SetPolicy(EverySec)
	fill(t, l, 5, 1)
	eventually(t, "durable by the second's fsync", func() bool { return l.Durable() == 15 })
	closeLog(t, l, true)
}

func TestPolicyNames(t *testing.T) {
	for _, p := range []Policy{Always, EverySec, No} {
		if got, err := ParsePolicy(p.String()); err != nil || got != p {
			t.Errorf("%v: %v, %v", p, got, err)
		}
	}
	for _, s := range []string{"", "ALWAYS", "sometimes"} {
		if _, err := ParsePolicy(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
	if (Options{}).Policy != EverySec {
		t.Error("the zero Options are not everysec")
	}
}

func TestClosedLog(t *testing.T) {
	l, _, _ := testLog(t, t.TempDir(), Options{})
	fill(t, l, 3, 1)
	l.Append(KindChange, 1, []byte("not committed"))
	closeLog(t, l, true)
	if err := l.Close(true); !errors.Is(err, ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	l.Append(KindChange, 1, nil)
	if err := l.Commit(); !errors.Is(err, ErrClosed) {
		t.Errorf("commit after close: %v", err)
	}
	if err := l.UpdateManifest(func(*Manifest) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("a change of the manifest after close: %v", err)
	}
	if _, err := l.DropBefore(2); !errors.Is(err, ErrClosed) {
		t.Errorf("retention after close: %v", err)
	}
	l, bodies, rep := testLog(t, l.Dir(), Options{})
	wantBodies(t, bodies, 3)
	if rep.Cut != nil {
		t.Error(rep.Cut)
	}
	closeLog(t, l, true)
}
