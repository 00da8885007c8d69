package resp

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestWriterParts: whatever is written, lent and taken back, a Writer holds what
// a plain buffer would hold, from every offset on.
func TestWriterParts(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 3*closeFrom/16)
	var shared Buffers
	rapid.Check(t, func(t *rapid.T) {
		var w, other, plain Writer
		if rapid.Bool().Draw(t, "shares") { // with one that writes something else all the time
			w.Share(&shared)
			other.Share(&shared)
		}
		marks := []int{0}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			n := rapid.SampledFrom([]int{0, 1, 100, blockFrom / 2, blockFrom, 3 * blockFrom, closeFrom/2 + 1, closeFrom, len(large)}).Draw(t, "bytes")
			if other.Reset(blockFrom); n <= closeFrom {
				other.BulkString(strings.Repeat("z", n/2))
				other.Bulk(bytes.Repeat([]byte("z"), n))
			}
			switch step := rapid.SampledFrom([]string{"int", "error", "bulk", "lend", "array", "truncate", "reset"}).Draw(t, "step"); step {
			case "int":
				w.Int(int64(n))
				plain.buf = fmt.Appendf(plain.buf, ":%d\r\n", n)
			case "error":
				w.Error(strings.Repeat("E", 20))
				plain.buf = append(plain.buf, "-"+strings.Repeat("E", 20)+"\r\n"...)
			case "bulk":
				w.Bulk(large[:n])
				plain.buf = appendBulk(plain.buf, large[:n])
			case "lend":
				w.Lend(large[:n], nil)
				plain.buf = appendBulk(plain.buf, large[:n])
			case "array": // before what has been written from somewhere on, which then is one value
				i := rapid.IntRange(0, len(marks)-1).Draw(t, "mark")
				w.ArrayFrom(marks[i], n)
				plain.buf = slices.Insert(plain.buf, marks[i], fmt.Appendf(nil, "*%d\r\n", n)...)
				marks = marks[:i+1]
			case "truncate":
				i := rapid.IntRange(0, len(marks)-1).Draw(t, "mark")
				w.Truncate(marks[i])
				plain.buf, marks = plain.buf[:marks[i]], marks[:i+1]
			case "reset":
				w.Reset(n)
				plain.buf, marks = plain.buf[:0], marks[:1]
			}
			if len(plain.buf) > marks[len(marks)-1] {
				marks = append(marks, len(plain.buf))
			}
			if w.Len() != len(plain.buf) || w.Own() > w.Len() {
				t.Fatalf("%d bytes, %d of its own, want %d", w.Len(), w.Own(), len(plain.buf))
			}
		}
		if got := w.Bytes(); !bytes.Equal(got, plain.buf) {
			t.Fatal("the whole differs")
		}
		for at := 0; at < len(plain.buf); {
			run := w.From(at)
			if len(run) == 0 || !bytes.HasPrefix(plain.buf[at:], run) {
				t.Fatalf("%d bytes from %d on differ", len(run), at)
			}
			at += len(run)
		}
		if len(w.From(w.Len())) != 0 {
			t.Fatal("there is something behind the end")
		}
		for _, m := range marks[:len(marks)-1] {
			if b := w.From(m)[0]; b != plain.buf[m] {
				t.Fatalf("a reply at %d begins with %q, want %q", m, b, plain.buf[m])
			}
		}
		from := rapid.SampledFrom(marks).Draw(t, "from")
		if got := w.Append([]byte("x"), from, w.Len()); string(got) != "x"+string(plain.buf[from:]) {
			t.Fatalf("the bytes from %d on differ", from)
		}
	})
}

func appendBulk(dst, b []byte) []byte {
	var w Writer
	w.header('$', len(b))
	return append(append(append(dst, w.buf...), b...), "\r\n"...)
}

// TestBuffersAreHandedOn: who writes long replies again and again needs no more memory.
func TestBuffersAreHandedOn(t *testing.T) {
	var shared Buffers
	value := make([]byte, 1000)
	write := func() {
		var w [4]Writer // a turn of four connections
		for i := range w {
			w[i].Share(&shared)
			for range 200 * (i + 1) {
				w[i].Bulk(value)
			}
		}
		for i := range w {
			w[i].Reset(blockFrom)
		}
	}
	write()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		write()
	}
	runtime.ReadMemStats(&after)
	// 200 MB are written; the Writers' own short buffers are 64 KiB each. The pool may be
	// emptied by the collector now and then, and with the race detector at random. Without
	// a pool it would be 600.
	if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > 300 {
		t.Errorf("%d MiB were allocated for the replies of 100 turns", got)
	}
}

