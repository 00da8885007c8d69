package engine

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

const (
	// timeoutsPerTick bounds a Tick as expirePerTick does.
	timeoutsPerTick = 2000

	// diskPause is how often it is looked whether the log has been synced, while
	// somebody waits for that (WAITAOF).
	diskPause = 10 * time.Millisecond
)

// blockState is who waits (package comment, "Commands that wait").
type blockState struct {
	count     int // waiters, those served in this turn included
	seq       uint64
	queues    [state.Databases]map[string]*waitQueue
	ready     []*waitQueue // whose key has changed, in order
	leaving   []leaving    // who CLIENT UNBLOCK spoke of
	served    []*waiter    // in this turn
	deadlines deadlines
	told      int64     // the soonest deadline that the front end knows of, µs
	disk      []*waiter // wait for the log to be synced
	reply     resp.Writer
}

// leaving is a waiter that CLIENT UNBLOCK ends.
type leaving struct {
	w      *waiter
	failed bool // with an error; otherwise as if its time were over
}

// waitFor makes s wait for what its command, r with args, asks for; or go on waiting.
func (e *Engine) waitFor(s *Session, r *row, args [][]byte, wants command.Waiting) {
	if w := s.waiter; w != nil {
		if wants.Args != nil {
			w.args = cloneArgs(wants.Args)
		}
		return
	}
	w := e.newWaiter(s, r, args, wants)
	s.waiting, s.waiter = true, w
	e.block.count++
	if w.deadline != 0 {
		e.block.deadlines.push(w)
	}
	if r.disk {
		e.block.disk = append(e.block.disk, w)
	}
	for _, key := range w.keys {
		e.queueOf(w.db, key).add(w)
	}
}

// queueOf is the queue of a key, made if need be.
func (e *Engine) queueOf(db int, key string) *waitQueue {
	byKey := e.block.queues[db]
	if byKey == nil {
		byKey = make(map[string]*waitQueue)
		e.block.queues[db] = byKey
	}
	q := byKey[key]
	if q == nil {
		q = &waitQueue{db: db, key: key}
		byKey[key] = q
	}
	return q
}

// forgetWaiter takes w out of everything that it stands in.
func (e *Engine) forgetWaiter(w *waiter) {
	b := &e.block
	b.count--
	b.deadlines.remove(w)
	w.forgotten = true
	for _, key := range w.keys {
		q := b.queues[w.db][key]
		if q == nil {
			continue // named twice
		}
		if q.remove(w); q.live == 0 {
			delete(b.queues[w.db], key)
		} else {
			q.tidy()
		}
	}
	if w.s.waiter == w {
		w.s.waiter = nil
	}
}

// changed notes that a key which somebody waits for may have changed.
func (e *Engine) changed(db int, key []byte) {
	if q := e.block.queues[db][string(key)]; q != nil {
		e.markReady(q)
	}
}

func (e *Engine) markReady(q *waitQueue) {
	if !q.ready {
		q.ready = true
		e.block.ready = append(e.block.ready, q)
	}
}

// changedAll notes that everything in db may have changed, in the order of the keys;
// where it has only been emptied, for those who want to know that.
func (e *Engine) changedAll(db int, emptied bool) {
	from := len(e.block.ready)
	for _, q := range e.block.queues[db] {
		if q.gones > 0 || !emptied {
			e.markReady(q)
		}
	}
	slices.SortFunc(e.block.ready[from:], func(a, b *waitQueue) int { return bytes.Compare([]byte(a.key), []byte(b.key)) })
}

// mustServe reports whether a unit has left something for serve to do.
func (e *Engine) mustServe() bool { return len(e.block.ready)+len(e.block.leaving) > 0 }

// serve decides those again who wait for what the unit before has changed, each as a
// unit of its own, before anything else is executed. clock is that unit's.
func (e *Engine) serve(clock int64) {
	now := e.now
	e.now = clock
	b := &e.block
	for i := 0; i < len(b.leaving); i++ {
		e.leave(b.leaving[i])
	}
	b.leaving = b.leaving[:0]
	for i := 0; i < len(b.ready) && e.broken == nil; i++ {
		e.serveQueue(b.ready[i])
	}
	for _, q := range b.ready {
		q.ready = false // where the loop has ended early
	}
	clear(b.ready)
	b.ready = b.ready[:0]
	e.now = now
}

// serveQueue decides those again who wait for one key, for as long as it is there.
func (e *Engine) serveQueue(q *waitQueue) {
	q.ready = false
	for q.head < len(q.slots) && (q.slots[q.head].w == nil || q.slots[q.head].w.served) {
		q.head++
	}
	key := []byte(q.key)
	typ := e.state.View(q.db, e.now/1000).Type(key)
	for i := q.head; i < len(q.slots) && e.broken == nil; i++ {
		if typ == state.None && q.gones == 0 {
			return
		}
		w := q.slots[i].w
		if w == nil || w.served || w.s.closing || typ != w.typ && !w.gone {
			continue
		}
		e.decideAgain(w, command.MayWait)
		typ = e.state.View(q.db, e.now/1000).Type(key)
	}
}

