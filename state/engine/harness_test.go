package engine

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
)

// harness is an engine over a real log in a temporary directory, driven by
// the test instead of a loop. Its clock stands still unless it is moved.
type harness struct {
	t      testing.TB
	dir    string
	log    *log.Log
	e      *Engine
	clock  int64 // µs
	seed   uint64
	posted chan func()
	opened int
	goOn   []*client // resumed, with commands that were held
}

// startMS is the clock of a new harness: 2026-01-01T00:00:00Z, in ms.
const startMS = 1767225600000

type setup struct {
	faults *log.Faults
	policy log.Policy
	size   int64
	change func(*Options) // may replace anything
}

func newHarness(t testing.TB, set setup) *harness {
	t.Helper()
	h := &harness{t: t, dir: t.TempDir() + "/data", clock: startMS * 1000, posted: make(chan func(), 64)}
	if _, err := log.Create(h.dir, log.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	d, err := log.OpenDir(h.dir, log.Options{Policy: set.policy, SegmentSize: set.size, Faults: set.faults})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Scan(1, func(log.Entry) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if h.log, err = d.OpenAppend(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.log.Close(true) })
	o := Options{
		Clock:   func() int64 { return h.clock },
		Seed:    func() uint64 { h.seed++; return h.seed },
		Post:    func(f func()) { h.posted <- f },
		Rebuild: replayLog,
	}
	if set.change != nil {
		set.change(&o)
	}
	h.e = New(o)
	h.e.Ready(h.log, state.New(0))
	return h
}

// replayLog is the simplest recovery there is.
func replayLog(l *log.Log) (*state.State, error) {
	st := state.New(0)
	err := eachEntry(l, func(en log.Entry) error { return st.ApplyEntry(en.Body) })
	return st, err
}

func eachEntry(l *log.Log, f func(log.Entry) error) error {
	r, err := l.Reader(1)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		en, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(en)
		}
		if err != nil {
			return err
		}
	}
}

// client is one connection. It is the engine's resp.Peer.
type client struct {
	h       *harness
	s       resp.Session
	out     resp.Writer
	addr    string
	hung    bool
	killed  bool
	resumed int
	held    [][][]byte // commands that a pause holds
	frames  []string   // given to Send
	unsent  int        // what Send and Unsent say
}

func (c *client) RemoteAddr() string { return c.addr }
func (c *client) LocalAddr() string  { return "127.0.0.1:6379" }
func (c *client) Hangup()            { c.hung = true }
func (c *client) Kill()              { c.killed = true }
func (c *client) Unsent() int        { return max(c.unsent, 0) }

// Resume ends a waiting.
func (c *client) Resume() {
	if c.resumed++; len(c.held) > 0 {
		c.h.goOn = append(c.h.goOn, c)
	}
}

// resumeHeld hands in again, as the front end would, what a pause has held.
func (h *harness) resumeHeld() {
	h.t.Helper()
	for len(h.goOn) > 0 {
		ready := h.goOn
		h.goOn = nil
		for _, c := range ready {
			cmds := c.held
			c.held = nil
			c.handIn(cmds)
		}
		h.e.Commit()
	}
}

// Send is what the engine hands over at the end of a turn.
func (c *client) Send(frames [][]byte) int {
	for _, f := range frames {
		c.out.Raw(f)
		c.frames = append(c.frames, string(f))
	}
	return c.Unsent()
}

func (h *harness) connect() *client {
	h.t.Helper()
	h.opened++
	c := &client{h: h, addr: fmt.Sprintf("127.0.0.1:%d", 40000+h.opened)}
	s, err := h.e.Open(c)
	if err != nil {
		h.t.Fatal(err)
	}
	c.s = s
	return c
}

// words splits a command at blanks; a word may be quoted with ' to hold some.
func words(line string) [][]byte {
	var args [][]byte
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		var word string
		if line[0] == '\'' {
			word, line, _ = strings.Cut(line[1:], "'")
		} else {
			word, line, _ = strings.Cut(line, " ")
		}
		args = append(args, []byte(word))
	}
	return args
}

// run hands commands to the session without ending the turn.
func (c *client) run(lines ...string) {
	c.h.t.Helper()
	cmds := make([][][]byte, len(lines))
	for i, l := range lines {
		cmds[i] = words(l)
	}
	c.handIn(cmds)
}

// handIn is run with commands; what a pause holds is kept.
func (c *client) handIn(cmds [][][]byte) {
	c.h.t.Helper()
	if c.s.(*Session).aside != nil { // the front end would hand in nothing
		c.held = append(c.held, cmds...)
		return
	}
	n := c.s.Run(cmds, &c.out)
	if c.s.(*Session).aside != nil {
		c.held = cmds[n:]
	} else if n != len(cmds) {
		c.h.t.Fatalf("Run consumed %d of %d commands: %q", n, len(cmds), cmds)
	}
}

// take returns what the client has been answered since the last take.
func (c *client) take() string {
	out := string(c.out.Bytes())
	c.out.Reset(0)
	return out
}

// do executes commands as a turn of their own and returns the replies in wire
// form.
func (c *client) do(lines ...string) string {
	c.h.t.Helper()
	c.run(lines...)
	c.h.e.Commit()
	return c.take()
}

// want is do with an expectation; \r\n in it is written as a blank.
func (c *client) want(reply string, lines ...string) {
	c.h.t.Helper()
	if got := flat(c.do(lines...)); got != reply {
		c.h.t.Fatalf("%q answered %q, not %q", lines, got, reply)
	}
}

func flat(wire string) string { return strings.TrimSpace(strings.ReplaceAll(wire, "\r\n", " ")) }

// advance moves the clock.
func (h *harness) advance(d time.Duration) { h.clock += d.Microseconds() }

// post waits for a function to be posted and runs it as the loop would.
func (h *harness) post() {
	h.t.Helper()
	select {
	case f := <-h.posted:
		f()
		h.e.Commit()
	case <-time.After(20 * time.Second):
		h.t.Fatal("nothing was posted")
	}
}

// configure changes settings without asking whether a user may.
func (h *harness) configure(change func(*settings)) {
	s := *h.e.cfg.now.Load()
	change(&s)
	h.e.cfg.now.Store(&s)
}

// check holds memory against the log: the digest of the live state is that of
// the log replayed, and the one kept up is the one recomputed.
func (h *harness) check() {
	h.t.Helper()
	st, err := replayLog(h.log)
	if err != nil {
		h.t.Fatal(err)
	}
	if live, replayed := h.e.state.Digest(), st.Digest(); live != replayed {
		h.t.Fatalf("live state %016x, replayed from the log %016x at offset %d", live, replayed, h.log.Last())
	}
	if live, anew := h.e.state.Digest(), h.e.state.RecomputeDigest(); live != anew {
		h.t.Fatalf("digest kept up %016x, recomputed %016x", live, anew)
	}
}
