package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

// TestServedIsOneEntry: who is served is the cause of the entry, which stands right
// behind that of who served it; and a replay of the log ends in the same state.
func TestServedIsOneEntry(t *testing.T) {
	h := newHarness(t, setup{})
	a, b := h.connect(), h.connect()
	a.do("BLPOP k 0")
	b.run("MULTI", "LPUSH k 1", "LPUSH k 2", "EXEC", "LPUSH k 3")
	if h.log.Last() != 0 || a.take() != "" {
		t.Fatal("somebody was served before the Commit")
	}
	h.e.Commit()
	if got := flat(a.take()); got != "*2 $1 k $1 2" || a.resumed != 1 || a.s.Waiting() {
		t.Errorf("answered %q, resumed %d times", got, a.resumed)
	}
	for i, want := range []string{
		"db 0 conn 2 EXEC | Cause LPUSH | ListPush k | Cause LPUSH | ListPush k",
		"db 0 conn 1 BLPOP | ListPop k",
		"db 0 conn 2 LPUSH | ListPush k",
	} {
		if got := h.entry(uint64(i + 1)); got != want {
			t.Errorf("entry %d is\n%s, not\n%s", i+1, got, want)
		}
	}
	h.check()
}

// TestPipelineWaits: what a client has sent behind a command that waits is executed
// afterwards.
func TestPipelineWaits(t *testing.T) {
	h := newHarness(t, setup{})
	a, b := h.connect(), h.connect()
	cmds := [][][]byte{words("SET x 1"), words("BLPOP k 0"), words("GET x")}
	if n := a.s.Run(cmds, &a.out); n != 2 || !a.s.Waiting() || !a.s.Blocked() {
		t.Fatalf("Run consumed %d commands", n)
	}
	if n := a.s.Run(cmds[2:], &a.out); n != 0 {
		t.Fatal("Run did not wait")
	}
	h.e.Commit()
	if got := flat(a.take()); got != "+OK" {
		t.Fatalf("answered %q", got)
	}
	b.want(":1", "LPUSH k v")
	a.want("*2 $1 k $1 v $1 1", "GET x")
}

// TestWaitersOfAFailedTurn: who waited before it has not been served and waits on, in
// the old order; who began to wait in it is told that it failed.
func TestWaitersOfAFailedTurn(t *testing.T) {
	d := &brokenDisk{}
	h := newHarness(t, setup{faults: d.faults()})
	a, b, c, late, w := h.connect(), h.connect(), h.connect(), h.connect(), h.connect()
	a.do("BLPOP k 0")
	b.do("BLPOP other k 0.05")
	c.do("BLPOP k 0.01")
	d.full.Store(true)
	late.run("BLPOP k 0")
	w.run("LPUSH k 1 2", "CLIENT UNBLOCK 3")
	h.e.Commit()
	if got := flat(a.take() + b.take() + c.take()); got != "" {
		t.Fatalf("those who waited were sent %q", got)
	}
	if got := flat(late.take()); got != misconf || late.s.Waiting() {
		t.Fatalf("who began to wait was answered %q", got)
	}
	if got := flat(w.take()); got != misconf+" "+misconf {
		t.Fatalf("the writer was answered %q", got)
	}
	h.advance(20 * time.Millisecond)
	h.e.Tick() // loading: there is nothing to decide on
	if c.take() != "" {
		t.Fatal("a timeout without data")
	}
	h.post()
	h.e.Tick()
	if got := flat(c.take()); got != "*-1" {
		t.Fatalf("the timeout was answered %q", got)
	}
	h.healed(d, w)
	w.want(":3", "LPUSH k 1 2 3")
	if got := flat(a.take()) + " / " + flat(b.take()); got != "*2 $1 k $1 3 / *2 $1 k $1 2" {
		t.Fatalf("served: %s", got)
	}
	h.advance(time.Second)
	h.e.Tick()
	h.idle()
	h.check()
}

// idle holds that nobody waits, and that nothing is left of those who did.
func (h *harness) idle() {
	h.t.Helper()
	b := &h.e.block
	left := b.count + len(b.deadlines) + len(b.served) + len(b.ready) + len(b.leaving) + len(b.disk) + len(h.e.pushed)
	for _, byKey := range b.queues {
		left += len(byKey)
	}
	if left != 0 {
		h.t.Errorf("there is left of those who waited: %+v", b)
	}
}

