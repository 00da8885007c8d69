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
	keepBatch  = 512      // commands that an idle connection keeps room for: a full read of short ones
	keepInput  = 16 << 10 // bytes of buffers that it keeps
	keepOutput = 32 << 10
)

const (
	// maxWrite is how many bytes are written at once: a client that takes a
	// large reply slowly is seen to move.
	maxWrite = 1 << 20

	// minWrite is how much of its replies any client is sent before others
	// are looked at again.
	minWrite = 64 << 10
)

// conn is one connection, in either form. It is the engine's resp.Peer.
type conn struct {
	s             *Server
	t             transport
	remote, local string
	parser        *resp.Parser
	out           resp.Writer

	// Whoever has the parser has these: the loop, but in the blocking form
	// the goroutine between wake and hand-in.
	session resp.Session
	batch   [][][]byte // backs cmds
	cmds    [][][]byte // not yet executed
	ran     int        // commands that the last Run consumed
	waiting bool       // the session owes a reply
	trusted bool
	refused bool // the handler did not want it
	closing bool // this is the end: tell the session
	told    bool // it has been told
	listed  bool // it has been handed in, and its turn is not over

	// The loop's.
	seen    uint64    // moved, when the loop last looked
	since   time.Time // when it first had that value
	touched bool      // it is in Server.touched
	resumed bool      // it waited until this Commit

	moved   atomic.Uint64 // grows with every read and write that did something
	hangup  atomic.Bool   // close after the output has been written
	stopped atomic.Bool   // read no more
}

// transport moves a connection's bytes: by a goroutine of its own (blocking) or
// by the loop (polled). Only the loop calls it, but for cut.
type transport interface {
	// proceed goes on when a turn is over and no reply is owed. true: there
	// is more for a turn to do.
	proceed() (again bool)

	// pause is called instead when a reply is owed. blocked: the reply may never
	// come, so it matters whether the client is still there.
	pause(blocked bool)

	// send takes bytes to be sent behind the output, and says how many wait.
	send(frames [][]byte) (unsent int)

	// waits says how many bytes that is.
	waits() int

	// gather moves into the output, which is the loop's for a turn, what send was
	// given and is not on its way yet.
	gather()

	// goOn is called after a Commit that has called send, or, then resumed is set,
	// has ended the waiting for a reply. true: there is more for a turn to do.
	goOn(resumed bool) (again bool)

	// stopReading makes a connection that waits for its client wait no more:
	// conn.stopped is set.
	stopReading()

	// cut closes the socket at once. The connection's end follows as if the
	// client had gone.
	cut()
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{s: s, parser: resp.NewParser(), local: nc.LocalAddr().String()}
	c.out.Share(&s.buffers)
	if _, ok := nc.LocalAddr().(*net.UnixAddr); ok {
		// A unix socket is its path and port 0, as Redis says it; its
		// clients have no name there.
		c.local += ":0"
		c.remote = c.local
	} else {
		c.remote = nc.RemoteAddr().String()
	}
	return c
}

// RemoteAddr is the client's address.
func (c *conn) RemoteAddr() string { return c.remote }

// LocalAddr is the address that the client connected to.
func (c *conn) LocalAddr() string { return c.local }

// Hangup closes the connection when its output has been written.
func (c *conn) Hangup() {
	c.hangup.Store(true)
	c.stopped.Store(true)
	c.t.stopReading()
}

// Kill closes the connection at once.
func (c *conn) Kill() {
	c.hangup.Store(true)
	c.stopped.Store(true)
	c.t.cut()
	c.giveUp()
}

// leave is Shutdown's: what has arrived is executed, and nothing more.
func (c *conn) leave() {
	c.stopped.Store(true)
	c.t.stopReading()
	c.giveUp()
}

// giveUp ends the waiting of a connection that is to be closed: the reply that
// is owed will not come. Only the loop calls it.
func (c *conn) giveUp() {
	if c.waiting {
		c.waiting = false
		c.cmds, c.ran = nil, 0
		if c.t.proceed() {
			c.s.hand(c)
		}
	}
}

// Resume lets a connection go on that was waiting. Only the loop calls it.
func (c *conn) Resume() {
	if c.waiting {
		c.waiting, c.resumed = false, true
		c.touch()
	}
}

// Send puts frames behind the output. Only the loop calls it.
func (c *conn) Send(frames [][]byte) (unsent int) {
	c.touch()
	return c.t.send(frames)
}

// Unsent is what the client has not taken yet. Only the loop calls it.
func (c *conn) Unsent() int { return c.t.waits() }

// touch has the loop look at c after this Commit.
func (c *conn) touch() {
	if !c.touched {
		c.touched = true
		c.s.touched = append(c.s.touched, c)
	}
}

// hand has the loop look at a connection in its next turn, once.
func (s *Server) hand(c *conn) {
	if c.listed {
		return
	}
	c.listed = true
	s.mu.Lock()
	s.queue = append(s.queue, c)
	if len(s.queue) == 1 {
		s.wait.wake()
	}
	s.mu.Unlock()
}

// run is the loop's: it executes what the connection has to say.
func (c *conn) run() {
	switch {
	case c.closing:
		if c.session != nil && !c.told {
			c.session.Closed()
		}
		c.told = true
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
		c.cmds = nil
	}
	if len(c.cmds) > 0 {
		c.t.gather()
		c.ran = c.session.Run(c.cmds, &c.out)
	}
}

// afterTurn is the loop's: the turn is committed, the connection may go on,
// unless a reply is owed. true: there is more of it for the next turn.
func (c *conn) afterTurn() (again bool) {
	c.listed = false
	if c.session != nil && !c.closing {
		c.trusted = c.session.Trusted()
		if c.session.Waiting() {
			c.cmds, c.ran, c.waiting = c.cmds[c.ran:], 0, true
			if c.stopped.Load() {
				c.giveUp()
			} else {
				c.t.pause(c.session.Blocked())
			}
			return false
		}
	}
	return c.t.proceed()
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
	return len(word) >= 4 && (word[1]|0x20) == 'o' && // most words end here: each command comes by
		(bytes.EqualFold(word, []byte("post")) || bytes.EqualFold(word, []byte("host:")))
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

// release forgets the batch, which has been executed. more: there may be
// another whole command in what has arrived.
func (c *conn) release() (more bool) {
	more = len(c.batch) > 0 && c.parser.Waiting() > 0
	clear(c.batch)
	c.batch, c.cmds = c.batch[:0], nil
	if cap(c.batch) > keepBatch {
		c.batch = nil
	}
	c.parser.Release(keepInput)
	return more
}

// idle is how long the connection has neither sent nor taken a byte, as far as
// the loop has seen. A client that is owed a reply or listens is not idle.
func (c *conn) idle(now time.Time) time.Duration {
	listens := c.waiting || c.session != nil && c.session.Subscribed()
	if n := c.moved.Load(); n != c.seen || c.since.IsZero() || listens {
		c.seen, c.since = n, now
	}
	return now.Sub(c.since)
}
