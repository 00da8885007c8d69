package state

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/altilium-db/altilium/state/event"
	"pgregory.net/rapid"
)

// mapKeyspace is the naive keyspace: a Go map, sorted when its order is asked for.
type mapKeyspace struct {
	d    *database
	refs map[string]ref
}

func (k *mapKeyspace) find(_ uint64, key []byte) ref            { return k.refs[string(key)] }
func (k *mapKeyspace) insert(_ uint64, r ref)                   { k.refs[string(k.d.key(r))] = r }
func (k *mapKeyspace) remove(_ uint64, r ref)                   { delete(k.refs, string(k.d.key(r))) }
func (k *mapKeyspace) replace(_ uint64, _ ref, r ref)           { k.refs[string(k.d.key(r))] = r }
func (k *mapKeyspace) count() int                               { return len(k.refs) }
func (k *mapKeyspace) expect(int)                               {}
func (k *mapKeyspace) touch([]uint64)                           {}
func (k *mapKeyspace) skip(place int) (cursor uint64, left int) { return 0, place }

func (k *mapKeyspace) sorted() []ref {
	var all []ref
	for _, r := range k.refs {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b ref) int {
		x, y := k.d.key(a), k.d.key(b)
		return cmp.Or(cmp.Compare(k.d.secret.hash(x), k.d.secret.hash(y)), bytes.Compare(x, y))
	})
	return all
}

// random is index.random, told from the keys.
func (k *mapKeyspace) random(rnd func() uint64) ref {
	depth := max(bits.Len(uint(len(k.refs)))-4, 0)
	for {
		r := rnd()
		var group []ref
		for _, at := range k.sorted() {
			if k.d.secret.hash(k.d.key(at))>>(64-depth) == r>>(64-depth) {
				group = append(group, at)
			}
		}
		places := fair
		if depth == 0 {
			places = len(k.refs)
		}
		if place := int(uint32(r)) % max(places, len(group)); place < len(group) {
			return group[place]
		}
	}
}

func (k *mapKeyspace) scan(cursor uint64, n int, visit func(r ref) bool) (next uint64) {
	last := uint64(0)
	for _, r := range k.sorted() {
		tag := k.d.secret.hash(k.d.key(r))>>refBits + 1
		if tag <= cursor {
			continue
		}
		if n <= 0 && tag != last {
			return last
		}
		n, last = n-1, tag
		if !visit(r) {
			return last
		}
	}
	return 0
}

// naive is a state whose keyspaces are Go maps.
func naive() *State {
	s := New(0)
	s.keyspace = func(d *database) keyspace { return &mapKeyspace{d, map[string]ref{}} }
	for i := range s.dbs {
		s.dbs[i] = s.newDatabase()
	}
	return s
}

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

// TestRandomIsFair: every key is drawn about as often as the others, in segments
// of whatever size.
func TestRandomIsFair(t *testing.T) {
	for _, n := range []int{1, 10, 100, 5000} {
		s := New(3)
		for i := range n {
			apply(t, s, 0, func(b *event.Buffer) { b.String(fmt.Appendf(nil, "%d", i), nil, 0) })
		}
		rng := rand.New(rand.NewPCG(5, uint64(n)))
		drawn := map[string]int{}
		const each = 100
		for range n * each {
			k, ok := s.View(0, 0).Random(rng.Uint64)
			if !ok {
				t.Fatal("there are keys")
			}
			drawn[string(k)]++
		}
		if len(drawn) != n {
			t.Errorf("%d of %d keys were drawn", len(drawn), n)
		}
		for k, times := range drawn {
			if math.Abs(float64(times-each)) > 6*math.Sqrt(each) && n > 1 {
				t.Errorf("of %d keys %q was drawn %d times, %d would be fair", n, k, times, each)
			}
		}
	}
}

// TestRandomFollowsFromTheKeys: what is drawn is a matter of the keys and the random
// numbers, not of what was there before; so a recording can be played on a state
// that was loaded.
func TestRandomFollowsFromTheKeys(t *testing.T) {
	s := New(0)
	for i := range 6000 {
		apply(t, s, 0, func(b *event.Buffer) { b.String(fmt.Appendf(nil, "%d", i), nil, 0) })
	}
	for _, left := range []int{6000, 1000, 100, 15, 2, 1} {
		for i := s.Keys(0) - 1; i >= left; i-- {
			apply(t, s, 0, func(b *event.Buffer) { b.Delete(fmt.Appendf(nil, "%d", i), event.User) })
		}
		loaded := copyOf(t, s)
		for seed := range uint64(50) {
			a, _ := s.View(0, 0).Random(seeded(seed))
			b, _ := loaded.View(0, 0).Random(seeded(seed))
			if string(a) != string(b) {
				t.Fatalf("of %d keys %q, and %q when they are loaded", left, a, b)
			}
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

// TestHashOfKeys: keys of every length that differ in one bit, or in length alone,
// have hashes that differ in many bits; another seed gives others.
func TestHashOfKeys(t *testing.T) {
	a, b := newSecret(1), newSecret(2)
	seen := map[uint64]string{}
	for n := range 70 {
		key := make([]byte, n)
		for bit := -1; bit < 8*n; bit++ {
			if bit >= 0 {
				key[bit/8] ^= 1 << (bit % 8)
			}
			h := a.hash(key)
			if other, ok := seen[h]; ok {
				t.Errorf("%x and %x have the same hash", key, other)
			}
			if h == b.hash(key) {
				t.Errorf("%x has the same hash with another seed", key)
			}
			seen[h] = string(key)
			if bit >= 0 {
				key[bit/8] ^= 1 << (bit % 8)
			}
		}
	}
	var ones [64]int
	for h := range seen {
		for i := range ones {
			ones[i] += int(h >> i & 1)
		}
	}
	for i, n := range ones {
		if share := float64(n) / float64(len(seen)); share < 0.48 || share > 0.52 {
			t.Errorf("bit %d is set in %.3f of the hashes", i, share)
		}
	}
}
