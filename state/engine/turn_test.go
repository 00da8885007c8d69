package engine

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"pgregory.net/rapid"
)

// TestOneEntryPerUnit: what changes something is one entry with its cause, what
// changes nothing is none.
func TestOneEntryPerUnit(t *testing.T) {
	table := []struct{ command, entry string }{
		{"SET k v", "db 0 conn 1 SET | String k"},
		{"set k v", "db 0 conn 1 SET | String k"},
		{"INCRBY n 5", "db 0 conn 1 INCRBY n 5 | String n"},
		{"DEL k", "db 0 conn 1 DEL | Delete k user"},
		{"DEL k", ""},
		{"GET k", ""},
		{"PERSIST n", ""},
		{"SET n", ""},
		{"HGET n f", ""},
		{"APPEND n", ""},
		{"SELECT 9", ""},
		{"SET k v", "db 9 conn 1 SET | String k"},
		{"INCR k", ""},
	}
	h := newHarness(t, setup{})
	c := h.connect()
	for _, x := range table {
		before := h.log.Last()
		c.do(x.command)
		got := ""
		if h.log.Last() > before {
			got = h.entry(h.log.Last())
		}
		if got != x.entry || h.log.Last() > before+1 {
			t.Errorf("%s: the log says %q, not %q", x.command, got, x.entry)
		}
	}
	h.check()
}

// TestNothingIsInTheLogBeforeCommit: a turn is one write, at its end, and other
// connections of the turn see what it has done.
func TestNothingIsInTheLogBeforeCommit(t *testing.T) {
	writes := 0
	h := newHarness(t, setup{faults: &log.Faults{Write: func([]byte) (int, error) { writes++; return 0, nil }}})
	a, b := h.connect(), h.connect()
	a.run("SET k 1", "INCR k")
	b.run("GET k", "INCR k")
	a.run("GET k")
	if h.log.Last() != 0 || writes != 0 {
		t.Fatalf("before Commit: %d entries, %d writes", h.log.Last(), writes)
	}
	h.e.Commit()
	if h.log.Last() != 3 || writes != 1 {
		t.Fatalf("after Commit: %d entries, %d writes", h.log.Last(), writes)
	}
	if got := flat(a.take()) + " / " + flat(b.take()); got != "+OK :2 $1 3 / $1 2 :3" {
		t.Fatalf("answered %s", got)
	}
	h.e.Commit()
	if writes != 1 {
		t.Fatal("an empty turn was written")
	}
}

