package state

import (
	"fmt"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// TestUnionOf: the union of large sets has each member once, those whose hashes begin
// alike too, in the order of hashes; what cannot be merged is refused.
func TestUnionOf(t *testing.T) {
	const n = 100_000 // enough that some tags are the same
	s := New(3)
	var b event.Buffer
	for i := range n {
		m := fmt.Appendf(nil, "member %d", i)
		for name, has := range map[string]bool{"thirds": i%3 == 0, "halves": i%2 == 0, "late": i > n*3/4, "one": i == 17} {
			if has {
				b.SetAdd([]byte(name), m)
			}
		}
	}
	for i := range 600 {
		b.SetAdd([]byte("others"), fmt.Appendf(nil, "other %d", i))
	}
	if _, err := s.Apply(0, b.Bytes()); err != nil {
		t.Fatal(err)
	}
	for _, names := range [][]string{
		{}, {"none"}, {"thirds"}, {"thirds", "thirds"}, {"thirds", "halves"}, {"halves", "none", "thirds", "late", "others"}, {"others", "late"},
	} {
		sets, want := []Members{}, map[string]bool{}
		for _, name := range names {
			m, _ := s.View(0, 0).Set([]byte(name))
			sets = append(sets, m)
			for i := range m.Len() {
				want[string(m.At(i))] = true
			}
		}
		got, last := 0, uint64(0)
		ok := UnionOf(sets, func(m []byte) {
			h := s.secret.hash(m)
			if !want[string(m)] || h < last {
				t.Fatalf("%v: %q is no member, came before, or comes too late", names, m)
			}
			delete(want, string(m))
			got, last = got+1, h
		})
		if !ok || len(want) > 0 {
			t.Errorf("%v: %d members, %d are missing (%v)", names, got, len(want), ok)
		}
	}
	one, _ := s.View(0, 0).Set([]byte("one"))
	large, _ := s.View(0, 0).Set([]byte("others"))
	many := make([]Members, 9)
	for i := range many {
		many[i] = large
	}
	for _, sets := range [][]Members{{large, one}, many} {
		if UnionOf(sets, func([]byte) { t.Error("a member is handed out") }) {
			t.Errorf("%d sets, of %d and %d members, are merged", len(sets), sets[0].Len(), sets[1].Len())
		}
	}
}
