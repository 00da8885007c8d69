package engine

import (
	"errors"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
)

// LOG RESTORE and LOG UNDO (package comment, "Going back"). What is to be done is found by
// [Options.Past], beside the server; it is done here, as one entry, if nothing was written
// since the entry that it was found for.

// PastChange makes the data what it was.
type PastChange struct {
	UpTo   uint64  // the entry after which the data is what Events are for
	Events []byte  // the first of them is in database 0; empty: nothing differs
	Digest *uint64 // of the state after them; nil: not known

	// Reply writes the answer once it is done, by an entry; 0: there was nothing to do.
	Reply func(entry uint64, out *resp.Writer)
	// Again finds the change anew, after a later entry. Called on a goroutine.
	Again func(upTo uint64) PastAnswer
	// Done is called once, of the first PastChange of a command, whatever becomes of it. entry
	// is the committed one that did it, 0: it was not done.
	Done func(entry uint64)
}

// goingBack is a command whose change has been found.
type goingBack struct {
	s      *Session
	args   [][]byte
	change *PastChange
	done   func(entry uint64)
	tries  int  // how often it was found anew
	holds  bool // writes are held for it

	entry uint64 // that it has become, in this turn
}

// mostTries bounds how often a change is found anew. Writes are held from the first time on,
// so there is no second one but for what is not held, such as DEBUG.
const mostTries = 5

var errDigest = errors.New("going back did not lead to the state that there was")

// goBackCommand is LOG RESTORE and LOG UNDO.
func goBackCommand(e *Engine, s *Session, c *command.Call) {
	limit := e.maxBody - s.headLen() - encodedLen(c.Args) - originBytes
	e.askPast(s, c.Out, PastRequest{Args: cloneArgs(c.Args), Limit: limit})
}

// originBytes is what a connection's particulars take in an entry besides what it has
// chosen itself, at most.
const originBytes = 256

// goBack does what g has found, or has it found anew. A client that has gone, or whose
// server cannot write any more, gets nothing done.
func (e *Engine) goBack(g *goingBack) {
	e.now = e.clock.read()
	c := g.change
	switch {
	case g.s.gone || g.s.closing:
		e.endGoBack(g, 0)
	case e.mode != modeReady:
		e.refuseGoBack(g, e.failure.text())
	case e.paused() && !e.pause.ownOnly():
		e.pause.landing = append(e.pause.landing, g)
	case e.last != c.UpTo && g.tries == mostTries:
		e.refuseGoBack(g, "ERR the data kept changing meanwhile; try again")
	case e.last != c.UpTo:
		e.findAnew(g)
	case len(c.Events) == 0:
		g.s.answer(func(call *command.Call) { c.Reply(0, call.Out) })
		e.endGoBack(g, e.last)
	default:
		e.land(g)
	}
}

// findAnew has the change found for what the data is now, while nothing is written.
func (e *Engine) findAnew(g *goingBack) {
	g.tries++
	if !g.holds {
		g.holds = true
		e.holdWrites()
	}
	again, upTo, post := g.change.Again, e.log.Last(), e.o.Post
	go func() {
		a := again(upTo)
		post(func() {
			if g.change = a.Change; g.change == nil {
				e.answerGoBack(g, a.Reply)
				return
			}
			e.goBack(g)
		})
	}()
}

// land makes the change, as a unit of its own.
func (e *Engine) land(g *goingBack) {
	g.entry = e.log.Next()
	if err := e.change(g.s, g.args, g.change.Events, g.change.Digest); err != nil {
		e.refuseGoBack(g, internalError(err))
		return
	}
	g.s.answer(func(call *command.Call) { g.change.Reply(g.entry, call.Out) })
	g.s.kept = nil // it depends on this turn
	e.landed = append(e.landed, g)
	e.releaseWrites(g)
	e.after = append(e.after, func() {
		for _, g := range e.landed {
			g.done(g.entry)
		}
		clear(e.landed)
		e.landed = e.landed[:0]
	})
}

