package resp

import (
	"bytes"
	"math"
	"slices"
	"sort"
	"strconv"
)

// Writer collects replies. The zero value writes RESP2. It never fails and
// never blocks: it is a buffer, and whoever owns the connection sends it, run
// by run ([Writer.From]).
//
// Aggregate headers (Array, Map, Set, Push) announce n elements; the caller
// then writes exactly n (for Map: 2n) values.
//
// What was written is a row of parts, so that a large reply is neither moved
// as it grows nor copied where its bytes can be lent:
//
//	parts   own | lent | own | own …     closed
//	buf     own                          being written
//
// An offset counts bytes from the beginning of the first part, or of buf where
// there are none.
type Writer struct {
	parts  []part
	before int // bytes in parts: the offset of buf
	lent   int // bytes of them that were lent
	buf    []byte
	resp3  bool

	shared *Buffers  // where long replies get their memory; nil: from the heap
	blocks []*[]byte // what parts and buf have of it
	own    []byte    // while there are blocks: the buffer that was too short
}

// part is some of what was written, never empty.
type part struct {
	end    int // offset behind it
	data   []byte
	lent   bool // data is somebody else's
	owner  any  // what keeps the memory of data, nil: the collector sees it in data
	blocks int  // how many blocks there were when it was written
}

// closeFrom is the length in bytes from which buf becomes a part: growing it
// further would copy it again and again.
const closeFrom = 1 << 20

// SetProtocol chooses RESP2 or RESP3 (2 or 3) for what is written from now on.
func (w *Writer) SetProtocol(v int) { w.resp3 = v == 3 }

// Share has long replies take their memory from b.
func (w *Writer) Share(b *Buffers) { w.shared = b }

// Protocol returns 2 or 3.
func (w *Writer) Protocol() int {
	if w.resp3 {
		return 3
	}
	return 2
}

// Bytes returns everything that was written and not reset, in one piece: a copy
// of a large reply. It is valid until the next call that writes.
func (w *Writer) Bytes() []byte {
	if len(w.parts) == 0 {
		return w.buf
	}
	return w.Append(make([]byte, 0, w.Len()), 0, w.Len())
}

// Append appends the bytes from one offset to another to dst.
func (w *Writer) Append(dst []byte, from, to int) []byte {
	for from < to {
		run := w.From(from)
		run = run[:min(len(run), to-from)]
		dst = append(dst, run...)
		from += len(run)
	}
	return dst
}

// From is the bytes from an offset on that lie in one piece: empty at the end
// only. A reply's type and an error's text are always in one piece. It is valid
// until the next call that writes.
func (w *Writer) From(offset int) []byte {
	if offset >= w.before {
		return w.buf[offset-w.before:]
	}
	i := sort.Search(len(w.parts), func(i int) bool { return w.parts[i].end > offset })
	p := w.parts[i]
	return p.data[len(p.data)-(p.end-offset):]
}

// Len is the number of bytes waiting.
func (w *Writer) Len() int { return w.before + len(w.buf) }

// Own is how many of them take memory of the Writer's: those that were not lent.
func (w *Writer) Own() int { return w.Len() - w.lent }

// Reset forgets everything written. Memory above keep bytes is given back, so
// that one large reply does not stay with its connection for ever.
func (w *Writer) Reset(keep int) {
	if len(w.blocks) > 0 {
		w.handOn(0)
		w.parts, w.before, w.lent, w.buf, w.own = nil, 0, 0, w.own, nil
	}
	if len(w.parts) > 0 || cap(w.buf) > keep {
		w.parts, w.before, w.lent, w.buf = nil, 0, 0, nil
		return
	}
	w.buf = w.buf[:0]
}

