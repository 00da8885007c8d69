package log

import "testing"

// TestLibraryForgets: the library keeps nothing of what it has written, through a roll, a
// failed write and a reopening, and so a turn allocates nothing.
func TestLibraryForgets(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 1 << 20})
	kept := func(when string) {
		t.Helper()
		if len(l.active.w.kept) != 2 {
			t.Fatalf("%s: tidwall/wal has %d of the two buffers that are emptied; see keptBy", when, len(l.active.w.kept))
		}
		for i, slice := range l.active.w.kept {
			if slice.Len() > 0 || slice.Cap() > 1<<16 {
				t.Errorf("%s: buffer %d has length %d, capacity %d", when, i, slice.Len(), slice.Cap())
			}
		}
	}
	p := make([]byte, 63)
	turn := func() {
		for range 64 {
			l.Append(KindChange, 1, p)
		}
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	turn()
	kept("after a turn")
	if n := testing.AllocsPerRun(100, turn); n > 0 {
		t.Errorf("%v allocations in a turn", n)
	}
	for first := l.SegmentFirst(); l.SegmentFirst() == first; {
		turn()
	}
	turn()
	kept("after a roll")
	closeLog(t, l, true)
	l, bodies, _ := testLog(t, dir, Options{})
	kept("after a start")
	turn()
	if l.Last() != uint64(len(bodies)+64) {
		t.Errorf("the log is at %d, it was at %d", l.Last(), len(bodies))
	}
	closeLog(t, l, true)
}
