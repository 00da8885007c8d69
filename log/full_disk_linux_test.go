package log

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFullDisk fills a real file system: turns fail and leave no trace, reading
// goes on, and the log heals when there is room.
func TestFullDisk(t *testing.T) {
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=2m,mode=700"); err != nil {
		t.Skipf("a small tmpfs cannot be mounted here: %v", err)
	}
	defer syscall.Unmount(mount, 0)
	ballast := filepath.Join(mount, "ballast")
	dir := filepath.Join(mount, "data")
	l, _, _ := testLog(t, dir, Options{SegmentSize: 100 << 10})
	writeFile(t, ballast, make([]byte, 1<<20))

	committed, failures := 0, 0
	for round := 0; round < 200_000 && failures < 3; round++ {
		for range 20 {
			l.Append(KindChange, 1_000_000*int64(l.Next()), body(l.Next()))
		}
		err := l.Commit()
		if err == nil {
			committed += 20
			continue
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		failures++
		if err := l.Heal(); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("healed on a full disk: %v", err)
		}
	}
	if failures != 3 {
		t.Fatalf("%d entries fit", committed)
	}
	r, err := l.Reader(1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range committed {
		if _, err := r.Next(); err != nil {
			t.Fatalf("reading on a full disk: %v", err)
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, "healed", func() bool { return l.Heal() == nil })
	fill(t, l, 100, 10)
	closeLog(t, l, true)
	l, bodies, rep := testLog(t, dir, Options{})
	wantBodies(t, bodies, committed+100)
	if rep.Cut != nil {
		t.Errorf("a trace was left: %v", rep.Cut)
	}
	closeLog(t, l, true)
	t.Logf("%d entries committed, 3 turns refused, healed, nothing lost", committed)
}

// TestFailedForkLeavesNoRoomTaken: a fork for which there is no room gives back what it
// had taken, whether the disk was full before it began or because of it.
func TestFailedForkLeavesNoRoomTaken(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{})
	fill(t, l, 20_000, 10)
	closeLog(t, l, true)
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=512k,mode=700"); err != nil {
		t.Skipf("a small tmpfs cannot be mounted here: %v", err)
	}
	defer syscall.Unmount(mount, 0)
	for _, ballast := range []int{0, 512 << 10} {
		path := filepath.Join(mount, "ballast")
		writeFile(t, path, make([]byte, ballast))
		if _, err := Fork(dir, filepath.Join(mount, "fork"), 20_000, ForkOptions{}); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%d bytes taken before: %v", ballast, err)
		}
		left, err := os.ReadDir(mount)
		if err != nil || len(left) != 1 {
			t.Errorf("%d bytes taken before: %v is left (%v)", ballast, left, err)
		}
	}
}
