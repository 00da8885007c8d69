package state

import "github.com/altilium-db/altilium/state/event"

// Group is a consumer group of a stream. The zero value is none.
type Group struct{ g *group }

// Groups is the number of consumer groups.
func (v Entries) Groups() int { return len(v.s.groups) }

// GroupAt is one of them, in the order of their names.
func (v Entries) GroupAt(i int) Group { return Group{v.s.groups[i]} }

// Group finds a consumer group by its name; false where there is none, or no key.
func (v Entries) Group(name []byte) (Group, bool) {
	if v.s == nil {
		return Group{}, false
	}
	i, found := v.s.group(name)
	if !found {
		return Group{}, false
	}
	return Group{v.s.groups[i]}, true
}

// Name is the group's.
func (v Group) Name() []byte { return v.g.name }

// Last is the id that the group was given last.
func (v Group) Last() event.ID { return v.g.last }

// Read is how many entries it was ever given, -1 where nobody knows.
func (v Group) Read() int64 { return v.g.read }

// Consumers is the number of its consumers.
func (v Group) Consumers() int { return len(v.g.consumers) }

// ConsumerAt is one of them, in the order of their names.
func (v Group) ConsumerAt(i int) Consumer { return Consumer{v.g, v.g.consumers[i]} }

// Consumer finds a consumer by its name.
func (v Group) Consumer(name []byte) (c Consumer, ok bool) {
	i, found := v.g.consumer(name)
	if !found {
		return Consumer{}, false
	}
	return v.ConsumerAt(i), true
}

// Pending is an entry that was delivered and not acknowledged.
type Pending struct {
	ID       event.ID
	Consumer []byte // the one that has it
	Since    int64  // ms since 1970, when it was delivered last
	Count    uint64 // how often it was
}

// Pending is the number of entries that are pending for all its consumers.
func (v Group) Pending() int { return v.g.pending.n }

// FindPending finds a pending entry by its id.
func (v Group) FindPending(id event.ID) (p Pending, ok bool) {
	d := v.g.pending.find(id)
	if d == nil {
		return Pending{}, false
	}
	return v.g.shown(d), true
}

// LastPending is the pending entry with the greatest id; there must be one.
func (v Group) LastPending() Pending {
	block := v.g.pending.blocks[len(v.g.pending.blocks)-1]
	return v.g.shown(&block[len(block)-1])
}

// EachPending hands pending entries to fn, from an id on, until it returns false.
func (v Group) EachPending(from event.ID, fn func(Pending) bool) {
	v.g.pending.each(from, func(d *delivery) bool { return fn(v.g.shown(d)) })
}

func (g *group) shown(d *delivery) Pending {
	return Pending{ID: d.id, Consumer: g.numbers[d.owner].name, Since: d.since, Count: d.count}
}

// Consumer is a consumer of a group. The zero value is none.
type Consumer struct {
	g *group
	c *consumer
}

// Name is the consumer's.
func (v Consumer) Name() []byte { return v.c.name }

// Seen is when it asked for entries last, in ms since 1970.
func (v Consumer) Seen() int64 { return v.c.seen }

// Active is when it was given some last, in ms since 1970; 0 for never.
func (v Consumer) Active() int64 { return v.c.active }

// Pending is the number of entries that are pending for it.
func (v Consumer) Pending() int { return v.c.pending.n }

// EachPending hands those to fn, from an id on, until it returns false.
func (v Consumer) EachPending(from event.ID, fn func(Pending) bool) {
	all, b, i := &v.g.pending, 0, 0
	v.c.pending.each(from, func(id *pendingID) bool {
		b, i = all.seekOn(b, i, id.at())
		return fn(v.g.shown(&all.blocks[b][i]))
	})
}
