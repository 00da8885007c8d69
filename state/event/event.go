package event

import "github.com/altilium-db/altilium/state/event/pack"

// Kind is the kind of an event: a fixed number, see the package comment.
type Kind uint8

// The kinds. Never renumbered, never reused.
const (
	Database   Kind = 1
	Cause      Kind = 2
	Clock      Kind = 3
	String     Kind = 10
	Text       Kind = 11
	Append     Kind = 12
	Range      Kind = 13
	HashSet    Kind = 20
	HashDelete Kind = 21
	SetAdd     Kind = 22
	SetRemove  Kind = 23
	ZSetAdd    Kind = 24
	ZSetRemove Kind = 25
	Delete     Kind = 30
	Expire     Kind = 31
	Rename     Kind = 32
	Copy       Kind = 33
	Move       Kind = 34
	Flush      Kind = 35
	FlushAll   Kind = 36
	Swap       Kind = 37
	ListPush   Kind = 40
	ListPop    Kind = 41
	ListSet    Kind = 42
	ListInsert Kind = 43
	ListRemove Kind = 44

	StreamAdd      Kind = 50
	StreamDelete   Kind = 51
	StreamTrim     Kind = 52
	StreamSet      Kind = 53
	StreamGroup    Kind = 54
	StreamDestroy  Kind = 55
	StreamConsumer Kind = 56
	StreamForget   Kind = 57
	StreamPending  Kind = 58
	StreamAck      Kind = 59
)

// Reason says why a key was deleted: a fixed number in Delete events.
type Reason uint8

// The reasons. Never renumbered, never reused.
const (
	User        Reason = 0 // a command asked for it
	Expired     Reason = 1 // its time had come
	Evicted     Reason = 2 // the memory limit
	Overwritten Reason = 3 // another value took its place
	Renamed     Reason = 4 // it went on under another name
	Flushed     Reason = 5 // its database was emptied
	Undone      Reason = 6 // an undo took it back
)

// Side is an end of a list: a fixed number in ListPush and ListPop events.
type Side uint8

// The sides. Never renumbered.
const (
	Left  Side = 0 // where the first element is
	Right Side = 1
)

// Event is one decoded event. Which fields mean something depends on Kind, as
// in the table of the package comment. Its slices point into the decoded bytes.
type Event struct {
	Kind   Kind
	Reason Reason    // Delete
	Key    []byte    // all but Database, Cause, Clock, Flush, FlushAll, Swap
	To     []byte    // Rename, Copy: the other key
	Value  []byte    // String, Text: the value; Append: the tail; Range: the bytes; ListSet, ListInsert: the element
	Side   Side      // ListPush, ListPop
	At     int64     // String, Text, Expire: ms since 1970, 0 for never; Range: the offset; ListPop, StreamTrim: how many; ListSet, ListInsert: the place; StreamConsumer, StreamPending: ms since 1970; Clock: µs since 1970, 0 for the wall clock
	DB     int       // Database, Flush, Copy, Move: a database; Swap: the first
	DB2    int       // Swap: the second
	Items  [][]byte  // HashSet: field, value, …; HashDelete: fields; SetAdd, SetRemove, ZSetAdd, ZSetRemove: members; ListPush: elements; StreamAdd: field, value, …; Cause: argv
	Scores []float64 // ZSetAdd: of the members, none is NaN
	Speed  float64   // Clock: times the wall clock's, 0 where it stands still
	Places []int     // ListRemove: of the elements, ascending
	Stream *Stream   // of streams: the rest; means nothing in other kinds
}

// Room is how many items, places and ids the event has room for, which the next Decode
// uses again.
func (e *Event) Room() int {
	n := cap(e.Items) + cap(e.Places)
	if e.Stream != nil {
		n += cap(e.Stream.IDs)
	}
	return n
}

// Buffer collects events in their byte form. The zero value is empty. Each
// method records one fact; slices are copied, so the caller keeps its own.
type Buffer struct {
	buf []byte
}

// Bytes returns the events recorded so far, valid until the next call.
func (b *Buffer) Bytes() []byte { return b.buf }

