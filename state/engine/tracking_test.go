package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// told is the keys that a client was told of since the last time, "*" for all.
func (c *client) told() string {
	var keys []string
	wire := flat(c.take())
	for _, m := range strings.Split(wire, ">2 $10 invalidate ")[1:] {
		if strings.HasPrefix(m, "_") {
			keys = append(keys, "*")
			continue
		}
		for i, w := range strings.Fields(m) {
			if i > 0 && i%2 == 0 {
				keys = append(keys, w)
			}
		}
	}
	return strings.Join(keys, " ")
}

// TestTrackingTableIsBounded: clients are told of the keys that were read longest ago as if
// they had changed.
func TestTrackingTableIsBounded(t *testing.T) {
	h := newHarness(t, setup{})
	a, b := h.connect(), h.connect()
	b.do("CONFIG SET tracking-table-max-keys 3")
	a.do("HELLO 3", "CLIENT TRACKING ON")
	a.do("MGET a b c", "GET b")
	if got := a.told(); got != "" {
		t.Errorf("was told of %s", got)
	}
	a.run("MGET d a e")
	h.e.Commit()
	if got := a.told(); got != "a b" {
		t.Errorf("was told of %s", got)
	}
	b.do("MSET a 1 b 1 c 1 d 1 e 1")
	if got := a.told(); got != "c d e" {
		t.Errorf("was told of %s", got)
	}
	b.do("CONFIG SET tracking-table-max-keys 0")
	for i := range 1000 {
		a.do(fmt.Sprintf("GET k%d", i))
	}
	info := b.do("INFO")
	for _, want := range []string{"tracking_clients:1\r", "tracking_total_keys:1000\r", "tracking_total_items:1000\r", "tracking_total_prefixes:0\r"} {
		if !strings.Contains(info, want) {
			t.Errorf("INFO lacks %s", want)
		}
	}
	b.do("CONFIG SET tracking-table-max-keys 10")
	for range 11 {
		a.do("GET k999")
	}
	if n := len(h.e.tracking.table); n != 10 {
		t.Errorf("%d keys are kept", n)
	}
	b.do("FLUSHALL")
	if tr := &h.e.tracking; len(tr.table)+tr.items > 0 || tr.first != nil || tr.last != nil {
		t.Error("something is kept of what was emptied")
	}
}

// TestTrackingForgetsWhoHasGone, though nobody changes the key that all have read.
func TestTrackingForgetsWhoHasGone(t *testing.T) {
	h := newHarness(t, setup{})
	stays := h.connect()
	stays.do("HELLO 3", "CLIENT TRACKING ON", "GET k")
	for range 1000 {
		c := h.connect()
		c.do("CLIENT TRACKING ON BCAST PREFIX p", "RESET", "CLIENT TRACKING ON", "GET k")
		c.s.Closed()
	}
	if tr := &h.e.tracking; tr.items > 64 || len(tr.sessions) != 1 || len(tr.broadcasts)+len(tr.lengths) > 0 {
		t.Errorf("%d items, %d sessions, %d prefixes", tr.items, len(tr.sessions), len(tr.broadcasts))
	}
	stays.take()
	h.connect().do("SET k v")
	if got := stays.told(); got != "k" {
		t.Errorf("was told of %q", got)
	}
}

// TestTrackingIsShown in CLIENT LIST, by flags and by the other connection.
func TestTrackingIsShown(t *testing.T) {
	h := newHarness(t, setup{})
	a, r, b := h.connect(), h.connect(), h.connect()
	line := func(want string) {
		t.Helper()
		if got := b.do("CLIENT LIST ID 1"); !strings.Contains(got, want) {
			t.Errorf("CLIENT LIST lacks %q: %s", want, got)
		}
	}
	line(" redir=-1 ")
	a.do("CLIENT TRACKING ON REDIRECT 2")
	line(" flags=t ")
	line(" redir=2 ")
	a.do("GET k")
	r.s.Closed()
	b.do("SET k v")
	line(" flags=tR ")
	a.do("CLIENT TRACKING OFF", "CLIENT TRACKING ON BCAST")
	line(" flags=tB ")
	line(" redir=0 ")
}

