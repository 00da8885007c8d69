package engine

import (
	"strconv"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/resp"
)

// TestSlowlog: what is kept of commands is what redis-server keeps: words that are too many
// or too long are cut, passwords are not shown, a transaction's commands stand for
// themselves, and whoever is not executed is not there.
func TestSlowlog(t *testing.T) {
	redis := startRedis(t)
	many := "MSET"
	for i := range 30 {
		many += " k" + strconv.Itoa(i) + " v"
	}
	script := []string{
		"CONFIG SET slowlog-log-slower-than 0", "SLOWLOG RESET", "SET k v", "GET", "NOSUCH x", "LPUSH k wrong-type", "CLIENT SETNAME bob",
		many, "MSET " + strings.Repeat("a ", 30), "SET k " + strings.Repeat("x", 128), "SET k " + strings.Repeat("x", 129), "DEL k", `SET k "\x00\xff"`,
		"AUTH secret", "AUTH default secret", "HELLO 3 AUTH default secret SETNAME ann", "HELLO 2 SETNAME AUTH", "HELLO 2 SETNAME AUTH AUTH default secret SETNAME ann", "CONFIG SET maxclients 100 requirepass secret",
		"CONFIG SET requirepass \"\"", "MULTI", "GET k", "SET k w", "EXEC", "WATCH k", "RPUSH l 1", "BLPOP l 0", "CONFIG SET slowlog-log-slower-than -1", "PING",
	}
	kept := func(s speaker) (all []string) {
		for _, line := range script {
			s.send(words(line))
			s.reply()
		}
		s.send(words("SLOWLOG GET -1"))
		ids := map[int64]bool{}
		for _, x := range valueOf(t, s.reply()).Items {
			if len(x.Items) != 6 || x.Items[0].Kind != ':' || ids[x.Items[0].Int] || x.Items[1].Int < 1.7e9 || x.Items[2].Int < 0 || !strings.Contains(x.Items[4].Text(), ":") {
				t.Errorf("no entry: %s", x)
				continue
			}
			ids[x.Items[0].Int] = true
			all = append(all, joinTexts(x.Items[3].Items)+" by "+x.Items[5].Text())
		}
		return all
	}
	ours := kept(newOurs(t)())
	if len(ours) < 20 {
		t.Errorf("only %d are kept: %q", len(ours), ours)
	}
	for _, line := range ours {
		if strings.Contains(line, "secret") {
			t.Errorf("a password is shown: %s", line)
		}
	}
	if redis == "" {
		return
	}
	theirs := kept(newTheirs(t, redis)())
	for i := range max(len(ours), len(theirs)) {
		if i >= len(ours) || i >= len(theirs) || ours[i] != theirs[i] {
			t.Fatalf("entry %d from the end\nours:  %q\nredis: %q", i, ours[min(i, len(ours)-1):], theirs[min(i, len(theirs)-1):])
		}
	}
}

func joinTexts(items []resp.Value) string {
	var all []string
	for _, i := range items {
		all = append(all, i.Text())
	}
	return strings.Join(all, " ")
}

// TestSlowlogThreshold: commands are kept by the time that they took, and who waits is slow
// only if it takes long to serve.
func TestSlowlogThreshold(t *testing.T) {
	h := newHarness(t, setup{change: func(o *Options) {
		clock, now := o.Clock, int64(0)
		o.Clock = func() int64 { now += 100; return clock() + now } // each reading is 100 µs later
	}})
	a, b := h.connect(), h.connect()
	a.do("CONFIG SET slowlog-log-slower-than 101")
	a.do("PING")
	if got := a.do("SLOWLOG LEN"); got != ":0\r\n" {
		t.Errorf("none took 101 µs, %q are kept", got)
	}
	a.do("CONFIG SET slowlog-log-slower-than 100")
	a.do("SLOWLOG RESET")
	b.do("BLPOP l 0")
	if got := a.do("SLOWLOG GET 1"); !strings.Contains(got, "SLOWLOG") && strings.Contains(got, "BLPOP") {
		t.Errorf("who waits is not slow: %q", got)
	}
	a.do("RPUSH l x")
	if got := a.do("SLOWLOG GET 2"); !strings.Contains(got, "BLPOP") {
		t.Errorf("who was served is not there: %q", got)
	}
}

// TestSlowlogIsBounded: what is dropped is not held, whatever has been kept before.
func TestSlowlogIsBounded(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	c.do("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 10")
	for range 1000 {
		c.do("PING")
	}
	if n, room := len(h.e.slow.entries), cap(h.e.slow.entries); n != 10 || room > 100 {
		t.Errorf("%d entries in room for %d", n, room)
	}
}

// TestSlowlogReplyIsBounded: however many commands are kept, SLOWLOG GET answers no more than
// other commands do, and of each what is kept is bounded, the client's name too.
func TestSlowlogReplyIsBounded(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	c.do("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 1000000")
	c.do("CLIENT SETNAME " + strings.Repeat("n", maxSlowName))
	c.do("MSET" + strings.Repeat(" "+strings.Repeat("x", maxSlowWord), 2*maxSlowArgs))
	c.do("CLIENT SETNAME " + strings.Repeat("n", 100_000))
	c.do("PING")
	got := c.do("SLOWLOG GET 3")
	for want, times := range map[string]int{strings.Repeat("n", maxSlowName) + "\r\n": 1, strings.Repeat("n", maxSlowName) + "... (98976 more bytes)\r\n": 2, "... (34 more arguments)": 1} {
		if n := strings.Count(got, want); n != times {
			t.Errorf("%q is there %d times, not %d, in %d bytes", want[len(want)-30:], n, times, len(got))
		}
	}
	c.do("CONFIG SET slowlog-log-slower-than -1")
	large := h.e.slow.entries[len(h.e.slow.entries)-4]
	for range 40_000 {
		h.e.slow.entries = append(h.e.slow.entries, large)
	}
	if got := c.do("SLOWLOG GET -1"); !strings.HasPrefix(got, "-ERR the reply would be too large") {
		t.Errorf("answered by %d bytes: %.100q", len(got), got)
	}
	if got := c.do("SLOWLOG GET 10000"); !strings.HasPrefix(got, "*10000\r\n") {
		t.Errorf("answered by %.100q", got)
	}
}
