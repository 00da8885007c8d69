package log

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

// TestFailedWriteLeavesNoTrace fails writes after any number of bytes: the turn
// leaves no trace, and after Heal the log goes on where it was.
func TestFailedWriteLeavesNoTrace(t *testing.T) {
	for _, short := range []int{0, 1, 5, 20} {
		dir := t.TempDir()
		var fail atomic.Bool
		full := errors.New("no space left on device")
		l, _, _ := testLog(t, dir, Options{SegmentSize: 300, Faults: &Faults{Write: func([]byte) (int, error) {
			if fail.Load() {
				return short, full
			}
			return 0, nil
		}}})
		fill(t, l, 7, 1)
		for round := range 5 {
			fail.Store(true)
			first := l.Append(KindChange, 1, []byte("never happened"))
			l.Append(KindChange, 1, []byte("neither"))
			if err := l.Commit(); !errors.Is(err, full) {
				t.Fatalf("the failed write answered %v", err)
			}
			if l.Append(KindChange, 1, nil) != first || l.Commit() == nil {
				t.Fatal("a log that needs healing took a turn")
			}
			if l.Heal() == nil {
				t.Fatal("healed on a full disk")
			}
			fail.Store(false)
			if err := l.Heal(); err != nil {
				t.Fatal(err)
			}
			fill(t, l, 3+round, 2)
		}
		closeLog(t, l, false)
		l, bodies, rep := testLog(t, dir, Options{})
		wantBodies(t, bodies, 7+3+4+5+6+7)
		if rep.Cut != nil {
			t.Fatalf("short %d: a trace was left: %v", short, rep.Cut)
		}
		closeLog(t, l, true)
	}
}

// TestFailedFsyncIsFinal: nothing is acknowledged after it.
func TestFailedFsyncIsFinal(t *testing.T) {
	dir := t.TempDir()
	broken := errors.New("input/output error")
	var fail atomic.Bool
	var fatal atomic.Int32
	l, _, _ := testLog(t, dir, Options{Policy: Always,
		Fatal:  func(error) { fatal.Add(1) },
		Faults: &Faults{Sync: func() error { return map[bool]error{true: broken}[fail.Load()] }}})
	fill(t, l, 5, 1)
	fail.Store(true)
	l.Append(KindChange, 1, body(6))
	if err := l.Commit(); !errors.Is(err, broken) {
		t.Fatalf("acknowledged: %v", err)
	}
	fail.Store(false) // the kernel reports such an error once
	l.Append(KindChange, 1, body(6))
	if err := l.Commit(); !errors.Is(err, broken) {
		t.Fatalf("acknowledged after a failed fsync: %v", err)
	}
	if l.Heal() == nil || l.Sync() == nil {
		t.Fatal("healed after a failed fsync")
	}
	if l.Durable() != 5 || fatal.Load() != 1 {
		t.Fatalf("durable %d, fatal called %d times", l.Durable(), fatal.Load())
	}
	closeLog(t, l, true)
	if m, err := ReadManifest(dir); err != nil || m.Clean != nil {
		t.Fatalf("a stop after a failed fsync was marked clean: %v", err)
	}
}

// TestSlowFsyncDoesNotDelayEverySec: the writer goes on while an fsync hangs.
func TestSlowFsyncDoesNotDelayEverySec(t *testing.T) {
	release, entered := make(chan struct{}), make(chan struct{}, 1)
	var once atomic.Bool
	l, _, _ := testLog(t, t.TempDir(), Options{Faults: &Faults{Sync: func() error {
		if once.CompareAndSwap(false, true) {
			entered <- struct{}{}
			<-release
		}
		return nil
	}}})
	fill(t, l, 1, 1)
	<-entered // the syncer hangs
	fill(t, l, 1000, 10)
	if l.Durable() != 0 {
		t.Errorf("durable %d while the fsync hangs", l.Durable())
	}
	close(release)
	closeLog(t, l, true)
}

