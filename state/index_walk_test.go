package state

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// TestRandomIsFair: every key is drawn about as often as the others, in segments
// of whatever size.
func TestRandomIsFair(t *testing.T) {
	for _, n := range []int{1, 10, 100, 5000} {
		s := New(3)
		for i := range n {
			apply(t, s, 0, func(b *event.Buffer) { b.String(fmt.Appendf(nil, "%d", i), nil, 0) })
		}
		rng := rand.New(rand.NewPCG(5, uint64(n)))
		drawn := map[string]int{}
		const each = 100
		for range n * each {
			k, ok := s.View(0, 0).Random(rng.Uint64)
			if !ok {
				t.Fatal("there are keys")
			}
			drawn[string(k)]++
		}
		if len(drawn) != n {
			t.Errorf("%d of %d keys were drawn", len(drawn), n)
		}
		for k, times := range drawn {
			if math.Abs(float64(times-each)) > 6*math.Sqrt(each) && n > 1 {
				t.Errorf("of %d keys %q was drawn %d times, %d would be fair", n, k, times, each)
			}
		}
	}
}

// TestRandomFollowsFromTheKeys: what is drawn is a matter of the keys and the random
// numbers, not of what was there before; so a recording can be played on a state
// that was loaded.
func TestRandomFollowsFromTheKeys(t *testing.T) {
	s := New(0)
	for i := range 6000 {
		apply(t, s, 0, func(b *event.Buffer) { b.String(fmt.Appendf(nil, "%d", i), nil, 0) })
	}
	for _, left := range []int{6000, 1000, 100, 15, 2, 1} {
		for i := s.Keys(0) - 1; i >= left; i-- {
			apply(t, s, 0, func(b *event.Buffer) { b.Delete(fmt.Appendf(nil, "%d", i), event.User) })
		}
		loaded := copyOf(t, s)
		for seed := range uint64(50) {
			a, _ := s.View(0, 0).Random(seeded(seed))
			b, _ := loaded.View(0, 0).Random(seeded(seed))
			if string(a) != string(b) {
				t.Fatalf("of %d keys %q, and %q when they are loaded", left, a, b)
			}
		}
	}
}
