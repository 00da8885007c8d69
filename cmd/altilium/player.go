package main

import (
	"errors"
	"fmt"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/engine"
)

// player drives an engine of its own with the steps of a recording: the clock,
// the seeds and the connection ids are the recorded ones, and no socket is
// between them, so the order of execution is the recorded one too.
type player struct {
	engine *engine.Engine
	clock  int64  // µs since 1970, what the engine's clock says
	seed   uint64 // of the next command's random numbers
	connID uint64 // of the next connection
	conns  map[uint64]*playedConn
}

// playedConn is a connection of a recording. It is the engine's resp.Peer.
type playedConn struct {
	addr    string
	session resp.Session
	out     resp.Writer
	pushed  [][]byte // frames that it was sent besides its replies, in order
	closed  bool
}

var errUnknownConn = errors.New("the recording uses a connection that it has not opened")

func newPlayer() *player { return &player{conns: map[uint64]*playedConn{}} }

// options are what makes an engine obey the player.
func (p *player) options(o engine.Options) engine.Options {
	o.Clock = func() int64 { return p.clock }
	o.Seed = func() uint64 { return p.seed }
	o.ConnID = func() uint64 { return p.connID }
	o.Played = true
	return o
}

// Connect opens a connection.
func (p *player) Connect(s resp.Step) error {
	p.clock, p.connID = s.Clock, s.Conn
	c := &playedConn{addr: s.Addr}
	session, err := p.engine.Open(c)
	if err != nil {
		return err
	}
	c.session = session
	p.conns[s.Conn] = c
	return nil
}

// Command executes one command as a turn of its own.
func (p *player) Command(s resp.Step) ([]byte, error) {
	c := p.conns[s.Conn]
	if c == nil {
		return nil, fmt.Errorf("%w: %d", errUnknownConn, s.Conn)
	}
	p.clock, p.seed = s.Clock, s.Seed
	c.out.Reset(1 << 20)
	c.session.Run([][][]byte{s.Args}, &c.out)
	p.engine.Commit()
	if s.Kind == resp.StepPrelude { // what others are sent for it was sent before the recording
		for _, other := range p.conns {
			other.pushed = nil
		}
	}
	return plantedReply(s.Args, c.out.Bytes()), nil
}

// Disconnect closes a connection.
func (p *player) Disconnect(s resp.Step) error {
	p.clock = s.Clock
	c := p.conns[s.Conn]
	if c == nil {
		return fmt.Errorf("%w: %d", errUnknownConn, s.Conn)
	}
	c.session.Closed()
	delete(p.conns, s.Conn)
	return nil
}

// Tick does periodical work at the recorded time.
func (p *player) Tick(s resp.Step) error {
	p.clock = s.Clock
	p.engine.Tick()
	return nil
}

// Evict does what the memory limit did.
func (p *player) Evict(s resp.Step) error {
	p.clock = s.Clock
	return p.engine.PlayEviction(s)
}

// Change does what a command did that went back.
func (p *player) Change(s resp.Step) error {
	p.clock = s.Clock
	return p.engine.PlayChange(s)
}

// Pushed is the next frame that a connection was sent besides its replies.
func (p *player) Pushed(s resp.Step) (frame []byte, err error) {
	c := p.conns[s.Conn]
	if c == nil {
		return nil, fmt.Errorf("%w: %d", errUnknownConn, s.Conn)
	}
	if len(c.pushed) == 0 {
		return nil, nil
	}
	frame, c.pushed = c.pushed[0], c.pushed[1:]
	return frame, nil
}

// Send keeps what the engine sends besides replies.
func (c *playedConn) Send(frames [][]byte) (unsent int) {
	c.pushed = append(c.pushed, frames...)
	return 0
}

func (c *playedConn) RemoteAddr() string { return c.addr }
func (c *playedConn) LocalAddr() string  { return "127.0.0.1:6379" }
func (c *playedConn) Unsent() int        { return 0 }
func (c *playedConn) Resume()            {}
func (c *playedConn) Hangup()            { c.closed = true }
func (c *playedConn) Kill()              { c.closed = true }
