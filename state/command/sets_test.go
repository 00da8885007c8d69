package command_test

import (
	"fmt"
	"strings"
	"testing"
)

// fillSet adds members m0, m1, … to a set.
func fillSet(t *testing.T, w *world, key string, n int) {
	t.Helper()
	for i := 0; i < n; i += 1000 {
		args := []string{"SADD", key}
		for k := i; k < min(i+1000, n); k++ {
			args = append(args, fmt.Sprint("m", k))
		}
		if _, err := w.do(argv(args)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRandomMembersOfMany: what is drawn from a large set is different members of it,
// whether few or most of them, and SPOP takes just those.
func TestRandomMembersOfMany(t *testing.T) {
	w := newWorld()
	const n = 20_000
	fillSet(t, w, "s", n)
	left := n
	for _, count := range []int{1, 10, 300, 5000, 12_000} {
		for _, line := range []string{"SRANDMEMBER s %d", "SPOP s %d"} {
			o, err := w.do(words(fmt.Sprintf(line, count)))
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for _, m := range o.reply.Items {
				seen[m.Text()] = true
			}
			if len(seen) != count {
				t.Fatalf("%s: %d different members of %d", fmt.Sprintf(line, count), len(seen), left)
			}
			for m := range seen {
				there, err := w.do(words("SISMEMBER s " + m))
				if err != nil {
					t.Fatal(err)
				}
				if popped := strings.HasPrefix(line, "SPOP"); (there.reply.Int == 1) == popped {
					t.Fatalf("%s: %s is there: %v", line, m, !popped)
				}
			}
		}
		left -= count
	}
	if o, err := w.do(words("SCARD s")); err != nil || o.reply.Int != int64(left) {
		t.Errorf("%v members are left, not %d: %v", o.reply, left, err)
	}
}

// TestDrawsAreFair: each member of a set is drawn about as often as the others.
func TestDrawsAreFair(t *testing.T) {
	for _, n := range []int{10, 1000} {
		w := newWorld()
		fillSet(t, w, "s", n)
		times := map[string]int{}
		for _, line := range []string{"SRANDMEMBER s", fmt.Sprint("SRANDMEMBER s ", n/2), fmt.Sprint("SRANDMEMBER s -", n)} {
			clear(times)
			drawn := 0
			for drawn < 100*n {
				o, err := w.do(words(line))
				if err != nil {
					t.Fatal(err)
				}
				if o.reply.Items == nil {
					o.reply.Items = append(o.reply.Items, o.reply)
				}
				for _, m := range o.reply.Items {
					times[m.Text()]++
					drawn++
				}
			}
			for i := range n {
				if k := times[fmt.Sprint("m", i)]; k < 40 || k > 180 { // 100 on average, a deviation of 10
					t.Errorf("%s of %d: m%d was drawn %d times of %d", line, n, i, k, drawn)
				}
			}
		}
	}
}

// TestTooManyRandom: redis-server would fill all memory.
func TestTooManyRandom(t *testing.T) {
	w := newWorld()
	for _, line := range []string{"SADD s a", "HSET h f v"} {
		if _, err := w.do(words(line)); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{"SRANDMEMBER s -4194305", "SRANDMEMBER s -9223372036854775807", "HRANDFIELD h -4194305"} {
		if o, err := w.do(words(line)); err != nil || !strings.Contains(o.reply.Text(), "the reply would be too large") {
			t.Errorf("%s: %v, %v", line, o.reply, err)
		}
	}
}