// Len is the number of bytes recorded.
func (b *Buffer) Len() int { return len(b.buf) }

// Grow makes room for n more bytes, for who knows that many are to come: at least as much
// again as there is, where there is not enough. It is made, not appended, as that would
// fill it with zeros, which memory that the system has just given has already.
func (b *Buffer) Grow(n int) {
	if n <= cap(b.buf)-len(b.buf) {
		return
	}
	room := make([]byte, len(b.buf), len(b.buf)+max(n, len(b.buf)))
	copy(room, b.buf)
	b.buf = room
}

// manyTexts is from how many texts of an event on there is room for all before the first.
const manyTexts = 64

// growFor makes room for many texts, and more bytes beside each.
func (b *Buffer) growFor(texts [][]byte, more int) {
	if len(texts) < manyTexts {
		return
	}
	n := 0
	for _, x := range texts {
		n += 5 + len(x) + more
	}
	b.Grow(n)
}

// Truncate takes back everything after the first n bytes.
func (b *Buffer) Truncate(n int) { b.buf = b.buf[:n] }

// Header records the head of a body. It must come first.
func (b *Buffer) Header(h Header) { b.buf = AppendHeader(b.buf, h) }

// Join records events that are in byte form already, such as those of another
// buffer.
func (b *Buffer) Join(events []byte) { b.buf = append(b.buf, events...) }

// Database: the events after it happen in db.
func (b *Buffer) Database(db int) {
	b.open(Database, 1)
	b.uint(uint64(db))
}

// Cause: the events after it come from this command of a larger unit.
func (b *Buffer) Cause(argv [][]byte) {
	b.open(Cause, 1)
	b.array(len(argv))
	for _, arg := range argv {
		b.bin(arg)
	}
}

// Clock: the server's clock is at micros, µs since 1970, and goes on speed times as
// fast as the wall clock; where speed is 0 it stands still. 0, 1: it is the wall clock.
func (b *Buffer) Clock(micros int64, speed float64) {
	switch {
	case micros == 0:
		b.open(Clock, 0)
	case speed == 0:
		b.open(Clock, 1)
		b.uint(uint64(micros))
	default:
		b.open(Clock, 2)
		b.uint(uint64(micros))
		b.buf = pack.AppendFloat(b.buf, speed)
	}
}

// String: key holds value and nothing else; at is its expiry in ms since 1970,
// 0 for none.
func (b *Buffer) String(key, value []byte, at int64) {
	if at == 0 {
		b.open(String, 2)
		b.bin(key)
		b.bin(value)
		return
	}
	b.open(String, 3)
	b.bin(key)
	b.bin(value)
	b.uint(uint64(at))
}

// Text is String for a value that is never int-encoded.
func (b *Buffer) Text(key, value []byte, at int64) {
	b.open(Text, 3)
	b.bin(key)
	b.bin(value)
	b.uint(uint64(at))
}

// Append: tail was added to the string, which must exist.
func (b *Buffer) Append(key, tail []byte) {
	b.open(Append, 2)
	b.bin(key)
	b.bin(tail)
}

// Range: p overwrote the string from offset on; a missing key was empty.
func (b *Buffer) Range(key []byte, offset int64, p []byte) {
	b.open(Range, 3)
	b.bin(key)
	b.uint(uint64(offset))
	b.bin(p)
}

// HashSet: the fields have these values; pairs is field, value, field, value.
func (b *Buffer) HashSet(key []byte, pairs ...[]byte) { b.list(HashSet, key, pairs) }

// HashDelete: the fields are gone.
func (b *Buffer) HashDelete(key []byte, fields ...[]byte) { b.list(HashDelete, key, fields) }

// SetAdd: the members are in the set.
func (b *Buffer) SetAdd(key []byte, members ...[]byte) { b.list(SetAdd, key, members) }

// SetRemove: the members are no longer in the set.
func (b *Buffer) SetRemove(key []byte, members ...[]byte) { b.list(SetRemove, key, members) }

