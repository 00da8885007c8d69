package engine

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

// brokenDisk fails writes while full is set, leaving short bytes of each.
type brokenDisk struct {
	full  atomic.Bool
	short int
	tries atomic.Int64
}

func (d *brokenDisk) faults() *log.Faults {
	return &log.Faults{Write: func([]byte) (int, error) {
		d.tries.Add(1)
		if d.full.Load() {
			return d.short, syscall.ENOSPC
		}
		return 0, nil
	}}
}

const misconf = "-MISCONF Errors writing to the log: no space left on device. " +
	"Commands that may modify the data are disabled; reads go on. Free space (or fix the disk) and writing resumes by itself."

// TestFailedTurnHasNotHappened: every reply of a turn whose write fails is an
// error, a read's too, and nothing of it is there afterwards.
func TestFailedTurnHasNotHappened(t *testing.T) {
	for _, short := range []int{0, 1, 7, 30} {
		d := &brokenDisk{short: short}
		h := newHarness(t, setup{faults: d.faults()})
		a, b := h.connect(), h.connect()
		a.want("+OK", "SET k old")
		d.full.Store(true)
		a.run("GET k", "SET k new", "GET k")
		b.run("GET k", "SET other 1")
		h.e.Commit()
		if got, want := flat(a.take()), misconf+" "+misconf+" "+misconf; got != want {
			t.Fatalf("a was answered %q", got)
		}
		if got, want := flat(b.take()), misconf+" "+misconf; got != want {
			t.Fatalf("b was answered %q", got)
		}
		a.want("-LOADING Redis is loading the dataset in memory", "GET k")
		a.want(misconf, "SET k x")
		h.post() // rebuilt
		a.want("$3 old", "GET k")
		b.want("$-1", "GET other")
		a.want(misconf, "SET k x")
		h.post() // a try to heal, in vain
		a.want(misconf, "SET k x")
		h.healed(d, a)
		a.want("$3 old", "GET k")
		a.want("+OK", "SET k newer")
		h.check()
	}
}

// healed gives the disk its room back and waits until writes work.
func (h *harness) healed(d *brokenDisk, c *client) {
	h.t.Helper()
	d.full.Store(false)
	deadline := time.Now().Add(20 * time.Second)
	for h.e.mode != modeReady {
		if time.Now().After(deadline) {
			h.t.Fatal("the engine does not heal")
		}
		h.e.failure.last = time.Time{} // the pause between two tries is over
		if h.e.Tick(); h.e.failure.busy {
			h.post()
		}
	}
	c.want("+OK", "SET healed 1")
}

// TestFailureAndSessions: what a session was before the failed turn it is
// again, as far as its client can know.
func TestFailureAndSessions(t *testing.T) {
	table := []struct {
		name   string
		before []string // in turns of their own
		failed []string // the turn that fails; SET x 1 is added by another client
		after  []string
		want   string
	}{
		{"database", []string{"SELECT 3"}, []string{"SELECT 5"}, []string{"SET k 1", "SELECT 3", "GET k"}, "+OK +OK $1 1"},
		{"MULTI in the turn is none", nil, []string{"MULTI", "SET k 1"}, []string{"EXEC"}, "-ERR EXEC without MULTI"},
		{"EXEC in the turn ends it", []string{"MULTI", "SET k 1"}, []string{"EXEC"}, []string{"GET k", "EXEC"}, "$-1 -ERR EXEC without MULTI"},
		{"DISCARD in the turn ends it", []string{"MULTI"}, []string{"DISCARD"}, []string{"GET k"}, "$-1"},
		{"whole transaction", nil, []string{"MULTI", "SET k 1", "EXEC"}, []string{"GET k"}, "$-1"},
		{
			"queueing in the turn loses it",
			[]string{"MULTI", "SET k 1"},
			[]string{"SET l 1"},
			[]string{"EXEC", "GET k"},
			"-EXECABORT Transaction discarded because of previous errors. $-1",
		},
		{"EXEC and a new MULTI", []string{"MULTI"}, []string{"EXEC", "MULTI", "SET k 1"}, []string{"GET k"}, "$-1"},
		{"what was watched counts as changed", []string{"WATCH k"}, []string{"GET k"}, []string{"MULTI", "PING", "EXEC"}, "+OK +QUEUED *-1"},
		{"UNWATCH failed", []string{"WATCH k"}, []string{"UNWATCH"}, []string{"MULTI", "PING", "EXEC"}, "+OK +QUEUED *-1"},
		{"EXEC ended the watching", []string{"WATCH k", "MULTI"}, []string{"EXEC"}, []string{"MULTI", "PING", "EXEC"}, "+OK +QUEUED *1 +PONG"},
	}
	for _, x := range table {
		t.Run(x.name, func(t *testing.T) {
			d := &brokenDisk{short: 3}
			h := newHarness(t, setup{faults: d.faults()})
			c, other := h.connect(), h.connect()
			for _, line := range x.before {
				c.do(line)
			}
			d.full.Store(true)
			c.run(x.failed...)
			other.run("SET x 1")
			h.e.Commit()
			other.take()
			if got := strings.Count(c.take(), "-MISCONF"); got != len(x.failed) {
				t.Fatalf("%d replies for %d commands", got, len(x.failed))
			}
			h.post()
			h.healed(d, other)
			c.want(x.want, x.after...)
			other.want("$-1", "GET x")
			h.check()
		})
	}
}

