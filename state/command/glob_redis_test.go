package command_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// globs draws patterns and texts of all 256 bytes.
type globs struct{ *rand.Rand }

func newGlobs(seed uint64) globs { return globs{rand.New(rand.NewPCG(seed, 3))} }

// alphabet is what a batch of patterns and texts is made of: few bytes, so that
// they match now and then, and their neighbours.
func (g globs) alphabet() []byte {
	few := make([]byte, 0, 12)
	for range 1 + g.IntN(3) {
		b := byte(g.IntN(256))
		few = append(few, b, b, b+1, b-1, b^0x20)
	}
	if g.IntN(2) == 0 {
		few = append(few, "aAzZ"...)
	}
	if g.IntN(3) == 0 {
		few = append(few, `*?[]^-\`...)
	}
	return few
}

func (g globs) text(alphabet []byte) []byte {
	b := make([]byte, g.IntN(9))
	for i := range b {
		b[i] = alphabet[g.IntN(len(alphabet))]
	}
	return b
}

// pattern is made of whole elements, some of them broken.
func (g globs) pattern(alphabet []byte) (p []byte) {
	one := func() byte { return alphabet[g.IntN(len(alphabet))] }
	for range 1 + g.IntN(6) {
		switch g.IntN(12) {
		case 0, 1, 2:
			p = append(p, '*')
		case 3:
			p = append(p, '?')
		case 4, 5, 6:
			p = append(p, one())
		case 7:
			p = append(p, '\\', one())
		case 8, 9, 10:
			p = append(p, g.class(one)...)
		case 11:
			p = append(p, "[]^-\\*?"[g.IntN(7)])
		}
	}
	return p
}

func (g globs) class(one func() byte) []byte {
	p := []byte{'['}
	if g.IntN(3) == 0 {
		p = append(p, '^')
	}
	for range g.IntN(4) {
		switch g.IntN(6) {
		case 0, 1:
			p = append(p, one())
		case 2, 3:
			p = append(p, one(), '-', one())
		case 4:
			p = append(p, '\\', one())
		case 5:
			p = append(p, "-^[\\"[g.IntN(4)])
		}
	}
	if g.IntN(6) > 0 {
		p = append(p, ']')
	}
	return p
}

// globRounds is how many batches there are at every commit; ALTILIUM_GLOB gives
// another number.
func globRounds() int {
	if n, err := strconv.Atoi(os.Getenv("ALTILIUM_GLOB")); err == nil {
		return n
	}
	return 60
}

// TestGlobAsRedis asks redis-server which of some keys match each of many
// patterns, of all bytes.
func TestGlobAsRedis(t *testing.T) {
	redis := startRedis(t)
	asked, matched := 0, 0
	for round := range globRounds() {
		g := newGlobs(uint64(round))
		alphabet := g.alphabet()
		texts := map[string]bool{}
		calls := [][][]byte{{[]byte("FLUSHALL")}}
		for range 60 {
			text := g.text(alphabet)
			texts[string(text)] = true
			calls = append(calls, [][]byte{[]byte("SET"), text, nil})
		}
		questions := len(calls)
		for range 200 {
			calls = append(calls, [][]byte{[]byte("KEYS"), g.pattern(alphabet)})
		}
		for i, reply := range redis.doAll(t, calls)[questions:] {
			pattern := calls[questions+i][1]
			found := map[string]bool{}
			for _, key := range reply.Items {
				found[string(key.Str)] = true
			}
			for text := range texts {
				asked++
				ours := command.Glob(pattern, []byte(text), false) || string(pattern) == "*" // KEYS takes that for no pattern
				if ours != found[text] {
					t.Fatalf("KEYS %q: %q matches in Redis: %v, here: %v", pattern, text, found[text], ours)
				}
				if ours {
					matched++
				}
			}
		}
	}
	if matched < asked/100 {
		t.Errorf("only %d matched", matched)
	}
	t.Logf("%d pairs of pattern and key, %d of them matching, as redis-server matches them", asked, matched)
}

// TestGlobWithoutCaseAsRedis asks for the names of commands, the widest thing
// that Redis matches whatever the case. A pattern there ends at a zero byte. It
// is of ASCII: how tolower folds a signed byte from 0x80 on, at the end of a
// range, is the C library's own affair (glibc makes it positive), and the names
// that are matched so have none.
func TestGlobWithoutCaseAsRedis(t *testing.T) {
	redis := startRedis(t)
	names := redis.do(t, argv([]string{"COMMAND", "LIST"})...).Items
	asked, matched := 0, 0
	for round := range globRounds() {
		g := newGlobs(uint64(round))
		var calls [][][]byte
		for range 40 {
			alphabet := []byte("*?[]^-\\|_:")
			for range 2 { // letters of a name in either case, and what lies around letters
				name := names[g.IntN(len(names))].Str
				alphabet = append(alphabet, name...)
				alphabet = append(alphabet, bytes.ToUpper(name)...)
			}
			alphabet = append(alphabet, "@[`{\x01\x7fAZaz"...)
			pattern := bytes.ReplaceAll(g.pattern(alphabet), []byte{0}, nil)
			if g.IntN(2) == 0 {
				pattern = append(pattern, '*')
			}
			calls = append(calls, [][]byte{[]byte("COMMAND"), []byte("LIST"), []byte("FILTERBY"), []byte("PATTERN"), pattern})
		}
		for i, reply := range redis.doAll(t, calls) {
			found := map[string]bool{}
			for _, name := range reply.Items {
				found[string(name.Str)] = true
			}
			for _, name := range names {
				asked++
				ours := command.Glob(calls[i][4], name.Str, true)
				if ours != found[string(name.Str)] {
					t.Fatalf("%q matches %s in Redis, whatever the case: %v, here: %v", calls[i][4], name.Str, !ours, ours)
				}
				if ours {
					matched++
				}
			}
		}
	}
	if matched < asked/100 {
		t.Errorf("only %d matched", matched)
	}
	t.Logf("%d pairs of pattern and name, %d of them matching, as redis-server matches them", asked, matched)
}

// FuzzGlobAsRedis looks for a pattern and a key that redis-server matches
// otherwise.
func FuzzGlobAsRedis(f *testing.F) {
	redis := startRedis(f)
	for _, seed := range [][2]string{
		{"", ""}, {"*", ""}, {"**", ""}, {"a*b?c", "axxbyc"}, {"[^a-", "b"}, {`\*[\]]`, "*]"}, {"[Z-a]", "z"}, {"[\x80-\x7f]", "\xff"},
		{"[]", "]"}, {"*[", "x"}, {`\`, `\`}, {`a\`, `a\`}, {"[a\\", "\\"}, {"[^]", "x"}, {"?[--0]*", "a."},
	} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, pattern, text []byte) {
		if bytes.Count(pattern, []byte("*")) > 6 || len(pattern) > 1<<10 || len(text) > 1<<10 {
			return // for which Redis may take long
		}
		var reply resp.Value
		for _, reply = range redis.doAll(t, [][][]byte{{[]byte("FLUSHALL")}, {[]byte("SET"), text, nil}, {[]byte("KEYS"), pattern}}) {
		}
		ours := command.Glob(pattern, text, false) || string(pattern) == "*"
		if theirs := len(reply.Items) == 1; ours != theirs {
			t.Fatalf("KEYS %q finds %q in Redis: %v, here: %v", pattern, text, theirs, ours)
		}
	})
}