// Truncate takes back everything from an offset on that is the beginning of a
// reply: used when replies turn out not to be true (a failed log write) or not
// wanted (CLIENT REPLY).
//
// Blocks that hold nothing any more are handed on at once: what is written and taken
// back again and again takes no more memory than once.
func (w *Writer) Truncate(offset int) {
	for offset < w.before {
		last := w.parts[len(w.parts)-1]
		w.handOn(last.blocks)
		w.parts[len(w.parts)-1] = part{}
		w.parts = w.parts[:len(w.parts)-1]
		w.before -= len(last.data)
		if last.lent {
			w.lent -= len(last.data)
			w.buf = nil // a reply begins before it
		} else {
			w.buf = last.data
		}
	}
	w.buf = w.buf[:offset-w.before]
}

// handOn hands on all blocks but the first n.
func (w *Writer) handOn(n int) {
	for i := n; i < len(w.blocks); i++ {
		w.shared.put(w.blocks[i])
		w.blocks[i] = nil
	}
	w.blocks = w.blocks[:min(n, len(w.blocks))]
}

// close makes buf a part. What is written next follows it in the same memory
// while that has room, but room bytes are there in any case.
func (w *Writer) close(room int) {
	if len(w.buf) > 0 {
		w.before += len(w.buf)
		w.parts = append(w.parts, part{end: w.before, data: w.buf, blocks: len(w.blocks)})
		w.buf = w.buf[len(w.buf):]
	}
	if cap(w.buf) < room && !w.takeBlock(room) {
		w.buf = make([]byte, 0, room)
	}
}

// begin is called where a value of up to n bytes begins: only there buf becomes a part.
func (w *Writer) begin(n int) {
	switch {
	case len(w.buf) >= closeFrom:
		w.close(closeFrom + closeFrom/8)
	case cap(w.buf)-len(w.buf) < n && len(w.buf)+n > blockFrom:
		w.takeBlock(2 * (len(w.buf) + n))
	}
}

// takeBlock goes on in a block with room for n bytes, if there are such.
func (w *Writer) takeBlock(n int) bool {
	if w.shared == nil {
		return false
	}
	block := w.shared.get(n)
	if block == nil {
		return false
	}
	if len(w.blocks) == 0 && len(w.parts) == 0 {
		w.own = w.buf[:0]
	}
	w.blocks = append(w.blocks, block)
	w.buf = append(*block, w.buf...)
	return true
}

// short is how many bytes a value takes that is no string, and what a string takes besides:
// enough for most. What is longer grows as slices do.
const short = 64

// Raw appends whole values that are already in wire form.
func (w *Writer) Raw(b []byte) {
	w.begin(len(b))
	w.buf = append(w.buf, b...)
}

// Forget gives back the memory of what has been sent: parts that lie within the
// first n bytes, and a block of which most is not needed any more. All offsets become
// smaller by as much; what n has become is returned. So output that never quite ends, as
// a subscriber's, does not grow for ever, and who leaves a little unread does not keep a
// block for it. It is called between turns, when nobody has an offset, and only where the
// client does not take more: what is sent in one go costs none of this.
func (w *Writer) Forget(n int) int {
	if n = w.forgetParts(n); len(w.parts) == 0 {
		n = w.fit(n)
	}
	return n
}

func (w *Writer) forgetParts(n int) int {
	done := sort.Search(len(w.parts), func(i int) bool { return w.parts[i].end > n })
	if done == 0 || done < len(w.parts)/2 { // moving the others would cost more
		return n
	}
	gone := w.parts[done-1].end
	for _, p := range w.parts[:done] {
		if p.lent {
			w.lent -= len(p.data)
		}
	}
	w.parts = slices.Delete(w.parts, 0, done)
	for i := range w.parts {
		w.parts[i].end -= gone
		w.parts[i].blocks = 0
	}
	w.before -= gone
	w.blocks, w.own = nil, nil // some of them are nobody's now; the collector sorts it out
	return n - gone
}

