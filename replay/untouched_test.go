package replay

import (
	"fmt"
	"sort"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// speech is what the entries of a test speak of, each entry: keys, or all of them.
type speech struct {
	keys map[place]bool
	all  bool
}

// babble appends n entries that speak of a few of many keys, and says of which: under other
// names and in other databases too, and seldom of whole databases.
func (w *world) babble(n int) (said []speech) {
	key := func() []byte { return fmt.Appendf(nil, "k%d", w.rng.IntN(200)) }
	for range n {
		s := speech{keys: map[place]bool{}}
		note := func(db int, key []byte) { s.keys[place{db, string(key)}] = true }
		db := w.rng.IntN(3)
		w.do(event.Header{DB: db, Conn: 1, Name: "TEST"}, func(b *event.Buffer) {
			from, to, other := key(), key(), (db+1)%3
			b.String(from, to, 0)
			note(db, from)
			switch w.rng.IntN(60) {
			case 0:
				b.Swap(other, 7)
				s.all = true
			case 1:
				b.Flush(other)
				s.all = true
			case 2:
				b.FlushAll()
				s.all = true
			case 3, 4, 5:
				b.Rename(from, to)
				note(db, to)
			case 6, 7, 8:
				b.Copy(from, to, other)
				note(other, to)
			case 9, 10, 11:
				b.Move(from, other)
				note(other, from)
			case 12:
				b.Database(other)
				b.String(to, nil, 1)
				note(other, to)
			}
		})
		said = append(said, s)
	}
	return said
}

// TestUntouched: of the newest segments it is known whether the entries after a moment speak of
// a key, of others nothing is said; with the log of a server, and with one that is only read;
// and as the log goes on.
func TestUntouched(t *testing.T) {
	for _, size := range []int64{300, 2000, 20_000, 1 << 20} {
		w := newWorld(t, size)
		x := NewIndexer(w.Log, func(err error) { t.Error(err) })
		beside := x.Seeker()
		silent, spoken, far := 0, 0, 0
		var said []speech
		for range 6 {
			said = append(said, w.babble(150)...)
			alone, err := OpenSeeker(w.dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			last := w.Log.Last()
			for range 400 {
				at := last - min(last, w.rng.Uint64N(1+w.rng.Uint64N(200)))
				keys, want := make([]Key, 1+w.rng.IntN(3)), true
				for i := range keys {
					keys[i] = Key{DB: w.rng.IntN(4), Key: fmt.Appendf(nil, "k%d", w.rng.IntN(210))}
					for _, s := range said[at:] {
						want = want && !s.all && !s.keys[place{keys[i].DB, string(keys[i].Key)}]
					}
				}
				for _, s := range []*Seeker{beside, alone} {
					got, err := s.Untouched(at, last, keys...)
					if err != nil {
						t.Fatal(err)
					}
					from := sort.Search(len(s.segs), func(i int) bool { return s.segs[i].last > at })
					switch {
					case at < last && len(s.segs)-from > recent:
						far++
						if got {
							t.Fatalf("segments of %d bytes: from @%d to @%d it looked into %d", size, at, last, len(s.segs)-from)
						}
					case got != want:
						t.Fatalf("segments of %d bytes: from @%d to @%d, %v: %v", size, at, last, keys, got)
					case got:
						silent++
					default:
						spoken++
					}
				}
			}
			if err := alone.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := beside.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("segments of %d bytes: %d silent, %d spoken of, %d too far back", size, silent, spoken, far)
		if silent < 100 || spoken < 100 || size == 300 && far < 100 {
			t.Error("the test sees too little")
		}
	}
}

// TestUntouchedInTheFuture: what has not happened is an error, as it is of At.
func TestUntouchedInTheFuture(t *testing.T) {
	w := newWorld(t, 1000)
	w.babble(10)
	s, err := OpenSeeker(w.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if ok, err := s.Untouched(3, 11, Key{Key: []byte("none")}); ok || err == nil {
		t.Errorf("%v, %v", ok, err)
	}
}
