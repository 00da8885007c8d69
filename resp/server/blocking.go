package server

import (
	"net"
	"time"
)

// blocking moves a connection's bytes by a goroutine of its own.
type blocking struct {
	c    *conn
	nc   net.Conn
	wake chan struct{} // the loop has done what was handed in
}

// proceed wakes the goroutine, which has handed in a batch and waits.
func (b *blocking) proceed() bool {
	b.wake <- struct{}{}
	return false
}

// pause leaves the goroutine waiting: its output is the loop's until the
// reply that is owed is in it.
func (b *blocking) pause() {}

func (b *blocking) stopReading() {
	_ = b.nc.SetReadDeadline(time.Unix(1, 0)) // fails on a closed socket only
}

func (b *blocking) cut() { b.nc.Close() }

// turn hands in what there is and waits until it has been done.
func (b *blocking) turn() {
	b.c.s.hand(b.c)
	<-b.wake
}

// serve is the connection's goroutine.
func (b *blocking) serve() {
	defer b.c.s.forget(b.c)
	defer b.nc.Close()
	b.turn() // opens the session
	if !b.c.refused {
		b.talk()
	}
	b.flush()
	b.c.closing = true
	b.turn()
}

// talk reads, hands in and writes until the connection ends.
func (b *blocking) talk() {
	c := b.c
	for !c.hangup.Load() {
		stop := c.parse()
		for len(c.cmds) > 0 {
			b.turn()
			c.cmds = c.cmds[c.ran:]
			if !b.flush() || c.hangup.Load() {
				return
			}
		}
		if stop != nil {
			c.refuse(stop)
			return
		}
		if more := c.release(); !more && !b.read() {
			return
		}
	}
}

// read waits for more bytes; false ends the connection.
func (b *blocking) read() bool {
	c := b.c
	if c.stopped.Load() {
		return false
	}
	n, err := b.nc.Read(c.parser.Space())
	c.parser.Filled(n)
	c.moved.Add(1)
	return err == nil
}

// flush writes the replies; false when the client is gone. A client that does
// not read them holds its goroutine here.
func (b *blocking) flush() bool {
	c := b.c
	for sent := 0; sent < c.out.Len(); {
		part := c.out.From(sent)
		n, err := b.nc.Write(part[:min(len(part), maxWrite)])
		if err != nil {
			return false
		}
		c.moved.Add(1)
		sent += n
	}
	c.out.Reset(keepOutput)
	return true
}
