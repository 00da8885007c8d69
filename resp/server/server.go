package server

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/altilium-db/altilium/resp"
	"github.com/rs/zerolog"
)

// Options are a server's settings. The zero value is valid. How many clients
// there may be, and how far the replies of one batch may grow, is the handler's
// to say (resp.Handler, resp.Session).
type Options struct {
	// Logger gets what a person may want to know of connections; the zero
	// Logger discards it.
	Logger zerolog.Logger

	// Timeout is asked, on the loop, how long a client may neither send nor
	// take anything before it is closed. nil or 0: for ever, the default.
	Timeout func() time.Duration

	// KeepAlive is the period of TCP keep-alives. Default 300 s; negative: none,
	// so that a peer whose machine vanished is never noticed.
	KeepAlive time.Duration

	// Guard, where it is not nil, is deferred on the loop's goroutine: it is called at the
	// loop's end, and when the handler panics, which it can recover from to say what that
	// means. The process must end with it then: there is no loop any more.
	Guard func()

	// MostConns is how many connections are open at once at most: one more is closed
	// without a word, and accepting pauses. Each takes a descriptor of the process, and
	// without one for itself the log cannot be written, nor read. It is a last resort,
	// above what the handler admits. Default 0: no limit.
	MostConns int

	// Portable gives every connection a goroutine, as on systems without
	// epoll. Default false.
	Portable bool
}

// Server is the front end. It calls its handler from one goroutine, the loop,
// which runs from New to Shutdown.
type Server struct {
	h resp.Handler
	o Options

	mu        sync.Mutex
	queue     []*conn  // to be looked at in the next turn, in order
	posts     []func() // to run on the loop
	stopping  bool     // no new connections
	ended     bool     // the loop is over
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}

	buffers resp.Buffers // of long replies

	touched []*conn // the loop's: were sent something, or resumed, by Commit

	quit  chan struct{}  // closed with stopping
	wait  waiter         // how the loop waits
	poll  *poller        // moves bytes for the loop; nil: every connection has a goroutine
	done  chan struct{}  // the loop has ended
	alive sync.WaitGroup // listeners being served, and connections
}

// New gives a server and starts its loop.
func New(h resp.Handler, o Options) *Server {
	if o.KeepAlive == 0 {
		o.KeepAlive = 300 * time.Second
	}
	s := &Server{
		h: h, o: o,
		listeners: map[net.Listener]struct{}{}, conns: map[*conn]struct{}{},
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	s.wait, s.poll = s.newWaiter()
	go s.loop()
	return s
}

// newWaiter chooses the form.
func (s *Server) newWaiter() (waiter, *poller) {
	if !s.o.Portable && canPoll {
		p, err := newPoller()
		if err == nil {
			return p, p
		}
		s.o.Logger.Warn().Err(err).Msg("no epoll: each connection gets a goroutine")
	}
	return newChannelWaiter(), nil
}

// ErrShutdown is returned by Serve when Shutdown was called before it.
var ErrShutdown = errors.New("the server has been shut down")

// Serve accepts connections until Shutdown; it then returns nil. Several
// listeners may be served at once. Serve owns ln and closes it.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		return errors.Join(ErrShutdown, ln.Close())
	}
	s.listeners[ln] = struct{}{}
	s.alive.Add(1)
	s.mu.Unlock()
	defer s.alive.Done()
	pause := 5 * time.Millisecond
	for {
		nc, err := ln.Accept()
		if err == nil {
			if err = s.start(nc); err == nil {
				pause = 5 * time.Millisecond
				continue
			}
		}
		s.mu.Lock()
		stopping := s.stopping
		s.mu.Unlock()
		if stopping || errors.Is(err, net.ErrClosed) {
			return nil
		}
		// Out of descriptors, most likely: wait for some to be closed.
		s.o.Logger.Warn().Err(err).Dur("pause", pause).Msg("a connection could not be accepted")
		select {
		case <-s.quit:
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Second)
	}
}

// errCrowded is why a connection beyond Options.MostConns was closed.
var errCrowded = errors.New("there are as many connections as the limit of open files allows")

// start takes in a new connection. On an error it has been closed.
func (s *Server) start(nc net.Conn) error {
	if tcp, ok := nc.(*net.TCPConn); ok { // TCP_NODELAY is on already: package net's default
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{ // fails on a closed socket only
			Enable: s.o.KeepAlive > 0, Idle: s.o.KeepAlive, Interval: s.o.KeepAlive / 3,
		})
	}
	c := newConn(s, nc)
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		return nc.Close()
	}
	if s.o.MostConns > 0 && len(s.conns) >= s.o.MostConns {
		s.mu.Unlock()
		return errors.Join(errCrowded, nc.Close())
	}
	run, err := s.transport(c, nc)
	if err != nil {
		s.mu.Unlock()
		return errors.Join(err, nc.Close())
	}
	s.conns[c] = struct{}{}
	s.alive.Add(1)
	s.mu.Unlock()
	run()
	return nil
}

// transport gives c the better form that nc can have; run begins it.
func (s *Server) transport(c *conn, nc net.Conn) (run func(), err error) {
	if s.poll != nil {
		switch nc.(type) {
		case *net.TCPConn, *net.UnixConn:
			p, err := s.poll.adopt(c, nc)
			if err != nil {
				return nil, err
			}
			c.t = p
			return func() { s.hand(c) }, nil
		}
	}
	b := &blocking{c: c, nc: nc, wake: make(chan signal, 2)}
	c.t = b
	return func() { go b.serve() }, nil
}

// forget is the end of a connection.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.alive.Done()
}

// Post runs f on the loop, in a turn that is yet to begin. It may be called
// from any goroutine, and does not wait. After Shutdown f is not run.
func (s *Server) Post(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.posts = append(s.posts, f)
		s.wait.wake()
	}
}

// Shutdown stops accepting, lets what has arrived be executed and its replies
// be written, closes every connection, and ends the loop. Clients that do not
// read their replies are cut off when ctx ends; its error is then returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.stopping {
		s.stopping = true
		close(s.quit)
	}
	for ln := range s.listeners {
		ln.Close()
	}
	s.mu.Unlock()
	s.Post(func() { s.each((*conn).leave) })
	all := make(chan struct{})
	go func() {
		s.alive.Wait()
		close(all)
	}()
	var err error
	select {
	case <-all:
	case <-ctx.Done():
		err = ctx.Err()
		s.Post(func() { s.each((*conn).Kill) })
		<-all
	}
	s.mu.Lock()
	if !s.ended {
		s.ended = true
		s.wait.wake()
	}
	s.mu.Unlock()
	<-s.done
	return err
}

// each calls f for every connection. Only the loop calls it.
func (s *Server) each(f func(*conn)) {
	s.mu.Lock()
	all := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		f(c)
	}
}
