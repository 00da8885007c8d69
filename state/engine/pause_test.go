package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/resp"
)

// TestPauseTakesNothing: of a pipeline, what comes before the first command that is held is
// executed, and the front end keeps the rest until it is told to go on.
func TestPauseTakesNothing(t *testing.T) {
	h := newHarness(t, setup{})
	a, b := h.connect(), h.connect()
	a.do("CLIENT PAUSE 1000 WRITE")
	cmds := [][][]byte{words("GET k"), words("SET k v"), words("GET k")}
	n := b.s.Run(cmds, &b.out)
	h.e.Commit()
	if got := flat(b.take()); n != 1 || got != "$-1" || !b.s.Waiting() || !b.s.Blocked() {
		t.Fatalf("consumed %d, answered %q, waits: %v, blocked: %v", n, got, b.s.Waiting(), b.s.Blocked())
	}
	if n := b.s.Run(cmds[n:], &b.out); n != 0 {
		t.Errorf("consumed %d while it waits", n)
	}
	h.e.Commit()
	list, info := a.do("CLIENT LIST"), a.do("INFO clients")
	if !strings.Contains(list, " flags=b ") || !strings.Contains(list, " cmd=set ") || !strings.Contains(info, "blocked_clients:1\r") {
		t.Errorf("%s%s", list, info)
	}
	a.do("CLIENT UNPAUSE")
	if b.resumed != 1 || b.s.Waiting() {
		t.Fatalf("resumed %d times, waits: %v", b.resumed, b.s.Waiting())
	}
	b.s.Run(cmds[1:], &b.out)
	h.e.Commit()
	if got := flat(b.take()); got != "+OK $1 v" {
		t.Errorf("answered %q", got)
	}
}

// TestPauseTellsItsEnd to the front end, in time, and who has gone is not waited for.
func TestPauseTellsItsEnd(t *testing.T) {
	h := newHarness(t, setup{})
	a, b, gone := h.connect(), h.connect(), h.connect()
	a.run("CLIENT PAUSE 30 WRITE")
	if next := h.e.Commit(); next != 30*time.Millisecond {
		t.Errorf("a Tick is wanted in %v", next)
	}
	b.do("SET k v")
	gone.do("SET k w")
	gone.s.Closed()
	h.advance(29 * time.Millisecond)
	if next := h.e.Tick(); next != time.Millisecond || b.resumed > 0 {
		t.Errorf("a Tick is wanted in %v, resumed %d times", next, b.resumed)
	}
	h.advance(time.Millisecond)
	h.e.Tick()
	h.resumeHeld()
	if got := flat(b.take()); got != "+OK" {
		t.Errorf("answered %q", got)
	}
	if h.e.pause.aside.Len() > 0 || gone.resumed > 0 {
		t.Error("one who has gone is held")
	}
	if next := h.e.Commit(); next != 0 {
		t.Errorf("a Tick is wanted in %v", next)
	}
}

// TestPauseOutlastsAFailedTurn, and so does who is held.
func TestPauseOutlastsAFailedTurn(t *testing.T) {
	d := &brokenDisk{}
	h := newHarness(t, setup{faults: d.faults()})
	a, b, c := h.connect(), h.connect(), h.connect()
	c.do("MULTI", "SET k w", "CLIENT PAUSE 60000 WRITE")
	d.full.Store(true)
	c.run("EXEC")
	b.run("GET k", "SET k v")
	h.e.Commit()
	if got := flat(b.take()); !strings.HasPrefix(got, "-MISCONF") || strings.Count(got, "MISCONF") != 1 || !b.s.Waiting() {
		t.Errorf("answered %q, waits: %v", got, b.s.Waiting())
	}
	c.take()
	a.do("CLIENT UNPAUSE")
	h.post()
	h.healed(d, a)
	h.resumeHeld()
	if got := flat(b.take()); b.resumed != 1 || got != "+OK" {
		t.Errorf("resumed %d times, answered %q", b.resumed, got)
	}
}

