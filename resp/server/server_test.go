package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

func TestPipelineIsAnsweredInOrder(t *testing.T) { bothForms(t, testPipelineIsAnsweredInOrder) }

func testPipelineIsAnsweredInOrder(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	c := f.dial(t)
	var wire, text strings.Builder
	const n = 5000 // several batches
	for i := range n {
		fmt.Fprintf(&wire, "ECHO %d\r\n", i)
	}
	go func() { _, _ = c.nc.Write([]byte(wire.String())) }() // a failure shows in the replies
	for i := range n {
		text.Reset()
		fmt.Fprintf(&text, "%q", fmt.Sprint(i))
		c.want(text.String())
	}
}

// TestNoReplyBeforeCommit: whoever holds a reply knows that its turn has been
// committed.
func TestNoReplyBeforeCommit(t *testing.T) { bothForms(t, testNoReplyBeforeCommit) }

func testNoReplyBeforeCommit(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	var all sync.WaitGroup
	for range 8 {
		c := f.dial(t)
		all.Go(func() {
			for range 200 {
				if _, err := c.nc.Write([]byte("TURN\r\n")); err != nil {
					t.Error(err)
					return
				}
				v, err := c.in.Read()
				if err != nil {
					t.Error(err)
					return
				}
				if done := f.h.committed.Load(); done <= v.Int {
					t.Errorf("a reply of turn %d left when %d were committed", v.Int, done)
				}
			}
		})
	}
	all.Wait()
}

// TestWaitingBatchesAreOneTurn: what waits while the loop is busy shares one
// Commit.
func TestWaitingBatchesAreOneTurn(t *testing.T) { bothForms(t, testWaitingBatchesAreOneTurn) }

func testWaitingBatchesAreOneTurn(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	var clients []*client
	for range 10 {
		c := f.dial(t)
		c.send("PING\r\n")
		c.want("PONG")
		clients = append(clients, c)
	}
	release := f.hold()
	for _, c := range clients {
		c.send("TURN\r\n")
	}
	f.arrived(t, 10)
	turn := f.h.turn // the loop is held
	release()
	for _, c := range clients {
		c.want(fmt.Sprintf("(integer) %d", turn+1))
	}
}

// TestTurnsAreBounded: a flood is worked off in several turns, and first come is
// first served.
func TestTurnsAreBounded(t *testing.T) { bothForms(t, testTurnsAreBounded) }

func testTurnsAreBounded(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	const flooding, each = 72, 600
	if flooding*each < 2*maxTurn {
		t.Fatal("this is no flood")
	}
	var clients []*client
	for range flooding {
		clients = append(clients, f.dial(t))
	}
	last := f.dial(t)
	last.send("PING\r\n")
	last.want("PONG")
	release := f.hold()
	for _, c := range clients {
		c.send(strings.Repeat("P\r\n", each))
	}
	f.arrived(t, flooding)
	last.send("TURN\r\n")
	f.arrived(t, flooding+1)
	turn := f.h.turn
	release()
	v, err := last.in.Read()
	if err != nil || v.Int < turn+3 {
		t.Errorf("the last was served in turn %d, %d after the hold (%v); want 3 or more", v.Int, v.Int-turn, err)
	}
	f.onLoop(func() {
		for i, n := range f.h.perTurn {
			if n > maxTurn {
				t.Errorf("turn %d had %d commands", i, n)
			}
		}
	})
}

func TestPost(t *testing.T) { bothForms(t, testPost) }

func testPost(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	var got []int // the loop's
	for i := range 100 {
		f.Post(func() { got = append(got, i) })
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				f.Post(func() { got = append(got, -1) })
			}
		})
	}
	all.Wait()
	before := f.h.committed.Load()
	f.onLoop(func() {
		if len(got) != 500 {
			t.Errorf("%d of 500 functions ran", len(got))
		}
		next := 0
		for _, n := range got {
			if n >= 0 && n != next {
				t.Fatalf("%d ran before %d", n, next)
			} else if n >= 0 {
				next++
			}
		}
	})
	eventually(t, "posted work is committed", func() bool { return f.h.committed.Load() > before })
}

func TestPostAfterShutdownIsDropped(t *testing.T) { bothForms(t, testPostAfterShutdownIsDropped) }

func testPostAfterShutdownIsDropped(t *testing.T, o Options) {
	s := New(&toy{}, o)
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.Post(func() { t.Error("it ran") })
	ln, err := Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(ln); !errors.Is(err, ErrShutdown) {
		t.Errorf("Serve: %v", err)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener was not closed: %v", err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("a second Shutdown: %v", err)
	}
}

// TestWaiting: a command that is answered later holds back what follows it on
// its connection, and nothing else.
func TestWaiting(t *testing.T) { bothForms(t, testWaiting) }

