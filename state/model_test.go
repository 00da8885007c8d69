package state

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/state/event"
	"pgregory.net/rapid"
)

// mkey is a key of the model: plain maps, the naive version of a state.
type model [Databases]map[string]*mvalue

type mvalue struct {
	hash   map[string]string // nil: a string; of a set the values are empty
	set    bool
	scores map[string]float64 // of a sorted set
	list   []string           // nil where it is none
	stream *mstream
	text   string
	expire int64
}

func newModel() *model {
	m := &model{}
	for i := range m {
		m[i] = map[string]*mvalue{}
	}
	return m
}

func (v *mvalue) clone() *mvalue {
	c := *v
	c.scores, c.list = maps.Clone(v.scores), slices.Clone(v.list)
	if v.stream != nil {
		c.stream = v.stream.clone()
	}
	if v.hash != nil {
		c.hash = map[string]string{}
		for f, x := range v.hash {
			c.hash[f] = x
		}
	}
	return &c
}

// draw is what a step is made of.
type draw struct {
	*rapid.T
	b         *event.Buffer
	db, other int
	key       []byte
	text      string
	at        int64
}

func (d *draw) oneOf(name string, n int) int { return rapid.IntRange(0, n-1).Draw(d.T, name) }

// step draws one event that fits the model, records it and applies it to the
// model.
func (m *model) step(t *rapid.T, b *event.Buffer, db int) {
	d := &draw{
		T: t, b: b, db: db,
		other: rapid.IntRange(0, 2).Draw(t, "other"),
		key:   []byte(rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(t, "key")),
		text:  rapid.SampledFrom([]string{"", "1", "-5", "007", "text", strings.Repeat("x", 50), strings.Repeat("y", 300), strings.Repeat("z", 5000)}).Draw(t, "text"),
		at:    rapid.SampledFrom([]int64{0, 1000, 2000, 3000}).Draw(t, "at"),
	}
	v := m[db][string(d.key)]
	switch n := d.oneOf("family", 25); {
	case n >= 20 && (v == nil || v.stream != nil):
		m.streamStep(d, v)
	case n >= 15 && n < 20 && (v == nil || v.list != nil):
		m.listStep(d, v)
	case n >= 12 && n < 20 && (v == nil || v.scores != nil):
		m.zsetStep(d, v)
	case n < 4 && (v == nil || v.hash == nil && v.scores == nil && v.list == nil && v.stream == nil):
		m.stringStep(d, v)
	case n < 6 && (v == nil || v.hash != nil && !v.set):
		m.hashStep(d, v)
	case n < 8 && (v == nil || v.set):
		m.setStep(d, v)
	case n < 11 && v != nil:
		m.keyStep(d, v)
	case n == 11:
		m.databaseStep(d)
	default: // replaces whatever is there
		b.String(d.key, []byte(d.text), d.at)
		m[db][string(d.key)] = &mvalue{text: d.text, expire: d.at}
	}
}

func (m *model) stringStep(d *draw, v *mvalue) {
	text := d.text
	switch d.oneOf("string", 3) {
	case 0:
		d.b.Text(d.key, []byte(text), d.at)
		m[d.db][string(d.key)] = &mvalue{text: text, expire: d.at}
	case 1:
		if v != nil {
			d.b.Append(d.key, []byte(text))
			v.text += text
		}
	case 2:
		if v == nil {
			v = &mvalue{}
			m[d.db][string(d.key)] = v
		}
		d.b.Range(d.key, 3, []byte(text))
		for len(v.text) < 3+len(text) {
			v.text += "\x00"
		}
		v.text = v.text[:3] + text + v.text[3+len(text):]
	}
}

func (m *model) hashStep(d *draw, v *mvalue) {
	if d.oneOf("hash", 3) > 0 || v == nil {
		if v == nil {
			v = &mvalue{hash: map[string]string{}}
			m[d.db][string(d.key)] = v
		}
		for range rapid.SampledFrom([]int{1, 2, 600}).Draw(d.T, "fields") {
			f := strconv.Itoa(len(v.hash) % 700)
			d.b.HashSet(d.key, []byte(f), []byte(d.text))
			v.hash[f] = d.text
		}
		return
	}
	d.b.HashDelete(d.key, m.leave(d, v)...)
}

