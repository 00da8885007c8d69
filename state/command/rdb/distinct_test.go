package rdb

import (
	"errors"
	"fmt"
	"testing"
)

// TestDistinct: of few items and of many, in one heap and in several, the one that comes
// twice is found wherever it is, and none where there is none.
func TestDistinct(t *testing.T) {
	for _, n := range []int{0, 1, 2, 100, 2047, 2048, 5000, 100_000} {
		for _, exact := range []bool{false, true} {
			twice := []int{-1}
			if n > 0 {
				twice = append(twice, 0, n/2, n-1)
			}
			for _, again := range twice {
				d, ok := distinct{exact: exact}, true
				d.expect(uint64(n), 20*n)
				for i := range n {
					ok = d.add(fmt.Appendf(nil, "item %d", i)) && ok
				}
				if again >= 0 {
					ok = d.add(fmt.Appendf(nil, "item %d", again)) && ok
				}
				if ok = d.differ() && ok; ok != (again < 0) {
					t.Errorf("of %d items, number %d once more: all differ: %v (exact: %v)", n, again, ok, exact)
				}
			}
		}
	}
}

// TestDistinctDoubts: that two hashes are the same says nothing yet.
func TestDistinctDoubts(t *testing.T) {
	d := distinct{hashes: []uint64{5, 0, 1}} // 0 stands for a free place, so it counts as 1
	if d.differ() {
		t.Fatal("0 and 1 differ: there is no doubt to be tested")
	}
	for _, c := range []struct {
		members []string
		want    error
	}{{[]string{"a", "b", "c"}, nil}, {[]string{"a", "b", "a"}, ErrFormat}} {
		body := []byte{typeSet, byte(len(c.members))}
		for _, m := range c.members {
			body = append(append(body, byte(len(m))), m...)
		}
		r := &reader{p: body, plain: MaxPlain, exact: true}
		if r.value(r.byte(), nobody{}); !errors.Is(r.err, c.want) {
			t.Errorf("read exactly, %q gives the error %v, want %v", c.members, r.err, c.want)
		}
		if err := Decode(body, nobody{}); !errors.Is(err, c.want) {
			t.Errorf("%q gives the error %v, want %v", c.members, err, c.want)
		}
	}
}
