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