// fit moves what is left behind the first n bytes of buf, which is all that there is, to
// memory of its size where that is less than half of buf's, and hands the block on. There
// is room for half as much again: a message at a time can be added without a block for
// each, and what moves is less than what is sent or comes meanwhile.
func (w *Writer) fit(n int) int {
	rest := w.buf[n:]
	if cap(w.buf) <= 2*blockFrom || 2*len(rest) > cap(w.buf) {
		if last := len(w.blocks) - 1; last > 0 { // buf has outgrown the others
			w.blocks[0], w.blocks[last] = w.blocks[last], w.blocks[0]
			w.handOn(1)
		}
		return n
	}
	room := w.own[:0]
	if cap(room) < len(rest) {
		room = make([]byte, 0, len(rest)+len(rest)/2)
	}
	w.buf = append(room, rest...)
	w.handOn(0)
	w.own = nil
	return 0
}

// OK writes +OK.
func (w *Writer) OK() {
	w.begin(short)
	w.buf = append(w.buf, "+OK\r\n"...)
}

// Simple writes a simple string; s must hold no CR or LF.
func (w *Writer) Simple(s string) {
	w.begin(short)
	w.buf = append(w.buf, '+')
	w.buf = append(w.buf, s...)
	w.crlf()
}

// Error writes an error reply. msg begins with its code ("ERR …", "WRONGTYPE
// …"); line breaks in it become spaces, since they would end the reply early.
func (w *Writer) Error(msg string) {
	w.begin(short)
	w.buf = append(w.buf, '-')
	for i := 0; i < len(msg); i++ {
		c := msg[i]
		if c == '\r' || c == '\n' {
			c = ' '
		}
		w.buf = append(w.buf, c)
	}
	w.crlf()
}

// Int writes an integer.
func (w *Writer) Int(n int64) { w.number(':', n) }

// Bulk writes a bulk string. A nil slice is an empty string, not a null.
func (w *Writer) Bulk(b []byte) {
	if len(b) >= closeFrom {
		w.header('$', len(b))
		w.close(len(b) + 2)
		w.buf = append(w.buf, b...)
		w.crlf()
		return
	}
	w.begin(len(b) + short)
	buf := append(w.buf, '$')
	if n := len(b); n < 10 {
		buf = append(buf, '0'+byte(n), '\r', '\n')
	} else if n < 100 {
		buf = append(buf, '0'+byte(n/10), '0'+byte(n%10), '\r', '\n')
	} else {
		buf = append(strconv.AppendInt(buf, int64(n), 10), '\r', '\n')
	}
	buf = append(buf, b...)
	w.buf = append(buf, '\r', '\n')
}

// Lend writes a bulk string without copying it: b's bytes must not change until
// they have been sent, whenever that is. It is worth it for some KiB and more. The Writer
// has owner, which may be nil, as long as b: where b's memory is not Go's, whoever gives it
// back learns by that from the collector that b has been sent.
func (w *Writer) Lend(b []byte, owner any) {
	w.header('$', len(b))
	w.close(0)
	if len(b) > 0 {
		w.before += len(b)
		w.lent += len(b)
		w.parts = append(w.parts, part{end: w.before, data: b, lent: true, owner: owner, blocks: len(w.blocks)})
	}
	w.crlf()
}

// BulkString is Bulk for a string.
func (w *Writer) BulkString(s string) {
	w.header('$', len(s))
	w.buf = append(w.buf, s...)
	w.crlf()
}

// BulkInt writes n as a bulk string.
func (w *Writer) BulkInt(n int64) {
	var tmp [20]byte
	w.Bulk(strconv.AppendInt(tmp[:0], n, 10))
}

// Null writes the absence of a value: $-1, or _ in RESP3.
func (w *Writer) Null() {
	w.begin(short)
	if w.resp3 {
		w.buf = append(w.buf, "_\r\n"...)
		return
	}
	w.buf = append(w.buf, "$-1\r\n"...)
}

// NullArray writes the absence of an array: *-1, or _ in RESP3.
func (w *Writer) NullArray() {
	w.begin(short)
	if w.resp3 {
		w.buf = append(w.buf, "_\r\n"...)
		return
	}
	w.buf = append(w.buf, "*-1\r\n"...)
}

// Array announces n elements.
func (w *Writer) Array(n int) { w.header('*', n) }

