package rdb

import (
	"encoding/binary"
	"iter"
	"slices"
)

// The limits of a node: entries that it may have, and bytes of its listpack, but for one
// of one entry. They are Redis' stream-node-max-entries and -bytes.
const (
	nodeEntries = 100
	streamBytes = 4096
)

// Stream writes a stream with its entries, in nodes as adding them one by one makes them
// in Redis.
func (w *Writer) Stream(s *Stream, entries iter.Seq2[ID, [][]byte]) {
	w.begin(typeStream2)
	w.nodes(entries)
	w.length(s.Entries)
	for _, id := range []ID{s.Last, s.First, s.Deleted} {
		w.id(id)
	}
	w.length(s.Added)
	w.length(uint64(len(s.Groups)))
	for i := range s.Groups {
		if w.group(&s.Groups[i]); w.full() {
			return
		}
	}
}

func (w *Writer) id(id ID) {
	w.length(id.MS)
	w.length(id.Seq)
}

// fixed writes an id as two numbers.
func (w *Writer) fixed(id ID) {
	w.buf = binary.BigEndian.AppendUint64(w.buf, id.MS)
	w.buf = binary.BigEndian.AppendUint64(w.buf, id.Seq)
}

func (w *Writer) time(ms int64) { w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(ms)) }

func (w *Writer) nodes(entries iter.Seq2[ID, [][]byte]) {
	mark, nodes := len(w.buf), 0
	var n nodeWriter
	flush := func() {
		if n.entries > 0 {
			w.length(streamIDBytes)
			w.fixed(n.base)
			w.text(n.bytes())
			nodes++
		}
		n.entries = 0
	}
	for id, pairs := range entries {
		if !n.takes(pairs) {
			if flush(); w.full() {
				return
			}
			n.begin(id, pairs)
		}
		n.add(id, pairs)
	}
	flush()
	w.insertLength(mark, nodes)
}

// nodeWriter makes a node.
type nodeWriter struct {
	packer
	base    ID
	names   [][]byte
	entries int
	room    []byte // of the names
	head    packer // the master entry with the number of entries
}

// takes reports whether an entry comes into the node.
func (n *nodeWriter) takes(pairs [][]byte) bool {
	size := n.head.size() + len(n.p)
	for _, x := range pairs {
		size += len(x)
	}
	return n.entries > 0 && n.entries < nodeEntries && size < streamBytes
}

// begin begins a node for an entry, whose names become those of the master entry.
func (n *nodeWriter) begin(id ID, pairs [][]byte) {
	n.base, n.names, n.room = id, n.names[:0], n.room[:0]
	for i := 0; i < len(pairs); i += 2 {
		n.room = append(n.room, pairs[i]...)
	}
	at := 0
	for i := 0; i < len(pairs); i += 2 {
		n.names = append(n.names, n.room[at:at+len(pairs[i])])
		at += len(pairs[i])
	}
	n.p, n.n = n.p[:0], 0
	n.master()
}

// master makes the master entry anew.
func (n *nodeWriter) master() {
	n.head.reset()
	n.head.int(int64(n.entries))
	n.head.int(0) // deleted
	n.head.int(int64(len(n.names)))
	for _, name := range n.names {
		n.head.text(name)
	}
	n.head.int(0)
}

func (n *nodeWriter) add(id ID, pairs [][]byte) {
	same := len(pairs) == 2*len(n.names)
	for i := 0; i < len(pairs) && same; i += 2 {
		same = string(pairs[i]) == string(n.names[i/2])
	}
	before, flags := n.n, int64(0)
	if same {
		flags = nodeEntrySameName
	}
	n.int(flags)
	n.int(int64(id.MS - n.base.MS))
	n.int(int64(id.Seq - n.base.Seq))
	if same {
		for i := 1; i < len(pairs); i += 2 {
			n.text(pairs[i])
		}
	} else {
		n.int(int64(len(pairs) / 2))
		for _, x := range pairs {
			n.text(x)
		}
	}
	n.int(int64(n.n - before))
	n.entries++
}

// bytes is the listpack of the node.
func (n *nodeWriter) bytes() []byte {
	n.master()
	n.head.p = append(n.head.p, n.p...)
	n.head.n += n.n
	return n.head.bytes()
}

func (w *Writer) group(g *Group) {
	w.text(g.Name)
	w.id(g.Last)
	w.length(uint64(g.Read))
	var all []Pending
	for i := range g.Consumers {
		all = append(all, g.Consumers[i].Pending...)
	}
	slices.SortFunc(all, func(a, b Pending) int { return a.ID.Compare(b.ID) })
	w.length(uint64(len(all)))
	for _, p := range all {
		w.fixed(p.ID)
		w.time(p.Since)
		w.length(p.Count)
	}
	w.length(uint64(len(g.Consumers)))
	for i := range g.Consumers {
		c := &g.Consumers[i]
		w.text(c.Name)
		w.time(c.Seen)
		w.length(uint64(len(c.Pending)))
		for _, p := range c.Pending {
			w.fixed(p.ID)
		}
	}
}
