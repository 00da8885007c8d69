package engine

import (
	"fmt"
	"strings"
	"testing"
)

// TestMonitorIsAnsweredOnce: as in Redis, the second MONITOR of a connection has no reply.
func TestMonitorIsAnsweredOnce(t *testing.T) {
	h := newHarness(t, setup{})
	m, a := h.connect(), h.connect()
	m.want("+OK", "MONITOR")
	m.want("", "MONITOR")
	a.do("PING")
	if got := m.take(); strings.Count(got, "PING") != 1 {
		t.Errorf("was sent %q", got)
	}
	if line := a.do("CLIENT LIST TYPE normal"); !strings.Contains(line, " flags=O ") {
		t.Errorf("CLIENT LIST: %s", line)
	}
	m.do("SUBSCRIBE c")
	if line := a.do("CLIENT LIST TYPE pubsub"); !strings.Contains(line, " flags=OP ") {
		t.Errorf("CLIENT LIST: %s", line)
	}
	m.s.Closed()
	if n := len(h.e.monitor.sessions); n != 0 {
		t.Errorf("%d monitors are left", n)
	}
}

// TestMonitorWithoutReplies: who wants no replies gets no lines either.
func TestMonitorWithoutReplies(t *testing.T) {
	h := newHarness(t, setup{})
	m, a := h.connect(), h.connect()
	said := func() string {
		a.do("ECHO x")
		return m.take()
	}
	m.do("MONITOR")
	if !strings.HasPrefix(m.do("CLIENT REPLY SKIP"), "+1767225600") {
		t.Error("CLIENT REPLY SKIP is a command before the one that is skipped")
	}
	if got := said() + m.do("PING"); got != "" {
		t.Errorf("was sent %q", got)
	}
	if got := said(); !strings.Contains(got, `"ECHO" "x"`) {
		t.Errorf("was sent %q after the skipped one", got)
	}
	if got := m.do("CLIENT REPLY OFF") + said() + said(); got != "" {
		t.Errorf("was sent %q", got)
	}
	m.do("CLIENT REPLY ON")
	if said() == "" {
		t.Error("was sent nothing any more")
	}
}

// TestMonitorsAfterAFailedTurn are those that there were before it, and have been told nothing of it.
func TestMonitorsAfterAFailedTurn(t *testing.T) {
	d := &brokenDisk{}
	h := newHarness(t, setup{faults: d.faults()})
	m, gone, late, a := h.connect(), h.connect(), h.connect(), h.connect()
	m.do("MONITOR")
	gone.do("MONITOR")
	m.take()
	d.full.Store(true)
	gone.run("RESET")
	late.run("MONITOR")
	a.run("SET k v")
	h.e.Commit()
	if got := m.take(); got != "" {
		t.Errorf("was sent %q of a turn that failed", got)
	}
	gone.take()
	late.take()
	a.take()
	h.post()
	h.healed(d, a)
	m.take()
	gone.take()
	late.take()
	a.do("ECHO x")
	for c, want := range map[*client]string{m: "ECHO", gone: "ECHO", late: ""} {
		if got := c.take(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("connection %s was sent %q", c.addr, got)
		}
	}
}

// TestSlowMonitor: one that leaves too much unread is closed as a subscriber is, and what
// would be too much by itself is not even written.
func TestSlowMonitor(t *testing.T) {
	h := newHarness(t, setup{})
	m, n, a := h.connect(), h.connect(), h.connect()
	m.do("MONITOR")
	n.do("MONITOR")
	a.want("+OK", "CONFIG SET client-output-buffer-limit 'pubsub 1000 0 0'")
	m.unsent = 1000
	a.do("SET k v")
	if !m.killed || n.killed {
		t.Fatalf("closed: %v, %v", m.killed, n.killed)
	}
	m.s.Closed()
	n.take()
	a.do("SET k " + strings.Repeat("x", 1000))
	if got := n.take(); !n.killed || got != "" {
		t.Errorf("closed: %v; was sent %q", n.killed, got)
	}
	n.s.Closed()
	if info := a.do("INFO stats"); !strings.Contains(info, "client_output_buffer_limit_disconnections:2\r") {
		t.Errorf("INFO: %s", info)
	}
}

// TestMonitorLine of clients that come by a unix socket, and of bytes that are not printed.
func TestMonitorLine(t *testing.T) {
	for addr, shown := range map[string]string{
		"127.0.0.1:5":     "127.0.0.1:5",
		"[::1]:5":         "[::1]:5",
		"/run/s.sock:0":   "unix:/run/s.sock",
		"relative.sock:0": "unix:relative.sock",
	} {
		got := string(monitorLine(1_700_000_000_000_045, 9, addr, [][]byte{[]byte("set"), []byte("\x00\xff\"\\\r\n\t\a\b ~")}))
		want := fmt.Sprintf("+1700000000.000045 [9 %s] \"set\" \"\\x00\\xff\\\"\\\\\\r\\n\\t\\a\\b ~\"\r\n", shown)
		if got != want {
			t.Errorf("the line is %q, not %q", got, want)
		}
	}
}

// TestMonitorsAreReplayed, whether they were there before the recording or not, and whatever
// else they were doing then.
func TestMonitorsAreReplayed(t *testing.T) {
	var p tape
	h := newHarness(t, setup{change: p.options})
	var all []*client
	for range 7 {
		all = append(all, h.connect())
	}
	plain, listens, inMulti, silent, pushed, later, a := all[0], all[1], all[2], all[3], all[4], all[5], all[6]
	plain.do("MONITOR")
	listens.do("MONITOR", "SUBSCRIBE c")
	inMulti.do("MONITOR", "MULTI", "PING")
	silent.do("MONITOR", "CLIENT REPLY OFF")
	pushed.do("HELLO 3", "MONITOR", "SUBSCRIBE c")
	a.do("RECORD START x")
	a.do("SET k v", "PUBLISH c x")
	later.do("MONITOR")
	inMulti.do("EXEC")
	silent.do("CLIENT REPLY ON", "ECHO y")
	listens.do("RESET")
	later.do("CLIENT REPLY SKIP", "PING", "PING")
	a.do("MULTI", "INCR n", "EXEC", "AUTH secret")
	plain.s.Closed()
	a.do("GET k")
	a.do("RECORD STOP")
	pushes := strings.Count(p.String(), `"GET" "k"`)
	if pushes != 4 {
		t.Errorf("the last command was told %d monitors, not 4:\n%s", pushes, &p)
	}
	if diverged := playTape(t, h, &p); diverged > 0 {
		t.Errorf("%d steps diverged", diverged)
	}
}