// TestManyWaiters: each of ten thousand is decided once when it begins to wait and once
// when it is served, in its order, however they come to be served.
func TestManyWaiters(t *testing.T) {
	const many = 10_000
	for _, push := range []string{"one by one", "all at once", "in transactions"} {
		t.Run(push, func(t *testing.T) {
			h := newHarness(t, setup{change: func(o *Options) { o.Config = manyClients(t) }})
			clients := make([]*client, many)
			for i := range clients {
				clients[i] = h.connect()
				clients[i].run(fmt.Sprintf("BLPOP k none%d 1000", i))
			}
			h.e.Commit()
			w := h.connect()
			decided := 0
			row := &h.e.rows[h.e.table.Command([]byte("blpop")).Ord]
			decide := row.spec.Decide
			row.spec.Decide = func(c *command.Call) { decided++; decide(c) }
			elements := make([]string, many)
			for i := range elements {
				elements[i] = fmt.Sprint(i)
			}
			switch push {
			case "all at once":
				w.run("RPUSH k " + strings.Join(elements, " "))
			default:
				for i, x := range elements {
					if w.run("RPUSH k " + x); push == "in transactions" {
						w.run("MULTI", "RPUSH k x", "DEL k", "EXEC")
					}
					if i%100 == 0 {
						h.e.Commit()
					}
				}
			}
			h.e.Commit()
			for i, c := range clients {
				if got, want := flat(c.take()), fmt.Sprintf("*2 $1 k $%d %d", len(elements[i]), i); got != want {
					t.Fatalf("client %d got %q", i, got)
				}
			}
			if decided != many {
				t.Errorf("%d decisions", decided)
			}
			h.idle()
			h.check()
		})
	}
}

