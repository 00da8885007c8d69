package resp

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// feed gives a parser its input in pieces that end at the given places, and
// returns every command, copied, and the error that ended it.
func feed(p *Parser, input []byte, cuts ...int) (cmds [][]string, err error) {
	from := 0
	for _, to := range append(cuts, len(input)) {
		for piece := input[from:to]; len(piece) > 0; {
			n := copy(p.Space(), piece)
			p.Filled(n)
			piece = piece[n:]
			for {
				args, err := p.Next()
				if err != nil {
					return cmds, err
				}
				if args == nil {
					break
				}
				words := []string{}
				for _, a := range args {
					words = append(words, string(a))
				}
				cmds = append(cmds, words)
			}
			p.Release(1 << 10)
		}
		from = to
	}
	return cmds, nil
}

func TestParser(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     string // commands as %q, or the error
	}{
		{"array", "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", `[["GET" "k"]]`},
		{"pipeline", "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n", `[["PING"] ["QUIT"]]`},
		{"empty argument", "*2\r\n$3\r\nGET\r\n$0\r\n\r\n", `[["GET" ""]]`},
		{"binary", "*2\r\n$3\r\nGET\r\n$4\r\n\x00\r\n\xff\r\n", `[["GET" "\x00\r\n\xff"]]`},
		{"empty arrays are nothing", "*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n", `[["PING"]]`},
		{"inline", "SET k v\r\nGET k\n", `[["SET" "k" "v"] ["GET" "k"]]`},
		{"empty lines are nothing", "\r\n\n  \r\nPING\r\n", `[["PING"]]`},
		{"quotes", `SET "a \"b\" \x41\n" 'it\'s \n'` + "\r\n", `[["SET" "a \"b\" A\n" "it's \\n"]]`},
		{"half", "*2\r\n$3\r\nGET\r\n$1\r\n", `[]`},
		{"unbalanced", `SET "a` + "\r\n", "ERR Protocol error: unbalanced quotes in request"},
		{"glued quotes", `SET "a"b` + "\r\n", "ERR Protocol error: unbalanced quotes in request"},
		{"no length", "*x\r\n", "ERR Protocol error: invalid multibulk length"},
		{"huge count", "*2147483648\r\n", "ERR Protocol error: invalid multibulk length"},
		{"absurd count", "*99999999999999999999\r\n", "ERR Protocol error: invalid multibulk length"},
		{"no dollar", "*1\r\n+OK\r\n", "ERR Protocol error: expected '$', got '+'"},
		{"negative bulk", "*1\r\n$-1\r\n", "ERR Protocol error: invalid bulk length"},
		{"huge bulk", "*1\r\n$536870913\r\n", "ERR Protocol error: invalid bulk length"},
		{"bulk of no number", "*1\r\n$abc\r\n", "ERR Protocol error: invalid bulk length"},
		{"endless inline", strings.Repeat("a", 70000), "ERR Protocol error: too big inline request"},
		{"endless count", "*" + strings.Repeat("1", 70000), "ERR Protocol error: too big mbulk count string"},
		{"endless length", "*1\r\n$" + strings.Repeat("1", 70000), "ERR Protocol error: too big bulk count string"},
		{"a line may have 64 KiB", "*" + strings.Repeat("1", 64<<10-1) + "\r\n", "ERR Protocol error: invalid multibulk length"},
		{"and no more", "*" + strings.Repeat("1", 64<<10) + "\r\n", "ERR Protocol error: too big mbulk count string"},
		{"a closing quote ends its word", "SET \"k\"\v'v'\r\n", `[["SET" "k" "v"]]`},
		{"a zero byte ends the line", "PING\x00 \"x\r\n", `[["PING"]]`},
		{"a zero byte in quotes", "PING \"\x00\"\r\n", "ERR Protocol error: unbalanced quotes in request"},
		{"good ones before the bad one", "PING\r\n*1\r\n$x\r\n", `[["PING"]] ERR Protocol error: invalid bulk length`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cuts := []int{-1} // none
			for i := range min(len(tc.in), 200) {
				cuts = append(cuts, i)
			}
			for _, cut := range cuts {
				var cmds [][]string
				var err error
				if cut < 0 {
					cmds, err = feed(NewParser(), []byte(tc.in))
				} else {
					cmds, err = feed(NewParser(), []byte(tc.in), cut)
				}
				got := fmt.Sprintf("%q", cmds)
				if err != nil {
					got = strings.TrimSpace(strings.TrimPrefix(got, "[]") + " " + err.Error())
				}
				if got != tc.want {
					t.Fatalf("cut at %d: got %s, want %s", cut, got, tc.want)
				}
			}
		})
	}
}

