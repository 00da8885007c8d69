package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
)

// tape is a recorder in memory.
type tape struct {
	name     string
	offset   uint64
	settings map[string]string
	steps    []resp.Step
	closed   bool
	fail     int // the number of steps after which it fails; 0: never
}

func (p *tape) Step(s resp.Step) error {
	if p.fail > 0 && len(p.steps) == p.fail {
		return errors.New("no space left on device")
	}
	s.Args, s.Reply = cloneArgs(s.Args), bytes.Clone(s.Reply)
	p.steps = append(p.steps, s)
	return nil
}

func (p *tape) Close() error { p.closed = true; return nil }

func (p *tape) options(o *Options) {
	o.Record = func(name string, offset uint64, settings map[string]string) (Recorder, error) {
		p.name, p.offset, p.settings = name, offset, settings
		return p, nil
	}
}

func (p *tape) String() string {
	var b strings.Builder
	for _, s := range p.steps {
		fmt.Fprintf(&b, "%d conn %d +%dms", s.Kind, s.Conn, s.Clock/1000-startMS)
		if s.Addr != "" {
			fmt.Fprintf(&b, " %s", s.Addr)
		}
		if s.Seed != 0 {
			fmt.Fprintf(&b, " seed %d", s.Seed)
		}
		if s.Volatile {
			b.WriteString(" volatile")
		}
		if len(s.Args) > 0 {
			fmt.Fprintf(&b, " %s", join(s.Args))
		}
		if s.Kind == resp.StepCommand || s.Kind == resp.StepPush {
			fmt.Fprintf(&b, " -> %s", cmp.Or(flat(string(s.Reply)), "nothing"))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestRecordedSteps holds the steps of a short session with everything in it.
func TestRecordedSteps(t *testing.T) {
	var p tape
	h := newHarness(t, setup{change: p.options})
	a, b := h.connect(), h.connect()
	a.do("SELECT 2", "SET before 1", "SELECT 0")
	b.do("SELECT 4", "WATCH k", "SELECT 1", "MULTI", "SET k v")
	a.want("+OK", "RECORD START demo")
	a.do("SET k v PX 20")
	h.advance(time.Millisecond)
	a.run("GET k")
	b.run("EXEC")
	a.run("RANDOMKEY")
	h.e.Commit()
	a.take()
	c := h.connect()
	h.advance(30 * time.Millisecond)
	h.e.Tick()
	c.do("NOSUCH", "CLIENT REPLY OFF", "PING")
	b.s.Closed()
	a.want(":17", "RECORD STOP")
	a.do("SET after 1")
	want := `1 conn 1 +0ms 127.0.0.1:40001
1 conn 2 +0ms 127.0.0.1:40002
2 conn 2 +0ms SELECT 4
2 conn 2 +0ms WATCH k
2 conn 2 +0ms SELECT 1
2 conn 2 +0ms MULTI
2 conn 2 +0ms SET k v
3 conn 1 +0ms SET k v PX 20 -> +OK
3 conn 1 +1ms GET k -> $1 v
3 conn 2 +1ms EXEC -> *1 +OK
3 conn 1 +1ms seed 1 RANDOMKEY -> $1 k
1 conn 3 +1ms 127.0.0.1:40003
5 conn 0 +31ms
3 conn 3 +31ms NOSUCH -> -ERR unknown command 'NOSUCH', with args beginning with:
3 conn 3 +31ms CLIENT REPLY OFF -> nothing
3 conn 3 +31ms PING -> nothing
4 conn 2 +31ms
`
	if got := p.String(); got != want {
		t.Errorf("recorded\n%s\nnot\n%s", got, want)
	}
	if !p.closed || p.name != "demo" || p.offset != 1 {
		t.Errorf("closed: %v, name %q, offset %d", p.closed, p.name, p.offset)
	}
	h.check()
}

func TestRecordErrors(t *testing.T) {
	var p tape
	h := newHarness(t, setup{change: p.options})
	c := h.connect()
	c.want("-ERR nothing is being recorded", "RECORD STOP")
	for _, name := range []string{"../x", "'a b'", "-x", "''", strings.Repeat("x", 101), "a/b"} {
		if got := c.do("RECORD START " + name); !strings.HasPrefix(got, "-ERR a recording's name") {
			t.Errorf("the name %s was answered %q", name, got)
		}
	}
	c.do("RECORD START one")
	c.want("-ERR recording 'one' is under way since offset 0; stop it first", "RECORD START two")
	c.want("*10 $9 recording :1 $4 name $3 one $6 offset :0 $7 started :1767225600 $5 steps :1", "RECORD STATUS")
	c.do("RECORD STOP")
	c.want("*2 $9 recording :0", "RECORD STATUS")

	plain := newHarness(t, setup{})
	plain.connect().want("-ERR this server cannot record: that is for one that runs on its log", "RECORD START x")
}

// TestFailingRecorder: a recorder that cannot write is given up, the server is
// not.
func TestFailingRecorder(t *testing.T) {
	p := tape{fail: 3}
	h := newHarness(t, setup{change: p.options})
	c := h.connect()
	c.do("RECORD START x")
	for range 5 {
		c.want("+OK", "SET k v")
	}
	if !p.closed || len(p.steps) != 3 {
		t.Errorf("closed: %v after %d steps", p.closed, len(p.steps))
	}
	c.want("-ERR nothing is being recorded", "RECORD STOP")
}

// TestRecordingEndsBeforeAFailure: what clients were told of a full disk
// cannot be replayed, so the recording ends before that turn.
func TestRecordingEndsBeforeAFailure(t *testing.T) {
	var p tape
	d := &brokenDisk{}
	h := newHarness(t, setup{change: p.options, faults: d.faults()})
	c := h.connect()
	c.do("RECORD START x")
	c.do("SET k 1")
	d.full.Store(true)
	c.do("SET k 2")
	h.post()
	if !p.closed || len(p.steps) != 2 {
		t.Errorf("closed: %v, recorded\n%s", p.closed, &p)
	}
	h.healed(d, c)
}

func TestSaveIsRecordedWithItsReply(t *testing.T) {
	var p tape
	var m maker
	h := newHarness(t, setup{change: func(o *Options) { m.options(o); p.options(o) }})
	c := h.connect()
	c.do("RECORD START x")
	c.do("SAVE")
	m.good()
	h.post()
	c.want("+OK +OK", "SET k v")
	want := "1 conn 1 +0ms 127.0.0.1:40001\n3 conn 1 +0ms SAVE -> +OK\n3 conn 1 +0ms SET k v -> +OK\n"
	if got := p.String(); got != want {
		t.Errorf("recorded\n%s\nnot\n%s", got, want)
	}
}

// TestReplay records random sessions of several connections and plays each
// against a fresh engine on the state at the recording's offset: no reply may
// differ, and the end must be the same.
func TestReplay(t *testing.T) {
	for seed := range uint64(8) {
		var p tape
		h := newHarness(t, setup{change: p.options})
		r := rand.New(rand.NewPCG(seed, 7))
		h.seed = seed << 32
		clients := []*client{h.connect(), h.connect(), h.connect()}
		if seed%2 == 1 {
			h.connect().do("CONFIG SET notify-keyspace-events AKEnm")
		}
		randomTurns(h, r, clients, 150)
		for slices.ContainsFunc(clients, func(c *client) bool { return c.s.(*Session).lost }) {
			randomTurns(h, r, clients, 1) // a lost watch has no prelude
		}
		h.connect().want("+OK", "RECORD START x")
		clients = append(clients, h.connect())
		randomTurns(h, r, clients, 400)
		h.connect().do("RECORD STOP")

		if diverged := playTape(t, h, &p); diverged > 0 {
			t.Fatalf("seed %d: %d of %d steps diverged", seed, diverged, len(p.steps))
		}
	}
}

// randomTurns plays turns of a few random commands.
func randomTurns(h *harness, r *rand.Rand, clients []*client, turns int) {
	for range turns {
		for range 1 + r.IntN(4) {
			if c := clients[r.IntN(len(clients))]; !c.s.Waiting() {
				c.run(randomCommand(r))
			}
		}
		h.e.Commit()
		for _, c := range clients {
			c.take()
		}
		h.advance(time.Duration(r.IntN(3000)) * time.Microsecond)
		if r.IntN(4) == 0 {
			h.e.Tick()
		}
	}
}

// randomCommand is one command over few keys, so that they meet.
func randomCommand(r *rand.Rand) string {
	k := func() string { return string(rune('a' + r.IntN(6))) }
	n := r.IntN(40)
	choices := []string{
		"SET " + k() + " " + fmt.Sprint(n), "SET " + k() + fmt.Sprintf(" v PX %d", 1+n/4), "SET " + k() + " v KEEPTTL",
		"GET " + k(), "INCR " + k(), "INCRBY " + k() + fmt.Sprint(" ", n), "APPEND " + k() + " xy", "DEL " + k() + " " + k(),
		"HSET h" + k() + " f" + k() + " v", "HGET h" + k() + " f" + k(), "HDEL h" + k() + " f" + k(), "HRANDFIELD h" + k() + " -3",
		"HGETALL h" + k(), "RANDOMKEY", "KEYS *", "SCAN 0", "DBSIZE", "MGET a b c d e f", "MSET " + k() + " 1 " + k() + " 2",
		"PEXPIRE " + k() + fmt.Sprint(" ", n), "PTTL " + k(), "PERSIST " + k(), "RENAME " + k() + " " + k(), "COPY " + k() + " " + k(),
		"MOVE " + k() + " 1", "SELECT " + fmt.Sprint(r.IntN(2)), "MULTI", "MULTI", "EXEC", "EXEC", "EXEC", "DISCARD", "WATCH " + k(), "UNWATCH",
		"TYPE " + k(), "OBJECT ENCODING " + k(), "NOSUCH", "GET", "HSET " + k() + " f v", "SETRANGE " + k() + " 3 zz", "GETEX " + k() + " PX 5",
		"SWAPDB 0 1", "EXISTS " + k() + " " + k(), "LASTSAVE",
	}
	if r.IntN(4) == 0 {
		choices = waitingAndListening(k, n)
	}
	switch r.IntN(60) {
	case 0:
		return "FLUSHDB"
	case 1, 2, 3:
		choices = settingTheClock(r)
	}
	return choices[r.IntN(len(choices))]
}

// settingTheClock are the commands of CLOCK, most of which bring it back.
func settingTheClock(r *rand.Rand) []string {
	return []string{
		"CLOCK FREEZE", "CLOCK FREEZE", "CLOCK GET", "CLOCK GET", "CLOCK RUN", "CLOCK RUN 2.5", "CLOCK RUN 0.1", "CLOCK REAL", "CLOCK REAL",
		fmt.Sprint("CLOCK ADVANCE ", r.IntN(30)), fmt.Sprint("CLOCK ADVANCE ", r.IntN(30)), fmt.Sprint("CLOCK SET ", startMS*1000+r.IntN(1_000_000)), "CLOCK SET soon",
	}
}

// waitingAndListening are commands that wait or have others sent something.
func waitingAndListening(k func() string, n int) []string {
	return []string{
		"LPUSH l" + k() + " " + k(), "LPUSH l" + k() + " 1 2 3", "RPUSH l" + k() + " " + k(), "LLEN l" + k(), "DEL l" + k(), "RENAME l" + k() + " l" + k(),
		"BLPOP l" + k() + " l" + k() + fmt.Sprintf(" 0.0%d", n%10), "BLPOP l" + k() + " 0.03", "BLMOVE l" + k() + " l" + k() + " RIGHT LEFT 0.01",
		"WAIT 1 5", "WAIT 0 5", fmt.Sprintf("CLIENT UNBLOCK %d", n%5), fmt.Sprintf("CLIENT UNBLOCK %d ERROR", n%5),
		"SUBSCRIBE c" + k() + " c" + k(), "PSUBSCRIBE c*", "PSUBSCRIBE __key*" + k(), "PSUBSCRIBE *" + k(), "SSUBSCRIBE c" + k(), "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE",
		"PUBLISH c" + k() + " message", "PUBLISH c" + k() + " message", "SPUBLISH c" + k() + " message", "PUBSUB CHANNELS", "PUBSUB NUMSUB c" + k(),
		"UNSUBSCRIBE c" + k(), "RESET", "RESET", "HELLO 3", "HELLO 3", "CLIENT REPLY SKIP",
	}
}

// playTape plays a recording and counts the replies that differ.
func playTape(t *testing.T, h *harness, p *tape) (diverged int) {
	t.Helper()
	var clock int64
	var seed, conn uint64
	twin := newHarness(t, setup{change: func(o *Options) {
		o.Clock = func() int64 { return clock }
		o.Seed = func() uint64 { return seed }
		o.ConnID = func() uint64 { return conn }
		o.Played = true
		o.Config = NewConfig()
		for name, text := range p.settings {
			if err := o.Config.Set(name, text); err != nil {
				t.Fatal(err)
			}
		}
	}})
	st := state.New(0)
	err := eachEntry(h.log, func(en log.Entry) error {
		if en.Offset > p.offset {
			return nil
		}
		return st.ApplyEntry(en.Body)
	})
	if err != nil {
		t.Fatal(err)
	}
	twin.e.state = st
	twin.e.checkpoint.lastSave = h.e.checkpoint.lastSave
	clients := map[uint64]*client{}
	for _, s := range p.steps {
		clock, seed, conn = s.Clock, s.Seed, s.Conn
		switch s.Kind {
		case resp.StepConnect:
			clients[s.Conn] = twin.connect()
		case resp.StepDisconnect:
			clients[s.Conn].s.Closed()
		case resp.StepTick:
			twin.e.Tick()
		case resp.StepEvict, resp.StepFull:
			if err := twin.e.PlayEviction(s); err != nil {
				t.Fatal(err)
			}
		case resp.StepChange, resp.StepHold:
			if err := twin.e.PlayChange(s); err != nil {
				t.Fatal(err)
			}
		case resp.StepPush:
			got := ""
			if c := clients[s.Conn]; len(c.frames) > 0 {
				got, c.frames = c.frames[0], c.frames[1:]
			}
			if got != string(s.Reply) {
				t.Errorf("connection %d: was sent %q, and is now %q", s.Conn, s.Reply, got)
				diverged++
			}
		default:
			c := clients[s.Conn]
			c.take() // frames, which are compared by themselves
			c.s.Run([][][]byte{s.Args}, &c.out)
			got := c.take()
			twin.e.Commit()
			if s.Kind == resp.StepPrelude {
				for _, other := range clients {
					other.frames = nil
				}
			} else if got != string(s.Reply) {
				t.Errorf("connection %d: %s was answered %q, and is now %q", s.Conn, join(s.Args), s.Reply, got)
				diverged++
			}
		}
	}
	for id, c := range clients {
		if len(c.frames) > 0 {
			t.Errorf("connection %d: is sent %d frames that it was not", id, len(c.frames))
			diverged++
		}
	}
	if live, played := h.e.state.Digest(), twin.e.state.Digest(); live != played {
		t.Errorf("the state after the recording is %016x, after its replay %016x", live, played)
		diverged++
	}
	return diverged
}

// TestRecordingAfterSkip: the reply that CLIENT REPLY SKIP is about is that of RECORD START
// itself, on its connection; on another it is yet to come.
func TestRecordingAfterSkip(t *testing.T) {
	var p tape
	h := newHarness(t, setup{change: p.options})
	a, b := h.connect(), h.connect()
	b.do("CLIENT REPLY SKIP")
	if got := a.do("CLIENT REPLY SKIP", "RECORD START x"); got != "" {
		t.Errorf("RECORD START is answered %q", got)
	}
	a.want("+PONG", "PING")
	a.want("$1 x", "ECHO x")
	if got := b.do("PING"); got != "" {
		t.Errorf("PING after SKIP is answered %q", got)
	}
	b.want("+PONG", "PING")
	a.do("RECORD STOP")
	if diverged := playTape(t, h, &p); diverged > 0 {
		t.Errorf("%d steps diverged:\n%s", diverged, &p)
	}
}

// TestRecordingBeginsWithNothingDue: what a recording tells of the time before it, it does by
// commands, which would remove keys that were due then and that the server had not removed.
func TestRecordingBeginsWithNothingDue(t *testing.T) {
	for _, active := range []bool{true, false} {
		var p tape
		h := newHarness(t, setup{change: p.options})
		h.e.expiry.active = active
		var all []*client
		for range 5 {
			all = append(all, h.connect())
		}
		one, two, watcher, listener, c := all[0], all[1], all[2], all[3], all[4]
		one.do("HELLO 3", "CLIENT TRACKING ON")
		two.do("HELLO 3", "CLIENT TRACKING ON BCAST")
		c.do("CONFIG SET notify-keyspace-events KEA", "SET tracked v PX 5", "SET other v PX 5", "SET later v PX 500", "SELECT 3", "SET there v PX 5", "SELECT 0")
		one.do("GET tracked", "GET other", "GET later")
		watcher.do("WATCH later", "MULTI", "SET seen 1")
		listener.do("PSUBSCRIBE *")
		h.advance(7 * time.Millisecond)
		two.take()
		c.want("+OK", "RECORD START x")
		if got := two.told(); !strings.Contains(got, "there") {
			t.Errorf("who tracks all is told %q", got)
		}
		c.want(":1", "DBSIZE")
		watcher.do("EXEC")
		c.do("SET tracked 1", "EXISTS other")
		one.do("MGET tracked other")
		c.do("DEL tracked")
		h.advance(time.Second)
		h.e.Tick()
		c.do("GET later", "RECORD STOP")
		if diverged := playTape(t, h, &p); diverged > 0 {
			t.Errorf("active expiry %v: %d steps diverged:\n%s", active, diverged, &p)
		}
		h.check()
	}
}

// TestRecordingOfThePast: what is asked of the past is no step, so it leaves nothing behind that
// later steps depend on.
func TestRecordingOfThePast(t *testing.T) {
	var p tape
	var h *harness
	h = newHarness(t, setup{change: func(o *Options) {
		p.options(o)
		o.Past = func(q PastRequest) PastAnswer { return askRoom(h, q) }
		o.Follow = func(ctx context.Context, _ uint64, _ [][]byte, _ func(uint64, []byte) error, _ func() error) error {
			<-ctx.Done()
			return ctx.Err()
		}
	}})
	a, b, c := h.connect(), h.connect(), h.connect()
	asked := func(c *client, command, want string) {
		t.Helper()
		c.do(command)
		h.post()
		if got := flat(c.take()); !strings.Contains(got, want) {
			t.Errorf("%s is answered %q, want %q", command, got, want)
		}
	}
	c.do("SET k 1", "SET other 1")
	asked(b, "ASOF @1", "@1")
	b.do("MULTI", "GET k")
	c.want("+OK", "RECORD START x")
	asked(b, "EXEC", "$1 1")
	b.want("+OK +OK $1 2", "ASOF LATEST", "SET k 2", "GET k")
	a.do("WATCH k", "WATCH other")
	asked(a, "ASOF @1", "@1")
	a.do("MULTI", "GET k")
	asked(a, "EXEC", "$1 1")
	a.do("MULTI", "DISCARD", "UNWATCH", "ASOF LATEST")
	b.do("SET k 3")
	a.want("+OK +QUEUED *-1", "MULTI", "GET k", "EXEC")
	asked(a, "ASOF @1", "@1") // DEBUG asks the past, or does something to the server
	asked(a, "DEBUG DIGEST", "+")
	a.want("+OK", "DEBUG SET-ACTIVE-EXPIRE 0")
	a.do("RESET")
	asked(b, "LOG SUBSCRIBE @last", "logsubscribe") // what is allowed then is allowed as ever
	if got := b.do("GET k", "PING"); !strings.Contains(got, "-ERR Can't execute 'get'") || !strings.Contains(got, "pong") {
		t.Errorf("who follows the log is answered %q", got)
	}
	b.do("SUBSCRIBE c", "LOG UNSUBSCRIBE", "PING", "UNSUBSCRIBE c", "GET k")
	c.do("RECORD STOP")
	if steps := p.String(); !strings.Contains(steps, "ACTIVE-EXPIRE") || strings.Contains(steps, "DIGEST") {
		t.Errorf("the steps are\n%s", steps)
	}
	if diverged := playTape(t, h, &p); diverged > 0 {
		t.Errorf("%d steps diverged:\n%s", diverged, &p)
	}
}

// TestRecordingBeginsWhileOneSaves: the reply to a command that waited for the disk when the
// recording began is no step, since the command is none.
func TestRecordingBeginsWhileOneSaves(t *testing.T) {
	var p tape
	var m maker
	h := newHarness(t, setup{change: func(o *Options) { m.options(o); p.options(o) }})
	a, b, c := h.connect(), h.connect(), h.connect()
	a.do("SET k v", "SAVE")
	b.do("CLIENT PAUSE 5 WRITE")
	b.run("SET k w") // it has not begun, and becomes a step when it does
	h.e.Commit()
	c.want("+OK", "RECORD START x")
	m.good()
	h.post()
	if got := flat(a.take()); got != "+OK" {
		t.Errorf("SAVE is answered %q", got)
	}
	h.advance(10 * time.Millisecond)
	a.want("$1 v", "GET k")
	h.resumeHeld()
	if got := flat(b.take()); got != "+OK" {
		t.Errorf("SET is answered %q", got)
	}
	a.want("$1 w", "GET k")
	c.do("RECORD STOP")
	if diverged := playTape(t, h, &p); diverged > 0 {
		t.Errorf("%d steps diverged:\n%s", diverged, &p)
	}
}
