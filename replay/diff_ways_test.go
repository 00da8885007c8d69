package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// anything appends n entries over keys of every type in three databases: changes of what
// is there, and keys that are made from others.
func (w *world) anything(n int) {
	w.t.Helper()
	for range n {
		db := w.rng.IntN(2)
		w.do(event.Header{Conn: 1, Name: "TEST", DB: db}, func(b *event.Buffer) {
			if w.rng.IntN(4) == 0 {
				db = 2
				b.Database(db)
			}
			w.any(b, db)
		})
	}
}

// any records a change that the state allows, of one key: of what it has, or it is made anew.
func (w *world) any(b *event.Buffer, db int) {
	name := func() []byte { return fmt.Appendf(nil, "k%d", w.rng.IntN(60)) }
	word := func() []byte { return fmt.Appendf(nil, "w%d", w.rng.IntN(30)) }
	key, types := name(), []state.Type{state.String, state.Hash, state.List, state.Set, state.ZSet, state.Stream}
	if w.rng.IntN(100) == 0 {
		switch w.rng.IntN(4) {
		case 0:
			b.Flush(1)
		case 1:
			b.FlushAll()
		default:
			b.Swap(0, 1+w.rng.IntN(2))
		}
		return
	}
	kind := w.State.View(db, 0).Type(key)
	if kind != state.None && w.rng.IntN(5) == 0 {
		b.Delete(key, event.User)
		kind = state.None
	}
	if kind == state.None {
		kind = types[w.rng.IntN(len(types))]
	}
	switch kind {
	case state.Hash:
		b.HashSet(key, word(), word(), word(), word())
	case state.List:
		b.ListPush(key, event.Right, word(), word(), word())
		b.ListPop(key, event.Left, 1)
	case state.Set:
		b.SetAdd(key, word(), word())
	case state.ZSet:
		b.ZSetAdd(key, []float64{float64(w.rng.IntN(9)), 2.5}, [][]byte{word(), word()})
	case state.Stream:
		id := event.ID{MS: uint64(len(w.digests)), Seq: w.rng.Uint64N(9)}
		b.StreamAdd(key, id, word(), word())
		b.StreamGroup(key, word(), id, 1)
	default:
		b.String(key, word(), epoch/1000+int64(w.rng.IntN(100_000)))
	}
	other, otherDB := name(), w.rng.IntN(3)
	switch w.rng.IntN(15) {
	case 0:
		b.Rename(key, other)
	case 1:
		b.Copy(key, other, otherDB)
	case 2:
		if otherDB != db && !w.State.View(otherDB, 0).Exists(key) {
			b.Move(key, otherDB)
		}
	case 3:
		b.Expire(key, epoch/1000+int64(w.rng.IntN(100_000)))
	}
}

// said is all that a comparison says: lines, JSON, and commands.
func said(t *testing.T, c *Comparison) string {
	t.Helper()
	var b strings.Builder
	stat, err := c.Each(nil, func(d Difference) error {
		raw, err := json.Marshal(d)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s\n%s\n", d, raw)
		return c.Commands(&d, func(words ...[]byte) error { fmt.Fprintf(&b, "%q\n", words); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&b, stat)
	return b.String()
}

// TestDiffWays: whether keys are looked up, sifted out or taken from two whole states, a
// diff says the same.
func TestDiffWays(t *testing.T) {
	w := newWorld(t, 3000)
	w.rng = rand.New(rand.NewPCG(11, 12))
	for range 12 {
		w.anything(60)
		w.checkpoint(w.Log.Last() - w.rng.Uint64N(20))
	}
	w.anything(30)
	s, err := OpenSeeker(w.dir, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ways := map[string]func(*Comparison, map[place]bool) error{
		"looked up": func(c *Comparison, seen map[place]bool) error { return c.lookUp(s, seen) },
		"sifted":    func(c *Comparison, seen map[place]bool) error { return c.sift(s, seen, nil) },
	}
	compared, missed, differ := map[string]int{}, 0, 0
	for range 120 {
		last := w.Log.Last()
		from := Resolved{Offset: w.rng.Uint64N(last + 1)}
		to := Resolved{Offset: min(from.Offset+w.rng.Uint64N(40), last)}
		if w.rng.IntN(2) == 0 {
			from, to = to, from
		}
		whole, err := s.compareWhole(from, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := said(t, whole)
		if got, err := s.Compare(from, to, nil); err != nil || said(t, got) != want {
			t.Fatalf("%v to %v: %v\n%s\nwant\n%s", from, to, err, said(t, got), want)
		}
		for name, way := range ways {
			c, seen, err := s.compare(from, to)
			if err != nil {
				t.Fatal(err)
			}
			if seen == nil {
				compared["all"]++
				continue
			}
			if err = way(c, seen); errors.Is(err, errMissed) {
				missed++
				continue
			}
			if err != nil {
				t.Fatalf("%v to %v, %s: %v", from, to, name, err)
			}
			c.touch(seen)
			if got := said(t, c); got != want {
				t.Fatalf("%v to %v, %s:\n%s\nwant\n%s", from, to, name, got, want)
			}
			if compared[name]++; !strings.HasPrefix(want, "0 added, 0 removed, 0 changed") {
				differ++
			}
		}
	}
	t.Logf("%v, %d times too many keys hung together, %d with differences", compared, missed, differ)
	if compared["looked up"] < 60 || compared["sifted"] < 60 || compared["all"] < 10 || missed > 30 || differ < 100 {
		t.Error("that is too little of one kind to mean much")
	}
}

// TestSiftReadsLittle: where there is no checkpoint keys are sifted out too, the states have no
// others, and of sealed segments only entries that may concern them are read: another one that is
// rotten does no harm.
func TestSiftReadsLittle(t *testing.T) {
	w := newWorld(t, 3000)
	for i := range 600 {
		w.set(fmt.Sprintf("k%03d", i), "a value")
	}
	at := w.Log.Last()
	for i := range 2 * fewCompared {
		w.set(fmt.Sprintf("k%03d", i), "another")
	}
	s, err := OpenSeeker(w.dir, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e, err := func() (log.Entry, error) { // k400
		if err := s.look(401); err != nil {
			return log.Entry{}, err
		}
		return s.entry(401)
	}()
	if err != nil || !bytes.Contains(e.Body, []byte("k400")) || s.m.Active < 401 {
		t.Fatal(err, string(e.Body), s.m.Active)
	}
	rot := func() {
		path := filepath.Join(w.dir, "wal", fmt.Sprintf("%020d", e.Segment))
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		raw[e.Pos+int64(e.Size)-2] ^= 1
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rot()
	c, err := s.Compare(Resolved{Offset: at}, Resolved{Offset: w.Log.Last()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	stat, err := c.Each(nil, func(Difference) error { return nil })
	if err != nil || stat != (Stat{Changed: 2 * fewCompared}) {
		t.Errorf("%v, %v", stat, err)
	}
	if n := c.From.State.TotalKeys(); n != 2*fewCompared {
		t.Errorf("there are %d keys at the earlier moment", n)
	}
	rot()
}
