//go:build linux && !altilium_heap

package state

import (
	"runtime"

	"golang.org/x/sys/unix"
)

const adviceDiscard = unix.MADV_DONTNEED

// wantHuge asks for huge pages under p: a lookup then misses the processor's
// table of pages once in 512 times as often.
func wantHuge(p []byte) {
	_ = unix.Madvise(p, unix.MADV_HUGEPAGE) // without them it is slower, no more
}

// wantSmall takes that back. Without it the system, which looks for memory to make
// into huge pages (khugepaged), would give what was discarded memory again: half
// of it within a minute.
func wantSmall(p []byte) {
	_ = unix.Madvise(p, unix.MADV_NOHUGEPAGE)
}

// populate gives all of p, which is part of m, memory. Nobody waits for it: what is in p
// stays, whoever uses it meanwhile.
func populate(p []byte, m any) {
	go func() {
		_ = unix.Madvise(p, unix.MADV_POPULATE_WRITE) // Linux before 5.14 waits for the first touch
		runtime.KeepAlive(m)                          // its addresses are not given back before
	}()
}
