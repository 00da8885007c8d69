package engine

import (
	"bytes"
	"slices"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// What a session is sent besides its replies (package comment, "Pushes"): messages,
// and the replies of commands that have waited. It is collected for each session while
// the turn runs and handed over once that is committed. Where the session executes a
// command before, it stands in front of that one's reply, as it has happened.

// push has s sent a frame: a whole value in wire form, which is not changed any more.
func (e *Engine) push(s *Session, frame []byte) {
	if s.closing {
		return
	}
	e.toDeliver(s)
	s.pushed = append(s.pushed, frame)
	if e.recording.to != nil {
		e.steps = append(e.steps, pendingStep{step: resp.Step{Kind: resp.StepPush, Conn: s.id, Clock: e.now, Reply: frame}})
	}
}

// toDeliver has Commit look at s.
func (e *Engine) toDeliver(s *Session) {
	if !s.delivering {
		s.delivering = true
		e.pushed = append(e.pushed, s)
	}
}

// wake ends the waiting of s, which is not waiting any more, with the reply that was
// owed; nil where the client wanted none.
func (e *Engine) wake(s *Session, reply []byte) {
	s.woken = true
	e.toDeliver(s)
	if owed := s.owedFor; owed.step.Kind == 0 && !s.asking {
		if reply != nil {
			e.push(s, reply)
		}
		return
	} else if e.recording.to != nil && !s.asking {
		owed.step.Reply = reply
		e.steps = append(e.steps, owed)
	}
	s.owedFor, s.asking = pendingStep{}, false
	if reply != nil && !s.closing {
		s.pushed = append(s.pushed, reply)
	}
}

// pushAside has s sent frames that are no consequence of what was executed, and so no steps.
func (e *Engine) pushAside(s *Session, frames ...[]byte) {
	if s.closing {
		return
	}
	e.toDeliver(s)
	s.pushed = append(s.pushed, frames...)
}

// takePushed writes what s was sent in this turn in front of its next reply.
func (s *Session) takePushed(out *resp.Writer) {
	for _, f := range s.pushed {
		out.Raw(f)
	}
	clear(s.pushed)
	s.pushed = s.pushed[:0]
}

// deliver hands over what was pushed in a turn that is committed.
func (e *Engine) deliver() {
	for _, s := range e.pushed {
		s.delivering, s.kept = false, nil
		if s.gone {
			continue
		}
		if len(s.pushed) > 0 {
			if s.unasked && s.peer.Unsent() == 0 {
				s.backlog = 0
			}
			for _, f := range s.pushed {
				s.backlog += len(f)
			}
			unsent := s.peer.Send(s.pushed)
			clear(s.pushed)
			s.pushed = s.pushed[:0]
			e.limitUnsent(s, unsent)
		}
		if s.woken {
			s.woken = false
			s.peer.Resume()
		}
	}
	clear(e.pushed)
	e.pushed = e.pushed[:0]
}

// dropPushed forgets what was pushed in a turn that has failed. What does not depend on
// that turn, the result of SAVE, is kept.
func (e *Engine) dropPushed() {
	for _, s := range e.pushed {
		clear(s.pushed)
		s.pushed = s.pushed[:0]
		if s.kept != nil {
			s.pushed = append(s.pushed, s.kept)
		}
		s.woken = s.woken && !s.waiting
	}
}

// answer ends the waiting of s, between two units, with the reply that f writes.
func (s *Session) answer(f func(c *command.Call)) {
	if s.gone || !s.waiting {
		return
	}
	e := s.e
	e.block.reply.SetProtocol(s.proto)
	f(&command.Call{Out: &e.block.reply}) // another command may be using the engine's
	e.sendReply(s)
	if n := len(s.pushed); n > 0 {
		s.kept = s.pushed[n-1]
	}
}

// limits are those of one class of client-output-buffer-limit. 0: none.
type limits struct {
	hard, soft int64 // bytes
	seconds    int64 // for which soft may be exceeded
}

// limitUnsent closes a subscriber, a monitor or one that is told of changed keys that takes what it is sent too slowly.
func (e *Engine) limitUnsent(s *Session, unsent int) {
	switch {
	case s.Subscribed():
	case s.unasked:
		unsent = min(unsent, s.backlog) // the rest are replies, which it may read as slowly as it likes
	default:
		return
	}
	l, n := e.cfg.pubsubLimits(), int64(unsent)
	if l.soft == 0 || n < l.soft {
		s.overSince = 0
	} else if s.overSince == 0 {
		s.overSince = e.clock.wall
	}
	hard := l.hard > 0 && n >= l.hard
	if !hard && (s.overSince == 0 || e.clock.wall-s.overSince <= l.seconds*1_000_000) {
		return
	}
	e.closeSlow(s, unsent)
}

// closeSlow closes one that leaves too much unread.
func (e *Engine) closeSlow(s *Session, unsent int) {
	what := "subscriber"
	switch {
	case s.monitors:
		what = "monitor"
	case !s.Subscribed():
		what = "client that is told of changed keys"
	}
	e.lg.Warn().Str("client", s.peer.RemoteAddr()).Str("name", s.name).Int("unsent", unsent).
		Msg("a " + what + " took its messages too slowly and was closed (client-output-buffer-limit)")
	e.counters.limitDisconnects++
	s.closing = true
	s.peer.Kill()
}

// frame is what write writes, in one of the protocols, as bytes that stay.
func (e *Engine) frame(proto int, write func(out *resp.Writer)) []byte {
	out := &e.frames
	out.SetProtocol(proto)
	write(out)
	frame := bytes.Clone(out.Bytes())
	out.Reset(keepBuffer)
	return slices.Clip(frame)
}
