package state

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// lvalue is a large value of the model: plain maps and slices.
type lvalue struct {
	typ    Type
	text   []byte         // of a string; never written to
	names  []string       // of fields or members, in no order
	values []string       // theirs: of a set empty, of a sorted set the scores
	place  map[string]int // of a name among them
	list   []string
	stream *mstream
	count  int  // of words that it ever had
	even   bool // of a sorted set: the scores are the same
	expire int64
}

func (v *lvalue) clone() *lvalue {
	c := *v
	c.names, c.values, c.place, c.list = slices.Clone(v.names), slices.Clone(v.values), maps.Clone(v.place), slices.Clone(v.list)
	if v.stream != nil {
		c.stream = v.stream.clone()
	}
	return &c
}

// size is how many elements it has.
func (v *lvalue) size() int {
	if v.stream != nil {
		return len(v.stream.entries)
	}
	return len(v.names) + len(v.list)
}

func (v *lvalue) set(name, value string) {
	i, found := v.place[name]
	if !found {
		i = len(v.names)
		v.place[name] = i
		v.names, v.values = append(v.names, ""), append(v.values, "")
	}
	v.names[i], v.values[i] = name, value
}

func (v *lvalue) remove(i int) (name string) {
	last := len(v.names) - 1
	name = v.names[i]
	v.names[i], v.values[i] = v.names[last], v.values[last]
	v.place[v.names[i]] = i
	delete(v.place, name)
	v.names, v.values = v.names[:last], v.values[:last]
	return name
}

// largeModel is what some states should hold, and what makes them so. All are given the
// same events; the first rests now and then as well, and another is made anew of its
// records.
type largeModel struct {
	t      *testing.T
	rnd    *rand.Rand
	states []*State
	dbs    [3]map[string]*lvalue
	dead   map[*object]Type // what was deleted
	both   map[Type]int     // events after which records were moved while some of this type were released
	lent   []lending
}

const (
	largeMost = 150_000 // elements in all, about
	largeGrow = 30_000  // that each key of a step gets at most
)

// TestLargeModel: random events on large values, many of which are being released while
// records are moved together, give what plain maps give, in a state that rests, in one
// that does not and in one that was loaded; what was lent of them does not change.
// ALTILIUM_LARGE is how many seeds are tried, ALTILIUM_LARGE_SEED the first of them.
func TestLargeModel(t *testing.T) {
	seeds, first := 1, uint64(1)
	if n, err := strconv.Atoi(os.Getenv("ALTILIUM_LARGE")); err == nil {
		seeds = n
	}
	if n, err := strconv.ParseUint(os.Getenv("ALTILIUM_LARGE_SEED"), 10, 64); err == nil {
		first = n
	}
	both := map[Type]int{}
	for i := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", first+i), func(t *testing.T) {
			m := &largeModel{t: t, rnd: rand.New(rand.NewPCG(first+i, 0)), states: []*State{New(0), New(0)}, dead: map[*object]Type{}, both: both}
			for db := range m.dbs {
				m.dbs[db] = map[string]*lvalue{}
			}
			m.run()
		})
	}
	for _, typ := range []Type{Hash, Set, ZSet} {
		if both[typ] < 100 {
			t.Errorf("after %d events records were moved while a %v was released: nothing is tested", both[typ], typ)
		}
	}
}

func (m *largeModel) run() {
	for _, typ := range []Type{ZSet, Hash, Set} {
		m.ruin(typ)
		for range 6 {
			m.step()
		}
		m.check()
		if m.rnd.IntN(2) == 0 {
			m.states[1] = copyOf(m.t, m.states[0])
		}
	}
	for db, keys := range m.dbs {
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			m.delete(db, key)
		}
	}
	for m.states[0].Rest() {
	}
	m.check()
	for _, d := range m.states[0].dbs {
		if d.heap != 0 || d.dying != 0 || len(d.graves) != 0 || d.mem.used > 1<<20 || len(d.objects) != len(d.freeObjects) {
			m.t.Errorf("without keys: %d bytes of objects, %d of dead hashes, %d of blocks; %d objects", d.heap, d.dying, d.mem.used, len(d.objects)-len(d.freeObjects))
		}
	}
}