func testWaiting(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	blocked, other := f.dial(t), f.dial(t)
	blocked.send("PING\r\nWAIT\r\nECHO after\r\nECHO it\r\n")
	eventually(t, "it waits", func() bool { return f.h.commands.Load() == 2 })
	for range 3 {
		other.send("PING\r\n")
		other.want("PONG")
	}
	if n := f.h.commands.Load(); n != 5 {
		t.Fatalf("%d commands were executed, want 5", n)
	}
	other.send("WAKE\r\nWAKE\r\n")
	other.want("OK")
	other.want("OK")
	for _, reply := range []string{"PONG", "AWAKE", `"after"`, `"it"`} {
		blocked.want(reply)
	}
}

// TestHeldCommands: a session that takes none of its commands, or not all, is given the rest
// again when it is resumed, and its client may go meanwhile.
func TestHeldCommands(t *testing.T) { bothForms(t, testHeldCommands) }

func testHeldCommands(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	first, middle, goes, other := f.dial(t), f.dial(t), f.dial(t), f.dial(t)
	held := func(n int) {
		eventually(t, "they are held", func() bool {
			waiting := 0
			f.onLoop(func() {
				for s := range f.h.sessions {
					if s.waiting {
						waiting++
					}
				}
			})
			return waiting == n
		})
	}
	for range 3 {
		other.send("HOLD\r\n")
		other.want("OK")
		first.send("LATER\r\nECHO a\r\nLATER\r\n")
		middle.send("PING\r\nLATER\r\nECHO b\r\n")
		middle.want("PONG")
		held(2)
		first.send("ECHO c\r\n")
		other.send("PING\r\nRELEASE\r\n")
		other.want("PONG")
		other.want("OK")
		for _, reply := range []string{"LATER", `"a"`, "LATER", `"c"`} {
			first.want(reply)
		}
		middle.want("LATER")
		middle.want(`"b"`)
	}
	other.send("HOLD\r\n")
	other.want("OK")
	goes.send("LATER\r\n")
	held(1)
	goes.nc.Close()
	eventually(t, "it is forgotten", func() bool { return f.h.open.Load() == 3 })
}

func TestEndsWhileWaiting(t *testing.T) { bothForms(t, testEndsWhileWaiting) }

func testEndsWhileWaiting(t *testing.T, o Options) {
	for _, how := range []string{"KILLOTHERS", "HANGUPOTHERS", "shutdown"} {
		t.Run(how, func(t *testing.T) {
			f := start(t, &toy{}, o)
			blocked := f.dial(t)
			blocked.send("WAIT\r\n" + strings.Repeat("ECHO never\r\n", 10))
			eventually(t, "it waits", func() bool { return f.h.commands.Load() == 1 })
			if how == "shutdown" {
				return // the clean-up does it
			}
			other := f.dial(t)
			other.send(how + "\r\n")
			other.want("OK")
			if how == "HANGUPOTHERS" {
				other.send("WAKE\r\n")
				other.want("OK")
				blocked.want("AWAKE")
			}
			blocked.wantEnd()
		})
	}
}

func TestHangupAndKill(t *testing.T) { bothForms(t, testHangupAndKill) }

func testHangupAndKill(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	quits := f.dial(t)
	quits.send("PING\r\nQUIT\r\nPING\r\n")
	quits.want("PONG")
	quits.want("OK")
	quits.wantEnd()

	killed := f.dial(t)
	killed.send("PING\r\nKILL\r\n")
	killed.wantEnd()

	idle, unread, other := f.dial(t), f.dial(t), f.dial(t)
	idle.send("PING\r\n")
	idle.want("PONG")
	unread.send(strings.Repeat("BIG 1000000\r\n", 30))
	eventually(t, "the one that does not read blocks", func() bool { return f.h.commands.Load() > 6 })
	other.send("KILLOTHERS\r\n")
	other.want("OK")
	idle.wantEnd()
	eventually(t, "both are forgotten", func() bool { return f.h.open.Load() == 1 })
}

func TestRefusedConnection(t *testing.T) { bothForms(t, testRefusedConnection) }

func testRefusedConnection(t *testing.T, o Options) {
	f := start(t, &toy{full: true}, o)
	c := f.dial(t)
	c.want("(error) ERR max number of clients reached")
	c.wantEnd()
}

// TestTimeout: it is found at run time, and only who is silent and owed nothing
// is closed.
func TestTimeout(t *testing.T) { bothForms(t, testTimeout) }

