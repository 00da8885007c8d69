package state

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Batch is records of one database on their way into a state. Most of the work of an
// import does not need the state: reading a record's parts, hashing, laying it out as it
// will lie in memory. [Batch.Add] does all that, for each batch on a goroutine of its
// own if wanted; what is left for the owner of the state, [State.ImportBatch], is to
// find each record a place.
type Batch struct {
	db     int
	secret *secret
	items  []item
	blocks []byte   // records, as they lie in blocks
	large  []Record // those that need an object
	packed []byte   // scratch for a small hash or set
}

// item is a record of a batch.
type item struct {
	h     uint64 // hash of its key
	sum   uint64 // its part of the database's sum
	block int    // where in blocks it ends; it begins where the one before it ends
	large int    // or its place among the large ones, +1
}

// NewBatch makes an empty batch, for records of database 0. Any goroutine may call it.
func (s *State) NewBatch() *Batch { return &Batch{secret: s.secret} }

// Reset empties a batch, for records of a database.
func (b *Batch) Reset(db int) {
	clear(b.large) // what they point to is the caller's again
	b.db, b.items, b.blocks, b.large = db, b.items[:0], b.blocks[:0], b.large[:0]
}

// Add takes in a record. What it points to must stay as it is until the batch has been
// imported or is reset. A record that Export never gives is an error, and is not taken.
func (b *Batch) Add(r Record) error {
	e := entry{key: r.Key, typ: r.Type, enc: encoding(r.Encoding), expire: r.ExpireAt}
	err := b.fill(&e, &r)
	if err != nil {
		return fmt.Errorf("the key %s: %w", shown(r.Key), err)
	}
	it := item{h: b.secret.hash(r.Key)}
	if e.large() || r.large() {
		r.Items = slices.Clone(r.Items)
		b.large = append(b.large, r)
		it.large = len(b.large)
	} else {
		class, key, payload, head := e.shape()
		at, n := len(b.blocks), head+uvarintLen(key)+uvarintLen(payload)+key+payload
		b.blocks = slices.Grow(b.blocks, n)[:at+n]
		e.write(b.blocks[at:], class, key, payload, head)
		it.sum = e.digest(e.body())
	}
	it.block = len(b.blocks)
	b.items = append(b.items, it)
	return nil
}

// fill checks a record and gives e its payload, but for a hash or set that is large.
func (b *Batch) fill(e *entry, r *Record) error {
	if r.ExpireAt < 0 {
		return fmt.Errorf("it expires at %d ms", r.ExpireAt)
	}
	switch r.Type {
	case String:
		e.payload = r.Value
		return checkString(r)
	case List:
		return b.fillList(e, r)
	case Hash, Set, ZSet:
		return b.fillPacked(e, r)
	case Stream:
		if e.enc != encStream {
			return misfit(r)
		}
		var err error
		r.stream, err = readStream(r.Items)
		return err
	}
	return fmt.Errorf("a value of type %d", r.Type)
}

// checkString reports a string that does not fit its encoding.
func checkString(r *Record) error {
	switch enc := encoding(r.Encoding); {
	case enc == encRaw:
	case enc == encInt && isInt(r.Value):
	case enc == encEmbstr && len(r.Value) <= MaxEmbstr:
	default:
		return fmt.Errorf("a string of %d bytes that does not fit its encoding %d", len(r.Value), r.Encoding)
	}
	return nil
}

// fillPacked packs the fields of a small hash or the members of a small set.
func (b *Batch) fillPacked(e *entry, r *Record) error {
	stride := r.stride()
	if len(r.Items) == 0 || len(r.Items)%stride != 0 {
		return fmt.Errorf("a %v of %d items", r.Type, len(r.Items))
	}
	if r.Type == ZSet {
		for i := 1; i < len(r.Items); i += 2 {
			if score := r.Items[i]; len(score) != scoreBytes || math.IsNaN(scoreOf(score)) {
				return fmt.Errorf("a score of a sorted set is %x", score)
			}
		}
	}
	if r.large() {
		return nil
	}
	e.payload = append(b.packed[:0], make([]byte, packedHead)...)
	for i := 0; i < len(r.Items); i += stride {
		field, value := r.pair(i / stride)
		enc, ok := e.encodingWith(field, value, true)
		_, at, _ := findPacked(e.payload, field)
		inOrder := enc != encIntset && e.typ != ZSet || e.placeInOrder(e.payload, field, value) == len(e.payload)
		if !ok || enc != e.enc || at >= 0 || !inOrder {
			return misfit(r)
		}
		n, sum := packedLen(e.payload), packedSum(e.payload)
		e.payload = appendPair(e.payload, field, value)
		setPacked(e.payload, sum+pairDigest(field, value), n+1)
	}
	b.packed = e.payload
	return nil
}

