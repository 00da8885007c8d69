package replay

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
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