func TestExecIsRefusedWhileReadonly(t *testing.T) {
	d := &brokenDisk{}
	h := newHarness(t, setup{faults: d.faults()})
	c, other := h.connect(), h.connect()
	c.do("SET k v")
	c.do("MULTI", "SET k w")
	d.full.Store(true)
	other.do("SET x 1")
	h.post()
	c.want("-EXECABORT Transaction discarded because of: "+misconf[1:], "EXEC")
	c.want("+OK +QUEUED *1 $1 v", "MULTI", "GET k", "EXEC")
	c.want("+OK "+misconf+" -EXECABORT Transaction discarded because of previous errors.", "MULTI", "SET k w", "EXEC")
	h.healed(d, c)
	h.check()
}

// TestDueKeysWhileReadonly: a key whose time comes while the log cannot be
// written is hidden, and removed once it can.
func TestDueKeysWhileReadonly(t *testing.T) {
	d := &brokenDisk{}
	h := newHarness(t, setup{faults: d.faults()})
	c := h.connect()
	c.do("SET k v PX 50")
	d.full.Store(true)
	c.do("SET x 1")
	h.post()
	h.advance(time.Second)
	c.want("$-1", "GET k")
	h.healed(d, c)
	h.e.Tick()
	c.want(":1", "DBSIZE") // "healed"
	h.check()
}

// TestCountWhileReadonly: PFCOUNT answers while the log cannot be written, but does not
// keep what it has counted; it does once the log can.
func TestCountWhileReadonly(t *testing.T) {
	d := &brokenDisk{}
	h := newHarness(t, setup{faults: d.faults()})
	c := h.connect()
	c.do("PFADD k a b")
	d.full.Store(true)
	c.do("SET x 1")
	h.post()
	stale, kept := "$8 \x00\x00\x00\x00\x00\x00\x00\x80", "$8 \x02\x00\x00\x00\x00\x00\x00\x00"
	c.want(":2", "PFCOUNT k")
	c.want("+OK +QUEUED *1 :2", "MULTI", "PFCOUNT k", "EXEC")
	c.want(stale, "GETRANGE k 8 15")
	h.healed(d, c)
	c.want(":2", "PFCOUNT k")
	c.want(kept, "GETRANGE k 8 15")
	h.check()
}

// TestFailedTickHasNotHappened: expiry may be what meets the full disk.
func TestFailedTickHasNotHappened(t *testing.T) {
	d := &brokenDisk{}
	h := newHarness(t, setup{faults: d.faults()})
	c := h.connect()
	c.do("SET k v PX 50", "SET l v")
	h.advance(time.Second)
	d.full.Store(true)
	h.e.Tick()
	h.post()
	c.want("*2 $-1 $1 v", "MGET k l")
	h.healed(d, c)
	h.check()
}

// TestRebuildIsTriedAgain: reading the log back may fail as well.
func TestRebuildIsTriedAgain(t *testing.T) {
	d := &brokenDisk{}
	var tries atomic.Int64
	h := newHarness(t, setup{faults: d.faults(), change: func(o *Options) {
		o.Rebuild = func(l *log.Log) (*state.State, error) {
			if tries.Add(1) < 3 {
				return nil, errors.New("input/output error")
			}
			return replayLog(l)
		}
	}})
	c := h.connect()
	c.do("SET k v")
	d.full.Store(true)
	c.do("SET k w")
	d.full.Store(false)
	h.post()
	c.want("-LOADING Redis is loading the dataset in memory", "GET k")
	h.healed(d, c)
	c.want("$1 v", "GET k")
	if n := tries.Load(); n != 3 {
		t.Fatalf("rebuilt %d times", n)
	}
	h.check()
}

// TestBrokenState: a state that refuses an event is a bug; what was answered
// before stands, nothing is executed on it any more, and the log gives it back.
func TestBrokenState(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	h.e.rows[h.e.table.Command([]byte("append")).Ord].spec.Decide = badDecision
	c.run("SET k v", "APPEND k x", "GET k")
	h.e.Commit()
	got := strings.Split(strings.TrimSpace(c.take()), "\r\n")
	if len(got) != 3 || got[0] != "+OK" || !strings.HasPrefix(got[1], "-ERR internal error") || !strings.HasPrefix(got[2], "-LOADING") {
		t.Fatalf("answered %q", got)
	}
	h.post()
	c.want("$1 v", "GET k")
	h.post()
	c.want("+OK", "SET k w")
	c.run("MULTI", "SET k x", "APPEND k x", "SET k y", "EXEC")
	h.e.Commit()
	if out := c.take(); !strings.Contains(out, "-ERR internal error") || strings.Contains(out, "*3") {
		t.Fatalf("EXEC answered %q", out)
	}
	h.post()
	h.post()
	c.want("$1 w", "GET k")
	h.check()
}

// TestNoAckWithoutCommit drives two clients through random failures and keeps a
// book of what was acknowledged: it must be in the log, and nothing else.
func TestNoAckWithoutCommit(t *testing.T) {
	d := &brokenDisk{short: 5}
	h := newHarness(t, setup{faults: d.faults()})
	c := h.connect()
	acked := 0
	for i := range 60 {
		d.full.Store(i%4 == 3)
		if c.do("INCR n") == misconf+"\r\n" {
			h.post()
			h.healed(d, c)
			continue
		}
		acked++
	}
	st, err := replayLog(h.log)
	if err != nil {
		t.Fatal(err)
	}
	v, _, _ := st.View(0, startMS).String([]byte("n"))
	if got := string(v); got != "45" || acked != 45 {
		t.Fatalf("acknowledged %d, in the log %q", acked, got)
	}
	h.check()
}

// badDecision records what no state can take: a field of a key that holds a
// string.
func badDecision(c *command.Call) {
	c.Events.HashSet(c.Args[1], []byte("f"), []byte("v"))
	c.Out.OK()
}
