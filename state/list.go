package state

import (
	"slices"

	"github.com/altilium-db/altilium/state/event"
)

// list is a large list: its elements in chunks of some kilobytes (chunk.go), which are
// Go's memory. At both ends an element comes and goes in the time that its bytes take;
// between them it takes a walk over the chunks.
type list struct {
	chunks []chunk // from first on
	first  int     // those before are room for more
	seq    sequence
	size   int // what the elements would take in a listpack of Redis
}

// chunk is some elements; it is never empty.
type chunk struct {
	data []byte
	n    int
	size int // what they would take in a listpack, by which a whole chunk goes without a look at them
}

// chunkRoom is how many bytes a chunk may have, but for one of a single element, or into
// which a large one was put.
const chunkRoom = 4 << 10

// mayBeLent reports whether an element of the chunk may have been lent, see [LendFrom]:
// its bytes are then left as they are, and what changes is made anew.
func (c *chunk) mayBeLent() bool { return len(c.data) >= LendFrom }

// newList makes a list of elements that lie behind one another.
func newList(p []byte) *list {
	l := &list{}
	for at := 0; at < len(p); {
		var x []byte
		x, at = elementAt(p, at)
		l.pushRight(x)
	}
	return l
}

// clone copies a list.
func (l *list) clone() *list {
	c := *l
	c.chunks, c.first = slices.Clone(l.chunks[l.first:]), 0
	for i := range c.chunks {
		c.chunks[i].data = slices.Clone(c.chunks[i].data)
	}
	return &c
}

// newChunk is one that begins with an element, at an end of the list. Where others came
// before and more of that size will fit, it has its room at once: to grow into it would
// copy all of it twice.
func (l *list) newChunk(x []byte) (c chunk) {
	if l.first < len(l.chunks) && len(x) <= chunkRoom/16 {
		c.data = make([]byte, 0, chunkRoom)
	}
	return c
}

func (l *list) pushRight(x []byte) {
	l.seq.pushRight(x)
	if n := len(l.chunks); n == l.first || len(l.chunks[n-1].data)+elementBytes(len(x)) > chunkRoom {
		l.chunks = append(l.chunks, l.newChunk(x))
	}
	c := &l.chunks[len(l.chunks)-1]
	c.data = appendElement(c.data, x)
	c.n++
	l.resize(c, listpackSize(x))
}

func (l *list) pushLeft(x []byte) {
	l.seq.pushLeft(x)
	if l.first == len(l.chunks) || len(l.chunks[l.first].data)+elementBytes(len(x)) > chunkRoom {
		fresh := l.newChunk(x)
		if l.first == 0 {
			room := len(l.chunks)/2 + 4
			l.chunks = append(make([]chunk, room, room+len(l.chunks)+4), l.chunks...)
			l.first = room
		}
		l.first--
		l.chunks[l.first] = fresh
	}
	c := &l.chunks[l.first]
	n := len(c.data)
	c.data = appendElement(c.data, x) // it makes the room; then all change places
	size := len(c.data) - n
	copy(c.data[size:], c.data[:n])
	appendElement(c.data[:0], x)
	c.n++
	l.resize(c, listpackSize(x))
}

func (l *list) popLeft() {
	c := &l.chunks[l.first]
	x, next := elementAt(c.data, 0)
	l.seq.popLeft(x)
	l.resize(c, -listpackSize(x))
	c.data = c.data[next:]
	if c.n--; c.n == 0 {
		l.dropChunk(l.first)
	}
}

func (l *list) popRight() {
	c := &l.chunks[len(l.chunks)-1]
	x, at := elementBefore(c.data, len(c.data))
	l.seq.popRight(x)
	l.resize(c, -listpackSize(x))
	if c.mayBeLent() {
		c.data = slices.Clip(c.data[:at]) // what comes next goes elsewhere
	} else {
		c.data = c.data[:at]
	}
	if c.n--; c.n == 0 {
		l.dropChunk(len(l.chunks) - 1)
	}
}

// popMany takes n elements, one at least, from an end. Chunks that go whole are not looked
// into, so the digest is to be made anew.
func (l *list) popMany(side event.Side, n int) {
	for n > 0 {
		i := l.first
		if side == event.Right {
			i = len(l.chunks) - 1
		}
		c := &l.chunks[i]
		switch {
		case c.n <= n:
			n -= c.n
			l.seq.n -= c.n
			l.size -= c.size
			l.dropChunk(i)
			continue
		case side == event.Left:
			l.popLeft()
		default:
			l.popRight()
		}
		n--
	}
}

// resize notes that the elements of a chunk take more bytes in a listpack, or fewer.
func (l *list) resize(c *chunk, more int) {
	c.size += more
	l.size += more
}

