package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/resp"
)

// heard is what a client was sent since it was last asked, as "channel message".
func (c *client) heard() (all []string) {
	for _, f := range c.frames {
		all = append(all, messageOf(f))
	}
	c.frames = nil
	c.take()
	return all
}

// wantHeard holds what was told of keys on __keyspace@…__, as "key message".
func (c *client) wantHeard(want ...string) {
	c.h.t.Helper()
	var got []string
	for _, m := range c.heard() {
		_, m, _ = strings.Cut(m, "__:")
		got = append(got, m)
	}
	if !slices.Equal(got, want) {
		c.h.t.Fatalf("heard %q, not %q", got, want)
	}
}

// TestNotificationsLeaveWithTheirTurn: not before it is committed, and not at all where
// that fails.
func TestNotificationsLeaveWithTheirTurn(t *testing.T) {
	d := &brokenDisk{}
	h := newHarness(t, setup{faults: d.faults()})
	a, s := h.connect(), h.connect()
	a.want("+OK", "CONFIG SET notify-keyspace-events KA")
	s.do("PSUBSCRIBE *")
	a.run("SET k v")
	s.wantHeard()
	h.e.Commit()
	s.wantHeard("k set")
	a.take()

	d.full.Store(true)
	a.run("SET k w EX 10", "DEL k")
	h.e.Commit()
	a.take()
	s.wantHeard()
	h.post()
	h.healed(d, a)
	a.take()
	s.heard() // healing takes a write
	a.want(":1", "DEL k")
	s.wantHeard("k del")
}

// TestLongKeysAreNotKept: the room for a long key's channel goes with its notification.
func TestLongKeysAreNotKept(t *testing.T) {
	h := newHarness(t, setup{})
	a, s := h.connect(), h.connect()
	a.want("+OK", "CONFIG SET notify-keyspace-events KA")
	s.do("PSUBSCRIBE *")
	key := strings.Repeat("k", 2*keepBuffer)
	a.want("+OK", "SET "+key+" v")
	s.wantHeard(key + " set")
	if n := cap(h.e.notify.channel); n > keepBuffer {
		t.Errorf("%d bytes are kept", n)
	}
}

// TestRefusedCommandsTellNothing: neither those that fail nor those of the read-only mode.
func TestRefusedCommandsTellNothing(t *testing.T) {
	d := &brokenDisk{}
	h := newHarness(t, setup{faults: d.faults()})
	a, s := h.connect(), h.connect()
	a.do("CONFIG SET notify-keyspace-events KAnm", "SET k v")
	s.do("PSUBSCRIBE *")
	a.do("LPUSH k x", "INCR k", "SET k v EX 0", "NOSUCH", "GET", "LPUSHX nosuch x")
	s.wantHeard()
	d.full.Store(true)
	a.do("SET l v")
	h.post()
	a.want(misconf, "SET k v")
	a.want("$-1", "GET nosuch")
	s.wantHeard("nosuch keymiss") // a miss is no change
}

// TestMuchIsToldOnce, although it is recorded in several events.
func TestMuchIsToldOnce(t *testing.T) {
	h := newHarness(t, setup{})
	a, s := h.connect(), h.connect()
	a.do("CONFIG SET notify-keyspace-events KAn")
	s.do("PSUBSCRIBE *")
	var members, scored strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&members, " m%d", i)
		fmt.Fprintf(&scored, " %d m%d", i, i)
	}
	for _, x := range []struct {
		command string
		want    []string
	}{
		{"SADD s" + members.String(), []string{"s new", "s sadd"}},
		{"SUNIONSTORE t s", []string{"t new", "t sunionstore"}},
		{"SUNIONSTORE t s", []string{"t sunionstore"}},
		{"SPOP t 9000", []string{"t spop"}},
		{"SPOP t 9000", []string{"t spop", "t del"}},
		{"ZADD z" + scored.String(), []string{"z new", "z zadd"}},
		{"ZUNIONSTORE y 1 z", []string{"y new", "y zunionstore"}},
		{"ZREMRANGEBYRANK y 0 8999", []string{"y zremrangebyrank"}},
		{"ZPOPMAX y 9000", []string{"y zpopmax", "y del"}},
		{"ZMPOP 2 nosuch z MAX COUNT 9000", []string{"z zpopmax"}},
	} {
		a.do(x.command)
		s.wantHeard(x.want...)
	}
	h.check()
}

