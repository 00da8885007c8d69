package state

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/altilium-db/altilium/state/event"
	"pgregory.net/rapid"
)

// check holds an index against its invariants.
func (x *index) check(t interface{ Fatalf(string, ...any) }) {
	if x.n == 0 {
		return
	}
	total, free := 0, 0
	x.checkDirectory(t)
	for i := range x.segs {
		s := &x.segs[i]
		if s.slots == nil {
			free++
			continue
		}
		n, last := 0, uint64(0)
		if s.slots[len(s.slots)-1] != 0 {
			t.Fatalf("segment %d: nothing ends a search", i)
		}
		for at, slot := range s.slots {
			if slot == 0 {
				continue
			}
			n++
			key := x.db.key(slot & refMask)
			h := x.db.secret.hash(key)
			if h&tagMask != slot&tagMask || x.segment(h) != s {
				t.Fatalf("segment %d: %q does not belong here", i, key)
			}
			if home := s.home(h); home > at {
				t.Fatalf("segment %d: %q is before its home", i, key)
			} else {
				for between := home; between < at; between++ {
					if s.slots[between] == 0 {
						t.Fatalf("segment %d: %q would not be found", i, key)
					}
				}
			}
			if slot&tagMask < last {
				t.Fatalf("segment %d: out of order at %d", i, at)
			}
			last = slot & tagMask
		}
		if n != s.n || n > room(len(s.slots)) {
			t.Fatalf("segment %d: %d slots of %d are taken, it says %d", i, n, len(s.slots), s.n)
		}
		total += n
	}
	if total != x.n || free != len(x.free) {
		t.Fatalf("%d keys in the segments and %d without slots, the index says %d and %d", total, free, x.n, len(x.free))
	}
}

// checkDirectory proves that the segments lie side by side and cover all hashes.
func (x *index) checkDirectory(t interface{ Fatalf(string, ...any) }) {
	full := 0
	seen := map[uint32]bool{}
	for i := 0; i < len(x.dir); {
		n := x.dir[i]
		s := &x.segs[n]
		width := 1 << (x.bits - s.depth)
		if s.slots == nil || seen[n] || i%width != 0 {
			t.Fatalf("directory: segment %d of depth %d at %d, seen %v", n, s.depth, i, seen[n])
		}
		seen[n] = true
		if s.depth == x.bits {
			full++
		}
		for end := i + width; i < end; i++ {
			if x.dir[i] != n {
				t.Fatalf("directory: segment %d has not all of its places", n)
			}
		}
	}
	if len(x.dir) != 1<<x.bits || full != x.full || len(seen) != len(x.segs)-len(x.free) {
		t.Fatalf("directory of %d for %d bits: %d segments of full depth, it says %d; %d segments of %d less %d free",
			len(x.dir), x.bits, full, x.full, len(seen), len(x.segs), len(x.free))
	}
}

// TestKeyspaces: the same events in the index and in a Go map: the same state, the
// same order, the same pages of a SCAN, the same keys due first.
func TestKeyspaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, m := New(0), naive(), newModel()
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			var buf event.Buffer
			db := rapid.IntRange(0, 2).Draw(t, "db")
			if rapid.IntRange(0, 9).Draw(t, "many") == 0 {
				from, n := rapid.IntRange(0, 500).Draw(t, "from"), rapid.IntRange(1, 300).Draw(t, "n")
				for i := from; i < from+n; i++ {
					key := fmt.Appendf(nil, "many:%d", i)
					if _, there := m[db][string(key)]; there && i%3 > 0 {
						buf.Delete(key, event.User)
						delete(m[db], string(key))
					} else {
						value := bytes.Repeat([]byte("v"), i%100)
						buf.String(key, value, 0)
						m[db][string(key)] = &mvalue{text: string(value)}
					}
				}
			} else {
				m.step(t, &buf, db)
			}
			for _, s := range []*State{a, b} {
				if _, err := s.Apply(db, buf.Bytes()); err != nil {
					t.Fatal(err)
				}
			}
		}
		invariants(t, a)
		if a.Digest() != b.Digest() || a.RedisDigest() != b.RedisDigest() || dump(a) != dump(b) {
			t.Fatal("the states differ")
		}
		count := rapid.IntRange(1, 30).Draw(t, "count")
		for db := range 3 {
			for cursor, calls := uint64(0), 0; calls == 0 || cursor != 0; calls++ {
				var keys [2][]string
				var next [2]uint64
				for i, s := range []*State{a, b} {
					next[i] = s.View(db, 1500).Scan(cursor, count, func(k []byte) { keys[i] = append(keys[i], string(k)) })
				}
				if next[0] != next[1] || !slices.Equal(keys[0], keys[1]) {
					t.Fatalf("SCAN %d: %d %q and %d %q", cursor, next[0], keys[0], next[1], keys[1])
				}
				cursor = next[0]
			}
			if n := a.Keys(db); n > 0 {
				seed := rapid.Uint64().Draw(t, "seed")
				x, _ := a.View(db, 0).Random(seeded(seed))
				if y, _ := b.View(db, 0).Random(seeded(seed)); string(x) != string(y) {
					t.Fatalf("RANDOMKEY: %q and %q", x, y)
				}
				from := rapid.IntRange(0, n-1).Draw(t, "export from")
				var keys [2][]string
				for i, s := range []*State{a, b} {
					s.Export(db, from, func(r Record) bool { keys[i] = append(keys[i], string(r.Key)); return len(keys[i]) < 5 })
				}
				if !slices.Equal(keys[0], keys[1]) || len(keys[0]) != min(5, n-from) {
					t.Fatalf("from place %d on: %q and %q", from, keys[0], keys[1])
				}
			}
		}
	})
}