// fillList packs the elements of a small list.
func (b *Batch) fillList(e *entry, r *Record) error {
	if len(r.Items) == 0 {
		return errors.New("a list without elements")
	}
	if r.large() {
		return nil
	}
	b.packed = withListRoom(b.packed)
	seq, size := sequence{}, 0
	for _, x := range r.Items {
		seq.pushRight(x)
		size += listpackSize(x)
		b.packed = appendElement(b.packed, x)
	}
	if e.enc != encListpack {
		return misfit(r)
	}
	e.payload = b.packed[putListHead(b.packed, seq, size):]
	return nil
}

// stride is how many items a field has, its value included.
func (r *Record) stride() int {
	if r.Type == Set {
		return 1
	}
	return 2
}

// pair is the field with a number, and its value.
func (r *Record) pair(i int) (field, value []byte) {
	if r.Type == Set {
		return r.Items[i], nil
	}
	return r.Items[2*i], r.Items[2*i+1]
}

// large reports whether a record is that of a large collection.
func (r *Record) large() bool {
	enc := encoding(r.Encoding)
	return r.Type == Stream || r.Type == ZSet && enc == encSkiplist || r.Type == List && enc == encQuicklist || (r.Type == Hash || r.Type == Set) && enc == encHashtable
}

func misfit(r *Record) error {
	return fmt.Errorf("a %v that does not fit its encoding %d, or has something twice", r.Type, r.Encoding)
}

// ImportBatch adds a batch's records to its database. What the batch was given is
// copied. A key that is there already is an error, and the records before it stay.
func (s *State) ImportBatch(b *Batch) error {
	if b.db < 0 || b.db >= Databases {
		return fmt.Errorf("there is no database %d", b.db)
	}
	d, at := s.dbs[b.db], 0
	for i := range b.items {
		it := &b.items[i]
		var err error
		if it.large > 0 {
			err = s.importLarge(d, it.h, &b.large[it.large-1])
		} else {
			err = s.importBlock(d, it, b.blocks[at:it.block])
		}
		if err != nil {
			return err
		}
		at = it.block
	}
	s.last.key.r, s.last.field.r = 0, 0
	return nil
}

// Import adds one key to a database, as a batch of it does.
func (s *State) Import(db int, r Record) error {
	b := s.NewBatch()
	b.Reset(db)
	if err := b.Add(r); err != nil {
		return err
	}
	return s.ImportBatch(b)
}

// importBlock adds a record as it will lie in memory, but for its place in the expiry
// heap.
func (s *State) importBlock(d *database, it *item, block []byte) error {
	key, _, at := lengths(block)
	if k := block[at : at+key]; d.keys.find(it.h, k) != 0 {
		return twice(k)
	}
	r := d.mem.alloc(block[0])
	copy(d.mem.at(r), block)
	d.keys.insert(it.h, r)
	d.sum += it.sum
	if expire := expiryOf(block); expire != 0 {
		first := d.due.first()
		if d.due.add(r, expire); d.due.first() != first {
			s.findNext()
		}
	}
	return nil
}

func twice(key []byte) error { return fmt.Errorf("the key %s is there twice", shown(key)) }

// importLarge adds a record that needs an object.
func (s *State) importLarge(d *database, h uint64, r *Record) error {
	if d.keys.find(h, r.Key) != 0 {
		return twice(r.Key)
	}
	e := entry{key: r.Key, typ: r.Type, enc: encoding(r.Encoding), payload: r.Value}
	switch {
	case r.Type == String:
	case r.Type == Stream:
		d.adopt(&e, &object{stream: r.stream})
	case r.large() && r.Type == List:
		d.adopt(&e, &object{list: &list{}})
		for _, x := range r.Items {
			e.o.list.pushRight(x)
		}
	case r.large():
		d.adopt(&e, &object{})
		d.newHash(&e)
		n := len(r.Items) / r.stride()
		before := d.taken()
		e.o.hash.index.expect(n) // they come in the order of their hashes
		e.o.hash.room += d.taken() - before
		for i := range n {
			field, value := r.pair(i)
			d.setField(&e, field, value)
		}
		if e.o.hash.index.n != n {
			d.dropObject(&e)
			return fmt.Errorf("the key %s: %w", shown(r.Key), misfit(r))
		}
	default: // a small collection that is long all the same
		var b Batch
		if err := b.fill(&e, r); err != nil {
			return fmt.Errorf("the key %s: %w", shown(r.Key), err)
		}
	}
	s.put(d, h, 0, &e, r.ExpireAt)
	return nil
}
