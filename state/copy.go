package state

import "slices"

// How a large hash, set or sorted set is copied: part by part as it lies in memory. Both
// databases have the same secret, so the copy's index has the same shape, with other
// records in its slots; a ranking has the same too. Nothing is hashed but the members of
// a sorted set, and no index or tree grows step by step: to build those anew from members
// that come in the order of their hashes takes four times as long, and leaves segments
// that are nearly empty.

// copyHash gives e, which has a new object, what a large hash holds, which may be another
// database's.
func (d *database) copyHash(e *entry, from *hash) {
	before := d.taken()
	d.newHash(e)
	x := from.index.outline(d)
	e.o.hash.index, e.o.hash.sum = x, from.sum
	c := copier{from: from.index, to: x, owner: e.obj - 1}
	if k := from.ranking; k != nil {
		to := e.o.hash.ranking
		to.root, to.n = c.node(k.root), k.n
	} else {
		for i := range x.segs {
			c.segment(&from.index.segs[i], &x.segs[i])
		}
	}
	e.o.hash.room = d.taken() - before
}

// outline makes an index of the same shape, whose slots are empty.
func (x *index) outline(d *database) *index {
	y := &index{db: d, dir: slices.Clone(x.dir), bits: x.bits, segs: make([]segment, len(x.segs)), n: x.n, full: x.full, free: slices.Clone(x.free)}
	for i := range x.segs {
		if s := &x.segs[i]; s.slots != nil {
			y.segs[i] = y.newSegment(s.step(), s.depth)
			y.segs[i].n = s.n
		}
	}
	return y
}

// copier copies the fields of one index into another that is its outline.
type copier struct {
	from, to *index
	owner    uint32 // the number of the copy's object
	last     *leaf  // of the copy
}

// segment fills a segment as another is.
func (c *copier) segment(from, to *segment) {
	const ahead = 16 // slots: as many records are on their way while one is copied
	for i, slot := range from.slots {
		if k := i + ahead; k < len(from.slots) && from.slots[k] != 0 {
			c.from.db.prefetch(from.slots[k] & refMask)
		}
		if slot != 0 {
			to.slots[i] = slot&tagMask | c.field(slot&refMask)
		}
	}
}

// node copies part of a ranking, and the records of its members.
func (c *copier) node(from *node) *node {
	n := *from
	for i := range n.n {
		if n.leaves[i] != nil {
			n.leaves[i] = c.leaf(n.leaves[i])
		} else {
			n.nodes[i] = c.node(n.nodes[i])
		}
		if n.counts[i] > 0 { // not so where there are no members at all
			n.refresh(i)
		}
	}
	return &n
}

func (c *copier) leaf(from *leaf) *leaf {
	l := *from
	if l.prev, l.next = c.last, nil; c.last != nil {
		c.last.next = &l
	}
	c.last = &l
	refs := from.refs[:from.n]
	for _, r := range refs {
		c.from.db.prefetch(r)
	}
	var hashes [leafRoom]uint64
	for i, r := range refs {
		h := c.from.db.secret.hash(c.from.db.key(r))
		hashes[i] = h
		c.from.prefetchSlot(h)
		c.to.prefetchSlot(h)
	}
	for i, r := range refs {
		h := hashes[i]
		l.refs[i] = c.field(r)
		// Where it is in the one it is in the other.
		c.to.segment(h).slots[c.from.segment(h).place(h, r)] = h&tagMask | l.refs[i]
	}
	return &l
}

// field copies a record.
func (c *copier) field(r ref) ref {
	d, b := c.to.db, c.from.db.mem.at(r)
	if b[0]&classObject != 0 {
		return c.largeField(r)
	}
	to := d.mem.alloc(b[0])
	copied := d.mem.at(to)
	copy(copied, b[:sizeOf(b[0])])
	own(copied, c.owner)
	return to
}

// largeField is field for one with an object.
func (c *copier) largeField(r ref) ref {
	d, f := c.to.db, c.from.db.load(r)
	f.o, f.obj, f.access = nil, 0, c.owner
	d.outsource(&f)
	class, key, payload, head := f.shape()
	to := d.mem.alloc(class)
	f.write(d.mem.at(to), class, key, payload, head)
	f.o.home = to
	d.weigh(&f)
	return to
}
