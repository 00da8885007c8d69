package event

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is returned when bytes are no event of this vocabulary: cut
// short, of an unknown kind, or with fields of another shape. Entries are
// checked by CRC before they get here, so it means a newer writer or a bug.
var ErrMalformed = errors.New("malformed event")

// DecodeHeader reads the head of a body and returns it with the bytes of the
// events that follow. The header points into body.
func DecodeHeader(body []byte) (h Header, events []byte, err error) {
	d := decoder{rest: body}
	if d.array() != 3 {
		return h, nil, fmt.Errorf("%w: no header", ErrMalformed)
	}
	h.DB = int(d.uint())
	if d.isArray() {
		h.Conn, h.Origin = d.origin()
	} else {
		h.Conn = d.uint()
	}
	if d.isArray() {
		n := d.array()
		h.Argv = make([][]byte, 0, n)
		for range n {
			h.Argv = append(h.Argv, d.bin())
		}
	} else {
		h.Name = string(d.bin())
	}
	return h, d.rest, d.err
}

// SkipHeader is DecodeHeader for those who want the database and the events
// only. It allocates nothing.
func SkipHeader(body []byte) (db int, events []byte, err error) {
	d := decoder{rest: body}
	if d.array() != 3 {
		return 0, nil, fmt.Errorf("%w: no header", ErrMalformed)
	}
	db = int(d.uint())
	d.skip() // conn
	d.skip() // cause
	return db, d.rest, d.err
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
// returns the bytes after it. e points into p.
func (e *Event) Decode(p []byte) (rest []byte, err error) {
	d := decoder{rest: p}
	n := d.array() - 1
	kind := Kind(d.uint())
	*e = Event{Kind: kind, Items: e.Items[:0]}
	if d.err == nil && !kind.takes(n) {
		return nil, fmt.Errorf("%w: %v with %d fields", ErrMalformed, kind, n)
	}
	e.fields(&d, n)
	return d.rest, d.err
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
		e.DB = int(d.uint())
	case Swap:
		e.DB, e.DB2 = int(d.uint()), int(d.uint())
	case Cause:
		for range d.array() {
			e.Items = append(e.Items, d.bin())
		}
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
			e.At = int64(d.uint())
		}
	case Append:
		e.Value = d.bin()
	case Range:
		e.At, e.Value = int64(d.uint()), d.bin()
	case HashSet, HashDelete:
		for range n - 1 {
			e.Items = append(e.Items, d.bin())
		}
	case Delete:
		e.Reason = Reason(d.uint())
	case Expire:
		e.At = int64(d.uint())
	case Rename:
		e.To = d.bin()
	case Copy:
		e.To, e.DB = d.bin(), int(d.uint())
	case Move:
		e.DB = int(d.uint())
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

func (d *decoder) uint() uint64 {
	switch b := d.lead(); {
	case b < 0x80:
		return uint64(b)
	case b >= 0xcc && b <= 0xcf:
		return d.number(1 << (b - 0xcc))
	}
	d.fail()
	return 0
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
		for range d.array() {
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
	if b := d.rest[0]; b < 0x80 || b >= 0xcc && b <= 0xcf {
		d.uint()
		return
	}
	d.bin()
}
