package state

import (
	"fmt"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// TestLargeCopies: a copy of a large collection, in its database and in another one, holds
// the same and takes the same; and what becomes of the one is nothing to the other.
func TestLargeCopies(t *testing.T) {
	const n = 1000
	source := []byte("source")
	field := func(i int) []byte {
		if i%250 == 0 {
			return fmt.Appendf(nil, "%0*d", maxRecord+i, i) // needs an object
		}
		return fmt.Appendf(nil, "field %d", i)
	}
	for typ, add := range map[Type]func(b *event.Buffer, key []byte, i int){
		Hash: func(b *event.Buffer, key []byte, i int) { b.HashSet(key, field(i), field(i/2)) },
		Set:  func(b *event.Buffer, key []byte, i int) { b.SetAdd(key, field(i)) },
		ZSet: func(b *event.Buffer, key []byte, i int) {
			b.ZSetAdd(key, []float64{float64(i % 100)}, [][]byte{field(i)})
		},
	} {
		for _, size := range []int{200, n} {
			s := New(7)
			apply(t, s, 0, func(b *event.Buffer) {
				for i := range size {
					add(b, source, i)
				}
				b.Copy(source, []byte("near"), 0)
				b.Copy(source, []byte("far"), 3)
			})
			want := held(s, 0, source)
			for key, db := range map[string]int{"near": 0, "far": 3} {
				if got := held(s, db, []byte(key)); got != want {
					t.Errorf("the copy %s of a %v of %d holds %.300s, want %.300s", key, typ, size, got, want)
				}
				e, copied := entryOf(s, 0, source), entryOf(s, db, []byte(key))
				if e.o.hash.room != copied.o.hash.room || e.o.weight != copied.o.weight {
					t.Errorf("the copy %s of a %v takes %d and %d bytes, what it was made of %d and %d",
						key, typ, copied.o.hash.room, copied.o.weight, e.o.hash.room, e.o.weight)
				}
			}
			apply(t, s, 0, func(b *event.Buffer) {
				b.Delete(source, event.User)
				for i := range n { // until what is left of it is gone, and another grows in its place
					add(b, []byte("third"), i)
				}
			})
			apply(t, s, 0, func(b *event.Buffer) {
				for i := range n {
					b.Database(0)
					add(b, []byte("near"), size+i)
					b.Database(3)
					switch {
					case i >= size-1:
						b.String(source, nil, 0)
					case typ == Hash:
						b.HashDelete([]byte("far"), field(i))
					case typ == Set:
						b.SetRemove([]byte("far"), field(i))
					default:
						b.ZSetRemove([]byte("far"), field(i))
					}
				}
			})
			one := New(7)
			apply(t, one, 0, func(b *event.Buffer) {
				for i := range size + n {
					add(b, []byte("near"), i)
				}
				b.Database(3)
				add(b, []byte("far"), size-1)
			})
			for key, db := range map[string]int{"near": 0, "far": 3} {
				if got, want := held(s, db, []byte(key)), held(one, db, []byte(key)); got != want {
					t.Errorf("later the copy %s of a %v of %d holds %.300s, want %.300s", key, typ, size, got, want)
				}
			}
			if s.Digest() != s.RecomputeDigest() {
				t.Errorf("a %v of %d: the digest is not that of the copies", typ, size)
			}
		}
	}
}

func entryOf(s *State, db int, key []byte) (e entry) {
	s.dbs[db].look(key, &e)
	return e
}

// held is what a collection holds, in its order; a sorted set in both.
func held(s *State, db int, key []byte) string {
	e := entryOf(s, db, key)
	var text strings.Builder
	e.pairs(func(field, value []byte) { fmt.Fprintf(&text, "%.20s %d=%.20x\n", field, len(field), value) })
	if e.typ == ZSet {
		z, _ := s.View(db, 0).ZSet(key)
		for i := range z.Len() {
			m, score := z.At(i)
			fmt.Fprintf(&text, "%.20s:%v\n", m, score)
		}
	}
	return text.String()
}
