package command_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
)

// sample is a value that is made by commands, and dumped.
type sample struct {
	name  string
	calls [][][]byte // on the key k
	// differs is why DUMP of redis-server 7.0 has other bytes; "" where it has the same.
	differs string
}

// add adds a command to those that make the value.
func (s *sample) add(words ...string) { s.calls = append(s.calls, argv(words)) }

// addMany adds commands of some arguments each, which are drawn one after the other.
func (s *sample) addMany(n, each int, name string, arg func(i int) []string) {
	for i := 0; i < n; {
		words := []string{name, "k"}
		for ; i < n && len(words) < 2+each; i++ {
			words = append(words, arg(i)...)
		}
		s.add(words...)
	}
}

const (
	byTable = "the order is that of a hash table"
	newSets = "7.2 has listpacks for small sets"
	shorter = "7.2 writes scores with as few digits as they take"
	pieces  = "where 7.0 has made two nodes, 7.2 has one listpack"
	deleted = "Redis keeps deleted entries in their nodes"
	clocks  = "the clock"
)

// samples is values of all types and sizes.
func samples() []sample {
	return slices.Concat(stringSamples(), listSamples(), setSamples(), zsetSamples(), hashSamples(), streamSamples())
}

// scramble is n bytes that nothing compresses.
func scramble(seed uint64, n int) string {
	rnd := rand.New(rand.NewPCG(seed, 1))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rnd.Uint32())
	}
	return string(p)
}

// prose is n bytes that LZF compresses in all of its ways.
func prose(seed uint64, n int) string {
	rnd := rand.New(rand.NewPCG(seed, 2))
	var p []byte
	for len(p) < n {
		switch k := rnd.IntN(8); {
		case k == 0:
			p = append(p, scramble(rnd.Uint64(), rnd.IntN(50))...)
		case k == 1:
			p = append(p, strings.Repeat(string(rune('a'+rnd.IntN(3))), rnd.IntN(600))...)
		case len(p) > 0:
			from := rnd.IntN(len(p))
			p = append(p, p[from:min(len(p), from+rnd.IntN(300))]...)
		}
		p = append(p, byte('a'+rnd.IntN(20)))
	}
	return string(p[:n])
}

func stringSamples() (all []sample) {
	set := func(name, value string) {
		s := sample{name: "string " + name}
		s.add("SET", "k", value)
		all = append(all, s)
	}
	for _, n := range []string{"0", "1", "-1", "127", "128", "-128", "-129", "255", "32767", "32768", "-32768", "-32769", "65536", "2147483647",
		"2147483648", "-2147483648", "-2147483649", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "12345678901", "01", "-0", "+1", " 1", "1.5"} {
		set(n, n)
	}
	for _, n := range []int{0, 1, 19, 20, 21, 24, 25, 26, 44, 45, 63, 64, 100, 263, 264, 265, 266, 267, 600, 1000, 16383, 16384, 70000} {
		set(fmt.Sprint("a×", n), strings.Repeat("a", n))
		set(fmt.Sprint("bytes ", n), scramble(uint64(n), n))
		set(fmt.Sprint("prose ", n), prose(uint64(n), n))
	}
	set("1 MiB", prose(1, 1<<20))
	hll := sample{name: "hyperloglog"}
	hll.addMany(50, 100, "PFADD", func(i int) []string { return []string{fmt.Sprint(i)} })
	dense := sample{name: "hyperloglog dense"}
	dense.addMany(5000, 100, "PFADD", func(i int) []string { return []string{fmt.Sprint(i)} })
	raw := sample{name: "appended"}
	raw.add("SET", "k", "12")
	raw.add("APPEND", "k", "34")
	return append(all, hll, dense, raw)
}