// TestNothingIsEvictedInAPause, nor is anything refused for want of memory then.
func TestNothingIsEvictedInAPause(t *testing.T) {
	h := newHarness(t, setup{})
	a := h.connect()
	for i := range 50 {
		a.do(fmt.Sprintf("SET k%d %s", i, strings.Repeat("v", 1000)))
	}
	a.do("CLIENT PAUSE 1000 WRITE", "CONFIG SET maxmemory-policy allkeys-random", "CONFIG SET maxmemory 1000")
	a.want(":50", "DBSIZE")
	h.e.Tick()
	a.want(":50", "DBSIZE")
	h.advance(time.Second)
	h.e.Tick()
	a.want(":0", "DBSIZE")
	a.do("SET k v", "CONFIG SET maxmemory-policy noeviction", "CONFIG SET maxmemory 1")
	if got := a.do("SET k w"); !strings.HasPrefix(got, "-OOM") {
		t.Errorf("answered %q", got)
	}
	a.do("CLIENT PAUSE 1000 WRITE")
	if got := a.do("SET k w"); got != "" || h.e.pause.aside.Len() != 1 {
		t.Errorf("answered %q", got)
	}
	h.check()
}

// TestWritesInAPauseMakeRoom: a transaction that pauses and goes on to write finds no key that
// is due, and leaves none.
func TestWritesInAPauseMakeRoom(t *testing.T) {
	h := newHarness(t, setup{})
	a := h.connect()
	a.do("RPUSH l old", "PEXPIRE l 10", "SET n 5 PX 10", "RPUSH m old", "PEXPIRE m 10")
	h.advance(20 * time.Millisecond)
	a.do("MULTI", "CLIENT PAUSE 1000", "RPUSH l new", "INCR n", "LLEN m")
	a.want("*4 +OK :1 :1 :0", "EXEC")
	h.advance(2 * time.Second)
	h.e.Tick()
	a.want("*1 $3 new $1 1 :2", "LRANGE l 0 -1", "GET n", "DBSIZE")
	h.check()
}

// TestPausesAreReplayed: those of the recording and the one that it has found, with all that
// does not expire meanwhile. What is held is a step when it is executed.
func TestPausesAreReplayed(t *testing.T) {
	var p tape
	h := newHarness(t, setup{change: p.options})
	a, b, c := h.connect(), h.connect(), h.connect()
	a.do("CLIENT PAUSE 50 WRITE", "CLIENT REPLY SKIP")
	a.do("PING")
	c.do("CLIENT REPLY OFF")
	a.do("RECORD START x")
	b.do("SET k held PX 30")
	h.advance(40 * time.Millisecond)
	h.e.Tick()
	a.do("GET k", "DBSIZE")
	h.advance(20 * time.Millisecond)
	h.e.Tick()
	h.resumeHeld()
	a.do("GET k", "MULTI", "SET soon v PX 5", "CLIENT PAUSE 100", "EXEC")
	b.do("GET k")
	c.do("SET other v")
	h.advance(50 * time.Millisecond)
	h.e.Tick()
	h.advance(60 * time.Millisecond)
	h.e.Tick()
	h.resumeHeld()
	a.do("CLIENT PAUSE 60000 WRITE")
	b.do("INCR n")
	a.do("CLIENT UNPAUSE", "GET n")
	h.resumeHeld()
	a.do("GET n", "DBSIZE")
	a.do("RECORD STOP")
	var steps []string
	for _, s := range p.steps {
		if s.Kind == resp.StepCommand && s.Conn != 1 {
			steps = append(steps, string(s.Args[0]))
		}
	}
	if got := strings.Join(steps, " "); got != "SET GET SET INCR" {
		t.Errorf("the steps of others are %s", got)
	}
	if diverged := playTape(t, h, &p); diverged > 0 {
		t.Errorf("%d steps diverged:\n%s", diverged, &p)
	}
}