func TestTimeNeverGoesBack(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 200})
	for _, micros := range []int64{1000, 500, 2000, 1, 1999, 3000} {
		for range 5 {
			l.Append(KindChange, micros, []byte("x"))
			if err := l.Commit(); err != nil {
				t.Fatal(err)
			}
		}
	}
	closeLog(t, l, true)
	l, _, _ = testLog(t, dir, Options{})
	l.Append(KindChange, 5, []byte("after a restart with the clock put back"))
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
	if l.LastTime() != 3000 {
		t.Errorf("time %d after a restart, the log was at 3000", l.LastTime())
	}
	closeLog(t, l, true)

	// Where the newest segment is empty, only the manifest knows the time.
	for name, note := range map[string]func(m *Manifest){
		"sealed":     func(m *Manifest) { m.Sealed[len(m.Sealed)-1].LastTime = 5000 },
		"checkpoint": func(m *Manifest) { m.AddCheckpoint(Checkpoint{Offset: 3, Time: 5000}) },
	} {
		t.Run(name, func(t *testing.T) {
			c := copyDir(t, dir)
			d, err := OpenDir(c, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := d.UpdateManifest(func(m *Manifest) error { note(m); return nil }); err != nil {
				t.Fatal(err)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			l, _, _ := testLog(t, c, Options{})
			if l.Append(KindChange, 1, nil); l.now != 5000 {
				t.Errorf("the next entry has time %d, the manifest knows of 5000", l.now)
			}
			closeLog(t, l, true)
		})
	}
}

// TestTooLargeAnEntry: what no reader would take is not written, and costs the turn, not
// the log.
func TestTooLargeAnEntry(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{})
	fill(t, l, 3, 1)
	l.Append(KindChange, 1, []byte("in the same turn"))
	l.Append(KindChange, 1, make([]byte, maxEntry)) // memory that is never touched
	l.Append(KindChange, 1, []byte("and after it"))
	if err := l.Commit(); err == nil || !strings.Contains(err.Error(), "more than the log holds") {
		t.Fatalf("committed: %v", err)
	}
	if err := l.Heal(); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 2, 1)
	closeLog(t, l, false)
	l, bodies, rep := testLog(t, dir, Options{})
	if wantBodies(t, bodies, 5); rep.Cut != nil {
		t.Errorf("a trace was left: %v", rep.Cut)
	}
	closeLog(t, l, true)
}

// TestReaderBesideAFailedWrite: a reader has read ahead what a failed write had put into
// the file; after Heal it hands out what was committed in its place.
func TestReaderBesideAFailedWrite(t *testing.T) {
	dir := t.TempDir()
	var fail atomic.Bool
	l, _, _ := testLog(t, dir, Options{Faults: &Faults{Write: func([]byte) (int, error) {
		if fail.Load() {
			return 0, errors.New("no space left on device")
		}
		return 0, nil
	}}})
	fill(t, l, 4, 1)
	never := appendFrame(nil, l.seed, l.base, Entry{Offset: 5, Kind: KindChange, Time: l.now, Body: []byte("body of entry X")})
	if _, err := l.active.f.WriteAt(append([]byte{byte(len(never))}, never...), l.active.state.size); err != nil {
		t.Fatal(err)
	}
	r, err := l.Reader(1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 4 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	fail.Store(true)
	l.Append(KindChange, 1, []byte("never happened"))
	if l.Commit() == nil {
		t.Fatal("committed")
	}
	fail.Store(false)
	if err := l.Heal(); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 1, 1)
	if e, err := r.Next(); err != nil || string(e.Body) != string(body(5)) {
		t.Errorf("entry 5 reads %q, %v", e.Body, err)
	}
	closeLog(t, l, true)
}

