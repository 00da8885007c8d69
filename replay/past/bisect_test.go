package past

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/replay"
)

// random does n random commands over few keys, some of which expire.
func (w *world) random(rng *rand.Rand, n int) {
	w.t.Helper()
	for range n {
		w.clock += rng.Int64N(3_000_000)
		k, l := fmt.Sprintf("k%d", rng.IntN(5)), fmt.Sprintf("k%d", rng.IntN(5))
		switch rng.IntN(16) {
		case 0:
			w.do("RENAME " + k + " " + l)
		case 1:
			w.do("DEL " + k)
		case 2:
			w.do(fmt.Sprintf("SET %s %d PX %d", k, rng.IntN(20), 1+rng.IntN(20_000)))
		case 3:
			w.do("SADD s " + k)
		case 4:
			w.do("SREM s " + k)
		case 5:
			w.do("MULTI", "INCRBY "+k+" 3", "RPUSH list "+l, "EXEC")
		case 6:
			w.do("COPY " + k + " " + l + " REPLACE")
		case 7:
			if rng.IntN(8) == 0 {
				w.do([]string{"FLUSHALL", "FLUSHDB", "SWAPDB 0 1"}[rng.IntN(3)])
			}
		default:
			w.do(fmt.Sprintf("INCRBY %s %d", k, rng.IntN(9)-4))
		}
	}
}

// judged is what a condition was after each entry of the log, looked at one by one.
func (w *world) judged(x *Expr) (holds []bool) {
	w.t.Helper()
	for at := range w.log.Last() + 1 {
		j, err := x.Judge(w.reader(at))
		if err != nil {
			w.t.Fatal(err)
		}
		holds = append(holds, j.Holds)
	}
	return holds
}

func (w *world) bisect(b *replay.Bisection, good, bad uint64) (*replay.Found, error) {
	w.t.Helper()
	window, err := replay.Look(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	b.Window, b.Good, b.Bad = window, replay.AtOffset(good), replay.AtOffset(bad)
	return b.Run(context.Background(), time.UnixMicro(w.clock))
}

// TestBisectLikeLookingAtEach: on random logs, with conditions that come and go, and any
// two ends: what is found is an entry before which the condition held and after which it
// does not; where there is but one such entry between the ends, that one; and ends that
// are not as said are told. However many checkpoints there are.
func TestBisectLikeLookingAtEach(t *testing.T) {
	conditions := []string{
		"not EXISTS k1 or GET k1 < 6", "GET k0 >= 0", "EXISTS k2", "not EXISTS k3", "SCARD s < 4", "LLEN list < 5", "DBSIZE < 5",
		"GET k0 != GET k1", "not SMEMBERS s contains k2", "not EXISTS k4 or TTL k4 < 0", "(DBSIZE) <= 4 or EXISTS k1",
	}
	exact, byClock := 0, 0
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 5))
		w := newWorld(t)
		for range 3 {
			w.random(rng, 25)
			if seed > 0 {
				w.checkpoint(w.log.Last() - rng.Uint64N(5))
			}
		}
		last := w.log.Last()
		for _, text := range conditions {
			x := w.parse(text)
			holds := w.judged(x)
			for range 12 {
				good := rng.Uint64N(last)
				bad := good + 1 + rng.Uint64N(last-good)
				f, err := w.bisect(x.Bisection(w.table, 0, nil), good, bad)
				var end *replay.EndError
				if !holds[good] || holds[bad] {
					if !errors.As(err, &end) || (end.Name == "good") != !holds[good] {
						t.Errorf("%s from @%d to @%d: %v, it is %v and %v there", text, good, bad, err, holds[good], holds[bad])
					}
					continue
				}
				if err != nil {
					t.Errorf("%s from @%d to @%d: %v", text, good, bad, err)
					continue
				}
				at := f.Bad.Offset
				if len(f.Suspects) != 1 || f.Suspects[0] != at || at <= good || at > bad || !holds[at-1] || holds[at] {
					t.Errorf("%s from @%d to @%d: %v, %v", text, good, bad, f, f.Suspects)
				}
				first, changes := uint64(0), 0
				for i := good + 1; i <= bad; i++ {
					if holds[i-1] && !holds[i] {
						first = i
						changes++
					}
				}
				if changes == 1 {
					exact++
					if at != first {
						t.Errorf("%s from @%d to @%d: @%d, it is @%d", text, good, bad, at, first)
					}
				}
				if f.Clock {
					byClock++
				}
			}
		}
	}
	if exact < 20 || byClock == 0 {
		t.Errorf("only %d searches had one answer, %d by the clock", exact, byClock)
	}
}