func (m *model) setStep(d *draw, v *mvalue) {
	if d.oneOf("set", 3) > 0 || v == nil {
		if v == nil {
			v = &mvalue{hash: map[string]string{}, set: true}
			m[d.db][string(d.key)] = v
		}
		members := [][]byte{[]byte(d.text)}
		for range rapid.SampledFrom([]int{0, 1, 2, 130, 600}).Draw(d.T, "members") {
			members = append(members, fmt.Append(nil, len(members)*7919%1301-600))
		}
		if len(members) > 1 && d.oneOf("integers only", 2) == 0 {
			members = members[1:]
		}
		d.b.SetAdd(d.key, members...)
		for _, x := range members {
			v.hash[string(x)] = ""
		}
		return
	}
	d.b.SetRemove(d.key, m.leave(d, v)...)
}

func (m *model) zsetStep(d *draw, v *mvalue) {
	if d.oneOf("sorted set", 3) > 0 || v == nil {
		if v == nil {
			v = &mvalue{scores: map[string]float64{}}
			m[d.db][string(d.key)] = v
		}
		var members [][]byte
		var scores []float64
		some := []float64{0, 1, -1.5, 1, math.Inf(1), math.Inf(-1), 1e300}
		for range rapid.SampledFrom([]int{1, 2, 100, 300}).Draw(d.T, "members") {
			members = append(members, fmt.Append(nil, len(members)*7919%1301, d.text[:min(len(d.text), 50)]))
			scores = append(scores, some[(len(members)*13+d.oneOf("score", 7))%7])
		}
		d.b.ZSetAdd(d.key, scores, members)
		for i, x := range members {
			v.scores[string(x)] = scores[i]
		}
		return
	}
	members := slices.Sorted(maps.Keys(v.scores))
	switch d.oneOf("removed", 3) {
	case 0:
		members = members[len(members)/2:]
	case 1: // neighbours in the order
		members = v.ranked()
		from := d.oneOf("from", len(members))
		members = members[from:min(len(members), from+rapid.SampledFrom([]int{1, 10, 100, 300}).Draw(d.T, "neighbours"))]
	case 2: // and some of them twice
		members = v.ranked()[len(members)/3:]
		members = append(members, members[len(members)/2:]...)
	}
	gone := make([][]byte, 0, len(members))
	for _, x := range members {
		gone = append(gone, []byte(x))
		delete(v.scores, x)
	}
	d.b.ZSetRemove(d.key, gone...)
	if len(v.scores) == 0 {
		delete(m[d.db], string(d.key))
	}
}

// ranked is the members of a sorted set in their order.
func (v *mvalue) ranked() []string {
	return slices.SortedFunc(maps.Keys(v.scores), func(a, b string) int {
		return cmp.Or(cmp.Compare(v.scores[a], v.scores[b]), cmp.Compare(a, b))
	})
}

// checkScores compares a sorted set with the model: the order both ways, and each member.
func (v *mvalue) checkScores(t *rapid.T, z Ranked, err error) {
	order := v.ranked()
	if err != nil || z.Len() != len(order) {
		t.Fatalf("%d members, the model has %d: %v", z.Len(), len(order), err)
	}
	for i, want := range order {
		member, score := z.At(i)
		if string(member) != want || score != v.scores[want] {
			t.Fatalf("place %d: %q %v, the model has %q %v", i, member, score, want, v.scores[want])
		}
		if place, ok := z.Place(member); !ok || place != i {
			t.Fatalf("%q is at place %d, its place says %d", member, i, place)
		}
		if n := z.SeekScore(func(s float64) bool { return s < score }); n > i {
			t.Fatalf("%d members are below %v, which is at place %d", n, score, i)
		}
	}
	for i := len(order) - 1; i >= 0; i-- {
		if member, _ := z.At(i); string(member) != order[i] {
			t.Fatalf("backwards, place %d: %q, the model has %q", i, member, order[i])
		}
	}
}

