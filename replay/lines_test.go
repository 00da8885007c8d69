package replay

import (
	"slices"
	"testing"
)

// TestLines: the entries that touch a key are the same from both ends, with who did it, and
// of them those of a range; what other keys of an entry did is not among them.
func TestLines(t *testing.T) {
	w := story(t)
	s, err := OpenSeeker(w.dir, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	last := w.Log.Last()
	read := func(after, to uint64, newest bool) (list []string) {
		for l, err := range s.Lines(Key{Key: []byte("k")}, after, to, newest) {
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, l.String())
		}
		return list
	}
	var want []string
	entries, err := OpenEntries(w.dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer entries.Close()
	offsets := []uint64{}
	for range last {
		l, err := entries.Next()
		if err != nil {
			t.Fatal(err)
		}
		l.Facts = slices.DeleteFunc(l.Facts, func(f Fact) bool { return !f.Event.Touches(f.DB, 0, []byte("k")) })
		if len(l.Facts) > 0 {
			want, offsets = append(want, l.String()), append(offsets, l.Offset)
		}
	}
	for after := range last {
		to := last - after/2
		var piece []string
		for i, at := range offsets {
			if at > after && at <= to {
				piece = append(piece, want[i])
			}
		}
		if got := read(after, to, false); !slices.Equal(got, piece) {
			t.Fatalf("@%d..@%d: got\n%q\nwant\n%q", after, to, got, piece)
		}
		slices.Reverse(piece)
		if got := read(after, to, true); !slices.Equal(got, piece) {
			t.Fatalf("@%d..@%d, newest first: got\n%q\nwant\n%q", after, to, got, piece)
		}
	}
	n := 0
	for range s.Lines(Key{Key: []byte("k")}, 0, last, true) {
		if n++; n == 3 {
			break
		}
	}
	for _, err := range s.Lines(Key{Key: []byte("k")}, 0, last+1, true) {
		if err == nil {
			t.Error("the future has entries")
		}
	}
	if n != 3 || len(want) < 10 {
		t.Errorf("%d entries touch the key, %d of them were read", len(want), n)
	}
}
