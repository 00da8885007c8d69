package log

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// unwritten is how many pages of a file the system has not given to the disk yet.
func unwritten(t *testing.T, path string) (pages uint64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	whole := struct{ off, len uint64 }{0, 1 << 40}
	var stat struct{ cache, dirty, writeback, evicted, recentlyEvicted uint64 }
	_, _, errno := unix.Syscall6(unix.SYS_CACHESTAT, f.Fd(), uintptr(unsafe.Pointer(&whole)), uintptr(unsafe.Pointer(&stat)), 0, 0, 0)
	if errno != 0 {
		t.Skipf("this system does not tell which pages are dirty (cachestat: %v)", errno)
	}
	return stat.dirty + stat.writeback
}

// TestAlwaysIsOnTheDisk asks the system itself: after a commit under always it has
// nothing left to write.
func TestAlwaysIsOnTheDisk(t *testing.T) {
	for _, policy := range []Policy{No, Always} {
		l, _, _ := testLog(t, t.TempDir(), Options{Policy: policy})
		pages := uint64(0)
		for range 20 {
			appendOne(t, l)
			pages = max(pages, unwritten(t, segmentPath(l.Dir(), 1)))
		}
		closeLog(t, l, true)
		switch {
		case policy == No && pages == 0:
			t.Skip("this file system has no dirty pages")
		case policy == Always && pages > 0:
			t.Errorf("%d pages were still to be written after a commit", pages)
		}
	}
}
