package main

import "testing"

// TestGarbageIsBounded: a small server collects seldom, a large one does not
// take a multiple of its data.
func TestGarbageIsBounded(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, 200}, {10 << 20, 200}, {256 << 20, 200}, {512 << 20, 100}, {1 << 30, 50}, {2 << 30, 25}, {1 << 40, 25}} {
		if got := gcPercent(c.live); got != c.want {
			t.Errorf("%d MiB in use: %d %%, want %d %%", c.live>>20, got, c.want)
		}
	}
}
