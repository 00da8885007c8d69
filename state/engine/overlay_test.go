package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// ask says a command about the past; meanwhile happens when it has been found that the live
// state may answer, and has not answered yet.
func (c *client) ask(line string, meanwhile func()) string {
	c.h.t.Helper()
	c.run(line)
	c.h.e.Commit()
	for first := true; c.s.(*Session).waiting; first = false {
		posted := <-c.h.posted
		if first && meanwhile != nil {
			meanwhile()
			c.h.e.Commit()
		}
		posted()
		c.h.e.Commit()
	}
	return flat(c.take())
}

// tally is how many questions the live state has answered, and how many were asked again.
func (h *harness) tally() string {
	o := &h.e.overlay
	if o.count != 0 {
		h.t.Errorf("%d questions are under way still", o.count)
	}
	for db, marks := range o.marks {
		if len(marks) != 0 {
			h.t.Errorf("database %d: %d keys are still noted", db, len(marks))
		}
	}
	text := fmt.Sprintf("%d live, %d again", o.served, o.again)
	o.served, o.again = 0, 0
	return text
}

// TestLiveAnswers: which questions the live state answers, and that it answers what was.
func TestLiveAnswers(t *testing.T) {
	h, _ := backHarness(t, setup{})
	c := h.connect()
	for _, line := range []string{
		"SET k 1",         // @1
		"HSET h f v g w",  // @2
		"SET due x PX 10", // @3
		"RPUSH l b a",     // @4
		"PFADD seen x y",  // @5
		"XADD s 1-1 f v",  // @6
		"SET other 1",     // @7
	} {
		if got := flat(c.do(line)); got[0] == '-' {
			t.Fatal(line, got)
		}
	}
	c.do("CONFIG SET maxmemory-policy allkeys-lru")
	large := "HSET large f v"
	for i := range 3000 {
		large += fmt.Sprintf(" field:%d %030d", i, i)
	}
	c.do(large) // @8
	for _, said := range []struct {
		line, reply string
		live        bool
	}{
		{"ASOF @1 GET k", "$1 1", true},
		{"ASOF @last GET k", "$1 1", true},
		{"ASOF @0 GET k", "$-1", false},
		{"ASOF @2 HGET h g", "$1 w", true},
		{"ASOF @2 MGET k nosuch", "*2 $1 1 $-1", true},
		{"ASOF @3 MGET k l", "*2 $1 1 $-1", false}, // the list came later
		{"ASOF @3 PTTL due", ":10", true},
		{"ASOF @4 SORT_RO l ALPHA", "*2 $1 a $1 b", true},
		{"ASOF @5 PFCOUNT seen", ":2", true},
		{"ASOF @6 XREAD BLOCK 0 STREAMS s $", "*-1", true},
		{"ASOF @4 GET l", "-WRONGTYPE Operation against a key holding the wrong kind of value", true},
		{"ASOF @4 LRANGE l 0 x", "-ERR value is not an integer or out of range", true},
		{"ASOF @1 OBJECT IDLETIME k", ":0", false},
		{"ASOF @1 OBJECT ENCODING k", "$3 int", true},
		{"ASOF @1 TOUCH k", ":1", true},
		{"ASOF @1 GET", "-ERR wrong number of arguments for 'get' command", false},
		{"ASOF @4 DBSIZE", ":4", false},
		{"ASOF @4 GET k", "$1 1", false}, // now there is a view
		{"ASOF @5 SORT_RO l BY nosuch", "*2 $1 b $1 a", false},
		{"ASOF @8 HGET large f", "$1 v", true},
		{"ASOF @8 HSTRLEN large f", ":1", true},
		{"ASOF @8 HRANDFIELD large 0", "*0", false}, // it might look at all of it
		{"ASOF @99 GET k", "-FUTURE @99 is after the last entry @8; reachable: @0 to @8 (2026-01-01T00:00:00.000000Z)", false},
	} {
		last := h.log.Last()
		if got := c.ask(said.line, nil); got != said.reply {
			t.Errorf("%s answers %s, want %s", said.line, got, said.reply)
		}
		want := map[bool]string{true: "1 live, 0 again", false: "0 live, 0 again"}[said.live]
		if got := h.tally(); got != want {
			t.Errorf("%s: %s, want %s", said.line, got, want)
		}
		if h.log.Last() != last {
			t.Errorf("%s has written an entry", said.line)
		}
	}
	h.check()
}

