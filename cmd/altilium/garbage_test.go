package main

import "testing"

// TestGarbageIsBounded: a small server collects seldom, a large one does not
// take a multiple of its data.
func TestGarbageIsBounded(t *testing.T) {
	for _, c := range []struct {
		live uint64
		most int
		want int
	}{
		{0, gcServing, 100}, {8 << 20, gcServing, 100}, {16 << 20, gcServing, 100}, {32 << 20, gcServing, 100},
		{128 << 20, gcServing, 25}, {1 << 30, gcServing, 25}, {2 << 30, gcServing, 25}, {4 << 30, gcServing, 12}, {1 << 40, gcServing, 5},
		{0, gcLoading, 400}, {8 << 20, gcLoading, 400}, {16 << 20, gcLoading, 200}, {1 << 30, gcLoading, 25},
	} {
		if got := gcPercent(c.live, c.most); got != c.want {
			t.Errorf("%d MiB in use: %d %%, want %d %%", c.live>>20, got, c.want)
		}
	}
}

// TestRestComesOnce: garbage that nobody adds to is collected after a while, once, and
// not while collections come by themselves.
func TestRestComesOnce(t *testing.T) {
	var r rest
	looks := func(n int, h heap) (due int) {
		for range n {
			if r.due(h) {
				due++
			}
		}
		return due
	}
	large := heap{cycles: 7, allocated: 900 << 20, held: 800 << 20}
	if n := looks(calmLooks-1, large); n != 0 {
		t.Errorf("due %d times at once", n)
	}
	for range 2 * calmLooks {
		large.cycles++
		if r.due(large) {
			t.Error("due while collections come by themselves")
		}
	}
	if n := looks(100, large); n != 1 {
		t.Errorf("due %d times for the same garbage, want once", n)
	}
	large.allocated += worthIt
	if n := looks(100, large); n != 1 {
		t.Errorf("due %d times for new garbage, want once", n)
	}
	large.allocated, large.held = large.allocated+worthIt, worthIt-1
	if n := looks(100, large); n != 0 {
		t.Errorf("due %d times though there is little to be had", n)
	}
}

// TestHeapIsRead: the names of the figures are right.
func TestHeapIsRead(t *testing.T) {
	if h := readHeap(); h.allocated == 0 || h.held == 0 {
		t.Errorf("the heap is %+v", h)
	}
}
