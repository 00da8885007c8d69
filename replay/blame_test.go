package replay

import (
	"fmt"
	"slices"
	"testing"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// writers makes w's entries give every part a value that names its entry: so whoever is
// blamed for a part can be read from it.
func writers(w *world, n int) {
	for i := range n {
		by := []byte(fmt.Sprint(i + 1))
		w.do(event.Header{Conn: 1 + w.rng.Uint64N(3), Name: "TEST"}, func(b *event.Buffer) {
			switch v := w.State.View(0, 0); w.rng.IntN(14) {
			case 0, 1, 2:
				b.HashSet([]byte("h"), fmt.Appendf(nil, "f%d", w.rng.IntN(6)), by, fmt.Appendf(nil, "f%d", 6+w.rng.IntN(6)), by)
			case 3:
				if field := fmt.Appendf(nil, "f%d", w.rng.IntN(12)); has(v, "h", field) {
					b.HashDelete([]byte("h"), field)
					return
				}
				b.String([]byte("s"), by, 0)
			case 4, 5:
				b.ListPush([]byte("l"), event.Side(w.rng.IntN(2)), by, by)
			case 6, 7, 8, 9:
				list, err := v.List([]byte("l"))
				if err != nil || list.Len() == 0 {
					b.ListPush([]byte("l"), event.Left, by)
					return
				}
				switch at := w.rng.IntN(list.Len()); w.rng.IntN(4) {
				case 0:
					b.ListPop([]byte("l"), event.Side(w.rng.IntN(2)), 1+w.rng.IntN(min(2, list.Len())))
				case 1:
					b.ListSet([]byte("l"), at, by)
				case 2:
					b.ListInsert([]byte("l"), at, by)
				case 3:
					b.ListRemove([]byte("l"), slices.Compact([]int{at, list.Len() - 1})...)
				}
			case 10:
				b.String([]byte("s"), by, 0)
			case 11, 12:
				key := []byte([]string{"h", "l", "s"}[w.rng.IntN(3)])
				switch {
				case !v.Exists(key):
					b.String([]byte("s"), by, 0)
				case w.rng.IntN(2) == 0:
					b.Expire(key, int64(w.rng.IntN(3))*epoch)
				default:
					b.Delete(key, event.User)
				}
			case 13:
				b.Swap(0, w.rng.IntN(2))
			}
		})
	}
}

func has(v state.View, key string, field []byte) bool {
	h, err := v.Hash([]byte(key))
	if err != nil {
		return false
	}
	_, ok := h.Get(field)
	return ok
}

// blames looks back as far as there is anything.
func blames(t *testing.T, dir, key string, field []byte, to uint64) []Blame {
	t.Helper()
	w, err := Look(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenSeeker(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	parts, err := s.Blames(Key{Key: []byte(key)}, field, w.Reach, to)
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

// TestBlame: at every offset each part of every key is blamed on the entry whose number it
// holds, or on one that brought it here as a whole, and after it.
func TestBlame(t *testing.T) {
	w := newWorld(t, 4<<10)
	writers(w, 250)
	parts, whole := 0, 0
	for at := uint64(1); at < 251; at += 7 {
		for _, key := range []string{"h", "l", "s"} {
			all := blames(t, w.dir, key, nil, at)
			for _, p := range all {
				parts++
				var wrote uint64
				if _, err := fmt.Sscan(string(p.Value), &wrote); err != nil {
					t.Fatalf("@%d %s: %v", at, p, err)
				}
				switch {
				case p.By == nil:
					t.Errorf("@%d %s: nobody is blamed, and the log begins at 1", at, p)
				case p.By.Offset == wrote:
				case p.By.Offset > wrote && p.By.Offset <= at && w.swapped(p.By.Offset):
					whole++
				default:
					t.Errorf("@%d %s: entry %d wrote it", at, p, wrote)
				}
			}
		}
	}
	if parts < 200 || whole == 0 || whole == parts {
		t.Errorf("%d parts, %d of them came by a swap", parts, whole)
	}
}

// swapped reports whether an entry is a swap.
func (w *world) swapped(at uint64) bool {
	entries, err := OpenEntries(w.dir, at-1)
	if err != nil {
		w.t.Fatal(err)
	}
	defer entries.Close()
	line, err := entries.Next()
	return err == nil && len(line.Facts) == 1 && line.Facts[0].Event.Kind == event.Swap
}

// TestBlameOfField: one part, nothing where it is not there, and what was there before all
// that can be reached.
func TestBlameOfField(t *testing.T) {
	w := newWorld(t, 4<<10)
	w.do(event.Header{Conn: 1, Name: "HSET"}, func(b *event.Buffer) { b.HashSet([]byte("h"), []byte("a"), []byte("1"), []byte("b"), []byte("2")) })
	w.do(event.Header{Conn: 1, Name: "HSET"}, func(b *event.Buffer) { b.HashSet([]byte("h"), []byte("a"), []byte("3")) })
	parts := blames(t, w.dir, "h", []byte("a"), 2)
	if len(parts) != 1 || parts[0].By.Offset != 2 || parts[0].Type != state.Hash {
		t.Error(parts)
	}
	if parts = blames(t, w.dir, "h", []byte("nosuch"), 2); len(parts) != 0 {
		t.Error(parts)
	}
	out := t.TempDir() + "/restored"
	if _, err := Restore(w.dir, AtOffset(1), out, Wanted{}, nil); err != nil {
		t.Fatal(err)
	}
	parts = blames(t, out, "h", nil, 1)
	if len(parts) != 2 || parts[0].By != nil || parts[0].String() != `before @2: "a": "1"` {
		t.Error(parts)
	}
}
