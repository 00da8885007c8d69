package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/altilium-db/altilium/resp"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

// patience is how long a test waits for what must happen; nothing in the tests
// measures time.
const patience = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// maxRun is how far the replies of one Run may grow.
const maxRun = 1 << 20

// toy is a small engine. Everything but the atomics is the loop's.
type toy struct {
	password string
	full     bool // refuses every connection
	holds    bool // no LATER is begun

	sessions map[*toySession]struct{}
	turn     int64 // the number of the turn being worked on
	inTurn   int   // commands in it so far
	perTurn  []int // commands of each turn

	committed atomic.Int64 // turns
	ticks     atomic.Int64
	unsent    atomic.Int64  // what the last Send said
	waits     atomic.Int64  // what Unsent said of all clients in the last Tick
	sooner    time.Duration // what Commit answers
	pause     time.Duration // what Tick answers; 0: a millisecond
	commands  atomic.Int64
	open      atomic.Int64
}

type toySession struct {
	h       *toy
	peer    resp.Peer
	authed  bool
	waiting bool
	blocked bool // by BLOCK: it ends with its client
	owed    bool // WAKE was called: the reply is due
	listens bool // LISTEN was called
	pushed  [][]byte
	closing bool
}

func (h *toy) Open(p resp.Peer) (resp.Session, error) {
	if h.full {
		return nil, errors.New("ERR max number of clients reached")
	}
	s := &toySession{h: h, peer: p}
	if h.sessions == nil {
		h.sessions = map[*toySession]struct{}{}
	}
	h.sessions[s] = struct{}{}
	h.open.Add(1)
	return s, nil
}

func (h *toy) Commit() time.Duration {
	h.perTurn = append(h.perTurn, h.inTurn)
	h.inTurn = 0
	h.turn++
	h.committed.Store(h.turn)
	for s := range h.sessions {
		if s.owed {
			s.waiting, s.blocked, s.owed = false, false, false
			defer s.peer.Resume()
		}
		if len(s.pushed) > 0 {
			h.unsent.Store(int64(s.peer.Send(s.pushed)))
			s.pushed = nil
		}
	}
	return h.sooner
}

func (h *toy) Tick() time.Duration {
	h.ticks.Add(1)
	waits := 0
	for s := range h.sessions {
		waits += s.peer.Unsent()
	}
	h.waits.Store(int64(waits))
	return cmp.Or(h.pause, time.Millisecond)
}

func (s *toySession) Waiting() bool    { return s.waiting }
func (s *toySession) Blocked() bool    { return s.blocked }
func (s *toySession) Subscribed() bool { return s.listens }
func (s *toySession) Trusted() bool    { return s.authed || s.h.password == "" }

func (s *toySession) Closed() {
	delete(s.h.sessions, s)
	s.h.open.Add(-1)
}

func (s *toySession) Run(cmds [][][]byte, out *resp.Writer) int {
	start := out.Len()
	for i, args := range cmds {
		for _, f := range s.pushed { // it was sent before this command
			out.Raw(f)
		}
		s.pushed = nil
		if s.h.holds && strings.EqualFold(string(args[0]), "LATER") {
			s.waiting, s.blocked = true, true
			return i
		}
		s.h.inTurn++
		s.h.commands.Add(1)
		if s.closing {
			return len(cmds)
		}
		s.execute(args, out)
		if s.waiting || out.Len()-start > maxRun {
			return i + 1
		}
	}
	return len(cmds)
}

func (s *toySession) execute(args [][]byte, out *resp.Writer) {
	name := strings.ToUpper(string(args[0]))
	switch {
	case name == "AUTH" && len(args) == 2 && string(args[1]) == s.h.password:
		s.authed = true
		out.OK()
	case !s.Trusted():
		out.Error("NOAUTH Authentication required.")
	case name == "PING":
		out.Simple("PONG")
	case name == "ECHO" && len(args) == 2:
		out.Bulk(args[1])
	case name == "COUNT":
		out.Int(int64(len(args)))
	case name == "TURN":
		out.Int(s.h.turn)
	case name == "BIG":
		n, _ := strconv.Atoi(string(args[1])) // a test's own number
		out.Bulk(make([]byte, n))
	case name == "LEND": // LEND n times: values of n bytes, each of its own letter
		n, _ := strconv.Atoi(string(args[1]))
		times, _ := strconv.Atoi(string(args[2]))
		out.Array(times)
		for i := range times {
			out.Lend(bytes.Repeat([]byte{'a' + byte(i)}, n), nil)
		}
	case name == "WAIT" || name == "BLOCK":
		s.waiting, s.blocked = true, name == "BLOCK"
	case name == "WAKE":
		for other := range s.h.sessions {
			if other.waiting && !other.owed {
				other.owed = true
				other.pushed = append(other.pushed, []byte("+AWAKE\r\n"))
			}
		}
		out.OK()
	case name == "LATER":
		out.Simple("LATER")
	case name == "HOLD" || name == "RELEASE":
		s.h.holds = name == "HOLD"
		for other := range s.h.sessions {
			other.owed = other.waiting && !s.h.holds
		}
		out.OK()
	case name == "LISTEN":
		s.listens = true
		out.OK()
	case name == "TELL": // TELL message: to all that listen
		for other := range s.h.sessions {
			if other.listens {
				other.pushed = append(other.pushed, resp.AppendCommand(nil, args[1]))
			}
		}
		out.OK()
	case name == "QUIT":
		out.OK()
		s.closing = true
		s.peer.Hangup()
	case name == "KILL":
		out.OK()
		s.peer.Kill()
	case name == "KILLOTHERS" || name == "HANGUPOTHERS":
		for other := range s.h.sessions {
			if other != s && name == "KILLOTHERS" {
				other.peer.Kill()
			} else if other != s {
				other.peer.Hangup()
			}
		}
		out.OK()
	case name == "ADDR":
		out.BulkString(s.peer.RemoteAddr() + " " + s.peer.LocalAddr())
	case name == "PANIC":
		panic("a bug in the handler")
	default:
		out.Error("ERR unknown command")
	}
}

