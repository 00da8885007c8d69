package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/replay/past"
	"github.com/altilium-db/altilium/resp"
)

// backHarness is a harness with one room of its past, as a server has it.
func backHarness(t *testing.T, set setup) (*harness, *past.Room) {
	t.Helper()
	var room *past.Room
	change := set.change
	set.change = func(o *Options) {
		o.Past = func(q PastRequest) PastAnswer { return askThe(room, q) }
		if change != nil {
			change(o)
		}
	}
	h := newHarness(t, set)
	room = past.New(past.Options{Log: h.log, Views: replay.NewViews(h.dir, 2, 0)})
	return h, room
}

// back says a command that goes back; meanwhile happens when it has been found what is to be
// done and nothing has been done yet.
func (c *client) back(line string, meanwhile ...func()) string {
	c.h.t.Helper()
	c.run(line)
	c.h.e.Commit()
	for _, f := range meanwhile {
		posted := <-c.h.posted
		f()
		posted()
		c.h.e.Commit()
	}
	for c.s.(*Session).waiting {
		c.h.post()
	}
	c.h.resumeHeld()
	return flat(c.take())
}

// TestBackAgainWithExpiries goes back to one point again and again, in both ways for
// expiries, and wants what is left of these to be what was left then, or what is left now of
// that: whatever the times before have done, which are remembered.
func TestBackAgainWithExpiries(t *testing.T) {
	h, _ := backHarness(t, setup{})
	c := h.connect()
	c.want("+OK", "SET soon a PX 9000")
	c.want("+OK", "SET late b PX 1000000")
	c.want("+OK", "SET never c")
	c.want(":1", "RPUSH list x")
	c.want(":1", "PEXPIRE list 500000")
	point := h.log.Last()
	left := map[string]int64{"soon": 9000, "late": 1000000, "list": 500000}
	elapsed := int64(0)
	spoil := []string{"", "PERSIST late", "PEXPIRE list 7", "DEL soon", "FLUSHALL", "SET soon other", "SET more d PX 5", "PEXPIRE never 100000"}
	for round := range 40 {
		ms := int64(round%5) * 1500 // and none at all
		h.advance(time.Duration(ms) * time.Millisecond)
		elapsed += ms
		if line := spoil[round%len(spoil)]; line != "" {
			c.run(line)
			h.e.Commit()
			c.take()
		}
		shift := round%3 != 1
		how := map[bool]string{true: "SHIFT", false: "ABSOLUTE"}[shift]
		c.back(fmt.Sprintf("LOG RESTORE @%d TTL %s", point, how))
		for key, ms := range left {
			if !shift {
				ms -= elapsed
			}
			want := fmt.Sprintf(":%d", ms)
			if ms <= 0 {
				want = ":-2"
			}
			if got := flat(c.do("PTTL " + key)); got != want {
				t.Fatalf("round %d, %s, %d ms later: PTTL %s is %s, want %s", round, how, elapsed, key, got, want)
			}
		}
		c.want(":-1", "PTTL never")
		c.want("$1 c", "GET never")
		c.want(":0", "EXISTS more")
		if shift { // otherwise what is due comes back each time, to go when it is looked at
			if got := c.back(fmt.Sprintf("LOG RESTORE @%d TTL SHIFT", point)); !strings.Contains(got, "entry :0 ") {
				t.Fatalf("round %d: there was something left: %s", round, got)
			}
		}
	}
}

// TestBackWhileOthersWrite: what is written while it is found out what is to be done is
// taken back as well, and from then on writes are held until it is done, reads not. A reader
// sees all of it or nothing.
func TestBackWhileOthersWrite(t *testing.T) {
	h, _ := backHarness(t, setup{})
	a, w, r := h.connect(), h.connect(), h.connect()
	a.want("+OK", "MSET x 1 y 1")
	h.advance(time.Second)
	a.want("+OK", "MSET x 2 y 2")
	before := h.log.Last()
	got := a.back("LOG RESTORE @1",
		func() { w.want("+OK", "MSET x 3 fresh 3"); w.want("+OK", "SET short 1 PX 1") },
		func() {
			h.advance(time.Second)
			h.e.Tick() // short stays
			w.run("SET held 1", "GET x")
			w.run("GET y")
			r.want("*4 $1 3 $1 2 $1 3 $-1", "MGET x y fresh short")
			h.e.Commit()
			if n := len(w.held); n != 3 {
				t.Errorf("of a writer %d commands are held", n)
			}
		})
	if want := fmt.Sprintf("*10 $5 point $32 @1 (2026-01-01T00:00:00.000000Z) $5 entry :%d $5 added :0 $7 removed :2 $7 changed :2", before+3); got != want {
		t.Errorf("answered %q, want %q", got, want)
	}
	if got := flat(w.take()); got != "+OK $1 1 $1 1" {
		t.Errorf("the writer got %q", got)
	}
	r.want("*5 $1 1 $1 1 $-1 $-1 $1 1", "MGET x y fresh short held")
	if h.e.paused() || h.e.pause.own != 0 {
		t.Error("writes are still held")
	}
	h.check()
}

