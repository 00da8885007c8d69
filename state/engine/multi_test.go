package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// TestTransactions runs testdata/multi.txt: MULTI, EXEC, DISCARD, WATCH and
// UNWATCH with several clients. Every block is also run against redis-server,
// when there is one, and must be answered alike.
func TestTransactions(t *testing.T) {
	redis := startRedis(t)
	datadriven.RunTest(t, "testdata/multi.txt", func(t *testing.T, d *datadriven.TestData) string {
		var b strings.Builder
		ours := play(t, ourSide(t), d.Input)
		for _, x := range ours {
			fmt.Fprintf(&b, "%s\n  %s\n", x.line, x.reply)
		}
		if redis == "" || d.HasArg("ours") {
			return b.String()
		}
		for i, theirs := range play(t, redisSide(t, redis), d.Input) {
			if theirs.reply != ours[i].reply {
				t.Errorf("%s: %s\nours:  %s\nredis: %s", d.Pos, theirs.line, ours[i].reply, theirs.reply)
			}
		}
		return b.String()
	})
}

type answered struct{ line, reply string }

// side is a server that a script is played against.
type side struct {
	do   func(client, command string) string // the reply, flat
	pass func(time.Duration)
}

func play(t *testing.T, s side, script string) []answered {
	t.Helper()
	var all []answered
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if d, ok := strings.CutPrefix(line, "+"); ok {
			pause, err := time.ParseDuration(d)
			if err != nil {
				t.Fatal(err)
			}
			s.pass(pause)
			continue
		}
		client, command, _ := strings.Cut(line, " ")
		all = append(all, answered{line, s.do(client, command)})
	}
	return all
}

func ourSide(t *testing.T) side {
	h := newHarness(t, setup{})
	clients := map[string]*client{}
	t.Cleanup(h.check)
	return side{
		do: func(name, command string) string {
			c := clients[name]
			if c == nil {
				c = h.connect()
				clients[name] = c
			}
			return flat(c.do(command))
		},
		pass: h.advance,
	}
}

// startRedis starts the reference with more settings and returns its address,
// "" without one.
func startRedis(t *testing.T, more ...string) string {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Log("no redis-server on PATH: nothing is compared with it")
		return ""
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	_, port, _ := net.SplitHostPort(addr)
	args := append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir()}, more...)
	cmd := exec.Command(bin, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for range 500 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return addr
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("redis-server does not listen")
	return ""
}

func redisSide(t *testing.T, addr string) side {
	type conn struct {
		net.Conn
		r *bufio.Reader
	}
	clients := map[string]conn{}
	do := func(name, command string) string {
		c, ok := clients[name]
		if !ok {
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { nc.Close() })
			c = conn{nc, bufio.NewReader(nc)}
			clients[name] = c
		}
		var b strings.Builder
		args := words(command)
		fmt.Fprintf(&b, "*%d\r\n", len(args))
		for _, a := range args {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
		}
		if _, err := io.WriteString(c, b.String()); err != nil {
			t.Fatal(err)
		}
		var reply strings.Builder
		if err := copyReply(&reply, c.r); err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		return flat(reply.String())
	}
	do("setup", "FLUSHALL")
	do("setup", "DEBUG SET-ACTIVE-EXPIRE 0") // refused without enable-debug-command; timing hides it
	return side{do: do, pass: time.Sleep}
}

// copyReply copies one reply as it is.
func copyReply(b *strings.Builder, r *bufio.Reader) error {
	line, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	b.WriteString(line)
	n := parseCount(line)
	switch line[0] {
	case '$', '=':
		if n >= 0 {
			_, err = io.CopyN(b, r, int64(n)+2)
		}
	case '%':
		n *= 2
		fallthrough
	case '*', '>', '~':
		for range n {
			if err := copyReply(b, r); err != nil {
				return err
			}
		}
	}
	return err
}

// TestExecIsOneEntry looks into the log: a transaction is one entry, each
// command's events stand behind its cause, and a transaction that changes
// nothing is none.
func TestExecIsOneEntry(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	c.want("+OK +QUEUED +QUEUED +QUEUED +QUEUED *4 +OK $1 v :6 :0",
		"MULTI", "SET k v", "GET k", "INCRBY n 6", "DEL none", "EXEC")
	c.want("+OK +QUEUED +QUEUED *2 $1 v :0", "MULTI", "GET k", "DEL none", "EXEC")
	if last := h.log.Last(); last != 1 {
		t.Fatalf("%d entries, not 1", last)
	}
	want := "db 0 conn 1 EXEC | Cause SET | String k | Cause INCRBY n 6 | String n"
	if got := h.entry(1); got != want {
		t.Fatalf("the entry is\n%s, not\n%s", got, want)
	}
	h.check()
}