// TestLiveAnswersAtAMoment: a connection that stands at a moment, alone and by transactions,
// in a database of its own, in both protocols.
func TestLiveAnswersAtAMoment(t *testing.T) {
	h, _ := backHarness(t, setup{})
	c := h.connect()
	c.do("SELECT 3")
	c.do("SET k 1", "HSET h f v")
	c.do("SELECT 4")
	c.do("SET k other")
	c.do("SELECT 3")
	c.ask("ASOF @2", nil)
	for _, said := range []struct{ line, reply, tally string }{
		{"GET k", "$1 1", "1 live, 0 again"},
		{"HGETALL h", "*2 $1 f $1 v", "1 live, 0 again"},
		{"MULTI", "+OK", "0 live, 0 again"},
		{"GET k", "+QUEUED", "0 live, 0 again"},
		{"HGET h f", "+QUEUED", "0 live, 0 again"},
		{"LLEN h", "+QUEUED", "0 live, 0 again"},
		{"EXEC", "*3 $1 1 $1 v -WRONGTYPE Operation against a key holding the wrong kind of value", "1 live, 0 again"},
		{"MULTI", "+OK", "0 live, 0 again"},
		{"GET k", "+QUEUED", "0 live, 0 again"},
		{"DBSIZE", "+QUEUED", "0 live, 0 again"},
		{"EXEC", "*2 $1 1 :2", "0 live, 0 again"},
	} {
		if got := c.ask(said.line, nil); got != said.reply {
			t.Errorf("%s answers %s, want %s", said.line, got, said.reply)
		}
		if got := h.tally(); got != said.tally {
			t.Errorf("%s: %s, want %s", said.line, got, said.tally)
		}
	}
	h.check()
}

// TestLiveWrittenMeanwhile: whatever is written to a key while a question about it is under
// way, by whoever and however, the answer is what was.
func TestLiveWrittenMeanwhile(t *testing.T) {
	for _, said := range []struct {
		line  string // meanwhile
		again bool
	}{
		{"SET other 1", false},
		{"GET k", false},
		{"SET k 2", true},
		{"INCR k", true},
		{"DEL k", true},
		{"EXPIRE k 100", true},
		{"PEXPIRE k 0", true},
		{"RENAME k other", true},
		{"RENAME h k", true},
		{"COPY h k REPLACE", true},
		{"COPY k other", false}, // it is only looked at
		{"COPY k h REPLACE", true},
		{"MOVE k 5", true},
		{"FLUSHALL", true},
		{"FLUSHDB", true},
		{"SWAPDB 0 1", true},
		{"SWAPDB 7 3", true}, // of any databases
		{"XADD s * f w", true},
		{"XGROUP CREATE s g2 0", true},
		{"XREADGROUP GROUP g c STREAMS s >", true},
		{"XGROUP DESTROY s g", true},
		{"LOG RESTORE @0", true},
	} {
		h, _ := backHarness(t, setup{})
		c, w := h.connect(), h.connect()
		c.do("SET k 1", "HSET h f v", "XADD s 1-1 f v", "XGROUP CREATE s g 0")
		c.ask(fmt.Sprintf("ASOF @%d", h.log.Last()), nil)
		w.do("SET unrelated 1", "SELECT 3", "SET unrelated 1", "SELECT 0")
		c.do("MULTI")
		c.do("GET k", "HGETALL h", "XINFO GROUPS s", "XLEN s")
		got := c.ask("EXEC", func() {
			w.run(said.line)
			h.e.Commit()
			for w.s.(*Session).waiting {
				posted := <-h.posted
				posted()
				h.e.Commit()
			}
			if reply := flat(w.take()); reply == "" || reply[0] == '-' {
				t.Fatal(said.line, reply)
			}
		})
		want := "*4 $1 1 *2 $1 f $1 v *1 *12 $4 name $1 g $9 consumers :0 $7 pending :0 $17 last-delivered-id $3 0-0 $12 entries-read $-1 $3 lag :1 :1"
		if got != want {
			t.Errorf("%s meanwhile: %s", said.line, got)
		}
		tally := map[bool]string{true: "0 live, 1 again", false: "1 live, 0 again"}[said.again]
		if got := h.tally(); got != tally {
			t.Errorf("%s meanwhile: %s, want %s", said.line, got, tally)
		}
		h.check()
	}
}

