package server

import "time"

// loop runs turns until Shutdown has ended the last connection.
func (s *Server) loop() {
	defer close(s.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	next := time.Now()
	var t turn
	for {
		if !time.Now().Before(next) {
			next = time.Now().Add(s.h.Tick())
		}
		s.mu.Lock()
		t.batches, s.queue = s.queue, t.batches[:0]
		t.posts, s.posts = s.posts, t.posts[:0]
		ended := s.ended
		s.mu.Unlock()
		if len(t.batches)+len(t.posts) > 0 {
			t.run(s)
			continue
		}
		if ended {
			return
		}
		timer.Reset(time.Until(next))
		select {
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// turn is what one turn works on.
type turn struct {
	batches []*conn
	posts   []func()
}

// run carries out a turn and wakes its connections.
func (t *turn) run(s *Server) {
	for i, f := range t.posts {
		f()
		t.posts[i] = nil
	}
	for _, c := range t.batches {
		c.run()
	}
	s.h.Commit()
	for i, c := range t.batches {
		c.afterTurn()
		t.batches[i] = nil
	}
}
