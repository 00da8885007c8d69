package state

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/altilium-db/altilium/state/event"
	"github.com/altilium-db/altilium/state/event/pack"
)

// A stream is these items of a checkpoint's record, each a row of values as events have
// them:
//
//	stream  = last id, greatest id deleted, entries ever added, chunks, groups
//	chunk   = base, top, entries that it ever had, size in a listpack | names | entry …
//	group   = name, last id, 1 + entries read, consumers, pending | consumer … | delivery …
//	consumer = name, seen, active
//	delivery = id, since, count, place of its consumer
//
// An id is two integers. Behind the head of a chunk stands what streamChunk says, the
// entries that are there and no others. All chunks follow the stream, then all groups.

func appendID(dst []byte, id event.ID) []byte {
	return pack.AppendUint(pack.AppendUint(dst, id.MS), id.Seq)
}

// records appends the items of a stream.
func (s *stream) records(items [][]byte) [][]byte {
	head := appendID(appendID(nil, s.last), s.deleted)
	for _, n := range [...]uint64{s.added, uint64(len(s.live())), uint64(len(s.groups))} {
		head = pack.AppendUint(head, n)
	}
	items = append(items, head)
	for i := range s.live() {
		items = append(items, s.live()[i].record())
	}
	for _, g := range s.groups {
		items = append(items, g.record())
	}
	return items
}

func (c *streamChunk) record() []byte {
	item := appendID(appendID(make([]byte, 0, 48+len(c.data)), c.base), c.top)
	item = pack.AppendUint(pack.AppendUint(item, uint64(c.ever)), uint64(c.size))
	return append(append(item, c.names()...), c.data[c.from:]...)
}

// names is the part of data before all entries.
func (c *streamChunk) names() []byte {
	n, at := partLength(c.data, 0)
	for range n {
		_, at = partAt(c.data, at)
	}
	return c.data[:at]
}

func (g *group) record() []byte {
	item := pack.AppendUint(appendID(pack.AppendBin(nil, g.name), g.last), uint64(g.read)+1)
	item = pack.AppendUint(pack.AppendUint(item, uint64(len(g.consumers))), uint64(g.pending.n))
	places := make([]uint64, len(g.numbers))
	for i, c := range g.consumers {
		places[c.number] = uint64(i)
		item = pack.AppendUint(pack.AppendUint(pack.AppendBin(item, c.name), uint64(c.seen)), uint64(c.active))
	}
	g.pending.each(event.ID{}, func(d *delivery) bool {
		item = pack.AppendUint(pack.AppendUint(appendID(item, d.id), uint64(d.since)), d.count)
		item = pack.AppendUint(item, places[d.owner])
		return true
	})
	return item
}

var errStream = errors.New("a stream that no server has")

// readStream reads what records wrote. Everything is copied.
func readStream(items [][]byte) (*stream, error) {
	if len(items) == 0 {
		return nil, errStream
	}
	u := pack.Reader{Rest: items[0]}
	s := &stream{last: readID(&u), deleted: readID(&u), added: u.Uint()}
	chunks, groups := u.Uint(), u.Uint()
	items = items[1:]
	if u.Bad || len(u.Rest) > 0 || chunks > uint64(len(items)) || groups != uint64(len(items))-chunks {
		return nil, errStream
	}
	for _, item := range items[:chunks] {
		c, ok := readChunk(item)
		if !ok || s.n > 0 && !s.lastID().Less(c.base) {
			return nil, errStream
		}
		s.chunks = append(s.chunks, c)
		s.n, s.bytes, s.sum = s.n+c.n, s.bytes+len(c.data), s.sum+c.sum
	}
	if s.last.Less(s.lastID()) {
		return nil, errStream
	}
	for _, item := range items[chunks:] {
		if !s.readGroup(item) {
			return nil, errStream
		}
	}
	return s, nil
}

func readID(u *pack.Reader) event.ID { return event.ID{MS: u.Uint(), Seq: u.Uint()} }

func readChunk(item []byte) (c streamChunk, ok bool) {
	u := pack.Reader{Rest: item}
	c.base, c.top = readID(&u), readID(&u)
	c.ever, c.size = int(u.AtMost(MaxChunkEntries)), int(u.AtMost(1<<40))
	if u.Bad {
		return c, false
	}
	c.data = slices.Clone(u.Rest)
	p := parts{rest: c.data}
	names := p.uvarint()
	if names == 0 {
		return c, false
	}
	p.skip(names)
	c.from = len(c.data) - len(p.rest)
	last := event.ID{}
	for len(p.rest) > 0 && !p.bad {
		at := len(c.data) - len(p.rest)
		if p.entry(names); p.bad {
			break
		}
		var e StreamEntry
		c.entryAt(at, &e)
		if e.ID.Less(c.base) || c.n > 0 && !last.Less(e.ID) {
			return c, false
		}
		last = e.ID
		c.n++
		c.sum += e.digest()
	}
	c.last = last
	return c, !p.bad && c.n > 0 && c.n <= c.ever && !c.top.Less(last)
}

// parts is the bytes of a chunk of which nothing is known yet.
type parts struct {
	rest []byte
	bad  bool
}

func (p *parts) uvarint() uint64 {
	v, size := binary.Uvarint(p.rest)
	if p.rest = p.rest[max(size, 0):]; size <= 0 {
		p.bad, p.rest = true, nil
	}
	return v
}

// skip passes over n parts.
func (p *parts) skip(n uint64) {
	for ; n > 0 && !p.bad; n-- {
		if length := p.uvarint(); length > uint64(len(p.rest)) {
			p.bad = true
		} else {
			p.rest = p.rest[length:]
		}
	}
}

// entry passes over an entry of a chunk with so many names.
func (p *parts) entry(names uint64) {
	length := p.uvarint()
	if length > uint64(len(p.rest)) {
		p.bad = true
		return
	}
	own := parts{rest: p.rest[:length]}
	own.uvarint()
	own.uvarint()
	if n := own.uvarint(); n == 0 {
		own.skip(names)
	} else if n > length {
		own.bad = true
	} else {
		own.skip(2 * n)
	}
	p.rest = p.rest[length:]
	p.bad = own.bad || len(own.rest) > 0
}

// readGroup adds a group to a stream; false where it is none, or not in its place.
func (s *stream) readGroup(item []byte) bool {
	u := pack.Reader{Rest: item}
	name, last, read := u.Bin(), readID(&u), int64(u.AtMost(1<<63)-1)
	consumers, pending := u.Uint(), u.Uint()
	if i, found := s.group(name); u.Bad || found || i != len(s.groups) {
		return false
	}
	g := s.place(name)
	s.people -= g.digest()
	g.last, g.read = last, read
	for range consumers {
		name, seen, active := u.Bin(), u.Int(), u.Int()
		if i, found := g.consumer(name); u.Bad || found || i != len(g.consumers) {
			return false
		}
		c := s.join(g, name)
		g.sum -= c.digest()
		c.seen, c.active = seen, active
		g.sum += c.digest()
	}
	before := event.ID{}
	for i := range pending {
		id, since, count, owner := readID(&u), u.Int(), u.Uint(), u.Uint()
		if u.Bad || owner >= consumers || i > 0 && !before.Less(id) {
			return false
		}
		s.deliver(g, g.consumers[owner], id, since, count)
		before = id
	}
	s.people += g.digest()
	return !u.Bad && len(u.Rest) == 0
}
