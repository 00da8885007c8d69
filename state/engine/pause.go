package engine

import (
	"container/list"
	"math"
	"time"

	"github.com/altilium-db/altilium/state/command"
)

// pauseKind is which commands a pause holds.
type pauseKind uint8

const (
	pausedNone   pauseKind = iota
	pausedWrites           // those that write or that replicas would be told of
	pausedAll
)

// pauseState is CLIENT PAUSE (package comment, "Pauses"). It ends when the clock says so,
// which whatever is executed finds first notices: so a replay ends it at the same place.
type pauseState struct {
	kind  pauseKind
	end   int64     // ms since 1970
	aside list.List // of *Session, in the order in which they were put aside
	told  int64     // the end that the front end knows of, ms

	own     int          // how many of the server's own hold writes (LOG RESTORE), for a moment
	landing []*goingBack // come when the pause is over
}

// ownEnd is the end of a pause that only the server itself has made.
const ownEnd = math.MaxInt64 / 2000

// ownOnly reports whether nobody but the server itself has paused.
func (p *pauseState) ownOnly() bool { return p.own > 0 && p.end == ownEnd }

// holdWrites holds writes, as a pause does, until releaseHeld.
func (e *Engine) holdWrites() {
	if e.pause.own++; e.pause.own == 1 {
		e.recordHold()
	}
	if !e.paused() {
		e.pause.kind, e.pause.end = pausedWrites, ownEnd
	}
}

// releaseHeld ends one of these; a client's pause goes on.
func (e *Engine) releaseHeld() {
	p := &e.pause
	if p.own--; p.own > 0 {
		return
	}
	e.recordHold()
	if p.end == ownEnd {
		e.unpause()
	}
}

// clientPause is CLIENT PAUSE ms [WRITE|ALL]. Of two pauses the later end and the
// stronger kind hold.
func clientPause(e *Engine, _ *Session, c *command.Call) {
	kind := pausedAll
	switch {
	case len(c.Args) > 4:
		unknownUse(c)
		return
	case len(c.Args) == 4 && c.Is(3, "WRITE"):
		kind = pausedWrites
	case len(c.Args) == 4 && !c.Is(3, "ALL"):
		c.Out.Error("ERR CLIENT PAUSE mode must be WRITE or ALL")
		return
	}
	ms, ok := e.waitTime(c, 2)
	if !ok {
		return
	}
	p, end := &e.pause, int64(0)
	if ms > 0 {
		end = e.now/1000 + ms
	}
	if e.paused() && !p.ownOnly() {
		kind, end = max(kind, p.kind), max(end, p.end)
	}
	if end > e.now/1000 {
		p.kind, p.end = kind, end
	}
	c.Out.OK()
}

// clientUnpause is CLIENT UNPAUSE.
func clientUnpause(e *Engine, _ *Session, c *command.Call) {
	e.unpause()
	c.Out.OK()
}

// paused reports whether there is a pause, and ends one that is over.
func (e *Engine) paused() bool {
	if e.pause.kind != pausedNone && e.now/1000 >= e.pause.end {
		e.unpause()
	}
	return e.pause.kind != pausedNone
}

// unpause lets those go on who were put aside, when this turn is committed, in the order in
// which they came. What the server itself holds it goes on holding.
func (e *Engine) unpause() {
	p := &e.pause
	for _, g := range p.landing {
		e.o.Post(func() { e.goBack(g) })
	}
	p.landing = nil
	if p.kind, p.end, p.told = pausedNone, 0, 0; p.own > 0 {
		p.kind, p.end = pausedWrites, ownEnd
		return
	}
	for first := p.aside.Front(); first != nil; first = p.aside.Front() {
		s := first.Value.(*Session)
		s.leaveAside()
		s.waiting, s.woken = false, true
		e.toDeliver(s)
	}
}

// holds reports whether the pause that there is holds a command of s. In a played
// recording it has held what it had to: what is executed comes when it was executed. A monitor,
// which is a replica to Redis, is never held.
func (e *Engine) holds(s *Session, r *row) bool {
	const tells = command.Write | command.MayReplicate
	switch {
	case !e.paused() || e.o.Played || s.monitors:
		return false
	case e.pause.kind == pausedAll:
		return true
	case r.isExec:
		return s.multi.flags&tells != 0
	}
	return r.spec.Flags&tells != 0
}

// putAside has s wait until the pause is over, with the command that it was about to
// execute and all that follow.
func (e *Engine) putAside(s *Session) {
	s.waiting = true
	s.aside = e.pause.aside.PushBack(s)
}

// leaveAside takes s out of those who are put aside, if it is one.
func (s *Session) leaveAside() {
	if s.aside != nil {
		s.e.pause.aside.Remove(s.aside)
		s.aside = nil
	}
}

// pauseLeft is how long it is until the pause is over, at most so long.
func (e *Engine) pauseLeft(most time.Duration) time.Duration {
	p := &e.pause
	p.told = p.end
	if p.end-e.now/1000 >= most.Milliseconds() {
		return most
	}
	return max(time.Duration(p.end*1000-e.now)*time.Microsecond, time.Microsecond)
}

// leavesDue reports whether a command leaves keys that are due where they are, unseen: for as
// long as a pause lasts nothing expires but what a write, of the transaction that pauses, puts
// something else in the place of.
func (e *Engine) leavesDue(r *row) bool {
	return e.paused() && r.spec.Flags&command.Write == 0
}
