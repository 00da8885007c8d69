package state

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// BenchmarkApply is one event that is carried out, from its bytes: a key among a
// million, or a field of one of ten thousand small hashes or of one large one, that
// is there already and in turn.
func BenchmarkApply(b *testing.B) {
	for _, x := range []struct {
		name  string
		n     int
		event func(buf *event.Buffer, i int)
	}{
		{"String", 1 << 20, func(buf *event.Buffer, i int) {
			buf.String(fmt.Appendf(nil, "key:%012d", i), make([]byte, 32), 0)
		}},
		{"String-expiring", 1 << 20, func(buf *event.Buffer, i int) {
			buf.String(fmt.Appendf(nil, "key:%012d", i), make([]byte, 32), 1e12+int64(i))
		}},
		{"HashSet-small", 100_000, func(buf *event.Buffer, i int) {
			buf.HashSet(fmt.Appendf(nil, "hash:%012d", i/10), fmt.Append(nil, "field:", i%10), make([]byte, 32))
		}},
		{"HashSet-large", 100_000, func(buf *event.Buffer, i int) {
			buf.HashSet([]byte("hash"), fmt.Append(nil, "field:", i), make([]byte, 32))
		}},
		{"SetAdd-large", 100_000, func(buf *event.Buffer, i int) {
			buf.SetAdd([]byte("set"), fmt.Append(nil, "member:", i))
		}},
		{"ListPush-large", 1 << 20, func(buf *event.Buffer, i int) {
			buf.ListPush([]byte("list"), event.Side(i%2), []byte("0123456789abcdef"))
		}},
		{"ListPop-large", 1 << 20, func(buf *event.Buffer, i int) {
			buf.ListPush([]byte("list"), event.Left, []byte("0123456789abcdef"), []byte("0123456789abcdef"))
			buf.ListPop([]byte("list"), event.Right, 1)
		}},
		{"ZSetAdd-large", 1 << 20, func(buf *event.Buffer, i int) {
			buf.ZSetAdd([]byte("zset"), []float64{float64(i * 7919 % 1_000_003)}, [][]byte{fmt.Append(nil, "member:", i/2)})
		}},
	} {
		b.Run(x.name, func(b *testing.B) {
			s := New(0)
			events := make([][]byte, x.n)
			for i := range events {
				var buf event.Buffer
				x.event(&buf, i)
				events[i] = buf.Bytes()
				if _, err := s.Apply(0, events[i]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := s.Apply(0, events[i%x.n]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLoad is recovery: whole entries, decoded and applied to new keys.
func BenchmarkLoad(b *testing.B) {
	bodies := make([][]byte, 1<<20)
	for i := range bodies {
		var buf event.Buffer
		buf.Header(event.Header{Conn: 5, Name: "SET"})
		buf.String(fmt.Appendf(nil, "key:%012d", i), make([]byte, 32), 0)
		bodies[i] = buf.Bytes()
	}
	b.ReportAllocs()
	var s *State
	for i := 0; b.Loop(); i++ {
		if i&(1<<20-1) == 0 {
			s = New(0)
		}
		if err := s.ApplyEntry(bodies[i&(1<<20-1)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	var buf event.Buffer
	buf.Header(event.Header{Conn: 5, Name: "SET"})
	buf.String(make([]byte, 16), make([]byte, 32), 0)
	var ev event.Event
	b.ReportAllocs()
	for b.Loop() {
		_, events, err := event.SkipHeader(buf.Bytes())
		if err == nil {
			_, err = ev.Decode(events)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPrefetch is a pipeline of 64 reads of random keys, with and without
// the keys being told before.
func BenchmarkPrefetch(b *testing.B) {
	const n = 1 << 22
	s := New(0)
	var buf event.Buffer
	for i := range n {
		buf.Truncate(0)
		buf.String(fmt.Appendf(nil, "key:%012d", i), make([]byte, 32), 0)
		if _, err := s.Apply(0, buf.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
	for _, told := range []bool{false, true} {
		b.Run(fmt.Sprint("told=", told), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 2))
			keys := make([][]byte, 64)
			for i := 0; i < b.N; i += len(keys) {
				for k := range keys {
					keys[k] = fmt.Appendf(keys[k][:0], "key:%012d", rng.IntN(n))
				}
				if told {
					s.Prefetch(0, keys)
				}
				for _, k := range keys {
					if _, ok, _ := s.View(0, 1).String(k); !ok {
						b.Fatal("not there")
					}
				}
			}
		})
	}
}
