package replay

import (
	"context"
	"fmt"
	"testing"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/state/event"
)

// BenchmarkReturn: what leads back to a point again and again, from 20 changed keys of
// 100,000, from none and from all changed one by one.
func BenchmarkReturn(b *testing.B) {
	const n, few = 100_000, 20
	w := newWorld(b, 0)
	for i := 0; i < n; i += 100 {
		w.do(event.Header{Name: "MSET"}, func(e *event.Buffer) {
			for j := i; j < i+100; j++ {
				e.String(fmt.Appendf(nil, "key:%012d", j), make([]byte, 32), 0)
			}
		})
	}
	point := w.Log.Last()
	reader, err := w.Log.Reader(point)
	if err != nil {
		b.Fatal(err)
	}
	defer reader.Close()
	seeker := NewIndexer(w.Log, func(err error) { b.Error(err) }).Seeker()
	views := NewViews(w.dir, 2, 0)
	same, known := uint64(0), NewKnown(point)
	again := func(b *testing.B, change func(), keys int, views *Views) {
		for range b.N {
			b.StopTimer()
			change()
			b.StartTimer()
			r := Return{
				Log: w.Log, Reader: reader, Views: views, To: Resolved{Offset: point}, Same: same, Known: known, Limit: 1 << 30,
				Seeker: func() (*Seeker, error) { return seeker, nil }, Done: func(*Seeker) {},
			}
			l, err := r.Lead(context.Background(), w.Log.Last())
			if err != nil || l.Changed+l.Added != keys {
				b.Fatal(l, err)
			}
			b.StopTimer()
			w.do(event.Header{Name: "TEST"}, func(e *event.Buffer) { e.Join(l.Events) })
			same = w.Log.Last()
			b.StartTimer()
		}
	}
	set := func() {
		for i := range few {
			w.set(fmt.Sprintf("key:%012d", 77*i), "x")
		}
	}
	flush := func() { w.do(event.Header{Name: "FLUSHALL"}, func(e *event.Buffer) { e.FlushAll() }) }
	b.Run("few", func(b *testing.B) { again(b, set, few, NewViews(w.dir, 1, 0)) })
	if err := views.Read(context.Background(), point, func(*compaction.Built) error { return nil }); err != nil {
		b.Fatal(err)
	}
	b.Run("few-view", func(b *testing.B) { again(b, set, few, views) })
	each := func() {
		for i := range n {
			w.set(fmt.Sprintf("key:%012d", i), "x")
		}
	}
	b.Run("each", func(b *testing.B) { again(b, each, n, views) })
	b.Run("all", func(b *testing.B) { again(b, flush, n, views) })
}
