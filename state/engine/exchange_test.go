package engine

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/replay/past"
)

// An exchange is a transcript of several clients in which some are sent what they have
// not asked for: messages, and the replies of commands that have waited.
//
//	a BLPOP k 0
//	  waits
//	b LPUSH k v
//	  :1
//	  a: *2 $1 k $1 v
//
// A block that is not marked ours is also played against redis-server, which must send
// the same to each client in the same order.

// runExchanges plays a file of them; more are settings of redis-server.
func runExchanges(t *testing.T, path string, more ...string) {
	redis := startRedis(t, more...)
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		ours := playOurs(t, d.Input)
		var b strings.Builder
		for _, x := range ours {
			b.WriteString(x.String())
		}
		if redis == "" || d.HasArg("ours") {
			return b.String()
		}
		theirs := newRival(t, redis)
		for _, x := range ours { // at once: monitors would see what a new one says
			if x.line[0] != '+' && theirs.clients[x.client] == nil {
				theirs.clients[x.client] = theirs.dial()
			}
		}
		for _, x := range ours {
			if got := theirs.play(x); !sameExchange(got, x.String()) {
				t.Errorf("%s:\nours:  %s\nredis: %s", d.Pos, x, got)
			}
		}
		theirs.nothingMore()
		return b.String()
	})
}

// exchange is one line of a transcript and what came of it.
type exchange struct {
	line, client, command string
	reply                 string // wire; "" where there is none yet
	others                map[string]string
}

func (x exchange) String() string { return renderExchange(x.line, x.reply, x.others) }

func renderExchange(line, reply string, others map[string]string) string {
	var b strings.Builder
	b.WriteString(line + "\n")
	switch {
	case reply != "":
		fmt.Fprintf(&b, "  %s\n", flat(reply))
	case !strings.HasPrefix(line, "+") && !strings.HasSuffix(line, " CLOSE"):
		b.WriteString("  waits\n")
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		fmt.Fprintf(&b, "  %s: %s\n", name, flat(others[name]))
	}
	return b.String()
}

// playOurs plays a script against an engine.
func playOurs(t *testing.T, script string) (all []exchange) {
	var h *harness
	h = newHarness(t, setup{change: func(o *Options) { o.Past = func(q PastRequest) PastAnswer { return askRoom(h, q) } }})
	t.Cleanup(h.check)
	clients := map[string]*client{}
	for line := range strings.Lines(script) {
		x := exchange{line: strings.TrimSpace(line), others: map[string]string{}}
		x.client, x.command, _ = strings.Cut(x.line, " ")
		c := clients[x.client]
		switch {
		case x.line[0] == '+':
			pause, err := time.ParseDuration(x.line[1:])
			if err != nil {
				t.Fatal(err)
			}
			h.advance(pause)
			h.e.Tick()
		case x.command == "CLOSE":
			c.s.Closed()
			delete(clients, x.client)
		default:
			if c == nil {
				c = h.connect()
				clients[x.client] = c
			}
			x.reply = c.do(withIDs(x.command, func(name string) string {
				return strconv.FormatUint(clients[name].s.(*Session).id, 10)
			}))
			if c.s.(*Session).asking {
				h.post()
				x.reply += c.take()
			}
		}
		h.resumeHeld()
		for name, other := range clients {
			if got := other.take(); got != "" {
				x.others[name] = got
			}
		}
		all = append(all, x)
	}
	return all
}

// askRoom asks the past of a harness's log.
func askRoom(h *harness, q PastRequest) PastAnswer {
	return askThe(past.New(past.Options{Log: h.log, Views: replay.NewViews(h.dir, 2, 0)}), q)
}

// askThe asks a room.
func askThe(room *past.Room, q PastRequest) PastAnswer {
	a := room.Answer(context.Background(), past.Request{
		Args: q.Args, Queue: q.Queue, At: (*replay.Resolved)(q.At), DB: q.DB, Proto: q.Proto,
		Last: q.Last, LastTime: q.LastTime, Now: q.Now, Limit: q.Limit, Keys: q.Keys,
	})
	return pastAnswer(a)
}

// pastAnswer is an answer in the engine's words.
func pastAnswer(a past.Answer) PastAnswer {
	answer := PastAnswer{Reply: a.Reply, At: (*Moment)(a.At), Follow: a.Follow, Live: a.Live}
	if c := a.Change; c != nil {
		answer.Change = &PastChange{
			UpTo: c.UpTo, Events: c.Events, Digest: c.Digest, Reply: c.Reply, Done: c.Done,
			Again: func(upTo uint64) PastAnswer { return pastAnswer(c.Again(context.Background(), upTo)) },
		}
	}
	return answer
}

