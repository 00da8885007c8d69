package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// TestMessagesLeaveWithTheirTurn: not before it is committed, and not at all where that
// fails; and then nobody has begun to listen or ceased to.
func TestMessagesLeaveWithTheirTurn(t *testing.T) {
	d := &brokenDisk{}
	h := newHarness(t, setup{faults: d.faults()})
	a, b, c := h.connect(), h.connect(), h.connect()
	a.do("SUBSCRIBE one two")
	c.run("SET k v", "PUBLISH one before")
	if a.take() != "" {
		t.Fatal("a message before the Commit")
	}
	h.e.Commit()
	if got := flat(a.take()); got != "*3 $7 message $3 one $6 before" {
		t.Fatalf("was sent %q", got)
	}
	c.take()
	d.full.Store(true)
	a.run("UNSUBSCRIBE one")
	b.run("SUBSCRIBE one", "PSUBSCRIBE o*")
	c.run("PUBLISH one lost", "SET k w")
	h.e.Commit()
	for _, x := range []*client{a, b, c} {
		if got := flat(x.take()); strings.Trim(strings.ReplaceAll(got, misconf, ""), " ") != "" {
			t.Errorf("was answered %q", got)
		}
	}
	h.post()
	h.healed(d, c)
	c.want(":1", "PUBLISH one after")
	if got := flat(a.take()) + flat(b.take()); got != "*3 $7 message $3 one $5 after" {
		t.Errorf("was sent %q", got)
	}
	c.want(":0", "PUBSUB NUMPAT")
}

// TestOrderOfMessagesAndReplies within a turn: as they happened.
func TestOrderOfMessagesAndReplies(t *testing.T) {
	h := newHarness(t, setup{})
	a, b := h.connect(), h.connect()
	a.do("HELLO 3")
	a.run("SUBSCRIBE c", "PING 1")
	b.run("PUBLISH c x")
	a.run("PING 2", "PUBLISH c y", "UNSUBSCRIBE c")
	b.run("PUBLISH c z")
	a.run("PING 3", "SUBSCRIBE c")
	b.run("PUBLISH c last")
	h.e.Commit()
	want := ">3 $9 subscribe $1 c :1 $1 1 >3 $7 message $1 c $1 x $1 2 :1 >3 $7 message $1 c $1 y " +
		">3 $11 unsubscribe $1 c :0 $1 3 >3 $9 subscribe $1 c :1 >3 $7 message $1 c $4 last"
	if got := flat(a.take()); got != want {
		t.Errorf("was sent\n%s, not\n%s", got, want)
	}
	if got := flat(b.take()); got != ":1 :0 :1" {
		t.Errorf("the publisher was answered %s", got)
	}
}

// TestSlowSubscriber: one that leaves too much unread, or much for too long, is closed,
// and the log says so.
func TestSlowSubscriber(t *testing.T) {
	var logged strings.Builder
	h := newHarness(t, setup{change: func(o *Options) { o.Logger = zerolog.New(&logged) }})
	hard, soft, reader, b := h.connect(), h.connect(), h.connect(), h.connect()
	for _, c := range []*client{hard, soft, reader} {
		c.do("SUBSCRIBE c")
	}
	publish := func() { b.do("PUBLISH c x") }
	soft.unsent = 8 << 20
	publish()
	h.advance(30 * time.Second)
	hard.unsent, soft.unsent = 32<<20-1, 0
	publish()
	soft.unsent = 8 << 20
	publish()
	h.advance(60 * time.Second)
	publish()
	if hard.killed || soft.killed {
		t.Fatal("closed too early")
	}
	if list := b.do("CLIENT LIST TYPE pubsub"); !strings.Contains(list, " omem=33554431 tot-mem=33554431 ") || !strings.Contains(list, " omem=8388608 ") || !strings.Contains(list, " omem=0 ") {
		t.Errorf("CLIENT LIST does not show who leaves how much unread: %s", list)
	}
	hard.unsent = 32 << 20
	h.advance(time.Microsecond)
	publish()
	if !hard.killed || !soft.killed || reader.killed {
		t.Errorf("closed: %v, %v, %v", hard.killed, soft.killed, reader.killed)
	}
	if n := strings.Count(logged.String(), "too slowly"); n != 2 {
		t.Errorf("the log says so %d times: %s", n, logged.String())
	}
	hard.s.Closed()
	soft.s.Closed()
	b.want(":1", "PUBLISH c x")
	if info := b.do("INFO stats"); !strings.Contains(info, "client_output_buffer_limit_disconnections:2\r") {
		t.Errorf("INFO: %s", info)
	}
	b.want("+OK", "CONFIG SET client-output-buffer-limit 'pubsub 100 0 0'")
	reader.unsent = 100
	publish()
	if !reader.killed {
		t.Error("another limit does not hold")
	}
}

