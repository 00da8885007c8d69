package state

import (
	"fmt"
	"slices"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// check proves that each block of each page is either in use, by the index, or in
// its page's list, once.
func (m *memory) check(t interface{ Fatalf(string, ...any) }, d *database) {
	used := map[ref]bool{}
	indexes := []*index{d.keys.(*index)}
	for _, o := range d.objects {
		if o != nil && o.hash != nil {
			indexes = append(indexes, o.hash.index)
		}
	}
	for _, x := range indexes {
		for i := range x.segs {
			if x.segs[i].slots == nil {
				continue // of a dead hash, and released
			}
			if block := x.segs[i].block; block != 0 {
				used[block] = true
			}
			for _, slot := range x.segs[i].slots {
				if slot != 0 {
					used[slot&refMask] = true
				}
			}
		}
	}
	var taken, bytes int64
	for n := 1; n < len(m.pages); n++ {
		p := &m.pages[n]
		if p.class == 0 {
			continue
		}
		taken += pageSize
		size := sizeOf(p.class)
		free := map[int]bool{}
		for f := p.free; f != 0; {
			block := int(f - 1)
			if free[block] || block >= int(p.given) {
				t.Fatalf("page %d: block %d is free twice, or was never given", n, block)
			}
			free[block] = true
			b := m.at(ref(n)<<pageUnits | ref(block*size)>>unitShift)
			f = uint16(b[2]) | uint16(b[3])<<8
		}
		live := 0
		for block := range int(p.given) {
			r := ref(n)<<pageUnits | ref(block*size)>>unitShift
			if used[r] == free[block] {
				t.Fatalf("page %d of class %d: block %d is used %v, free %v", n, p.class, block, used[r], free[block])
			}
			if used[r] {
				live++
				if p.class <= recordClasses && m.at(r)[0]&^classObject != p.class {
					t.Fatalf("page %d: block %d says it is of class %d", n, block, m.at(r)[0])
				}
			}
			delete(used, r)
		}
		if live == 0 && p.class > recordClasses {
			t.Fatalf("page %d has a place for segments of class %d, and none is there", n, p.class)
		}
		bytes += int64(live * size)
		if live != int(p.live) || p.open != (p.free != 0 && m.victim.page != uint32(n)) {
			t.Fatalf("page %d: %d blocks in use, it says %d; listed %v", n, live, p.live, p.open)
		}
	}
	cold := make([]byte, len(m.cold))
	for _, n := range m.spare[:len(m.spare)-m.warm] {
		cold[n/hugePages]++
	}
	if !slices.Equal(cold, m.cold) {
		t.Fatalf("pages without memory: %v, it says %v", cold, m.cold)
	}
	if taken != m.taken || bytes != m.used || len(used) != 0 {
		t.Fatalf("%d bytes of pages (%d), %d of blocks (%d), %d refs to no page", m.taken, taken, m.used, bytes, len(used))
	}
}

// TestClasses: each size has the smallest class that holds it.
func TestClasses(t *testing.T) {
	for c := uint8(2); c <= classes; c++ {
		if sizeOf(c)%8 != 0 || c != recordClasses+1 && sizeOf(c) <= sizeOf(c-1) {
			t.Fatalf("class %d has %d bytes, the one before %d", c, sizeOf(c), sizeOf(c-1))
		}
	}
	for n := 1; n <= maxRecord; n++ {
		c := classFor(n)
		if c < 2 || c > recordClasses || sizeOf(c) < n || c > 2 && sizeOf(c-1) >= n {
			t.Fatalf("%d bytes get class %d of %d bytes", n, c, sizeOf(c))
		}
	}
}

// TestPurge: no free page keeps its memory, and a key may come there again.
func TestPurge(t *testing.T) {
	s := New(0)
	var b event.Buffer
	key := func(i int) []byte { return fmt.Appendf(nil, "key:%d", i) }
	apply := func(record func(i int)) {
		for i := range 20000 {
			b.Truncate(0)
			record(i)
			if _, err := s.Apply(0, b.Bytes()); err != nil {
				t.Fatal(err)
			}
		}
	}
	value := make([]byte, 200)
	for range 2 {
		apply(func(i int) { b.String(key(i), value, 0) })
		apply(func(i int) { b.Delete(key(i), event.User) })
		if s.dbs[0].mem.warm == 0 {
			t.Fatal("no free page has memory: nothing is tested")
		}
		s.Purge()
		if m := s.dbs[0].mem; m.warm != 0 {
			t.Errorf("%d free pages have memory", m.warm)
		}
		s.dbs[0].mem.check(t, s.dbs[0])
	}
}
