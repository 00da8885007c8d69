package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/altilium-db/altilium/resp"
)

// slowWhenMuted is a server that executes a command as late as it may: one that is
// answered before its reply, and one that nobody waits for when its connection is
// answered again, or ends.
type slowWhenMuted struct {
	mu       sync.Mutex
	executed []string
	ended    sync.WaitGroup
}

func (s *slowWhenMuted) dial(context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	s.ended.Go(func() { s.talk(far) })
	return near, nil
}

func (s *slowWhenMuted) talk(conn net.Conn) {
	defer conn.Close()
	m := &mutedClient{s: s}
	defer m.late()
	for p := resp.NewParser(); ; p.Release(0) {
		n, err := conn.Read(p.Space())
		p.Filled(n)
		if err != nil {
			return
		}
		for {
			args, err := p.Next()
			if args == nil || err != nil {
				break
			}
			reply := m.answer(string(bytes.Join(args, []byte(" "))))
			if reply == "" {
				continue // a pipe would wait for somebody who reads nothing
			}
			if _, err := io.WriteString(conn, reply); err != nil {
				return
			}
		}
	}
}

type mutedClient struct {
	s       *slowWhenMuted
	waiting []string // not executed yet
	queue   []string
	multi   bool
	muting  string // OFF, SKIP, which is for the command after this one, and NEXT
}

// late executes what has been waiting.
func (m *mutedClient) late() {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	m.s.executed = append(m.s.executed, m.waiting...)
	m.waiting = nil
}

func (m *mutedClient) answer(line string) (reply string) {
	switch {
	case line == "MULTI":
		m.multi, reply = true, "+OK\r\n"
	case line == "EXEC":
		m.multi = false
		var replies []string
		for _, q := range m.queue {
			replies = append(replies, m.execute(q))
		}
		reply = "*" + string(rune('0'+len(m.queue))) + "\r\n" + strings.Join(replies, "")
		m.queue = nil
	case m.multi:
		m.queue, reply = append(m.queue, line), "+QUEUED\r\n"
	default:
		reply = m.execute(line)
	}
	switch m.muting {
	case "OFF":
		return ""
	case "NEXT":
		m.muting = ""
		return ""
	case "SKIP":
		m.muting = "NEXT"
	}
	m.late()
	return reply
}

func (m *mutedClient) execute(line string) (reply string) {
	switch how, ok := strings.CutPrefix(strings.ToUpper(line), "CLIENT REPLY "); {
	case ok && how == "ON":
		m.muting = ""
	case ok:
		m.muting = how
		return ""
	default:
		m.waiting = append(m.waiting, line)
	}
	return "+OK\r\n"
}

// said is the steps of a conversation: "1 SET k v" is connection 1's, followed by
// " -> " and the reply where there was one.
func said(lines ...string) (steps []resp.Step) {
	known := map[uint64]bool{}
	for i, l := range lines {
		cmd, reply, _ := strings.Cut(l, " -> ")
		step := resp.Step{
			Kind: resp.StepCommand, Conn: uint64(cmd[0] - '0'), Clock: int64(1000 + i), Arrived: int64(1000 + i),
			Args: args(strings.Fields(cmd[2:])...), Reply: []byte(reply),
		}
		if cmd[1] == '<' {
			step.Kind, step.Arrived, step.Reply = resp.StepPrelude, 0, nil
		}
		if !known[step.Conn] {
			known[step.Conn] = true
			steps = append(steps, resp.Step{Kind: resp.StepConnect, Conn: step.Conn, Clock: step.Clock, Addr: "127.0.0.1:1"})
		}
		steps = append(steps, step)
	}
	return steps
}