// dropChunk takes a chunk out.
func (l *list) dropChunk(i int) {
	if i == l.first {
		l.chunks[i] = chunk{}
		l.first++
		if l.first > 2*(len(l.chunks)-l.first)+8 {
			l.chunks, l.first = slices.Clone(l.chunks[l.first:]), 0
		}
		return
	}
	l.chunks = slices.Delete(l.chunks, i, i+1)
}

// find is the chunk that has the element at a place, and which of it that is. The walk
// begins at the nearer end.
func (l *list) find(place int) (c, in int) {
	if place < l.seq.n/2 {
		for c = l.first; place >= l.chunks[c].n; c++ {
			place -= l.chunks[c].n
		}
		return c, place
	}
	behind := l.seq.n - place // elements from there on
	c = len(l.chunks) - 1
	for behind > l.chunks[c].n {
		behind -= l.chunks[c].n
		c--
	}
	return c, l.chunks[c].n - behind
}

// offset is where element number in of a chunk begins.
func (c *chunk) offset(in int) (at int) {
	if in > c.n/2 {
		at = len(c.data)
		for ; in < c.n; in++ {
			_, at = elementBefore(c.data, at)
		}
		return at
	}
	for ; in > 0; in-- {
		_, at = elementAt(c.data, at)
	}
	return at
}

// set gives a place another element.
func (l *list) set(place int, x []byte) {
	i, in := l.find(place)
	c := &l.chunks[i]
	at := c.offset(in)
	old, next := elementAt(c.data, at)
	l.seq.replace(place, old, x)
	l.resize(c, listpackSize(x)-listpackSize(old))
	if c.mayBeLent() {
		c.data = slices.Concat(c.data[:at], appendElement(nil, x), c.data[next:])
		return
	}
	c.data = slices.Replace(c.data, at, next, appendElement(nil, x)...)
}

// insert puts an element at a place, which may be the end. The digest is to be made anew.
func (l *list) insert(place int, x []byte) {
	if place == l.seq.n {
		l.pushRight(x)
		return
	}
	i, in := l.find(place)
	l.seq.n++
	if c := &l.chunks[i]; len(c.data)+elementBytes(len(x)) > chunkRoom {
		if c.n == 1 { // as large as that alone
			l.chunks = slices.Insert(l.chunks, i, chunk{data: appendElement(nil, x), n: 1})
			l.resize(&l.chunks[i], listpackSize(x))
			return
		}
		half := c.n / 2
		at := c.offset(half)
		behind := chunk{data: slices.Clone(c.data[at:]), n: c.n - half}
		for at := 0; at < len(behind.data); {
			var x []byte
			x, at = elementAt(behind.data, at)
			behind.size += listpackSize(x)
		}
		c.data, c.n, c.size = c.data[:at:at], half, c.size-behind.size
		l.chunks = slices.Insert(l.chunks, i+1, behind)
		if in > half {
			i, in = i+1, in-half
		}
	}
	c := &l.chunks[i]
	c.data = slices.Insert(c.data, c.offset(in), appendElement(nil, x)...)
	c.n++
	l.resize(c, listpackSize(x))
}

// remove takes the elements at these places, ascending, out. The digest is to be made
// anew.
func (l *list) remove(places []int) {
	l.seq.n -= len(places)
	from := 0 // place of the first element of the chunk
	for i := l.first; i < len(l.chunks) && len(places) > 0; {
		c := &l.chunks[i]
		here := 0
		for here < len(places) && places[here] < from+c.n {
			here++
		}
		from += c.n
		if here > 0 {
			l.resize(c, -c.remove(places[:here], from-c.n))
			places = places[here:]
			if i > l.first {
				c.join(&l.chunks[i-1])
			}
		}
		if c.n > 0 {
			i++
			continue
		}
		first := l.first
		l.dropChunk(i)
		if i == first {
			i = l.first
		}
	}
}

// remove takes elements out, of which the first in the chunk has the place from; it
// returns what they took in a listpack.
func (c *chunk) remove(places []int, from int) (size int) {
	if c.mayBeLent() {
		c.data = slices.Clone(c.data)
	}
	kept, at := 0, 0
	for place := from; at < len(c.data); place++ {
		x, next := elementAt(c.data, at)
		if len(places) > 0 && places[0] == place {
			size += listpackSize(x)
			places = places[1:]
			c.n--
		} else {
			kept += copy(c.data[kept:], c.data[at:next])
		}
		at = next
	}
	if c.data = c.data[:kept]; cap(c.data) > 2*kept {
		c.data = slices.Clone(c.data)
	}
	return size
}

// join moves what a chunk has to the one before, if that leaves half of it free.
func (c *chunk) join(before *chunk) {
	if len(before.data)+len(c.data) <= chunkRoom/2 {
		before.data = append(before.data, c.data...)
		before.n += c.n
		before.size += c.size
		*c = chunk{}
	}
}

// refresh makes the digest anew.
func (l *list) refresh() {
	l.seq = sequence{}
	for _, c := range l.chunks[l.first:] {
		l.seq.add(c.data)
	}
}
