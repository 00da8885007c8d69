package server

import (
	"runtime"
	"time"
)

// maxTurn bounds the commands of one turn, so that ten thousand pipelining
// clients delay neither Tick nor each other's replies for long. What does not
// fit waits for the next turn, before anything that came later.
const maxTurn = 16 << 10

// loop runs turns until Shutdown has ended the last connection.
func (s *Server) loop() {
	defer close(s.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var t turn
	var idle idleWatch
	tick := time.Now()
	for {
		now := time.Now()
		if !now.Before(tick) {
			tick = now.Add(s.h.Tick())
		}
		next := tick
		if sweep := idle.sweep(s, now); sweep.Before(next) {
			next = sweep
		}
		ended := t.take(s)
		if len(t.now)+len(t.posts) > 0 {
			t.run(s)
			continue
		}
		if ended {
			return
		}
		timer.Reset(time.Until(next))
		select {
		case <-s.wake:
			// The first batch of several wakes the loop. Let the goroutines
			// that have read something too hand it in first: a turn of many
			// costs one write to the log and one round of wake-ups, where
			// many turns of one cost as many.
			runtime.Gosched()
		case <-timer.C:
		}
	}
}

// turn is what one turn works on.
type turn struct {
	now   []*conn  // the batches of this turn: the front of taken
	taken []*conn  // taken from the queue, in order, and not yet run
	spare []*conn  // becomes the queue when that is taken
	posts []func() // run first
}

// take takes what waits, within bounds. ended: Shutdown has ended the last
// connection, and what was taken is the last there is.
func (t *turn) take(s *Server) (ended bool) {
	s.mu.Lock()
	t.posts, s.posts = s.posts, t.posts[:0]
	if len(t.taken) == 0 {
		s.queue, t.taken, t.spare = t.spare[:0], s.queue, s.queue
	}
	ended = s.ended
	s.mu.Unlock()
	n, cmds := 0, 0
	for n < len(t.taken) && (n == 0 || cmds+len(t.taken[n].cmds) <= maxTurn) {
		cmds += len(t.taken[n].cmds)
		n++
	}
	t.now, t.taken = t.taken[:n], t.taken[n:]
	return ended
}

// run carries out a turn and wakes its connections.
func (t *turn) run(s *Server) {
	for _, f := range t.posts {
		f()
	}
	clear(t.posts)
	for _, c := range t.now {
		c.run()
	}
	s.h.Commit()
	for _, c := range t.now {
		c.afterTurn()
	}
	clear(t.now)
}

// idleWatch closes clients that have said nothing for Options.Timeout. The loop
// looks at all of them now and then, which costs less than a deadline at each
// read and follows a timeout that is changed while clients sleep.
type idleWatch struct{ next time.Time }

// sweep looks at the connections, when it is time to, and says when it will be
// again.
func (w *idleWatch) sweep(s *Server, now time.Time) time.Time {
	if s.o.Timeout == nil {
		return now.Add(time.Hour)
	}
	if now.Before(w.next) {
		return w.next
	}
	timeout := s.o.Timeout()
	w.next = now.Add(time.Second)
	if timeout <= 0 {
		return w.next
	}
	w.next = now.Add(min(max(timeout/4, time.Millisecond), time.Second))
	var closed []*conn
	s.mu.Lock()
	for c := range s.conns {
		if c.idle(now) >= timeout {
			closed = append(closed, c)
		}
	}
	s.mu.Unlock()
	for _, c := range closed {
		s.o.Logger.Debug().Str("client", c.RemoteAddr()).Msg("idle connection closed")
		c.Kill()
	}
	return w.next
}

// idle is how long the connection has neither sent nor taken a byte, as far as
// the loop has seen. A client that is owed a reply is not idle.
func (c *conn) idle(now time.Time) time.Duration {
	if n := c.moved.Load(); n != c.seen || c.since.IsZero() || c.waiting {
		c.seen, c.since = n, now
	}
	return now.Sub(c.since)
}
