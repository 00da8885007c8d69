package command

import (
	"bytes"
	"math"
	"slices"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// share is what one call of XREADGROUP does with one stream. A call may name a stream more
// than once: what it was given before is no longer new then, and is pending.
type share struct {
	entries state.Entries
	group   state.Group
	who     state.Consumer
	known   bool // who is there
	last    event.ID
	read    int64
	given   []given // ascending
	active  bool
}

// given is an entry that a consumer gets.
type given struct {
	id    event.ID
	count uint64 // how often it was delivered, with this time
}

func xreadgroupCommand(c *Call) {
	o, ok := c.readOptions(true)
	if !ok {
		return
	}
	var room [4]reading
	all, ok := c.readings(&o, room[:0])
	if !ok {
		return
	}
	var more [4]share
	shares := more[:0]
	for i, n := 0, numberShares(c.Args[o.keys:o.keys+o.n], all); i < n; i++ {
		shares = append(shares, share{read: unknownRead})
	}
	for i := range all {
		s := &shares[all[i].share]
		if !s.entries.Exists() {
			s.begin(all[i].entries, &o)
		}
		if all[i].isNew {
			s.takeNew(&all[i], &o)
		} else {
			s.takeHistory(&all[i], &o)
		}
	}
	some, whole := c.replyReadings(&o, all)
	if !whole || !some && c.waitForEntries(&o, all) {
		return
	}
	for i := range shares {
		at := slices.IndexFunc(all, func(r reading) bool { return r.share == i })
		shares[i].record(c, c.Args[o.keys+at], &o)
	}
}

// numberShares gives the readings of each stream a number, from 0 on, and says how many
// streams there are.
func numberShares(keys [][]byte, all []reading) (n int) {
	const few = 16
	var numbers map[string]int
	if len(keys) > few {
		numbers = make(map[string]int, len(keys))
	}
	for i, key := range keys {
		at, found := 0, false
		if numbers != nil {
			at, found = numbers[string(key)]
		} else if at = slices.IndexFunc(keys[:i], func(k []byte) bool { return bytes.Equal(k, key) }); at >= 0 {
			at, found = all[at].share, true
		}
		if !found {
			at, n = n, n+1
			if numbers != nil {
				numbers[string(key)] = at
			}
		}
		all[i].share = at
	}
	return n
}

func (s *share) begin(entries state.Entries, o *readOptions) {
	s.entries = entries
	s.group, _ = entries.Group(o.group)
	s.who, s.known = s.group.Consumer(o.consumer)
	s.last, s.read = s.group.Last(), s.group.Read()
}

// takeNew takes the entries that the group was not given yet.
func (s *share) takeNew(r *reading, o *readOptions) {
	r.after = s.last
	if s.entries.Len() == 0 || !s.last.Less(s.entries.LastEntry()) {
		return
	}
	r.served = true
	from, _ := s.last.Next()
	var room [16]given
	fresh := room[:0]
	s.entries.Range(from, event.MaxID(), func(e *state.StreamEntry) bool {
		s.advance(e.ID)
		r.n++
		if !o.noAck {
			fresh = append(fresh, given{id: e.ID, count: 1})
		}
		return o.count < 0 || int64(r.n) < o.count
	})
	s.active = s.active || len(fresh) > 0
	s.given = merged(fresh, s.given)
}

// advance says that the group was given an entry.
func (s *share) advance(id event.ID) {
	if s.read != unknownRead && s.read != math.MaxInt64 && !torn(s.entries, id) {
		s.read++
	} else if s.entries.Added() > 0 {
		s.read = placeEver(s.entries, id)
	}
	s.last = id
}

// takeHistory takes entries that are pending for the consumer.
func (s *share) takeHistory(r *reading, o *readOptions) {
	r.served, r.history = true, []given{}
	from, _ := r.after.Next()
	if s.known {
		s.who.EachPending(from, func(p state.Pending) bool {
			r.history = append(r.history, given{id: p.ID, count: p.Count})
			return o.count < 0 || int64(len(r.history)) < o.count
		})
	}
	if len(s.given) > 0 {
		above := slices.DeleteFunc(slices.Clone(s.given), func(g given) bool { return g.id.Less(from) })
		if r.history = merged(above, r.history); o.count >= 0 {
			r.history = r.history[:min(int64(len(r.history)), o.count)]
		}
	}
	var again []given
	for i := range r.history {
		g := &r.history[i]
		if _, there := s.entries.Entry(g.id); there {
			g.count++
			again = append(again, *g)
		}
	}
	s.given = merged(again, s.given)
}

// merged is what either has, once each; a's where both have an entry.
func merged(a, b []given) []given {
	if len(b) == 0 {
		return slices.Clone(a)
	}
	return onceEach(slices.Concat(a, b))
}

// onceEach puts all in the order of their ids, and keeps of several with one id the first.
func onceEach(all []given) []given {
	slices.SortStableFunc(all, func(x, y given) int { return x.id.Compare(y.id) })
	return slices.CompactFunc(all, func(x, y given) bool { return x.id == y.id })
}

// record records what one stream has given.
func (s *share) record(c *Call, key []byte, o *readOptions) {
	c.recordSeen(key, o.group, o.consumer, s.group, s.active)
	if len(s.given) > 0 {
		ids, counts := make([]event.ID, len(s.given)), make([]uint64, len(s.given))
		for i, g := range s.given {
			ids[i], counts[i] = g.id, g.count
		}
		c.Events.StreamPending(key, o.group, o.consumer, c.View.Now(), ids, counts)
	}
	if s.last != s.group.Last() || s.read != s.group.Read() {
		c.Events.StreamGroup(key, o.group, s.last, s.read)
	}
}

// recordSeen records that a consumer, which perhaps is new, has asked for entries, and
// whether it has got some.
func (c *Call) recordSeen(key, group, name []byte, g state.Group, active bool) {
	seen, got := int64(-1), int64(0)
	if who, known := g.Consumer(name); known {
		seen, got = who.Seen(), who.Active()
	}
	now, before := c.View.Now(), got
	if active {
		got = now
	}
	if seen != now || got != before {
		c.Events.StreamConsumer(key, group, name, now, got)
	}
}

// replyHistory answers entries that are pending; of one that is gone its id alone.
func (c *Call) replyHistory(s state.Entries, history []given, limit Limit) {
	c.Out.Array(len(history))
	for _, g := range history {
		if e, there := s.Entry(g.id); there {
			c.replyEntry(&e)
		} else {
			c.Out.Array(2)
			c.replyID(g.id)
			c.Out.NullArray()
		}
		if limit.Exceeded() {
			return
		}
	}
}
