package rdb

import (
	"encoding/binary"
	"iter"
	"math"
)

// Writer writes one value. One of its methods but Payload is called, once, and then
// Payload.
type Writer struct {
	buf    []byte
	most   int
	lzf    compressor
	packed []byte // what it made last
	pack   packer
}

// NewWriter returns a writer of payloads of at most most bytes.
func NewWriter(most int) *Writer { return &Writer{most: most} }

// Expect makes room for a payload of about so many bytes, before anything is written.
func (w *Writer) Expect(bytes int64) { w.buf = make([]byte, 0, min(int(bytes), w.most)) }

// Payload is the value with its footer. It is false where that would have more bytes than
// the writer may write: then it has written little more than those.
func (w *Writer) Payload() (payload []byte, ok bool) {
	if w.full() {
		return nil, false
	}
	return Seal(w.buf), true
}

func (w *Writer) full() bool { return len(w.buf)+footerBytes > w.most }

func (w *Writer) begin(typ byte) { w.buf = append(w.buf, typ) }

// String writes a string.
func (w *Writer) String(value []byte) {
	w.buf = make([]byte, 0, min(len(value), w.most)+32)
	w.begin(typeString)
	w.text(value)
}

// nodeBytes is how large the listpack of a node of a quicklist becomes, unless it has one
// element alone: Redis' list-max-listpack-size of -2.
const nodeBytes = 8192

// List writes a list: in one node if it is small, otherwise as pushing its elements one by
// one makes nodes in Redis.
func (w *Writer) List(elements iter.Seq[[]byte], small bool) {
	w.begin(typeQuicklist2)
	mark, nodes := len(w.buf), 0
	flush := func() {
		if w.pack.n > 0 {
			w.length(nodePacked)
			w.text(w.pack.bytes())
			nodes++
		}
		w.pack.reset()
	}
	w.pack.reset()
	for x := range elements {
		const slack = 8 // what Redis adds, since it does not know yet what the element takes
		if !small && w.pack.size()+len(x)+slack > nodeBytes {
			flush()
		}
		if w.pack.text(x); w.full() {
			return
		}
	}
	flush()
	w.insertLength(mark, nodes)
}

// Set writes a set of n members that is not one of integers alone.
func (w *Writer) Set(n int, members iter.Seq[[]byte]) {
	w.begin(typeSet)
	w.length(uint64(n))
	for m := range members {
		if w.text(m); w.full() {
			return
		}
	}
}

// Intset writes a set of integers, of which there is one at least, and which ascend.
func (w *Writer) Intset(ascending []int64) {
	w.begin(typeSetIntset)
	w.text(appendIntset(nil, ascending))
}

// Hash writes a hash of n fields.
func (w *Writer) Hash(n int, pairs iter.Seq2[[]byte, []byte]) {
	w.begin(typeHash)
	w.length(uint64(n))
	for field, value := range pairs {
		w.text(field)
		if w.text(value); w.full() {
			return
		}
	}
}

// SmallHash writes a hash in a listpack.
func (w *Writer) SmallHash(pairs iter.Seq2[[]byte, []byte]) {
	w.begin(typeHashListpack)
	w.pack.reset()
	for field, value := range pairs {
		w.pack.text(field)
		w.pack.text(value)
	}
	w.text(w.pack.bytes())
}

// ZSet writes a sorted set of n members, which must come with the greatest first.
func (w *Writer) ZSet(n int, members iter.Seq2[[]byte, float64]) {
	w.begin(typeZSet2)
	w.length(uint64(n))
	for member, score := range members {
		w.text(member)
		w.buf = binary.LittleEndian.AppendUint64(w.buf, math.Float64bits(score))
		if w.full() {
			return
		}
	}
}

// SmallZSet writes a sorted set in a listpack, the least first. text appends the text of
// a score.
func (w *Writer) SmallZSet(members iter.Seq2[[]byte, float64], text func(dst []byte, score float64) []byte) {
	w.begin(typeZSetListpack)
	w.pack.reset()
	var room [32]byte
	for member, score := range members {
		w.pack.text(member)
		w.pack.text(text(room[:0], score))
	}
	w.text(w.pack.bytes())
}

// insertLength puts a length where the writer was when it was not known.
func (w *Writer) insertLength(mark, n int) {
	end := len(w.buf)
	w.length(uint64(n))
	head := append([]byte(nil), w.buf[end:]...)
	copy(w.buf[mark+len(head):], w.buf[mark:end])
	copy(w.buf[mark:], head)
}

func (w *Writer) length(n uint64) {
	switch {
	case n < 1<<6:
		w.buf = append(w.buf, byte(n))
	case n < 1<<14:
		w.buf = append(w.buf, 0x40|byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		w.buf = binary.BigEndian.AppendUint32(append(w.buf, 0x80), uint32(n))
	default:
		w.buf = binary.BigEndian.AppendUint64(append(w.buf, 0x81), n)
	}
}

// text writes a string in the least of its forms.
func (w *Writer) text(x []byte) {
	const (
		maxIntText  = 11 // "-2147483648"
		compressOff = 20 // bytes that are not worth it
		gain        = 4  // bytes that compression must save
	)
	if len(x) <= maxIntText && w.integer(x) {
		return
	}
	if len(x) > compressOff && w.compressed(x, len(x)-gain) {
		return
	}
	w.length(uint64(len(x)))
	w.buf = append(w.buf, x...)
}

// integer writes the text of an integer as one, if it is short.
func (w *Writer) integer(x []byte) bool {
	v, ok := parseInt(x)
	switch {
	case !ok || v != int64(int32(v)):
		return false
	case v == int64(int8(v)):
		w.buf = append(w.buf, 0xc0|codeInt8, byte(v))
	case v == int64(int16(v)):
		w.buf = binary.LittleEndian.AppendUint16(append(w.buf, 0xc0|codeInt16), uint16(v))
	default:
		w.buf = binary.LittleEndian.AppendUint32(append(w.buf, 0xc0|codeInt32), uint32(v))
	}
	return true
}

// compressed writes x compressed, if that takes at most most bytes.
func (w *Writer) compressed(x []byte, most int) bool {
	var ok bool
	if w.packed, ok = w.lzf.compress(w.packed[:0], x, most); !ok {
		return false
	}
	w.buf = append(w.buf, 0xc0|codeLZF)
	w.length(uint64(len(w.packed)))
	w.length(uint64(len(x)))
	w.buf = append(w.buf, w.packed...)
	return true
}
