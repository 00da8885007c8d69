package command_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
	"pgregory.net/rapid"
)

// compareRandomly carries out random commands here and in redis-server and
// compares every reply, and in the end the whole content with what is known of
// each key. draw gives one command; keys are those that it uses.
func compareRandomly(t *testing.T, keys []string, draw func(t *rapid.T) []string) {
	redis := startRedis(t)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		redis.fresh(t)
		var calls [][][]byte
		for range rapid.IntRange(1, 60).Draw(t, "commands") {
			calls = append(calls, argv(draw(t)))
		}
		for _, key := range keys {
			for _, question := range []string{"EXISTS", "TYPE", "TTL", "OBJECT ENCODING"} {
				calls = append(calls, argv(append(strings.Fields(question), key)))
			}
		}
		w.now = time.Now().UnixMilli()
		for i, theirs := range redis.doAll(t, calls) {
			o, err := w.do(calls[i])
			if err != nil {
				t.Fatalf("%q: %v", calls[i], err)
			}
			if ours := o.reply; !sameReply(calls[i], ours, theirs) {
				t.Fatalf("%q\nours:  %s\nredis: %s", calls[i], ours, theirs)
			}
		}
		redis.compareContent(t, w, "at the end")
	})
}

// clockSlack is how far the two clocks may be apart, in seconds and in ms:
// expiries in these tests are much longer.
const clockSlack = 60_000

// sameReply compares two replies to a command: plain arrays in whatever order,
// the time that a key has left up to clockSlack.
func sameReply(args [][]byte, ours, theirs resp.Value) bool {
	if command.IsWord(args[0], "TTL") || command.IsWord(args[0], "PTTL") {
		if ours.Kind == ':' && theirs.Kind == ':' && ours.Int > 0 && theirs.Int > 0 {
			return max(ours.Int, theirs.Int)-min(ours.Int, theirs.Int) <= clockSlack
		}
	}
	if command.IsWord(args[0], "LPOS") && strings.HasSuffix(ours.Text(), "9223372036854775807") {
		return true // 7.2 refuses a rank without an opposite
	}
	if command.IsWord(args[0], "SORT") || command.IsWord(args[0], "SORT_RO") {
		return render(ours, false) == render(theirs, false)
	}
	if command.IsWord(args[0], "OBJECT") && ours.Text() == "listpack" && theirs.Text() == "skiplist" {
		return true // SORT makes it so
	}
	if command.IsWord(args[0], "OBJECT") && ours.Text() == "listpack" && (theirs.Text() == "hashtable" || theirs.Text() == "quicklist") {
		return true // sets and small lists are listpacks since 7.2
	}
	if args[0][0] == 'Z' {
		theirs = newScores(theirs)
	}
	return render(ours, true) == render(theirs, true)
}

// newScores is a reply of 7.0 with numbers that it has written with 17 digits as 7.2 writes
// them: with as many as it takes.
func newScores(v resp.Value) resp.Value {
	v.Items = slices.Clone(v.Items)
	for i := range v.Items {
		v.Items[i] = newScores(v.Items[i])
	}
	if f, err := strconv.ParseFloat(string(v.Str), 64); err == nil && v.Kind == '$' && string(v.Str) == strconv.FormatFloat(f, 'g', 17, 64) {
		v.Str = resp.AppendDouble(nil, f)
	}
	return v
}

func argv(words []string) [][]byte {
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	return args
}

// oneOf draws one of the given.
func oneOf(t *rapid.T, what string, from ...string) string {
	return rapid.SampledFrom(from).Draw(t, what)
}

// edgeNumbers are texts that are numbers, or nearly.
func edgeNumbers() []string {
	return []string{
		"0", "1", "-1", "2", "3", "7", "10", "100", "-100", "65535", "01", "-0", "+1", " 1", "", "x",
		"9223372036854775807", "-9223372036854775808", "9223372036854775806", "9223372036854775808",
		"9223372036854775", "-9223372036854775807", "4611686018427387904", "1.5", "0.1", "-0.1", "3.0e3",
		"1e17", "1e18", "1e-5", "123456789.987654321", "0x1f", "inf", "-inf", "nan", "1e4932", "-1e4932", "1e-20",
	}
}

func TestRandomStrings(t *testing.T) {
	keys := []string{"a", "b", "c", "hash"}
	g := stringGenerator{keys}
	compareRandomly(t, keys, g.command)
}