// TestBackWhileDatabasesAreEmptied: whole databases that were emptied or swapped meanwhile.
func TestBackWhileDatabasesAreEmptied(t *testing.T) {
	for _, line := range []string{"FLUSHALL", "FLUSHDB", "SWAPDB 0 1"} {
		h, _ := backHarness(t, setup{})
		a, w := h.connect(), h.connect()
		a.want("+OK +OK :1", "SET x 1", "SET y 1", "HSET h f v")
		want := h.e.state.Digest()
		a.want("+OK", "SET x 2")
		if got := a.back("LOG RESTORE @3", func() { w.want("+OK", line) }); !strings.HasPrefix(got, "*10 ") {
			t.Errorf("%s: %s", line, got)
		}
		if got := h.e.state.Digest(); got != want {
			t.Errorf("%s meanwhile: digest %016x, want %016x", line, got, want)
		}
		h.check()
	}
}

// TestBackAndPauses: a client's pause is waited for, one that comes while the server holds
// writes goes on after it.
func TestBackAndPauses(t *testing.T) {
	h, _ := backHarness(t, setup{})
	a, w, p := h.connect(), h.connect(), h.connect()
	a.want("+OK +OK", "SET x 1", "SET x 2")
	a.run("LOG RESTORE @1")
	h.e.Commit()
	posted := <-h.posted
	p.want("+OK", "CLIENT PAUSE 1000 WRITE")
	posted()
	h.e.Commit()
	if !a.s.(*Session).waiting {
		t.Fatal("it was done in a pause")
	}
	w.want("$1 2", "GET x")
	h.advance(time.Second)
	h.e.Tick()
	h.post()
	if got := flat(a.take()); !strings.Contains(got, "entry :3") {
		t.Errorf("after the pause: %s", got)
	}

	got := a.back("LOG RESTORE @2",
		func() { w.want("+OK", "SET y 1") },
		func() {
			if h.e.pause.own != 1 {
				t.Error("writes are not held")
			}
			p.want("+OK", "CLIENT PAUSE 1000 WRITE")
			h.advance(2 * time.Second) // it is over when it is done
			w.run("SET z 1")
		})
	if !strings.Contains(got, "removed :1 $7 changed :1") {
		t.Errorf("answered %s", got)
	}
	if got := flat(w.take()); got != "+OK" || h.e.paused() {
		t.Errorf("the writer got %q", got)
	}
	a.want("*3 $1 2 $-1 $1 1", "MGET x y z")

	a.back("LOG RESTORE @1",
		func() { w.want("+OK", "SET y 1") },
		func() { p.want("+OK", "CLIENT PAUSE 1000 ALL"); p.run("CLIENT UNPAUSE"); h.advance(time.Second) },
	)
	a.want("$1 1", "GET x")
	h.resumeHeld()
	if h.e.paused() || h.e.pause.own != 0 {
		t.Error("writes are still held")
	}
	h.check()
}

// TestBackFails: a turn that fails answers -MISCONF and has done nothing; afterwards it can
// be done. One that comes while nothing can be written is refused.
func TestBackFails(t *testing.T) {
	d := &brokenDisk{short: 7}
	h, _ := backHarness(t, setup{faults: d.faults()})
	a, w := h.connect(), h.connect()
	a.want("+OK +OK", "SET x 1", "SET x 2")
	a.run("LOG RESTORE @1")
	h.e.Commit()
	posted := <-h.posted
	d.full.Store(true)
	posted()
	w.run("GET x")
	h.e.Commit()
	if got := flat(a.take()); got != misconf {
		t.Errorf("answered %q", got)
	}
	if got := flat(w.take()); got != misconf {
		t.Errorf("who read in that turn was answered %q", got)
	}
	h.post() // rebuilt
	a.want("$1 2", "GET x")
	a.want(misconf, "LOG RESTORE @1")
	h.healed(d, a)
	w.want("+OK", "SET other 1") // its offset, or that of what healed said, is the failed entry's
	if got := a.back("LOG RESTORE @1"); !strings.Contains(got, "entry :5 $5 added :0 $7 removed :2 $7 changed :1") {
		t.Errorf("afterwards: %s", got)
	}
	a.want("*2 $1 1 $-1", "MGET x other")

	// The log breaks while it is found out what is to be done.
	a.want("+OK", "SET x 3")
	a.run("LOG RESTORE @1")
	h.e.Commit()
	posted = <-h.posted
	d.full.Store(true)
	w.want(misconf, "SET other 2")
	posted()
	h.e.Commit()
	if got := flat(a.take()); got != misconf {
		t.Errorf("answered %q", got)
	}
	h.post()
	h.healed(d, a)
	a.want("$1 3", "GET x")
	h.check()
}

