package command_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestRandomHyperLogLogs compares all bytes with those of redis-server, by the digest of
// the content, after adding few elements and many: they become dense on the way.
func TestRandomHyperLogLogs(t *testing.T) {
	g := hllGenerator{[]string{"a", "b", "c", "hash"}}
	compareRandomly(t, g.keys, g.command)
}

type hllGenerator struct{ keys []string }

func (g hllGenerator) key(t *rapid.T) string { return oneOf(t, "key", g.keys...) }

func (g hllGenerator) command(t *rapid.T) []string {
	switch oneOf(t, "command", "add", "add", "add", "many", "count", "count", "merge", "debug", "odd", "bytes") {
	case "add":
		args := []string{"PFADD", g.key(t)}
		for range rapid.IntRange(0, 5).Draw(t, "elements") {
			args = append(args, rapid.StringN(0, 20, -1).Draw(t, "element"))
		}
		return args
	case "many":
		args := []string{"PFADD", g.key(t)}
		from := rapid.IntRange(0, 5000).Draw(t, "from")
		for i := range rapid.IntRange(100, 1500).Draw(t, "many") {
			args = append(args, strconv.Itoa(from+i))
		}
		return args
	case "count", "merge":
		args := []string{oneOf(t, "name", "PFCOUNT", "PFMERGE"), g.key(t)}
		for range rapid.IntRange(0, 2).Draw(t, "more") {
			args = append(args, g.key(t))
		}
		return args
	case "debug":
		return []string{"PFDEBUG", oneOf(t, "subcommand", "GETREG", "DECODE", "ENCODING", "TODENSE"), g.key(t)}
	case "bytes": // of the head, but not the encoding: see TestHostileHyperLogLogs
		return []string{"SETRANGE", g.key(t), oneOf(t, "at", "3", "5", "7", "8", "14", "15"), oneOf(t, "bytes", "\x00", "\x01", "\xff", "L")}
	default:
		return rapid.SampledFrom([][]string{{"HSET", "hash", "f", "v"}, {"DEL", g.key(t)}, {"EXPIRE", g.key(t), "100000"}, {"PFDEBUG", "x", "a"}}).Draw(t, "odd")
	}
}

// TestHyperLogLogOneByOne adds elements one after the other in redis-server and here: the reply to
// each, which says whether a register has changed, and again and again all bytes must be the same.
func TestHyperLogLogOneByOne(t *testing.T) {
	redis := startRedis(t)
	w := newWorld()
	redis.fresh(t)
	for step := range 40 {
		var calls [][][]byte
		for i := range 100 {
			calls = append(calls, argv([]string{"PFADD", "k", fmt.Sprintf("element-%d", step*100+i)}))
		}
		calls = append(calls, words("GET k"), words("PFCOUNT k"), words("GET k"), words("PFDEBUG ENCODING k"))
		for i, theirs := range redis.doAll(t, calls) {
			o, err := w.do(calls[i])
			if err != nil {
				t.Fatal(err)
			}
			if ours := o.reply; ours.String() != theirs.String() {
				t.Fatalf("step %d: %q\nours:  %s\nredis: %s", step, calls[i], ours, theirs)
			}
		}
	}
	if o, _ := w.do(words("PFDEBUG ENCODING k")); o.reply.Text() != "dense" {
		t.Errorf("it is %s in the end", o.reply)
	}
}

// TestHyperLogLogEstimate: the error stays below five times what is to be expected, 0.81%.
func TestHyperLogLogEstimate(t *testing.T) {
	w := newWorld()
	args := argv([]string{"PFADD", "k", ""})
	count := words("PFCOUNT k")
	n := 0
	for _, upTo := range []int{1, 10, 100, 1000, 10_000, 50_000} {
		for ; n < upTo; n++ {
			args[2] = strconv.AppendInt(nil, int64(n), 10)
			if _, err := w.do(args); err != nil {
				t.Fatal(err)
			}
		}
		o, err := w.do(count)
		if err != nil {
			t.Fatal(err)
		}
		if off := math.Abs(float64(o.reply.Int)/float64(n) - 1); off > 5*0.0081 {
			t.Errorf("%d elements are counted as %d", n, o.reply.Int)
		}
	}
}

// TestDenseHyperLogLogIsNotCopied: what PFADD records of a dense one is a few bytes.
func TestDenseHyperLogLogIsNotCopied(t *testing.T) {
	w := newWorld()
	for _, line := range []string{"PFADD k a", "PFDEBUG TODENSE k"} {
		if _, err := w.do(words(line)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		if _, err := w.do(argv([]string{"PFADD", "k", strconv.Itoa(i), strconv.Itoa(i + 1000)})); err != nil {
			t.Fatal(err)
		}
		if n := w.events.Len(); n > 100 {
			t.Fatalf("%d bytes of events", n)
		}
	}
}

// TestHostileHyperLogLogs: whatever is in a key, what comes of it is what comes of it in
// redis-server: no command crashes, or runs on.
//
// Two things differ, and are not drawn: of a PFADD of several elements Redis keeps those
// before the one at which it finds that the registers are corrupt; and it reads a run
// that is cut short by one byte as if there were another.
func TestHostileHyperLogLogs(t *testing.T) {
	redis := startRedis(t)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		redis.fresh(t)
		head := "\x01" + string(rapid.SliceOfN(rapid.Byte(), 11, 11).Draw(t, "head"))
		run := rapid.SampledFrom([]string{"\x7f\xff", "\x7f\xfe", "\x7f\xf0", "\x00", "\x3f", "\x80", "\x83", "\xff", "\xfc", "\x40\x00", "\x71\xa5", "\x71\xa6", "\x4e\x57"})
		body := ""
		for _, r := range rapid.SliceOfN(run, 0, 12).Draw(t, "runs") {
			body += r
		}
		if rapid.IntRange(0, 2).Draw(t, "dense") == 0 {
			head = "\x00" + head[1:]
			part := string(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "registers"))
			body = strings.Repeat(part, rapid.SampledFrom([]int{1536, 1536, 1536, 1535}).Draw(t, "parts"))
		}
		value := "HYLL" + head + body
		for _, line := range []string{
			"PFCOUNT k", "PFCOUNT k", "PFCOUNT k k", "PFADD k a", "GET k", "PFADD k d", "GET k", "PFMERGE k", "PFMERGE new k", "GET new",
			"PFDEBUG DECODE k", "PFDEBUG GETREG k", "GET k", "PFDEBUG TODENSE k", "PFDEBUG ENCODING k", "PFADD k a", "PFCOUNT k", "GET k",
		} {
			calls := [][][]byte{words(line)}
			if line == "PFCOUNT k" || line == "PFADD k a" {
				calls = [][][]byte{argv([]string{"SET", "k", value}), words(line)}
			}
			for _, args := range calls {
				o, err := w.do(args)
				if err != nil {
					t.Fatalf("%s of %q: %v", args, value, err)
				}
				if ours, theirs := o.reply, redis.do(t, args...); ours.String() != theirs.String() {
					t.Fatalf("%s of %q\nours:  %s\nredis: %s", args, value, ours, theirs)
				}
			}
		}
	})
}