// TestGrowAndShrink: a hundred thousand keys come and go; nothing is lost on the
// way, and the memory that they took is given back.
func TestGrowAndShrink(t *testing.T) {
	s := New(7)
	const n = 100_000
	key := func(i int) []byte { return fmt.Appendf(nil, "key:%012d", i) }
	var buf event.Buffer
	do := func(record func()) {
		buf.Truncate(0)
		record()
		if _, err := s.Apply(0, buf.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		do(func() { buf.String(key(i), make([]byte, 32), int64(i%3)*1000) })
	}
	invariants(t, s)
	full := s.Memory()
	t.Logf("%d keys of 16 + 32 bytes, a third of them with an expiry: %.1f bytes each", n, float64(full)/n)
	rng := rand.New(rand.NewPCG(1, 1))
	for _, i := range rng.Perm(n)[:n*9/10] {
		do(func() { buf.Delete(key(i), event.User) })
	}
	invariants(t, s)
	for range 30_000 { // what tidies up besides
		do(func() { buf.String([]byte("other"), nil, 0) })
	}
	invariants(t, s)
	left := s.Memory()
	t.Logf("a tenth of them: %.1f bytes each", float64(left)/(n/10))
	if left > full/10+2*wasteFrom {
		t.Errorf("%d bytes are taken for a tenth of what took %d", left, full)
	}
	seen := 0
	s.View(0, 0).Each(func([]byte) bool { seen++; return true })
	if seen != n/10+1 {
		t.Errorf("%d keys are left", seen)
	}
	do(func() { buf.Flush(0) })
	if s.Memory() != 0 || s.Keys(0) != 0 {
		t.Errorf("%d bytes after a flush", s.Memory())
	}
	do(func() { buf.String(key(1), nil, 0) })
	invariants(t, s)
}

// TestKeysInTheOrderOfTheirHashes: keys that come as a SCAN or a checkpoint hands
// them out, or the other way round, make no segment slow, and no index large.
func TestKeysInTheOrderOfTheirHashes(t *testing.T) {
	const n = 50_000
	source := New(1)
	var keys [][]byte
	for i := range n {
		apply(t, source, 0, func(b *event.Buffer) { b.String(fmt.Appendf(nil, "key:%d", i), nil, 0) })
	}
	source.View(0, 0).Each(func(key []byte) bool { keys = append(keys, bytes.Clone(key)); return true })
	for _, name := range []string{"forward", "expected", "backward", "from the middle"} {
		s := New(1)
		if name == "expected" {
			s.Expect(0, n)
		}
		for _, key := range keys {
			apply(t, s, 0, func(b *event.Buffer) { b.String(key, nil, 0) })
		}
		x := s.dbs[0].keys.(*index)
		x.check(t)
		if dump(s) != dump(source) {
			t.Errorf("%s: another order", name)
		}
		slots, far := 0, 0
		for i := range x.segs {
			seg := &x.segs[i]
			slots += len(seg.slots)
			for at, slot := range seg.slots {
				if slot != 0 {
					far = max(far, at-seg.home(slot))
				}
			}
		}
		t.Logf("%s: %d keys in %d segments, %.2f slots each, directory of %d; the farthest is %d from its home",
			name, n, len(x.segs), float64(slots)/n, len(x.dir), far)
		if slots > 3*n || len(x.dir) > n || name == "expected" && len(x.segs) > 32 {
			t.Errorf("%s: the index is too large", name)
		}
		if name == "forward" {
			continue
		}
		slices.Reverse(keys)
		if name == "backward" {
			keys = append(keys[n/2:], keys[:n/2]...)
		}
	}
}

// TestExpect: more keys than were expected, fewer, or none at all.
func TestExpect(t *testing.T) {
	for _, expected := range []int{0, 1, 44, 50, 4000, 20_000, 100_000} {
		s := New(1)
		s.Expect(0, expected)
		s.Expect(0, expected/2)
		s.Expect(0, expected)
		for i := range 20_000 {
			if i%5000 == 0 {
				invariants(t, s)
			}
			apply(t, s, 0, func(b *event.Buffer) { b.String(fmt.Appendf(nil, "key:%d", i), nil, 0) })
		}
		invariants(t, s)
		s.Expect(0, 10) // nothing: there are keys
		if s.Keys(0) != 20_000 || !s.View(0, 0).Exists([]byte("key:9")) {
			t.Errorf("%d expected: %d keys", expected, s.Keys(0))
		}
	}
}

// TestFlood: keys that all have the same hash, as somebody might find who knows the
// secret: none is lost, nothing grows without end, and others come off unharmed.
func TestFlood(t *testing.T) {
	s := New(0)
	*s.secret = secret{} // of no use: keys that end in 8 zeros have hash 0
	const n = 20_000
	key := func(i int) []byte { return fmt.Appendf(nil, "%08d\x00\x00\x00\x00\x00\x00\x00\x00", i) }
	other := func(i int) []byte { return fmt.Appendf(nil, "other:%010d", i) }
	rng := rand.New(rand.NewPCG(1, 1))
	for _, i := range rng.Perm(n) {
		apply(t, s, 0, func(b *event.Buffer) {
			b.String(key(i), nil, 0)
			b.String(other(i), nil, 0)
		})
	}
	if h := s.secret.hash(key(1)); h != s.secret.hash(key(2)) {
		t.Fatal("these keys do not collide")
	}
	invariants(t, s)
	x := s.dbs[0].keys.(*index)
	if len(x.dir) > 1<<deepest || len(x.segs) > 1000 {
		t.Errorf("a directory of %d for %d segments", len(x.dir), len(x.segs))
	}
	v := s.View(0, 0)
	seen := 0
	for cursor, calls := uint64(0), 0; calls == 0 || cursor != 0; calls++ {
		cursor = v.Scan(cursor, 100, func([]byte) { seen++ })
	}
	if seen != 2*n || v.Exists(key(n)) || v.Exists(other(n)) {
		t.Errorf("%d keys of %d; %v %v", seen, 2*n, v.Exists(key(n)), v.Exists(other(n)))
	}
	if k, ok := v.Random(seeded(1)); !ok || !v.Exists(k) {
		t.Errorf("drew %q, %v", k, ok)
	}
	for _, i := range rng.Perm(n) {
		apply(t, s, 0, func(b *event.Buffer) { b.Delete(key(i), event.User) })
	}
	invariants(t, s)
	if s.Keys(0) != n {
		t.Errorf("%d keys are left", s.Keys(0))
	}
}

// TestFloodAtTheEnd: the same where no hash is greater, so that a segment has least
// room behind.
func TestFloodAtTheEnd(t *testing.T) {
	s := New(0)
	d := s.dbs[0]
	x := newIndex(d)
	const n = 10_000
	var refs []ref
	hash := func(i int) uint64 { return ^uint64(0) - uint64(i)<<refBits }
	for i := range n {
		refs = append(refs, d.store(x, hash(i), 0, &entry{typ: String, enc: encRaw, key: fmt.Appendf(nil, "%d", i)}))
	}
	for i := range n {
		if r := x.find(hash(i), fmt.Appendf(nil, "%d", i)); r != refs[i] {
			t.Fatalf("key %d is not found", i)
		}
	}
	last := n
	x.scan(0, math.MaxInt, func(r ref) bool {
		if last--; r != refs[last] {
			t.Fatalf("%q in the place of %d", d.key(r), last)
		}
		return true
	})
	for i := range n {
		x.remove(hash(i), refs[i])
	}
	if x.count() != 0 || len(x.dir) != 1 {
		t.Errorf("%d keys left, a directory of %d", x.count(), len(x.dir))
	}
}

// TestMerge: what a mass deletion leaves is in as few segments as if the rest had
// never been, so that walking over it and drawing from it take no longer.
func TestMerge(t *testing.T) {
	s := New(3)
	const n = 50_000
	for i := range n {
		apply(t, s, 0, func(b *event.Buffer) { b.String(fmt.Appendf(nil, "%d", i), nil, 0) })
	}
	x := s.dbs[0].keys.(*index)
	for i := range n {
		apply(t, s, 0, func(b *event.Buffer) { b.Delete(fmt.Appendf(nil, "%d", i), event.User) })
		if left := n - i - 1; i%1000 == 0 || left < 50 {
			x.check(t)
			if segments := len(x.segs) - len(x.free); segments > 1+left/6 {
				t.Fatalf("%d keys left in %d segments", left, segments)
			}
		}
	}
	if len(x.dir) != 1 || len(x.segs)-len(x.free) != 1 {
		t.Errorf("no key left in %d segments, with a directory of %d", len(x.segs)-len(x.free), len(x.dir))
	}
}
