package command_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/altilium-db/altilium/state/command"
	"pgregory.net/rapid"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		match, nocase bool
	}{
		{"", "", true, true},
		{"", "a", false, false},
		{"a", "", false, false},
		{"a", "a", true, true},
		{"a", "A", false, true},
		{"A", "a", false, true},
		{"a", "ab", false, false},
		{"ab", "a", false, false},
		{"[", "\x1b", false, false}, // 0x5b less 0x40
		{"@", "`", false, false},    // 0x20 apart, but no letters

		// Stars. An empty text matches none.
		{"*", "", false, false},
		{"**", "", false, false},
		{"*", "a", true, true},
		{"**", "a", true, true},
		{"*a", "a", true, true},
		{"a*", "a", true, true},
		{"a**", "a", true, true},
		{"*a", "ab", false, false},
		{"*b", "ab", true, true},
		{"a*b*c", "aXbYbZc", true, true},
		{"a*b*c", "aXbYbZ", false, false},
		{"*ab", "aab", true, true},
		{"*a*b", "acb", true, true},
		{"a*?", "a", false, false},
		{"*?", "a", true, true},
		{"?*?*?", "ab", false, false},
		{"?*?*?", "abc", true, true},

		// One byte, not one letter.
		{"?", "a", true, true},
		{"?", "", false, false},
		{"?", "ab", false, false},
		{"?", "é", false, false},
		{"??", "é", true, true},
		{"a?c", "a\x00c", true, true},

		// Escapes.
		{`\a`, "a", true, true},
		{`\a`, "A", false, true},
		{`\*`, "*", true, true},
		{`\*`, "a", false, false},
		{`\?`, "a", false, false},
		{`\[a]`, "[a]", true, true},
		{`\\`, `\`, true, true},
		{`\`, `\`, true, true}, // the last byte: itself
		{`a\`, `a\`, true, true},
		{`*\`, `ab\`, true, true},

		// Classes.
		{"[abc]", "b", true, true},
		{"[abc]", "B", false, true},
		{"[abc]", "d", false, false},
		{"[^abc]", "d", true, true},
		{"[^abc]", "b", false, false},
		{"[^abc]", "B", true, false},
		{"[]", "a", false, false},
		{"[]a]", "a]", false, false},
		{"[^]", "a", true, true},
		{"[a^]", "^", true, true},
		{"[*]", "*", true, true},
		{"[*]", "a", false, false},
		{"[?]x", "?x", true, true},
		{"x[ab]y[cd]z", "xaydz", true, true},
		{"*[0-9]", "abc7", true, true},

		// Ranges, either way round; their ends are signed bytes.
		{"[a-c]", "b", true, true},
		{"[c-a]", "b", true, true},
		{"[a-c]", "B", false, true},
		{"[A-C]", "b", false, true},
		{"[a-c]", "-", false, false},
		{"[a-]", "^", true, true}, // from ] to a, and unclosed
		{"[a-]", "-", false, false},
		{"[-a]", "-", true, true},
		{"[a-cx-z]", "y", true, true},
		{"[Z-a]", "[", true, false},
		{"[0-\xff]", "\xff", true, true},
		{"[0-\xff]", "1", false, false},
		{"[\x80-\xff]", "\xc3", true, true},
		{"[\x80-\x7f]", "\x00", true, true},

		// Escapes in classes, which are compared as they are.
		{`[\a]`, "a", true, true},
		{`[\a]`, "A", false, false},
		{`[\]]`, "]", true, true},
		{`[\-x]`, "-", true, true},
		{`[\\]`, `\`, true, true},
		{`[a\-z]`, "m", false, false},
		{`[+-\]]`, "]", false, false}, // the backslash ends the range

		// Unclosed.
		{"[", "a", false, false},
		{"[^", "a", true, true},
		{"[abc", "b", true, true},
		{"[abc", "bc", false, false},
		{"[a-", "-", true, true},
		{"[a-c", "b", true, true},
		{`[a\`, `\`, true, true},
		{`[\`, `\`, true, true},
	} {
		if got := command.Glob([]byte(c.pattern), []byte(c.text), false); got != c.match {
			t.Errorf("Glob(%q, %q) = %v", c.pattern, c.text, got)
		}
		if got := command.Glob([]byte(c.pattern), []byte(c.text), true); got != c.nocase {
			t.Errorf("Glob(%q, %q) without case = %v", c.pattern, c.text, got)
		}
	}
}

// TestGlobIsQuick: patterns that a search with more memory would take longer
// than the universe for.
func TestGlobIsQuick(t *testing.T) {
	text := bytes.Repeat([]byte("a"), 4096)
	deep := []byte(strings.Repeat("*", 1<<20) + "b")
	done := make(chan bool)
	go func() {
		done <- command.Glob([]byte(strings.Repeat("*a", 64)+"*b"), text, false) ||
			command.Glob([]byte(strings.Repeat("a*", 64)+"[^a]"), text, false) ||
			command.Glob(deep, text[:2], false) ||
			command.Glob([]byte(strings.Repeat("?*", 1024)+"b"), text, true)
	}()
	select {
	case matched := <-done:
		if matched {
			t.Error("matched")
		}
	case <-time.After(time.Minute):
		t.Fatal("not done after a minute")
	}
	if n := testing.AllocsPerRun(10, func() { command.Glob(deep, text[:2], true) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// naive is Glob by its definition: an element of the pattern after the other,
// for a star every length in turn.
func naive(elements []element, text []byte) bool {
	if len(elements) == 0 {
		return len(text) == 0
	}
	first, rest := elements[0], elements[1:]
	if first.star {
		for n := range len(text) + 1 {
			if naive(rest, text[n:]) {
				return true
			}
		}
		return false
	}
	return len(text) > 0 && first.set[text[0]] && naive(rest, text[1:])
}

// element is one element of a pattern: a star, or the bytes that it matches.
type element struct {
	star bool
	set  [256]bool
}

// add adds the byte b, with nocase in either case.
func (e *element) add(b byte, nocase bool) {
	for c := range e.set {
		if byte(c) == b || nocase && unicode.ToLower(ascii(byte(c))) == unicode.ToLower(ascii(b)) {
			e.set[c] = true
		}
	}
}

// ascii is a byte as a letter, if it is one; another byte becomes something that
// has no case.
func ascii(b byte) rune {
	if b < 0x80 {
		return rune(b)
	}
	return 0x10000 + rune(b)
}

// addRange adds what is between two signed bytes.
func (e *element) addRange(a, b int8, nocase bool) {
	if a > b {
		a, b = b, a
	}
	fold := func(b int8) int8 {
		if nocase {
			return int8(unicode.ToLower(ascii(byte(b))))
		}
		return b
	}
	for c := range e.set {
		if at := fold(int8(c)); fold(a) <= at && at <= fold(b) {
			e.set[c] = true
		}
	}
}

// elements takes a pattern apart.
func elements(pattern []byte, nocase bool) (all []element) {
	for i := 0; i < len(pattern); i++ {
		var e element
		switch c := pattern[i]; {
		case c == '*':
			e.star = true
		case c == '?':
			for b := range e.set {
				e.set[b] = true
			}
		case c == '[':
			i = e.class(pattern, i+1, nocase)
		case c == '\\' && i+1 < len(pattern):
			i++
			e.add(pattern[i], nocase)
		default:
			e.add(c, nocase)
		}
		all = append(all, e)
	}
	return all
}

// class reads a class from pattern[i], after the bracket, and returns the place
// of its last byte.
func (e *element) class(pattern []byte, i int, nocase bool) (last int) {
	rest := pattern[i:]
	not := bytes.HasPrefix(rest, []byte("^"))
	if not {
		rest = rest[1:]
	}
	for len(rest) > 0 && rest[0] != ']' {
		switch {
		case rest[0] == '\\' && len(rest) > 1:
			e.set[rest[1]] = true
			rest = rest[2:]
		case len(rest) > 2 && rest[1] == '-':
			e.addRange(int8(rest[0]), int8(rest[2]), nocase)
			rest = rest[3:]
		default:
			e.add(rest[0], nocase)
			rest = rest[1:]
		}
	}
	for c := range e.set {
		e.set[c] = e.set[c] != not
	}
	return len(pattern) - len(rest)
}

func compareWithNaive(t fatal, pattern, text []byte) {
	for _, nocase := range []bool{false, true} {
		want := naive(elements(pattern, nocase), text)
		if len(text) == 0 {
			want = len(pattern) == 0
		}
		if got := command.Glob(pattern, text, nocase); got != want {
			t.Fatalf("Glob(%q, %q, nocase %v) = %v", pattern, text, nocase, got)
		}
	}
}

func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""}, {"*", "a"}, {"a*b?c", "axxbyc"}, {"[a-z]*", "hello"}, {"[^a-", "b"}, {`\*[\]]`, "*]"}, {"*a*a*b", "aaaa"},
		{"[Z-a]", "z"}, {"[\x80-\x7f]", "\xff"}, {`[\A]`, "a"}, {"[]", "]"}, {"*[", "x"},
	} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, pattern, text []byte) {
		if bytes.Count(pattern, []byte("*")) <= 4 && len(text) <= 64 { // the naive one is that
			compareWithNaive(t, pattern, text)
		}
	})
}

func TestGlobRandomly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { compareWithNaive(t, drawPattern(t), drawText(t)) })
}

func drawPattern(t *rapid.T) []byte {
	parts := rapid.SliceOfN(rapid.SampledFrom([]string{
		"*", "*", "?", "a", "b", "B", "Z", "\x80", "\xff", "[", "]", "^", "-", "[^", "[a-c]", "[c-a", `\`, "\x00", "[\x80-b]",
	}), 0, 8).Draw(t, "pattern")
	return []byte(strings.Join(parts, ""))
}

func drawText(t *rapid.T) []byte {
	return rapid.SliceOfN(rapid.SampledFrom([]byte("aabbcAB*[]^-\\z\x00\x7f\x80\xff")), 0, 6).Draw(t, "text")
}

// TestGlobDifferential compares with what redis-server makes of a pattern, by
// KEYS, by SCAN, and for a pattern without case by CONFIG GET.
func TestGlobDifferential(t *testing.T) {
	redis := startRedis(t)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		redis.fresh(t)
		calls := [][][]byte{}
		for range rapid.IntRange(1, 20).Draw(t, "keys") {
			calls = append(calls, [][]byte{[]byte("SET"), drawText(t), nil})
		}
		for range 10 {
			pattern := drawPattern(t)
			calls = append(calls, [][]byte{[]byte("KEYS"), pattern},
				[][]byte{[]byte("SCAN"), []byte("0"), []byte("MATCH"), pattern, []byte("COUNT"), []byte("1000")})
		}
		for i, theirs := range redis.doAll(t, calls) {
			o, err := w.do(calls[i])
			if err != nil {
				t.Fatalf("%q: %v", calls[i], err)
			}
			if !sameReply(calls[i], o.reply, theirs) {
				t.Fatalf("%q\nours:  %s\nredis: %s", calls[i], o.reply, theirs)
			}
		}
		for range 5 {
			pattern := rapid.StringOfN(rapid.SampledFrom([]rune(`pPoORtT*?[]^-\azZ`)), 1, 8, -1).Draw(t, "setting")
			theirs := false
			if !strings.ContainsAny(pattern, "*?[") {
				continue // to CONFIG GET it is no pattern then
			}
			found := redis.do(t, argv([]string{"CONFIG", "GET", pattern})...).Items
			for i := 0; i < len(found); i += 2 {
				theirs = theirs || found[i].Text() == "port"
			}
			if ours := command.Glob([]byte(pattern), []byte("port"), true); ours != theirs {
				t.Fatalf("CONFIG GET %q finds port: ours %v, redis %v", pattern, ours, theirs)
			}
		}
	})
}
