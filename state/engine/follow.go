package engine

import (
	"context"
	"time"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// LOG SUBSCRIBE sends a connection the entries of the log after a point, and those that
// come. A goroutine reads them beside the server and posts what it has; it goes on when the
// client has taken most of it. So a slow subscriber is behind, and nobody waits for it: the
// log remembers what it has not read yet. It may come back with the last offset that it saw.

const (
	followBatch = 64 << 10             // bytes that are posted at once
	followEvery = 5 * time.Millisecond // between two posts that are smaller: each costs the loop a turn
	followAhead = 1 << 20              // bytes that may be unsent when more are read
	followPause = 10 * time.Millisecond
	followKeep  = 2 * followBatch // bytes of a batch whose memory is used again
)

// follower is one subscriber. Its fields are its goroutine's, once that runs.
type follower struct {
	e      *Engine
	s      *Session
	proto  int
	out    resp.Writer // what is not posted yet
	before resp.Writer // what was posted last, and may be on its way
	posted time.Time   // when something was
	unsent chan unsent
	ctx    context.Context
}

// unsent is what a post finds, in bytes.
type unsent struct {
	before int // of what was posted before and of replies; 0: nobody has those any more
	all    int // with what it has posted itself
}

// follow begins to send s the entries after an offset; words are options.
func (e *Engine) follow(s *Session, after uint64, words [][]byte) {
	ctx, stop := context.WithCancel(context.Background())
	s.unfollow = stop
	f := &follower{e: e, s: s, proto: s.proto, unsent: make(chan unsent, 1), ctx: ctx}
	read := e.o.Follow
	go func() {
		err := read(ctx, after, words, f.put, f.idle)
		if f.out.Len() > 0 {
			_ = f.flush() // what was read before that; only for want of a subscriber it is not sent
		}
		if ctx.Err() == nil {
			e.o.Post(func() { f.ended(err) })
		}
	}()
}

// put takes a line for the subscriber.
func (f *follower) put(offset uint64, line []byte) error {
	f.out.SetProtocol(f.proto)
	f.out.Push(3)
	f.out.BulkString("log")
	f.out.Int(int64(offset))
	f.out.Bulk(line)
	if f.out.Len() < followBatch {
		return nil
	}
	return f.flush()
}

// idle posts what there is, now that no more can be read: at once where nothing was posted
// lately, so that one entry is there at once and of thousands in a second many together.
func (f *follower) idle() error {
	if f.out.Len() == 0 {
		return nil
	}
	if wait := followEvery - time.Since(f.posted); wait > 0 {
		select {
		case <-time.After(wait):
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
	}
	return f.flush()
}

// flush posts what there is and waits until the client has taken most of it. The memory of
// the batch before serves the next one where the client has taken that, which is so for one
// who keeps up.
func (f *follower) flush() error {
	batch := f.out.Bytes()
	f.posted = time.Now()
	taken := false
	for {
		f.e.o.Post(func() { f.send(batch) })
		var u unsent
		select {
		case u = <-f.unsent:
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
		taken = taken || u.before == 0
		if u.all < followAhead {
			break
		}
		batch = nil
		select {
		case <-time.After(followPause):
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
	}
	if f.out, f.before = f.before, f.out; taken {
		f.out.Reset(followKeep)
	} else {
		f.out = resp.Writer{}
	}
	if f.before.Len() > followKeep { // it is not held for the next one
		f.before = resp.Writer{}
	}
	return nil
}

// send hands messages over; it runs on the loop.
func (f *follower) send(batch []byte) {
	if f.ctx.Err() != nil {
		return
	}
	if len(batch) > 0 {
		f.e.pushAside(f.s, batch)
	}
	waits := f.s.peer.Unsent()
	f.unsent <- unsent{waits, waits + len(batch)}
}

// ended tells the subscriber why there are no more entries.
func (f *follower) ended(err error) {
	if f.ctx.Err() != nil {
		return
	}
	f.s.stopFollowing()
	f.e.pushAside(f.s, f.e.frame(f.s.proto, func(out *resp.Writer) {
		out.Push(2)
		out.BulkString("logend")
		out.BulkString(err.Error())
	}))
}

// stopFollowing ends a subscription of the log, if there is one.
func (s *Session) stopFollowing() {
	if s.unfollow != nil {
		s.unfollow()
		s.unfollow = nil
	}
}

// logSubscribe is LOG SUBSCRIBE point and options.
func logSubscribe(e *Engine, s *Session, c *command.Call) {
	switch {
	case e.o.Follow == nil:
		c.Out.Error("ERR this server has no log to follow: that is for one that runs on its log")
	case s.unfollow != nil:
		c.Out.Error("ERR this connection is subscribed to the log already; LOG UNSUBSCRIBE ends that")
	default:
		e.askPast(s, c.Out, PastRequest{Args: cloneArgs(c.Args)})
	}
}

// logUnsubscribe is LOG UNSUBSCRIBE: 1 if there was a subscription.
func logUnsubscribe(_ *Engine, s *Session, c *command.Call) {
	n := int64(0)
	if s.unfollow != nil {
		n = 1
	}
	s.stopFollowing()
	c.Out.Int(n)
}
