package event

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/altilium-db/altilium/state/event/pack"
)

// ErrMalformed is returned when bytes are no event of this vocabulary: cut
// short, of an unknown kind, or with fields of another shape. Entries are
// checked by CRC before they get here, so it means a newer writer or a bug.
var ErrMalformed = errors.New("malformed event")

var errNoHeader = fmt.Errorf("%w: no header", ErrMalformed)

// DecodeHeader reads the head of a body and returns it with the bytes of the
// events that follow. The header points into body.
func DecodeHeader(body []byte) (h Header, events []byte, err error) {
	d := decoder{pack.Reader{Rest: body}}
	if h, err = d.head(); err != nil {
		return h, nil, err
	}
	if d.IsArray() {
		h.Argv = d.list([][]byte{}, d.Array()) // not nil, even when empty: that would mean Name
	} else {
		h.Name = string(d.Bin())
	}
	return d.headed(h)
}

// DecodeCause is DecodeHeader for those who do not ask how much of the command was logged:
// Argv is the name alone where that is all, and Name is empty. It has the memory of argv,
// whose texts are gone.
func DecodeCause(body []byte, argv [][]byte) (h Header, events []byte, err error) {
	d := decoder{pack.Reader{Rest: body}}
	if h, err = d.head(); err != nil {
		return h, nil, err
	}
	n := 1
	if d.IsArray() {
		n = d.Array()
	}
	h.Argv = d.list(argv[:0], n)
	return d.headed(h)
}

// head reads a header up to its cause.
func (d *decoder) head() (h Header, err error) {
	if d.Array() != 3 {
		return h, errNoHeader
	}
	h.DB = d.db()
	if d.IsArray() {
		h.Conn, h.Origin = d.origin()
	} else {
		h.Conn = d.Uint()
	}
	return h, nil
}

// headed is what is known when a header has been read.
func (d *decoder) headed(h Header) (Header, []byte, error) {
	if d.Bad {
		return Header{}, nil, ErrMalformed
	}
	return h, d.Rest, nil
}

// SkipHeader is DecodeHeader for those who want the database and the events
// only. It allocates nothing.
func SkipHeader(body []byte) (db int, events []byte, err error) {
	if at := shortHeader(body); at > 0 {
		return int(body[1]), body[at:], nil
	}
	d := decoder{pack.Reader{Rest: body}}
	if d.Array() != 3 {
		return 0, nil, errNoHeader
	}
	db = d.db()
	d.Skip() // conn
	d.Skip() // cause
	if d.Bad {
		return 0, nil, ErrMalformed
	}
	return db, d.Rest, nil
}

// shortHeader is how long a header is that has the shape of most: a connection's number
// and the name of a command, shorter than 32 bytes. 0 for all else.
func shortHeader(p []byte) (n int) {
	const least = 4
	if len(p) < least || p[0] != 0x93 || p[1] >= 0x80 {
		return 0
	}
	at := 3
	switch conn := p[2]; {
	case conn < 0x80:
	case conn >= 0xcc && conn <= 0xcf:
		at += 1 << (conn - 0xcc)
	default:
		return 0
	}
	if at >= len(p) || p[at]&0xe0 != 0xa0 {
		return 0
	}
	if at += 1 + int(p[at]&0x1f); at > len(p) {
		return 0
	}
	return at
}

// FirstKey is the key of the first of some events, nil where that names none.
func FirstKey(events []byte) []byte {
	d := decoder{pack.Reader{Rest: events}}
	n := d.Array()
	switch kind := Kind(d.AtMost(math.MaxUint8)); {
	case n < 3 || kind == Swap || kind == Clock:
		return nil // those with one field name a database, or are a cause
	}
	return d.Bin()
}

func (d *decoder) origin() (conn uint64, o *Origin) {
	if d.Array() != 6 {
		d.Fail()
		return 0, nil
	}
	conn = d.Uint()
	o = &Origin{}
	for _, field := range [...]*string{&o.Addr, &o.User, &o.Name, &o.Lib, &o.LibVer} {
		*field = string(d.Bin())
	}
	return conn, o
}

// Decode reads one event from the front of p into e, reusing its Items, and
// returns the bytes after it. e points into p, and means nothing after an error.
// Nothing is allocated by a length that was only announced: Items grow as they
// are met.
func (e *Event) Decode(p []byte) (rest []byte, err error) {
	if rest := e.decodeShort(p); rest != nil {
		return rest, nil
	}
	d := decoder{pack.Reader{Rest: p}}
	n := d.Array() - 1
	kind := d.AtMost(math.MaxUint8)
	*e = Event{Kind: Kind(kind), Items: e.Items[:0], Scores: e.Scores[:0], Places: e.Places[:0], Stream: e.Stream}
	if !d.Bad && !e.Kind.takes(n) {
		return nil, fmt.Errorf("%w: %v with %d fields", ErrMalformed, e.Kind, n)
	}
	e.fields(&d, n)
	if d.Bad {
		return nil, ErrMalformed
	}
	return d.Rest, nil
}