func TestDropBefore(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 300, Policy: Always})
	fill(t, l, 60, 2)
	closeLog(t, l, true)
	l, _, _ = testLog(t, dir, Options{SegmentSize: 300})
	dropped, err := l.DropBefore(25)
	if err != nil || len(dropped) == 0 || dropped[len(dropped)-1].Last() >= 25 {
		t.Fatalf("dropped %v, %v", dropped, err)
	}
	first := l.Manifest().First
	if first > 25 || first == 1 {
		t.Fatalf("first is %d", first)
	}
	if _, err := OpenReader(dir, first-1); !errors.Is(err, ErrCompacted) {
		t.Errorf("reading before the first: %v", err)
	}
	// A drop that was interrupted between the manifest and the files.
	if err := os.WriteFile(segmentPath(dir, 1), []byte("left over"), 0o600); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l, true)
	l, bodies, _ := testLog(t, dir, Options{})
	if len(bodies) != int(60-first+1) || bodies[0] != string(body(first)) {
		t.Errorf("%d entries from %q on", len(bodies), bodies[0])
	}
	if _, err := os.Stat(segmentPath(dir, 1)); err == nil {
		t.Error("the left-over segment is still there")
	}
	closeLog(t, l, true)
}

// TestRollThatFails: the next segment cannot be made, here because something is
// in its place. The turn leaves no trace, and the next one goes on.
func TestRollThatFails(t *testing.T) {
	for _, policy := range []Policy{EverySec, Always} {
		dir := t.TempDir()
		l, _, _ := testLog(t, dir, Options{Policy: policy, SegmentSize: 200})
		for !l.roll {
			fill(t, l, 1, 1)
		}
		n := int(l.Last())
		inTheWay := segmentPath(dir, l.Next())
		if err := os.Mkdir(inTheWay, 0o700); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			l.Append(KindChange, 1, []byte("never happened"))
			if l.Commit() == nil {
				t.Fatal("committed into a directory")
			}
			if err := l.Heal(); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Remove(inTheWay); err != nil {
			t.Fatal(err)
		}
		if l.SegmentFirst() != l.Next() {
			t.Errorf("the next entry is %d, its segment %d", l.Next(), l.SegmentFirst())
		}
		fill(t, l, 10, 3)
		closeLog(t, l, true)
		l, bodies, _ := testLog(t, dir, Options{})
		wantBodies(t, bodies, n+10)
		closeLog(t, l, true)
	}
}

// TestEntriesLargerThanASegment: an entry is never split.
func TestEntriesLargerThanASegment(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 1000})
	sizes := []int{0, 1, 127, 128, 999, 1000, 20_000, 3 << 20, 5, readAhead, readFirst, 2}
	for i, n := range sizes {
		l.Append(KindChange, int64(i), bytes.Repeat([]byte{byte(i)}, n))
		if i%3 == 2 {
			if err := l.Commit(); err != nil {
				t.Fatal(err)
			}
		}
	}
	closeLog(t, l, true)
	for _, read := range []func(visit func(Entry) error) error{
		func(visit func(Entry) error) error {
			d, err := OpenDir(dir, Options{})
			if err != nil {
				return err
			}
			defer d.Close()
			_, err = d.Scan(0, visit)
			return err
		},
		func(visit func(Entry) error) error {
			r, err := OpenReader(dir, 1)
			if err != nil {
				return err
			}
			defer r.Close()
			for {
				e, err := r.Next()
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
				if err := visit(e); err != nil {
					return err
				}
			}
		},
	} {
		i := 0
		err := read(func(e Entry) error {
			if !bytes.Equal(e.Body, bytes.Repeat([]byte{byte(i)}, sizes[i])) {
				t.Errorf("entry %d has %d bytes", i+1, len(e.Body))
			}
			i++
			return nil
		})
		if err != nil || i != len(sizes) {
			t.Fatalf("%d of %d entries, %v", i, len(sizes), err)
		}
	}
}

