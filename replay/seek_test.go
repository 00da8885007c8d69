package replay

import (
	"fmt"
	"testing"
	"time"
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