func testTimeout(t *testing.T, o Options) {
	var mu sync.Mutex
	var timeout time.Duration
	o.Timeout = func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return timeout
	}
	f := start(t, &toy{}, o)
	silent, waiting, half := f.dial(t), f.dial(t), f.dial(t)
	silent.send("PING\r\n")
	silent.want("PONG")
	waiting.send("WAIT\r\n")
	half.send("*1\r\n$4\r\nPI")
	eventually(t, "it waits", func() bool { return f.h.commands.Load() == 2 })
	mu.Lock()
	timeout = 20 * time.Millisecond
	mu.Unlock()
	silent.wantEnd()
	half.wantEnd()
	mu.Lock()
	timeout = 0
	mu.Unlock()
	waker := f.dial(t)
	waker.send("WAKE\r\n")
	waker.want("OK")
	waiting.want("AWAKE")
	if !strings.Contains(f.logs.String(), "idle connection closed") {
		t.Errorf("the log does not say so: %s", f.logs)
	}
}

// TestTickWhileBusy: a loop that never finds its queue empty ticks all the same.
func TestTickWhileBusy(t *testing.T) { bothForms(t, testTickWhileBusy) }

func testTickWhileBusy(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	stop := make(chan struct{})
	var again func()
	again = func() {
		select {
		case <-stop:
		default:
			f.Post(again)
		}
	}
	f.Post(again)
	before := f.h.ticks.Load()
	eventually(t, "Tick is called while there is always work", func() bool { return f.h.ticks.Load() >= before+5 })
	close(stop)
}

func TestUntrusted(t *testing.T) { bothForms(t, testUntrusted) }

func testUntrusted(t *testing.T, o Options) {
	f := start(t, &toy{password: "secret"}, o)
	c := f.dial(t)
	// AUTH opens the limits for what follows it in the same packet.
	c.send("PING\r\nAUTH secret\r\n*11\r\n$5\r\nCOUNT\r\n" + strings.Repeat("$1\r\nx\r\n", 10))
	c.want("(error) NOAUTH Authentication required.")
	c.want("OK")
	c.want("(integer) 11")
	big := "ECHO " + strings.Repeat("x", 20000)
	c.send(big + "\r\n")
	c.want(`"` + big[5:] + `"`)

	for in, reply := range map[string]string{
		"*11\r\n":          "(error) ERR Protocol error: unauthenticated multibulk length",
		"*1\r\n$16385\r\n": "(error) ERR Protocol error: unauthenticated bulk length",
	} {
		stranger := f.dial(t)
		stranger.send(in)
		stranger.want(reply)
		stranger.wantEnd()
	}
}

func TestHTTPIsCutOff(t *testing.T) { bothForms(t, testHTTPIsCutOff) }

func testHTTPIsCutOff(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	for _, in := range []string{
		"POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nPING\r\n",
		"GET / HTTP/1.1\r\nHost: localhost:6379\r\n\r\nPING\r\n",
	} {
		c := f.dial(t)
		c.send(in)
		if in[0] == 'G' {
			c.want("(error) ERR unknown command") // of the first line
		}
		c.wantEnd()
	}
	if n := strings.Count(f.logs.String(), "HTTP request"); n != 2 {
		t.Errorf("logged %d times: %s", n, f.logs)
	}
}

// TestShutdownAnswersWhatHasArrived: a turn that is running ends and its replies
// leave.
func TestShutdownAnswersWhatHasArrived(t *testing.T) { bothForms(t, testShutdownAnswersWhatHasArrived) }

func testShutdownAnswersWhatHasArrived(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	c := f.dial(t)
	c.send("PING\r\n")
	c.want("PONG")
	release := f.hold()
	c.send("ECHO last\r\n")
	f.arrived(t, 1)
	ended := make(chan error, 1)
	go func() { ended <- f.Shutdown(context.Background()) }()
	<-f.quit
	release()
	c.want(`"last"`)
	c.wantEnd()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", f.addr); err == nil {
		t.Error("a connection was accepted after Shutdown")
	}
}

// TestShutdownCutsOff: a client that does not read cannot hold it up.
func TestShutdownCutsOff(t *testing.T) { bothForms(t, testShutdownCutsOff) }

func testShutdownCutsOff(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	c := f.dial(t)
	c.send(strings.Repeat("BIG 1000000\r\n", 30))
	eventually(t, "it blocks", func() bool { return f.h.commands.Load() > 3 })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
}

// failing is a listener that has run out of descriptors for a while.
type failing struct {
	net.Listener
	times int
}