func (m *model) listStep(d *draw, v *mvalue) {
	n := 0
	if v != nil {
		n = len(v.list)
	}
	what := 0
	if n > 0 {
		what = d.oneOf("list", 5)
	}
	place := 0
	if n > 0 {
		place = rapid.IntRange(0, n-1).Draw(d.T, "place")
	}
	switch what {
	case 0:
		if v == nil {
			v = &mvalue{list: []string{}}
			m[d.db][string(d.key)] = v
		}
		side := event.Side(d.oneOf("side", 2))
		var elements [][]byte
		for i := range rapid.SampledFrom([]int{1, 2, 30, 500}).Draw(d.T, "elements") {
			x := fmt.Append(nil, n+i)
			if i%3 == 0 {
				x = append(x, d.text...)
			}
			elements = append(elements, x)
			if side == event.Left {
				v.list = slices.Insert(v.list, 0, string(x))
			} else {
				v.list = append(v.list, string(x))
			}
		}
		d.b.ListPush(d.key, side, elements...)
	case 1:
		side, gone := event.Side(d.oneOf("side", 2)), rapid.SampledFrom([]int{1, 1, min(n, 20), n - n/3, n}).Draw(d.T, "gone")
		d.b.ListPop(d.key, side, gone)
		if side == event.Left {
			v.list = v.list[gone:]
		} else {
			v.list = v.list[:n-gone]
		}
	case 2:
		d.b.ListSet(d.key, place, []byte(d.text))
		v.list[place] = d.text
	case 3:
		for range 10 {
			at := place + d.oneOf("behind", 2)
			d.b.ListInsert(d.key, at, []byte(d.text))
			v.list = slices.Insert(v.list, at, d.text)
		}
	case 4:
		var places []int
		step := rapid.SampledFrom([]int{1, 2, 100}).Draw(d.T, "step")
		for at := n - 1; at >= place; at -= step {
			places = append(places, at)
			v.list = slices.Delete(v.list, at, at+1)
		}
		slices.Reverse(places)
		d.b.ListRemove(d.key, places...)
	}
	if len(v.list) == 0 {
		delete(m[d.db], string(d.key))
	}
}

// checkList compares a list with the model, both ways and here and there.
func (v *mvalue) checkList(t *rapid.T, l Elements, err error) {
	if err != nil || l.Len() != len(v.list) {
		t.Fatalf("%d elements, the model has %d: %v", l.Len(), len(v.list), err)
	}
	for i, want := range v.list {
		if got := l.At(i); string(got) != want {
			t.Fatalf("element %d: %.30q, the model has %.30q", i, got, want)
		}
	}
	for i := len(v.list) - 1; i >= 0; i-- {
		if got := l.At(i); string(got) != v.list[i] {
			t.Fatalf("backwards, element %d: %.30q, the model has %.30q", i, got, v.list[i])
		}
	}
	for i := 0; i < len(v.list); i += 97 {
		if at := i * 31 % len(v.list); string(l.At(at)) != v.list[at] {
			t.Fatalf("element %d: %.30q, the model has %.30q", at, l.At(at), v.list[at])
		}
	}
}

// leave takes half of what a hash or set has out of it, all or one.
func (m *model) leave(d *draw, v *mvalue) (gone [][]byte) {
	fields := slices.Sorted(maps.Keys(v.hash))
	fields = fields[len(fields)/2:]
	if d.oneOf("all fields", 3) == 0 {
		fields = fields[:1]
	}
	for _, f := range fields {
		gone = append(gone, []byte(f))
		delete(v.hash, f)
	}
	if len(v.hash) == 0 {
		delete(m[d.db], string(d.key))
	}
	return gone
}