// ruin has two keys grow in turns, and deletes one of them while a third one takes its place.
func (m *largeModel) ruin(typ Type) {
	db, dying, other := m.rnd.IntN(len(m.dbs)), m.name(), m.name()
	for other == dying {
		other = m.name()
	}
	for _, key := range []string{dying, other} {
		if m.dbs[db][key] != nil {
			m.delete(db, key)
		}
		m.dbs[db][key] = &lvalue{typ: typ, place: map[string]int{}, even: true}
	}
	for range 40 {
		m.add(db, []byte(dying), m.dbs[db][dying], largeGrow/40)
		m.add(db, []byte(other), m.dbs[db][other], largeGrow/80)
	}
	m.small(db)
	m.shrink(db, other, m.dbs[db][other])
	m.bury(db, dying)
	if m.rnd.IntN(2) == 0 {
		m.delete(db, dying)
	} else {
		m.event(db, func(b *event.Buffer) { b.String([]byte(dying), nil, 0) })
		m.dbs[db][dying] = &lvalue{typ: String}
	}
	for range 1000 {
		key := "third"
		if m.dbs[db][key] == nil {
			m.dbs[db][key] = &lvalue{typ: typ, place: map[string]int{}, even: true}
		}
		m.add(db, []byte(key), m.dbs[db][key], 1+m.rnd.IntN(10))
	}
}

// event applies one event to all states.
func (m *largeModel) event(db int, record func(b *event.Buffer)) {
	m.t.Helper()
	for _, s := range m.states {
		apply(m.t, s, db, record)
		for _, d := range s.dbs[:len(m.dbs)] {
			if n := len(d.graves); n > 0 && d.mem.victim.page != 0 {
				m.both[m.dead[d.objects[d.graves[n-1].number]]]++
			}
		}
	}
}

// name is a key, of which one is so long that it is an object by itself.
func (m *largeModel) name() string {
	i := m.rnd.IntN(6)
	return "key"[:1+i/2] + string(bytes.Repeat([]byte{'0' + byte(i)}, 1+i/5*maxKey))
}

// word is the next field, value or element of a key, of few lengths, lest each page has
// another one's records. A few need an object of their own, or may be lent.
func (m *largeModel) word(v *lvalue) string {
	v.count++
	long := 120 * m.rnd.IntN(4)
	switch n := m.rnd.IntN(2000); {
	case n == 0:
		long = LendFrom + m.rnd.IntN(100)
	case n < 6:
		long = maxKey/2 + m.rnd.IntN(2*maxRecord)
	}
	return fmt.Sprintf("%07d %s", v.count, bytes.Repeat([]byte{'a' + byte(v.count%26)}, long))
}

// part is how many of n elements an event is about: one, a few or many.
func (m *largeModel) part(n int) int { return 1 + m.rnd.IntN(min(n, 1<<m.rnd.IntN(12))) }