// TestNotificationsOff: nothing is made where nobody could hear it.
func TestNotificationsOff(t *testing.T) {
	h := newHarness(t, setup{})
	a, s := h.connect(), h.connect()
	s.do("PSUBSCRIBE *")
	a.do("SET k v")
	if s.wantHeard(); h.e.notifying() || h.e.notify.all != nil {
		t.Error("notices are made though none are wanted")
	}
	a.do("CONFIG SET notify-keyspace-events AKE")
	s.do("PUNSUBSCRIBE")
	a.do("SET k v")
	if h.e.notifying() || h.e.notify.all != nil {
		t.Error("notices are made though nobody listens")
	}
}

// TestNotificationsAreReplayed: a session with everything that is told plays without a
// difference, where it was turned on before the recording, too.
func TestNotificationsAreReplayed(t *testing.T) {
	var p tape
	h := newHarness(t, setup{change: p.options})
	a, b, s, self := h.connect(), h.connect(), h.connect(), h.connect()
	a.do("CONFIG SET notify-keyspace-events AKEnm") // CONFIG GET would not show n
	s.do("PSUBSCRIBE __key*__:*")
	a.want("+OK", "RECORD START x")
	self.do("HELLO 3")
	self.do("PSUBSCRIBE __keyspace*", "SET mine v", "GET nosuch")
	b.do("BLMOVE k l LEFT RIGHT 0")
	a.do("SET e v PX 20", "SET f v PX 20", "SET g v", "MULTI", "RPUSH k x", "INCR n", "GET nosuch", "EXEC")
	h.advance(30 * time.Millisecond)
	a.do("GET e")
	h.e.Tick()
	a.do("CONFIG SET maxmemory 1 maxmemory-policy allkeys-lru", "PING")
	h.e.Tick()
	a.do("CONFIG SET maxmemory 0", "SET k v", "CONFIG SET notify-keyspace-events Eg", "SET k v", "EXPIRE k 10")
	a.do("RECORD STOP")
	heard := s.heard()
	for _, want := range []string{
		"__keyspace@0__:e new", "__keyspace@0__:l rpush", "__keyevent@0__:lpop k", "__keyspace@0__:e expired", "__keyspace@0__:f expired",
		"__keyspace@0__:nosuch keymiss", "__keyspace@0__:g evicted", "__keyevent@0__:expire k",
	} {
		if !slices.Contains(heard, want) {
			t.Errorf("%q was not heard", want)
		}
	}
	pushes := 0
	for _, step := range p.steps {
		if step.Kind == resp.StepPush {
			pushes++
		}
	}
	if pushes < len(heard)-1 {
		t.Errorf("%d pushes were recorded, of %d", pushes, len(heard))
	}
	if diverged := playTape(t, h, &p); diverged > 0 {
		t.Errorf("%d steps diverged", diverged)
	}
}

// TestClasses: every class alone and in company, as text that Set takes again.
func TestClasses(t *testing.T) {
	for text, want := range map[string][2]string{ // what Get says, and what CONFIG GET says
		"": {"", ""}, "KEA": {"AKE", "AKE"}, "An": {"An", "A"}, "nAm": {"Anm", "Am"}, "dtexzhsl$g": {"A", "A"},
		"mKn": {"nKm", "nKm"}, "gg$K": {"g$K", "g$K"}, "g$lshzxet": {"g$lshzxet", "g$lshzxet"},
	} {
		c, err := parseClasses(text)
		if got := [2]string{c.String(), c.redisText()}; err != nil || got != want {
			t.Errorf("%q is %q (%v), not %q", text, got, err, want)
		}
		if again, err := parseClasses(c.String()); err != nil || again != c {
			t.Errorf("%q is read as %q", c, again)
		}
	}
	for _, text := range []string{"a", "K E", "KEAy", "é"} {
		if _, err := parseClasses(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// TestVoicesAreOfCommands: no name in the tables of notifications is one of nothing.
func TestVoicesAreOfCommands(t *testing.T) {
	h := newHarness(t, setup{})
	known := map[string]bool{"restore": true}
	for _, r := range h.e.rows {
		known[r.spec.FullName()] = true
	}
	for name, v := range voices() {
		if !known[name] {
			t.Errorf("%s is no command", name)
		}
		if (v.drains || v.anyway) && v.class == 0 {
			t.Errorf("%s must say of which class its name is", name)
		}
	}
	for name := range lookers() {
		if !known[name] {
			t.Errorf("%s is no command", name)
		}
	}
}