// Map announces n pairs: a flat array of 2n elements in RESP2.
func (w *Writer) Map(n int) {
	if w.resp3 {
		w.header('%', n)
		return
	}
	w.header('*', 2*n)
}

// Set announces n elements without order.
func (w *Writer) Set(n int) {
	if w.resp3 {
		w.header('~', n)
		return
	}
	w.header('*', n)
}

// Push announces an out-of-band message of n elements.
func (w *Writer) Push(n int) {
	if w.resp3 {
		w.header('>', n)
		return
	}
	w.header('*', n)
}

// Double writes f: its shortest text that reads back as the same number.
func (w *Writer) Double(f float64) {
	var tmp [32]byte
	w.Decimal(AppendDouble(tmp[:0], f))
}

// Decimal writes a double whose text is given: a bulk string in RESP2.
func (w *Writer) Decimal(text []byte) {
	if w.resp3 {
		w.begin(short)
		w.buf = append(w.buf, ',')
		w.buf = append(w.buf, text...)
		w.crlf()
		return
	}
	w.Bulk(text)
}

// Bool writes a boolean: an integer in RESP2.
func (w *Writer) Bool(b bool) {
	w.begin(short)
	switch {
	case w.resp3 && b:
		w.buf = append(w.buf, "#t\r\n"...)
	case w.resp3:
		w.buf = append(w.buf, "#f\r\n"...)
	case b:
		w.Int(1)
	default:
		w.Int(0)
	}
}

// BigNumber writes an integer of any size, given as decimal digits.
func (w *Writer) BigNumber(digits string) {
	if w.resp3 {
		w.begin(short)
		w.buf = append(w.buf, '(')
		w.buf = append(w.buf, digits...)
		w.crlf()
		return
	}
	w.BulkString(digits)
}

// Verbatim writes text with its format, three letters ("txt", "mkd").
func (w *Writer) Verbatim(format, text string) {
	if w.resp3 {
		w.header('=', len(text)+4)
		w.buf = append(w.buf, format...)
		w.buf = append(w.buf, ':')
		w.buf = append(w.buf, text...)
		w.crlf()
		return
	}
	w.BulkString(text)
}

// AppendDouble appends f as Redis 7.2 prints doubles: an integer up to 2^62 in
// full, otherwise the shortest digits that read back as f, placed as fpconv (Grisu2,
// github.com/night-shift/fpconv) places them: 0.000001, 1e-7, 1e+20,
// 1.23456789012e+4.
func AppendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case f == 0 && math.Signbit(f):
		return append(dst, "-0"...)
	case math.Abs(f) <= 1<<62 && f == math.Trunc(f):
		return strconv.AppendInt(dst, int64(f), 10)
	}
	var tmp [32]byte
	text := strconv.AppendFloat(tmp[:0], f, 'e', -1, 64) // d.ddde±dd
	mark := bytes.IndexByte(text, 'e')
	exp, _ := strconv.Atoi(string(text[mark+1:])) // AppendFloat's own number
	digits := mark
	if text[0] == '-' {
		digits--
	}
	if digits > 1 {
		digits-- // the point
	}
	k := exp - digits + 1 // f is the digits, as an integer, times 10^k
	if k >= 0 && abs(exp) < digits+7 || k < 0 && (k > -7 || abs(exp) < 4) {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = append(dst, text[:mark]...)
	dst = append(dst, 'e')
	if exp >= 0 {
		dst = append(dst, '+')
	}
	return strconv.AppendInt(dst, int64(exp), 10)
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

func (w *Writer) header(kind byte, n int) { w.number(kind, int64(n)) }

// number writes a line of one.
func (w *Writer) number(kind byte, n int64) {
	w.begin(short)
	buf := append(w.buf, kind)
	if 0 <= n && n < 10 {
		w.buf = append(buf, '0'+byte(n), '\r', '\n')
		return
	}
	w.buf = append(strconv.AppendInt(buf, n, 10), '\r', '\n')
}

func (w *Writer) crlf() { w.buf = append(w.buf, '\r', '\n') }