// change makes the events of a command of s that goes back an entry, and applies them.
func (e *Engine) change(s *Session, args [][]byte, events []byte, digest *uint64) error {
	spec, _ := e.table.Lookup(args)
	r := &e.rows[spec.Ord]
	e.recordChange(s, args, events)
	e.call.Reset(spec, args)
	e.unit.begin()
	e.unit.exec = true // it becomes an entry when it has been held against the digest
	e.events.Truncate(0)
	e.events.Join(events)
	e.unit.body.Header(event.Header{Conn: s.id, Origin: s.origin(), Name: r.upper, Argv: args})
	s.wrote = e.log.Next()
	acting := e.tracking.acting
	e.tracking.acting = s
	err := e.apply(0, r)
	e.tracking.acting = acting
	if err == nil && digest != nil && e.state.Digest() != *digest {
		err = errDigest
		e.broke(err)
		e.unit.body.Truncate(0)
	}
	if err != nil {
		return err
	}
	e.appendUnit()
	if len(e.tracking.touched) > 0 {
		e.broadcastKeys()
	}
	if e.mustServe() {
		e.serve(e.now)
	}
	return nil
}

// refuseGoBack answers g that nothing was done.
func (e *Engine) refuseGoBack(g *goingBack, text string) {
	e.countError(text)
	e.answerGoBack(g, e.frame(g.s.proto, func(out *resp.Writer) { out.Error(text) }))
}

// answerGoBack ends g, which did nothing, with a reply.
func (e *Engine) answerGoBack(g *goingBack, reply []byte) {
	g.s.answer(func(call *command.Call) { call.Out.Raw(reply) })
	e.endGoBack(g, 0)
}

// endGoBack ends g. entry is one after which the data is what g wanted; 0: there is none.
func (e *Engine) endGoBack(g *goingBack, entry uint64) {
	e.releaseWrites(g)
	g.done(entry)
}

func (e *Engine) releaseWrites(g *goingBack) {
	if g.holds {
		g.holds = false
		e.releaseHeld()
	}
}

// undoLanded is for a turn that has failed: who went back in it is told so.
func (e *Engine) undoLanded(text string) {
	for _, g := range e.landed {
		s := g.s
		s.originSegment, s.wrote = 0, min(s.wrote, e.log.Last())
		if !s.gone {
			s.kept = e.frame(s.proto, func(out *resp.Writer) { out.Error(text) })
		}
		g.done(0)
	}
	clear(e.landed)
	e.landed = e.landed[:0]
}

// recordChange records what a command that goes back has found: whoever plays the recording
// does not have that past.
func (e *Engine) recordChange(s *Session, args [][]byte, events []byte) {
	if e.recording.to == nil {
		return
	}
	e.steps = append(e.steps, pendingStep{step: resp.Step{
		Kind: resp.StepChange, Conn: s.id, Clock: e.now, Args: append([][]byte{events}, e.recording.hide.args(e.cfg, args)...),
	}})
}

// recordHold records that writes are held, or no more: in between reads leave keys that are due.
func (e *Engine) recordHold() {
	if e.recording.to == nil {
		return
	}
	held := "0"
	if e.pause.own > 0 {
		held = "1"
	}
	e.steps = append(e.steps, pendingStep{step: resp.Step{Kind: resp.StepHold, Clock: e.now, Args: [][]byte{[]byte(held)}}})
}

var errNoChange = errors.New("this is no change of a recording")

// PlayChange does what a step of a recording says that LOG RESTORE or LOG UNDO did, as a turn of
// its own. What that was answered is no step.
func (e *Engine) PlayChange(step resp.Step) error {
	e.now = e.clock.read()
	if step.Kind == resp.StepHold {
		return e.playHold(step)
	}
	s := e.sessions[step.Conn]
	if s == nil || len(step.Args) < 2 {
		return errNoChange
	}
	if spec, _ := e.table.Lookup(step.Args[1:]); spec == nil {
		return errNoChange
	}
	err := e.change(s, step.Args[1:], step.Args[0], nil)
	e.Commit()
	return err
}

func (e *Engine) playHold(step resp.Step) error {
	switch held := len(step.Args) == 1 && string(step.Args[0]) == "1"; {
	case held == (e.pause.own > 0):
		return errNoChange
	case held:
		e.holdWrites()
	default:
		e.releaseHeld()
	}
	e.Commit()
	return nil
}