// send sends a conversation and returns what the server executed, in its order.
func send(t *testing.T, steps []resp.Step) (SendResult, []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "r")
	write(t, path, steps)
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var target slowWhenMuted
	res, err := Send(t.Context(), r, SendOptions{
		Compare: true, Timeout: 5 * time.Second, Dial: target.dial,
		Diverged: func(d Divergence) bool {
			t.Errorf("step %d: %q is answered with %q, want %q", d.Step, d.Args, d.Got, d.Expected)
			return true
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	target.ended.Wait()
	return res, target.executed
}

const ok, queued = " -> +OK\r\n", " -> +QUEUED\r\n"

// TestSendKeepsTheOrder: over all connections, whether their clients wanted replies
// or not.
func TestSendKeepsTheOrder(t *testing.T) {
	for name, lines := range map[string][]string{
		"answered":                        {"1 a" + ok, "2 b" + ok, "1 c" + ok, "2 d" + ok},
		"off":                             {"1 CLIENT REPLY OFF", "1 a", "2 b" + ok, "1 c", "2 d" + ok, "1 CLIENT REPLY ON" + ok, "1 e" + ok, "2 f" + ok},
		"never on":                        {"1 client reply off", "1 a", "2 b" + ok, "1 c"},
		"skip":                            {"1 CLIENT REPLY SKIP", "1 a", "2 b" + ok, "1 c" + ok, "2 client reply Skip", "2 d", "1 e" + ok},
		"both off":                        {"1 CLIENT REPLY OFF", "2 CLIENT REPLY OFF", "1 a", "2 b", "1 CLIENT REPLY SKIP", "1 c", "2 d", "1 e"},
		"it was off before the recording": {"1<CLIENT REPLY OFF", "1 a", "2 b" + ok, "1 c"},
		"a mistake in silence":            {"1 CLIENT REPLY OFF", "1 CLIENT REPLY", "1 a", "2 b" + ok},
		"a silent transaction":            {"1 CLIENT REPLY OFF", "1 MULTI", "1 a", "1 b", "1 EXEC", "2 c" + ok},
		// A server announces a reply for each command, and gives none for this one.
		"off in a transaction":            {"1 MULTI" + ok, "1 a" + queued, "1 CLIENT REPLY OFF" + queued, "1 EXEC", "1 b", "2 c" + ok, "1 d"},
		"skip in a transaction":           {"1 MULTI" + ok, "1 CLIENT REPLY SKIP" + queued, "1 a" + queued, "1 EXEC -> *2\r\n+OK\r\n", "1 b", "2 c" + ok, "1 d" + ok},
		"off and on in a transaction":     {"1 MULTI" + ok, "1 CLIENT REPLY OFF" + queued, "1 CLIENT REPLY ON" + queued, "1 EXEC -> *2\r\n+OK\r\n", "1 a" + ok, "2 b" + ok},
		"off in one before the recording": {"1<MULTI", "1<a", "1<CLIENT REPLY OFF", "1 EXEC", "1 b", "2 c" + ok},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			for _, l := range lines {
				if word := strings.Fields(l[2:])[0]; len(word) == 1 {
					want = append(want, word)
				}
			}
			_, executed := send(t, said(lines...))
			executed = slices.DeleteFunc(executed, func(line string) bool { return len(line) > 1 })
			if !slices.Equal(executed, want) {
				t.Errorf("executed %q, want %q", executed, want)
			}
		})
	}
}

// TestSendCompares what was recorded with an answer, and nothing else; a transaction
// behind one that cannot be compared is again.
func TestSendCompares(t *testing.T) {
	res, _ := send(t, said(
		"1 MULTI"+ok, "1 CLIENT REPLY OFF"+queued, "1 EXEC", "1 a", "1 CLIENT REPLY ON"+ok,
		"1 MULTI"+ok, "1 b"+queued, "1 EXEC -> *1\r\n+OK\r\n", "2 c"+ok))
	if res.Commands != 7 || res.Divergences != 0 || res.Errors != 0 || !res.Complete {
		t.Errorf("%+v", res)
	}
}

// TestSendLeavesMonitorOut: what it brings is neither sent for nor waited for, and the
// commands around it are compared as always. In a transaction it is refused, here too.
func TestSendLeavesMonitorOut(t *testing.T) {
	steps := said("1 MONITOR"+ok, "2 a"+ok, "1 monitor", "1 b"+ok, "1 MULTI"+ok, "1 MONITOR"+queued, "1 EXEC -> *1\r\n+OK\r\n")
	line := resp.Step{Kind: resp.StepPush, Conn: 1, Clock: 1002, Reply: []byte("+1700000000.000000 [0 127.0.0.1:1] \"a\"\r\n")}
	steps = slices.Insert(steps, 4, line)
	res, executed := send(t, steps)
	if res.Commands != 6 || res.Divergences != 0 || !slices.Equal(executed, []string{"a", "b", "MONITOR"}) {
		t.Errorf("%+v, executed %q", res, executed)
	}
}

// TestSendGivesUp: a server that does not answer is not waited for for ever.
func TestSendGivesUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	write(t, path, said("1 CLIENT REPLY OFF", "1 a"))
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var far net.Conn
	defer func() { far.Close() }()
	_, err = Send(t.Context(), r, SendOptions{Timeout: time.Millisecond, Dial: func(context.Context) (net.Conn, error) {
		var near net.Conn
		near, far = net.Pipe()
		return near, nil
	}})
	var late net.Error
	if !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("got %v", err)
	}
}
