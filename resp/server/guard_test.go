package server

import (
	"context"
	"testing"
)

// TestGuard: a panic of the handler is the guard's to recover from, before anybody takes
// the loop for ended; at an end in order there is nothing to recover from.
func TestGuard(t *testing.T) {
	bothForms(t, func(t *testing.T, o Options) {
		seen := make(chan any, 1)
		early := false
		var s *Server
		o.Guard = func() {
			v := recover()
			select {
			case <-s.done:
			default:
				early = true
			}
			seen <- v
		}
		s = New(&toy{}, o)
		s.Post(func() { panic("no memory") })
		if v := <-seen; v != "no memory" || !early {
			t.Errorf("the guard recovered from %v, before the loop's end: %v", v, early)
		}
		<-s.done

		s = New(&toy{}, o)
		if err := s.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		if v := <-seen; v != nil {
			t.Errorf("at an end in order the guard recovered from %v", v)
		}
	})
}
