package state

import (
	"fmt"
	"maps"
	"slices"

	"github.com/altilium-db/altilium/state/event"
	"pgregory.net/rapid"
)

// mstream is a stream of the model.
type mstream struct {
	entries       []mentry
	last, deleted event.ID
	added         uint64
	groups        map[string]*mgroup
}

type mentry struct {
	id    event.ID
	pairs []string
}

type mgroup struct {
	last      event.ID
	read      int64
	consumers map[string][2]int64 // seen, active
	pending   map[event.ID]mdelivery
}

type mdelivery struct {
	consumer string
	since    int64
	count    uint64
}

func (s *mstream) clone() *mstream {
	c := *s
	c.entries, c.groups = slices.Clone(s.entries), map[string]*mgroup{}
	for name, g := range s.groups {
		own := *g
		own.consumers, own.pending = maps.Clone(g.consumers), maps.Clone(g.pending)
		c.groups[name] = &own
	}
	return &c
}

func (m *model) streamStep(d *draw, v *mvalue) {
	if v == nil {
		v = &mvalue{stream: &mstream{groups: map[string]*mgroup{}}}
		m[d.db][string(d.key)] = v
		if d.oneOf("empty", 3) == 0 {
			d.b.StreamSet(d.key, event.ID{}, 0, event.ID{})
			return
		}
		v.stream.add(d)
		return
	}
	s := v.stream
	switch what := d.oneOf("stream", 9); {
	case what < 3:
		s.add(d)
	case what == 3 && len(s.entries) > 0:
		s.delete(d)
	case what == 4:
		n := rapid.IntRange(0, len(s.entries)).Draw(d.T, "trimmed")
		d.b.StreamTrim(d.key, n)
		s.entries = s.entries[n:]
	case what == 5:
		s.last.MS += 3
		s.added += 2
		s.deleted = event.ID{MS: uint64(d.oneOf("deleted", 3))}
		d.b.StreamSet(d.key, s.last, s.added, s.deleted)
	default:
		s.groupStep(d)
	}
}

// add adds many entries, now and then one with other fields or a long value.
func (s *mstream) add(d *draw) {
	for i := range rapid.SampledFrom([]int{1, 2, 30, 250}).Draw(d.T, "entries") {
		id := event.ID{MS: s.last.MS, Seq: s.last.Seq + 1}
		if i%3 > 0 {
			id = event.ID{MS: s.last.MS + uint64(i%5*200), Seq: s.last.Seq + 1 + uint64(i)*100}
		}
		pairs := []string{"name", d.text[:min(len(d.text), 50)], "n", fmt.Sprint(i)}
		switch {
		case i%7 == 3:
			pairs = append(pairs, "more", "")
		case i%11 == 5:
			pairs[2] = "other"
		case i%90 == 50:
			pairs[1] = d.text
		}
		s.entries = append(s.entries, mentry{id, pairs})
		s.last, s.added = id, s.added+1
		var words [][]byte
		for _, p := range pairs {
			words = append(words, []byte(p))
		}
		d.b.StreamAdd(d.key, id, words...)
	}
}

// delete deletes some entries here and there, or all.
func (s *mstream) delete(d *draw) {
	from := d.oneOf("first", len(s.entries))
	step := rapid.SampledFrom([]int{1, 2, 50}).Draw(d.T, "step")
	var gone []event.ID
	kept := s.entries[:0:0]
	for i, e := range s.entries {
		if i >= from && (i-from)%step == 0 {
			gone = append(gone, e.id)
		} else {
			kept = append(kept, e)
		}
	}
	s.entries = kept
	if top := gone[len(gone)-1]; s.deleted.Less(top) {
		s.deleted = top
	}
	d.b.StreamDelete(d.key, gone...)
}

func (s *mstream) groupStep(d *draw) {
	name := rapid.SampledFrom([]string{"", "g", "h"}).Draw(d.T, "group")
	consumer := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(d.T, "consumer")
	g := s.groups[name]
	if g == nil {
		g = &mgroup{consumers: map[string][2]int64{}, pending: map[event.ID]mdelivery{}}
		s.groups[name] = g
		g.last, g.read = s.last, int64(d.oneOf("read", 3))-1
		d.b.StreamGroup(d.key, []byte(name), g.last, g.read)
	}
	_, known := g.consumers[consumer]
	switch what := d.oneOf("in the group", 10); {
	case what == 0:
		delete(s.groups, name)
		d.b.StreamDestroy(d.key, []byte(name))
	case what == 1 && known:
		delete(g.consumers, consumer)
		maps.DeleteFunc(g.pending, func(_ event.ID, p mdelivery) bool { return p.consumer == consumer })
		d.b.StreamForget(d.key, []byte(name), []byte(consumer))
	case what < 5 && len(g.pending) > 0:
		ids := slices.SortedFunc(maps.Keys(g.pending), event.ID.Compare)
		ids = ids[d.oneOf("acknowledged", len(ids)):]
		for _, id := range ids {
			delete(g.pending, id)
		}
		d.b.StreamAck(d.key, []byte(name), ids...)
	default:
		g.consumers[consumer] = [2]int64{d.at, d.at / 2}
		d.b.StreamConsumer(d.key, []byte(name), []byte(consumer), d.at, d.at/2)
		g.deliver(d, name, consumer)
	}
}

