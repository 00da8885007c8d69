package state

// What keys take, in bytes: by this the memory limit goes, and MEMORY USAGE. Counted are
// the blocks that records and indexes have, and what objects take of Go's memory; blocks
// that are free, until pages are given back, are not, nor what Go takes beside its objects.

const (
	objectWeight = 160 // of an object and of its place among the others
	chunkWeight  = 40  // of a list's chunk, beside its elements
	piecesWeight = 112 // of a stream's chunk, beside its entries
	streamWeight = 176 // of a stream, beside its chunks and groups
	rankedWeight = 24  // of a member's place in a ranking, whose leaves are not quite full
	dueWeight    = 16  // of a place in the expiry heap
	slotWeight   = 11  // of a key's share of the index, about
)

// weigh is what an object takes of Go's memory, about.
func (o *object) weigh() int64 {
	n := objectWeight + len(o.key) + len(o.value)
	switch {
	case o.long != nil:
		n += int(o.long.behind)
	case o.list != nil:
		n += o.list.size + chunkWeight*len(o.list.chunks)
	case o.stream != nil:
		n += streamWeight + o.stream.bytes + piecesWeight*len(o.stream.live()) + o.stream.held
	case o.hash != nil && o.hash.ranking != nil:
		n += rankedWeight * o.hash.ranking.n
	}
	return int64(n)
}

// weigh counts the object of a large hash's field, unweigh takes it out again. Those of
// keys are counted by remember and forget.
func (d *database) weigh(field *entry) {
	if field.o != nil {
		field.o.weight = field.o.weigh()
		d.heap += field.o.weight
	}
}

func (d *database) unweigh(field *entry) {
	if field.o != nil {
		d.heap -= field.o.weight
	}
}

// taken is what is in use of both kinds of memory.
func (d *database) taken() int64 { return d.mem.used + d.heap }

// Used is how many bytes all keys take with what they hold. What is left of large hashes
// that have been deleted is given back a little at a time, and is not counted.
func (s *State) Used() (n int64) {
	for _, d := range s.dbs {
		n += d.taken() - d.dying + dueWeight*int64(d.due.n)
	}
	return n
}

// Weight is about how many bytes a key takes with what it holds; false where there is no
// key.
func (v View) Weight(key []byte) (bytes int64, ok bool) {
	b := v.peek(key)
	if b == nil {
		return 0, false
	}
	bytes = int64(sizeOf(b[0]&^classObject)) + slotWeight
	if b[1]&kindExpires != 0 {
		bytes += dueWeight
	}
	if _, o := v.d.payload(b); o != nil {
		bytes += o.weight
		if o.hash != nil {
			bytes += o.hash.room
		}
	}
	return bytes, true
}

// Overhead is about how many bytes of what a database takes are its index and the times at
// which keys expire.
func (s *State) Overhead(db int) (index, expiries int64) {
	d := s.dbs[db]
	return slotWeight * int64(d.keys.count()), dueWeight * int64(d.due.n)
}
