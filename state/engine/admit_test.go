package engine

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
)

func TestIsLocal(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true,
		"": true, "@": true, "/run/altilium.sock": true,
		"10.0.0.1:1": false, "192.168.1.2:6379": false, "[::]:1": false, "0.0.0.0:1": false, "[fe80::1]:1": false,
		"[::ffff:10.0.0.1]:1": false, "localhost:1": false, "127.0.0.1": false, "127.0.0.1.evil.example:1": false,
	} {
		if isLocal(addr) != want {
			t.Errorf("isLocal(%q) is %v", addr, !want)
		}
	}
}

// admitted opens a connection from addr.
func (h *harness) admitted(addr string) error {
	c := &client{h: h, addr: addr}
	s, err := h.e.Open(c)
	if err == nil {
		s.Closed()
	}
	return err
}

func TestProtectedMode(t *testing.T) {
	const far = "10.0.0.9:4711"
	h := newHarness(t, setup{})
	c := h.connect()
	check := func(when, addr string, want error) {
		t.Helper()
		if err := h.admitted(addr); !errors.Is(err, want) {
			t.Errorf("%s, %s: %v", when, addr, err)
		}
	}
	check("by default", far, errProtected)
	check("by default", "[::1]:99", nil)
	check("by default", "@", nil)
	c.do("CONFIG SET requirepass x")
	check("with a password", far, nil)
	c.do("CONFIG SET requirepass ''")
	check("without one again", far, errProtected)
	c.do("CONFIG SET protected-mode no")
	check("unprotected", far, nil)
	if got := errProtected.Error(); !strings.HasPrefix(got, "DENIED ") || strings.ContainsAny(got, "\r\n") {
		t.Errorf("the refusal is %q", got)
	}
	if got := c.do("INFO stats"); !strings.Contains(got, "rejected_connections:2\r\n") {
		t.Errorf("INFO says %s", got)
	}
}

func TestMaxclients(t *testing.T) {
	h := newHarness(t, setup{})
	a, b := h.connect(), h.connect()
	a.do("CONFIG SET maxclients 2")
	if err := h.admitted("127.0.0.1:1"); !errors.Is(err, errMaxClients) || err.Error() != "ERR max number of clients reached" {
		t.Fatalf("the third of two: %v", err)
	}
	b.s.Closed()
	if err := h.admitted("127.0.0.1:1"); err != nil {
		t.Fatalf("after one has gone: %v", err)
	}
}

// TestTrusted: limits before AUTH are asked for as long as there is a password
// that the client has not told.
func TestTrusted(t *testing.T) {
	h := newHarness(t, setup{})
	a := h.connect()
	if !a.s.Trusted() {
		t.Fatal("not trusted without a password")
	}
	a.do("CONFIG SET requirepass x")
	b := h.connect()
	for _, step := range []struct {
		command string
		trusted bool
	}{{"PING", false}, {"AUTH y", false}, {"HELLO 2 AUTH default y", false}, {"AUTH x", true}, {"AUTH y", true}, {"RESET", false}, {"HELLO 3 AUTH default x", true}} {
		b.do(step.command)
		if b.s.Trusted() != step.trusted {
			t.Errorf("after %s trusted is %v", step.command, !step.trusted)
		}
	}
	if !a.s.Trusted() {
		t.Error("who was there before the password is not trusted any more")
	}
}

func TestPasswordOK(t *testing.T) {
	for _, test := range []struct {
		given, want string
		ok          bool
	}{{"a", "a", true}, {"", "", true}, {"a", "", false}, {"", "a", false}, {"a", "b", false}, {"ab", "a", false}, {"a", "ab", false}, {"a\x00", "a", false}} {
		if passwordOK([]byte(test.given), test.want) != test.ok {
			t.Errorf("%q for %q", test.given, test.want)
		}
	}
}

// TestKillStopsInTheMiddle: of what a killed client has sent, nothing more is
// executed, not even in the same turn.
func TestKillStopsInTheMiddle(t *testing.T) {
	h := newHarness(t, setup{})
	a, b := h.connect(), h.connect()
	a.run("CLIENT KILL ID 2")
	if !b.killed || b.hung {
		t.Fatal("the peer was not told to close at once")
	}
	b.run("SET k v")
	h.e.Commit()
	if got := b.take(); got != "" {
		t.Errorf("the killed client was answered %q", got)
	}
	if got := flat(a.take()); got != ":1" {
		t.Errorf("the killer was answered %q", got)
	}
	a.want(":0", "EXISTS k")
	b.s.Closed()
	a.want("-ERR No such client", "CLIENT KILL "+b.addr)
}

// TestKillByAddress takes the old form and the filters.
func TestKillByAddress(t *testing.T) {
	h := newHarness(t, setup{})
	a, b, c := h.connect(), h.connect(), h.connect()
	a.want("+OK", "CLIENT KILL "+b.addr)
	a.want(":0", "CLIENT KILL ADDR "+c.addr+" LADDR 127.0.0.1:1")
	a.want(":0", "CLIENT KILL ADDR "+a.addr)
	a.want(":1", "CLIENT KILL LADDR 127.0.0.1:6379 TYPE normal USER default")
	if !b.killed || !c.killed || a.killed || a.hung {
		t.Fatalf("killed: a %v, b %v, c %v", a.killed, b.killed, c.killed)
	}
	a.want("+OK", "CLIENT KILL "+a.addr)
	if !a.hung || a.killed {
		t.Fatal("who kills himself is to be closed after the reply")
	}
}

// TestQuitStopsInTheMiddle: what is behind QUIT in the pipeline is not executed.
func TestQuitStopsInTheMiddle(t *testing.T) {
	h := newHarness(t, setup{})
	a := h.connect()
	if got := flat(a.do("SET k v", "QUIT", "DEL k")); got != "+OK +OK" || !a.hung {
		t.Fatalf("answered %q, hung up %v", got, a.hung)
	}
	h.connect().want("$1 v", "GET k")
}

// TestFailedTurnTakesSessionsBack: what a connection did to itself in a turn
// that could not be written has not happened either.
func TestFailedTurnTakesSessionsBack(t *testing.T) {
	broken := false
	h := newHarness(t, setup{faults: &log.Faults{Write: func([]byte) (int, error) {
		if broken {
			return 0, errors.New("no space left on device")
		}
		return 0, nil
	}}})
	a := h.connect()
	a.do("CLIENT SETNAME before", "SELECT 1")
	broken = true
	got := a.do("HELLO 3", "SELECT 5", "CLIENT SETNAME after", "SET k v")
	if n := strings.Count(got, "-MISCONF"); n != 4 {
		t.Fatalf("answered %q", got)
	}
	broken = false
	got = a.do("CLIENT INFO")
	for _, want := range []string{"name=before ", "db=1 ", "resp=2 "} {
		if !strings.Contains(got, want) {
			t.Errorf("CLIENT INFO has no %q: %s", want, got)
		}
	}
}

// TestClientAges: ages and idle times follow the clock.
func TestClientAges(t *testing.T) {
	h := newHarness(t, setup{})
	a := h.connect()
	h.advance(5 * time.Second)
	b := h.connect()
	b.do("PING")
	h.advance(3 * time.Second)
	got := a.do("CLIENT LIST ID 1 2")
	if !strings.Contains(got, "age=8 idle=0 ") || !strings.Contains(got, "age=3 idle=3 ") {
		t.Errorf("CLIENT LIST: %s", got)
	}
}
