package server

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/resp"
)

// TestBlockedClientGoes: the end of a client whose reply may never come is noticed
// while it waits, whatever it had sent behind its command; the end of one whose reply
// is being worked on is not, and it gets that.
func TestBlockedClientGoes(t *testing.T) { bothForms(t, testBlockedClientGoes) }

func testBlockedClientGoes(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	goes, stays := f.dial(t), f.dial(t)
	goes.send("PING\r\nBLOCK\r\nECHO never\r\n")
	goes.want("PONG")
	stays.send("WAIT\r\n")
	eventually(t, "they wait", func() bool { return f.h.commands.Load() == 3 })
	if err := stays.nc.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	goes.nc.Close()
	eventually(t, "one is forgotten", func() bool { return f.h.open.Load() == 1 })
	waker := f.dial(t)
	waker.send("WAKE\r\n")
	waker.want("OK")
	stays.want("AWAKE")
	stays.wantEnd()
}

// TestBlockedClientGoesOn: what a client sends while it is blocked is executed
// afterwards, also where that is more than is read ahead.
func TestBlockedClientGoesOn(t *testing.T) { bothForms(t, testBlockedClientGoesOn) }

func testBlockedClientGoesOn(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	c, waker := f.dial(t), f.dial(t)
	long := strings.Repeat("x", 3*maxAhead/2)
	for round := range 3 {
		c.send("BLOCK\r\nPING\r\n")
		eventually(t, "it waits", func() bool {
			waiting := 0
			f.onLoop(func() {
				for s := range f.h.sessions {
					if s.waiting {
						waiting++
					}
				}
			})
			return waiting == 1
		})
		if round > 0 {
			c.send("ECHO a\r\n")
			c.send(string(resp.AppendCommand(nil, []byte("ECHO"), []byte(long))))
		}
		waker.send("WAKE\r\n")
		waker.want("OK")
		c.want("AWAKE")
		c.want("PONG")
		if round > 0 {
			c.want(`"a"`)
			c.want(fmt.Sprintf("%q", long))
		}
	}
}

// TestMessages: what a connection is sent without asking comes in order, between its
// replies, whether it talks, is silent or waits.
func TestMessages(t *testing.T) { bothForms(t, testMessages) }

func testMessages(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	silent, talks, speaker := f.dial(t), f.dial(t), f.dial(t)
	for _, c := range []*client{silent, talks} {
		c.send("LISTEN\r\n")
		c.want("OK")
	}
	talks.send("BLOCK\r\n")
	const messages = 500
	go func() {
		for i := range messages {
			if _, err := fmt.Fprintf(speaker.nc, "TELL %d\r\n", i); err != nil {
				return // the test says why
			}
		}
	}()
	for i := range messages {
		silent.want(fmt.Sprintf(`1) "%d"`, i))
		talks.want(fmt.Sprintf(`1) "%d"`, i))
	}
	for range messages {
		speaker.want("OK")
	}
	speaker.send("WAKE\r\nTELL last\r\n")
	speaker.want("OK")
	speaker.want("OK")
	talks.want("AWAKE")
	talks.want(`1) "last"`)
	talks.send("PING\r\n")
	talks.want("PONG")
	speaker.send("LISTEN\r\nTELL me\r\nPING\r\n")
	for _, reply := range []string{"OK", "OK", `1) "me"`, "PONG"} {
		speaker.want(reply)
	}
}

// TestUnreadMessagesAreCounted: Send and Unsent say how much a client has not taken, and
// others get theirs meanwhile.
func TestUnreadMessagesAreCounted(t *testing.T) { bothForms(t, testUnreadMessagesAreCounted) }

func testUnreadMessagesAreCounted(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	slow, speaker := f.dial(t), f.dial(t)
	slow.send("LISTEN\r\n")
	slow.want("OK")
	tell := string(resp.AppendCommand(nil, []byte("TELL"), make([]byte, 1<<20)))
	sent := 0
	for f.h.unsent.Load() < 16<<20 {
		speaker.send(tell)
		speaker.want("OK")
		sent++
	}
	for f.h.waits.Load() < 1<<20 {
		time.Sleep(time.Millisecond)
	}
	for range sent {
		if v, err := slow.in.Read(); err != nil || len(v.Items) != 1 || len(v.Items[0].Str) != 1<<20 {
			t.Fatalf("a message was %.60s, %v", v, err)
		}
	}
	slow.send("PING\r\n")
	slow.want("PONG")
	for f.h.waits.Load() != 0 {
		time.Sleep(time.Millisecond)
	}
}

// TestListenersAreNotIdle: a subscriber says nothing for as long as it likes.
func TestListenersAreNotIdle(t *testing.T) { bothForms(t, testListenersAreNotIdle) }

func testListenersAreNotIdle(t *testing.T, o Options) {
	o.Timeout = func() time.Duration { return 20 * time.Millisecond }
	f := start(t, &toy{}, o)
	listens, silent := f.dial(t), f.dial(t)
	listens.send("LISTEN\r\n")
	listens.want("OK")
	silent.wantEnd()
	listens.send("PING\r\n")
	listens.want("PONG")
}

// TestCommitAsksForATick: it comes sooner than the one before had asked for.
func TestCommitAsksForATick(t *testing.T) { bothForms(t, testCommitAsksForATick) }

func testCommitAsksForATick(t *testing.T, o Options) {
	f := start(t, &toy{sooner: time.Millisecond, pause: time.Hour}, o)
	c := f.dial(t)
	for range 3 {
		before := f.h.ticks.Load()
		c.send("PING\r\n")
		c.want("PONG")
		eventually(t, "a Tick comes", func() bool { return f.h.ticks.Load() > before })
	}
}

// TestReplyGoesBeforeWhatFollows: what a client was answered in one turn reaches it before what
// it is sent in the next one, though each may be written by a goroutine of its own.
func TestReplyGoesBeforeWhatFollows(t *testing.T) { bothForms(t, testReplyGoesBeforeWhatFollows) }

func testReplyGoesBeforeWhatFollows(t *testing.T, o Options) {
	f := start(t, &toy{}, o)
	c, waker := f.dial(t), f.dial(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				waker.send("WAKE\r\n")
				waker.want("OK")
			}
		}
	}()
	for i := range 1000 {
		c.send(fmt.Sprintf("ECHO %d\r\nWAIT\r\n", i))
		c.want(fmt.Sprintf("%q", fmt.Sprint(i)))
		c.want("AWAKE")
	}
	close(stop)
	<-stopped
}