// TestSegmentFirst: a caller that repeats something in each segment's first
// entry is told where that is.
func TestSegmentFirst(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 150})
	said := map[uint64]uint64{}
	for range 40 {
		for range 3 {
			first := l.SegmentFirst()
			said[l.Append(KindChange, 1, body(1))] = first
		}
		if l.Pending() != 3 {
			t.Fatalf("%d pending", l.Pending())
		}
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	closeLog(t, l, true)
	r, err := OpenReader(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range said {
		e, err := r.Next()
		if err != nil || e.Segment != said[e.Offset] {
			t.Fatalf("entry %d lies in segment %d, said was %d (%v)", e.Offset, e.Segment, said[e.Offset], err)
		}
	}
}

// TestSyncedIsWhatWasDurable: the field never claims more than was true.
func TestSyncedIsWhatWasDurable(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{Policy: No, SegmentSize: 300})
	durable := map[uint64]uint64{}
	for i := range 60 {
		before := l.Durable()
		durable[l.Append(KindChange, 1, body(1))] = before
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
		if i%7 == 0 {
			if err := l.Sync(); err != nil {
				t.Fatal(err)
			}
			if l.Durable() != l.Last() {
				t.Fatalf("durable %d after a sync at %d", l.Durable(), l.Last())
			}
		}
	}
	closeLog(t, l, true)
	r, err := OpenReader(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range durable {
		e, err := r.Next()
		// The syncer may have been on between our look and the Append's.
		if err != nil || e.Synced < durable[e.Offset] || e.Synced >= e.Offset {
			t.Fatalf("entry %d says %d was durable; it was at least %d (%v)", e.Offset, e.Synced, durable[e.Offset], err)
		}
	}
}

// TestFailedWriteAndAKill fails a write after all its bytes have reached the file, and
// the process dies before it can heal: what was refused does not come to life.
func TestFailedWriteAndAKill(t *testing.T) {
	dir := t.TempDir()
	var fail atomic.Bool
	o := Options{Boot: "one", Faults: &Faults{Write: func(p []byte) (int, error) {
		if fail.Load() {
			return len(p) + 9, errors.New("no space left on device")
		}
		return 0, nil
	}}}
	l, _, _ := testLog(t, dir, o)
	fill(t, l, 5, 1)
	fail.Store(true)
	l.Append(KindChange, 1, []byte("never happened"))
	if l.Commit() == nil {
		t.Fatal("committed")
	}
	closeLog(t, l, false)
	l, bodies, rep := testLog(t, dir, Options{Boot: "one"})
	wantBodies(t, bodies, 5)
	if rep.Cut != nil {
		t.Errorf("a trace was left: %v", rep.Cut)
	}
	closeLog(t, l, true)
}

// TestCleanStopWithAFailedWrite: the disk is full and the server stops. What was
// committed is there, and nothing else.
func TestCleanStopWithAFailedWrite(t *testing.T) {
	dir := t.TempDir()
	var fail atomic.Bool
	l, _, _ := testLog(t, dir, Options{Faults: &Faults{Write: func([]byte) (int, error) {
		if fail.Load() {
			return 9, errors.New("no space left on device")
		}
		return 0, nil
	}}})
	fill(t, l, 5, 1)
	fail.Store(true)
	l.Append(KindChange, 1, []byte("never happened"))
	if l.Commit() == nil {
		t.Fatal("committed")
	}
	closeLog(t, l, true)
	if l.Durable() != 5 {
		t.Errorf("durable %d of 5 after the stop", l.Durable())
	}
	l, bodies, rep := testLog(t, dir, Options{})
	wantBodies(t, bodies, 5)
	if rep.Cut != nil {
		t.Errorf("the half entry is still there: %v", rep.Cut)
	}
	closeLog(t, l, true)
}

// TestGiantTurnLeavesNothing: the memory that a very large entry takes is given back
// with its turn, whether that was written or has failed.
func TestGiantTurnLeavesNothing(t *testing.T) {
	const size = 64 << 20
	for _, fails := range []bool{false, true} {
		l, _, _ := testLog(t, t.TempDir(), Options{Faults: &Faults{Write: func(frame []byte) (int, error) {
			if fails && len(frame) > size {
				return 0, errors.New("no space left on device")
			}
			return 0, nil
		}}})
		fill(t, l, 3, 1)
		held := func() int64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		before := held()
		l.Append(KindChange, 1, make([]byte, size))
		if err := l.Commit(); (err != nil) != fails {
			t.Fatal(err)
		}
		if fails {
			if err := l.Heal(); err != nil {
				t.Fatal(err)
			}
		}
		if more := held() - before; more > size/8 {
			t.Errorf("failed %v: %d bytes are still held", fails, more)
		}
		fill(t, l, 3, 1)
		closeLog(t, l, true)
	}
}
