//go:build !altilium_portable

package server

import (
	"errors"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// canPoll says whether the loop can move bytes by itself on this system.
const canPoll = true

// maxRound is about how many bytes of replies are written between two looks at
// epoll: clients who read large ones as fast as they can wait for each other.
const maxRound = 16 << 20

// maxEvents bounds the connections that one look at epoll reads from. The
// kernel hands out those that are ready in turn, so none starves.
const maxEvents = 512

// shortWait is how many milliseconds the loop waits for more before it gives its
// processor to other goroutines. Clients that wait for their replies answer within
// microseconds, and the Go scheduler takes a good part of what a command costs to give
// a processor away and back. Whoever needs all processors, as the collector does,
// ends the wait by a signal.
const shortWait = 10

// poller is the loop's epoll instance. All of it but wake and adopt is the
// loop's.
//
// Reads, writes and short waits are raw system calls: the loop's thread keeps
// its processor through them, which the Go scheduler would otherwise have to be
// told twice for each.
type poller struct {
	fd     int
	wakeFD int         // eventfd
	woken  atomic.Bool // wakeFD has been written to and not read yet
	conns  []*polled   // by descriptor
	budget int         // bytes that may still be written before the next look
	events [maxEvents]unix.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	wakeFD, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, wakeFD, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(wakeFD)})
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return &poller{fd: fd, wakeFD: wakeFD}, nil
}

func (p *poller) wake() {
	if !p.woken.Swap(true) {
		one := [8]byte{1}
		_, _ = unix.Write(p.wakeFD, one[:]) // cannot fail: the counter is far from full
	}
}

func (p *poller) close() {
	_ = unix.Close(p.fd)
	_ = unix.Close(p.wakeFD)
}

// wait reads from every connection that has something, see waiter.
func (p *poller) wait(ready []*conn, d time.Duration) []*conn {
	p.budget = maxRound
	ms := int((d + time.Millisecond - 1) / time.Millisecond)
	short := min(ms, shortWait)
	if runtime.GOMAXPROCS(0) == 1 {
		short = 0 // others need the only processor
	}
	n := p.look(short)
	if n == 0 && ms > short {
		n, _ = unix.EpollWait(p.fd, p.events[:], ms-short) // fails on a signal only: nothing is ready
	}
	for i := 0; i < n; i++ {
		fd := int(p.events[i].Fd)
		if fd == p.wakeFD {
			var count [8]byte
			_, _ = unix.Read(fd, count[:])
			p.woken.Store(false)
			continue
		}
		if t := p.conns[fd]; t.event(p.events[i].Events) {
			t.c.listed = true
			ready = append(ready, t.c)
		}
	}
	return ready
}

// look asks epoll, and waits for at most so many milliseconds.
func (p *poller) look(ms int) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)), maxEvents, uintptr(ms), 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// adopt takes over the socket of nc, which it closes. Package net watches its
// sockets with an epoll of its own, so the loop gets a descriptor of its own.
func (p *poller) adopt(c *conn, nc net.Conn) (*polled, error) {
	raw, err := nc.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, err
	}
	t := &polled{c: c, p: p}
	var dup error
	if err := raw.Control(func(fd uintptr) {
		t.fd, dup = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil || dup != nil {
		return nil, errors.Join(err, dup)
	}
	return t, nc.Close()
}

// polled moves a connection's bytes by the loop. While its commands wait for
// their turn, a reply is owed, or its socket takes no more output, nothing is
// read from it.
type polled struct {
	c       *conn
	p       *poller
	fd      int
	watched bool   // epoll knows it
	events  uint32 // that epoll tells
	off     int    // bytes of c.out that have been written
	stop    error  // what follows the batch can never become a command
	broken  bool   // nothing more can be written
	blocked bool   // the reply that is owed may never come
}

// event is called when epoll has told something. true: there is something for
// a turn to do.
func (t *polled) event(events uint32) (again bool) {
	c := t.c
	switch {
	case c.listed:
		return false // told again when its turn is over
	case c.waiting:
		if events&(unix.EPOLLERR|unix.EPOLLHUP|unix.EPOLLRDHUP) != 0 {
			c.Kill()
		} else {
			t.pause(t.blocked)
		}
		return false
	case t.off < c.out.Len():
		return t.proceed()
	default:
		return t.read()
	}
}

// read takes what has arrived, once.
func (t *polled) read() (again bool) {
	c := t.c
	space := c.parser.Space()
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(t.fd), uintptr(unsafe.Pointer(&space[0])), uintptr(len(space)), unix.MSG_DONTWAIT, 0, 0)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return false
	case errno != 0 || n == 0:
		return t.end()
	}
	c.parser.Filled(int(n))
	c.moved.Add(1)
	t.stop = c.parse()
	return len(c.cmds) > 0 || t.more()
}