// stringGenerator draws commands of the string families.
type stringGenerator struct{ keys []string }

func (g stringGenerator) key(t *rapid.T) string { return oneOf(t, "key", g.keys...) }

func (g stringGenerator) value(t *rapid.T) string {
	if rapid.Bool().Draw(t, "a number") {
		return oneOf(t, "number", edgeNumbers()...)
	}
	return rapid.StringOfN(rapid.SampledFrom([]rune("ab \x00é")), 0, 60, -1).Draw(t, "value")
}

// offset draws small offsets, or some that no string may have: between them
// lie those that would cost memory.
func (g stringGenerator) offset(t *rapid.T) string {
	return oneOf(t, "offset", "0", "1", "2", "5", "-1", "-2", "-5", "40", "-40", "x", "536870912",
		"9223372036854775807", "-9223372036854775808")
}

// expiry draws an expiry that lies far from now on either clock, or is wrong.
func (g stringGenerator) expiry(t *rapid.T) []string {
	unit := oneOf(t, "unit", "EX", "px", "EXAT", "PXAT", "PERSIST", "KEEPTTL", "NX", "GET")
	switch strings.ToUpper(unit) {
	case "EX", "PX":
		return []string{unit, oneOf(t, "time", "100000", "5000000", "0", "-1", "9223372036854775807", "x")}
	case "EXAT", "PXAT":
		return []string{unit, oneOf(t, "instant", "1", "33177117420000", "0", "9223372036854775", "9223372036854775807")}
	}
	return []string{unit}
}

func (g stringGenerator) command(t *rapid.T) []string {
	switch name := oneOf(t, "command", "one", "two", "pairs", "set", "range", "many", "wrong"); name {
	case "one":
		return []string{oneOf(t, "name", "GET", "STRLEN", "GETDEL", "GETEX", "INCR", "INCR", "DECR", "TTL", "DEL"), g.key(t)}
	case "two":
		return []string{oneOf(t, "name", "GETSET", "APPEND", "SETNX", "INCRBY", "DECRBY", "INCRBYFLOAT", "INCRBYFLOAT", "EXPIRE"),
			g.key(t), g.value(t)}
	case "pairs":
		return append([]string{oneOf(t, "name", "MSET", "MSETNX")},
			rapid.SliceOfN(rapid.SampledFrom(append(g.keys, edgeNumbers()[:5]...)), 1, 6).Draw(t, "pairs")...)
	case "set":
		return g.set(t)
	case "range":
		if rapid.Bool().Draw(t, "write") {
			return []string{"SETRANGE", g.key(t), g.offset(t), g.value(t)}
		}
		return []string{oneOf(t, "name", "GETRANGE", "SUBSTR"), g.key(t), g.offset(t), g.offset(t)}
	case "many":
		return append([]string{"MGET"}, rapid.SliceOfN(rapid.SampledFrom(g.keys), 1, 5).Draw(t, "keys")...)
	default:
		return rapid.SampledFrom([][]string{
			{"HSET", "hash", "f", "v"}, {"GET"}, {"SET", "a"}, {"FOO", "a"},
			{"LCS", g.key(t), g.key(t)}, {"LCS", g.key(t), g.key(t), "IDX", "WITHMATCHLEN", "MINMATCHLEN", g.offset(t)},
			{"LCS", g.key(t), g.key(t), "LEN"},
		}).Draw(t, "odd")
	}
}

// set draws SET and its relatives, and GETEX, which has its options.
func (g stringGenerator) set(t *rapid.T) []string {
	switch oneOf(t, "which", "SET", "SET", "SETEX", "PSETEX", "GETEX") {
	case "SETEX":
		return []string{"SETEX", g.key(t), oneOf(t, "time", "100000", "0", "x", "9223372036854775807"), g.value(t)}
	case "PSETEX":
		return []string{"PSETEX", g.key(t), oneOf(t, "time", "50000000", "-1", "1.5", "9223372036854775807"), g.value(t)}
	case "GETEX":
		return append([]string{"GETEX", g.key(t)}, g.expiry(t)...)
	}
	args := []string{"SET", g.key(t), g.value(t)}
	for range rapid.IntRange(0, 3).Draw(t, "options") {
		if rapid.Bool().Draw(t, "expires") {
			args = append(args, g.expiry(t)...)
		} else {
			args = append(args, oneOf(t, "option", "NX", "XX", "GET", "nx", "xx", "get", "KEEPTTL", "FOO"))
		}
	}
	return args
}
