package state

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// largeHash sets n fields of a hash, some with values that need an object.
func largeHash(t *testing.T, s *State, key string, n int) {
	t.Helper()
	for i := range n {
		value := fmt.Appendf(nil, "value %d", i)
		if i%1000 == 0 {
			value = bytes.Repeat([]byte("v"), 10_000)
		}
		apply(t, s, 0, func(b *event.Buffer) { b.HashSet([]byte(key), fmt.Appendf(nil, "field:%d", i), value) })
	}
}

// TestLargeHash: the fields of a large hash are found by name, by place in any
// order, and by a scan; a copy, a rename and a move take all of them along.
func TestLargeHash(t *testing.T) {
	s := New(5)
	const n = 20_000
	largeHash(t, s, "h", n)
	invariants(t, s)
	h, err := s.View(0, 0).Hash([]byte("h"))
	if err != nil || h.Len() != n {
		t.Fatalf("%d fields, %v", h.Len(), err)
	}
	var inOrder []string
	for i := range n {
		f, v := h.At(i)
		inOrder = append(inOrder, string(f))
		if got, ok := h.Get(f); !ok || !bytes.Equal(got, v) {
			t.Fatalf("%q: %.20q by name, %.20q by place", f, got, v)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		i := rng.IntN(n)
		if f, _ := h.At(i); string(f) != inOrder[i] {
			t.Fatalf("place %d is %q, and in order %q", i, f, inOrder[i])
		}
	}
	seen := 0
	for cursor, calls := uint64(0), 0; calls == 0 || cursor != 0; calls++ {
		cursor = h.Scan(cursor, 100, func(f, _ []byte) {
			if string(f) != inOrder[seen] {
				t.Fatalf("the scan has %q at place %d", f, seen)
			}
			seen++
		})
	}
	if seen != n {
		t.Errorf("the scan saw %d fields", seen)
	}
	digest := s.Digest()
	apply(t, s, 0, func(b *event.Buffer) {
		b.Copy([]byte("h"), []byte("copy"), 0)
		b.Copy([]byte("h"), []byte("copy"), 1)
		b.HashSet([]byte("h"), []byte("field:1"), []byte("other"))
		b.Delete([]byte("h"), event.User)
		b.Rename([]byte("copy"), []byte("h"))
	})
	apply(t, s, 1, func(b *event.Buffer) {
		b.Move([]byte("copy"), 0)
		b.Database(0)
		b.Delete([]byte("copy"), event.User)
	})
	if s.Digest() != digest || s.Digest() != s.RecomputeDigest() {
		t.Error("copied, renamed and moved it is another hash")
	}
	invariants(t, s)
	c := copyOf(t, s)
	if c.Digest() != digest {
		t.Error("through a record it is another hash")
	}
}

// TestFieldsOfManyHashes: a field's record keeps the whole number of its hash,
// however many there are, and is moved within that hash.
func TestFieldsOfManyHashes(t *testing.T) {
	s := New(5)
	d := s.dbs[0]
	for _, number := range []uint32{0, 1, 1<<24 - 1, 1 << 24, 1<<28 - 1} {
		x := newIndex(d)
		field, value := []byte("field"), []byte("value")
		r := d.store(x, d.secret.hash(field), 0, &entry{typ: fieldType, access: number, key: field, payload: value})
		e := d.load(r)
		if e.access != number || e.typ != fieldType || e.enc != 0 || e.expire != 0 || string(e.key) != "field" || string(e.payload) != "value" {
			t.Errorf("%d came back as %+v", number, e)
		}
	}
}

// TestDeadHashesAreReleased: deleting a large hash is over at once, its memory
// comes back while other things happen, and nothing else is harmed meanwhile.
func TestDeadHashesAreReleased(t *testing.T) {
	s := New(5)
	const n = 150_000
	largeHash(t, s, "dead", n)
	largeHash(t, s, "alive", 2000)
	full := s.Memory()
	apply(t, s, 0, func(b *event.Buffer) { b.Delete([]byte("dead"), event.User) })
	invariants(t, s)
	largeHash(t, s, "dead", 700) // another one under its name
	for range 5 {
		for range 1000 {
			apply(t, s, 0, func(b *event.Buffer) { b.String([]byte("other"), nil, 0) })
		}
		invariants(t, s)
	}
	if len(s.dbs[0].graves) != 0 || s.Memory() > 3*wasteFrom/2 {
		t.Errorf("%d dead hashes left, %d bytes of %d are taken", len(s.dbs[0].graves), s.Memory(), full)
	}
	if h, _ := s.View(0, 0).Hash([]byte("alive")); h.Len() != 2000 {
		t.Errorf("%d fields of the other are left", h.Len())
	}
	if s.Digest() != s.RecomputeDigest() {
		t.Error("the digest is wrong")
	}
}

// TestDeadHashesDoNotPileUp: a hash that is built anew by large events and renamed
// into its place takes no more memory the tenth time than the third.
func TestDeadHashesDoNotPileUp(t *testing.T) {
	s := New(5)
	const fields, together = 40_000, 1000
	var third int64
	for round := range 10 {
		for i := 0; i < fields; i += together {
			var pairs [][]byte
			for j := range together {
				pairs = append(pairs, fmt.Appendf(nil, "field:%d", i+j), fmt.Appendf(nil, "value %d", round))
			}
			apply(t, s, 0, func(b *event.Buffer) { b.HashSet([]byte("next"), pairs...) })
		}
		apply(t, s, 0, func(b *event.Buffer) { b.Rename([]byte("next"), []byte("now")) })
		if round == 2 {
			third = s.Memory()
		}
	}
	invariants(t, s)
	if n := len(s.dbs[0].graves); n > 2 || s.Memory() > third+third/4 {
		t.Errorf("%d dead hashes wait; %d bytes are taken, they were %d", n, s.Memory(), third)
	}
}

// TestDeadSortedSetsAreReleased: while a sorted set is being released, its records are moved
// together as others are, and what moves them does not look for them in an order of members
// of which many are gone.
func TestDeadSortedSetsAreReleased(t *testing.T) {
	s := New(5)
	const members = 150_000
	fill := func(first, last int) {
		for i := first; i < last; i++ {
			apply(t, s, 0, func(b *event.Buffer) {
				b.ZSetAdd([]byte("z"), []float64{0}, [][]byte{fmt.Appendf(nil, "member:%012d", i)})
			})
		}
	}
	fill(0, members)
	apply(t, s, 0, func(b *event.Buffer) { b.Delete([]byte("z"), event.User) })
	moved := false
	for i := 0; len(s.dbs[0].graves) > 0; i += 10 {
		moved = moved || s.dbs[0].mem.victim.page != 0
		if i == members {
			t.Fatal("there is no end to it")
		}
		fill(i, i+10)
	}
	if !moved {
		t.Error("nothing was moved meanwhile: nothing is tested")
	}
	invariants(t, s)
	if s.Digest() != s.RecomputeDigest() {
		t.Error("the digest is wrong")
	}
}

// TestDeadHashesAreReleasedAtRest: their memory comes back when nothing happens any
// more, in whichever database they were.
func TestDeadHashesAreReleasedAtRest(t *testing.T) {
	s := New(5)
	largeHash(t, s, "dead", 100_000)
	largeHash(t, s, "alive", 2000)
	apply(t, s, 0, func(b *event.Buffer) { b.Delete([]byte("dead"), event.User) })
	apply(t, s, 0, func(b *event.Buffer) { b.Swap(0, 3) })
	digest := s.Digest()
	for n := 0; s.Rest(); n++ {
		if n == 100_000 {
			t.Fatal("there is no end to it")
		}
	}
	invariants(t, s)
	if n := len(s.dbs[3].graves); n != 0 || s.Memory() > 3*wasteFrom/2 {
		t.Errorf("%d dead hashes left, %d bytes are taken", n, s.Memory())
	}
	if h, _ := s.View(3, 0).Hash([]byte("alive")); h.Len() != 2000 || s.Digest() != digest || s.RecomputeDigest() != digest {
		t.Errorf("%d fields of the other are left, or the digest is wrong", h.Len())
	}
}

// TestPrefetchChangesNothing, whatever it is told.
func TestPrefetchChangesNothing(t *testing.T) {
	s := New(5)
	s.Prefetch(0, [][]byte{[]byte("nothing"), nil})
	s.PrefetchFields(0, []byte("nothing"), [][]byte{nil})
	largeHash(t, s, "large", 2000)
	largeHash(t, s, "small", 3)
	apply(t, s, 0, func(b *event.Buffer) { b.String([]byte("s"), nil, 5) })
	before := dump(s)
	var keys [][]byte
	for i := range 3000 {
		keys = append(keys, fmt.Appendf(nil, "field:%d", i))
	}
	keys = append(keys, []byte("large"), []byte("small"), []byte("s"), nil, bytes.Repeat([]byte("k"), 10_000))
	s.Prefetch(0, keys)
	s.Prefetch(1, keys)
	for _, key := range []string{"large", "small", "s", "nothing", ""} {
		s.PrefetchFields(0, []byte(key), keys)
	}
	if dump(s) != before {
		t.Error("it changed the state")
	}
	invariants(t, s)
	if n := testing.AllocsPerRun(10, func() {
		s.Prefetch(0, keys)
		s.PrefetchFields(0, keys[3000], keys)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