func TestExecOverDatabases(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	c.do("SET d v PX 5")
	h.advance(10 * time.Millisecond)
	c.do("MULTI", "SELECT 3", "SET a 1", "SELECT 0", "GET d", "SET b 1", "EXEC")
	want := "db 3 conn 1 EXEC | Cause SET | String a | Database 0 | Cause GET | Delete d expired | Cause SET | String b"
	if got := h.entry(2); got != want {
		t.Fatalf("the entry is\n%s, not\n%s", got, want)
	}
	h.check()
}

func TestQueuedArgumentsAreCopies(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	args := words("SET k before")
	c.do("MULTI")
	c.s.Run([][][]byte{args}, &c.out)
	h.e.Commit()
	copy(args[2], "after!")
	c.take()
	c.want("*1 +OK", "EXEC")
	c.want("$6 before", "GET k")
}

// TestQueueIsBounded: a client that queues for ever is refused, and its
// transaction is lost.
func TestQueueIsBounded(t *testing.T) {
	h := newHarness(t, setup{})
	h.configure(func(s *settings) { s.queryBufferLimit = 10_000 })
	c := h.connect()
	c.do("MULTI")
	refused := 0
	for range 200 {
		if c.do("SET key 0123456789") != "+QUEUED\r\n" {
			refused++
		}
	}
	if refused == 0 {
		t.Fatal("200 commands were queued within 10000 bytes")
	}
	c.want("-EXECABORT Transaction discarded because of previous errors.", "EXEC")
	c.want(":0", "DBSIZE")
}

// errTooLarge refuses a change that does not fit into an entry.
const errTooLarge = "-" + tooLargeText

// TestUnitIsBounded: a command whose events do not fit an entry any more fails alone, in a
// transaction too. Otherwise memory would end before the log refused the whole turn.
func TestUnitIsBounded(t *testing.T) {
	h := newHarness(t, setup{})
	defer h.check()
	h.e.maxBody = 20_000
	c := h.connect()
	large := strings.Repeat("x", 6000)
	c.want(":1", "SADD s "+large)
	c.do("MULTI", "SUNIONSTORE a s", "SUNIONSTORE b s", "SUNIONSTORE c s", "SUNIONSTORE d s", "SET k v")
	c.want("*5 :1 :1 :1 "+errTooLarge+" +OK", "EXEC")
	c.want(":4", "EXISTS a b c d k")
	c.want(errTooLarge, "BITOP OR d k"+strings.Repeat(" "+large, 4)) // its words are told
	c.want(":1", "SUNIONSTORE d s")
}

// TestUnitIsBoundedWithDueKeys: due keys that a command of a transaction names are removed
// within its entry. Where they do not fit, the command fails alone, and they stay.
func TestUnitIsBoundedWithDueKeys(t *testing.T) {
	h := newHarness(t, setup{})
	defer h.check()
	h.e.maxBody = 20_000
	c := h.connect()
	long := func(name string) string { return name + strings.Repeat("x", 6000) }
	for _, name := range []string{"a", "b", "c", "d"} {
		c.want("+OK", "SET "+long(name)+" v PX 10")
	}
	h.advance(time.Second)
	all := long(" a") + long(" b") + long(" c") + long(" d")
	c.do("MULTI", "SET k before", "DEL"+all, "EXISTS"+long(" a")+long(" b"), "SET k after", "MGET"+long(" c")+long(" d"))
	c.want("*5 +OK "+errTooLarge+" :0 +OK "+errTooLarge, "EXEC")
	c.want("$5 after :3", "GET k", "DBSIZE") // k, and two that are due still
	if n := len(h.entry(h.e.last)); n > 20_000 {
		t.Errorf("the entry's text has %d bytes", n)
	}
	c.want(":0 :1", "DEL"+all, "DBSIZE") // an entry for each
}

// TestUnitIsBoundedWithLongNames: what a client calls itself is in its first entry of a
// segment, and counts there.
func TestUnitIsBoundedWithLongNames(t *testing.T) {
	h := newHarness(t, setup{})
	defer h.check()
	h.e.maxBody = 20_000
	c := h.connect()
	c.want("+OK +OK", "CLIENT SETNAME "+strings.Repeat("n", 9000), "CLIENT SETINFO LIB-NAME "+strings.Repeat("n", 9000))
	c.want(errTooLarge, "SET k "+strings.Repeat("v", 6000))
	c.want("+OK", "CLIENT SETNAME short")
	c.want("+OK", "SET k "+strings.Repeat("v", 6000))
}
