package state

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// entry is a key with what it holds, as it is read from a record and written to
// one. Its slices point into the keyspace or to what a caller handed in.
//
//	record   class u8 | kind u8 | access u24 | expire i64, heap u32 | key length | length | key | payload
//	                                           where kind says so     uvarint      uvarint
//
//	class    of the block (memory.go), 0 in a free one: 7 bits | has an object: 1
//	kind     type: 3 bits | encoding: 4 | expires: 1
//	access   s since 1970 when it was last touched, as far as 24 bits go: a hint.
//	         Of a field of a large hash the number of that hash (hash.go), whose
//	         first 4 bits stand where the encoding does
//	heap     its place in the expiry heap
//	payload  a string's value, a small hash's fields (packed.go), or the number of an
//	         object where it is large. A long key lies in its object too, and has
//	         length 0 here
//
// A SET of 16 and 32 bytes is a record of 55 bytes in a block of 56.
type entry struct {
	typ     Type
	enc     encoding
	expire  int64  // ms since 1970, 0 for never
	heap    uint32 // where it expires
	access  uint32 // 24 bits; of a field 28
	key     []byte
	payload []byte
	obj     uint32 // number of its object, +1; 0 for none
	o       *object
	keySum  uint64 // the key's part of the digest; 0 until it is needed
}

// object is what does not fit a record: a long value, a long key, a large hash or list, a stream.
// It is Go memory.
type object struct {
	key    []byte // a long key; nil when it stands in the record
	value  []byte // a long string, or what is packed but long; nil with hash, list and stream
	hash   *hash
	list   *list // a large list
	stream *stream

	home   ref    // its record
	weight int64  // what it takes of Go's memory in bytes, as its database counts it
	body   uint64 // digest of a string's value, unless dirty
	dirty  bool   // the database's sum is without it
	lent   bool   // somebody else has value too: see View.Lend, and share
	long   *long  // of a string that moves, or has moved; see there
}

const (
	classObject = 1 << 7
	kindExpires = 1 << 7

	headBytes   = 5
	expiryBytes = 12
	objectBytes = 4
	maxKey      = maxRecord / 2 // of a key that stands in its record
)

// typeOf is what a record holds.
func typeOf(b []byte) Type { return Type(b[1] & 7) }

// dueRecord reports whether a record's expiry has come.
func dueRecord(b []byte, nowMS int64) bool { return b[1]&kindExpires != 0 && expiryOf(b) <= nowMS }

// expiryOf is a record's expiry, 0 for none.
func expiryOf(b []byte) int64 {
	if b[1]&kindExpires == 0 {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(b[headBytes:]))
}

func encodingOf(b []byte) encoding { return encoding(b[1] >> 3 & 15) }

// payload is what a record holds, and its object if it has one.
func (d *database) payload(b []byte) ([]byte, *object) {
	k, p, at := lengths(b)
	payload := b[at+k : at+k+p : at+k+p]
	if b[0]&classObject == 0 {
		return payload, nil
	}
	o := d.objects[objectNumber(payload)]
	return o.value, o
}

func accessOf(b []byte) uint32 { return uint32(b[2]) | uint32(b[3])<<8 | uint32(b[4])<<16 }

// touchRecord notes an access.
func touchRecord(b []byte, seconds uint32) {
	if accessOf(b) != seconds&0xffffff {
		b[2], b[3], b[4] = byte(seconds), byte(seconds>>8), byte(seconds>>16)
	}
}

// own makes a record that of a field of the large hash with a number.
func own(b []byte, number uint32) {
	b[1] = b[1]&^(15<<3) | byte(number>>24)<<3
	b[2], b[3], b[4] = byte(number), byte(number>>8), byte(number>>16)
}

// lengths reads the two lengths of a record: how long key and payload are, and
// where the key begins.
func lengths(b []byte) (key, payload, at int) {
	at = headBytes
	if b[1]&kindExpires != 0 {
		at += expiryBytes
	}
	if b[at]|b[at+1] < 0x80 {
		return int(b[at]), int(b[at+1]), at + 2
	}
	k, n := binary.Uvarint(b[at:])
	p, m := binary.Uvarint(b[at+n:])
	return int(k), int(p), at + n + m
}

// key is a record's key.
func (d *database) key(r ref) []byte {
	b := d.mem.at(r)
	k, p, at := lengths(b)
	if b[0]&classObject != 0 {
		if o := d.objects[objectNumber(b[at+k:at+k+p])]; o.key != nil {
			return o.key
		}
	}
	return b[at : at+k : at+k]
}

func objectNumber(payload []byte) uint32 { return binary.LittleEndian.Uint32(payload) }

// load reads the record r.
func (d *database) load(r ref) (e entry) {
	d.read(r, &e)
	return e
}

// read reads the record r into e, which must be empty.
func (d *database) read(r ref, e *entry) {
	b := d.mem.at(r)
	e.typ, e.enc, e.access = typeOf(b), encodingOf(b), accessOf(b)
	if e.typ == fieldType {
		e.enc, e.access = 0, e.access|uint32(e.enc)<<24
	}
	if e.expire = expiryOf(b); e.expire != 0 {
		e.heap = binary.LittleEndian.Uint32(b[headBytes+8:])
	}
	k, p, at := lengths(b)
	e.key = b[at : at+k : at+k]
	e.payload = b[at+k : at+k+p : at+k+p]
	if b[0]&classObject != 0 {
		e.obj = objectNumber(e.payload) + 1
		e.o = d.objects[e.obj-1]
		e.payload = e.o.value
		if e.o.key != nil {
			e.key = e.o.key
		}
	}
}

