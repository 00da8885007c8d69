//go:build !altilium_portable

package server

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestSocketOutlivesItsDescriptor: between fork and exec a child process has
// every descriptor open, so a socket that the loop has closed may live on and
// receive. Epoll must not tell of it.
func TestSocketOutlivesItsDescriptor(t *testing.T) {
	f := start(t, &toy{}, Options{})
	c := f.dial(t)
	c.send("PING\r\n")
	c.want("PONG")
	child := -1
	f.onLoop(func() {
		f.each(func(c *conn) {
			var err error
			if child, err = unix.Dup(c.t.(*polled).fd); err != nil {
				t.Error(err)
			}
		})
	})
	other := f.dial(t)
	other.send("KILLOTHERS\r\n")
	other.want("OK")
	eventually(t, "it is forgotten", func() bool { return f.h.open.Load() == 1 })
	c.send("PING\r\n")
	for range 3 {
		other.send("PING\r\n")
		other.want("PONG")
	}
	if err := unix.Close(child); err != nil {
		t.Fatal(err)
	}
	c.wantEnd()
}
