package rdb

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// stream reads a stream. How its groups are checked stands in read_group.go.
func (r *reader) stream(typ byte, b Builder) {
	var s Stream
	var last ID // of the entries
	for left := r.count(); left > 0 && r.ok(); left-- {
		key := r.text()
		if r.ok() && len(key) != streamIDBytes {
			r.fail("a node has no id")
		}
		if p := r.text(); r.ok() {
			n := node{r: r, base: streamID(key), s: &s, last: &last}
			n.read(p, b)
		}
	}
	entries := r.count()
	s.Last = r.id()
	s.Added = entries
	if typ != typeStream {
		r.id() // of the first entry
		s.Deleted, s.Added = r.id(), r.count()
	}
	switch {
	case !r.ok():
	case entries != s.Entries:
		r.fail("a stream has another number of entries")
	case s.Last.Compare(last) < 0:
		r.fail("a stream has an entry above its last id")
	}
	for left := r.count(); left > 0 && r.ok(); left-- {
		s.Groups = append(s.Groups, r.group(typ, &s))
	}
	if r.ok() && !sortByName(s.Groups, func(g *Group) []byte { return g.Name }) {
		r.fail("a group comes twice")
	}
	if r.ok() {
		r.give(b.Stream(&s))
	}
}

// sortByName sorts by names, and reports whether each is there once.
func sortByName[T any](all []T, name func(*T) []byte) bool {
	slices.SortFunc(all, func(a, b T) int { return bytes.Compare(name(&a), name(&b)) })
	for i := 1; i < len(all); i++ {
		if bytes.Equal(name(&all[i-1]), name(&all[i])) {
			return false
		}
	}
	return true
}

// id reads an id that is two lengths.
func (r *reader) id() ID {
	ms := r.count()
	return ID{ms, r.count()}
}

// streamID reads an id that is two numbers.
func streamID(p []byte) ID {
	return ID{binary.BigEndian.Uint64(p), binary.BigEndian.Uint64(p[8:])}
}

// node is a node of a stream being read.
type node struct {
	r     *reader
	c     cursor
	base  ID
	names [][]byte // of the master entry
	pairs [][]byte // of the entry being read
	s     *Stream
	last  *ID // of the entry before, in whichever node
}

func (n *node) read(p []byte, b Builder) {
	n.c = n.r.listpack(p)
	entries, deleted := n.int(), n.int()
	for left := n.int(); left > 0 && n.r.ok(); left-- {
		n.names = append(n.names, n.text())
	}
	if n.int() != 0 {
		n.r.fail("a master entry has no end")
	}
	seen := int64(0)
	for ; n.c.more(); seen++ {
		n.entry(b)
	}
	if n.c.end(); n.r.ok() && seen != entries+deleted {
		n.r.fail("a node has another number of entries")
	}
}

// entry reads an entry, and hands it out unless it was deleted.
func (n *node) entry(b Builder) {
	start := n.c.seen
	flags := n.int()
	id := ID{n.base.MS + uint64(n.int()), n.base.Seq + uint64(n.int())}
	n.pairs = n.pairs[:0]
	if flags&nodeEntrySameName != 0 {
		for i := 0; i < len(n.names) && n.r.ok(); i++ {
			n.pairs = append(n.pairs, n.names[i], n.text())
		}
	} else {
		for left := n.int(); left > 0 && n.r.ok(); left-- {
			field := n.text()
			n.pairs = append(n.pairs, field, n.text())
		}
	}
	size := int64(n.c.seen - start)
	if n.int() != size {
		n.r.fail("an entry has another number of parts")
	}
	switch {
	case !n.r.ok() || flags&nodeEntryDeleted != 0:
	case len(n.pairs) == 0:
		n.r.fail("an entry has no fields")
	case id.Compare(*n.last) <= 0:
		n.r.fail("an entry does not come after the one before")
	default:
		*n.last = id
		if n.s.Entries++; n.s.Entries == 1 {
			n.s.First = id
		}
		n.r.give(b.Entry(id, n.pairs))
	}
}

// int reads an element that must be an integer.
func (n *node) int() int64 {
	e := n.c.next()
	if e.text == nil {
		return e.n
	}
	v, ok := parseInt(e.text)
	if !ok {
		n.r.fail("what should be an integer is none")
	}
	return v
}

func (n *node) text() []byte {
	e := n.c.next()
	if !n.r.ok() {
		return nil
	}
	return n.r.elementText(e)
}