func (m *largeModel) step() {
	db, key, other := m.rnd.IntN(len(m.dbs))*m.rnd.IntN(2), m.name(), m.rnd.IntN(len(m.dbs))
	to := m.name()
	v := m.dbs[db][key]
	total := 0
	for _, keys := range m.dbs {
		for _, v := range keys {
			total += v.size()
		}
	}
	switch n := m.rnd.IntN(20); {
	case v == nil && total > largeMost, n < 2: // nothing, for a while
		m.rest()
	case v == nil || n < 9 && total < largeMost:
		m.grow(db, key, to)
	case n < 11:
		m.shrink(db, key, v)
	case n < 13:
		m.delete(db, key)
	case n == 13:
		m.bury(db, to)
		m.event(db, func(b *event.Buffer) { b.Rename([]byte(key), []byte(to)) })
		delete(m.dbs[db], key)
		m.dbs[db][to] = v
	case n < 16:
		if other == db && key == to {
			return
		}
		m.bury(other, to)
		m.event(db, func(b *event.Buffer) { b.Copy([]byte(key), []byte(to), other) })
		m.dbs[other][to] = v.clone()
	case n == 16:
		if other == db {
			return
		}
		m.bury(other, key)
		m.bury(db, key)
		m.event(db, func(b *event.Buffer) { b.Move([]byte(key), other) })
		delete(m.dbs[db], key)
		m.dbs[other][key] = v
	case n == 17:
		m.event(db, func(b *event.Buffer) { b.Swap(db, other) })
		m.dbs[db], m.dbs[other] = m.dbs[other], m.dbs[db]
	case n == 18 && m.rnd.IntN(3) == 0:
		m.event(db, func(b *event.Buffer) { b.Flush(other) })
		m.dbs[other] = map[string]*lvalue{}
	case n == 18:
		v.expire = m.rnd.Int64N(3) * 1000
		m.event(db, func(b *event.Buffer) { b.Expire([]byte(key), v.expire) })
	default:
		m.bury(db, key)
		text := text(m.rnd.IntN(1<<m.rnd.IntN(22)), byte(m.rnd.Uint32()))
		m.event(db, func(b *event.Buffer) { b.String([]byte(key), text, 0) })
		m.dbs[db][key] = &lvalue{typ: String, text: text}
	}
	m.small(db)
}

// bury notes what is about to be deleted.
func (m *largeModel) bury(db int, key string) {
	if v := m.dbs[db][key]; v != nil {
		for _, s := range m.states {
			if e := entryOf(s, db, []byte(key)); e.indexed() {
				m.dead[e.o] = v.typ
			}
		}
	}
}

func (m *largeModel) delete(db int, key string) {
	m.bury(db, key)
	m.event(db, func(b *event.Buffer) { b.Delete([]byte(key), event.User) })
	delete(m.dbs[db], key)
}

// rest has a state do what it does without events.
func (m *largeModel) rest() {
	s := m.states[0]
	for n := m.rnd.IntN(1 << m.rnd.IntN(12)); n > 0 && s.Rest(); n-- {
	}
	if m.rnd.IntN(4) == 0 {
		s.Purge()
	}
}

// small has events go by that need little: those of a key of its own.
func (m *largeModel) small(db int) {
	key := []byte("small")
	for n := m.rnd.IntN(1 << m.rnd.IntN(12)); n > 0; n-- {
		m.event(db, func(b *event.Buffer) { b.String(key, nil, 0) })
	}
	m.event(db, func(b *event.Buffer) { b.String(key, nil, 0); b.Delete(key, event.User) })
}

// grow adds to a key, and to another one in turns: so their records lie side by side.
func (m *largeModel) grow(db int, keys ...string) {
	for _, key := range keys {
		if m.dbs[db][key] == nil {
			types := []Type{Hash, Hash, Set, ZSet, ZSet, ZSet, List, Stream, String}
			m.dbs[db][key] = &lvalue{typ: types[m.rnd.IntN(len(types))], place: map[string]int{}, even: m.rnd.IntN(2) == 0}
		}
	}
	for left := 1 + m.rnd.IntN(largeGrow); left > 0; {
		n := m.part(left)
		for _, key := range keys {
			m.add(db, []byte(key), m.dbs[db][key], n)
		}
		left -= n
	}
}

// add adds n elements to a key, some of which may be there.
func (m *largeModel) add(db int, key []byte, v *lvalue, n int) {
	switch v.typ {
	case String:
		m.write(db, key, v)
	case List:
		m.push(db, key, v, n)
	case Stream:
		m.enter(db, key, v, n)
	default:
		m.set(db, key, v, n)
	}
}

