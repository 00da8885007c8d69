package engine

import (
	"container/list"

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
	db       int
	proto    int // 2 or 3
	user     string
	authed   bool // has authenticated, or there was no password when it came
	name     string
	lib      string
	libVer   string
	muting   muting
	noEvict  bool
	noTouch  bool
	monitors bool // it is sent a line about each command

	past *Moment // where it stands after ASOF; nil: in the present

	tracking tracking

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

	// A command that is answered later.
	waiting bool
	asking  bool          // of the past, or of the disk since before the recording: command and reply are no steps
	aside   *list.Element // in those that a pause has put aside, with a command that is not begun; nil: it is not
	waiter  *waiter       // what it waits for, where that is for others to bring about
	owedFor pendingStep   // the step to record with the reply, where that is one

	subs [topicKinds]map[string]*topic // what it listens to

	unfollow func() // ends its subscription of the log; nil: it has none

	wrote uint64 // the offset of its last entry

	// What it is sent besides its replies, see push.go.
	pushed     [][]byte
	kept       []byte // of pushed: does not depend on the turn
	delivering bool   // it is in Engine.pushed
	woken      bool   // it has waited until this turn
	unasked    bool   // it was told of keys that it tracks, or that another does
	backlog    int    // bytes of pushes since it had read everything
	overSince  int64  // µs, since when too much is unread; 0: it is not
}

// Run executes commands, see [resp.Session].
func (s *Session) Run(cmds [][][]byte, out *resp.Writer) int {
	e := s.e
	e.join(s, out)
	start := out.Len()
	if s.waiting {
		return 0 // asked too early
	}
	e.tracking.acting = s
	defer e.nobodyActs()
	for i, args := range cmds {
		if i%prefetchKeys == 0 {
			e.prefetch(s.db, cmds[i:])
		}
		if s.closing {
			return len(cmds)
		}
		if !s.execute(args, out) {
			return i
		}
		if s.waiting || out.Len()-start > maxOutput || e.clock.wall-e.begun > maxTurn {
			return i + 1
		}
	}
	return len(cmds)
}

// Waiting reports whether a reply is owed, see [resp.Session].
func (s *Session) Waiting() bool { return s.waiting }

// Blocked reports whether it waits for what may never come, see [resp.Session].
func (s *Session) Blocked() bool { return s.waiter != nil || s.aside != nil }

// Subscribed reports whether it listens for messages or monitors, see [resp.Session].
func (s *Session) Subscribed() bool { return s.subscriptions() > 0 || s.monitors || s.unfollow != nil }

// Trusted reports whether the client has authenticated or need not.
func (s *Session) Trusted() bool { return s.authed || s.e.cfg.password() == "" }

// Closed forgets the session.
func (s *Session) Closed() {
	if s.gone {
		return
	}
	s.gone, s.closing = true, true
	s.e.unwatch(s)
	s.e.unsubscribeAll(s)
	s.stopFollowing()
	s.e.unmonitor(s)
	s.e.untrack(s)
	if s.waiter != nil {
		s.e.leaveQueues(s.waiter)
	}
	s.leaveAside()
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

// muted reports whether the client does not want the reply that it would be given now,
// and remembers for how long that holds.
func (s *Session) muted() bool {
	switch s.muting {
	case replyOff:
		return true
	case replySkip:
		s.muting = replyOn
		return true
	case replyNext:
		s.muting = replySkip
	}
	return false
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

// headLen is how many bytes its particulars take in a unit, but for those that are short
// in any case: clients choose them, of any length.
func (s *Session) headLen() int { return len(s.name) + len(s.lib) + len(s.libVer) }