// decideAgain decides w's command again. It may go on waiting if p lets it.
func (e *Engine) decideAgain(w *waiter, p command.Patience) {
	b := &e.block
	b.reply.SetProtocol(w.s.proto)
	e.unit.begin()
	began, acting := e.clock.lap(), e.tracking.acting
	e.tracking.acting = w.s
	e.invoke(w.s, w.row, w.args, &b.reply, p)
	e.tracking.acting = acting
	if b.reply.Len() > 0 {
		ended := e.clock.lap()
		e.measured(w.s, w.row, w.args, max(0, ended-began), ended)
		e.answered(w)
	}
	if len(e.tracking.touched) > 0 {
		e.broadcastKeys()
	}
}

// answered ends the waiting of w: its reply is in block.reply.
func (e *Engine) answered(w *waiter) {
	w.served = true
	e.block.served = append(e.block.served, w)
	w.s.waiter = nil
	e.sendReply(w.s)
}

// sendReply ends the waiting of s with what is in block.reply.
func (e *Engine) sendReply(s *Session) {
	reply := bytes.Clone(e.block.reply.Bytes())
	e.block.reply.Reset(keepBuffer)
	s.waiting, s.tracking.caching = false, false
	if s.muted() {
		reply = nil
	}
	e.wake(s, reply)
}

// leave ends the waiting of one of whom CLIENT UNBLOCK has spoken.
func (e *Engine) leave(l leaving) {
	l.w.leaving = false
	if l.w.served || l.w.s.waiter != l.w {
		return
	}
	if !l.failed {
		e.giveUp(l.w)
		return
	}
	const text = "UNBLOCKED client unblocked via CLIENT UNBLOCK"
	l.w.row.stats.Failed++
	e.countError(text)
	e.block.reply.Error(text)
	e.answered(l.w)
}

// giveUp answers w without what it has waited for. The data is not looked at again: a key
// may hold something else meanwhile.
func (e *Engine) giveUp(w *waiter) {
	if w.row.spec.Decide == nil { // WAIT and WAITAOF tell what there is
		e.decideAgain(w, command.AtOnce)
		return
	}
	w.row.stats.Calls++
	e.block.reply.SetProtocol(w.s.proto)
	e.block.reply.NullArray()
	e.answered(w)
}

// timeOut answers those whose time is over, and returns when the next one's is.
func (e *Engine) timeOut() time.Duration {
	b := &e.block
	for n := 0; n < timeoutsPerTick; n++ {
		if len(b.deadlines) == 0 || b.deadlines[0].deadline > e.now {
			break
		}
		w := b.deadlines[0]
		b.deadlines.remove(w)
		if !w.served {
			e.recordTick()
			e.giveUp(w)
		}
	}
	return e.nextDeadline()
}

// nextDeadline is how long it is until somebody's time is over.
func (e *Engine) nextDeadline() time.Duration {
	b := &e.block
	next := maxTick
	if len(b.disk) > 0 {
		next = diskPause
	}
	b.told = 0
	if len(b.deadlines) > 0 {
		b.told = b.deadlines[0].deadline
		if left := e.clock.until(b.told - e.now); left < next.Microseconds() {
			next = max(time.Duration(left)*time.Microsecond, time.Microsecond)
		}
	}
	return next
}

// sooner is what Commit tells the front end: a deadline, or the end of a pause, of which it
// does not know.
func (e *Engine) sooner() (next time.Duration) {
	b := &e.block
	waiting := len(b.deadlines)+len(b.disk) > 0 && e.mode != modeLoading
	if waiting && (len(b.disk) > 0 || b.deadlines[0].deadline != b.told) {
		next = e.nextDeadline()
	}
	if p := &e.pause; p.kind != pausedNone && p.end != p.told {
		next = e.pauseLeft(cmp.Or(next, maxTick))
	}
	return next
}

// durable answers those who wait for the log to be synced and need not any more.
func (e *Engine) durable() {
	for _, w := range e.block.disk {
		if !w.served {
			e.decideAgain(w, command.MayWait)
		}
	}
}

// leaveQueues forgets one who waits no more, without an answer.
func (e *Engine) leaveQueues(w *waiter) {
	e.forgetWaiter(w)
	if w.row.disk {
		e.block.disk = slices.DeleteFunc(e.block.disk, func(x *waiter) bool { return x == w })
	}
}

// forgetServed ends a turn that is committed.
func (e *Engine) forgetServed() {
	b := &e.block
	for _, w := range b.served {
		e.forgetWaiter(w)
	}
	clear(b.served)
	b.served = b.served[:0]
	if len(b.disk) > 0 {
		b.disk = slices.DeleteFunc(b.disk, func(w *waiter) bool { return w.forgotten })
	}
}

// waitAgain is for a turn that has failed: who waited before it has not been served.
// Those who began to wait in it are told that it failed, as everybody who spoke in it.
func (e *Engine) waitAgain() {
	b := &e.block
	for _, w := range b.served {
		for _, key := range w.keys {
			if q := b.queues[w.db][key]; q != nil {
				q.head = 0
			}
		}
		w.served = w.turn == e.turnSeq || w.s.gone
		if w.served {
			continue // forgotten below
		}
		w.s.waiting, w.s.waiter = true, w
		w.s.originSegment = 0 // the entry that told who it is is not in the log
		if w.deadline != 0 && w.place < 0 {
			b.deadlines.push(w)
		}
	}
	b.served = slices.DeleteFunc(b.served, func(w *waiter) bool { return !w.served })
	e.forgetServed()
}
