package rdb

import (
	"slices"
	"sort"
)

// owned is a pending entry whose consumer is still to come, or came.
type owned struct {
	Pending
	owner int // 1 + the consumer's place in the payload
}

// group reads a consumer group: first all that is pending, then who has what of it.
func (r *reader) group(typ byte, s *Stream) (g Group) {
	g.Name, g.Last = r.text(), r.id()
	if typ == typeStream {
		g.Read = s.estimate(g.Last)
	} else if g.Read = int64(r.count()); g.Read < -1 {
		r.fail("a group has read less than nothing")
	}
	all := r.pending()
	for left := r.count(); left > 0 && r.ok(); left-- {
		g.Consumers = append(g.Consumers, r.consumer(typ))
		r.own(all, len(g.Consumers))
	}
	if !r.ok() {
		return g
	}
	slices.SortStableFunc(all, func(a, b owned) int { return a.owner - b.owner })
	if len(all) > 0 && all[0].owner == 0 {
		r.fail("nobody has a pending entry")
		return g
	}
	for from := 0; from < len(all); {
		to, who := from, all[from].owner
		var mine []Pending
		for ; to < len(all) && all[to].owner == who; to++ {
			mine = append(mine, all[to].Pending)
		}
		g.Consumers[who-1].Pending, from = mine, to
	}
	if !sortByName(g.Consumers, func(c *Consumer) []byte { return c.Name }) {
		r.fail("a consumer comes twice")
	}
	return g
}

// estimate is how many entries a group was given whose payload does not say so, as Redis
// estimates it; -1 where nobody knows.
func (s *Stream) estimate(last ID) int64 {
	switch {
	case s.Added == 0:
		return 0
	case last.Compare(s.Last) == 0:
		return int64(s.Added)
	case last.Compare(s.Last) > 0:
		return -1
	case last.Compare(s.First) < 0:
		return 0
	case last.Compare(s.First) == 0:
		return 1
	}
	return -1
}

// pending reads what is pending for a group, and sorts it by id.
func (r *reader) pending() (all []owned) {
	ordered := true
	for left := r.count(); left > 0 && r.ok(); left-- {
		id, since := r.take(streamIDBytes), r.time()
		if count := r.count(); r.ok() {
			x := owned{Pending: Pending{ID: streamID(id), Since: since, Count: count}}
			ordered = ordered && (len(all) == 0 || all[len(all)-1].ID.Compare(x.ID) < 0)
			all = append(all, x)
		}
	}
	if ordered {
		return all
	}
	slices.SortFunc(all, func(a, b owned) int { return a.ID.Compare(b.ID) })
	for i := 1; i < len(all); i++ {
		if all[i-1].ID == all[i].ID {
			r.fail("an entry is pending twice")
		}
	}
	return all
}

// time reads ms since 1970; what is before is taken for 1970.
func (r *reader) time() int64 { return max(0, int64(r.u64())) }

// consumer reads a consumer up to what is pending for it.
func (r *reader) consumer(typ byte) (c Consumer) {
	c.Name, c.Seen = r.text(), r.time()
	if c.Active = c.Seen; typ == typeStream3 {
		c.Active = r.time() // -1 is never
	}
	return c
}

// own reads which of all is pending for a consumer.
func (r *reader) own(all []owned, who int) {
	for left := r.count(); left > 0 && r.ok(); left-- {
		p := r.take(streamIDBytes)
		if !r.ok() {
			return
		}
		id := streamID(p)
		i := sort.Search(len(all), func(i int) bool { return all[i].ID.Compare(id) >= 0 })
		switch {
		case i == len(all) || all[i].ID != id:
			r.fail("an entry is pending for a consumer and not for its group")
		case all[i].owner != 0:
			r.fail("an entry is pending twice")
		default:
			all[i].owner = who
		}
	}
}
