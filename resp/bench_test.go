package resp

import (
	"fmt"
	"testing"
)

// pipeline is a client's pipeline of n commands, in wire form, and a server's
// end of it.
type pipeline struct {
	tb   testing.TB
	n    int
	wire []byte
	p    *Parser
	out  Writer
}

func newPipeline(tb testing.TB, n int, commands ...[][]byte) *pipeline {
	l := &pipeline{tb: tb, n: n, p: NewParser()}
	for i := range n {
		l.wire = AppendCommand(l.wire, commands[i%len(commands)]...)
	}
	return l
}

// turn parses the whole pipeline, as a socket would hand it in, and has reply
// answer each command.
func (l *pipeline) turn(reply func(w *Writer, args [][]byte)) {
	seen := 0
	for rest := l.wire; len(rest) > 0; {
		n := copy(l.p.Space(), rest)
		l.p.Filled(n)
		rest = rest[n:]
		for {
			args, err := l.p.Next()
			if err != nil {
				l.tb.Fatal(err)
			}
			if args == nil {
				break
			}
			seen++
			reply(&l.out, args)
		}
		l.p.Release(16 << 10)
	}
	if seen != l.n {
		l.tb.Fatalf("%d commands of %d", seen, l.n)
	}
	l.out.Reset(32 << 10)
}

// hotCommands are those that most of the work is made of: GET, SET, INCR, HSET, HGET.
func hotCommands() [][][]byte {
	key, field, value := []byte("key:000000000001"), []byte("element:000000000001"), []byte("0123456789abcdef0123456789abcdef")
	return [][][]byte{
		{[]byte("GET"), key},
		{[]byte("SET"), key, value},
		{[]byte("INCR"), key},
		{[]byte("HSET"), key, field, value},
		{[]byte("HGET"), key, field},
	}
}

// TestPipelineAllocatesNothing: a connection that is at work costs no memory, its
// replies included.
func TestPipelineAllocatesNothing(t *testing.T) {
	many := 1000
	if testing.Short() {
		many = 100
	}
	hot := hotCommands()
	for name, l := range map[string]*pipeline{
		"a command":     newPipeline(t, 1, hot...),
		"a pipeline":    newPipeline(t, 64, hot...),
		"a full buffer": newPipeline(t, maxChunk/36, hot[0]),
		"several reads": newPipeline(t, 2000, hot...),
	} {
		turn := func() {
			l.turn(func(w *Writer, args [][]byte) {
				switch len(args) {
				case 2:
					w.Bulk(args[0])
				case 3:
					w.OK()
					w.Null()
				default:
					w.Int(12345)
				}
			})
		}
		for range 10 {
			turn()
		}
		if n := testing.AllocsPerRun(1, func() {
			for range many {
				turn()
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations in %d turns", name, n, many)
		}
	}
}

// BenchmarkParse is a command's way out of the bytes of a pipeline.
func BenchmarkParse(b *testing.B) {
	for _, args := range hotCommands() {
		for _, n := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/%d", args[0], n), func(b *testing.B) {
				l := newPipeline(b, n, args)
				b.SetBytes(int64(len(l.wire) / n))
				b.ReportAllocs()
				for i := 0; i < b.N; i += n {
					l.turn(func(*Writer, [][]byte) {})
				}
			})
		}
	}
}

// BenchmarkReply is the making of one reply, of each kind that is frequent.
func BenchmarkReply(b *testing.B) {
	value := make([]byte, 32)
	for _, x := range []struct {
		name  string
		reply func(w *Writer)
	}{
		{"OK", func(w *Writer) { w.OK() }},
		{"Int", func(w *Writer) { w.Int(1234567) }},
		{"Bulk", func(w *Writer) { w.Bulk(value) }},
		{"Null", func(w *Writer) { w.Null() }},
	} {
		b.Run(x.name, func(b *testing.B) {
			var w Writer
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				x.reply(&w)
				if i%64 == 63 {
					w.Reset(32 << 10)
				}
			}
		})
	}
}
