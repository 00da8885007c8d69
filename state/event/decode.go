package event

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrMalformed is returned when bytes are no event of this vocabulary: cut
// short, of an unknown kind, or with fields of another shape. Entries are
// checked by CRC before they get here, so it means a newer writer or a bug.
var ErrMalformed = errors.New("malformed event")

var errNoHeader = fmt.Errorf("%w: no header", ErrMalformed)

// DecodeHeader reads the head of a body and returns it with the bytes of the
// events that follow. The header points into body.
func DecodeHeader(body []byte) (h Header, events []byte, err error) {
	d := decoder{rest: body}
	if d.array() != 3 {
		return h, nil, errNoHeader
	}
	h.DB = d.db()
	if d.isArray() {
		h.Conn, h.Origin = d.origin()
	} else {
		h.Conn = d.uint()
	}
	if d.isArray() {
		h.Argv = d.list([][]byte{}, d.array()) // not nil, even when empty: that would mean Name
	} else {
		h.Name = string(d.bin())
	}
	if d.err != nil {
		return Header{}, nil, d.err
	}
	return h, d.rest, nil
}

// SkipHeader is DecodeHeader for those who want the database and the events
// only. It allocates nothing.
func SkipHeader(body []byte) (db int, events []byte, err error) {
	d := decoder{rest: body}
	if d.array() != 3 {
		return 0, nil, errNoHeader
	}
	db = d.db()
	d.skip() // conn
	d.skip() // cause
	if d.err != nil {
		return 0, nil, d.err
	}
	return db, d.rest, nil
}

func (d *decoder) origin() (conn uint64, o *Origin) {
	if d.array() != 6 {
		d.fail()
		return 0, nil
	}
	conn = d.uint()
	o = &Origin{}
	for _, field := range [...]*string{&o.Addr, &o.User, &o.Name, &o.Lib, &o.LibVer} {
		*field = string(d.bin())
	}
	return conn, o
}

// Decode reads one event from the front of p into e, reusing its Items, and
// returns the bytes after it. e points into p, and means nothing after an error.
// Nothing is allocated by a length that was only announced: Items grow as they
// are met.
func (e *Event) Decode(p []byte) (rest []byte, err error) {
	d := decoder{rest: p}
	n := d.array() - 1
	kind := d.atMost(math.MaxUint8)
	*e = Event{Kind: Kind(kind), Items: e.Items[:0]}
	if d.err == nil && !e.Kind.takes(n) {
		return nil, fmt.Errorf("%w: %v with %d fields", ErrMalformed, e.Kind, n)
	}
	e.fields(&d, n)
	if d.err != nil {
		return nil, d.err
	}
	return d.rest, nil
}

// takes reports whether an event of this kind may have n fields.
func (k Kind) takes(n int) bool {
	switch k {
	case FlushAll:
		return n == 0
	case Database, Cause, Flush:
		return n == 1
	case Append, Delete, Expire, Rename, Move, Swap:
		return n == 2
	case String:
		return n == 2 || n == 3
	case Text, Range, Copy:
		return n == 3
	case HashSet:
		return n >= 3 && n%2 == 1
	case HashDelete:
		return n >= 2
	}
	return false
}

func (e *Event) fields(d *decoder, n int) {
	switch e.Kind {
	case Database, Flush:
		e.DB = d.db()
	case Swap:
		e.DB, e.DB2 = d.db(), d.db()
	case Cause:
		e.Items = d.list(e.Items, d.array())
	case FlushAll:
	default:
		e.Key = d.bin()
		e.keyFields(d, n)
	}
}

func (e *Event) keyFields(d *decoder, n int) {
	switch e.Kind {
	case String, Text:
		e.Value = d.bin()
		if n == 3 {
			e.At = d.int()
		}
	case Append:
		e.Value = d.bin()
	case Range:
		e.At, e.Value = d.int(), d.bin()
	case HashSet, HashDelete:
		e.Items = d.list(e.Items, n-1)
	case Delete:
		e.Reason = Reason(d.atMost(math.MaxUint8))
	case Expire:
		e.At = d.int()
	case Rename:
		e.To = d.bin()
	case Copy:
		e.To, e.DB = d.bin(), d.db()
	case Move:
		e.DB = d.db()
	}
}