func (m *model) keyStep(d *draw, v *mvalue) {
	db, key := m[d.db], string(d.key)
	switch d.oneOf("key event", 5) {
	case 0:
		d.b.Delete(d.key, event.User)
		delete(db, key)
	case 1:
		d.b.Expire(d.key, d.at)
		v.expire = d.at
	case 2:
		d.b.Rename(d.key, []byte("b"))
		delete(db, key)
		db["b"] = v
	case 3:
		d.b.Copy(d.key, []byte("c"), d.other)
		m[d.other]["c"] = v.clone()
	case 4:
		d.b.Move(d.key, d.other)
		delete(db, key)
		m[d.other][key] = v
	}
}

func (m *model) databaseStep(d *draw) {
	switch d.oneOf("whole", 10) {
	case 0:
		d.b.Flush(d.other)
		m[d.other] = map[string]*mvalue{}
	case 1:
		d.b.FlushAll()
		*m = *newModel()
	default:
		d.b.Swap(d.db, d.other)
		m[d.db], m[d.other] = m[d.other], m[d.db]
	}
}

// check compares a state with the model, value by value.
func (m *model) check(t *rapid.T, s *State) {
	var first []string
	for db := range m {
		v := s.View(db, 0)
		if v.Len() != len(m[db]) {
			t.Fatalf("db %d has %d keys, the model %d", db, v.Len(), len(m[db]))
		}
		for key, want := range m[db] {
			at, ok := v.ExpireAt([]byte(key))
			if !ok || at != want.expire {
				t.Fatalf("db %d %q: expiry %d (%v), the model %d", db, key, at, ok, want.expire)
			}
			if want.expire > 0 {
				first = append(first, fmt.Sprintf("%08d %02d %s", want.expire, db, key))
			}
			if want.list != nil {
				l, err := v.List([]byte(key))
				want.checkList(t, l, err)
				continue
			}
			if want.stream != nil {
				got, err := v.Stream([]byte(key))
				want.stream.check(t, got, err)
				continue
			}
			if want.scores != nil {
				z, err := v.ZSet([]byte(key))
				want.checkScores(t, z, err)
				continue
			}
			if want.hash == nil {
				if got, _, err := v.String([]byte(key)); err != nil || string(got) != want.text {
					t.Fatalf("db %d %q: %q, %v", db, key, got, err)
				}
				continue
			}
			h, err := v.Hash([]byte(key))
			if want.set {
				var set Members
				set, err = v.Set([]byte(key))
				h = set.fields
			}
			if err != nil || h.Len() != len(want.hash) {
				t.Fatalf("db %d %q: %d fields, %v", db, key, h.Len(), err)
			}
			for f, x := range want.hash {
				if got, ok := h.Get([]byte(f)); !ok || string(got) != x {
					t.Fatalf("db %d %q %q: %q", db, key, f, got)
				}
			}
		}
	}
	slices.Sort(first)
	db, key, ok := s.NextDue(1 << 40)
	if ok != (len(first) > 0) || ok && fmt.Sprintf("%02d %s", db, key) != first[0][9:] {
		t.Fatalf("next due is db %d %q (%v), the model has %v", db, key, ok, first)
	}
	if d, r := s.Digest(), s.RecomputeDigest(); d != r {
		t.Fatalf("digest %016x, recomputed %016x", d, r)
	}
}

// TestModel: random events give what plain maps give; a copy made through
// records has the same digest and the same order.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, m := New(0), newModel()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			var b event.Buffer
			db := rapid.IntRange(0, 2).Draw(t, "db")
			m.step(t, &b, db)
			if _, err := s.Apply(db, b.Bytes()); err != nil {
				t.Fatal(err)
			}
			invariants(t, s)
			if rapid.Bool().Draw(t, "look") {
				m.check(t, s)
			}
		}
		m.check(t, s)
		invariants(t, s)
		c := copyOf(t, s)
		m.check(t, c)
		invariants(t, c)
		if c.Digest() != s.Digest() || dump(c) != dump(s) {
			t.Fatal("a copy through records differs")
		}
	})
}