func (l *failing) Accept() (net.Conn, error) {
	if l.times > 0 {
		l.times--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// TestAcceptErrorsPause: the pause between attempts grows, and ends.
func TestAcceptErrorsPause(t *testing.T) { bothForms(t, testAcceptErrorsPause) }

func testAcceptErrorsPause(t *testing.T, o Options) {
	ln, err := Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	logs := &lockedBuffer{}
	o.Logger = zerolog.New(logs)
	s := New(&toy{}, o)
	served := make(chan error, 1)
	go func() { served <- s.Serve(&failing{ln, 4}) }()
	c := dial(t, "tcp", ln.Addr().String())
	c.send("PING\r\n")
	c.want("PONG")
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	for _, pause := range []string{`"pause":5`, `"pause":10`, `"pause":20`, `"pause":40`} {
		if strings.Count(logs.String(), pause+",") != 1 {
			t.Errorf("%s is not in the log once:\n%s", pause, logs)
		}
	}
}

func TestUnixSocket(t *testing.T) { bothForms(t, testUnixSocket) }

func testUnixSocket(t *testing.T, o Options) {
	path := socketPath(t)
	old, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("unix", path); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("a socket in use: %v", err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false) // as kill -9 leaves it
	old.Close()
	ln, err := Listen("unix", path)
	if err != nil {
		t.Fatalf("a socket left behind: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	s := New(&toy{}, o)
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	c := dial(t, "unix", path)
	c.send("ADDR\r\n")
	c.want(fmt.Sprintf("%q", path+":0 "+path+":0"))
	if err := errors.Join(s.Shutdown(context.Background()), <-served); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("a file of somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("unix", path); err == nil {
		t.Error("a file that is no socket was replaced")
	}
}

func TestAddresses(t *testing.T) { bothForms(t, testAddresses) }

func testAddresses(t *testing.T, o Options) {
	o.KeepAlive = -1
	f := start(t, &toy{}, o)
	c := f.dial(t)
	c.send("ADDR\r\n")
	c.want(fmt.Sprintf("%q", c.nc.LocalAddr().String()+" "+f.addr))
}

// TestPanicEndsTheProcess: memory that a bug has touched serves nobody.
func TestPanicEndsTheProcess(t *testing.T) {
	if os.Getenv("ALTILIUM_TEST_PANIC") == "1" {
		f := start(t, &toy{}, Options{})
		c := f.dial(t)
		c.send("PANIC\r\n")
		c.wantEnd()
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestPanicEndsTheProcess$")
	cmd.Env = append(os.Environ(), "ALTILIUM_TEST_PANIC=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "panic: a bug in the handler") {
		t.Errorf("the process ended with %v:\n%s", err, out)
	}
}

// TestHalfClosed: a client that has said everything and closed its side gets its
// replies.
func TestHalfClosed(t *testing.T) { bothForms(t, testHalfClosed) }

func testHalfClosed(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	c := f.dial(t)
	c.send("PING\r\nECHO x\r\nECHO half")
	if err := c.nc.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(c.nc)
	if err != nil || string(all) != "+PONG\r\n$1\r\nx\r\n" {
		t.Errorf("got %q, %v", all, err)
	}
}

// TestLargeRepliesShareTheLoop: clients that take a large reply as fast as they
// can, or hardly at all, get all of it, and others are answered meanwhile.
func TestLargeRepliesShareTheLoop(t *testing.T) { bothForms(t, testLargeRepliesShareTheLoop) }

func testLargeRepliesShareTheLoop(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	const size, times, readers = 5<<20 + 7, 8, 4
	want := fmt.Sprintf("*%d\r\n", times)
	for i := range times {
		want += fmt.Sprintf("$%d\r\n%s\r\n", size, strings.Repeat(string(rune('a'+i)), size))
	}
	want += "+PONG\r\n"
	lazy := f.dial(t)
	lazy.send(fmt.Sprintf("LEND %d %d\r\nPING\r\n", size, times))
	var all sync.WaitGroup
	for range readers {
		c := f.dial(t)
		all.Go(func() {
			c.send(fmt.Sprintf("LEND %d %d\r\nPING\r\n", size, times))
			got := make([]byte, len(want))
			if _, err := io.ReadFull(c.nc, got); err != nil || string(got) != want {
				t.Errorf("not what was lent (%v)", err)
			}
		})
	}
	other := f.dial(t)
	for range 100 {
		other.send("PING\r\n")
		other.want("PONG")
	}
	all.Wait()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(lazy.nc, got); err != nil || string(got) != want {
		t.Errorf("not what was lent to a late reader (%v)", err)
	}
}

// TestMostConnections: one connection too many is closed, and there is room again when
// another has gone.
func TestMostConnections(t *testing.T) { bothForms(t, testMostConnections) }

func testMostConnections(t *testing.T, o Options) {
	o.MostConns = 2
	f := start(t, &toy{}, o)
	first, second := f.dial(t), f.dial(t)
	for _, c := range []*client{first, second} {
		c.send("PING\r\n")
		c.want("PONG")
	}
	f.dial(t).wantEnd()
	second.send("PING\r\n")
	second.want("PONG")
	first.nc.Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		c := f.dial(t)
		_, _ = c.nc.Write([]byte("PING\r\n")) // fails, or what follows does, while there is no room
		if v, err := c.in.Read(); err == nil && v.String() == "PONG" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("there never was room again")
		}
	}
}