// decoder reads msgpack values and remembers the first thing that is wrong.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail() {
	if d.err == nil {
		d.err = ErrMalformed
	}
	d.rest = nil
}

// take returns the next n bytes.
func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.fail()
		return nil
	}
	p := d.rest[:n:n]
	d.rest = d.rest[n:]
	return p
}

// lead reads the first byte of a value, 0xc1 (which msgpack never uses) where
// there is none.
func (d *decoder) lead() byte {
	if p := d.take(1); p != nil {
		return p[0]
	}
	return 0xc1
}

// number reads an unsigned big-endian number of n bytes.
func (d *decoder) number(n uint64) uint64 {
	p := d.take(n)
	if p == nil {
		return 0
	}
	switch n {
	case 1:
		return uint64(p[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(p))
	case 4:
		return uint64(binary.BigEndian.Uint32(p))
	default:
		return binary.BigEndian.Uint64(p)
	}
}

func (d *decoder) isArray() bool {
	if len(d.rest) == 0 {
		return false
	}
	b := d.rest[0]
	return b&0xf0 == 0x90 || b == 0xdc || b == 0xdd
}

// array reads an array's head; its length is at most the bytes that are left.
func (d *decoder) array() int {
	var n uint64
	switch b := d.lead(); {
	case b&0xf0 == 0x90:
		n = uint64(b & 0x0f)
	case b == 0xdc:
		n = d.number(2)
	case b == 0xdd:
		n = d.number(4)
	default:
		d.fail()
	}
	if n > uint64(len(d.rest)) {
		d.fail()
		return 0
	}
	return int(n)
}

// uint reads an integer of any form that is not negative: msgpack writers may
// choose a signed form for it.
func (d *decoder) uint() uint64 {
	switch b := d.lead(); {
	case b < 0x80:
		return uint64(b)
	case b >= 0xcc && b <= 0xcf:
		return d.number(1 << (b - 0xcc))
	case b >= 0xd0 && b <= 0xd3:
		size := uint64(1) << (b - 0xd0)
		v := d.number(size)
		if v>>(8*size-1) != 0 {
			break
		}
		return v
	}
	d.fail()
	return 0
}

// atMost reads an integer that must fit: cutting one off would make another
// fact of it.
func (d *decoder) atMost(limit uint64) uint64 {
	v := d.uint()
	if v > limit {
		d.fail()
		return 0
	}
	return v
}

func (d *decoder) int() int64 { return int64(d.atMost(math.MaxInt64)) }
func (d *decoder) db() int    { return int(d.atMost(math.MaxUint8)) }

// list appends n texts to items.
func (d *decoder) list(items [][]byte, n int) [][]byte {
	for range n {
		item := d.bin()
		if d.err != nil {
			break
		}
		items = append(items, item)
	}
	return items
}

// bin reads bin or str: their bytes are all that matters here.
func (d *decoder) bin() []byte {
	switch b := d.lead(); {
	case b == 0xc4, b == 0xd9:
		return d.take(d.number(1))
	case b == 0xc5, b == 0xda:
		return d.take(d.number(2))
	case b == 0xc6, b == 0xdb:
		return d.take(d.number(4))
	case b&0xe0 == 0xa0:
		return d.take(uint64(b & 0x1f))
	}
	d.fail()
	return nil
}

// skip passes over an unsigned number, a text, or an array of those.
func (d *decoder) skip() {
	if len(d.rest) == 0 {
		d.fail()
		return
	}
	if d.isArray() {
		for n := d.array(); n > 0 && d.err == nil; n-- {
			d.skipScalar()
		}
		return
	}
	d.skipScalar()
}

func (d *decoder) skipScalar() {
	if len(d.rest) == 0 {
		d.fail()
		return
	}
	if b := d.rest[0]; b < 0x80 || b >= 0xcc && b <= 0xd3 {
		d.uint()
		return
	}
	d.bin()
}