// TestOriginOncePerSegment: who a connection is stands in its first entry of
// each segment, and again after it has changed.
func TestOriginOncePerSegment(t *testing.T) {
	h := newHarness(t, setup{size: 4096})
	a, b := h.connect(), h.connect()
	value := strings.Repeat("x", 200)
	for range 60 {
		a.do("SET k " + value)
		b.do("SET k " + value)
	}
	a.do("CLIENT SETNAME alice")
	a.do("SET k v")
	seen := map[string]int{}
	segments := map[uint64]bool{}
	err := eachEntry(h.log, func(en log.Entry) error {
		segments[en.Segment] = true
		if who := originOf(t, en.Body); who != "" {
			seen[fmt.Sprintf("%d %s", en.Segment, who)]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(segments) < 4 {
		t.Fatalf("only %d segments", len(segments))
	}
	for first := range segments {
		for _, who := range []string{"127.0.0.1:40001 default ", "127.0.0.1:40002 default "} {
			if n := seen[fmt.Sprintf("%d %s", first, who)]; n != 1 {
				t.Errorf("segment %d tells %d times of %q", first, n, who)
			}
		}
	}
	named := 0
	for who, n := range seen {
		if strings.HasSuffix(who, " alice") {
			named += n
		}
	}
	if named != 1 {
		t.Errorf("the new name stands in %d entries", named)
	}
}

// TestLongOutputEndsTheRun: a Run stops once its replies have grown past the
// bound, and goes on where it stopped.
func TestLongOutputEndsTheRun(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	c.do("SET k " + strings.Repeat("x", 100_000))
	cmds := make([][][]byte, 100)
	for i := range cmds {
		cmds[i] = words("GET k")
	}
	turns, left := 0, cmds
	for len(left) > 0 {
		n := c.s.Run(left, &c.out)
		h.e.Commit()
		if size := len(c.take()); size > maxOutput+100_100 {
			t.Fatalf("%d bytes of replies in one Run", size)
		}
		left = left[n:]
		turns++
	}
	if turns != 10 {
		t.Errorf("100 replies of 100 kB took %d turns", turns)
	}
}

// TestLongTurnEndsTheRun: once a turn has lasted for too long, each Run executes
// one command and leaves the rest for the next turn.
func TestLongTurnEndsTheRun(t *testing.T) {
	const each = 1_250 // µs that a command takes
	h := newHarness(t, setup{})
	h.e.clock.given = func() int64 { h.clock += each; return h.clock }
	first, second := h.connect(), h.connect()
	cmds := [][][]byte{words("PING"), words("PING"), words("PING"), words("PING"), words("PING"), words("PING"), words("PING"), words("PING")}
	if n := first.s.Run(cmds, &first.out); n != maxTurn/each+1 {
		t.Errorf("%d commands of %d µs were executed in one turn", n, each)
	}
	if n := second.s.Run(cmds, &second.out); n != 1 {
		t.Errorf("%d commands were executed late in a turn", n)
	}
	h.e.Commit()
	if n := second.s.Run(cmds[1:], &second.out); n != maxTurn/each+1 {
		t.Errorf("%d commands were executed in the next turn", n)
	}
	h.e.Commit()
}

func TestModeLoading(t *testing.T) {
	e := New(Options{})
	c := &client{h: &harness{t: t, e: e}}
	s, err := e.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	c.s = s
	loading := "-" + loadingText
	c.want(loading, "GET k")
	c.want(loading, "SET k v")
	c.want("+OK "+loading+" -EXECABORT Transaction discarded because of previous errors.", "MULTI", "SET k v", "EXEC")
	if d := e.Tick(); d != maxTick {
		t.Errorf("Tick wants to come again in %v", d)
	}
}

// TestHitsAndMisses compares the counters with what the commands mean.
func TestHitsAndMisses(t *testing.T) {
	table := []struct {
		command      string
		hits, misses int64
	}{
		{"GET k", 1, 0},
		{"GET none", 0, 1},
		{"GET h", 1, 0}, // of the wrong type, but there
		{"HGET h f", 1, 0},
		{"HGET h none", 1, 0},
		{"HGET none f", 0, 1},
		{"HLEN none", 0, 1},
		{"STRLEN empty", 1, 0},
		{"MGET k none empty", 2, 1},
		{"EXISTS k none", 1, 1},
		{"TTL k", 1, 0},
		{"TTL none", 0, 1},
		{"TYPE none", 0, 1},
		{"HGETALL none", 0, 1},
		{"KEYS *", 0, 0},
		{"SET k v", 0, 0},
	}
	h := newHarness(t, setup{})
	c := h.connect()
	c.do("SET k v", "HSET h f v", "APPEND empty ''")
	c.do("MSET empty ''")
	for _, x := range table {
		h.e.resetStats()
		c.do(x.command)
		if got := h.e.counters; got.hits != x.hits || got.misses != x.misses {
			t.Errorf("%s: %d hits and %d misses, not %d and %d", x.command, got.hits, got.misses, x.hits, x.misses)
		}
	}
}

func TestCommandStats(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	c.do("SET k v", "SET k", "INCR k", "GET k", "MULTI", "GET k", "EXEC")
	of := func(name string) commandStats { return h.e.rows[h.e.table.Named([]byte(name)).Ord].stats }
	if got := of("set"); got.Calls != 1 || got.Rejected != 1 || got.Failed != 0 {
		t.Errorf("set: %+v", got)
	}
	if got := of("incr"); got.Calls != 1 || got.Failed != 1 {
		t.Errorf("incr: %+v", got)
	}
	if got := of("get"); got.Calls != 2 {
		t.Errorf("get: %+v", got)
	}
	if h.e.counters.errors["ERR"] != 2 || h.e.counters.errorReplies != 2 {
		t.Errorf("errors: %v", h.e.counters.errors)
	}
}

// TestLiveIsReplayed is promise 10 at the engine: after any random turns the
// log replayed gives the live state, and every turn's end is one of the log's
// states on the way.
func TestLiveIsReplayed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		h := newHarness(t, setup{size: int64(rapid.SampledFrom([]int{300, 4096, 1 << 20}).Draw(rt, "segment"))})
		clients := []*client{h.connect(), h.connect(), h.connect()}
		at := map[uint64]uint64{} // digest by offset
		for range rapid.IntRange(1, 80).Draw(rt, "turns") {
			randomTurns(h, r, clients, 1)
			at[h.log.Last()] = h.e.state.Digest()
		}
		st := state.New(0)
		err := eachEntry(h.log, func(en log.Entry) error {
			if err := st.ApplyEntry(en.Body); err != nil {
				return err
			}
			if want, ok := at[en.Offset]; ok && st.Digest() != want {
				return fmt.Errorf("at %d the live state was %016x, the replayed is %016x", en.Offset, want, st.Digest())
			}
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
		h.check()
	})
}

// TestHugeBuffersAreGivenBack: one large value does not stay with the engine.
func TestHugeBuffersAreGivenBack(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	c.do("SET k " + strings.Repeat("x", 8<<20))
	c.do("PING")
	if n := cap(h.e.events.Bytes()) + cap(h.e.unit.body.Bytes()); n > 2*keepBuffer {
		t.Errorf("%d bytes are kept", n)
	}
}

// TestLargeRepliesAreLent: what a reply was given stays what it was when the
// command was executed, though later commands of the turn change it; and
// neither the reply nor its recording is longer or shorter for it.
func TestLargeRepliesAreLent(t *testing.T) {
	tape := &tape{}
	h := newHarness(t, setup{change: tape.options})
	c := h.connect()
	long := strings.Repeat("x", state.LendFrom)
	c.want("+OK +OK", "RECORD START large", "SET k "+long)
	bulk := func(v string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(v), v) }
	steps := [][2]string{
		{"GET k", bulk(long)},
		{"SETRANGE k 3 yy", fmt.Sprintf(":%d\r\n", len(long))},
		{"GET k", bulk("xxxyy" + long[5:])},
		{"APPEND k tail", fmt.Sprintf(":%d\r\n", len(long)+4)},
		{"GETRANGE k 4 -1", bulk("y" + long[5:] + "tail")},
		{"MGET k nothing k", "*3\r\n" + bulk("xxxyy"+long[5:]+"tail") + "$-1\r\n" + bulk("xxxyy"+long[5:]+"tail")},
		{"HSET h f " + long, ":1\r\n"},
		{"HGETALL h", "*2\r\n" + bulk("f") + bulk(long)},
		{"HSET h f z" + long[1:], ":0\r\n"},
		{"HMGET h f", "*1\r\n" + bulk("z"+long[1:])},
		{"GETSET k " + long, bulk("xxxyy" + long[5:] + "tail")},
		{"SET k " + long[1:], "+OK\r\n"},
		{"GETDEL k", bulk(long[1:])},
	}
	var commands []string
	want := ""
	for _, s := range steps {
		commands, want = append(commands, s[0]), want+s[1]
	}
	if got := c.do(commands...); got != want {
		t.Fatalf("%d bytes of replies, want %d", len(got), len(want))
	}
	c.do("RECORD STOP")
	for i, s := range tape.steps[len(tape.steps)-len(steps):] {
		if string(s.Reply) != steps[i][1] {
			t.Errorf("%.20s was recorded with a reply of %d bytes, it had %d", steps[i][0], len(s.Reply), len(steps[i][1]))
		}
	}
	h.check()
}

// hotPath are the commands that most of the work is made of. # is a number of 12
// digits, so that those of one turn name different keys, or fields.
var hotPath = []struct{ name, line string }{
	{"GET", "GET key:#"},
	{"SET", "SET key:# 0123456789abcdef0123456789abcdef"},
	{"INCR", "INCR counter:#"},
	{"HSET", "HSET hash:# field 0123456789"},
	{"HGET", "HGET hash:# field"},
	{"HSET-large", "HSET large field:# 0123456789"},
	{"HGET-large", "HGET large field:#"},
	{"SADD", "SADD set member:#"},
	{"ZADD", "ZADD zset 12 member:#"},
}

func numbered(line string, i int) string {
	return strings.ReplaceAll(line, "#", fmt.Sprintf("%012d", i))
}

// steady is an engine in the middle of its work, for what is measured: turn does
// line in a turn of batch commands, for keys and fields that are there.
func steady(tb testing.TB, line string, batch int) (h *harness, turn func()) {
	h = newHarness(tb, setup{change: func(o *Options) {
		o.Clock = nil // the real one: reading it is part of the path
	}})
	c := h.connect()
	for i := range 200 { // fields enough for a large hash
		for _, x := range hotPath {
			c.do(numbered(x.line, i))
		}
	}
	cmds := make([][][]byte, batch)
	for i := range cmds {
		cmds[i] = words(numbered(line, i))
	}
	turn = func() {
		for rest := cmds; len(rest) > 0; { // several turns where one has lasted too long
			rest = rest[c.s.Run(rest, &c.out):]
			h.e.Commit()
		}
		if c.out.Bytes()[0] == '-' {
			tb.Fatalf("%s: the reply begins %.60q", line, c.out.Bytes())
		}
		c.out.Reset(1 << 20)
	}
	turn()
	return h, turn
}

// TestHotPathAllocations: in the middle of its work a turn allocates nothing, from
// the parsed command to the committed entry. A thousand turns are counted together,
// number and bytes, so that a buffer that grows now and then would show. What they
// may have is for the look that the log's syncer takes at its directory each second.
func TestHotPathAllocations(t *testing.T) {
	many := 1000
	if testing.Short() {
		many = 100
	}
	for _, x := range hotPath {
		t.Run(x.name, func(t *testing.T) {
			h, turn := steady(t, x.line, 64)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begun := time.Now()
			n := testing.AllocsPerRun(1, func() {
				for range many {
					turn()
				}
			})
			looks := float64(1 + time.Since(begun)/time.Second)
			runtime.ReadMemStats(&after)
			if bytes := after.TotalAlloc - before.TotalAlloc; n > 32*looks || float64(bytes) > 32<<10*looks {
				t.Errorf("%v allocations in %d turns, %d bytes in twice as many", n, many, bytes)
			}
			h.check()
		})
	}
}

// BenchmarkTurn is all that a command costs but for its socket and its parsing: the
// turn, the entry and its write. Its keys are few, so memory is near.
func BenchmarkTurn(b *testing.B) {
	for _, x := range hotPath {
		for _, batch := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/%d", x.name, batch), func(b *testing.B) {
				_, turn := steady(b, x.line, batch)
				b.ReportAllocs()
				b.ResetTimer()
				for i := 0; i < b.N; i += batch {
					turn()
				}
			})
		}
	}
}
