package state

import (
	"encoding/binary"
	"slices"

	"github.com/altilium-db/altilium/state/event"
)

// streamChunk is some entries of a stream, as they lie behind one another:
//
//	data    names | entry …
//	names   how many uvarint | name …           the fields of its first entry
//	entry   length uvarint | ms uvarint | number uvarint | fields uvarint | part …
//	part    length uvarint | bytes
//
// The length of an entry is that of what follows it. ms is the distance from the base;
// the number is so where that is 0, and stands as it is otherwise. fields is 0 where they
// have the names of the chunk, and the parts are the values; else it is how many, and
// the parts are field, value, field, value.
//
// Checkpoints hold chunks as they are (stream_record.go): the format is fixed.
type streamChunk struct {
	base event.ID // of the first entry that it ever had
	last event.ID // of the last entry that is there
	top  event.ID // of the last entry that it ever had
	data []byte
	from int    // where the first entry begins that is there
	n    int    // entries that are there; never 0
	ever int    // entries that it ever had
	size int    // what all those would take in a listpack of Redis, names included
	sum  uint64 // of the digests of its entries
}

// The limits of a chunk, those of Redis' nodes: entries that it ever had, and bytes of a
// listpack, but for a chunk of one entry. No settings, as the limits between encodings.
const (
	MaxChunkEntries = 100
	MaxChunkBytes   = 4096
)

// newStreamChunk is a chunk without entries, made for this one.
func newStreamChunk(id event.ID, pairs [][]byte) streamChunk {
	c := streamChunk{base: id, top: id}
	c.data = binary.AppendUvarint(nil, uint64(len(pairs)/2))
	c.size = listpackFrame + 2*listpackInt(0) + listpackInt(int64(len(pairs)/2)) + listpackInt(0)
	for i := 0; i < len(pairs); i += 2 {
		c.data = appendPart(c.data, pairs[i])
		c.size += listpackSize(pairs[i])
	}
	c.from = len(c.data)
	return c
}

// sameNames reports whether the fields of an entry have the names of the chunk.
func (c *streamChunk) sameNames(pairs [][]byte) bool {
	n, at := partLength(c.data, 0)
	if n != len(pairs)/2 {
		return false
	}
	for i := 0; i < len(pairs); i += 2 {
		var name []byte
		if name, at = partAt(c.data, at); string(name) != string(pairs[i]) {
			return false
		}
	}
	return true
}

// add appends an entry. It decides as Redis does how much a listpack would grow.
func (c *streamChunk) add(id event.ID, pairs [][]byte) {
	n, same := len(pairs)/2, c.sameNames(pairs)
	ms, seq := id.MS-c.base.MS, id.Seq
	if ms == 0 {
		seq -= c.base.Seq
	}
	c.size += listpackInt(0) + listpackInt(int64(ms)) + listpackInt(int64(id.Seq-c.base.Seq))
	shape, step := 0, 2
	if same {
		c.size += listpackInt(int64(n + 3))
	} else {
		c.size += listpackInt(int64(n)) + listpackInt(int64(2*n+4))
		shape, step = n, 1
	}
	length := uvarintLen64(ms) + uvarintLen64(seq) + uvarintLen(shape)
	for i := step - 1; i < len(pairs); i += step {
		length += uvarintLen(len(pairs[i])) + len(pairs[i])
		c.size += listpackSize(pairs[i])
	}
	c.data = slices.Grow(c.data, uvarintLen(length)+length)
	c.data = binary.AppendUvarint(c.data, uint64(length))
	c.data = binary.AppendUvarint(c.data, ms)
	c.data = binary.AppendUvarint(c.data, seq)
	c.data = binary.AppendUvarint(c.data, uint64(shape))
	for i := step - 1; i < len(pairs); i += step {
		c.data = appendPart(c.data, pairs[i])
	}
	c.last, c.top = id, id
	c.n++
	c.ever++
	c.sum += streamEntryDigest(id, pairs)
}

