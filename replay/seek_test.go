package replay

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// TestSeekBesideRolls asks for a key now and then while segments fill and are sealed, at
// entries since the last time it was asked: an index that was left in the middle of a
// segment does not answer for all of it.
func TestSeekBesideRolls(t *testing.T) {
	w := newWorld(t, 1000)
	x := NewIndexer(w.Log, func(err error) { t.Error(err) })
	defer func() { x.complain(x.f.close()) }()
	s := x.Seeker()
	defer s.Close()
	sealed := 0
	for w.Log.Last() < 1000 {
		segments := len(w.Log.Manifest().Sealed)
		for range 1 + w.rng.IntN(30) {
			w.set("k", fmt.Sprint(w.Log.Next()))
		}
		if w.rng.IntN(2) == 0 { // what was full has been sealed by now
			time.Sleep(2 * time.Millisecond)
		}
		if len(w.Log.Manifest().Sealed) > segments {
			sealed++
		}
		for range 3 {
			at := w.Log.Last() - w.rng.Uint64N(min(30, w.Log.Last()))
			b, err := s.At(at, Key{Key: []byte("k")})
			if err != nil {
				t.Fatal(err)
			}
			if got, _, _ := b.State.View(0, 0).String([]byte("k")); string(got) != fmt.Sprint(at) {
				t.Fatalf("at @%d it is %q", at, got)
			}
		}
	}
	if sealed < 10 {
		t.Errorf("%d times a segment was sealed between two questions", sealed)
	}
}

// TestHistoryBesideRolls: a segment that is sealed while a history is read, and whose index then
// is in a file and no longer in memory, is read on.
func TestHistoryBesideRolls(t *testing.T) {
	w := newWorld(t, 1000)
	x := NewIndexer(w.Log, func(err error) { t.Error(err) })
	defer func() { x.complain(x.f.close()) }()
	s := x.Seeker()
	defer s.Close()
	for range 20 {
		for range 5 {
			w.set("k", fmt.Sprint(w.Log.Next()))
		}
		last, n := w.Log.Last(), uint64(0)
		roll := func(l *Line) {
			n++
			if n > 1 {
				return
			}
			for segments := len(w.Log.Manifest().Sealed); len(w.Log.Manifest().Sealed) == segments; {
				w.set("other", strings.Repeat("x", 100))
			}
			x.step(t.Context())
		}
		err := s.Changes(Key{Key: []byte("k")}, last-5, last, false, func(c Change) error {
			roll(&c.Line)
			return nil
		})
		if err != nil || n != 5 {
			t.Fatalf("up to @%d there are %d changes, %v", last, n, err)
		}
		n = 0
		for l, err := range s.Lines(Key{Key: []byte("k")}, last-5, last, true) {
			if err != nil {
				t.Fatalf("up to @%d: %v", last, err)
			}
			roll(l)
		}
		if n != 5 {
			t.Fatalf("up to @%d there are %d lines", last, n)
		}
	}
}

// TestReadAgain: the state of one Read is that of the next, and holds nothing of the one before;
// that of a large key, or of a Read that failed, is not used again.
func TestReadAgain(t *testing.T) {
	w := newWorld(t, 1<<20)
	w.set("small", "1")
	w.set("large", strings.Repeat("x", 2*mostScratch))
	w.set("other", "2")
	last := w.Log.Last()
	s, err := OpenSeeker(w.dir, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var states []*state.State
	refused := errors.New("refused")
	for _, c := range []struct {
		key  string
		want error
		same bool // as the state before
	}{{"small", nil, false}, {"other", nil, true}, {"nothing", nil, true}, {"large", nil, true}, {"small", nil, false},
		{"other", refused, true}, {"small", nil, false}} {
		err := s.Read(last, func(b *compaction.Built) error {
			n := b.State.TotalKeys()
			if there := b.State.View(0, 0).Exists([]byte(c.key)); there != (c.key != "nothing") || there && n != 1 || !there && n != 0 {
				t.Errorf("%s: it is there: %v, with %d keys", c.key, there, n)
			}
			if k := len(states); k > 0 && (states[k-1] == b.State) != c.same {
				t.Errorf("%s: the state before was used: %v", c.key, !c.same)
			}
			states = append(states, b.State)
			return c.want
		}, Key{Key: []byte(c.key)})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.key, err)
		}
	}
	if err := s.Read(last+1, nil, Key{Key: []byte("small")}); !errors.Is(err, log.ErrFuture) {
		t.Errorf("after the end: %v", err)
	}
}