// deliver gives a consumer some entries, of which others may have had a few.
func (g *mgroup) deliver(d *draw, name, consumer string) {
	var ids []event.ID
	var counts []uint64
	from, step := uint64(d.oneOf("from", 400)), uint64(d.oneOf("stride", 3)+1)
	for i := range rapid.SampledFrom([]uint64{1, 3, 300}).Draw(d.T, "delivered") {
		id := event.ID{MS: (from + i*step) / 100, Seq: (from + i*step) % 100}
		ids, counts = append(ids, id), append(counts, i%5)
		g.pending[id] = mdelivery{consumer, d.at, i % 5}
	}
	d.b.StreamPending(d.key, []byte(name), []byte(consumer), d.at, ids, counts)
}

type failer interface{ Fatalf(string, ...any) }

// check compares a stream with the model: both ways, by parts, and each entry by its id.
func (s *mstream) check(t failer, v Entries, err error) {
	if err != nil || !v.Exists() || v.Len() != len(s.entries) || v.Last() != s.last || v.Deleted() != s.deleted || v.Added() != s.added {
		t.Fatalf("%d entries up to %v, deleted %v, added %d; the model has %d up to %v, %v, %d: %v",
			v.Len(), v.Last(), v.Deleted(), v.Added(), len(s.entries), s.last, s.deleted, s.added, err)
	}
	from, to := 0, len(s.entries)
	for range 3 {
		first, last := event.ID{}, event.MaxID()
		if from < to && to < len(s.entries) {
			first, last = s.entries[from].id, s.entries[to-1].id
		}
		var there, back []mentry
		v.Range(first, last, func(e *StreamEntry) bool { there = append(there, copyEntry(e)); return true })
		v.RangeBack(first, last, func(e *StreamEntry) bool { back = append(back, copyEntry(e)); return true })
		slices.Reverse(back)
		if want := s.entries[from:to]; !slices.EqualFunc(there, want, sameEntry) || !slices.EqualFunc(back, want, sameEntry) {
			t.Fatalf("from %v to %v: %d entries, backwards %d, the model has %d:\n%v\n%v\n%v", first, last, len(there), len(back), to-from, there, back, want)
		}
		if from, to = from+len(s.entries)/4, to-1; from >= to {
			break
		}
	}
	for _, e := range s.entries {
		if got, ok := v.Entry(e.id); !ok || got.ID != e.id {
			t.Fatalf("there is no entry %v", e.id)
		}
		before := event.ID{MS: e.id.MS, Seq: e.id.Seq - 1}
		_, want := slices.BinarySearchFunc(s.entries, before, func(x mentry, id event.ID) int { return x.id.Compare(id) })
		if _, ok := v.Entry(before); ok != want {
			t.Fatalf("the one before %v: %v", e.id, ok)
		}
	}
	if n := len(s.entries); n > 0 && (v.FirstEntry() != s.entries[0].id || v.LastEntry() != s.entries[n-1].id) {
		t.Fatalf("from %v to %v, the model has %v to %v", v.FirstEntry(), v.LastEntry(), s.entries[0].id, s.entries[n-1].id)
	}
	if v.Groups() != len(s.groups) {
		t.Fatalf("%d groups, the model has %d", v.Groups(), len(s.groups))
	}
	for i, name := range slices.Sorted(maps.Keys(s.groups)) {
		s.groups[name].check(t, name, v.GroupAt(i))
	}
}

func sameEntry(a, b mentry) bool { return a.id == b.id && slices.Equal(a.pairs, b.pairs) }

func copyEntry(e *StreamEntry) mentry {
	m := mentry{id: e.ID}
	for range e.Len() {
		field, value := e.Next()
		m.pairs = append(m.pairs, string(field), string(value))
	}
	return m
}

func (g *mgroup) check(t failer, name string, v Group) {
	if string(v.Name()) != name || v.Last() != g.last || v.Read() != g.read || v.Pending() != len(g.pending) || v.Consumers() != len(g.consumers) {
		t.Fatalf("%q at %v read %d, %d pending for %d, the model has %q %+v", v.Name(), v.Last(), v.Read(), v.Pending(), v.Consumers(), name, g)
	}
	of := map[string][]event.ID{}
	ids := slices.SortedFunc(maps.Keys(g.pending), event.ID.Compare)
	v.EachPending(event.ID{}, func(p Pending) bool {
		want := g.pending[p.ID]
		if len(ids) == 0 || ids[0] != p.ID || string(p.Consumer) != want.consumer || p.Since != want.since || p.Count != want.count {
			t.Fatalf("pending %+v, the model has %+v", p, want)
		}
		ids = ids[1:]
		of[want.consumer] = append(of[want.consumer], p.ID)
		return true
	})
	for i, name := range slices.Sorted(maps.Keys(g.consumers)) {
		c, times := v.ConsumerAt(i), g.consumers[name]
		var own []event.ID
		c.EachPending(event.ID{}, func(p Pending) bool { own = append(own, p.ID); return true })
		if string(c.Name()) != name || c.Seen() != times[0] || c.Active() != times[1] || c.Pending() != len(own) || !slices.Equal(own, of[name]) {
			t.Fatalf("consumer %q seen %d active %d has %v, the model has %q %v %v", c.Name(), c.Seen(), c.Active(), own, name, times, of[name])
		}
	}
}
