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
}

// Server is the front end. It calls its handler from one goroutine, the loop,
// which runs from New to Shutdown.
type Server struct {
	h resp.Handler
	o Options

	mu        sync.Mutex
	queue     []*conn  // with a batch to run, in order
	posts     []func() // to run on the loop
	stopping  bool     // no new connections
	ended     bool     // the loop is over
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}

	quit     chan struct{} // closed with stopping
	wake     chan struct{} // there is something in queue or posts
	done     chan struct{} // the loop has ended
	accepted sync.WaitGroup
}

// New gives a server and starts its loop.
func New(h resp.Handler, o Options) *Server {
	if o.KeepAlive == 0 {
		o.KeepAlive = 300 * time.Second
	}
	s := &Server{
		h: h, o: o,
		listeners: map[net.Listener]struct{}{}, conns: map[*conn]struct{}{},
		quit: make(chan struct{}), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go s.loop()
	return s
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
	s.accepted.Add(1)
	s.mu.Unlock()
	defer s.accepted.Done()
	pause := 5 * time.Millisecond
	for {
		nc, err := ln.Accept()
		if err == nil {
			pause = 5 * time.Millisecond
			s.start(nc)
			continue
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

// start begins a connection's goroutine.
func (s *Server) start(nc net.Conn) {
	if tcp, ok := nc.(*net.TCPConn); ok { // TCP_NODELAY is on already: package net's default
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{ // fails on a closed socket only
			Enable: s.o.KeepAlive > 0, Idle: s.o.KeepAlive, Interval: s.o.KeepAlive / 3,
		})
	}
	c := &conn{s: s, nc: nc, parser: resp.NewParser(), wake: make(chan struct{}, 1)}
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		nc.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.accepted.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.accepted.Done()
		c.serve()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
}

// Post runs f on the loop, in a turn that is yet to begin. It may be called
// from any goroutine, and does not wait. After Shutdown f is not run.
func (s *Server) Post(f func()) {
	s.mu.Lock()
	if !s.ended {
		s.posts = append(s.posts, f)
	}
	s.mu.Unlock()
	s.kick()
}

// Shutdown stops accepting, lets the turn that is running end and its replies
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
	for c := range s.conns {
		c.stopReading()
	}
	s.mu.Unlock()
	s.Post(s.giveUp)
	all := make(chan struct{})
	go func() {
		s.accepted.Wait()
		close(all)
	}()
	var err error
	select {
	case <-all:
	case <-ctx.Done():
		err = ctx.Err()
		s.mu.Lock()
		for c := range s.conns {
			c.nc.Close()
		}
		s.mu.Unlock()
		<-all
	}
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.kick()
	<-s.done
	return err
}

// giveUp lets go of connections whose replies are owed: there will be none.
func (s *Server) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.giveUp()
	}
}

func (s *Server) kick() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
