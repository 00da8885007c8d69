package state

import (
	"fmt"
	"slices"
	"sort"

	"github.com/altilium-db/altilium/state/event"
)

// stream is a stream: its entries in chunks (stream_chunk.go), which are Go's memory, and
// its consumer groups (stream_group.go). An id is found among the chunks by bisection,
// and then by a walk over at most MaxChunkEntries of them.
//
// Where a chunk ends is decided as Redis decides it for its nodes: trimming that need
// not be exact ("~") takes whole ones.
type stream struct {
	chunks []streamChunk // from first on
	first  int           // those before are room that trimming has left
	n      int           // entries
	bytes  int           // of all chunks' data

	last    event.ID // the greatest that there ever was
	deleted event.ID // the greatest that was ever deleted; one that was trimmed is not
	added   uint64   // entries that were ever added

	sum    uint64   // of the digests of the entries
	groups []*group // by name
	people uint64   // the sum of the groups' digests
	held   int      // what they take of memory, about
}

// clone copies a stream.
func (s *stream) clone() *stream {
	c := *s
	c.chunks, c.first = slices.Clone(s.chunks[s.first:]), 0
	for i := range c.chunks {
		c.chunks[i].data = slices.Clone(c.chunks[i].data)
	}
	c.groups = make([]*group, len(s.groups))
	for i, g := range s.groups {
		c.groups[i] = g.clone()
	}
	return &c
}

// live is the chunks.
func (s *stream) live() []streamChunk { return s.chunks[s.first:] }

// find is which of the live chunks has the entry with this id, if any has: the last one
// that does not begin behind it; -1 where all do.
func (s *stream) find(id event.ID) int {
	live := s.live()
	return sort.Search(len(live), func(i int) bool { return id.Less(live[i].base) }) - 1
}

// joins reports whether an entry whose fields and values have so many bytes comes into
// the last chunk.
func (s *stream) joins(bytes int) bool {
	if len(s.live()) == 0 {
		return false
	}
	c := &s.chunks[len(s.chunks)-1]
	return c.size+bytes < MaxChunkBytes && c.ever < MaxChunkEntries
}

// add appends an entry, whose id is above the last one.
func (s *stream) add(id event.ID, pairs [][]byte) {
	total := 0
	for _, p := range pairs {
		total += len(p)
	}
	if !s.joins(total) {
		s.seal()
		s.chunks = append(s.chunks, newStreamChunk(id, pairs))
		s.bytes += len(s.chunks[len(s.chunks)-1].data)
	}
	c := &s.chunks[len(s.chunks)-1]
	before, sum := len(c.data), c.sum
	c.add(id, pairs)
	s.bytes += len(c.data) - before
	s.sum += c.sum - sum
	s.n++
	s.added++
	s.last = id
}

// seal takes from the last chunk the memory that it had for more entries.
func (s *stream) seal() {
	if len(s.live()) > 0 {
		c := &s.chunks[len(s.chunks)-1]
		c.data = slices.Clone(c.data)
	}
}

// trim removes the first n entries.
func (s *stream) trim(n int) {
	s.n -= n
	for n > 0 {
		c := &s.chunks[s.first]
		if n < c.n {
			before := c.sum
			c.trim(n)
			s.sum += c.sum - before
			return
		}
		n -= c.n
		s.sum -= c.sum
		s.bytes -= len(c.data)
		s.chunks[s.first] = streamChunk{}
		s.first++
	}
	if s.first > 2*len(s.live())+8 {
		s.chunks, s.first = slices.Clone(s.live()), 0
	}
}

// delete removes entries, all of which are there, their ids ascending.
func (s *stream) delete(ids []event.ID) {
	for _, id := range ids {
		i := s.first + s.find(id)
		c := &s.chunks[i]
		before, sum := len(c.data), c.sum
		c.delete(id)
		s.sum += c.sum - sum
		s.bytes += len(c.data) - before
		if c.n == 0 {
			s.bytes -= len(c.data)
			s.chunks = slices.Delete(s.chunks, i, i+1)
		}
	}
	s.n -= len(ids)
	if top := ids[len(ids)-1]; s.deleted.Less(top) {
		s.deleted = top
	}
}

// has reports whether there is an entry with this id.
func (s *stream) has(id event.ID) bool {
	var e StreamEntry
	return s.entry(id, &e)
}

// entry reads the entry with this id; false where it is not there.
func (s *stream) entry(id event.ID, e *StreamEntry) bool {
	i := s.find(id)
	if i < 0 {
		return false
	}
	c := &s.live()[i]
	for at := c.from; at < len(c.data); {
		if at = c.entryAt(at, e); !e.ID.Less(id) {
			return e.ID == id
		}
	}
	return false
}

// firstID is that of the first entry, 0-0 where there is none.
func (s *stream) firstID() event.ID {
	if s.n == 0 {
		return event.ID{}
	}
	var e StreamEntry
	c := &s.live()[0]
	c.entryAt(c.from, &e)
	return e.ID
}

// lastID is that of the last entry, 0-0 where there is none.
func (s *stream) lastID() event.ID {
	if s.n == 0 {
		return event.ID{}
	}
	return s.chunks[len(s.chunks)-1].last
}

// body is the digest of a stream.
func (s *stream) body() uint64 {
	d := mix(s.sum, s.people)
	for _, x := range [...]uint64{s.last.MS, s.last.Seq, s.deleted.MS, s.deleted.Seq, s.added} {
		d = mix(d, x)
	}
	return d
}

// recomputed is the same from scratch.
func (s *stream) recomputed() uint64 {
	c := *s
	c.sum, c.people = 0, 0
	(Entries{s}).Range(event.ID{}, event.MaxID(), func(e *StreamEntry) bool {
		c.sum += e.digest()
		return true
	})
	for _, g := range s.groups {
		c.people += g.recomputed()
	}
	return c.body()
}

// redisDigest mixes into d what Redis does: the entries, and nothing else.
func (s *stream) redisDigest(d *sum20) {
	(Entries{s}).Range(event.ID{}, event.MaxID(), func(e *StreamEntry) bool {
		d.mix(fmt.Appendf(nil, "%d.%d", e.ID.MS, e.ID.Seq))
		for range e.Len() {
			field, value := e.Next()
			d.mix(field)
			d.mix(value)
		}
		return true
	})
}
