package main

import "testing"

// TestGarbageIsBounded: a small server collects seldom, a large one does not
// take a multiple of its data.
func TestGarbageIsBounded(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, 100}, {8 << 20, 100}, {16 << 20, 100}, {32 << 20, 100}, {128 << 20, 25}, {1 << 30, 25}, {2 << 30, 25}, {4 << 30, 12}, {1 << 40, 5}} {
		if got := gcPercent(c.live); got != c.want {
			t.Errorf("%d MiB in use: %d %%, want %d %%", c.live>>20, got, c.want)
		}
	}
}
