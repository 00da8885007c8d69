package server

import (
	"bytes"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/altilium-db/altilium/resp"
)

const (
	maxBatch   = 1024     // commands handed in at once
	keepBatch  = 128      // commands that an idle connection keeps room for
	keepInput  = 16 << 10 // bytes of buffers that it keeps
	keepOutput = 32 << 10
)

// maxWrite is how much is written at once: a client that takes a large reply
// slowly is seen to move.
const maxWrite = 1 << 20

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

	// The loop's.
	seen  uint64    // moved, when the loop last looked
	since time.Time // when it first had that value

	moved   atomic.Uint64 // grows with every read and write that did something
	hangup  atomic.Bool   // close after the output has been written
	stopped atomic.Bool   // read no more
}

// RemoteAddr is the client's address; on a unix socket the socket's path and
// port 0, as Redis says it, since clients have no name there.
func (c *conn) RemoteAddr() string {
	if _, ok := c.nc.(*net.UnixConn); ok {
		return c.LocalAddr()
	}
	return c.nc.RemoteAddr().String()
}

// LocalAddr is the address that the client connected to.
func (c *conn) LocalAddr() string {
	addr := c.nc.LocalAddr()
	if _, ok := addr.(*net.UnixAddr); ok {
		return addr.String() + ":0"
	}
	return addr.String()
}

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
	if c.hangup.Load() {
		c.cmds = nil // only a reply that is owed may still come
	}
	if len(c.cmds) > 0 || c.session.Waiting() {
		c.ran = c.session.Run(c.cmds, &c.out)
	}
}

// afterTurn is the loop's: the turn is committed, the goroutine may go on,
// unless a reply is owed.
func (c *conn) afterTurn() {
	if c.session != nil && !c.closing {
		c.trusted = c.session.Trusted()
		if c.session.Waiting() {
			c.cmds, c.ran, c.waiting = c.cmds[c.ran:], 0, true
			if c.stopped.Load() {
				c.giveUp()
			}
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
		stop := c.parse()
		for len(c.cmds) > 0 {
			c.turn()
			c.cmds = c.cmds[c.ran:]
			if !c.flush() || c.hangup.Load() {
				return
			}
		}
		if stop != nil {
			c.refuse(stop)
			return
		}
		more := len(c.batch) > 0 && c.parser.Waiting() > 0 // perhaps another whole command
		c.release()
		if !more && !c.read() {
			return
		}
	}
}

// parse collects the whole commands that have arrived into cmds. The error ends
// the connection once they have been executed.
func (c *conn) parse() (err error) {
	c.limit()
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

// limit tells the parser how far the client is trusted.
func (c *conn) limit() {
	if c.trusted {
		c.parser.SetLimits(resp.DefaultLimits())
	} else {
		c.parser.SetLimits(resp.UntrustedLimits())
	}
}

// refuse answers what can never become a command.
func (c *conn) refuse(err error) {
	if errors.Is(err, errHTTP) {
		return
	}
	c.s.o.Logger.Debug().Str("client", c.RemoteAddr()).Err(err).Msg("connection closed")
	c.out.Error(err.Error())
}

// release forgets the batch, which has been executed.
func (c *conn) release() {
	clear(c.batch)
	c.batch, c.cmds = c.batch[:0], nil
	if cap(c.batch) > keepBatch {
		c.batch = nil
	}
	c.parser.Release(keepInput)
}

// read waits for more bytes; false ends the connection.
func (c *conn) read() bool {
	if c.stopped.Load() {
		return false
	}
	n, err := c.nc.Read(c.parser.Space())
	c.parser.Filled(n)
	c.moved.Add(1)
	return err == nil
}

// flush writes the replies; false when the client is gone. A client that does
// not read them holds its goroutine here.
func (c *conn) flush() bool {
	for out := c.out.Bytes(); len(out) > 0; {
		n, err := c.nc.Write(out[:min(len(out), maxWrite)])
		if err != nil {
			return false
		}
		c.moved.Add(1)
		out = out[n:]
	}
	c.out.Reset(keepOutput)
	return true
}
