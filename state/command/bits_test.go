package command_test

import (
	"bytes"
	"fmt"
	"math/bits"
	"strconv"
	"testing"

	"github.com/altilium-db/altilium/state/command"
	"pgregory.net/rapid"
)

func TestRandomBits(t *testing.T) {
	g := bitGenerator{[]string{"a", "b", "c", "hash"}}
	compareRandomly(t, g.keys, g.command)
}

// bitGenerator draws commands on bits. Strings come by SETRANGE: one that SET has
// stored as an integer becomes raw in Redis even by a SETBIT that changes nothing.
type bitGenerator struct{ keys []string }

func (g bitGenerator) key(t *rapid.T) string { return oneOf(t, "key", g.keys...) }

// place draws offsets in a short string, and some that none has.
func (g bitGenerator) place(t *rapid.T) string {
	if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
		return oneOf(t, "place", "x", "", "-1", "4294967296", "9223372036854775807", "-9223372036854775808", "#1")
	}
	return strconv.Itoa(rapid.IntRange(0, 300).Draw(t, "place"))
}

// index draws what counts from either end.
func (g bitGenerator) index(t *rapid.T) string {
	if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
		return oneOf(t, "index", "9223372036854775807", "-9223372036854775808")
	}
	return strconv.Itoa(rapid.IntRange(-320, 320).Draw(t, "index"))
}

func (g bitGenerator) bytes(t *rapid.T) string {
	p := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 0xff, 0xff, 1, 0x80, 0x5a}), 1, 40).Draw(t, "bytes")
	return string(p)
}

func (g bitGenerator) command(t *rapid.T) []string {
	switch oneOf(t, "command", "write", "bit", "bit", "count", "pos", "op", "field", "field", "wrong") {
	case "write":
		return []string{"SETRANGE", g.key(t), oneOf(t, "offset", "0", "0", "3", "50"), g.bytes(t)}
	case "bit":
		if rapid.Bool().Draw(t, "set") {
			return []string{"SETBIT", g.key(t), g.place(t), oneOf(t, "bit", "0", "1", "1", "2", "x")}
		}
		return []string{"GETBIT", g.key(t), g.place(t)}
	case "count":
		return append([]string{"BITCOUNT", g.key(t)}, g.scope(t, false)...)
	case "pos":
		return append([]string{"BITPOS", g.key(t), oneOf(t, "bit", "0", "1", "1", "2")}, g.scope(t, true)...)
	case "op":
		args := []string{"BITOP", oneOf(t, "op", "AND", "or", "XOR", "NOT"), g.key(t), g.key(t)}
		for range rapid.IntRange(0, 2).Draw(t, "more") {
			args = append(args, g.key(t))
		}
		return args
	case "field":
		return g.field(t)
	default:
		return rapid.SampledFrom([][]string{{"HSET", "hash", "f", "v"}, {"DEL", g.key(t)}, {"BITOP", "FOO", "a", "b"},
			{"BITFIELD", g.key(t), "GET"}, {"BITFIELD", g.key(t), "OVERFLOW", "x"}}).Draw(t, "odd")
	}
}

// scope draws a range of BITCOUNT or BITPOS. What is wrong in it is left to the
// transcripts: 7.0 looks at the key first.
func (g bitGenerator) scope(t *rapid.T, startAlone bool) []string {
	switch oneOf(t, "scope", "all", "start", "both", "unit") {
	case "start":
		if startAlone {
			return []string{g.index(t)}
		}
	case "both":
		return []string{g.index(t), g.index(t)}
	case "unit":
		return []string{g.index(t), g.index(t), oneOf(t, "unit", "BYTE", "bit")}
	}
	return nil
}

// field draws a BITFIELD, its integers often at the edge of what fits.
func (g bitGenerator) field(t *rapid.T) []string {
	args := []string{oneOf(t, "name", "BITFIELD", "BITFIELD", "BITFIELD", "BITFIELD_RO"), g.key(t)}
	for range rapid.IntRange(0, 5).Draw(t, "operations") {
		width := rapid.IntRange(1, 65).Draw(t, "width")
		kind := oneOf(t, "kind", "i", "u") + strconv.Itoa(width)
		offset := oneOf(t, "unit", "", "", "#") + strconv.Itoa(rapid.IntRange(0, 40).Draw(t, "offset"))
		limit := int64(1)<<(width-1) - 1 // 1<<64 is 0
		number := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-5, 5), rapid.SampledFrom([]int64{limit, limit + 1, -limit, -limit - 1, -limit - 2, 2*limit + 1, 2*limit + 2}))
		switch oneOf(t, "operation", "GET", "SET", "INCRBY", "INCRBY") {
		case "GET":
			args = append(args, "GET", kind, offset)
		case "SET":
			args = append(args, g.overflow(t)...)
			args = append(args, "SET", kind, offset, fmt.Sprint(number.Draw(t, "value")))
		default:
			args = append(args, g.overflow(t)...)
			args = append(args, "INCRBY", kind, offset, fmt.Sprint(number.Draw(t, "increment")))
		}
	}
	return args
}