func uvarintLen(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// store writes e into its record: the one at old, in place where that has room,
// or into a new one, which takes old's place. With old 0 the key is new to k, which
// is the database's keys or a large hash.
func (d *database) store(k keyspace, h uint64, old ref, e *entry) ref {
	d.outsource(e)
	class, key, payload, head := e.shape()
	r := old
	if old != 0 {
		b := d.mem.at(old)
		if _, _, at := lengths(b); b[0]&^classObject != class || at != head+uvarintLen(key)+uvarintLen(payload) {
			r = 0
		}
	}
	if r == 0 {
		r = d.mem.alloc(class)
	}
	b := d.mem.at(r)
	if r == old && b[0] == class && (b[1]|e.kind())&kindExpires == 0 && e.o == nil &&
		key|payload < 0x80 && b[head] == byte(key) && b[head+1] == byte(payload) {
		copy(b[head+2+key:], e.payload) // all else is there already
		b[1] = e.kind()
		touchRecord(b, e.access)
		return r
	}
	e.write(b, class, key, payload, head)
	if e.o != nil {
		e.o.home = r
	}
	switch {
	case old == 0:
		k.insert(h, r)
	case r != old:
		if e.expire != 0 && d.mem.at(old)[1]&kindExpires != 0 {
			d.due.moved(e.heap, r)
		}
		k.replace(h, old, r)
		d.mem.release(old)
	}
	return r
}

// shape is how e lies in a block: the block's class, the bytes of key and payload that
// stand in it, and of what is before the two lengths.
func (e *entry) shape() (class uint8, key, payload, head int) {
	key, payload, head = len(e.key), len(e.payload), headBytes
	if e.o != nil {
		payload = objectBytes
		if e.o.key != nil {
			key = 0
		}
	}
	if e.expire != 0 {
		head += expiryBytes
	}
	return classFor(head + uvarintLen(key) + uvarintLen(payload) + key + payload), key, payload, head
}

// write fills a block. Key and payload may lie in it already, where they belong.
func (e *entry) write(b []byte, class uint8, key, payload, head int) {
	at := head + uvarintLen(key) + uvarintLen(payload)
	if e.o == nil {
		copy(b[at+key:at+key+payload], e.payload)
	} else {
		binary.LittleEndian.PutUint32(b[at+key:], e.obj-1)
	}
	copy(b[at:at+key], e.key)
	n := head + binary.PutUvarint(b[head:], uint64(key))
	binary.PutUvarint(b[n:], uint64(payload))
	if e.expire != 0 {
		binary.LittleEndian.PutUint64(b[headBytes:], uint64(e.expire))
		binary.LittleEndian.PutUint32(b[headBytes+8:], e.heap)
	}
	if e.o != nil {
		class |= classObject
	}
	b[0], b[1] = class, e.kind()
	b[2], b[3], b[4] = byte(e.access), byte(e.access>>8), byte(e.access>>16)
}

// kind is the second byte of a record.
func (e *entry) kind() byte {
	kind := byte(e.typ) | byte(e.enc)<<3
	if e.typ == fieldType {
		kind |= byte(e.access>>24) << 3
	}
	if e.expire != 0 {
		kind |= kindExpires
	}
	return kind
}

// large reports whether e needs an object.
func (e *entry) large() bool {
	return len(e.key) > maxKey || e.o != nil && (e.o.hash != nil || e.o.list != nil || e.o.stream != nil) ||
		headBytes+expiryBytes+4+len(e.key)+len(e.payload) > maxRecord
}

// outsource gives e an object where it needs one, and takes it away where it does
// not. What stands in an object stays there while it is large.
func (d *database) outsource(e *entry) {
	large := e.large()
	switch {
	case large && e.o == nil:
		d.adopt(e, &object{value: append(make([]byte, 0, len(e.payload)), e.payload...)})
		e.payload = e.o.value
		d.setBody(e)
	case !large && e.o != nil:
		d.dropObject(e)
		return
	}
	if large && len(e.key) > maxKey && e.o.key == nil {
		e.o.key = append([]byte(nil), e.key...)
	}
}

// setBody brings an object's digest up to date with its value.
func (d *database) setBody(e *entry) {
	if e.typ == String {
		e.o.body = xxhash.Sum64(e.o.value)
	}
}

// adopt gives e an object that no record of this database has.
func (d *database) adopt(e *entry, o *object) {
	if n := len(d.freeObjects); n > 0 {
		e.obj = d.freeObjects[n-1] + 1
		d.freeObjects = d.freeObjects[:n-1]
		d.objects[e.obj-1] = o
	} else {
		d.objects = append(d.objects, o)
		e.obj = uint32(len(d.objects))
	}
	e.o = o
	d.joinMoves(o)
}

// dropObject takes e's object out of the database; e keeps its payload.
func (d *database) dropObject(e *entry) {
	switch {
	case e.o == nil:
		return
	case e.o.hash != nil:
		if len(d.graves) == 0 {
			d.settled = d.mem.used
		}
		d.graves = append(d.graves, grave{number: e.obj - 1})
		d.dying += e.o.hash.room
		e.o.hash.ranking = nil // its members go without it being told
	default:
		d.dropLong(e.o)
		d.detach(e)
		return
	}
	e.obj, e.o = 0, nil
}

// detach takes e's object out of the database for another one.
func (d *database) detach(e *entry) {
	d.objects[e.obj-1] = nil
	d.freeObjects = append(d.freeObjects, e.obj-1)
	e.obj, e.o = 0, nil
}