// TestTrackingAfterAFailedTurn: what was told in it is not sent, so all are told that everything
// may have changed, and who tracks what is again as it was.
func TestTrackingAfterAFailedTurn(t *testing.T) {
	d := &brokenDisk{}
	h := newHarness(t, setup{faults: d.faults()})
	a, bcast, off, late, b := h.connect(), h.connect(), h.connect(), h.connect(), h.connect()
	for _, c := range []*client{a, bcast, off, late} {
		c.do("HELLO 3")
	}
	a.do("CLIENT TRACKING ON", "GET k")
	bcast.do("CLIENT TRACKING ON BCAST PREFIX k")
	off.do("CLIENT TRACKING ON", "GET k")
	d.full.Store(true)
	off.run("CLIENT TRACKING OFF")
	bcast.run("CLIENT TRACKING ON BCAST PREFIX x")
	late.run("CLIENT TRACKING ON BCAST")
	b.run("SET k v")
	h.e.Commit()
	for _, c := range []*client{a, bcast, off} {
		if got := c.told(); got != "*" {
			t.Errorf("%s was told of %q", c.addr, got)
		}
	}
	if got := late.told(); got != "" {
		t.Errorf("one whose CLIENT TRACKING failed was told of %q", got)
	}
	b.take()
	h.post()
	h.healed(d, b)
	a.do("GET k")
	b.do("SET k w", "SET x w")
	for c, want := range map[*client]string{a: "k", bcast: "k", off: "", late: ""} {
		if got := c.told(); got != want {
			t.Errorf("%s was told of %q, not %q", c.addr, got, want)
		}
	}
}

// TestSlowTracker is closed as a subscriber is, by what it leaves unread of this, and not by its
// replies.
func TestSlowTracker(t *testing.T) {
	h := newHarness(t, setup{})
	a, b := h.connect(), h.connect()
	a.do("HELLO 3", "CLIENT TRACKING ON BCAST")
	b.do("CONFIG SET client-output-buffer-limit 'pubsub 100 0 0'")
	a.unsent = 1 << 20 // a large reply that it is reading
	b.do("SET k v")
	if a.killed {
		t.Fatal("closed for its replies")
	}
	for range 3 {
		b.do("SET k v")
	}
	if !a.killed {
		t.Error("not closed, whatever it leaves unread")
	}
}

// TestTrackingIsReplayed, of whom there was before the recording and who came later.
func TestTrackingIsReplayed(t *testing.T) {
	var p tape
	h := newHarness(t, setup{change: p.options})
	var all []*client
	for range 8 {
		all = append(all, h.connect())
	}
	plain, optIn, optOut, bcast, redirects, target, later, b := all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7]
	b.do("CONFIG SET tracking-table-max-keys 4")
	for _, c := range []*client{plain, optIn, optOut, bcast, later} {
		c.do("HELLO 3")
	}
	plain.do("CLIENT TRACKING ON NOLOOP", "MGET a b c", "SUBSCRIBE c")
	optIn.do("CLIENT TRACKING ON OPTIN", "GET b", "CLIENT CACHING YES", "GET c", "CLIENT CACHING YES", "MULTI", "GET n")
	optOut.do("CLIENT TRACKING ON OPTOUT", "GET a", "CLIENT CACHING NO")
	bcast.do("CLIENT TRACKING ON BCAST NOLOOP PREFIX b PREFIX a")
	redirects.do("CLIENT TRACKING ON REDIRECT 6", "GET d")
	target.do("SUBSCRIBE x", "CLIENT REPLY OFF")
	b.do("RECORD START x")
	optOut.do("GET n")
	optIn.do("EXEC")
	b.do("MSET a 1 b 1 c 1 d 1 n 1", "MULTI", "SET a 2", "SET b 2", "EXEC")
	later.do("CLIENT TRACKING ON", "MGET e f", "GET g")
	bcast.do("SET b x", "SET a x PX 5")
	plain.do("MGET a b c d", "SET c 1", "DEL d")
	h.advance(10 * time.Millisecond)
	h.e.Tick()
	b.do("FLUSHDB", "SWAPDB 0 1")
	target.s.Closed()
	redirects.do("GET z")
	b.do("SET z 1", "CONFIG SET tracking-table-max-keys 1")
	plain.do("MGET 1 2 3", "RESET")
	b.do("RECORD STOP")
	var pushes []uint64
	for _, s := range p.steps {
		if strings.Contains(string(s.Reply), "invalidate") && !slices.Contains(pushes, s.Conn) {
			pushes = append(pushes, s.Conn)
		}
	}
	slices.Sort(pushes)
	if !slices.Equal(pushes, []uint64{1, 2, 3, 4, 6, 7}) {
		t.Errorf("told were %v", pushes)
	}
	if diverged := playTape(t, h, &p); diverged > 0 {
		t.Errorf("%d steps diverged:\n%s", diverged, &p)
	}
}