// decodeShort is Decode for what most events are: a String without expiry, a HashSet of
// one pair, a SetAdd of one member or a ListPush of one element, each text shorter than
// 256 bytes. nil for all else.
func (e *Event) decodeShort(p []byte) (rest []byte) {
	if len(p) < 2 {
		return nil
	}
	switch {
	case p[0] == 0x93 && p[1] == byte(String):
		key, p := shortBin(p[2:])
		value, p := shortBin(p)
		if p != nil {
			*e = Event{Kind: String, Items: e.Items[:0], Scores: e.Scores[:0], Places: e.Places[:0], Stream: e.Stream, Key: key, Value: value}
		}
		return p
	case p[0] == 0x93 && p[1] == byte(SetAdd):
		key, p := shortBin(p[2:])
		member, p := shortBin(p)
		if p != nil {
			*e = Event{Kind: SetAdd, Items: append(e.Items[:0], member), Scores: e.Scores[:0], Places: e.Places[:0], Stream: e.Stream, Key: key}
		}
		return p
	case p[0] == 0x94 && p[1] == byte(ListPush):
		key, p := shortBin(p[2:])
		if len(p) < 1 || p[0] > byte(Right) {
			return nil
		}
		side := Side(p[0])
		element, p := shortBin(p[1:])
		if p != nil {
			*e = Event{Kind: ListPush, Items: append(e.Items[:0], element), Scores: e.Scores[:0], Places: e.Places[:0], Stream: e.Stream, Key: key, Side: side}
		}
		return p
	case p[0] == 0x94 && p[1] == byte(HashSet):
		key, p := shortBin(p[2:])
		field, p := shortBin(p)
		value, p := shortBin(p)
		if p != nil {
			*e = Event{Kind: HashSet, Items: append(e.Items[:0], field, value), Scores: e.Scores[:0], Places: e.Places[:0], Stream: e.Stream, Key: key}
		}
		return p
	}
	return nil
}

// shortBin reads a text of less than 256 bytes as it is written; rest is nil where
// p begins with anything else.
func shortBin(p []byte) (text, rest []byte) {
	if len(p) < 2 || p[0] != 0xc4 || len(p)-2 < int(p[1]) {
		return nil, nil
	}
	end := 2 + int(p[1])
	return p[2:end:end], p[end:]
}

// takes reports whether an event of this kind may have n fields.
func (k Kind) takes(n int) bool {
	if k.ofStream() {
		return k.takesStream(n)
	}
	switch k {
	case FlushAll:
		return n == 0
	case Database, Cause, Flush:
		return n == 1
	case Clock:
		return n >= 0 && n <= 2
	case Append, Delete, Expire, Rename, Move, Swap:
		return n == 2
	case String:
		return n == 2 || n == 3
	case Text, Range, Copy, ListPop, ListSet, ListInsert:
		return n == 3
	case ListPush:
		return n >= 3
	case HashSet, ZSetAdd:
		return n >= 3 && n%2 == 1
	case HashDelete, SetAdd, SetRemove, ZSetRemove, ListRemove:
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
		e.Items = d.list(e.Items, d.Array())
	case Clock:
		e.clockFields(d, n)
	case FlushAll:
	default:
		e.Key = d.Bin()
		if e.Kind.ofStream() {
			e.streamFields(d, n)
		} else {
			e.keyFields(d, n)
		}
	}
}

// clockFields reads a Clock. One that is set is not at 0, and goes on at a speed that is
// one, or not at all.
func (e *Event) clockFields(d *decoder, n int) {
	e.Speed = 1
	if n == 0 {
		return
	}
	e.At, e.Speed = d.Int(), 0
	if n == 2 {
		e.Speed = d.Float()
	}
	if e.At == 0 || n == 2 && !(e.Speed > 0 && e.Speed <= math.MaxFloat64) {
		d.Fail()
	}
}

func (e *Event) keyFields(d *decoder, n int) {
	switch e.Kind {
	case String, Text:
		e.Value = d.Bin()
		if n == 3 {
			e.At = d.Int()
		}
	case Append:
		e.Value = d.Bin()
	case Range:
		e.At, e.Value = d.Int(), d.Bin()
	case HashSet, HashDelete, SetAdd, SetRemove, ZSetRemove:
		e.Items = d.list(e.Items, n-1)
	case ZSetAdd:
		for range (n - 1) / 2 {
			score, member := d.Float(), d.Bin()
			if score != score { // NaN has no place
				d.Fail()
			}
			if d.Bad {
				break
			}
			e.Scores, e.Items = append(e.Scores, score), append(e.Items, member)
		}
	case ListPush:
		e.Side = d.side()
		e.Items = d.list(e.Items, n-2)
	case ListPop:
		e.Side, e.At = d.side(), d.Int()
	case ListSet, ListInsert:
		e.At, e.Value = d.Int(), d.Bin()
	case ListRemove:
		e.Places = d.places(e.Places, n-1)
	case Delete:
		e.Reason = Reason(d.AtMost(math.MaxUint8))
	case Expire:
		e.At = d.Int()
	case Rename:
		e.To = d.Bin()
	case Copy:
		e.To, e.DB = d.Bin(), d.db()
	case Move:
		e.DB = d.db()
	}
}

// decoder reads the fields of events.
type decoder struct{ pack.Reader }

func (d *decoder) db() int { return int(d.AtMost(math.MaxUint8)) }

func (d *decoder) side() Side { return Side(d.AtMost(uint64(Right))) }

// places appends n ascending numbers to places.
func (d *decoder) places(places []int, n int) []int {
	least := int64(0)
	for range n {
		at := d.Int()
		if at < least {
			d.Fail()
		}
		if d.Bad {
			break
		}
		places, least = append(places, int(at)), at+1
	}
	return places
}

// manyItems is from how many items on a list is walked twice, so that there is room
// for as many as there really are: to grow by steps costs more.
const manyItems = 1024

// list appends n texts to items.
func (d *decoder) list(items [][]byte, n int) [][]byte {
	if n > manyItems {
		ahead := *d
		for i := 0; i < n && !ahead.Bad; i++ {
			ahead.Bin()
		}
		if !ahead.Bad {
			items = slices.Grow(items, n)
		}
	}
	for range n {
		item := d.Bin()
		if d.Bad {
			break
		}
		items = append(items, item)
	}
	return items
}
