package server

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/altilium-db/altilium/resp"
	"github.com/rs/zerolog"
)

// quiet is a handler that allocates nothing: it answers OK to whatever it is sent.
type quiet struct{}

func (quiet) Open(resp.Peer) (resp.Session, error) { return quiet{}, nil }
func (quiet) Commit() time.Duration                { return 0 }
func (quiet) Blocked() bool                        { return false }
func (quiet) Subscribed() bool                     { return false }
func (quiet) Tick() time.Duration                  { return time.Second }
func (quiet) Waiting() bool                        { return false }
func (quiet) Trusted() bool                        { return true }
func (quiet) Closed()                              {}

func (quiet) Run(cmds [][][]byte, out *resp.Writer) int {
	for range cmds {
		out.OK()
	}
	return len(cmds)
}

// traffic is a client that sends a pipeline of depth SETs again and again.
type traffic struct {
	tb      testing.TB
	nc      net.Conn
	wire    []byte
	replies []byte
}

func newTraffic(tb testing.TB, depth int, o Options) *traffic {
	o.Logger = zerolog.Nop()
	addr := serveUntilEnd(tb, New(quiet{}, o))
	set := resp.AppendCommand(nil, []byte("SET"), []byte("key:000000000001"), make([]byte, 32))
	return &traffic{
		tb: tb, nc: dial(tb, "tcp", addr).nc,
		wire: bytes.Repeat(set, depth), replies: make([]byte, depth*len("+OK\r\n")),
	}
}

// turn sends the pipeline and takes its replies.
func (c *traffic) turn() {
	_, err := c.nc.Write(c.wire)
	if err == nil {
		_, err = io.ReadFull(c.nc, c.replies)
	}
	if err != nil {
		c.tb.Fatal(err)
	}
}

// TestTrafficAllocatesNothing: a connection that is at work, from its socket to its
// socket.
func TestTrafficAllocatesNothing(t *testing.T) { bothForms(t, testTrafficAllocatesNothing) }

func testTrafficAllocatesNothing(t *testing.T, o Options) {
	for _, depth := range []int{1, 64, 300} {
		c := newTraffic(t, depth, o)
		for range 100 {
			c.turn()
		}
		if n := testing.AllocsPerRun(1, func() {
			for range 1000 {
				c.turn()
			}
		}); n > 10 { // what the runtime does beside it
			t.Errorf("%v allocations in 1000 turns of %d commands", n, depth)
		}
	}
}
