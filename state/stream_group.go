package state

import (
	"slices"
	"strings"

	"github.com/altilium-db/altilium/state/event"
	"github.com/cespare/xxhash/v2"
)

// group is a consumer group: how far it has read, and which entries were delivered but
// not acknowledged, in the order of their ids: those of all consumers with all that is
// known of them, and those of each consumer by their ids alone.
type group struct {
	name      []byte
	last      event.ID // the entry that it was given last
	read      int64    // entries that it was ever given, -1 where nobody knows
	pending   rows[delivery]
	consumers []*consumer // by name
	numbers   []*consumer // by number; nil where that is free
	free      []uint32    // those
	sum       uint64      // of the digests of consumers and deliveries
}

// consumer is one who reads for a group.
type consumer struct {
	name    []byte
	hash    uint64 // of the name
	number  uint32
	seen    int64 // when it asked for entries last, in ms since 1970
	active  int64 // when it got some; 0 for never
	pending rows[pendingID]
}

// delivery is an entry that a consumer was given and has not acknowledged.
type delivery struct {
	id    event.ID
	since int64  // ms since 1970, when that was last
	count uint64 // how often it was
	owner uint32 // the consumer's number
}

func (d delivery) at() event.ID { return d.id }

type pendingID event.ID

func (p pendingID) at() event.ID { return event.ID(p) }

// What they take of memory in bytes, about.
const (
	groupWeight    = 256
	consumerWeight = 160
	deliveryWeight = 72 // in both lists, whose blocks are not quite full
)

func (g *group) clone() *group {
	c := *g
	c.pending, c.free = g.pending.clone(), slices.Clone(g.free)
	c.consumers, c.numbers = make([]*consumer, len(g.consumers)), make([]*consumer, len(g.numbers))
	for i, x := range g.consumers {
		own := *x
		own.pending = x.pending.clone()
		c.consumers[i], c.numbers[own.number] = &own, &own
	}
	return &c
}

// group is the place of a group by its name.
func (s *stream) group(name []byte) (i int, found bool) {
	return slices.BinarySearchFunc(s.groups, name, func(g *group, name []byte) int {
		return strings.Compare(string(g.name), string(name))
	})
}

// consumer is the place of a consumer by its name.
func (g *group) consumer(name []byte) (i int, found bool) {
	return slices.BinarySearchFunc(g.consumers, name, func(c *consumer, name []byte) int {
		return strings.Compare(string(c.name), string(name))
	})
}

// place makes sure that a group is there.
func (s *stream) place(name []byte) *group {
	i, found := s.group(name)
	if !found {
		g := &group{name: slices.Clone(name)}
		s.groups = slices.Insert(s.groups, i, g)
		s.held += groupWeight + len(name)
		s.people += g.digest()
	}
	return s.groups[i]
}

// destroy removes a group.
func (s *stream) destroy(i int) {
	g := s.groups[i]
	s.people -= g.digest()
	s.held -= groupWeight + len(g.name) + g.pending.n*deliveryWeight
	for _, c := range g.consumers {
		s.held -= consumerWeight + len(c.name)
	}
	s.groups = slices.Delete(s.groups, i, i+1)
}

// join makes sure that a consumer is there.
func (s *stream) join(g *group, name []byte) *consumer {
	i, found := g.consumer(name)
	if found {
		return g.consumers[i]
	}
	c := &consumer{name: slices.Clone(name), hash: xxhash.Sum64(name)}
	g.consumers = slices.Insert(g.consumers, i, c)
	if n := len(g.free); n > 0 {
		c.number, g.free = g.free[n-1], g.free[:n-1]
		g.numbers[c.number] = c
	} else {
		c.number, g.numbers = uint32(len(g.numbers)), append(g.numbers, c)
	}
	g.sum += c.digest()
	s.held += consumerWeight + len(name)
	return c
}

// leave removes a consumer with what is pending for it.
func (s *stream) leave(g *group, i int) {
	c := g.consumers[i]
	c.pending.each(event.ID{}, func(id *pendingID) bool {
		g.sum -= g.digestOf(g.pending.find(id.at()))
		g.pending.remove(id.at())
		return true
	})
	g.sum -= c.digest()
	s.held -= consumerWeight + len(c.name) + c.pending.n*deliveryWeight
	g.consumers = slices.Delete(g.consumers, i, i+1)
	g.numbers[c.number] = nil
	g.free = append(g.free, c.number)
}

// deliver says that an entry is pending for a consumer, and for no other.
func (s *stream) deliver(g *group, c *consumer, id event.ID, since int64, count uint64) {
	d := g.pending.find(id)
	if d == nil {
		g.pending.insert(delivery{id, since, count, c.number})
		c.pending.insert(pendingID(id))
		s.held += deliveryWeight
		g.sum += g.digestOf(&delivery{id, since, count, c.number})
		return
	}
	g.sum -= g.digestOf(d)
	if d.owner != c.number {
		g.numbers[d.owner].pending.remove(id)
		c.pending.insert(pendingID(id))
	}
	d.since, d.count, d.owner = since, count, c.number
	g.sum += g.digestOf(d)
}

// acknowledge says that an entry is pending no more.
func (s *stream) acknowledge(g *group, id event.ID) {
	d := g.pending.find(id)
	g.sum -= g.digestOf(d)
	g.numbers[d.owner].pending.remove(id)
	g.pending.remove(id)
	s.held -= deliveryWeight
}

// digest is that of a group with all that it has.
func (g *group) digest() uint64 {
	d := mix(xxhash.Sum64(g.name), g.sum)
	d = mix(mix(d, g.last.MS), g.last.Seq)
	return mix(d, uint64(g.read))
}

func (c *consumer) digest() uint64 { return mix(mix(c.hash, uint64(c.seen)), uint64(c.active)) }

func (g *group) digestOf(d *delivery) uint64 {
	return mix(mix(mix(mix(d.id.MS, d.id.Seq), g.numbers[d.owner].hash), uint64(d.since)), d.count)
}

// recomputed is digest from scratch.
func (g *group) recomputed() uint64 {
	c := *g
	c.sum = 0
	for _, x := range g.consumers {
		c.sum += x.digest()
		x.pending.each(event.ID{}, func(id *pendingID) bool {
			c.sum += g.digestOf(g.pending.find(id.at()))
			return true
		})
	}
	return c.digest()
}