// withIDs puts a client's id in the place of {id:client}.
func withIDs(command string, id func(client string) string) string {
	before, rest, found := strings.Cut(command, "{id:")
	if !found {
		return command
	}
	name, after, _ := strings.Cut(rest, "}")
	return before + id(name) + after
}

// rival is redis-server, told by what we did what to wait for.
type rival struct {
	t       *testing.T
	addr    string
	clients map[string]*rivalConn
	admin   *rivalConn
}

type rivalConn struct {
	t *testing.T
	net.Conn
	r  *bufio.Reader
	id string
}

func newRival(t *testing.T, addr string) *rival {
	r := &rival{t: t, addr: addr, clients: map[string]*rivalConn{}}
	r.admin = r.dial()
	r.admin.ask("FLUSHALL")
	r.admin.ask("CONFIG SET notify-keyspace-events ''")
	return r
}

func (r *rival) dial() *rivalConn {
	nc, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { nc.Close() })
	c := &rivalConn{t: r.t, Conn: nc, r: bufio.NewReader(nc)}
	c.id = strings.TrimPrefix(flat(c.ask("CLIENT ID")), ":")
	return c
}

func (c *rivalConn) say(command string) {
	var b strings.Builder
	args := words(command)
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(c, b.String()); err != nil {
		c.t.Fatal(err)
	}
}

// read reads as many values as there are in wire.
func (c *rivalConn) read(wire string) string {
	n, err := countReplies(wire)
	if err != nil {
		c.t.Fatal(err)
	}
	var got strings.Builder
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	for range n {
		if err := copyReply(&got, c.r); err != nil {
			return fmt.Sprintf("%s (%v)", got.String(), err)
		}
	}
	return got.String()
}

func (c *rivalConn) ask(command string) string {
	c.say(command)
	return c.read("+one\r\n")
}

// play does what x says and waits for as much as came of it here.
func (r *rival) play(x exchange) string {
	c := r.clients[x.client]
	reply := ""
	switch {
	case x.line[0] == '+':
		pause, _ := time.ParseDuration(x.line[1:])
		time.Sleep(pause) // it is the clock that is to go on
	case x.command == "CLOSE":
		c.Close()
		delete(r.clients, x.client)
		r.until("it is gone", func() bool { return r.admin.ask("CLIENT LIST ID "+c.id) == "$0\r\n\r\n" })
	default:
		if c == nil {
			c = r.dial()
			r.clients[x.client] = c
		}
		c.say(withIDs(x.command, func(name string) string { return r.clients[name].id }))
		if x.reply != "" {
			reply = c.read(x.reply)
		} else {
			r.until("it waits", func() bool {
				_, flags, _ := strings.Cut(r.admin.ask("CLIENT LIST ID "+c.id), " flags=")
				flags, _, _ = strings.Cut(flags, " ")
				return strings.Contains(flags, "b")
			})
		}
	}
	others := map[string]string{}
	for name, wire := range x.others {
		others[name] = r.clients[name].read(wire)
	}
	return renderExchange(x.line, reply, others)
}

func (r *rival) until(what string, cond func() bool) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("redis-server: this never came true: %s", what)
		}
	}
}

// nothingMore holds that no client was sent more than ours were.
func (r *rival) nothingMore() {
	for name, c := range r.clients {
		r.admin.ask("CLIENT KILL ID " + c.id)
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if rest, _ := io.ReadAll(c.r); len(rest) > 0 { // the error is that it was cut off
			r.t.Errorf("redis-server sent more to %s: %q", name, rest)
		}
	}
}

// unlike is what differs between servers: the time and the address in the lines of MONITOR,
// the version and the id that HELLO answers.
func unlike() *regexp.Regexp {
	return regexp.MustCompile(`\+\d{10}\.\d{6} |\b127\.0\.0\.1:\d+\]|\$7 version \$\d \S+|\$2 id :\d+`)
}

// sameExchange reports whether two exchanges are the same but for that.
func sameExchange(a, b string) bool {
	return unlike().ReplaceAllString(a, "~") == unlike().ReplaceAllString(b, "~")
}

func TestTracking(t *testing.T) { runExchanges(t, "testdata/tracking.txt") }

func TestPause(t *testing.T) { runExchanges(t, "testdata/pause.txt") }

func TestMonitor(t *testing.T) { runExchanges(t, "testdata/monitor.txt") }

func TestNotifications(t *testing.T) { runExchanges(t, "testdata/notify.txt") }

func TestBlocking(t *testing.T) { runExchanges(t, "testdata/blocking.txt") }

func TestPast(t *testing.T) { runExchanges(t, "testdata/asof.txt") }

func TestPubSub(t *testing.T) { runExchanges(t, "testdata/pubsub.txt") }

// parseCount is the number in a header of the protocol.
func parseCount(line string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(line[1:])) // 0 for what is none: a line of its own
	return n
}