// fixture is a running server with its toy.
type fixture struct {
	*Server
	h    *toy
	addr string
	logs *lockedBuffer
}

// start runs a server on loopback until the test's end.
func start(t *testing.T, h *toy, o Options) *fixture {
	t.Helper()
	t.Cleanup(func() {
		if n := h.open.Load(); n != 0 {
			t.Errorf("%d sessions were never closed", n)
		}
	})
	logs := &lockedBuffer{}
	o.Logger = zerolog.New(logs)
	s := New(h, o)
	return &fixture{Server: s, h: h, addr: serveUntilEnd(t, s), logs: logs}
}

// serveUntilEnd has s serve an address of loopback, and shuts it down at the test's
// end.
func serveUntilEnd(t testing.TB, s *Server) (addr string) {
	t.Helper()
	ln, err := Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil && !errors.Is(err, ErrShutdown) {
			t.Errorf("Serve: %v", err)
		}
	})
	return ln.Addr().String()
}

// onLoop runs f on the loop and waits for it.
func (f *fixture) onLoop(do func()) {
	done := make(chan struct{})
	f.Post(func() { do(); close(done) })
	<-done
}

// hold keeps the loop busy until the returned function is called.
func (f *fixture) hold() (release func()) {
	gate, held := make(chan struct{}), make(chan struct{})
	f.Post(func() { close(held); <-gate })
	<-held
	return func() { close(gate) }
}

// arrived waits, while the loop is held, until n connections have sent what it
// will find. A goroutine has read it; epoll is told by the sender's system call.
func (f *fixture) arrived(t *testing.T, n int) {
	t.Helper()
	eventually(t, "what was sent has arrived", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.poll != nil || len(f.queue) == n
	})
}

// bothForms runs a test with a goroutine for each connection, and with the form
// that is the default here, if that is another one.
func bothForms(t *testing.T, test func(t *testing.T, o Options)) {
	t.Run("blocking", func(t *testing.T) { test(t, Options{Portable: true}) })
	if canPoll {
		t.Run("polled", func(t *testing.T) { test(t, Options{}) })
	}
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// client is one end of a connection.
type client struct {
	t  testing.TB
	nc net.Conn
	in *resp.Reader
}

func (f *fixture) dial(t testing.TB) *client {
	t.Helper()
	return dial(t, "tcp", f.addr)
}

func dial(t testing.TB, network, addr string) *client {
	t.Helper()
	nc, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &client{t: t, nc: nc, in: resp.NewReader(nc)}
}

// send writes bytes as they are.
func (c *client) send(text string) {
	c.t.Helper()
	if _, err := c.nc.Write([]byte(text)); err != nil {
		c.t.Fatalf("sending %.60q: %v", text, err)
	}
}

// want reads one reply and compares its rendering.
func (c *client) want(reply string) {
	c.t.Helper()
	v, err := c.in.Read()
	if err != nil {
		c.t.Fatalf("reading the reply: %v; want %q", err, reply)
	}
	if got := v.String(); got != reply {
		c.t.Fatalf("got the reply %.200q, want %.200q", got, reply)
	}
}

// wantEnd expects the connection to be closed, with no reply before that.
func (c *client) wantEnd() {
	c.t.Helper()
	v, err := c.in.Read()
	var late net.Error
	if err == nil {
		c.t.Fatalf("got the reply %.200q, want the end of the connection", v.String())
	}
	if errors.As(err, &late) && late.Timeout() {
		c.t.Fatal("the connection was not closed")
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("this never came true: %s", what)
		}
	}
}

// socketPath is a path short enough for a unix socket.
func socketPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "s")
}
