package log

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// fakeCheckpoint puts a file of that name into a log's directory and registers it; what
// is in it is package compaction's.
func fakeCheckpoint(t testing.TB, l *Log, at uint64) {
	t.Helper()
	c := Checkpoint{Offset: at, Time: int64(at), File: fmt.Sprintf("checkpoints/%020d.snap", at), Size: 9}
	writeFile(t, filepath.Join(l.Dir(), c.File), []byte("the state"))
	err := l.UpdateManifest(func(m *Manifest) error { m.AddCheckpoint(c); return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// logOf makes a log of n entries in segments of a size, with checkpoints, and closes it.
func logOf(t testing.TB, size int64, n int, checkpoints ...uint64) (dir string) {
	t.Helper()
	dir = t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: size})
	fill(t, l, n, 2)
	for _, at := range checkpoints {
		fakeCheckpoint(t, l, at)
	}
	closeLog(t, l, true)
	return dir
}

// repaired saves what is good of a log into a new directory.
func repaired(t testing.TB, bad string) (string, *Repaired) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "new")
	rep, err := Repair(bad, out, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out, rep
}

// forkAt forks into a new directory and returns it.
func forkAt(t testing.TB, dir string, at uint64) (string, *Forked) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "fork")
	f, err := Fork(dir, out, at, ForkOptions{})
	if err != nil {
		t.Fatalf("@%d: %v", at, err)
	}
	return out, f
}

// goesOn opens a directory that has entries up to last, writes more, and opens it again.
func goesOn(t testing.TB, dir string, last, more int) {
	t.Helper()
	l, bodies, rep := testLog(t, dir, Options{SegmentSize: 300})
	wantBodies(t, bodies, last)
	if rep.Cut != nil {
		t.Errorf("something was cut: %v", rep.Cut)
	}
	fill(t, l, more, 2)
	closeLog(t, l, more%2 == 0)
	l, bodies, _ = testLog(t, dir, Options{SegmentSize: 300})
	wantBodies(t, bodies, last+more)
	closeLog(t, l, true)
	if c, err := Check(dir, nil); err != nil || len(c.Findings) > 0 || c.Last != uint64(last+more) {
		t.Errorf("check: %+v, %v", c, err)
	}
}

// TestFork forks a log that is being written at each of its offsets. Fork and source are
// both written afterwards, and neither sees anything of the other.
func TestFork(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 150})
	fill(t, l, 60, 2)
	eventually(t, "all segments are sealed", func() bool { return len(l.Manifest().Sealed) == len(segmentsOf(t, dir))-1 })
	fakeCheckpoint(t, l, 20)
	fakeCheckpoint(t, l, 41)
	if err := l.UpdateManifest(func(m *Manifest) error { m.Tags = map[string]uint64{"early": 20, "late": 50}; return nil }); err != nil {
		t.Fatal(err)
	}
	before := filesOf(t, dir)
	for at := uint64(0); at <= 60; at += 1 + at%4 {
		out, f := forkAt(t, dir, at)
		m, err := ReadManifest(out)
		if err != nil {
			t.Fatal(err)
		}
		checkpoints, tags := 0, 0
		for _, c := range []uint64{20, 41} {
			if c <= at {
				checkpoints++
			}
		}
		for _, tag := range []uint64{20, 50} {
			if tag <= at {
				tags++
			}
		}
		if m.Format != 2 || m.LogID == l.ID() || f.LogID != m.LogID || *m.Parent != (Parent{LogID: l.ID(), Offset: at}) ||
			m.RootID() != l.Manifest().RootID() || len(m.Checkpoints) != checkpoints || len(m.Tags) != tags || m.Active != at+1 ||
			!slices.Equal(m.Ancestors, []Ancestor{{l.ID(), at}}) || m.IDAt(at) != l.ID() || m.IDAt(at+1) != m.LogID {
			t.Fatalf("@%d: %+v", at, m)
		}
		goesOn(t, out, int(at), int(at%20))
		// A fork of what the fork wrote, and of what it had from the source.
		for _, again := range []uint64{at / 2, at + at%20/2, at + at%20} {
			twice, _ := forkAt(t, out, again)
			goesOn(t, twice, int(again), 7)
			third, _ := forkAt(t, twice, again+3)
			goesOn(t, third, int(again+3), 4)
			if m, err := ReadManifest(third); err != nil || again > at && len(m.Ancestors) != 3 || again <= at && len(m.Ancestors) != 2 {
				t.Fatalf("the fork @%d of the fork @%d of the fork @%d: %+v, %v", again+3, again, at, m, err)
			}
		}
	}
	if filesOf(t, dir) != before {
		t.Fatal("the source was changed")
	}
	out, _ := forkAt(t, dir, 60)
	before = filesOf(t, out)
	fill(t, l, 30, 3)
	if _, err := l.DropBefore(45); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l, true)
	if filesOf(t, out) != before {
		t.Error("writing and dropping in the source changed the fork")
	}
	goesOn(t, out, 60, 10)
	if _, err := Fork(dir, filepath.Join(t.TempDir(), "x"), 30, ForkOptions{}); !errors.Is(err, ErrCompacted) {
		t.Errorf("a fork of what was dropped: %v", err)
	}
	if _, err := Fork(dir, filepath.Join(t.TempDir(), "x"), 95, ForkOptions{}); !errors.Is(err, ErrFuture) {
		t.Errorf("a fork of the future: %v", err)
	}
}

