package resp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

// FuzzParser: whatever arrives, and however it is cut, the parser finds the
// commands that the naive parser below finds in the whole, ends with the same
// error, and takes memory for what has arrived only. sizes are the lengths of
// the pieces, in turn.
func FuzzParser(f *testing.F) {
	for _, in := range []string{
		"*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n",
		"*3\r\n$-1\r\n",
		"SET \"\\x4\" 'a\r\n",
		"SET \"k\"\v'v' \"\\x41\\n\\\"\" 'it\\'s'\r\n",
		"PING\x00\r\n\n\r\n  \r\nGET \"\x00\"\n",
		"*0\r\n*-1\r\n*1\r\n$0\r\n\r\n*1\r\n$4\r\nPINGxx*1\r\n+",
		"*2147483647\r\n$536870912\r\nabc",
		"*2147483648\r\n",
		"*1\r\n$536870913\r\n",
		"*1\rX$1\rXaXX",
		"*11\r\n$16385\r\n",
		"*1\r\n$16385\r\n",
		"*01\r\n", "*-0\r\n", "*\r\n", "*1\r\n$\r\n", "*+1\r\n",
		"*" + strings.Repeat("1", 64<<10-1) + "\r\n",
		"*" + strings.Repeat("1", 64<<10) + "\r\n",
		"*1\r\n$" + strings.Repeat("1", 64<<10) + "\r\n",
		strings.Repeat("a", 64<<10) + "\n" + strings.Repeat("a", 64<<10+1) + "\n",
	} {
		f.Add([]byte(in), []byte{1}, false)
		f.Add([]byte(in), []byte{3, 200, 7}, true)
	}
	f.Fuzz(func(t *testing.T, in, sizes []byte, untrusted bool) {
		limits := DefaultLimits()
		if untrusted {
			limits = UntrustedLimits()
		}
		want := fmt.Sprintf("%q", naiveParse(in, limits))
		for _, sizes := range [][]byte{nil, sizes} {
			if got := fmt.Sprintf("%q", parsePieces(t, in, sizes, limits)); got != want {
				t.Fatalf("in pieces of %v\n got %s\nwant %s", sizes, got, want)
			}
		}
	})
}

// parsePieces is the parser's result in the form of naiveParse.
func parsePieces(t *testing.T, in, sizes []byte, limits Limits) (found [][]string) {
	p := NewParser()
	p.SetLimits(limits)
	fed := 0
	for i := 0; fed < len(in); i++ {
		piece := in[fed:]
		if len(sizes) > 0 {
			piece = piece[:min(len(piece), 1+int(sizes[i%len(sizes)]))]
		}
		n := copy(p.Space(), piece)
		if n == 0 {
			t.Fatal("no space")
		}
		p.Filled(n)
		fed += n
		for {
			args, err := p.Next()
			if err != nil {
				if again, err2 := p.Next(); again != nil || !errors.Is(err2, err) {
					t.Fatalf("the error is not final: %q, %v", again, err2)
				}
				return append(found, []string{err.Error()})
			}
			if args == nil {
				break
			}
			found = append(found, words(args))
		}
		if held := cap(p.buf) + 4*cap(p.sizes) + 24*cap(p.args); held > 64<<10+64*fed {
			t.Fatalf("%d bytes held after %d had arrived", held, fed)
		}
		p.Release(i % 3 << 10)
	}
	return found
}

func words(args [][]byte) []string {
	s := make([]string, 0, len(args))
	for _, a := range args {
		s = append(s, string(a))
	}
	return s
}

// naiveParse finds the commands in the whole of a client's bytes, the obvious
// way. An error is one more command of one word, the last.
func naiveParse(in []byte, l Limits) (found [][]string) {
	for len(in) > 0 {
		args, rest, problem := naiveCommand(string(in), l)
		if problem != "" {
			return append(found, []string{"ERR Protocol error: " + problem})
		}
		if rest < 0 {
			break
		}
		if len(args) > 0 {
			found = append(found, args)
		}
		in = in[rest:]
	}
	return found
}

// naiveCommand reads one command; next is -1 when it has no end yet.
func naiveCommand(in string, l Limits) (args []string, next int, problem string) {
	if in[0] != '*' {
		line, _, whole := strings.Cut(in, "\n")
		switch {
		case len(line) > l.Inline:
			return nil, 0, "too big inline request"
		case !whole:
			return nil, -1, ""
		}
		args, ok := naiveWords(strings.TrimSuffix(line, "\r"))
		if !ok {
			return nil, 0, "unbalanced quotes in request"
		}
		return args, len(line) + 1, ""
	}
	n, at, problem := naiveLength(in, 0, "multibulk", "mbulk", l.Inline)
	if problem != "" || at < 0 || n <= 0 {
		return nil, at, problem
	}
	switch {
	case n > math.MaxInt32:
		return nil, 0, "invalid multibulk length"
	case n > l.Args:
		return nil, 0, "unauthenticated multibulk length"
	}
	for range n {
		var size int
		size, at, problem = naiveLength(in, at, "bulk", "bulk", l.Inline)
		switch {
		case problem != "" || at < 0:
			return nil, at, problem
		case size < 0 || size > maxBulk:
			return nil, 0, "invalid bulk length"
		case size > l.Bulk:
			return nil, 0, "unauthenticated bulk length"
		case len(in)-at < size+2:
			return nil, -1, ""
		}
		args = append(args, in[at:at+size])
		at += size + 2
	}
	return args, at, ""
}

