package server

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// blocking moves a connection's bytes by a goroutine of its own. What the
// connection is sent besides its replies is written by another, which lives for
// as long as there is some.
type blocking struct {
	c    *conn
	nc   net.Conn
	wake chan signal // what became of what was handed in

	listening bool   // the loop's: the goroutine may be reading while it waits
	ahead     []byte // the goroutine's: what it has read then

	writing sync.Mutex // held while a piece of output is written, so that pieces stay whole

	mu     sync.Mutex // guards what follows
	frames [][]byte   // to be written by push
	unsent int        // bytes of them, and of those that push is writing
	pusher bool       // push runs
	due    bool       // the output of a turn is to be written before them
	dead   bool       // a write has failed
}

// signal is what the loop tells a connection that has handed in a batch.
type signal uint8

const (
	turnOver signal = iota
	owed            // a reply is owed; another signal follows
	blocked         // the same, and it may never come
)

// maxAhead is how many bytes are read from a client that is blocked.
const maxAhead = 64 << 10

// proceed wakes the goroutine, which has handed in a batch and waits.
func (b *blocking) proceed() bool {
	b.owe()
	return b.wakeUp()
}

// wakeUp is proceed where the goroutine may be writing the output.
func (b *blocking) wakeUp() bool {
	if b.listening {
		b.listening = false
		b.interrupt()
	}
	b.wake <- turnOver
	return false
}

// owe has what was answered in a turn, which is over, go before frames that were sent at its
// end or will be in later ones: it is the goroutine that writes it, and push might be faster.
func (b *blocking) owe() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.due = b.c.out.Len() > 0; len(b.frames) > 0 {
		b.startPush()
	}
}

// written ends that.
func (b *blocking) written() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.due = false; len(b.frames) > 0 {
		b.startPush()
	}
}

// startPush has the frames written. The caller has locked mu.
func (b *blocking) startPush() {
	if !b.pusher && !b.due {
		b.pusher = true
		b.c.s.alive.Add(1)
		go b.push()
	}
}

// pause lets the goroutine send what was answered before.
func (b *blocking) pause(mayLast bool) {
	b.owe()
	if b.listening = mayLast; mayLast {
		b.wake <- blocked
	} else {
		b.wake <- owed
	}
}

// interrupt ends a Read.
func (b *blocking) interrupt() {
	_ = b.nc.SetReadDeadline(time.Unix(1, 0)) // fails on a closed socket only
}

func (b *blocking) stopReading() { b.interrupt() }

func (b *blocking) cut() { b.nc.Close() }

// send leaves frames to push.
func (b *blocking) send(frames [][]byte) (unsent int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dead {
		return 0
	}
	b.frames = append(b.frames, frames...)
	for _, f := range frames {
		b.unsent += len(f)
	}
	b.startPush()
	return b.unsent
}

func (b *blocking) waits() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.unsent
}

// gather takes what push has not begun to write: replies follow, and nothing goes before them.
func (b *blocking) gather() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.due = true
	for _, f := range b.frames {
		b.c.out.Raw(f)
		b.unsent -= len(f)
	}
	b.frames = nil
}

func (b *blocking) goOn(resumed bool) (again bool) { return resumed && b.wakeUp() }

// push writes what send was given until there is no more.
func (b *blocking) push() {
	defer b.c.s.alive.Done()
	for b.pushSome() {
	}
}

func (b *blocking) pushSome() (more bool) {
	b.writing.Lock()
	defer b.writing.Unlock()
	b.mu.Lock()
	var frames [][]byte
	if !b.due {
		frames, b.frames = b.frames, nil
	}
	b.pusher = len(frames) > 0
	b.mu.Unlock()
	if len(frames) == 0 {
		return false
	}
	buffers := net.Buffers(frames)
	n, err := buffers.WriteTo(b.nc)
	b.c.moved.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unsent -= int(n)
	if err != nil {
		b.dead, b.pusher, b.frames, b.unsent = true, false, nil, 0
	}
	return err == nil
}

// turn hands in what there is and waits until it has been done.
func (b *blocking) turn() {
	b.c.s.hand(b.c)
	listened := false
	for told := <-b.wake; told != turnOver; told = <-b.wake {
		listened = told == blocked
		if gone := !b.flush() || listened && !b.listen(); gone {
			b.c.s.Post(b.c.Kill)
		}
	}
	if listened { // and was interrupted, then or before
		_ = b.nc.SetReadDeadline(time.Time{}) // fails on a closed socket only
		if b.c.stopped.Load() {
			b.interrupt()
		}
	}
}

// listen reads ahead while the loop has nothing to answer: false when the client is
// gone.
func (b *blocking) listen() bool {
	var err error
	for err == nil && len(b.ahead) < maxAhead {
		var some [4 << 10]byte
		var n int
		n, err = b.nc.Read(some[:])
		b.ahead = append(b.ahead, some[:n]...)
	}
	return err == nil || errors.Is(err, os.ErrDeadlineExceeded)
}

// serve is the connection's goroutine.
func (b *blocking) serve() {
	defer b.c.s.forget(b.c)
	defer b.nc.Close()
	b.turn() // opens the session
	if !b.c.refused {
		b.talk()
	}
	if b.flush() {
		for b.pushSome() { // what came just before the end
		}
	}
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
	var n int
	var err error
	if space := c.parser.Space(); len(b.ahead) > 0 {
		n = copy(space, b.ahead)
		if b.ahead = b.ahead[n:]; len(b.ahead) == 0 {
			b.ahead = nil
		}
	} else {
		n, err = b.nc.Read(space)
	}
	c.parser.Filled(n)
	c.moved.Add(1)
	return err == nil
}

// flush writes the replies; false when the client is gone. A client that does
// not read them holds its goroutine here.
func (b *blocking) flush() bool {
	c := b.c
	defer b.written()
	if c.out.Len() == 0 {
		c.out.Reset(keepOutput) // what was taken back may have left it memory
		return true
	}
	b.writing.Lock()
	defer b.writing.Unlock()
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