func TestUntrustedLimits(t *testing.T) {
	for in, want := range map[string]string{
		"*11\r\n":              "unauthenticated multibulk length",
		"*1\r\n$16385\r\n":     "unauthenticated bulk length",
		"*1\r\n$99999999999\r": "",
	} {
		p := NewParser()
		p.SetLimits(UntrustedLimits())
		_, err := feed(p, []byte(in))
		if want == "" && err == nil || err != nil && err.Error() == "ERR Protocol error: "+want {
			continue
		}
		t.Errorf("%q: %v", in, err)
	}
	p := NewParser()
	p.SetLimits(UntrustedLimits())
	if cmds, err := feed(p, []byte("*2\r\n$4\r\nAUTH\r\n$16384\r\n"+strings.Repeat("p", 16384)+"\r\n")); err != nil || len(cmds) != 1 {
		t.Errorf("what is just within the limits: %v", err)
	}
}

// TestAnnouncedLengthsAllocateNothing: memory follows what has arrived.
func TestAnnouncedLengthsAllocateNothing(t *testing.T) {
	p := NewParser()
	if _, err := feed(p, []byte("*1000000\r\n$536870912\r\nabc")); err != nil {
		t.Fatal(err)
	}
	if len(p.buf) > 64<<10 || cap(p.args) > 1<<10 || cap(p.sizes) > 1<<10 {
		t.Errorf("buffer %d, args %d, sizes %d after three bytes", len(p.buf), cap(p.args), cap(p.sizes))
	}
}

// TestParserProperty: any commands, encoded and cut anywhere, come out again.
func TestParserProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want [][]string
		var wire []byte
		for range rapid.IntRange(1, 8).Draw(t, "commands") {
			args := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 5000), 1, 6).Draw(t, "args")
			words := []string{}
			for _, a := range args {
				words = append(words, string(a))
			}
			want = append(want, words)
			wire = AppendCommand(wire, args...)
		}
		a := rapid.IntRange(0, len(wire)).Draw(t, "cut")
		b := rapid.IntRange(a, len(wire)).Draw(t, "cut")
		got, err := feed(NewParser(), wire, a, b)
		if err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("got %q (%v), want %q", got, err, want)
		}
	})
}

func TestWriterGolden(t *testing.T) {
	write := func(w *Writer) {
		w.OK()
		w.Simple("PONG")
		w.Error("ERR two\r\nlines")
		w.Int(-7)
		w.Bulk(nil)
		w.BulkString("text")
		w.BulkInt(42)
		w.Null()
		w.NullArray()
		w.Array(1)
		w.Map(1)
		w.Set(1)
		w.Push(1)
		w.Double(0.1)
		w.Bool(true)
		w.Bool(false)
		w.BigNumber("12345678901234567890")
		w.Verbatim("txt", "verbatim")
	}
	var two, three Writer
	three.SetProtocol(3)
	write(&two)
	write(&three)
	const want2 = "+OK\r\n+PONG\r\n-ERR two  lines\r\n:-7\r\n$0\r\n\r\n$4\r\ntext\r\n$2\r\n42\r\n$-1\r\n*-1\r\n*1\r\n*2\r\n*1\r\n*1\r\n" +
		"$3\r\n0.1\r\n:1\r\n:0\r\n$20\r\n12345678901234567890\r\n$8\r\nverbatim\r\n"
	const want3 = "+OK\r\n+PONG\r\n-ERR two  lines\r\n:-7\r\n$0\r\n\r\n$4\r\ntext\r\n$2\r\n42\r\n_\r\n_\r\n*1\r\n%1\r\n~1\r\n>1\r\n" +
		",0.1\r\n#t\r\n#f\r\n(12345678901234567890\r\n=12\r\ntxt:verbatim\r\n"
	if got := string(two.Bytes()); got != want2 {
		t.Errorf("RESP2\n got %q\nwant %q", got, want2)
	}
	if got := string(three.Bytes()); got != want3 {
		t.Errorf("RESP3\n got %q\nwant %q", got, want3)
	}
}

