package resp

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"testing"
)

// wide is a command of n arguments, in wire form.
func wide(n int) []byte {
	wire := fmt.Appendf(nil, "*%d\r\n", n)
	for i := range n {
		word := strconv.Itoa(i)
		wire = fmt.Appendf(wire, "$%d\r\n%s\r\n", len(word), word)
	}
	return wire
}

// inPieces feeds a parser with pieces of a size, and has do look at each command.
func inPieces(tb testing.TB, p *Parser, wire []byte, size int, do func(args [][]byte)) {
	tb.Helper()
	for len(wire) > 0 {
		n := copy(p.Space(), wire[:min(size, len(wire))])
		p.Filled(n)
		wire = wire[n:]
		for {
			args, err := p.Next()
			if err != nil {
				tb.Fatal(err)
			}
			if args == nil {
				break
			}
			do(args)
		}
		p.Release(16 << 10)
	}
}

// TestWideCommands: where a command's arguments are is known from their lengths
// alone, for any number of them, and however they arrive.
func TestWideCommands(t *testing.T) {
	for _, n := range []int{wholeArgs, wholeArgs + 1, minSizes, minSizes + 1, keepArena - 1, keepArena, keepArena + 1, 3 * keepArena, 100_000} {
		for _, size := range []int{7, 1000, 1 << 30} {
			p, found := NewParser(), 0
			inPieces(t, p, bytes.Repeat(wide(n), 2), size, func(args [][]byte) {
				found++
				if len(args) != n || cap(args) != n {
					t.Fatalf("%d arguments in room for %d, want %d", len(args), cap(args), n)
				}
				for i, a := range args {
					if string(a) != strconv.Itoa(i) || cap(a) != len(a) {
						t.Fatalf("argument %d of %d, in pieces of %d: %q with room for %d", i, n, size, a, cap(a))
					}
				}
			})
			if found != 2 {
				t.Fatalf("%d commands of %d arguments, in pieces of %d: want 2", found, n, size)
			}
		}
	}
}

// TestLengthsOfAnyDigits: the line of a length is as long as its digits.
func TestLengthsOfAnyDigits(t *testing.T) {
	var args [][]byte
	for limit := 1; limit <= 10_000_000; limit *= 10 {
		for _, n := range []int{limit - 1, limit} {
			args = append(args, bytes.Repeat([]byte{byte('a' + len(args))}, n))
		}
	}
	wire := AppendCommand(nil, args...)
	for _, size := range []int{100_000, len(wire) - 1} {
		found := 0
		inPieces(t, NewParser(), wire, size, func(got [][]byte) {
			found++
			for i, want := range args {
				if !bytes.Equal(got[i], want) {
					t.Errorf("argument %d, of %d bytes, in pieces of %d, is another one, of %d", i, len(want), size, len(got[i]))
				}
			}
		})
		if found != 1 {
			t.Errorf("%d commands in pieces of %d", found, size)
		}
	}
	for n := range uint32(100_000) {
		if got, want := bulkLine(n), len(fmt.Sprintf("$%d\r\n", n)); got != want {
			t.Fatalf("the line of length %d: %d bytes, want %d", n, got, want)
		}
	}
	if got := bulkLine(maxBulk); got != len("$536870912\r\n") {
		t.Errorf("the line of the greatest length: %d bytes", got)
	}
}

// TestWideCommandCost: the slices of a wide command are made once, and nothing of it
// stays behind. While it arrives no memory holds pointers to its arguments.
func TestWideCommandCost(t *testing.T) {
	const n = 300_000
	wire := wide(n)
	p := NewParser()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	inPieces(t, p, wire, 64<<10, func([][]byte) {})
	runtime.ReadMemStats(&after)

	// The buffer and the lengths double on their way, at most.
	const slice, length = 24, 4
	most := n*slice + 3*n*length + 4*len(wire)
	if took := int(after.TotalAlloc - before.TotalAlloc); took > most {
		t.Errorf("%d arguments in %d bytes: %d bytes were allocated, want at most %d", n, len(wire), took, most)
	}
	if cap(p.args) > keepArena || cap(p.sizes) > keepArena || len(p.buf) > 16<<10 {
		t.Errorf("room for %d arguments and %d lengths stays, and a buffer of %d bytes", cap(p.args), cap(p.sizes), len(p.buf))
	}
	p = NewParser()
	arrive(p, string(wire[:len(wire)-1]))
	if args, err := p.Next(); args != nil || err != nil {
		t.Fatalf("half a command: %.100q, %v", args, err)
	}
	if cap(p.args) != 0 {
		t.Errorf("room for %d arguments before the last one is there", cap(p.args))
	}
}

// BenchmarkParseWide is a very wide command's way out of what a socket gives.
func BenchmarkParseWide(b *testing.B) {
	for _, n := range []int{100, 10_000, 1_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			wire := wide(n)
			p := NewParser()
			b.SetBytes(int64(len(wire)))
			b.ReportAllocs()
			for b.Loop() {
				inPieces(b, p, wire, 64<<10, func([][]byte) {})
			}
		})
	}
}
