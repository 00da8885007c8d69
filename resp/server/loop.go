package server

import (
	"runtime"
	"time"
)

// maxTurn bounds the commands of one turn, so that ten thousand pipelining
// clients delay neither Tick nor each other's replies for long. What does not
// fit waits for the next turn, before anything that came later.
const maxTurn = 16 << 10

// waiter is how the loop learns that there is work.
type waiter interface {
	// wait returns after d, or sooner when wake was called; where the loop
	// moves bytes itself, also when a connection has sent something, and those
	// that have commands to run are appended to ready. With no d it only looks.
	wait(ready []*conn, d time.Duration) []*conn

	// wake ends a wait, or the next one. Any goroutine may call it, with
	// Server.mu locked, and not after the loop has ended.
	wake()

	// close is called by the loop at its end.
	close()
}

// loop runs turns until Shutdown has ended the last connection.
func (s *Server) loop() {
	defer close(s.done)
	defer s.wait.close()
	if s.o.Guard != nil {
		defer s.o.Guard() // it is called before anybody learns that the loop has ended
	}
	if s.poll != nil {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	var t turn
	var idle idleWatch
	tick := time.Now()
	for {
		now := time.Now()
		if !now.Before(tick) {
			tick = now.Add(s.h.Tick())
			t.goOn(s)
		}
		next := idle.sweep(s, now)
		if tick.Before(next) {
			next = tick
		}
		if len(t.waiting) > 0 {
			next = now
		}
		t.waiting = s.wait.wait(t.waiting, next.Sub(now))
		if ended := t.take(s); len(t.now)+len(t.posts) > 0 {
			if sooner := t.run(s); sooner > 0 {
				if at := time.Now().Add(sooner); at.Before(tick) {
					tick = at
				}
			}
		} else if ended {
			return
		}
	}
}

// turn is what one turn works on.
type turn struct {
	now     []*conn  // the front of waiting
	waiting []*conn  // to be looked at, in order
	posts   []func() // run first
}

// take takes what waits, within bounds. ended: Shutdown has ended the last
// connection, and what was taken is the last there is.
func (t *turn) take(s *Server) (ended bool) {
	s.mu.Lock()
	t.posts, s.posts = s.posts, t.posts[:0]
	t.waiting = append(t.waiting, s.queue...)
	clear(s.queue)
	s.queue = s.queue[:0]
	ended = s.ended
	s.mu.Unlock()
	n, cmds := 0, 0
	for n < len(t.waiting) && (n == 0 || cmds+len(t.waiting[n].cmds) <= maxTurn) {
		cmds += len(t.waiting[n].cmds)
		n++
	}
	t.now = append(t.now[:0], t.waiting[:n]...)
	left := copy(t.waiting, t.waiting[n:])
	clear(t.waiting[left:])
	t.waiting = t.waiting[:left]
	return ended
}

// run carries out a turn and lets its connections go on. The result is Commit's.
func (t *turn) run(s *Server) (sooner time.Duration) {
	for _, f := range t.posts {
		f()
	}
	clear(t.posts)
	for _, c := range t.now {
		c.run()
	}
	sooner = s.h.Commit()
	for _, c := range t.now {
		if c.afterTurn() {
			t.list(c)
		}
	}
	clear(t.now)
	t.goOn(s)
	return sooner
}

// list has a connection looked at in the next turn.
func (t *turn) list(c *conn) {
	if !c.listed {
		c.listed = true
		t.waiting = append(t.waiting, c)
	}
}

// goOn goes on with connections that were not in the turn, but which Commit has
// sent something or resumed.
func (t *turn) goOn(s *Server) {
	for _, c := range s.touched {
		resumed := c.resumed
		c.touched, c.resumed = false, false
		if c.t.goOn(resumed) {
			t.list(c)
		}
	}
	clear(s.touched)
	s.touched = s.touched[:0]
}

// channelWaiter waits for a wake and nothing else.
type channelWaiter struct {
	woken chan struct{}
	timer *time.Timer
}

func newChannelWaiter() *channelWaiter {
	return &channelWaiter{woken: make(chan struct{}, 1), timer: time.NewTimer(0)}
}

func (w *channelWaiter) wait(ready []*conn, d time.Duration) []*conn {
	select {
	case <-w.woken:
		return ready
	default:
	}
	if d <= 0 {
		return ready
	}
	w.timer.Reset(d)
	select {
	case <-w.woken:
		// The first batch of several wakes the loop. Let the goroutines
		// that have read something too hand it in first: a turn of many
		// costs one write to the log and one round of wake-ups, where
		// many turns of one cost as many.
		runtime.Gosched()
	case <-w.timer.C:
	}
	return ready
}

func (w *channelWaiter) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

func (w *channelWaiter) close() { w.timer.Stop() }

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
	s.each(func(c *conn) {
		if c.idle(now) >= timeout {
			s.o.Logger.Debug().Str("client", c.RemoteAddr()).Msg("idle connection closed")
			c.Kill()
		}
	})
	return w.next
}