func (m *largeModel) set(db int, key []byte, v *lvalue, n int) {
	var names, pairs [][]byte
	var scores []float64
	for range n {
		name, value := m.word(v), ""
		if len(v.names) > 0 && m.rnd.IntN(4) == 0 {
			name = v.names[m.rnd.IntN(len(v.names))]
		}
		switch v.typ {
		case Hash:
			value = m.word(v)
		case ZSet:
			score := 0.0
			if !v.even {
				some := []float64{0, 1, m.rnd.Float64(), float64(v.count), -float64(v.count), math.Inf(1), math.Inf(-1)}
				score = some[m.rnd.IntN(len(some))]
			}
			scores = append(scores, score)
			value = string(ScoreItem(score))
		}
		v.set(name, value)
		names, pairs = append(names, []byte(name)), append(pairs, []byte(name), []byte(value))
	}
	m.event(db, func(b *event.Buffer) {
		switch v.typ {
		case Hash:
			b.HashSet(key, pairs...)
		case Set:
			b.SetAdd(key, names...)
		default:
			b.ZSetAdd(key, scores, names)
		}
	})
}

func (m *largeModel) push(db int, key []byte, v *lvalue, n int) {
	if n == 1 && len(v.list) > 0 {
		at, x := m.rnd.IntN(len(v.list)), m.word(v)
		if m.rnd.IntN(2) == 0 {
			m.event(db, func(b *event.Buffer) { b.ListSet(key, at, []byte(x)) })
			v.list[at] = x
			return
		}
		m.event(db, func(b *event.Buffer) { b.ListInsert(key, at, []byte(x)) })
		v.list = slices.Insert(v.list, at, x)
		return
	}
	side := event.Side(m.rnd.IntN(2))
	var elements [][]byte
	var words []string
	for range n {
		words = append(words, m.word(v))
		elements = append(elements, []byte(words[len(words)-1]))
	}
	m.event(db, func(b *event.Buffer) { b.ListPush(key, side, elements...) })
	if side == event.Left {
		slices.Reverse(words)
		v.list = append(words, v.list...)
	} else {
		v.list = append(v.list, words...)
	}
}

func (m *largeModel) enter(db int, key []byte, v *lvalue, n int) {
	if v.stream == nil {
		v.stream = &mstream{groups: map[string]*mgroup{}}
	}
	s := v.stream
	for range n {
		s.last.MS += uint64(m.rnd.IntN(2))
		s.last.Seq++
		s.added++
		pairs := []string{"name", m.word(v)}
		if m.rnd.IntN(8) == 0 {
			pairs = append(pairs, m.word(v), "value")
		}
		s.entries = append(s.entries, mentry{s.last, pairs})
		m.event(db, func(b *event.Buffer) {
			words := make([][]byte, len(pairs))
			for i, p := range pairs {
				words[i] = []byte(p)
			}
			b.StreamAdd(key, s.last, words...)
		})
	}
	m.deliver(db, key, s, n)
}

// deliver gives a consumer of a group some entries.
func (m *largeModel) deliver(db int, key []byte, s *mstream, n int) {
	name, consumer := string('g'+rune(m.rnd.IntN(2))), string('c'+rune(m.rnd.IntN(3)))
	g := s.groups[name]
	if g == nil {
		g = &mgroup{read: -1, consumers: map[string][2]int64{}, pending: map[event.ID]mdelivery{}}
		s.groups[name] = g
		m.event(db, func(b *event.Buffer) { b.StreamGroup(key, []byte(name), g.last, g.read) })
	}
	g.consumers[consumer] = [2]int64{5, 6}
	from := m.rnd.IntN(len(s.entries))
	var ids []event.ID
	var counts []uint64
	for _, e := range s.entries[from:min(len(s.entries), from+n)] {
		ids, counts = append(ids, e.id), append(counts, 1)
		g.pending[e.id] = mdelivery{consumer, 7, 1}
	}
	m.event(db, func(b *event.Buffer) {
		b.StreamConsumer(key, []byte(name), []byte(consumer), 5, 6)
		b.StreamPending(key, []byte(name), []byte(consumer), 7, ids, counts)
	})
}

// write changes a string.
func (m *largeModel) write(db int, key []byte, v *lvalue) {
	p := text(1+m.rnd.IntN(1<<m.rnd.IntN(16)), byte(m.rnd.Uint32()))
	if len(v.text) > 4<<20 {
		p = p[:1]
	}
	at := len(v.text)
	if m.rnd.IntN(8) == 0 {
		at = m.rnd.IntN(at + 1)
	}
	m.event(db, func(b *event.Buffer) { b.Range(key, int64(at), p) })
	if at < len(v.text) || cap(v.text)-at < len(p) {
		v.text = append(make([]byte, 0, 2*len(v.text)+len(p)), v.text...)
	}
	v.text = append(v.text[:at], append(p, v.text[min(len(v.text), at+len(p)):]...)...)
}