// TestBackIsOneAtATime, whatever becomes of it: refused, too large, its client gone.
func TestBackIsOneAtATime(t *testing.T) {
	h, room := backHarness(t, setup{})
	h.e.maxBody = 4000
	a, b := h.connect(), h.connect()
	a.want("+OK +OK", "SET x 1", "SET x 2")
	a.run("LOG RESTORE @1")
	h.e.Commit()
	posted := <-h.posted
	if got := b.back("LOG UNDO @2"); got != "-BUSYVIEW another LOG RESTORE or LOG UNDO is under way; try again when it has ended" {
		t.Errorf("a second one: %s", got)
	}
	if needed := room.Searched(); len(needed) != 1 || needed[0] != 1 {
		t.Errorf("retention must keep %v", needed)
	}
	a.s.Closed()
	posted()
	h.e.Commit()
	b.want("$1 2", "GET x")
	if len(room.Searched()) > 0 {
		t.Error("it keeps history after its end")
	}
	for i := range 3 {
		b.want("+OK", fmt.Sprintf("SET big:%d %s", i, strings.Repeat("v", 1500)))
	}
	end := h.log.Last()
	b.want(":3", "DEL big:0 big:1 big:2")
	got := b.back(fmt.Sprintf("LOG RESTORE @%d", end))
	if !strings.HasPrefix(got, "-ERR too much for one entry") || !strings.Contains(got, "MATCH") || !strings.Contains(got, "altilium restore") {
		t.Errorf("too large: %s", got)
	}
	for _, match := range []string{"big:[01]", "big:2"} {
		if got := b.back(fmt.Sprintf("LOG RESTORE @%d MATCH %s", end, match)); !strings.HasPrefix(got, "*10 ") {
			t.Errorf("some of it: %s", got)
		}
	}
	b.want(":3", "EXISTS big:0 big:1 big:2")
	// One whose client is killed while it is found anew holds nothing.
	b.run(fmt.Sprintf("LOG RESTORE @%d", end-1))
	h.e.Commit()
	posted = <-h.posted
	c := h.connect()
	c.want("+OK", "SET y 1")
	posted()
	h.e.Commit()
	b.s.Closed()
	h.post()
	c.want("+OK", "SET y 2")
	if h.e.pause.own != 0 || len(room.Searched()) > 0 {
		t.Error("one that has gone holds writes")
	}
	h.check()
}

// TestBackAgainAndAgain: whoever goes back to the same point again reads no more of the log
// than what came since.
func TestBackAgainAndAgain(t *testing.T) {
	h, _ := backHarness(t, setup{})
	a := h.connect()
	a.want("+OK :1 :2", "SET x 1", "HSET h f v", "RPUSH l a b")
	want := h.e.state.Digest()
	for i := range 20 {
		a.want("+OK", fmt.Sprintf("SET x %d", i+2))
		a.want(":1", "LREM l 1 b")
		a.want("+OK", fmt.Sprintf("SET n%d 1", i))
		if i%5 == 4 {
			a.want("+OK +OK", "FLUSHALL", "SET after 1")
		}
		if i%7 == 6 { // what is not all of it is not taken for it
			a.back("LOG RESTORE @3 MATCH x")
			a.back("LOG UNDO @last")
		}
		if got := a.back("LOG RESTORE @3"); !strings.HasPrefix(got, "*10 ") || h.e.state.Digest() != want {
			t.Fatalf("round %d: %s", i, got)
		}
	}
	h.check()
}

// TestBackIsReplayed: a recording says what going back did, with what came of it for others.
func TestBackIsReplayed(t *testing.T) {
	var p tape
	h, _ := backHarness(t, setup{change: p.options})
	a, b, c, d := h.connect(), h.connect(), h.connect(), h.connect()
	a.want("+OK :1 :1 +OK", "CONFIG SET notify-keyspace-events KEA", "LPUSH list x", "DEL list", "SET k 1")
	a.want("+OK", "RECORD START demo")
	d.do("PSUBSCRIBE *")
	c.run("BLPOP list 0")
	h.e.Commit()
	m := h.connect()
	m.do("MONITOR")
	a.want("+OK +OK", "SELECT 2", "SET k 2")
	b.do("WATCH k", "MULTI", "GET k")
	a.back("LOG RESTORE @1")
	b.want("*-1", "EXEC")
	a.want("$-1 +OK", "GET k", "SET z 1")
	a.want("+OK", "SET due 1 PX 1")
	b.do("MULTI", "LOG RESTORE @1", "EXEC")
	a.back("LOG UNDO @last", func() { b.do("SET more 1") }, func() { // held: due stays where it is
		h.advance(time.Second)
		c.run("SELECT 2", "GET due")
	})
	a.want("$-1", "GET due")
	if got := a.back("LOG UNDO @4"); !strings.Contains(got, "entry :0") {
		t.Errorf("nothing is left of it: %s", got)
	}
	h.connect().do("RECORD STOP")
	if n := strings.Count(p.String(), fmt.Sprintf("\n%d conn 1 ", resp.StepChange)); n != 2 || !strings.Contains(p.String(), fmt.Sprintf("\n%d conn 0 ", resp.StepHold)) {
		t.Errorf("%d steps of going back:\n%s", n, &p)
	}
	if diverged := playTape(t, h, &p); diverged > 0 {
		t.Errorf("%d of %d steps diverged:\n%s", diverged, len(p.steps), &p)
	}
}
