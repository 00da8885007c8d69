package state

import (
	"errors"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// TestOutOfMemory: a database that has all pages that it can have says so by a panic, which
// CatchOutOfMemory makes an error; any other panic it leaves alone.
func TestOutOfMemory(t *testing.T) {
	try := func(f func()) (err error) {
		defer CatchOutOfMemory(&err)
		f()
		return nil
	}
	set := func(s *State, key string) func() {
		return func() { apply(t, s, 0, func(b *event.Buffer) { b.String([]byte(key), []byte("v"), 0) }) }
	}
	s := New(0)
	if err := try(set(s, "a")); err != nil {
		t.Fatal(err)
	}
	m := s.dbs[0].mem
	m.fresh = mostPages
	for c := range m.class {
		m.class[c].current = 0 // each block needs a new page
	}
	var memory *OutOfMemory
	err := try(set(s, "b"))
	if !errors.As(err, &memory) || !errors.Is(err, ErrFull) || memory.Want != pageSize || memory.Used != s.Memory() {
		t.Fatalf("a full database: %v", err)
	}
	want := "out of memory: 0.2 MiB more are needed for a database whose keys take 0.5 MiB: a database has 128 GiB of keys at most"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if err := try(set(New(0), "a")); err != nil {
		t.Errorf("another state: %v", err)
	}

	defer func() {
		if v := recover(); v != "a bug" {
			t.Errorf("recovered from %v, want the bug", v)
		}
	}()
	t.Errorf("a bug became %v", try(func() { panic("a bug") }))
}