// shrink takes some of a key, or all, in events of one size.
func (m *largeModel) shrink(db int, key string, v *lvalue) {
	left := v.size()
	if m.rnd.IntN(8) > 0 {
		left = m.rnd.IntN(left + 1)
	}
	for most := 1 << m.rnd.IntN(12); left > 0 && v.size() > 0; {
		n := min(left, 1+m.rnd.IntN(most))
		m.take(db, []byte(key), v, n)
		left -= n
	}
	if v.typ != String && v.typ != Stream && v.size() == 0 {
		delete(m.dbs[db], key)
	}
}

// take takes n elements out of a key.
func (m *largeModel) take(db int, key []byte, v *lvalue, n int) {
	switch v.typ {
	case List:
		m.pop(db, key, v, n)
		return
	case Stream:
		m.trim(db, key, v.stream, n)
		return
	}
	var gone [][]byte
	for range n {
		gone = append(gone, []byte(v.remove(m.rnd.IntN(len(v.names)))))
	}
	if n == 1 && m.rnd.IntN(2) == 0 { // its record may be moved when it has been looked up
		for _, s := range m.states {
			f, _ := s.View(db, 0).fields(key, v.typ)
			if _, ok := f.Get(gone[0]); !ok {
				m.t.Fatalf("%.40q %.40q is not there", key, gone[0])
			}
		}
		m.states[0].Rest()
	}
	m.event(db, func(b *event.Buffer) {
		switch v.typ {
		case Hash:
			b.HashDelete(key, gone...)
		case Set:
			b.SetRemove(key, gone...)
		default:
			b.ZSetRemove(key, gone...)
		}
	})
}

func (m *largeModel) pop(db int, key []byte, v *lvalue, n int) {
	switch m.rnd.IntN(3) {
	case 0:
		m.event(db, func(b *event.Buffer) { b.ListPop(key, event.Left, n) })
		v.list = v.list[n:]
	case 1:
		m.event(db, func(b *event.Buffer) { b.ListPop(key, event.Right, n) })
		v.list = v.list[:len(v.list)-n]
	default:
		step := len(v.list) / n
		var places []int
		var kept []string
		for i, x := range v.list {
			if i%step == 0 && len(places) < n {
				places = append(places, i)
			} else {
				kept = append(kept, x)
			}
		}
		m.event(db, func(b *event.Buffer) { b.ListRemove(key, places...) })
		v.list = kept
	}
}

func (m *largeModel) trim(db int, key []byte, s *mstream, n int) {
	switch m.rnd.IntN(8) {
	case 0:
		m.event(db, func(b *event.Buffer) { b.StreamTrim(key, n) })
		s.entries = s.entries[n:]
	case 1:
		for _, name := range slices.Sorted(maps.Keys(s.groups)) {
			delete(s.groups, name)
			m.event(db, func(b *event.Buffer) { b.StreamDestroy(key, []byte(name)) })
			break
		}
	case 2:
		for _, name := range slices.Sorted(maps.Keys(s.groups)) {
			ids := slices.SortedFunc(maps.Keys(s.groups[name].pending), event.ID.Compare)
			if ids = ids[:min(len(ids), n)]; len(ids) > 0 {
				m.event(db, func(b *event.Buffer) { b.StreamAck(key, []byte(name), ids...) })
			}
			for _, id := range ids {
				delete(s.groups[name].pending, id)
			}
		}
	default:
		step := len(s.entries) / n
		var gone []event.ID
		kept := s.entries[:0:0]
		for i, e := range s.entries {
			if i%step == 0 && len(gone) < n {
				gone = append(gone, e.id)
			} else {
				kept = append(kept, e)
			}
		}
		if top := gone[n-1]; s.deleted.Less(top) {
			s.deleted = top
		}
		m.event(db, func(b *event.Buffer) { b.StreamDelete(key, gone...) })
		s.entries = kept
	}
}

