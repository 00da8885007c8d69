package engine

import (
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
)

// defaultUser is the only user there is.
const defaultUser = "default"

// muting says which replies a client wants (CLIENT REPLY).
type muting uint8

const (
	replyOn   muting = iota
	replyOff         // none until CLIENT REPLY ON
	replySkip        // not the one of the command being executed
	replyNext        // not the one of the next command
)

// sessionState is the part of a session that commands change and that a failed
// turn gives back: a turn keeps a copy of it as it was.
type sessionState struct {
	db      int
	proto   int // 2 or 3
	user    string
	authed  bool // has authenticated, or there was no password when it came
	name    string
	lib     string
	libVer  string
	muting  muting
	noEvict bool
	noTouch bool

	multi multi // the transaction being queued
	lost  bool  // a watched key has changed: EXEC answers null

	// originSegment is the first offset of the segment that knows this
	// connection's particulars; 0: none does.
	originSegment uint64
}

// Session is one connection's state. It is a [resp.Session].
type Session struct {
	sessionState

	e      *Engine
	peer   resp.Peer
	id     uint64
	opened int64 // µs
	active int64 // µs, when its last command began

	lastCmd  *command.Spec
	commands uint64 // executed
	watches  []*watch
	closing  bool // nothing more is executed
	gone     bool // Closed was called

	turnSeq uint64 // of the turn that it has a part in
	part    int    // which

	// A command that is answered in a later turn.
	waiting bool
	owed    func(c *command.Call) // writes the owed reply; nil while it is not known
	owedFor pendingStep           // the step to record with it
}

// Run executes commands, see [resp.Session].
func (s *Session) Run(cmds [][][]byte, out *resp.Writer) int {
	e := s.e
	e.join(s, out)
	start := out.Len()
	if s.waiting {
		s.settle(out)
		if s.waiting {
			return 0 // asked too early: it still waits
		}
	}
	for i, args := range cmds {
		if i%prefetchKeys == 0 {
			e.prefetch(s.db, cmds[i:])
		}
		if s.closing {
			return len(cmds)
		}
		s.execute(args, out)
		if s.waiting || out.Len()-start > maxOutput || e.now-e.begun > maxTurn {
			return i + 1
		}
	}
	return len(cmds)
}

// Waiting reports whether a reply is owed, see [resp.Session].
func (s *Session) Waiting() bool { return s.waiting }

// Trusted reports whether the client has authenticated or need not.
func (s *Session) Trusted() bool { return s.authed || s.e.cfg.password() == "" }

// Closed forgets the session.
func (s *Session) Closed() {
	if s.gone {
		return
	}
	s.gone, s.closing = true, true
	s.e.unwatch(s)
	s.waiting = false
	delete(s.e.sessions, s.id)
	s.e.recordDisconnect(s)
}

// hangup executes nothing more for s and closes it once its replies are out.
func (s *Session) hangup() {
	s.closing = true
	s.peer.Hangup()
}

// wait pauses s: the command being executed is answered later, by answer.
func (s *Session) wait() { s.waiting = true }

// answer wakes s, whose owed reply is written by f when its turn comes.
func (s *Session) answer(f func(c *command.Call)) {
	if s.gone || !s.waiting {
		return
	}
	s.owed = f
	s.peer.Resume()
}

// settle writes the owed reply, if it is known by now.
func (s *Session) settle(out *resp.Writer) {
	if s.owed == nil {
		return
	}
	e := s.e
	mark := out.Len()
	e.call.Out = out
	s.owed(&e.call)
	s.waiting, s.owed = false, nil
	e.finishReply(s, out, mark)
	e.recordOwed(s, out, mark)
}

// renamed makes the session's next entry carry its particulars again, because
// one of them has changed.
func (s *Session) renamed() { s.originSegment = 0 }

// origin gives the particulars for the head of an entry when the segment that
// the entry goes to does not know them yet, nil otherwise.
func (s *Session) origin() *event.Origin {
	first := s.e.log.SegmentFirst()
	if s.originSegment == first {
		return nil
	}
	s.originSegment = first
	return &event.Origin{Addr: s.peer.RemoteAddr(), User: s.user, Name: s.name, Lib: s.lib, LibVer: s.libVer}
}
