package replay

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
)

// wantState holds the open world against what its state was.
func (w *world) wantState(last int) {
	w.t.Helper()
	if w.Log.Last() != uint64(last) || w.State.Digest() != w.digests[last] || w.State.RecomputeDigest() != w.digests[last] {
		w.t.Errorf("recovered @%d with digest %016x, want @%d with %016x", w.Log.Last(), w.State.Digest(), last, w.digests[last])
	}
	if w.Report.Last != uint64(last) || w.Report.Digest != w.digests[last] || w.Report.Keys != w.State.TotalKeys() {
		w.t.Errorf("the report says %s", &w.Report)
	}
}

// failed holds a refused start against what it must be: a certain error, the
// lock given back, nothing changed.
func failed(t *testing.T, dir string, kind error, want ...string) error {
	t.Helper()
	before := contents(t, dir)
	rec, err := Recover(dir, Options{Log: log.Options{Boot: "another boot"}})
	if rec != nil || !errors.Is(err, kind) {
		t.Fatalf("Recover gives %v, %v; want %v", rec, err, kind)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error %q does not name %q", err, w)
		}
	}
	after := contents(t, dir)
	delete(before, filepath.Join(dir, "LOCK"))
	delete(after, filepath.Join(dir, "LOCK"))
	if !maps.Equal(before, after) {
		t.Error("a refused start changed the directory")
	}
	if lock, lerr := log.Acquire(dir); lerr != nil {
		t.Errorf("the lock is still held: %v", lerr)
	} else {
		lock.Release()
	}
	return err
}

func TestStep1Lock(t *testing.T) {
	w := newWorld(t, 0)
	if _, err := Recover(w.dir, Options{}); !errors.Is(err, log.ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("a second start gives %v", err)
	}
	w.stop(true)
	w.open()
	w.wantState(0)
}

func TestStep2Manifest(t *testing.T) {
	w := newWorld(t, 0)
	w.random(5)
	w.stop(true)
	path := w.file("MANIFEST")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(raw), "log_id", "log_Id", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	failed(t, w.dir, log.ErrDamaged, "MANIFEST")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	failed(t, w.dir, log.ErrDamaged, "MANIFEST")
	if _, err := Recover(filepath.Join(t.TempDir(), "none"), Options{}); !errors.Is(err, log.ErrNoLog) {
		t.Errorf("no directory gives %v", err)
	}
	// A directory with data whose manifest is lost is not made anew.
	if _, err := Recover(w.dir, Options{Create: true}); !errors.Is(err, log.ErrDamaged) {
		t.Errorf("a lost manifest and Create give %v", err)
	}
}

func TestStep2Leftovers(t *testing.T) {
	w := newWorld(t, 0)
	w.stop(false)
	left := w.file("checkpoints/00000000000000000007.snap.tmp")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.open()
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", left, err)
	}
}

func TestStep3Checkpoint(t *testing.T) {
	w := newWorld(t, 1000)
	w.random(60)
	c30, c50 := w.checkpoint(30), w.checkpoint(50)
	w.stop(true)

	w.open()
	w.wantState(60)
	if w.Report.Checkpoint == nil || w.Report.Checkpoint.Offset != 50 || w.Report.Entries != 10 || len(w.Report.Refused) != 0 {
		t.Errorf("with both: %s", &w.Report)
	}
	w.stop(true)

	if err := os.Truncate(w.file(c50.File), 100); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.wantState(60)
	if w.Report.Checkpoint == nil || w.Report.Checkpoint.Offset != 30 || w.Report.Entries != 30 ||
		!strings.Contains(w.Report.String(), c50.File) {
		t.Errorf("with one cut: %s", &w.Report)
	}
	w.stop(true)

	if err := os.Remove(w.file(c30.File)); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.wantState(60)
	if w.Report.Checkpoint != nil || w.Report.Entries != 60 || len(w.Report.Refused) != 2 {
		t.Errorf("with none: %s", &w.Report)
	}
}