// ZSetAdd: the members of the sorted set have these scores, of which none is NaN.
func (b *Buffer) ZSetAdd(key []byte, scores []float64, members [][]byte) {
	b.growFor(members, 9)
	b.open(ZSetAdd, 1+2*len(members))
	b.bin(key)
	for i, m := range members {
		b.buf = pack.AppendFloat(b.buf, scores[i])
		b.bin(m)
	}
}

// ZSetRemove: the members are no longer in the sorted set.
func (b *Buffer) ZSetRemove(key []byte, members ...[]byte) { b.list(ZSetRemove, key, members) }

// ListPush: the elements were put at an end of the list, one after the other.
func (b *Buffer) ListPush(key []byte, side Side, elements ...[]byte) {
	b.growFor(elements, 0)
	b.open(ListPush, 2+len(elements))
	b.bin(key)
	b.uint(uint64(side))
	for _, x := range elements {
		b.bin(x)
	}
}

// ListPop: n elements at an end of the list are gone.
func (b *Buffer) ListPop(key []byte, side Side, n int) {
	b.open(ListPop, 3)
	b.bin(key)
	b.uint(uint64(side))
	b.uint(uint64(n))
}

// ListSet: the element at a place, from 0, is another.
func (b *Buffer) ListSet(key []byte, place int, element []byte) {
	b.open(ListSet, 3)
	b.bin(key)
	b.uint(uint64(place))
	b.bin(element)
}

// ListInsert: an element came to a place; those there and behind it moved on by one.
func (b *Buffer) ListInsert(key []byte, place int, element []byte) {
	b.open(ListInsert, 3)
	b.bin(key)
	b.uint(uint64(place))
	b.bin(element)
}

// ListRemove: the elements at these places, ascending, are gone.
func (b *Buffer) ListRemove(key []byte, places ...int) {
	b.open(ListRemove, 1+len(places))
	b.bin(key)
	for _, at := range places {
		b.uint(uint64(at))
	}
}

// Delete: the key is gone.
func (b *Buffer) Delete(key []byte, why Reason) {
	b.open(Delete, 2)
	b.bin(key)
	b.uint(uint64(why))
}

// Expire: the key expires at ms since 1970, 0 for never.
func (b *Buffer) Expire(key []byte, at int64) {
	b.open(Expire, 2)
	b.bin(key)
	b.uint(uint64(at))
}

// Rename: value and expiry moved from key to to, whatever was there.
func (b *Buffer) Rename(key, to []byte) {
	b.open(Rename, 2)
	b.bin(key)
	b.bin(to)
}

// Copy: to in database db became a copy of key, whatever was there.
func (b *Buffer) Copy(key, to []byte, db int) {
	b.open(Copy, 3)
	b.bin(key)
	b.bin(to)
	b.uint(uint64(db))
}

// Move: value and expiry moved to the same key in database db.
func (b *Buffer) Move(key []byte, db int) {
	b.open(Move, 2)
	b.bin(key)
	b.uint(uint64(db))
}

// Flush: database db is empty.
func (b *Buffer) Flush(db int) {
	b.open(Flush, 1)
	b.uint(uint64(db))
}

// FlushAll: every database is empty.
func (b *Buffer) FlushAll() { b.open(FlushAll, 0) }

// Swap: databases x and y changed places.
func (b *Buffer) Swap(x, y int) {
	b.open(Swap, 2)
	b.uint(uint64(x))
	b.uint(uint64(y))
}

// open begins an event of the given kind with n fields after it.
func (b *Buffer) open(k Kind, n int) {
	b.array(n + 1)
	b.buf = append(b.buf, byte(k)) // kinds stay below 128: a positive fixint
}

func (b *Buffer) list(k Kind, key []byte, items [][]byte) {
	b.growFor(items, 0)
	b.open(k, 1+len(items))
	b.bin(key)
	for _, it := range items {
		b.bin(it)
	}
}

func (b *Buffer) array(n int)   { b.buf = pack.AppendArray(b.buf, n) }
func (b *Buffer) uint(v uint64) { b.buf = pack.AppendUint(b.buf, v) }
func (b *Buffer) bin(p []byte)  { b.buf = pack.AppendBin(b.buf, p) }