// TestForkShares: what is sealed costs no room where there are hard links, and is copied
// where there are none.
func TestForkShares(t *testing.T) {
	dir := logOf(t, 150, 60, 20)
	out, f := forkAt(t, dir, 60)
	if f.Linked < 1500 || f.Copied > 400 {
		t.Errorf("%d bytes were linked, %d copied", f.Linked, f.Copied)
	}
	shared := 0
	for _, name := range append(walFiles(t, out), f.Checkpoints[0].File) {
		a, aerr := os.Stat(filepath.Join(dir, name))
		b, berr := os.Stat(filepath.Join(out, name))
		if aerr == nil && berr == nil && os.SameFile(a, b) {
			shared++
		}
	}
	if shared != f.Segments-1+1 {
		t.Errorf("%d files are shared, of %d segments and a checkpoint", shared, f.Segments)
	}
	copied := filepath.Join(t.TempDir(), "copied")
	told := int64(0)
	f2, err := fork(dir, copied, 60, ForkOptions{Progress: func(done, total int64) { told = max(told, done) }}, func(string, string) error { return syscall.EXDEV })
	if err != nil {
		t.Fatal(err)
	}
	if f2.Linked != 0 || f2.Copied != f.Linked+f.Copied || told == 0 {
		t.Errorf("without links: %d bytes were linked, %d copied, %d told", f2.Linked, f2.Copied, told)
	}
	goesOn(t, copied, 60, 8)
}

// TestForkKilled stops a fork at each file: there is no directory then, and the next try
// makes a whole one.
func TestForkKilled(t *testing.T) {
	dir := logOf(t, 150, 60, 20)
	out := filepath.Join(t.TempDir(), "fork")
	killed, stops := errors.New("killed"), 0
	for {
		links := 0
		_, err := fork(dir, out, 60, ForkOptions{}, func(from, to string) error {
			if links == stops {
				return fmt.Errorf("%w: %w", killed, os.ErrNotExist) // which is not tried otherwise
			}
			links++
			return os.Link(from, to)
		})
		if err == nil {
			break
		}
		if !errors.Is(err, killed) {
			t.Fatal(err)
		}
		if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("stopped at file %d: out is there, %v", stops, err)
		}
		stops++
	}
	if stops < 8 {
		t.Errorf("only %d files were linked", stops)
	}
	goesOn(t, out, 60, 4)
}