func manyClients(t *testing.T) *Config {
	c := NewConfig()
	if err := c.Set("maxclients", "20000"); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWaitingForAKeyToGo: one who wants to know when a key is gone, or is something else,
// is decided again then, in whatever way that happens.
func TestWaitingForAKeyToGo(t *testing.T) {
	for _, ends := range []string{"DEL h", "FLUSHDB", "FLUSHALL", "SWAPDB 0 1", "RENAME h i", "MOVE h 1", "HDEL h f", "SET h v", "PEXPIRE h 10", "MULTI,DEL h,EXEC"} {
		h := newHarness(t, setup{})
		a, b, w := h.connect(), h.connect(), h.connect()
		h.e.rows[h.e.table.Command([]byte("strlen")).Ord].spec.Decide = func(c *command.Call) {
			if c.Patience == command.MayWait && c.View.Type(c.Args[1]) == state.Hash {
				c.Wait(command.Waiting{Keys: c.Args[1:2], Type: state.String, Gone: true})
				return
			}
			c.Out.Simple("no hash")
		}
		w.do("HSET h f v", "HSET other f v")
		a.want("", "STRLEN h")
		b.want("", "STRLEN h")
		w.do("HSET h f w", "DEL other")
		w.do(strings.Split(ends, ",")...)
		h.advance(20 * time.Millisecond)
		h.e.Tick()
		if got := flat(a.take()) + " " + flat(b.take()); got != "+no hash +no hash" {
			t.Errorf("after %s they were answered %q", ends, got)
		}
		h.idle()
	}
}

// TestConsumersWaitForEntries: those who wait for entries of a group are decided again when
// one comes or the group is gone, and not by what the group's other consumers do.
func TestConsumersWaitForEntries(t *testing.T) {
	h := newHarness(t, setup{})
	w, a, b := h.connect(), h.connect(), h.connect()
	w.do("XGROUP CREATE s g $ MKSTREAM", "XADD s 1-1 f v", "XADD s 2-1 f v", "XADD s 3-1 f v", "XREADGROUP GROUP g w STREAMS s >")
	a.want("", "XREADGROUP GROUP g a BLOCK 0 STREAMS s >")
	b.want("", "XREADGROUP GROUP g b BLOCK 0 STREAMS s >")
	decided := 0
	row := &h.e.rows[h.e.table.Command([]byte("xreadgroup")).Ord]
	decide := row.spec.Decide
	row.spec.Decide = func(c *command.Call) { decided++; decide(c) }
	w.do("XACK s g 1-1", "XCLAIM s g v 0 2-1", "XAUTOCLAIM s g w 0 0", "XGROUP CREATECONSUMER s g u", "XGROUP DELCONSUMER s g u",
		"XDEL s 1-1", "XTRIM s MAXLEN 1", "XGROUP SETID s g 3-1")
	if decided != 0 {
		t.Errorf("%d decisions where no entry has come", decided)
	}
	w.do("XADD s 4-1 f v")
	if got := flat(a.take()) + " " + flat(b.take()); got != "*1 *2 $1 s *1 *2 $3 4-1 *2 $1 f $1 v " {
		t.Errorf("they were answered %q", got)
	}
	if decided != 2 {
		t.Errorf("%d decisions when one entry came for two", decided)
	}
	w.do("XGROUP DESTROY s g")
	if got := flat(b.take()); !strings.HasPrefix(got, "-NOGROUP") {
		t.Errorf("the group is gone: %q", got)
	}
	h.idle()
	h.check()
}

// TestConsumersWaitWhileTheGroupGoesBack: a group that LOG UNDO or LOG RESTORE moves back has
// entries again for those who wait, and they get them at once.
func TestConsumersWaitWhileTheGroupGoesBack(t *testing.T) {
	for _, how := range []string{"LOG UNDO @last", "LOG RESTORE @last^"} {
		h, _ := backHarness(t, setup{})
		w, a, b := h.connect(), h.connect(), h.connect()
		w.do("XGROUP CREATE s g $ MKSTREAM", "XADD s 1-1 f v", "XGROUP CREATECONSUMER s g a", "XREADGROUP GROUP g w STREAMS s >")
		a.want("", "XREADGROUP GROUP g a BLOCK 0 STREAMS s >")
		b.want("", "XREADGROUP GROUP g b BLOCK 0 STREAMS s >")
		if got := w.back(how); strings.HasPrefix(got, "-") {
			t.Fatalf("%s: %s", how, got)
		}
		if got := flat(a.take()); got != "*1 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 v" {
			t.Errorf("%s: the first who waits was answered %q", how, got)
		}
		if got := flat(b.take()); got != "" || !b.s.Waiting() {
			t.Errorf("%s: the second one was answered %q", how, got)
		}
		h.check()
	}
}

// TestWaitersLeave: whoever goes leaves nothing behind, wherever it stood.
func TestWaitersLeave(t *testing.T) {
	h := newHarness(t, setup{})
	clients := make([]*client, 100)
	for i := range clients {
		clients[i] = h.connect()
		clients[i].do(fmt.Sprintf("BLPOP k k%d k k 0.%d", i, i%7))
	}
	w := h.connect()
	for i := range clients {
		c := clients[i*37%len(clients)]
		switch i % 4 {
		case 0:
			c.s.Closed()
		case 1:
			c.s.Closed()
			w.run("LPUSH k v")
		case 2:
			w.do("LPUSH k v")
			c.s.Closed()
		case 3:
			w.do(fmt.Sprintf("CLIENT KILL ID %d", c.s.(*Session).id), "LPUSH k v")
			c.s.Closed()
		}
	}
	h.e.Commit()
	h.idle()
	h.check()
}

// TestTicksForTimeouts: the front end is told when somebody's time is over, by the
// Commit that makes it so or by a Tick.
func TestTicksForTimeouts(t *testing.T) {
	h := newHarness(t, setup{})
	a, b, c := h.connect(), h.connect(), h.connect()
	a.run("BLPOP k 0.030")
	if d := h.e.Commit(); d != 30*time.Millisecond {
		t.Errorf("the first is to be called in %v", d)
	}
	b.run("BLPOP k 0.050")
	if d := h.e.Commit(); d != 0 {
		t.Errorf("a later one in %v", d)
	}
	h.advance(10 * time.Millisecond)
	c.run("BLPOP k 0.001")
	if d := h.e.Commit(); d != time.Millisecond {
		t.Errorf("a sooner one in %v", d)
	}
	h.advance(time.Millisecond)
	if d := h.e.Tick(); d != 19*time.Millisecond || flat(c.take()) != "*-1" {
		t.Errorf("the next in %v", d)
	}
	h.advance(18999 * time.Microsecond)
	if d := h.e.Tick(); d != time.Microsecond || a.take() != "" {
		t.Errorf("too early: the next in %v", d)
	}
	h.advance(time.Microsecond)
	if h.e.Tick(); flat(a.take()) != "*-1" {
		t.Error("too late")
	}
	h.advance(time.Minute)
	if d := h.e.Tick(); d != maxTick || flat(b.take()) != "*-1" {
		t.Errorf("when nobody waits any more the next is in %v", d)
	}
	h.idle()
}

// TestWaitaof: the log's own durable offset says when; under always that is at once.
func TestWaitaof(t *testing.T) {
	h := newHarness(t, setup{policy: log.Always})
	c := h.connect()
	c.want("+OK *2 :1 :0", "SET k v", "WAITAOF 1 0 0")

	h = newHarness(t, setup{policy: log.No})
	c, other := h.connect(), h.connect()
	other.want("+OK", "SET k v")
	c.want("*2 :1 :0", "WAITAOF 1 0 0") // it has written nothing
	c.want("*2 :1 :0", "WAITAOF 0 0 0")
	other.want("*2 :0 :0", "WAITAOF 0 0 0")
	other.want("", "WAITAOF 1 0 0")
	if d := h.e.Tick(); d != diskPause || other.take() != "" {
		t.Fatalf("the next Tick is in %v", d)
	}
	if err := h.log.Sync(); err != nil {
		t.Fatal(err)
	}
	h.e.Tick()
	if got := flat(other.take()); got != "*2 :1 :0" || other.s.Waiting() {
		t.Fatalf("answered %q", got)
	}
	other.want("", "WAITAOF 1 1 10")
	h.advance(10 * time.Millisecond)
	h.e.Tick()
	if got := flat(other.take()); got != "*2 :1 :0" {
		t.Fatalf("after its time answered %q", got)
	}
	h.idle()
}

// TestWaitaofIsRecordedWithItsReply: nothing that is recorded brings it about.
func TestWaitaofIsRecordedWithItsReply(t *testing.T) {
	var p tape
	h := newHarness(t, setup{policy: log.No, change: p.options})
	c := h.connect()
	c.do("RECORD START x")
	c.do("SET k v", "WAITAOF 1 0 0")
	if err := h.log.Sync(); err != nil {
		t.Fatal(err)
	}
	h.e.Tick()
	c.do("RECORD STOP")
	want := "1 conn 1 +0ms 127.0.0.1:40001\n3 conn 1 +0ms SET k v -> +OK\n3 conn 1 +0ms volatile WAITAOF 1 0 0 -> *2 :1 :0\n"
	if got := p.String(); got != want {
		t.Errorf("recorded\n%s\nnot\n%s", got, want)
	}
	twin := newHarness(t, setup{change: func(o *Options) { o.Played = true }})
	twin.connect().want("+OK *2 :0 :0", "SET k v", "WAITAOF 1 0 0") // at once
}

// TestWhoWaitsIsShown in CLIENT LIST and INFO.
func TestWhoWaitsIsShown(t *testing.T) {
	h := newHarness(t, setup{})
	a, b := h.connect(), h.connect()
	a.do("BLPOP k l 10")
	list := b.do("CLIENT LIST")
	if !strings.Contains(list, "flags=b") || !strings.Contains(list, "cmd=blpop") {
		t.Errorf("CLIENT LIST: %s", list)
	}
	info := b.do("INFO clients")
	for _, want := range []string{"blocked_clients:1\r", "clients_in_timeout_table:1\r", "total_blocking_keys:2\r"} {
		if !strings.Contains(info, want) {
			t.Errorf("INFO lacks %s: %s", want, info)
		}
	}
	b.do("CLIENT KILL ID 1")
	if b.want(":1", "LPUSH k v"); !a.killed || a.take() != "" {
		t.Error("one that was killed was served")
	}
}

// TestRepliesOfWaitersCanBeUnwanted: CLIENT REPLY holds when the reply comes.
func TestRepliesOfWaitersCanBeUnwanted(t *testing.T) {
	h := newHarness(t, setup{})
	a, b := h.connect(), h.connect()
	a.do("CLIENT REPLY SKIP", "BLPOP k 0")
	b.want(":1", "LPUSH k v")
	if got := a.take(); got != "" || a.s.Waiting() || a.resumed != 1 {
		t.Errorf("SKIP: answered %q", got)
	}
	a.want("+PONG", "PING")
	a.do("CLIENT REPLY OFF", "BLPOP k 0")
	b.want(":1", "LPUSH k v")
	a.want("+OK", "CLIENT REPLY ON")
	h.idle()
}

// TestSaveSurvivesAFailedTurn: its result does not depend on the turn that tells it.
func TestSaveSurvivesAFailedTurn(t *testing.T) {
	var m maker
	d := &brokenDisk{}
	h := newHarness(t, setup{faults: d.faults(), change: m.options})
	a, b := h.connect(), h.connect()
	a.do("SET k v", "SAVE")
	m.good()
	f := <-h.posted
	d.full.Store(true)
	f()
	b.run("SET k w")
	h.e.Commit()
	if got := flat(a.take()); got != "+OK" || a.resumed != 1 {
		t.Errorf("SAVE was answered %q", got)
	}
	if got := flat(b.take()); got != misconf {
		t.Errorf("SET was answered %q", got)
	}
}