// TestSubscribersAreShown in CLIENT LIST and INFO, and found by filters.
func TestSubscribersAreShown(t *testing.T) {
	h := newHarness(t, setup{})
	a, b := h.connect(), h.connect()
	a.do("SUBSCRIBE x y", "PSUBSCRIBE *", "SSUBSCRIBE s t u")
	if line := b.do("CLIENT LIST TYPE pubsub"); !strings.Contains(line, "id=1 ") || !strings.Contains(line, "flags=P ") ||
		!strings.Contains(line, "sub=2 psub=1 ssub=3 ") || strings.Contains(line, "id=2 ") {
		t.Errorf("CLIENT LIST: %s", line)
	}
	if line := b.do("CLIENT LIST TYPE normal"); strings.Contains(line, "id=1 ") || !strings.Contains(line, "id=2 ") {
		t.Errorf("CLIENT LIST: %s", line)
	}
	info := b.do("INFO stats")
	for _, want := range []string{"pubsub_channels:2\r", "pubsub_patterns:1\r", "pubsubshard_channels:3\r"} {
		if !strings.Contains(info, want) {
			t.Errorf("INFO lacks %s", want)
		}
	}
	b.want(":1", "CLIENT KILL TYPE pubsub")
	if !a.killed || b.killed {
		t.Error("another was killed")
	}
	a.s.Closed()
	b.want("*0", "PUBSUB CHANNELS")
	if h.e.pubsub.clients != 0 {
		t.Errorf("%d clients listen", h.e.pubsub.clients)
	}
}

// TestManySubscriptions: a hostile number of channels and patterns comes and goes.
func TestManySubscriptions(t *testing.T) {
	h := newHarness(t, setup{})
	a, b := h.connect(), h.connect()
	for i := range 2000 {
		a.run(fmt.Sprintf("SUBSCRIBE c%d", i), fmt.Sprintf("PSUBSCRIBE p%d*", i))
		b.run(fmt.Sprintf("SUBSCRIBE c%d", i))
	}
	h.e.Commit()
	a.take()
	for i := range 2000 {
		if i%3 > 0 {
			a.run(fmt.Sprintf("UNSUBSCRIBE c%d", i*7%2000), fmt.Sprintf("PUNSUBSCRIBE p%d*", i*7%2000))
		}
	}
	h.e.Commit()
	c := h.connect()
	c.want(":667", "PUBSUB NUMPAT")
	left := 0
	for x := h.e.pubsub.topics[patterns].first; x != nil; x = x.after {
		left++
	}
	if left != 667 || len(h.e.pubsub.topics[channels].byName) != 2000 {
		t.Errorf("%d patterns, %d channels", left, len(h.e.pubsub.topics[channels].byName))
	}
	b.s.Closed()
	a.s.Closed()
	c.want(":0", "PUBSUB NUMPAT")
	c.want("*0", "PUBSUB CHANNELS")
}

// TestListenersAreServedInOrder: of their ids, so that a replay has the same.
func TestListenersAreServedInOrder(t *testing.T) {
	var p tape
	h := newHarness(t, setup{change: p.options})
	clients := []*client{h.connect(), h.connect(), h.connect(), h.connect()}
	for _, i := range []int{2, 0, 3, 1} {
		clients[i].do("SUBSCRIBE c")
	}
	b := h.connect()
	b.do("RECORD START x")
	b.do("PUBLISH c x")
	b.do("RECORD STOP")
	var to []uint64
	for _, s := range p.steps {
		if len(s.Reply) > 0 && strings.Contains(string(s.Reply), "message") {
			to = append(to, s.Conn)
		}
	}
	if !slices.Equal(to, []uint64{1, 2, 3, 4}) {
		t.Errorf("sent to %v", to)
	}
	if diverged := playTape(t, h, &p); diverged > 0 {
		t.Errorf("%d steps diverged", diverged)
	}
}
