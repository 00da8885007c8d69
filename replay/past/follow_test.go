package past

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
)

// written makes a world whose log has entries of many kinds, some of them with bytes that
// are no text.
func written(t testing.TB, entries int) *world {
	w := newWorldOf(t, 32<<20)
	for i := 0; w.log.Last() < uint64(entries); i++ {
		w.do(fmt.Sprintf("SET key:%012d xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", i),
			fmt.Sprintf(`SET expires "\x00\xff\xe2\x82\xac %d" EX 100`, i), "INCR n", "HSET h f 1 g 2", "RPUSH l a b c",
			"ZADD z 1.5 m 2 n", "XADD s * f v", "DEL h l z", "MSET a 1 b 2")
	}
	return w
}

// follow has the first entries of the log followed, and counts the bytes of the lines.
func (w *world) follow(entries uint64, words ...string) (size int) {
	w.t.Helper()
	e, err := replay.LiveEntries(w.log, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	defer e.Close()
	end, over := errors.New("the end"), false
	err = (&Source{}).Follow(context.Background(), e, words, func(offset uint64, line []byte) error {
		size += len(line)
		if over = offset >= entries; over {
			return end
		}
		return nil
	}, func() error { return end })
	if !errors.Is(err, end) || !over {
		w.t.Fatalf("%d bytes, then %v", size, err)
	}
	return size
}

// TestFollowAllocations: lines are made without taking memory for each. The first have what
// comes once: reading and remembering who wrote.
func TestFollowAllocations(t *testing.T) {
	const few, many = 500, 4000
	w := written(t, many)
	for _, words := range [][]string{nil, {"JSON"}, {"BRIEF"}, {"MATCH", "*", "CMD", "*", "CLIENT", "*"}} {
		count := func(entries uint64) (allocations, bytes float64) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			allocations = testing.AllocsPerRun(1, func() { w.follow(entries, words...) })
			runtime.ReadMemStats(&after)
			return allocations, float64(after.TotalAlloc-before.TotalAlloc) / 2
		}
		n, size := count(few)
		more, larger := count(many)
		if more-n > 30 || larger-size > 1<<20 {
			t.Errorf("%q: %v allocations for %d entries, %v for %d; %v bytes and %v", words, n, few, more, many, size, larger)
		}
	}
}

// BenchmarkFollow is what a subscriber costs beside its socket, for each entry: reading it,
// its line, and the message.
func BenchmarkFollow(b *testing.B) {
	const entries = 100_000
	w := newWorldOf(b, 32<<20)
	for i := range entries {
		w.do(fmt.Sprintf("SET key:%012d xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", i))
	}
	for _, words := range [][]string{nil, {"JSON"}} {
		b.Run(fmt.Sprint(words), func(b *testing.B) {
			b.ReportAllocs()
			var out resp.Writer
			end := errors.New("the end")
			b.ResetTimer()
			for n := b.N; n > 0; {
				e, err := replay.LiveEntries(w.log, 0)
				if err != nil {
					b.Fatal(err)
				}
				err = (&Source{}).Follow(context.Background(), e, words, func(offset uint64, line []byte) error {
					out.Push(3)
					out.BulkString("log")
					out.Int(int64(offset))
					out.Bulk(line)
					if out.Len() > 64<<10 {
						out.Reset(128 << 10)
					}
					if n--; n == 0 {
						return end
					}
					return nil
				}, func() error { return end })
				if !errors.Is(err, end) {
					b.Fatal(err)
				}
				e.Close()
			}
		})
	}
}
