package log

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// filesOf is every file of a directory with its bytes, the lock's text apart.
func filesOf(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LOCK" {
			return err
		}
		raw, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		b.WriteString(rel + "=" + string(raw) + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestClosedLogChangesNothing: after Close another owner has the directory, and
// whatever is still called on the old log leaves it alone: also a try to heal
// what had failed before.
func TestClosedLogChangesNothing(t *testing.T) {
	for _, failed := range []bool{false, true} {
		dir := t.TempDir()
		var fail atomic.Bool
		full := errors.New("no space left on device")
		old, _, _ := testLog(t, dir, Options{SegmentSize: 200, Faults: &Faults{Write: func([]byte) (int, error) {
			if fail.Load() {
				return 3, full
			}
			return 0, nil
		}}})
		fill(t, old, 30, 1)
		eventually(t, "sealed", func() bool { return len(old.Manifest().Sealed) > 3 })
		if failed {
			fail.Store(true)
			old.Append(KindChange, 1, body(31))
			if err := old.Commit(); !errors.Is(err, full) {
				t.Fatal(err)
			}
			fail.Store(false)
		}
		closeLog(t, old, true)
		next, bodies, _ := testLog(t, dir, Options{})
		wantBodies(t, bodies, 30)
		before := filesOf(t, dir)
		for _, c := range []struct {
			what string
			call func() error
		}{
			{"Commit", func() error { old.Append(KindChange, 1, body(31)); return old.Commit() }},
			{"Heal", old.Heal},
			{"Sync", old.Sync},
			{"UpdateManifest", func() error { return old.UpdateManifest(func(m *Manifest) error { m.Sealed = nil; return nil }) }},
			{"DropBefore", func() error { _, err := old.DropBefore(25); return err }},
			{"Close", func() error { return old.Close(true) }},
		} {
			err := c.call()
			if failed && c.what == "Commit" && errors.Is(err, full) {
				continue // the older reason
			}
			if !errors.Is(err, ErrClosed) {
				t.Errorf("%s after Close (a failed write before: %v): %v", c.what, failed, err)
			}
		}
		if after := filesOf(t, dir); after != before {
			t.Errorf("a closed log changed the directory of its successor")
		}
		fill(t, next, 5, 1)
		closeLog(t, next, true)
	}
}

// TestClosedDirChangesNothing is the same for a directory on its way to a log.
func TestClosedDirChangesNothing(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{})
	fill(t, l, 3, 1)
	closeLog(t, l, false)
	d, err := OpenDir(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Scan(0, func(Entry) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(segmentPath(dir, 1), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("half an entry")); err != nil {
		t.Fatal(err)
	}
	f.Close()
	before := filesOf(t, dir)
	if _, err := d.Scan(0, func(Entry) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("scan: %v", err)
	}
	if err := d.UpdateManifest(func(m *Manifest) error { m.First = 7; return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("manifest: %v", err)
	}
	if l, err := d.OpenAppend(); !errors.Is(err, ErrClosed) {
		t.Errorf("open: %v, %v", l, err)
	}
	if filesOf(t, dir) != before {
		t.Error("a closed directory was changed")
	}
}

// TestMovedDirectory moves a directory away under an open log and puts another
// in its place, or nothing. Nothing of the new one changes, the writer learns of
// it, and all that was committed is where the directory went.
func TestMovedDirectory(t *testing.T) {
	for _, replaced := range []bool{true, false} {
		dir := filepath.Join(t.TempDir(), "data")
		told := make(chan error, 1)
		l, _, _ := testLog(t, dir, Options{Policy: No, SegmentSize: 400, Moved: func(err error) { told <- err }})
		fill(t, l, 10, 1)
		away := dir + ".away"
		if err := os.Rename(dir, away); err != nil {
			t.Skipf("an open directory cannot be renamed here: %v", err)
		}
		var other *Log
		before := ""
		if replaced {
			other, _, _ = testLog(t, dir, Options{SegmentSize: 400})
			fill(t, other, 7, 1)
			if err := other.Sync(); err != nil {
				t.Fatal(err)
			}
			before = filesOf(t, dir)
		}
		for what, call := range map[string]func() error{
			"UpdateManifest": func() error { return l.UpdateManifest(func(m *Manifest) error { m.Boot = "x"; return nil }) },
			"DropBefore":     func() error { _, err := l.DropBefore(5); return err },
		} {
			if err := call(); !errors.Is(err, ErrMoved) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%s: %v", what, err)
			}
		}
		// Up to the end of the segment the descriptor goes where the directory went.
		committed := 10
		var err error
		for ; committed < 1000; committed++ {
			l.Append(KindChange, 1_000_000*int64(l.Next()), body(l.Next()))
			if err = l.Commit(); err != nil {
				break
			}
		}
		if !errors.Is(err, ErrMoved) {
			t.Errorf("the roll: %v", err)
		}
		if err := l.Heal(); !errors.Is(err, ErrMoved) {
			t.Errorf("heal: %v", err)
		}
		if err := <-told; !errors.Is(err, ErrMoved) {
			t.Errorf("told: %v", err)
		}
		if err := l.Commit(); !errors.Is(err, ErrMoved) {
			t.Errorf("a commit after that: %v", err)
		}
		if err := l.Close(true); err != nil && !errors.Is(err, ErrMoved) {
			t.Error(err)
		}
		if replaced {
			if filesOf(t, dir) != before {
				t.Error("the directory that took the place was changed")
			}
			fill(t, other, 3, 1)
			closeLog(t, other, true)
		}
		l, bodies, _ := testLog(t, away, Options{})
		wantBodies(t, bodies, committed)
		closeLog(t, l, true)
	}
}

// TestBusy: looking whether somebody has a directory changes nothing and is in
// nobody's way.
func TestBusy(t *testing.T) {
	dir := t.TempDir()
	if busy, err := Busy(dir); busy || err != nil {
		t.Errorf("an empty directory: %v, %v", busy, err)
	}
	l, _, _ := testLog(t, dir, Options{})
	text, err := os.ReadFile(filepath.Join(dir, "LOCK"))
	if err != nil {
		t.Fatal(err)
	}
	if busy, err := Busy(dir); !busy || err != nil {
		t.Errorf("an open log: %v, %v", busy, err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "LOCK")); err != nil || string(after) != string(text) {
		t.Errorf("the lock says %q, it said %q (%v)", after, text, err)
	}
	closeLog(t, l, true)
	stop := make(chan struct{})
	done := make(chan error)
	go func() {
		var err error
		for err == nil {
			select {
			case <-stop:
				done <- nil
				return
			default:
				_, err = Busy(dir)
			}
		}
		done <- err
	}()
	acquired := 0
	for range 50 { // one that looks all the time is as bad as can be
		lock, err := Acquire(dir)
		if errors.Is(err, ErrInUse) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		acquired++
		if err := lock.Release(); err != nil {
			t.Fatal(err)
		}
	}
	if acquired == 0 {
		t.Error("who looks keeps everybody out")
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if busy, err := Busy(dir); busy || err != nil {
		t.Errorf("a closed log: %v, %v", busy, err)
	}
}