// trim removes the first n entries, which are not all.
func (c *streamChunk) trim(n int) {
	var e StreamEntry
	for range n {
		c.from = c.entryAt(c.from, &e)
		c.sum -= e.digest()
	}
	c.n -= n
}

// delete removes an entry, which is there.
func (c *streamChunk) delete(id event.ID) {
	var e StreamEntry
	var before event.ID
	for at := c.from; ; {
		next := c.entryAt(at, &e)
		if e.ID != id {
			before, at = e.ID, next
			continue
		}
		c.sum -= e.digest()
		if c.n--; c.last == id {
			c.last = before
		}
		c.data = append(c.data[:at], c.data[next:]...) // slices.Delete would clear a value that may be lent
		return
	}
}

// offsets appends where each of its entries begins.
func (c *streamChunk) offsets(all []int) []int {
	for at := c.from; at < len(c.data); {
		all = append(all, at)
		length, from := partLength(c.data, at)
		at = from + length
	}
	return all
}

// count is how many entries it has from one id to another.
func (c *streamChunk) count(from, to event.ID) (n int) {
	var e StreamEntry
	for at := c.from; at < len(c.data); {
		if at = c.entryAt(at, &e); to.Less(e.ID) {
			return n
		}
		if !e.ID.Less(from) {
			n++
		}
	}
	return n
}

// entryAt reads the entry that begins at a place; it returns where the next one does.
func (c *streamChunk) entryAt(at int, e *StreamEntry) (next int) {
	length, at := partLength(c.data, at)
	next = at + length
	ms, size := binary.Uvarint(c.data[at:next])
	at += size
	seq, size := binary.Uvarint(c.data[at:next])
	at += size
	n, at := partLength(c.data, at)
	if ms == 0 {
		seq += c.base.Seq
	}
	e.ID = event.ID{MS: c.base.MS + ms, Seq: seq}
	e.n, e.names, e.parts = n, nil, c.data[at:next:next]
	if n == 0 {
		n, at = partLength(c.data, 0)
		e.n, e.names = n, c.data[at:]
	}
	return next
}

// appendPart appends a field or a value.
func appendPart(dst, p []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(p))), p...)
}

// partLength reads a length, and says what follows it.
func partLength(p []byte, at int) (n, next int) {
	if n = int(p[at]); n < 0x80 {
		return n, at + 1
	}
	v, size := binary.Uvarint(p[at:])
	return int(v), at + size
}

// partAt reads a field or a value, and says where the next one begins.
func partAt(p []byte, at int) (part []byte, next int) {
	n, at := partLength(p, at)
	return p[at : at+n : at+n], at + n
}

func uvarintLen64(v uint64) int {
	size := 1
	for ; v >= 0x80; v >>= 7 {
		size++
	}
	return size
}

// StreamEntry is an entry of a stream as it lies in its chunk: valid until the next
// Apply. A value of LendFrom bytes or more may be lent as it is, since no other entry
// is in its chunk.
type StreamEntry struct {
	ID    event.ID
	n     int
	names []byte // the names of the chunk, nil where it has its own
	parts []byte // what Next has not read
}

// Len is the number of its fields.
func (e *StreamEntry) Len() int { return e.n }

// Next is its next field, which must be called no more than Len times.
func (e *StreamEntry) Next() (field, value []byte) {
	at := 0
	if e.names != nil {
		field, at = partAt(e.names, 0)
		e.names, at = e.names[at:], 0
	} else {
		field, at = partAt(e.parts, 0)
	}
	value, at = partAt(e.parts, at)
	e.parts = e.parts[at:]
	return field, value
}

// digest is that of an entry of which nothing has been read.
func (e StreamEntry) digest() uint64 {
	d := mix(e.ID.MS, e.ID.Seq)
	for range e.n {
		d = mix(d, pairDigest(e.Next()))
	}
	return d
}

// streamEntryDigest is the same of an entry that is to be.
func streamEntryDigest(id event.ID, pairs [][]byte) uint64 {
	d := mix(id.MS, id.Seq)
	for i := 0; i < len(pairs); i += 2 {
		d = mix(d, pairDigest(pairs[i], pairs[i+1]))
	}
	return d
}