func TestStep3NoBase(t *testing.T) {
	w := newWorld(t, 500)
	w.random(60)
	c := w.checkpoint(50)
	w.stop(true)
	w.open() // the rolled segments are sealed now
	if _, err := w.Log.DropBefore(50); err != nil {
		t.Fatal(err)
	}
	w.stop(true)
	if err := os.Rename(w.file(c.File), w.file("away")); err != nil {
		t.Fatal(err)
	}
	var none *compaction.NoBase
	if err := failed(t, w.dir, log.ErrDamaged, c.File); !errors.As(err, &none) {
		t.Errorf("it gives %v", err)
	}
	if err := os.Rename(w.file("away"), w.file(c.File)); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.wantState(60)
}

// TestStep4TornTail cuts the log at every byte of its last entries, as a crash
// would: all before the cut is there, and the report says what went where.
func TestStep4TornTail(t *testing.T) {
	w := newWorld(t, 0)
	w.random(10)
	w.checkpoint(5)
	w.stop(false)
	path := w.segments()[0]
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cuts := 0
	for n := len(raw) - 1; n > len(raw)-120; n-- {
		if err := os.WriteFile(path, raw[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		w.open()
		last := int(w.Log.Last())
		if last < 6 || last > 9 {
			t.Fatalf("cut at %d of %d bytes: the last entry is @%d", n, len(raw), last)
		}
		w.wantState(last)
		if w.Report.Cut != nil {
			cuts++
			if w.Report.Cut.Offset != uint64(last)+1 || !strings.Contains(w.Report.String(), "quarantine") {
				t.Errorf("cut at %d: %s", n, &w.Report)
			}
		}
		w.set("after", "the cut")
		w.digests = w.digests[:11]
		w.stop(false)
	}
	t.Logf("%d cuts recovered, %d of them within an entry", 119, cuts)
	if cuts < 100 {
		t.Error("too few of them were reported")
	}
}

func TestStep4Damage(t *testing.T) {
	w := newWorld(t, 500)
	w.random(60)
	w.stop(true)
	segments := w.segments()
	path := segments[len(segments)/2]
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	failed(t, w.dir, log.ErrDamaged, filepath.Base(path), "byte", "check")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	failed(t, w.dir, log.ErrDamaged, filepath.Base(path), "missing")
}

// TestStep4LogEndsBeforeItsCheckpoint: the log was on the disk up to there, so
// what is missing is no torn tail.
func TestStep4LogEndsBeforeItsCheckpoint(t *testing.T) {
	for name, spoil := range map[string]func(path string){
		"emptied":                      func(path string) { chop(t, path, size(t, path)) },
		"cut":                          func(path string) { chop(t, path, size(t, path)/2) },
		"by a byte, at its last entry": func(path string) { chop(t, path, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 0)
			w.random(20)
			w.checkpoint(20)
			w.stop(false)
			spoil(w.segments()[0])
			failed(t, w.dir, log.ErrDamaged, "checkpoint @20")
		})
	}
}

// TestStep5Replay: live and replayed are equal, from the log alone and from
// checkpoints in random places.
func TestStep5Replay(t *testing.T) {
	w := newWorld(t, 700)
	for range 15 {
		w.random(1 + w.rng.IntN(40))
		if w.rng.IntN(2) == 0 {
			w.checkpoint(uint64(w.rng.IntN(len(w.digests))))
		}
		w.stop(w.rng.IntN(2) == 0)
		w.open()
		w.wantState(len(w.digests) - 1)
	}
}

func TestStep5Unapplicable(t *testing.T) {
	w := newWorld(t, 0)
	w.random(3)
	var b event.Buffer
	b.Header(event.Header{Name: "BAD"})
	b.Delete([]byte("no such key"), event.User)
	w.Log.Append(log.KindChange, 0, b.Bytes())
	if err := w.Log.Commit(); err != nil {
		t.Fatal(err)
	}
	w.stop(true)
	failed(t, w.dir, log.ErrDamaged, "@4", "no such key")
}

func TestStep6Open(t *testing.T) {
	w := newWorld(t, 0)
	w.random(3)
	w.stop(true)
	if m, err := log.ReadManifest(w.dir); err != nil || m.Clean == nil || m.Clean.Last != 3 {
		t.Fatalf("after an orderly stop: %+v, %v", m, err)
	}
	w.open()
	if w.Log.Manifest().Clean != nil {
		t.Error("the clean-stop mark is still there")
	}
	w.set("k", "v")
	if w.Log.Last() != 4 {
		t.Errorf("the next entry is @%d", w.Log.Last())
	}
}

func TestStep7Fsync(t *testing.T) {
	w := newWorld(t, 0)
	w.random(30)
	w.stop(false)
	w.open()
	if w.Log.Durable() != 30 {
		t.Errorf("@30 was found, durable is @%d", w.Log.Durable())
	}
}

func TestRecoverCreates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "new one")
	rec, err := Recover(dir, Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if !rec.Report.Created || rec.Log.Last() != 0 || rec.Report.LogID != rec.Log.ID() {
		t.Errorf("the report says %s", &rec.Report)
	}
	if err := rec.Log.Close(true); err != nil {
		t.Fatal(err)
	}
}

