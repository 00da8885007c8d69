package server

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/altilium-db/altilium/resp"
)

const (
	maxBatch   = 1024     // commands handed in at once
	keepInput  = 32 << 10 // bytes of buffers that an idle connection keeps
	keepOutput = 64 << 10
)

// conn is one connection. It is the engine's resp.Peer.
type conn struct {
	s      *Server
	nc     net.Conn
	parser *resp.Parser
	out    resp.Writer
	wake   chan struct{} // the loop has done what was handed in

	// The goroutine's, but the loop's between hand-in and wake.
	session resp.Session
	batch   [][][]byte // backs cmds
	cmds    [][][]byte // not yet executed
	ran     int        // commands that the last Run consumed
	waiting bool       // the session owes a reply
	trusted bool
	refused bool // the handler did not want it
	closing bool // this batch is the end: tell the session

	hangup  atomic.Bool // close after the output has been written
	stopped atomic.Bool // read no more
}

// RemoteAddr is the client's address.
func (c *conn) RemoteAddr() string { return c.nc.RemoteAddr().String() }

// LocalAddr is the address that it connected to.
func (c *conn) LocalAddr() string { return c.nc.LocalAddr().String() }

// Hangup closes the connection when its output has been written.
func (c *conn) Hangup() {
	c.hangup.Store(true)
	c.stopReading()
}

// Kill closes the connection at once.
func (c *conn) Kill() {
	c.hangup.Store(true)
	c.stopped.Store(true)
	c.nc.Close()
	c.giveUp()
}

// giveUp ends the waiting of a connection that is to be closed. Only the loop
// calls it.
func (c *conn) giveUp() {
	if c.waiting {
		c.waiting = false
		c.cmds, c.ran = nil, 0
		c.wake <- struct{}{}
	}
}

// Resume runs the connection's session again. Only the loop calls it.
func (c *conn) Resume() {
	if !c.waiting {
		return
	}
	c.waiting = false
	c.s.hand(c)
}

// stopReading wakes a goroutine that waits for more from its client.
func (c *conn) stopReading() {
	c.stopped.Store(true)
	_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // fails on a closed socket only
}

// hand puts a batch into the queue.
func (s *Server) hand(c *conn) {
	s.mu.Lock()
	s.queue = append(s.queue, c)
	first := len(s.queue) == 1
	s.mu.Unlock()
	if first {
		s.kick()
	}
}

// run is the loop's: it executes what the connection has handed in.
func (c *conn) run() {
	switch {
	case c.closing:
		if c.session != nil {
			c.session.Closed()
		}
		return
	case c.session == nil:
		session, err := c.s.h.Open(c)
		if err != nil {
			c.out.Error(err.Error())
			c.refused = true
			return
		}
		c.session = session
	}
	c.ran = 0
	if len(c.cmds) > 0 || c.session.Waiting() {
		c.ran = c.session.Run(c.cmds, &c.out)
	}
}

// afterTurn is the loop's: the turn is committed, the goroutine may go on,
// unless a reply is owed.
func (c *conn) afterTurn() {
	if c.session != nil && !c.closing {
		c.trusted = c.session.Trusted()
		if c.session.Waiting() && !c.stopped.Load() {
			c.cmds, c.ran = c.cmds[c.ran:], 0
			c.waiting = true
			return
		}
	}
	c.wake <- struct{}{}
}

// turn hands in what there is and waits until it has been done.
func (c *conn) turn() {
	c.s.hand(c)
	<-c.wake
}

// serve is the connection's goroutine.
func (c *conn) serve() {
	defer c.nc.Close()
	c.turn() // opens the session
	if !c.refused {
		c.talk()
	}
	c.flush()
	c.closing = true
	c.turn()
}

// talk reads, hands in and writes until the connection ends.
func (c *conn) talk() {
	for !c.hangup.Load() {
		c.limit()
		stop := c.parse()
		for len(c.cmds) > 0 {
			c.turn()
			c.cmds = c.cmds[c.ran:]
			if !c.flush() || c.hangup.Load() {
				return
			}
		}
		if stop != nil {
			c.protocolError(stop)
			return
		}
		if len(c.batch) > 0 && c.parser.Waiting() > 0 {
			c.parser.Release(keepInput)
			continue // there may be another whole command
		}
		c.parser.Release(keepInput)
		if !c.read() {
			return
		}
	}
}

// parse collects the whole commands that have arrived into cmds. The error ends
// the connection once they have been executed.
func (c *conn) parse() (err error) {
	c.batch = c.batch[:0]
	for len(c.batch) < maxBatch && err == nil {
		var args [][]byte
		if args, err = c.parser.Next(); args == nil {
			break
		}
		if isHTTP(args[0]) {
			c.s.o.Logger.Warn().Str("client", c.RemoteAddr()).Msg("an HTTP request was sent to this port: somebody may be using a browser to send commands; connection closed")
			err = errHTTP
			break
		}
		c.batch = append(c.batch, args)
		if !c.trusted {
			break // the next one's limits depend on this one
		}
	}
	c.cmds = c.batch
	return err
}

// errHTTP ends a connection without a reply.
var errHTTP = errors.New("http")

// isHTTP recognises the first words of a request that a browser was tricked
// into sending here.
func isHTTP(word []byte) bool {
	return bytes.EqualFold(word, []byte("post")) || bytes.EqualFold(word, []byte("host:"))
}

func (c *conn) limit() {
	if c.trusted {
		c.parser.SetLimits(resp.DefaultLimits())
	} else {
		c.parser.SetLimits(resp.UntrustedLimits())
	}
}

func (c *conn) protocolError(err error) {
	if errors.Is(err, errHTTP) {
		return
	}
	c.s.o.Logger.Debug().Str("client", c.RemoteAddr()).Err(err).Msg("connection closed")
	c.out.Error(err.Error())
}

// read waits for more bytes; false ends the connection.
func (c *conn) read() bool {
	space := c.parser.Space()
	if c.stopped.Load() {
		return false
	}
	if c.s.o.Timeout != nil {
		var deadline time.Time
		if timeout := c.s.o.Timeout(); timeout > 0 {
			deadline = time.Now().Add(timeout)
		}
		if err := c.nc.SetReadDeadline(deadline); err != nil {
			return false
		}
		if c.stopped.Load() { // between the two, and its deadline was taken away
			return false
		}
	}
	n, err := c.nc.Read(space)
	c.parser.Filled(n)
	if errors.Is(err, os.ErrDeadlineExceeded) && !c.stopped.Load() {
		c.s.o.Logger.Debug().Str("client", c.RemoteAddr()).Msg("idle connection closed")
	}
	return err == nil
}

// flush writes the replies; false when the client is gone.
func (c *conn) flush() bool {
	if c.out.Len() == 0 {
		return true
	}
	_, err := c.nc.Write(c.out.Bytes())
	c.out.Reset(keepOutput)
	return err == nil
}