func (g bitGenerator) overflow(t *rapid.T) []string {
	if rapid.Bool().Draw(t, "overflow") {
		return []string{"OVERFLOW", oneOf(t, "which", "WRAP", "sat", "FAIL")}
	}
	return nil
}

// TestBitsOfLongStrings compares with the plain way, bit by bit, over words and their
// edges.
func TestBitsOfLongStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		p := bytes.Repeat([]byte{rapid.SampledFrom([]byte{0, 0xff}).Draw(t, "fill")}, rapid.IntRange(0, 100).Draw(t, "length"))
		for range rapid.IntRange(0, 3).Draw(t, "others") {
			if len(p) > 0 {
				p[rapid.IntRange(0, len(p)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			}
		}
		run := func(args ...string) int64 {
			o, err := w.do(argv(args))
			if err != nil {
				t.Fatal(err)
			}
			return o.reply.Int
		}
		run("SETRANGE", "k", "0", string(p))
		from, to := rapid.IntRange(0, 800).Draw(t, "from"), rapid.IntRange(0, 800).Draw(t, "to")
		count, first := int64(0), [2]int64{-1, -1}
		for i := from; i <= to && i < len(p)*8; i++ {
			bit := p[i/8] >> (7 - i%8) & 1
			count += int64(bit)
			if first[bit] < 0 {
				first[bit] = int64(i)
			}
		}
		scope := []string{strconv.Itoa(from), strconv.Itoa(to), "BIT"}
		if got := run(append([]string{"BITCOUNT", "k"}, scope...)...); got != count {
			t.Fatalf("%x: %v are set in %s, not %d", p, got, scope, count)
		}
		for bit, want := range first {
			if len(p) == 0 && bit == 0 {
				want = 0 // there is no such key, which is all zeros
			}
			if got := run(append([]string{"BITPOS", "k", strconv.Itoa(bit)}, scope...)...); got != want {
				t.Fatalf("%x: the first %d in %s is at %d, not %d", p, bit, scope, got, want)
			}
		}
		all := 0
		for _, b := range p {
			all += bits.OnesCount8(b)
		}
		if got := run("BITCOUNT", "k"); got != int64(all) {
			t.Fatalf("%x: %d are set, not %d", p, got, all)
		}
	})
}

// TestBitsAtTheEnd: one bit of the longest string is set, read, and set again without
// a copy of it.
func TestBitsAtTheEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a string of 512 MiB")
	}
	w := newWorld()
	for _, line := range []string{"SETBIT k 4294967295 1", "SETBIT k 4294967294 1", "BITFIELD k SET u1 0 1 INCRBY u4 4294967292 8"} {
		o, err := w.do(words(line))
		if err != nil || o.reply.IsError() {
			t.Fatalf("%s: %v %s", line, err, o.reply)
		}
		if n := w.events.Len(); n > 100 {
			t.Errorf("%s: %d bytes of events", line, n)
		}
	}
	if o, err := w.do(words("STRLEN k")); err != nil || o.reply.Int != command.MaxString {
		t.Errorf("the string has %s bytes (%v)", o.reply, err)
	}
	for _, line := range []string{"SETBIT k 4294967200 1", "GETBIT k 4294967295"} {
		if allocs := w.allocations(t, line); allocs > 0 {
			t.Errorf("%s: %v allocations", line, allocs)
		}
	}
}

// TestBitsAndHyperLogLogsAllocateNothing: the ordinary calls make no garbage.
func TestBitsAndHyperLogLogsAllocateNothing(t *testing.T) {
	w := newWorld()
	for _, line := range []string{"PFADD sparse a b c", "PFADD dense a b c", "PFDEBUG TODENSE dense", "SETBIT bits 100 1"} {
		if _, err := w.do(words(line)); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{
		"PFADD sparse a", "PFADD sparse x", "PFADD sparse x y", "PFADD dense a", "PFADD dense x", "PFADD new x",
		"PFCOUNT sparse", "PFCOUNT dense", "PFCOUNT sparse dense",
		"SETBIT bits 100 0", "SETBIT bits 1000 1", "SETBIT fresh 10 1", "GETBIT bits 100", "BITCOUNT bits", "BITCOUNT bits 1 50 BIT", "BITPOS bits 1",
		"BITFIELD bits GET u8 3 GET i5 100", "BITFIELD bits SET u8 3 77", "BITFIELD bits INCRBY i16 #2 5",
	} {
		if allocs := w.allocations(t, line); allocs > 0 {
			t.Errorf("%s: %v allocations", line, allocs)
		}
	}
}
