package state

import (
	"fmt"
	"testing"
)

// TestHashOfKeys: keys of every length that differ in one bit, or in length alone,
// have hashes that differ in many bits; another seed gives others.
func TestHashOfKeys(t *testing.T) {
	a, b := newSecret(1), newSecret(2)
	seen := map[uint64]string{}
	for n := range 70 {
		key := make([]byte, n)
		for bit := -1; bit < 8*n; bit++ {
			if bit >= 0 {
				key[bit/8] ^= 1 << (bit % 8)
			}
			h := a.hash(key)
			if other, ok := seen[h]; ok {
				t.Errorf("%x and %x have the same hash", key, other)
			}
			if h == b.hash(key) {
				t.Errorf("%x has the same hash with another seed", key)
			}
			seen[h] = string(key)
			if bit >= 0 {
				key[bit/8] ^= 1 << (bit % 8)
			}
		}
	}
	var ones [64]int
	for h := range seen {
		for i := range ones {
			ones[i] += int(h >> i & 1)
		}
	}
	for i, n := range ones {
		if share := float64(n) / float64(len(seen)); share < 0.48 || share > 0.52 {
			t.Errorf("bit %d is set in %.3f of the hashes", i, share)
		}
	}
}

// TestHasher: who has the seed finds the keys of a state in the order in which it has them.
func TestHasher(t *testing.T) {
	st, h := New(77), NewHasher(77)
	for i := range 500 {
		if err := st.Import(0, Record{Key: fmt.Appendf(nil, "key:%d", i), Type: String, Encoding: uint8(encRaw)}); err != nil {
			t.Fatal(err)
		}
	}
	last, n := uint64(0), 0
	st.Export(0, 0, func(r Record) bool {
		if got := h.Hash(r.Key); got < last {
			t.Errorf("%q has hash %x, it comes after %x", r.Key, got, last)
		} else {
			last = got
		}
		n++
		return true
	})
	if n != 500 {
		t.Errorf("%d keys", n)
	}
}