// proceed goes on after a turn, or when the socket takes output again.
func (t *polled) proceed() (again bool) {
	c := t.c
	if c.closing {
		if c.told {
			t.close()
		}
		return !c.told
	}
	c.cmds, c.ran = c.cmds[c.ran:], 0
	switch {
	case !t.flush():
		return t.broken && t.end()
	case c.refused || c.hangup.Load():
		return t.end()
	default:
		return len(c.cmds) > 0 || t.more()
	}
}

// more looks for whole commands in what has arrived; where there are none it
// waits for more bytes.
func (t *polled) more() (again bool) {
	c := t.c
	if t.stop == nil && c.release() {
		if t.stop = c.parse(); len(c.cmds) > 0 {
			return true
		}
	}
	switch {
	case t.stop != nil:
		c.refuse(t.stop)
		c.refused = true
		return t.proceed()
	case c.stopped.Load():
		return t.end()
	}
	return t.watch(unix.EPOLLIN)
}

// flush writes the replies; false while there are some that the socket does not
// take or that others must not wait for, and when it never will.
func (t *polled) flush() bool {
	c := t.c
	allowed := max(minWrite, min(maxWrite, t.p.budget))
	for t.off < c.out.Len() {
		if allowed <= 0 {
			t.broken = t.watch(unix.EPOLLOUT)
			return false
		}
		part := c.out.From(t.off)
		part = part[:min(len(part), allowed)]
		flags := uintptr(unix.MSG_NOSIGNAL)
		if len(part) < allowed && t.off+len(part) < c.out.Len() {
			flags |= unix.MSG_MORE // no packet of its own for a header
		}
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(t.fd), uintptr(unsafe.Pointer(&part[0])), uintptr(len(part)), flags, 0, 0)
		switch errno {
		case 0:
			t.off += int(n)
			allowed -= int(n)
			t.p.budget -= int(n)
			c.moved.Add(1)
		case unix.EINTR:
		case unix.EAGAIN:
			t.off = c.out.Forget(t.off)
			t.broken = t.watch(unix.EPOLLOUT)
			return false
		default:
			t.broken = true
			return false
		}
	}
	t.off = 0
	c.out.Reset(keepOutput)
	return true
}

// pause sends the replies before the one that is owed. Of a client that is blocked
// nothing is read either, but its end is noticed.
func (t *polled) pause(blocked bool) {
	t.blocked = blocked
	switch {
	case !t.flush():
		if t.broken {
			t.c.Kill()
		}
	case blocked:
		t.watch(unix.EPOLLRDHUP)
	default:
		t.watch(0)
	}
}

// send puts frames into the output.
func (t *polled) send(frames [][]byte) (unsent int) {
	out := &t.c.out
	for _, f := range frames {
		out.Raw(f)
	}
	return t.waits()
}

func (t *polled) waits() int { return t.c.out.Len() - t.off }

// gather has nothing to do: send has put everything into the output.
func (t *polled) gather() {}

// goOn writes what was sent. A connection whose turn is yet to come does that then.
func (t *polled) goOn(bool) (again bool) {
	switch c := t.c; {
	case c.listed || c.closing:
		return false
	case c.waiting:
		t.pause(t.blocked)
		return false
	}
	return t.proceed()
}

// watch tells epoll what to wait for; true when that fails, and with it the
// connection.
func (t *polled) watch(events uint32) (again bool) {
	if t.watched && t.events == events {
		return false
	}
	op := unix.EPOLL_CTL_MOD
	if !t.watched {
		op = unix.EPOLL_CTL_ADD
		for len(t.p.conns) <= t.fd {
			t.p.conns = append(t.p.conns, nil)
		}
		t.p.conns[t.fd] = t
	}
	t.watched, t.events = true, events
	err := unix.EpollCtl(t.p.fd, op, t.fd, &unix.EpollEvent{Events: events, Fd: int32(t.fd)})
	if err != nil {
		t.c.s.o.Logger.Warn().Err(err).Str("client", t.c.RemoteAddr()).Msg("a connection cannot be watched")
		return t.end()
	}
	return false
}

// end begins the end of the connection: the session is told in a turn, then
// the socket is closed.
func (t *polled) end() (again bool) {
	t.c.closing = true
	return true
}

func (t *polled) stopReading() {
	if !t.c.waiting {
		t.c.s.hand(t.c)
	}
}

// cut leaves it to the end of the turn to close the socket: the events that
// are being worked on may speak of its descriptor.
func (t *polled) cut() {
	t.end()
	t.c.s.hand(t.c)
}

// close is the last thing that happens to a connection. Epoll has to be told:
// it watches the socket, not the descriptor, and a child process that is just
// being started may have that open for a moment longer.
func (t *polled) close() {
	if t.watched {
		t.p.conns[t.fd] = nil
		_ = unix.EpollCtl(t.p.fd, unix.EPOLL_CTL_DEL, t.fd, nil) // it is there
	}
	_ = unix.Close(t.fd) // reports errors of writes long past
	t.c.s.forget(t.c)
}