// TestManySegments: a Seeker that goes over more segments than it holds open finds what there
// is, and holds no more open.
func TestManySegments(t *testing.T) {
	w := newWorld(t, 300)
	for len(w.Log.Manifest().Sealed) < 2*mostPickers {
		w.set(fmt.Sprint("k", w.Log.Next()%7), fmt.Sprint(w.Log.Next()))
		time.Sleep(100 * time.Microsecond)
	}
	s, err := OpenSeeker(w.dir, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 300 {
		at := 8 + w.rng.Uint64N(w.Log.Last()-8)
		key := fmt.Append(nil, "k", at%7)
		err := s.Read(at, func(b *compaction.Built) error {
			if got, _, _ := b.State.View(0, 0).String(key); string(got) != fmt.Sprint(at) {
				t.Errorf("at @%d %s is %q", at, key, got)
			}
			return nil
		}, Key{Key: key})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(s.pickers); n > mostPickers {
			t.Fatalf("%d segments are open", n)
		}
	}
	if len(s.pickers) < mostPickers {
		t.Errorf("only %d segments were open at once", len(s.pickers))
	}
}

// TestTimeOf: the time of every entry is found near others, in segments that are sealed and in
// those that are not; an entry that is not there, or is rotten, is the error that reading all finds.
func TestTimeOf(t *testing.T) {
	w := newWorld(t, 64<<10)
	for len(w.Log.Manifest().Sealed) < 3 {
		w.set(fmt.Sprint("k", w.rng.IntN(900)), strings.Repeat("v", w.rng.IntN(60)))
		time.Sleep(20 * time.Microsecond)
	}
	for range 100 {
		w.set("k", "in the tail")
	}
	s, err := OpenSeeker(w.dir, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	last := w.Log.Last()
	if err := s.look(last); err != nil {
		t.Fatal(err)
	}
	for _, offset := range w.rng.Perm(int(last)) {
		e, err := s.entry(uint64(offset) + 1)
		if err != nil || e.Offset != uint64(offset)+1 || e.Time != epoch+int64(e.Offset)*1e6 {
			t.Fatalf("@%d: found @%d at %d, %v", offset+1, e.Offset, e.Time, err)
		}
	}
	seg := w.Log.Manifest().Sealed[1]
	path := filepath.Join(w.dir, "wal", fmt.Sprintf("%020d", seg.First))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[seg.Size/2] ^= 4
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.closePickers(0); err != nil { // they have read what was there before
		t.Fatal(err)
	}
	rotten := 0
	for offset := range last + 2 {
		if offset%9 > 0 && (offset < seg.First || offset > seg.Last()) {
			continue
		}
		at, err := s.TimeOf(offset)
		if err == nil && at == epoch+int64(offset)*1e6 {
			continue
		}
		_, want := TimeOf(w.dir, offset)
		if err == nil || fmt.Sprint(err) != fmt.Sprint(want) {
			t.Fatalf("@%d: %d, %v; want %v", offset, at, err, want)
		}
		if errors.Is(err, log.ErrDamaged) {
			rotten++
		}
	}
	if rotten == 0 {
		t.Error("no entry was rotten")
	}
}

// setAt appends plain SETs of a key, of one turn, at a time.
func (w *world) setAt(micros int64, keys ...string) {
	w.t.Helper()
	for _, key := range keys {
		var b event.Buffer
		b.Header(event.Header{Conn: 1, Name: "SET"})
		b.String([]byte(key), []byte("value"), 0)
		w.Log.Append(log.KindChange, micros, b.Bytes())
	}
	if err := w.Log.Commit(); err != nil {
		w.t.Fatal(err)
	}
}

// TestFindTime: the last entry at or before a time is the one that reading all finds, where there
// are many of one time, over the end of a segment too, in segments that are sealed and in those
// that are not; of one key and of many.
func TestFindTime(t *testing.T) {
	for _, keys := range []int{1, 900} {
		w := newWorld(t, 32<<10)
		times := []int64{0} // by offset
		for now := int64(epoch); len(w.Log.Manifest().Sealed) < 5 || len(times)%1000 < 900; {
			now += w.rng.Int64N(3) * w.rng.Int64N(100)
			n := 1
			if w.rng.IntN(100) == 0 {
				n = 1 + w.rng.IntN(600)
			}
			for range n {
				w.setAt(now, fmt.Sprint("k", w.rng.IntN(keys)))
				times = append(times, now)
			}
		}
		last := w.Log.Last()
		if w.Log.Manifest().Active == last {
			t.Fatal("all but one entry are sealed")
		}
		x := NewIndexer(w.Log, func(err error) { t.Error(err) })
		defer func() { x.complain(x.f.close()) }()
		tool, err := OpenSeeker(w.dir, func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*Seeker{tool, x.Seeker()} {
			defer s.Close()
			for range 500 {
				micros := times[1+w.rng.Uint64N(last)] + w.rng.Int64N(3) - 1
				want := uint64(sort.Search(len(times), func(i int) bool { return times[i] > micros }) - 1)
				read, err := log.FindTime(w.dir, micros)
				if err != nil || read != want {
					t.Fatalf("%d keys, %d: read @%d, %v, want @%d", keys, micros, read, err, want)
				}
				for _, upTo := range []uint64{last, 0} {
					if got, err := s.FindTime(micros, upTo); err != nil || got != want {
						t.Fatalf("%d keys, %d: found @%d, %v, want @%d", keys, micros, got, err, want)
					}
				}
				if want == last {
					continue
				}
				var e log.Entry
				err = s.again(0, func() error {
					e, err = s.later(micros, last)
					return err
				})
				if err != nil || e.Offset != want+1 {
					t.Fatalf("%d keys, %d: the first after that is @%d, %v, want @%d", keys, micros, e.Offset, err, want+1)
				}
			}
		}
	}
}

// TestFindTimeReadsLittle: what is far from the entry that is wanted, and none of those that the
// index tells of, is not read: it may be rotten.
func TestFindTimeReadsLittle(t *testing.T) {
	for _, keys := range []int{1, 100_000} {
		w := newWorld(t, 4<<20)
		for n := int64(0); len(w.Log.Manifest().Sealed) == 0; n++ {
			turn := make([]string, 100)
			for i := range turn {
				turn[i] = fmt.Sprint("k", w.rng.IntN(keys))
			}
			w.setAt(epoch+n, turn...)
		}
		NewIndexer(w.Log, func(err error) { t.Error(err) }).step(t.Context()) // it makes the file
		s, err := OpenSeeker(w.dir, func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		seg, path := s.m.Sealed[0], w.segments()[0]
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var entries []log.Entry
		err = log.ReadSegment(w.dir, s.m.LogID, seg, func(e log.Entry) error {
			entries = append(entries, e)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		told := toldOf(t, s, seg)
		for _, tenth := range []int64{3, 7, 9} {
			micros := epoch + (seg.LastTime-epoch)*tenth/10
			want := uint64(micros-epoch+1) * 100
			rotten, left := make([]byte, len(raw)), 0
			for after, i := entries[want].Pos, 0; i < len(entries); i++ {
				e := &entries[i]
				spot, _ := e.Spot()
				if near := after - e.Pos; told[spot] || near >= 0 && near < int64(narrow)*log.SpotUnit {
					left += copy(rotten[e.Pos:], raw[e.Pos:e.Pos+int64(e.Size)])
				}
			}
			if err := os.WriteFile(path, rotten, 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := s.FindTime(micros, 0); err != nil || got != want {
				t.Errorf("%d keys: found @%d, %v, want @%d", keys, got, err, want)
			}
			if err := s.closePickers(0); err != nil {
				t.Fatal(err)
			}
			if got, err := log.FindTime(w.dir, micros); !errors.Is(err, log.ErrDamaged) {
				t.Errorf("%d keys: read @%d, %v", keys, got, err)
			}
			if 4*left > len(raw) {
				t.Errorf("%d keys: %d bytes of %d are left to read", keys, left, len(raw))
			}
		}
	}
}

// toldOf are the spots of all entries that the index of a segment tells of.
func toldOf(t *testing.T, s *Seeker, seg log.Segment) map[log.Spot]bool {
	t.Helper()
	told := map[log.Spot]bool{}
	x, err := s.set.Index(seg)
	for part := 0; err == nil; part++ {
		var some []log.Spot
		if some, err = x.Some(part); len(some) == 0 {
			break
		}
		for _, spot := range some {
			told[spot] = true
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return told
}