// TestDoubles pins Redis 7.2's text of doubles.
func TestDoubles(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", 1: "1", -1: "-1", 0.1: "0.1", 3.3: "3.3", 1e15: "1000000000000000", 123456789: "123456789",
		1e18: "1000000000000000000", 5e18: "5e+18", 1e20: "1e+20", 12345.6789012: "1.23456789012e+4", 123.456789012: "123.456789012", 1e21: "1e+21", 1.5e300: "1.5e+300", 1e-5: "0.00001", 1e-6: "0.000001", 1e-7: "1e-7", 2.5e-10: "2.5e-10",
		math.Inf(1): "inf", math.Inf(-1): "-inf", math.MaxFloat64: "1.7976931348623157e+308",
	} {
		if got := string(AppendDouble(nil, f)); got != want {
			t.Errorf("%g: got %s, want %s", f, got, want)
		}
	}
}

func TestReader(t *testing.T) {
	for in, want := range map[string]string{
		"+OK\r\n":                             "OK",
		"-ERR no\r\n":                         "(error) ERR no",
		":42\r\n":                             "(integer) 42",
		"$3\r\na\"b\r\n":                      `"a\"b"`,
		"$-1\r\n":                             "(nil)",
		"_\r\n":                               "(nil)",
		"*-1\r\n":                             "(nil)",
		"*0\r\n":                              "(empty array)",
		"*2\r\n:1\r\n*2\r\n+a\r\n$1\r\nb\r\n": "1) (integer) 1\n2) 1) a\n   2) \"b\"",
		"%1\r\n+k\r\n:1\r\n":                  "1# k => (integer) 1",
		"~1\r\n+k\r\n":                        "1~ k",
		",1.5\r\n":                            "(double) 1.5",
		"#t\r\n":                              "(true)",
		"#f\r\n":                              "(false)",
		"(123\r\n":                            "(big number) 123",
		"=7\r\ntxt:abc\r\n":                   "abc",
		"|1\r\n+a\r\n:1\r\n:5\r\n":            "(integer) 5",
		"!5\r\nERR x\r\n":                     "(error) ERR x",
		"*1\r\n|1\r\n+a\r\n:1\r\n:5\r\n":      "1) (integer) 5",
	} {
		v, err := NewReader(strings.NewReader(in)).Read()
		if err != nil || v.String() != want {
			t.Errorf("%q: got %q (%v), want %q", in, v.String(), err, want)
		}
		raw, err := NewReader(strings.NewReader(in + "+next\r\n")).ReadRaw()
		if err != nil || string(raw) != in {
			t.Errorf("%q: raw %q, %v", in, raw, err)
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	for _, in := range []string{
		"", "\r\n", "x\r\n", "+no end", ":x\r\n", "#x\r\n", "$5\r\nabc", "$3\r\nabcde", "$99999999999999\r\n", "*99999999999999\r\n",
		"*2\r\n+a\r\n", strings.Repeat("*1\r\n", 100) + "+deep\r\n", "$-2\r\n",
		"#\r\n", "#tt\r\n", "+" + strings.Repeat("a", 2<<20) + "\r\n", strings.Repeat("|1\r\n", 100),
	} {
		if v, err := NewReader(strings.NewReader(in)).Read(); err == nil {
			t.Errorf("%.20q was read as %v", in, v)
		} else if !errors.Is(err, ErrReply) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%.20q: %v", in, err)
		}
	}
}