// TestForkRepaired damages a fork in each of its segments: what is saved ends there, and
// goes on.
func TestForkRepaired(t *testing.T) {
	dir := logOf(t, 300, 60)
	fork, _ := forkAt(t, dir, 33)
	goesOn(t, fork, 33, 40)
	for _, first := range segmentsOf(t, fork) {
		for _, part := range []int{0, 1, 2} { // the first entry, one within, the last
			bad := copyDir(t, fork)
			path := segmentPath(bad, first)
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(raw) == 0 {
				continue
			}
			raw[part*(len(raw)-1)/2] ^= 0x10
			writeFile(t, path, raw)
			out, rep := repaired(t, bad)
			if rep.Last+1 < first || rep.Last >= 73 {
				t.Errorf("damage in segment %d: saved up to %d", first, rep.Last)
			}
			goesOn(t, out, int(rep.Last), 12)
			again, _ := forkAt(t, out, rep.Last/2)
			goesOn(t, again, int(rep.Last/2), 5)
		}
	}
}

// TestForkWithoutItsManifest: the entries tell where the ancestor ended.
func TestForkWithoutItsManifest(t *testing.T) {
	dir := logOf(t, 300, 40)
	fork, _ := forkAt(t, dir, 21)
	goesOn(t, fork, 21, 10)
	twice, _ := forkAt(t, fork, 27)
	goesOn(t, twice, 27, 10)
	loseManifest(t, twice)
	out, rep := repaired(t, twice)
	m, err := ReadManifest(out)
	if rep.Last != 37 || err != nil || len(m.Ancestors) != 2 || m.Ancestors[0].UpTo != 21 || m.Ancestors[1].UpTo != 27 {
		t.Fatalf("saved up to %d: %+v, %v", rep.Last, m, err)
	}
	goesOn(t, out, 37, 9)
}

// TestRepairBehindACheckpointOfAFork saves a fork whose damage lies before a checkpoint,
// which may be an ancestor's or its own.
func TestRepairBehindACheckpointOfAFork(t *testing.T) {
	dir := logOf(t, 300, 60, 30)
	fork, _ := forkAt(t, dir, 50)
	goesOn(t, fork, 50, 20)
	for _, own := range []bool{false, true} {
		if own {
			l, _, _ := testLog(t, fork, Options{SegmentSize: 300})
			fakeCheckpoint(t, l, 63)
			closeLog(t, l, true)
		}
		bad := copyDir(t, fork)
		if err := os.Remove(segmentPath(bad, segmentsOf(t, bad)[1])); err != nil {
			t.Fatal(err)
		}
		out, rep := repaired(t, bad)
		from := uint64(30)
		if own {
			from = 63
		}
		was, err := ReadManifest(fork)
		m, merr := ReadManifest(out)
		if err = errors.Join(err, merr); err != nil {
			t.Fatal(err)
		}
		if rep.From != from || rep.Last != 70 || m.IDAt(from) != was.IDAt(from) || m.IDAt(from+1) != m.LogID {
			t.Errorf("saved from %d to %d: %+v", rep.From, rep.Last, m)
		}
		l, bodies, _, err := tryLog(out, Options{})
		if err != nil || len(bodies) != int(70-from) || bodies[0] != string(body(from+1)) {
			t.Fatalf("it opens with %d entries, %v", len(bodies), err)
		}
		closeLog(t, l, true)
	}
}

// TestUnshare: a segment that has a second name is another directory's too, and is not
// written where it lies.
func TestUnshare(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{})
	fill(t, l, 10, 2)
	closeLog(t, l, false)
	path, backup := segmentPath(dir, 1), filepath.Join(t.TempDir(), "backup")
	for round, torn := range []bool{false, true} {
		if torn { // half an entry at the end
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, path, append(raw, raw[:9]...))
		}
		if err := os.Link(path, backup); err != nil {
			t.Skip(err)
		}
		raw, err := os.ReadFile(backup)
		if err != nil {
			t.Fatal(err)
		}
		l, _, rep := testLog(t, dir, Options{})
		if torn != (rep.Cut != nil) {
			t.Errorf("cut: %v", rep.Cut)
		}
		fill(t, l, 5, 1)
		closeLog(t, l, false)
		now, err := os.ReadFile(backup)
		if err != nil {
			t.Fatal(err)
		}
		if string(now) != string(raw) {
			t.Errorf("round %d: the other name's bytes were changed", round)
		}
		if err := os.Remove(backup); err != nil {
			t.Fatal(err)
		}
	}
	_, bodies, _ := testLog(t, dir, Options{})
	wantBodies(t, bodies, 20)
}
