package command_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/state/command"
)

func TestParseInt(t *testing.T) {
	for _, n := range []int64{0, 1, -1, 9, 10, -10, 99, 12345678901, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1} {
		if got, ok := command.ParseInt(strconv.AppendInt(nil, n, 10)); got != n || !ok {
			t.Errorf("%d: %d, %v", n, got, ok)
		}
	}
	for _, text := range []string{
		"", "-", "+", "+1", "00", "01", "-0", "-01", " 1", "1 ", "1\x00", "1.0", "1e3", "0x1", "a", "--1", "1-", "1_000",
		"9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "99999999999999999999",
		"-99999999999999999999", "100000000000000000000", "/", ":", "1:",
	} {
		if got, ok := command.ParseInt([]byte(text)); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
}

// FuzzParseInt: a text is an integer exactly if strconv reads it and writes it
// back the same.
func FuzzParseInt(f *testing.F) {
	for _, seed := range []string{"0", "-0", "12", "-9223372036854775808", "9223372036854775808", "+5", "1x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want, err := strconv.ParseInt(string(text), 10, 64)
		canonical := err == nil && strconv.FormatInt(want, 10) == string(text)
		if got, ok := command.ParseInt(text); ok != canonical || ok && got != want {
			t.Fatalf("%q: %d, %v; strconv: %d, %v", text, got, ok, want, err)
		}
	})
}

func TestIsWord(t *testing.T) {
	for _, c := range []struct {
		arg, word string
		is        bool
	}{
		{"NX", "NX", true}, {"nx", "NX", true}, {"nX", "NX", true}, {"", "NX", false}, {"N", "NX", false}, {"NXX", "NX", false},
		{"XN", "NX", false}, {"NX\x00", "NX", true}, {"NX\x00XX", "NX", true}, {"N\x00", "NX", false}, {"\x00", "NX", false},
		{"n\xf8", "NX", false}, {"", "", true}, {"[", "{", false}, {"{", "[", false},
	} {
		if got := command.IsWord([]byte(c.arg), c.word); got != c.is {
			t.Errorf("IsWord(%q, %q) = %v", c.arg, c.word, got)
		}
	}
}

func TestOverflows(t *testing.T) {
	for _, c := range []struct {
		n, d int64
		over bool
	}{
		{0, 0, false}, {math.MaxInt64, 0, false}, {math.MaxInt64, 1, true}, {math.MaxInt64 - 1, 1, false},
		{math.MinInt64, 0, false}, {math.MinInt64, -1, true}, {math.MinInt64 + 1, -1, false},
		{math.MaxInt64, math.MinInt64, false}, {math.MinInt64, math.MaxInt64, false},
		{math.MaxInt64, math.MaxInt64, true}, {math.MinInt64, math.MinInt64, true}, {0, math.MinInt64, false}, {-1, math.MinInt64, true},
	} {
		if got := command.Overflows(c.n, c.d); got != c.over {
			t.Errorf("%d + %d: %v", c.n, c.d, got)
		}
	}
}

// TestMaxString is what the transcripts do not show, for want of memory: the
// limit on the length that APPEND and SETRANGE may reach. The decisions are not
// applied, and look at no more than the length of what they refuse.
func TestMaxString(t *testing.T) {
	const kept = 1 << 10
	w := newWorld()
	w.events.Range([]byte("k"), kept-1, []byte("x"))
	if _, err := w.st.Apply(0, w.events.Bytes()); err != nil {
		t.Fatal(err)
	}
	tail := make([]byte, command.MaxString-kept+1)
	for _, c := range []struct {
		args  [][]byte
		reply string
	}{
		{append(words("APPEND k"), tail), "-" + command.TextTooLong},
		{append(words("SETRANGE k 1024"), tail), "-" + command.TextTooLong},
		{append(words("SETRANGE k 1025"), tail[1:]), "-" + command.TextTooLong},
		{append(words("SETRANGE new 1024"), tail), "-" + command.TextTooLong},
		{words("SETRANGE k 536870912 x"), "-" + command.TextTooLong},
		{words("SETRANGE k 536870911 x"), ":536870912"},
		{words("SETRANGE new 536870911 x"), ":536870912"},
	} {
		w.out.Reset(0)
		w.events.Truncate(0)
		call := command.Call{View: w.st.View(0, newYear), Out: &w.out, Events: &w.events}
		spec, _ := w.table.Lookup(c.args)
		call.Reset(spec, c.args)
		spec.Decide(&call)
		if got := strings.TrimSpace(string(w.out.Bytes())); got != c.reply || (got[0] == '-') != (w.events.Len() == 0) {
			t.Errorf("%s of %d bytes: %s, %d bytes of events", c.args[0], len(c.args[len(c.args)-1]), got, w.events.Len())
		}
	}
}