// TestBisectByClock: a key whose time has come between entries that have nothing to do
// with it.
func TestBisectByClock(t *testing.T) {
	w := newWorld(t)
	w.do("SET k v PX 5000")
	for i := range 10 {
		w.clock += 1_000_000
		w.do(fmt.Sprintf("SET other %d", i))
	}
	f, err := w.bisect(w.parse("EXISTS k").Bisection(w.table, 0, nil), 1, 11)
	if err != nil || !f.Clock || f.Bad.Offset != 6 || !strings.Contains(f.String(), "had expired") {
		t.Fatalf("%+v, %v", f, err)
	}
	w.do("GET k") // removes it: an entry that touches it, but later than its time
	if f, err = w.bisect(w.parse("EXISTS k").Bisection(w.table, 0, nil), 1, 12); err != nil || f.Bad.Offset != 6 || !f.Clock {
		t.Fatalf("%+v, %v", f, err)
	}
}

// TestBisectTriesFew: entries that do not matter are not tried, and checkpoints are made
// use of.
func TestBisectTriesFew(t *testing.T) {
	w := newWorld(t)
	for i := range 400 {
		w.do(fmt.Sprintf("SET other%d %d", i%7, i))
		if i%50 == 0 {
			w.do("DECR stock")
		}
	}
	var tried []string
	f, err := w.bisect(w.parse("GET stock > -3").Bisection(w.table, 0, func(p replay.Probe, asked []string) {
		tried = append(tried, fmt.Sprint(p.At.Offset, " ", p.Verdict, " ", p.Left, " ", strings.Join(asked, "")))
	}), 2, 400)
	want := "2 good 398 GET stock = \"-1\"|400 bad 398 GET stock = \"-8\"|206 bad 4 GET stock = \"-5\"|104 bad 2 GET stock = \"-3\"|53 good 1 GET stock = \"-2\""
	if got := strings.Join(tried, "|"); err != nil || got != want || f.Bad.Offset != 104 || f.Tries != 5 {
		t.Errorf("%v, %v:\n%s\nwant\n%s", f, err, got, want)
	}
	w.checkpoint(180)
	tried = nil
	b := w.parse("DBSIZE < 3").Bisection(w.table, 0, func(p replay.Probe, _ []string) { tried = append(tried, fmt.Sprint(p.At.Offset)) })
	if f, err := w.bisect(b, 1, 400); err != nil || f.Bad.Offset != 3 || tried[2] != "180" {
		t.Errorf("%v, %v: %v", f, err, tried)
	}
}

// TestBisectWithWhatCannotBeTold: neighbours are tried, what is found holds the entry, and
// it ends.
func TestBisectWithWhatCannotBeTold(t *testing.T) {
	w := newWorld(t)
	for i := range 300 {
		w.do(fmt.Sprintf("SET k %d", i))
	}
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 9))
		first := 2 + rng.Uint64N(298)
		blind := map[uint64]bool{}
		for range rng.IntN(5) { // stretches in which it cannot be told
			from, n := rng.Uint64N(300), rng.Uint64N(30)
			for i := from; i < from+n; i++ {
				blind[i] = i > 1 && i < 300
			}
		}
		b := &replay.Bisection{Try: func(_ context.Context, at *replay.At) (replay.Verdict, error) {
			switch {
			case blind[at.Offset]:
				return replay.Skip, nil
			case at.Offset < first:
				return replay.Good, nil
			}
			return replay.Bad, nil
		}}
		f, err := w.bisect(b, 1, 300)
		if err != nil {
			t.Fatal(err)
		}
		low, high := first-1, first // the nearest that can be told
		for blind[low] {
			low--
		}
		for blind[high] {
			high++
		}
		suspects := f.Suspects
		if len(suspects) == 0 || suspects[0] > first || suspects[len(suspects)-1] < first {
			t.Fatalf("seed %d: it is @%d, suspected are %v", seed, first, suspects)
		}
		if high-low <= replay.MostSkips && (suspects[0] != low+1 || suspects[len(suspects)-1] != high) {
			t.Errorf("seed %d: suspected are %v, it is one from @%d to @%d", seed, suspects, low+1, high)
		}
	}
}

// TestBisectOneKeyOnly: what is said to matter is believed, but not if that cannot be.
func TestBisectOneKeyOnly(t *testing.T) {
	w := newWorld(t)
	w.do("SET a 1", "SET b 1", "SET a 2", "SET b 2", "SET a 3")
	b := w.parse("GET a < 3").Bisection(w.table, 0, nil)
	b.Touches = func(_ int, key []byte) bool { return string(key) == "b" }
	var untouched *replay.UntouchedError
	if f, err := w.bisect(b, 1, 5); !errors.As(err, &untouched) || untouched.After.Offset != 4 {
		t.Errorf("%v, %v", f, err)
	}
	if _, err := w.bisect(b, 4, 4); !errors.Is(err, replay.ErrBadPoint) {
		t.Errorf("no entry between: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.Run(ctx, time.UnixMicro(w.clock)); err == nil {
		t.Error("it goes on after it was cancelled")
	}
}