// TestTakenBackIsHandedOn: replies that are taken back, as those of an EXEC that are too
// large or of CLIENT REPLY OFF, leave the Writer no more blocks than one of them needs.
func TestTakenBackIsHandedOn(t *testing.T) {
	value := make([]byte, 100<<10)
	var shared Buffers
	var w Writer
	w.Share(&shared)
	for _, kept := range []int{0, 100, 5 << 20} {
		w.Reset(blockFrom)
		for w.Len() < kept {
			w.Bulk(value[:50])
		}
		mark, blocks := w.Len(), len(w.blocks)
		for range 100 {
			for range 40 {
				w.Bulk(value)
			}
			w.Lend(value, nil)
			w.Bulk(make([]byte, closeFrom))
			w.Truncate(mark)
		}
		if more := len(w.blocks) - blocks; more > len(blockSizes) || w.Len() != mark {
			t.Errorf("behind %d bytes, of which %d are left: %d more blocks", kept, w.Len(), more)
		}
	}
}

// TestLentIsNotCopied: a lent value takes no memory of the Writer's, and a large
// reply is not moved while it grows.
func TestLentIsNotCopied(t *testing.T) {
	value := make([]byte, 64<<20)
	var w Writer
	w.Lend(value, nil)
	w.Bulk(value[:100])
	if n := w.Own(); n > 200 {
		t.Errorf("a lent value takes %d bytes", n)
	}
	if run := w.From(len("$67108864\r\n")); &run[0] != &value[0] {
		t.Error("the lent value is not where it was")
	}
	w.Reset(0)
	if w.Len() != 0 || w.Own() != 0 || w.parts != nil {
		t.Errorf("%d bytes are left", w.Len())
	}
	small := value[:1000]
	w.Bulk(small)
	first := &w.From(0)[0]
	for range 10_000 {
		w.Bulk(small)
	}
	moved := w.From(0)
	if &moved[0] == first {
		t.Fatal("this reply should have grown out of its first buffer")
	}
	for range 90_000 {
		w.Bulk(small)
	}
	if &moved[0] != &w.From(0)[0] {
		t.Error("what was written long ago was moved again")
	}
}

// TestParserGrowsFast: a long argument is not moved more often than it must.
func TestParserGrowsFast(t *testing.T) {
	value := bytes.Repeat([]byte("v"), 100<<20)
	wire := AppendCommand(nil, []byte("SET"), []byte("k"), value)
	p := NewParser()
	moves := 0
	for at := 0; at < len(wire); {
		size := len(p.buf)
		n := copy(p.Space(), wire[at:min(len(wire), at+64<<10)])
		p.Filled(n)
		at += n
		if len(p.buf) != size {
			moves++
			if len(p.buf) > 4*(at+64<<10) {
				t.Fatalf("%d bytes have arrived, there is room for %d", at, len(p.buf))
			}
		}
		if _, err := p.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if moves > 16 {
		t.Errorf("the buffer was moved %d times", moves)
	}
}

// TestUnreadKeepsNoBlock: a client that leaves a part of its replies unread keeps memory
// for that part, not the block in which they were written, and loses no byte. More that
// comes meanwhile does not take a block each time.
func TestUnreadKeepsNoBlock(t *testing.T) {
	value := bytes.Repeat([]byte("0123456789"), 100)
	for _, unread := range []int{1, 100, blockFrom, 17 << 10, 40 << 10, 63 << 10, 100 << 10, 600 << 10} {
		var shared Buffers
		var w Writer
		w.Share(&shared)
		var all []byte
		add := func(n int) {
			for from := w.Len(); w.Len()-from < n; {
				w.Bulk(value)
				all = appendBulk(all, value)
			}
		}
		add(max(120<<10, unread+10_000))
		off := w.Forget(w.Len() - unread)
		if kept := cap(w.buf) + cap(w.own); kept > max(2*unread+64, 2*blockFrom) || len(w.blocks) > 1 {
			t.Errorf("%d bytes are unread, %d are kept", unread, kept)
		}
		moves := 0
		for range 500 {
			before := &w.buf[0]
			add(10)
			if off = w.Forget(off); before != &w.buf[0] {
				moves++
			}
		}
		if moves > 40 {
			t.Errorf("from %d bytes on, half a megabyte has been moved %d times in 500 messages", unread, moves)
		}
		if got := w.Append(nil, off, w.Len()); !bytes.HasSuffix(all, got) || len(got) < unread {
			t.Errorf("of %d unread bytes and more to come, %d are left, and not the last", unread, len(got))
		}
	}
}