// invariants checks what the fields of a state promise each other.
func invariants(t interface{ Fatalf(string, ...any) }, s *State) {
	next := int64(never)
	for db, d := range s.dbs {
		sum, withExpiry, dirty, objects := uint64(0), 0, 0, 0
		d.keys.scan(0, math.MaxInt, func(r ref) bool {
			e := d.load(r)
			if h := d.secret.hash(e.key); d.keys.find(h, e.key) != r || string(d.key(r)) != string(e.key) {
				t.Fatalf("db %d %q: is not found where it is", db, e.key)
			}
			if e.expire != 0 {
				withExpiry++
				next = min(next, e.expire)
				if it := d.due.item(int(e.heap)); it.r != r || it.at != e.expire {
					t.Fatalf("db %d %q: not at its place %d of the heap", db, e.key, e.heap)
				}
			}
			if e.o != nil {
				objects++
				if e.o.hash != nil {
					e.o.hash.index.check(t)
					e.o.hash.index.scan(0, math.MaxInt, func(r ref) bool {
						if f := d.load(r); f.typ != fieldType || d.objects[f.access] != e.o {
							t.Fatalf("db %d %q %q: is a field of something else", db, e.key, f.key)
						} else if f.o != nil {
							objects++
						}
						return true
					})
				}
				if e.o.list != nil {
					e.o.list.check(t)
				}
				if e.o.home != r || d.objects[e.obj-1] != e.o {
					t.Fatalf("db %d %q: its object has another home", db, e.key)
				}
			}
			if e.o != nil && e.o.dirty {
				dirty++
				if _, ok := d.dirty[e.o]; !ok {
					t.Fatalf("db %d %q: dirty and not among those", db, e.key)
				}
			} else {
				sum += e.digest(e.body())
			}
			if e.typ == Hash && !whole(&e) {
				t.Fatalf("db %d %q: a broken hash", db, e.key)
			}
			return true
		})
		if sum != d.sum || withExpiry != d.due.n || dirty != len(d.dirty) || len(d.graves) == 0 && objects != len(d.objects)-len(d.freeObjects) {
			t.Fatalf("db %d: sum %x of %x, %d in the heap of %d, %d dirty of %d, %d objects of %d less %d free",
				db, d.sum, sum, d.due.n, withExpiry, len(d.dirty), dirty, objects, len(d.objects), len(d.freeObjects))
		}
		for i := range d.due.n {
			if i > 0 && d.due.before(i, (i-1)/2) {
				t.Fatalf("db %d: the heap is out of order at %d", db, i)
			}
		}
		if x, ok := d.keys.(*index); ok {
			d.checkWeights(t)
			x.check(t)
			d.mem.check(t, d)
		}
	}
	if next != s.next {
		t.Fatalf("next expiry %d, should be %d", s.next, next)
	}
}

// check: what a list says of its chunks is true.
func (l *list) check(t interface{ Fatalf(string, ...any) }) {
	n, size := 0, 0
	for i, c := range l.chunks[l.first:] {
		elements, bytes := 0, 0
		for at := 0; at < len(c.data); elements++ {
			var x []byte
			x, at = elementAt(c.data, at)
			bytes += listpackSize(x)
		}
		if elements == 0 || c.n != elements || c.size != bytes {
			t.Fatalf("chunk %d has %d elements of %d bytes, it says %d of %d", i, elements, bytes, c.n, c.size)
		}
		n, size = n+elements, size+bytes
	}
	if l.seq.n != n || l.size != size {
		t.Fatalf("a list has %d elements of %d bytes, it says %d of %d", n, size, l.seq.n, l.size)
	}
}

// whole reports whether a hash and its index agree, and fit e's encoding.
func whole(e *entry) bool {
	seen, sum := map[string]bool{}, uint64(0)
	e.pairs(func(field, value []byte) {
		seen[string(field)] = true
		sum += pairDigest(field, value)
	})
	f := e.fields()
	return len(seen) > 0 && len(seen) == f.Len() && sum == e.body() && (e.enc == encListpack) == f.Small()
}