// edge is elements that listpacks write in different ways.
func edge() []string {
	all := []string{"", "x", strings.Repeat("s", 63), strings.Repeat("t", 64), "007", "-0", "1e3"}
	for bit := range 64 {
		for _, v := range []int64{1<<bit - 1, 1 << bit, -1 << bit, -1<<bit - 1} {
			if text := strconv.FormatInt(v, 10); !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all
}

// long is elements that no small hash or sorted set has.
func long() []string {
	var all []string
	for _, n := range []int{125, 126, 127, 128, 4095, 4096, 8184, 8185, 8200, 16378, 16380, 16383, 20000, 2097200} {
		all = append(all, scramble(uint64(n), n))
	}
	return all
}

func listSamples() (all []sample) {
	list := func(name string, elements []string, differs string) {
		s := sample{name: "list " + name, differs: differs}
		s.addMany(len(elements), 100, "RPUSH", func(i int) []string { return elements[i : i+1] })
		all = append(all, s)
	}
	list("of one", []string{"a"}, "")
	list("of edges", edge(), "")
	list("of long ones", long(), "")
	var numbers, words, filled []string
	for i := range 5000 {
		numbers = append(numbers, fmt.Sprint(i*i-3000))
		words = append(words, prose(uint64(i), i%90))
	}
	for range 117 {
		filled = append(filled, strings.Repeat("z", 66))
	}
	list("of numbers", numbers, "")
	list("of words", words, "")
	list("that just is small", append(filled[:len(filled):len(filled)], strings.Repeat("z", 106)), pieces)
	list("that just is large", append(filled[:len(filled):len(filled)], strings.Repeat("z", 400)), "")
	return all
}

func setSamples() (all []sample) {
	set := func(name string, members []string, differs string) {
		s := sample{name: "set " + name, differs: differs}
		s.addMany(len(members), 100, "SADD", func(i int) []string { return members[i : i+1] })
		all = append(all, s)
	}
	set("of one", []string{"a"}, "")
	set("of i16", []string{"3", "-1", "32767", "-32768"}, "")
	set("of i32", []string{"3", "-1", "32768"}, "")
	set("of i64", []string{"3", "-1", "-2147483649", "9223372036854775807"}, "")
	var numbers []string
	for i := range 512 {
		numbers = append(numbers, fmt.Sprint(i*i-3000))
	}
	set("of 512 integers", numbers, "")
	set("of 513 integers", append(numbers, "x"[:0]+"77777777"), byTable)
	set("of edges", edge(), byTable)
	set("of few", edge()[:20], newSets)
	set("of long ones", long(), byTable)
	return all
}

func zsetSamples() (all []sample) {
	zset := func(name string, members []string, score func(i int) string, differs string) {
		s := sample{name: "sorted set " + name, differs: differs}
		s.addMany(len(members), 200, "ZADD", func(i int) []string { return []string{score(i), members[i]} })
		all = append(all, s)
	}
	places := func(i int) string { return fmt.Sprint(i - 5) }
	fractions := func(i int) string { return fmt.Sprint(float64(i-5) / 3) }
	edges := []string{"0", "1", "-1", "127", "128", "4096", "-4097", "1e15", "4611686018427387904", "inf", "-inf"}
	zset("of one", []string{"a"}, places, "")
	zset("of few", edge()[:100], places, "")
	zset("with the edges of scores", edge()[:len(edges)], func(i int) string { return edges[i] }, "")
	zset("with halves", edge()[:20], func(i int) string { return fmt.Sprint(float64(i) / 2) }, "")
	zset("with thirds", edge()[:20], fractions, shorter)
	zset("with the same scores", edge()[:30], func(int) string { return "1" }, "")
	zset("of many", edge(), fractions, "")
	zset("of long ones", long(), fractions, "")
	return all
}

func hashSamples() (all []sample) {
	hash := func(name string, fields []string, value func(i int) string, differs string) {
		s := sample{name: "hash " + name, differs: differs}
		s.addMany(len(fields), 200, "HSET", func(i int) []string { return []string{fields[i], value(i)} })
		all = append(all, s)
	}
	same := func(i int) string { return edge()[i%100] }
	hash("of one", []string{"f"}, same, "")
	hash("of edges", edge(), same, "")
	hash("with words", edge(), func(i int) string { return prose(uint64(i), i%60) }, "")
	hash("with a long value", []string{"f"}, func(int) string { return prose(3, 1000) }, "")
	hash("of long ones", long(), same, byTable)
	return all
}

func streamSamples() (all []sample) {
	entries := func(n int) sample {
		s := sample{name: fmt.Sprint("stream of ", n)}
		for i := range n {
			words := []string{"XADD", "k", fmt.Sprintf("%d-%d", 1700000000000+i/3*7, i%3), "name", fmt.Sprint(i), "text", prose(uint64(i), i%40)}
			if i%7 == 3 {
				words = append(words, edge()[i%200], edge()[(i+100)%200])
			}
			s.add(words...)
		}
		return s
	}
	small, large := entries(3), entries(1000)
	large.add("XTRIM", "k", "MAXLEN", "~", "800")
	large.name += " trimmed"
	empty := sample{name: "stream of none"}
	empty.add("XGROUP", "CREATE", "k", "g", "$", "MKSTREAM")
	wide := sample{name: "stream with long values"}
	for i, x := range long() {
		wide.add("XADD", "k", fmt.Sprint(i+1), "f", x)
	}
	gaps := entries(250)
	gaps.name, gaps.differs = "stream with gaps", deleted
	for i := 0; i < 250; i += 3 {
		gaps.add("XDEL", "k", fmt.Sprintf("%d-%d", 1700000000000+i/3*7, i%3))
	}
	gaps.add("XDEL", "k", "1700000000000-1")
	groups := entries(120)
	groups.name, groups.differs = "stream with groups", clocks
	groups.add("XGROUP", "CREATE", "k", "12", "0", "ENTRIESREAD", "7")
	groups.add("XGROUP", "CREATE", "k", "group", "0")
	groups.add("XGROUP", "CREATE", "k", "unknown", "1700000000000-2")
	groups.add("XGROUP", "CREATE", "k", "ahead", "1900000000000-2")
	groups.add("XREADGROUP", "GROUP", "group", "zoe", "COUNT", "30", "STREAMS", "k", ">")
	groups.add("XREADGROUP", "GROUP", "group", "3", "COUNT", "30", "STREAMS", "k", ">")
	groups.add("XACK", "k", "group", "1700000000000-2", "1700000000007-0")
	groups.add("XCLAIM", "k", "group", "adam", "0", "1700000000000-0", "1700000000014-1", "TIME", "1699999999999", "RETRYCOUNT", "70000")
	groups.add("XDEL", "k", "1700000000014-1")
	groups.add("XGROUP", "CREATECONSUMER", "k", "group", "idle")
	return append(all, small, large, empty, wide, gaps, groups)
}

// make carries out a sample's commands in a world.
func (w *world) make(t *testing.T, s sample) {
	t.Helper()
	for _, args := range s.calls {
		if reply := w.must(t, args...); reply.IsError() {
			t.Fatalf("%s: %.60q: %s", s.name, args, reply)
		}
	}
}

// must carries out a command and holds it to the rules.
func (w *world) must(t *testing.T, args ...[]byte) resp.Value {
	t.Helper()
	o, err := w.do(args)
	if err != nil {
		t.Fatalf("%.60q: %v", args, err)
	}
	return o.reply
}

// dump is DUMP of k.
func (w *world) dump(t *testing.T) []byte {
	t.Helper()
	return []byte(w.must(t, argv([]string{"DUMP", "k"})...).Text())
}

// restore is RESTORE of k into a new world.
func restored(t *testing.T, now int64, payload []byte) *world {
	t.Helper()
	w := newWorld()
	w.now = now
	if v := w.must(t, []byte("RESTORE"), []byte("k"), []byte("0"), payload); v.Text() != "OK" {
		t.Fatalf("RESTORE: %s", v)
	}
	return w
}

// TestDumpsMoveBothWays: of values of all types and sizes, what we dump is restored by
// redis-server, and what that dumps by us, with equal digests; and the bytes are the
// same, but for samples that say why not.
func TestDumpsMoveBothWays(t *testing.T) {
	redis := startRedis(t)
	redis.must(t, "CONFIG SET sanitize-dump-payload yes")
	same := 0
	for _, s := range samples() {
		w := newWorld()
		w.make(t, s)
		redis.fresh(t)
		redis.doAll(t, s.calls)
		redis.compareContent(t, w, s.name+", made by commands")
		ours, theirs := w.dump(t), []byte(redis.do(t, argv([]string{"DUMP", "k"})...).Text())
		if equal := bytes.Equal(ours, theirs); equal != (s.differs == "") {
			t.Errorf("%s: the bytes of both are equal: %v, said: %q\nours:  %d %.200q\nredis: %d %.200q", s.name, equal, s.differs, len(ours), ours, len(theirs), theirs)
		} else if equal {
			same++
		}
		if v := redis.do(t, []byte("RESTORE"), []byte("k"), []byte("0"), ours, []byte("REPLACE")); v.Text() != "OK" {
			t.Errorf("%s: redis-server does not take our dump: %s\n%.300q", s.name, v, ours)
			continue
		}
		redis.compareContent(t, w, s.name+", restored by redis-server")
		redis.compareStream(t, w, s.name+", restored by redis-server")
		back := restored(t, w.now, theirs)
		redis.do(t, []byte("RESTORE"), []byte("k"), []byte("0"), theirs, []byte("REPLACE"))
		redis.compareContent(t, back, s.name+", restored from redis-server")
		redis.compareStream(t, back, s.name+", restored from redis-server")
		if own := restored(t, w.now, ours); own.st.Digest() != w.st.Digest() && s.differs != clocks {
			t.Errorf("%s: our own dump gives another value", s.name)
		}
	}
	t.Logf("%d values, %d of them with the same bytes as in redis-server", len(samples()), same)
}

// compareStream compares what DEBUG DIGEST does not see of the stream k.
func (r *redis) compareStream(t *testing.T, w *world, where string) {
	t.Helper()
	if w.st.View(0, w.now).Type([]byte("k")) != state.Stream {
		return
	}
	for _, question := range []string{"XLEN k", "XRANGE k - +", "XPENDING k group"} {
		ours, theirs := w.must(t, words(question)...), r.do(t, words(question)...)
		if fmt.Sprint(ours) != fmt.Sprint(theirs) {
			t.Errorf("%s: %s\nours:  %.300s\nredis: %.300s", where, question, ours, theirs)
		}
	}
	ours, theirs := w.must(t, words("XINFO STREAM k FULL COUNT 500")...), r.do(t, words("XINFO STREAM k FULL COUNT 500")...)
	if a, b := streamFacts(ours), streamFacts(theirs); !slices.Equal(a, b) {
		t.Errorf("%s: XINFO STREAM\nours:  %q\nredis: %q", where, a, b)
	}
}

// streamFacts is what XINFO STREAM says of a stream, but for how it lies in memory, the
// entries, and when its consumers were given some, which 7.0 does not know.
func streamFacts(v resp.Value) (facts []string) {
	for i := 0; i+1 < len(v.Items); i += 2 {
		switch name, value := v.Items[i].Text(), v.Items[i+1]; name {
		case "radix-tree-keys", "radix-tree-nodes", "entries", "active-time":
		case "groups", "consumers":
			for _, g := range value.Items {
				facts = append(facts, streamFacts(g)...)
			}
		default:
			facts = append(facts, fmt.Sprint(name, value))
		}
	}
	return facts
}