// check compares all states with the model, and keeps some of what may be lent.
func (m *largeModel) check() {
	m.t.Helper()
	for _, l := range m.lent {
		if !bytes.Equal(l.got, l.want) {
			m.t.Fatal("what was lent has changed")
		}
	}
	m.lent = nil
	digest := m.states[0].Digest()
	for _, s := range m.states {
		invariants(m.t, s)
		if d, r := s.Digest(), s.RecomputeDigest(); d != digest || r != digest {
			m.t.Fatalf("digest %016x, recomputed %016x, of the first state %016x", d, r, digest)
		}
		for db, keys := range m.dbs {
			if n := s.Keys(db); n != len(keys) {
				m.t.Fatalf("%d keys in database %d, the model has %d", n, db, len(keys))
			}
			for key, v := range keys {
				if at, ok := s.View(db, 0).ExpireAt([]byte(key)); !ok || at != v.expire {
					m.t.Fatalf("%.40q expires at %d (%v), in the model at %d", key, at, ok, v.expire)
				}
				m.compare(s.View(db, 0), []byte(key), v)
			}
		}
	}
}

func (m *largeModel) compare(view View, key []byte, v *lvalue) {
	m.t.Helper()
	switch v.typ {
	case String:
		if got, _, err := view.String(key); err != nil || !bytes.Equal(got, v.text) {
			m.t.Fatalf("%.40q is another string: %v", key, err)
		} else if len(got) >= LendFrom {
			m.lend(got, view.Lend(key))
		}
	case List:
		l, err := view.List(key)
		if err != nil || l.Len() != len(v.list) {
			m.t.Fatalf("%.40q has %d elements, the model %d: %v", key, l.Len(), len(v.list), err)
		}
		for i, want := range v.list {
			if got := l.At(i); string(got) != want {
				m.t.Fatalf("%.40q, element %d: %.40q, the model has %.40q", key, i, got, want)
			} else if len(got) >= LendFrom {
				m.lend(got, nil)
			}
		}
	case Stream:
		e, err := view.Stream(key)
		v.stream.check(m.t, e, err)
		e.Range(event.ID{}, event.MaxID(), func(e *StreamEntry) bool {
			if _, value := e.Next(); len(value) >= LendFrom {
				m.lend(value, nil)
			}
			return true
		})
	default:
		f, err := view.fields(key, v.typ)
		if err != nil || f.Len() != len(v.names) {
			m.t.Fatalf("%.40q has %d fields, the model %d: %v", key, f.Len(), len(v.names), err)
		}
		for i, name := range v.names {
			if got, ok := f.Get([]byte(name)); !ok || string(got) != v.values[i] {
				m.t.Fatalf("%.40q %.40q: %.40q, the model has %.40q", key, name, got, v.values[i])
			} else if len(got) >= LendFrom {
				m.lend(got, nil)
			}
		}
		if v.typ == ZSet {
			m.compareOrder(view, key, v)
		}
	}
}

// compareOrder looks at a sorted set from its first member to its last.
func (m *largeModel) compareOrder(view View, key []byte, v *lvalue) {
	m.t.Helper()
	z, _ := view.ZSet(key)
	var before []byte
	var least float64
	for i := range z.Len() {
		member, score := z.At(i)
		at, ok := v.place[string(member)]
		if !ok || scoreOf([]byte(v.values[at])) != score || i > 0 && !lessRanked(least, before, score, member) {
			m.t.Fatalf("%.40q has %.40q of %v at place %d (in the model: %v), behind %.40q of %v", key, member, score, i, ok, before, least)
		}
		if i%101 == 0 {
			if place, ok := z.Place(member); !ok || place != i {
				m.t.Fatalf("%.40q: the place of %.40q is %d, not %d", key, member, place, i)
			}
		}
		before, least = member, score
	}
}

func (m *largeModel) lend(got []byte, memory any) {
	if len(m.lent) < 1000 {
		m.lent = append(m.lent, lending{got, bytes.Clone(got), memory})
	}
}
