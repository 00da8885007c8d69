package resp

import (
	"bytes"
	"math"
	"strconv"
)

// Writer collects replies. The zero value writes RESP2. It never fails and
// never blocks: it is a buffer, and whoever owns the connection sends Bytes.
//
// Aggregate headers (Array, Map, Set, Push) announce n elements; the caller
// then writes exactly n (for Map: 2n) values.
type Writer struct {
	buf   []byte
	resp3 bool
}

// SetProtocol chooses RESP2 or RESP3 (2 or 3) for what is written from now on.
func (w *Writer) SetProtocol(v int) { w.resp3 = v == 3 }

// Protocol returns 2 or 3.
func (w *Writer) Protocol() int {
	if w.resp3 {
		return 3
	}
	return 2
}

// Bytes returns what was written and not yet taken. It is valid until the
// next call that writes.
func (w *Writer) Bytes() []byte { return w.buf }

// Len is the number of bytes waiting.
func (w *Writer) Len() int { return len(w.buf) }

// Reset forgets everything written. Memory above keep bytes is given back, so
// that one large reply does not stay with its connection for ever.
func (w *Writer) Reset(keep int) {
	if cap(w.buf) > keep {
		w.buf = nil
		return
	}
	w.buf = w.buf[:0]
}

// Truncate takes back everything after the first n bytes: used when replies
// turn out not to be true (a failed log write) or not wanted (CLIENT REPLY).
func (w *Writer) Truncate(n int) { w.buf = w.buf[:n] }

// Raw appends bytes that are already in wire form.
func (w *Writer) Raw(b []byte) { w.buf = append(w.buf, b...) }

// OK writes +OK.
func (w *Writer) OK() { w.buf = append(w.buf, "+OK\r\n"...) }

// Simple writes a simple string; s must hold no CR or LF.
func (w *Writer) Simple(s string) {
	w.buf = append(w.buf, '+')
	w.buf = append(w.buf, s...)
	w.crlf()
}

// Error writes an error reply. msg begins with its code ("ERR …", "WRONGTYPE
// …"); line breaks in it become spaces, since they would end the reply early.
func (w *Writer) Error(msg string) {
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
func (w *Writer) Int(n int64) {
	w.buf = append(w.buf, ':')
	w.buf = strconv.AppendInt(w.buf, n, 10)
	w.crlf()
}

// Bulk writes a bulk string. A nil slice is an empty string, not a null.
func (w *Writer) Bulk(b []byte) {
	w.header('$', len(b))
	w.buf = append(w.buf, b...)
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
	if w.resp3 {
		w.buf = append(w.buf, "_\r\n"...)
		return
	}
	w.buf = append(w.buf, "$-1\r\n"...)
}

// NullArray writes the absence of an array: *-1, or _ in RESP3.
func (w *Writer) NullArray() {
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
	text := AppendDouble(tmp[:0], f)
	if w.resp3 {
		w.buf = append(w.buf, ',')
		w.buf = append(w.buf, text...)
		w.crlf()
		return
	}
	w.Bulk(text)
}

// Bool writes a boolean: an integer in RESP2.
func (w *Writer) Bool(b bool) {
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

func (w *Writer) header(kind byte, n int) {
	w.buf = append(w.buf, kind)
	w.buf = strconv.AppendInt(w.buf, int64(n), 10)
	w.crlf()
}

func (w *Writer) crlf() { w.buf = append(w.buf, '\r', '\n') }
