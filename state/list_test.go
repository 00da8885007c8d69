package state

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// TestElementsBothWays: an element is read from either end, whatever its length.
func TestElementsBothWays(t *testing.T) {
	var p []byte
	lengths := []int{0, 1, 62, 63, 124, 125, 126, 127, 128, 129, 16380, 16381, 16382, 16383, 16384, 1 << 21, 1<<21 + 1}
	for _, n := range lengths {
		before := len(p)
		p = appendElement(p, bytes.Repeat([]byte{byte(n)}, n))
		if len(p)-before != elementBytes(n) {
			t.Errorf("an element of %d bytes takes %d, not %d", n, len(p)-before, elementBytes(n))
		}
	}
	at := 0
	for _, n := range lengths {
		x, next := elementAt(p, at)
		back, start := elementBefore(p, next)
		if len(x) != n || !bytes.Equal(x, back) || start != at {
			t.Fatalf("an element of %d bytes: %d forwards, %d backwards, from %d and %d", n, len(x), len(back), at, start)
		}
		at = next
	}
	if at != len(p) {
		t.Errorf("%d of %d bytes were read", at, len(p))
	}
}

// TestSequence: the digest is the same however the elements came to their places, and
// another where they are others or in another order.
func TestSequence(t *testing.T) {
	if one := uint64(seqBase); one*seqInverse != 1 {
		t.Fatal("seqInverse is none")
	}
	x := func(i int) []byte { return fmt.Append(nil, i) }
	var forwards, backwards, roundabout sequence
	for i := range 100 {
		forwards.pushRight(x(i))
		backwards.pushLeft(x(99 - i))
		roundabout.pushRight(x(i + 1000))
		roundabout.pushLeft(x(i + 2000))
	}
	for i := 99; i >= 0; i-- {
		roundabout.popRight(x(i + 1000))
		roundabout.popLeft(x(i + 2000))
	}
	for i := range 100 {
		roundabout.pushRight(x(99 - i))
	}
	for i := range 100 {
		roundabout.replace(i, x(99-i), x(i))
	}
	if forwards != backwards || forwards != roundabout {
		t.Errorf("%v from the left, %v from the right, %v roundabout", forwards, backwards, roundabout)
	}
	for _, other := range [][]int{{}, {0}, {0, 0}, {0, 1}, {1, 0}, {0, 0, 0}} {
		for _, another := range [][]int{{}, {0}, {0, 0}, {0, 1}, {1, 0}, {0, 0, 0}} {
			var a, b sequence
			for _, i := range other {
				a.pushRight(x(i))
			}
			for _, i := range another {
				b.pushRight(x(i))
			}
			if (fmt.Sprint(other) == fmt.Sprint(another)) != (a.sum == b.sum) {
				t.Errorf("%v has %x, %v has %x", other, a.sum, another, b.sum)
			}
		}
	}
}