// TestLiveExpiry: at a moment at which a key was alive it is, as long as nothing has removed
// it, and after that too.
func TestLiveExpiry(t *testing.T) {
	h, _ := backHarness(t, setup{})
	c := h.connect()
	c.do("DEBUG SET-ACTIVE-EXPIRE 0")
	c.do("SET k v PX 1000") // @1
	h.advance(999 * time.Millisecond)
	c.do("SET other 1") // @2
	h.advance(time.Millisecond)
	c.do("SET other 2") // @3: it is due
	h.advance(time.Second)
	for point, reply := range map[string]string{"@1": ":1000", "@2": ":1", "@3": ":-2", "@2026-01-01T00:00:00.999Z": ":1", "@2026-01-01T00:00:01Z": ":-2", "-1001ms": ":1", "-1s": ":-2"} {
		if got := c.ask("ASOF "+point+" PTTL k", nil); got != reply {
			t.Errorf("%s, while it is there: %s, want %s", point, got, reply)
		}
		if got := h.tally(); got != "1 live, 0 again" {
			t.Errorf("%s, while it is there: %s", point, got)
		}
	}
	if got := c.ask("ASOF @2 PTTL k", func() { h.connect().want("$-1", "GET k") }); got != ":1" || h.log.Last() != 4 {
		t.Errorf("removed meanwhile, by @%d: %s", h.log.Last(), got)
	}
	if got := h.tally(); got != "0 live, 1 again" {
		t.Errorf("removed meanwhile: %s", got)
	}
	for point, reply := range map[string]string{"@2": ":1", "@3": ":-2", "@4": ":-2"} {
		if got := c.ask("ASOF "+point+" PTTL k", nil); got != reply {
			t.Errorf("%s, once it is removed: %s, want %s", point, got, reply)
		}
		want := map[bool]string{true: "1 live, 0 again", false: "0 live, 0 again"}[point == "@4"]
		if got := h.tally(); got != want {
			t.Errorf("%s, once it is removed: %s, want %s", point, got, want)
		}
	}
	// By the Tick, too.
	c.do("SET k v PX 5")
	h.advance(10 * time.Millisecond)
	c.do("DEBUG SET-ACTIVE-EXPIRE 1")
	if got := c.ask("ASOF @5 PTTL k", func() { h.e.Tick() }); got != ":5" || h.tally() != "0 live, 1 again" {
		t.Errorf("removed by the Tick: %s", got)
	}
	h.check()
}

// TestLiveLeavesNoTrace: who looks at a moment touches no key, and counts no hits.
func TestLiveLeavesNoTrace(t *testing.T) {
	for _, policy := range []string{"allkeys-lru", "allkeys-lfu"} {
		h, _ := backHarness(t, setup{})
		c := h.connect()
		c.do("CONFIG SET maxmemory-policy "+policy, "SET k v", "PFADD seen x")
		ask := map[string]string{"allkeys-lru": "OBJECT IDLETIME k", "allkeys-lfu": "OBJECT FREQ k"}[policy]
		h.advance(100 * time.Second)
		before := c.do(ask)
		hits, misses := h.e.counters.hits, h.e.counters.misses
		for range 50 {
			if got := c.ask("ASOF @1 GET k", nil); got != "$1 v" {
				t.Fatal(got)
			}
			c.ask("ASOF @1 GET nosuch", nil)
			c.ask("ASOF @last PFCOUNT seen", nil)
		}
		if got := h.tally(); got != "150 live, 0 again" {
			t.Errorf("%s: %s", policy, got)
		}
		if now := h.e.counters; now.hits != hits || now.misses != misses || h.log.Last() != 2 {
			t.Errorf("%d hits and %d misses more, and @%d is the last entry", now.hits-hits, now.misses-misses, h.log.Last())
		}
		if after := c.do(ask); after != before {
			t.Errorf("%s says %q, and said %q before anybody looked at the past", ask, after, before)
		}
		c.do("GET k") // the clock of accesses goes on
		if after := c.do(ask); after == before {
			t.Errorf("%s says %q after a GET in the present too", ask, after)
		}
	}
}

// TestLiveAfterFailure: memory that is ahead of the log answers nothing, nor is there an answer
// from none; once it is read again it answers.
func TestLiveAfterFailure(t *testing.T) {
	for _, said := range []struct {
		line   string
		posted int // what has happened since: the state is read again
		tally  string
	}{
		{"SET other 2", 0, "0 live, 1 again"},
		{"SET other 2", 1, "1 live, 0 again"},
		{"SET k 2", 0, "0 live, 1 again"},
		{"SET k 2", 1, "0 live, 1 again"},
	} {
		d := &brokenDisk{}
		h, _ := backHarness(t, setup{faults: d.faults()})
		c, w := h.connect(), h.connect()
		c.want("+OK", "SET k 1")
		got := c.ask("ASOF @1 GET k", func() {
			d.full.Store(true)
			w.want(misconf, said.line)
			for range said.posted {
				h.post()
			}
		})
		if tally := h.tally(); got != "$1 1" || tally != said.tally {
			t.Errorf("%s: %s, %s, want %s", said.line, got, tally, said.tally)
		}
		h.healed(d, w)
		h.check()
	}
}

// TestLiveIsMeasured: what the loop has read is in the slow log.
func TestLiveIsMeasured(t *testing.T) {
	h, _ := backHarness(t, setup{})
	c := h.connect()
	c.do("SET k 1", "CONFIG SET slowlog-log-slower-than 0", "SLOWLOG RESET")
	c.ask("ASOF @1 GET k", nil)
	if got := flat(c.do("SLOWLOG GET")); !strings.Contains(got, "*4 $4 ASOF $2 @1 $3 GET $1 k") {
		t.Error(got)
	}
}