func TestRecoverProgress(t *testing.T) {
	w := newWorld(t, 1<<20)
	for i := range 40 {
		w.set(fmt.Sprint("k", i), strings.Repeat("x", 100_000))
	}
	w.checkpoint(10)
	w.stop(true)
	var calls, last, total int64
	w.opt.Progress = func(done, of int64) {
		if done < last || done > of {
			t.Errorf("progress %d of %d after %d", done, of, last)
		}
		calls, last, total = calls+1, done, of
	}
	w.open()
	if calls < 4 || last != total || total < 4<<20 {
		t.Errorf("%d calls, ending at %d of %d", calls, last, total)
	}
}

// TestRebuild: a failed write leaves no trace once the log is healed; reads go
// on before.
func TestRebuild(t *testing.T) {
	full := false
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "data")}
	w.opt = Options{Create: true, Log: log.Options{Policy: log.No, Faults: &log.Faults{Write: func(p []byte) (int, error) {
		if full {
			return len(p) / 2, errors.New("no space left on device")
		}
		return 0, nil
	}}}}
	w.open()
	defer func() { w.Log.Close(false) }()
	w.digests = []uint64{w.State.Digest()}
	w.set("kept", "1")
	w.set("kept", "2")

	full = true
	var b event.Buffer
	b.Header(event.Header{Name: "SET"})
	b.String([]byte("lost"), []byte("x"), 0)
	w.Log.Append(log.KindChange, 0, b.Bytes())
	if err := w.Log.Commit(); err == nil {
		t.Fatal("the write did not fail")
	}
	if _, err := Rebuild(w.Log); err == nil {
		t.Error("rebuilt while the disk is full")
	}
	st, err := Committed(w.Log)
	if err != nil || st.Digest() != w.digests[2] {
		t.Errorf("for reading: %v", err)
	}
	full = false
	if w.State, err = Rebuild(w.Log); err != nil {
		t.Fatal(err)
	}
	if w.State.Digest() != w.digests[2] {
		t.Errorf("rebuilt to %016x, it was %016x", w.State.Digest(), w.digests[2])
	}
	w.set("on", "again")
	w.stop(false)
	w.open()
	w.wantState(3)
}

// BenchmarkRecover loads SETs of 16-byte keys and 32-byte values from the log
// alone.
func BenchmarkRecover(b *testing.B) {
	const entries = 1_000_000
	w := newWorld(b, 0)
	var buf event.Buffer
	for i := range entries {
		buf.Truncate(0)
		buf.Header(event.Header{Conn: 1, Name: "SET"})
		buf.String(fmt.Appendf(nil, "key:%012d", i), fmt.Appendf(nil, "a value of 32 bytes %012d", i), 0)
		w.Log.Append(log.KindChange, epoch+int64(i), buf.Bytes())
		if i%1000 == 999 {
			if err := w.Log.Commit(); err != nil {
				b.Fatal(err)
			}
		}
	}
	w.stop(true)
	w.digests = nil
	for _, gc := range []int{100, 400} {
		b.Run(fmt.Sprintf("GOGC=%d", gc), func(b *testing.B) {
			defer debug.SetGCPercent(debug.SetGCPercent(gc))
			for b.Loop() {
				rec, err := Recover(w.dir, w.opt)
				if err != nil {
					b.Fatal(err)
				}
				if rec.Report.Keys != entries {
					b.Fatalf("%s", &rec.Report)
				}
				b.SetBytes(rec.Report.Bytes)
				rec.Log.Close(true)
			}
			b.ReportMetric(float64(b.N)*entries/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
