package state

import (
	"fmt"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// chance is a fixed sequence of random numbers.
func chance() func() uint64 {
	n := uint64(1)
	return func() uint64 {
		n = n*6364136223846793005 + 1442695040888963407
		return n ^ n>>31
	}
}

// crowd is a state of 2000 keys in two databases, each other one with an expiry, which
// were touched one second after the other.
func crowd(t *testing.T, a Access) *State {
	t.Helper()
	s := New(0)
	s.SetAccess(a)
	for i := range 2000 {
		s.SetAccessClock(uint32(1e6 + i))
		apply(t, s, i%2, func(b *event.Buffer) {
			b.String(fmt.Append(nil, i), nil, int64(i/2%2)*int64(1e12-i))
		})
	}
	return s
}

// evict takes n keys and returns their numbers.
func evict(t *testing.T, s *State, p Policy, n int) (numbers []int) {
	t.Helper()
	rnd := chance()
	for range n {
		db, key, ok := s.Victim(p, 5, rnd)
		if !ok {
			break
		}
		var number int
		if _, err := fmt.Sscan(string(key), &number); err != nil {
			t.Fatal(err)
		}
		if number%2 != db {
			t.Fatalf("%v: %d is not in database %d", p, number, db)
		}
		numbers = append(numbers, number)
		name := fmt.Append(nil, number)
		apply(t, s, db, func(b *event.Buffer) { b.Delete(name, event.Evicted) })
	}
	return numbers
}

// TestVictims: each policy takes the keys that its name says, the approximate ones nearly.
func TestVictims(t *testing.T) {
	for p := AllKeysLRU; p <= VolatileTTL; p++ {
		s := crowd(t, Access{Frequency: p.Frequency(), LogFactor: 10, Decay: 1})
		if p.Frequency() { // the upper half is asked for more often
			for range 20 {
				for i := 1000; i < 2000; i++ {
					s.View(i%2, 0).Exists(fmt.Append(nil, i))
				}
			}
		}
		gone := evict(t, s, p, 400)
		lower, volatile := 0, 0
		for _, i := range gone {
			if i < 1000 {
				lower++
			}
			volatile += i / 2 % 2
		}
		switch {
		case len(gone) != 400:
			t.Errorf("%v: %d keys went", p, len(gone))
		case p.volatile() && volatile != 400:
			t.Errorf("%v: %d keys without expiry went", p, 400-volatile)
		case !p.volatile() && (volatile < 100 || volatile > 300):
			t.Errorf("%v: %d keys with expiry went", p, volatile)
		case (p == AllKeysRandom || p == VolatileRandom) && (lower < 100 || lower > 300):
			t.Errorf("%v: %d of the older half went", p, lower)
		case (p == AllKeysLRU || p == AllKeysLFU || p == VolatileLRU || p == VolatileLFU) && lower < 360:
			t.Errorf("%v: %d of those worth less went", p, lower)
		case p == VolatileTTL && lower != 0:
			t.Errorf("%v: %d went that expire later", p, lower)
		}
		if p.volatile() {
			if rest := evict(t, s, p, 1000); len(rest) != 600 {
				t.Errorf("%v: %d more were found", p, len(rest))
			}
		}
	}
	if _, _, ok := crowd(t, Access{}).Victim(NoEviction, 5, chance()); ok {
		t.Error("noeviction chose a key")
	}
}

// TestVictimsAreLookedAtAgain: what has been touched since it was found does not go.
func TestVictimsAreLookedAtAgain(t *testing.T) {
	s := crowd(t, Access{})
	rnd := chance()
	if _, _, ok := s.Victim(AllKeysLRU, 5, rnd); !ok || len(s.pool) < 5 {
		t.Fatalf("%d keys are remembered", len(s.pool))
	}
	s.SetAccessClock(2e6)
	found := map[string]bool{}
	for _, c := range s.pool {
		found[c.key] = true
		s.View(c.db, 0).Exists([]byte(c.key))
	}
	for range 50 {
		if _, key, ok := s.Victim(AllKeysLRU, 5, rnd); !ok || found[string(key)] {
			t.Fatalf("%q, %v", key, ok)
		}
	}
}

// TestFrequency: the counter begins with 5, goes up as Redis' does, the slower the higher
// it is, and down with time.
func TestFrequency(t *testing.T) {
	s, k := New(0), []byte("k")
	s.SetAccessClock(6000)
	s.SetAccess(Access{Frequency: true, LogFactor: 10, Decay: 1})
	apply(t, s, 0, func(b *event.Buffer) { b.String(k, nil, 0) })
	frequency := func() int64 {
		n, ok := s.View(0, 0).Frequency(k)
		if !ok {
			t.Fatal("it is not counted")
		}
		return n
	}
	if n := frequency(); n != 5 {
		t.Errorf("a new key has %d", n)
	}
	read := func(n int) {
		for range n {
			s.View(0, 0).Exists(k)
		}
	}
	read(100)
	if n := frequency(); n < 8 || n > 14 { // Redis' table: 10 after 100
		t.Errorf("after 100 accesses %d", n)
	}
	read(900)
	if n := frequency(); n < 14 || n > 23 { // 18 after 1000
		t.Errorf("after 1000 accesses %d", n)
	}
	before := frequency()
	s.SetAccessClock(6000 + 3*60)
	if n := frequency(); n != before-3 {
		t.Errorf("%d, three minutes later %d", before, n)
	}
	s.SetAccess(Access{})
	if _, ok := s.View(0, 0).Frequency(k); ok {
		t.Error("times are taken for counters")
	}
}