// TestLargeList: inserting at one place again and again, removing here and there, and
// what a list does with its chunks then.
func TestLargeList(t *testing.T) {
	s, k := New(0), []byte("l")
	x := func(i int) []byte { return fmt.Appendf(nil, "element %d", i) }
	const n = 20_000
	for i := range n {
		apply(t, s, 0, func(b *event.Buffer) { b.ListPush(k, event.Right, x(i)) })
	}
	for i := range n {
		apply(t, s, 0, func(b *event.Buffer) { b.ListInsert(k, n/2, x(n+i)) })
	}
	r := s.dbs[0].keys
	l := s.dbs[0].load(r.find(s.dbs[0].secret.hash(k), k)).o.list
	most := 0
	for _, c := range l.chunks[l.first:] {
		most = max(most, len(c.data))
	}
	if chunks := len(l.chunks) - l.first; chunks > 2*n*20/(chunkRoom/3) || most > chunkRoom+100 {
		t.Errorf("%d elements in %d chunks, of at most %d bytes", 2*n, chunks, most)
	}
	v, err := s.View(0, 0).List(k)
	if err != nil || v.Len() != 2*n {
		t.Fatalf("%d elements, %v", v.Len(), err)
	}
	for i, want := range map[int]int{0: 0, n/2 - 1: n/2 - 1, n / 2: 2*n - 1, n/2 + n - 1: n, n/2 + n: n / 2, 2*n - 1: n - 1} {
		if got := v.At(i); !bytes.Equal(got, x(want)) {
			t.Errorf("element %d is %q, want %q", i, got, x(want))
		}
	}
	if s.Digest() != s.RecomputeDigest() {
		t.Error("the digest is wrong")
	}
	var places []int
	for i := range n {
		if i%50 > 0 {
			places = append(places, n/2+i)
		}
	}
	apply(t, s, 0, func(b *event.Buffer) {
		b.Copy(k, []byte("thin"), 0)
		b.ListRemove([]byte("thin"), places...)
	})
	thin := s.dbs[0].load(r.find(s.dbs[0].secret.hash([]byte("thin")), []byte("thin"))).o.list
	if chunks := len(thin.chunks) - thin.first; thin.seq.n != 2*n-len(places) || chunks > (n+n/50)*20/(chunkRoom/3) {
		t.Errorf("%d elements in %d chunks after most are gone", thin.seq.n, chunks)
	}
	invariants(t, s)
	apply(t, s, 0, func(b *event.Buffer) {
		b.Copy(k, []byte("copy"), 3)
		b.ListPop(k, event.Left, 2*n-10)
		b.Rename([]byte("l"), []byte("to"))
		b.Move([]byte("to"), 1)
	})
	invariants(t, s)
	if v, _ := s.View(1, 0).List([]byte("to")); v.Len() != 10 || !bytes.Equal(v.At(9), x(n-1)) {
		t.Errorf("%d elements are left, the last %q", v.Len(), v.At(9))
	}
	if v, _ := s.View(3, 0).List([]byte("copy")); v.Len() != 2*n || !bytes.Equal(v.At(7), x(7)) {
		t.Errorf("the copy has %d elements", v.Len())
	}
}

// TestHeadOfSmallList: a list that came in one event is a small one whatever its elements
// take beyond their bytes, so its head may have to count far.
func TestHeadOfSmallList(t *testing.T) {
	s, k := New(0), []byte("l")
	for _, n := range []int{1, 126, 127, 128, 16383, 16384, 70_000} {
		apply(t, s, 0, func(b *event.Buffer) { b.ListPush(k, event.Right, make([][]byte, n)...) })
		v, err := s.View(0, 0).List(k)
		if enc := s.View(0, 0).Encoding(k); err != nil || v.Len() != n || enc != "listpack" {
			t.Fatalf("%d elements of %d, a %s, %v", v.Len(), n, enc, err)
		}
		apply(t, s, 0, func(b *event.Buffer) { b.ListSet(k, n-1, []byte("last")) })
		if v, _ = s.View(0, 0).List(k); string(v.At(n-1)) != "last" || n > 1 && len(v.At(0)) != 0 {
			t.Errorf("of %d elements the first is %q, the last %q", n, v.At(0), v.At(n-1))
		}
		invariants(t, s)
		apply(t, s, 0, func(b *event.Buffer) { b.Delete(k, event.User) })
	}
}

// TestForeignListEvents: what does not fit is an error that says why, and changes nothing.
func TestForeignListEvents(t *testing.T) {
	s := New(0)
	k := []byte("k")
	apply(t, s, 0, func(b *event.Buffer) {
		b.ListPush(k, event.Right, k, k)
		b.SetAdd([]byte("set"), k)
	})
	before := dump(s)
	for name, record := range map[string]func(b *event.Buffer){
		"more than there are":  func(b *event.Buffer) { b.ListPop(k, event.Left, 3) },
		"behind the last":      func(b *event.Buffer) { b.ListSet(k, 2, k) },
		"two behind the last":  func(b *event.Buffer) { b.ListInsert(k, 3, k) },
		"one that is not":      func(b *event.Buffer) { b.ListRemove(k, 0, 2) },
		"no key":               func(b *event.Buffer) { b.ListPop([]byte("none"), event.Left, 1) },
		"an element of no key": func(b *event.Buffer) { b.ListSet([]byte("none"), 0, k) },
		"a set":                func(b *event.Buffer) { b.ListPush([]byte("set"), event.Left, k) },
		"a list as a set":      func(b *event.Buffer) { b.SetAdd(k, k) },
		"a list as a hash":     func(b *event.Buffer) { b.HashDelete(k, k) },
	} {
		var b event.Buffer
		record(&b)
		if _, err := s.Apply(0, b.Bytes()); err == nil {
			t.Errorf("%s: applied", name)
		}
	}
	if dump(s) != before || s.Digest() != s.RecomputeDigest() {
		t.Errorf("something was changed:\n%s", dump(s))
	}
}