// naiveLength reads a "*n" or "$n" line; next is -1 when it has no end yet.
func naiveLength(in string, at int, kind, short string, longest int) (n, next int, problem string) {
	line, rest, ended := strings.Cut(in[at:], "\r")
	switch {
	case len(line) > longest:
		return 0, 0, "too big " + short + " count string"
	case !ended || rest == "":
		return 0, -1, ""
	case kind == "bulk" && in[at] != '$':
		return 0, 0, "expected '$', got '" + in[at:at+1] + "'"
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil || strconv.Itoa(n) != line[1:] {
		return 0, 0, "invalid " + kind + " length"
	}
	return n, at + len(line) + 2, ""
}

// naiveWords is Redis' sdssplitargs, a byte at a time, with the end of the
// line as a zero byte as it is there.
func naiveWords(line string) (words []string, ok bool) {
	line, _, _ = strings.Cut(line, "\x00")
	line += "\x00\x00\x00\x00"
	blank := func(c byte) bool { return strings.IndexByte(" \t\n\v\f\r", c) >= 0 }
	const hexDigits = "0123456789abcdefABCDEF"
	i := 0
	for {
		for blank(line[i]) {
			i++
		}
		if line[i] == 0 {
			return words, true
		}
		word, quote := "", byte(0)
		for done := false; !done; {
			c, after := line[i], line[i+1:]
			switch {
			case quote == '"' && c == '\\' && after[0] == 'x' && strings.IndexByte(hexDigits, after[1]) >= 0 && strings.IndexByte(hexDigits, after[2]) >= 0:
				n, _ := strconv.ParseUint(after[1:3], 16, 8)
				word += string([]byte{byte(n)})
				i += 3
			case quote == '"' && c == '\\' && after[0] != 0:
				escaped := after[:1]
				if at := strings.Index("nrtba", escaped); at >= 0 {
					escaped = "\n\r\t\b\a"[at : at+1]
				}
				word += escaped
				i++
			case quote == '\'' && c == '\\' && after[0] == '\'':
				word += "'"
				i++
			case quote != 0 && c == quote:
				if after[0] != 0 && !blank(after[0]) {
					return nil, false
				}
				done = true
			case quote != 0 && c == 0:
				return nil, false
			case quote == 0 && strings.IndexByte(" \n\r\t\x00", c) >= 0:
				done = true
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			default:
				word += string([]byte{c})
			}
			if c != 0 {
				i++
			}
		}
		words = append(words, word)
	}
}

// FuzzSplitWords compares with the naive splitter, and wants what Quote has
// written to be read back as the one word that it was.
func FuzzSplitWords(f *testing.F) {
	for _, in := range []string{
		"", " ", "a b", `"a b" 'c d'`, `"\x41\x4\xzz\n\r\t\b\a\\\""`, `'it\'s' '\n\\'`, `"a"b`, `a"b"`, `a'b' c`, `"`, `'`, `"\`, `'\`,
		"\"a\"\vb", "a\vb\fc", "a\x00b", "\"a\x00\"", "\"\"", "''", `"a"'b'`, "\xff\x80", `"\x0"`, `"\x`,
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		got, err := SplitWords(in)
		want, ok := naiveWords(string(in))
		if ok != (err == nil) || ok && fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("%q: got %q (%v), want %q (%v)", in, got, err, want, ok)
		}
		if !bytes.Equal(in, before) {
			t.Fatal("the line was changed")
		}
		quoted := Quote(in)
		if back, err := SplitWords([]byte(quoted)); err != nil || len(back) != 1 || !bytes.Equal(back[0], in) {
			t.Fatalf("%s is read back as %q, %v", quoted, back, err)
		}
	})
}

// FuzzReader: a server may send anything. However it is cut, the same replies
// are read, in raw form the bytes that were there, and each can be shown.
func FuzzReader(f *testing.F) {
	for _, in := range []string{
		"*2\r\n:1\r\n%1\r\n+a\r\n$1\r\nb\r\n",
		"+OK\r\n-ERR no\r\n$-1\r\n*-1\r\n_\r\n#t\r\n#f\r\n,1.5\r\n(123\r\n=7\r\ntxt:abc\r\n!5\r\nERR x\r\n",
		"|1\r\n+a\r\n:1\r\n*1\r\n|1\r\n+b\r\n:2\r\n:5\r\n",
		">3\r\n+message\r\n$1\r\nc\r\n$0\r\n\r\n~1\r\n*0\r\n",
		"*268435456\r\n$1073741824\r\nabc", "$99999999999999\r\n", "*-2\r\n", "#x\r\n", ":\r\n", "=2\r\nab\r\n",
		strings.Repeat("*1\r\n", 70), strings.Repeat("*1024\r\n", 64), "+no end", "\n\n\n\n", "$3\r\nabcde",
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		whole := readAll(t, NewReader(bytes.NewReader(in)), len(in))
		slow := bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(in)), 16)
		if pieces := readAll(t, NewReader(slow), len(in)); pieces != whole {
			t.Fatalf("whole %s\nin pieces %s", whole, pieces)
		}
		r := NewReader(bytes.NewReader(in))
		for at := 0; ; {
			raw, err := r.ReadRaw()
			if err != nil {
				return
			}
			if !bytes.HasPrefix(in[at:], raw) || len(raw) == 0 {
				t.Fatalf("at %d: raw %q of %q", at, raw, in)
			}
			at += len(raw)
		}
	})
}

// readAll shows every reply that r reads, and whether its end was a mistake in
// the bytes or the lack of more.
func readAll(t *testing.T, r *Reader, size int) string {
	var b strings.Builder
	for range size + 1 {
		v, err := r.Read()
		if err != nil {
			return b.String() + err.Error()
		}
		fmt.Fprintf(&b, "%c%v\n", v.Kind, v)
	}
	t.Fatal("more replies than bytes")
	return ""
}
