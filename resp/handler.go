package resp

import "time"

// A Handler executes commands. The front end calls Open, Commit, Tick and
// every method of the sessions from one goroutine, the loop; so a handler
// needs no lock of its own.
//
// The loop works in turns: it hands every connection's waiting commands to
// that connection's Session.Run, then calls Commit once, and only when Commit
// has returned does any reply of the turn leave. A turn with no commands and
// no posted work needs no Commit.
type Handler interface {
	// Open is called once for an accepted connection, before its first
	// command. An error refuses the connection: its text is sent as an error
	// reply ("ERR max number of clients reached") and the connection closed.
	Open(p Peer) (Session, error)

	// Commit ends the turn: what its commands changed is in the log when it
	// returns, or the replies of the turn have been replaced by errors. The result
	// is how soon it wants a Tick where that is sooner than the last Tick
	// has asked for, 0 where it is not.
	Commit() (sooner time.Duration)

	// Tick does the handler's periodical work (expiry) as a turn of its own
	// and returns how long the loop may wait before the next Tick.
	Tick() time.Duration
}

// A Session is one connection's state on the engine's side.
type Session interface {
	// Run executes cmds in their order and appends their replies to out.
	// cmds[i][0] is the command's name. The arguments and out stay valid
	// until Commit has returned. It returns how many commands it consumed:
	// fewer than len(cmds) when out has grown past a bound and must be
	// written first; the front end hands the rest in again in a later turn.
	// It consumes at least one, unless it was given none or is Waiting afterwards:
	// then the first that it has not consumed is not to be executed yet.
	Run(cmds [][][]byte, out *Writer) int

	// Waiting reports that the last command that Run consumed is not answered
	// yet (SAVE, BLPOP), or that the next one has to wait (CLIENT PAUSE): after Commit the front end hands in nothing more from
	// this connection until [Peer.Resume] was called. The reply comes by
	// [Peer.Send].
	Waiting() bool

	// Blocked reports that it waits for what may never come (BLPOP), or for long: a client
	// that has closed its side meanwhile is gone, and the connection ends.
	Blocked() bool

	// Subscribed reports that the client listens for messages: however long it
	// says nothing, it is not idle.
	Subscribed() bool

	// Trusted reports whether the client has authenticated itself (or need
	// not): until then the parser's limits are tight ([UntrustedLimits]).
	Trusted() bool

	// Closed says that the connection is gone. No other call follows.
	Closed()
}

// A Peer is one connection as the engine sees it. Its methods may be called
// from the loop only, except for the accessors, which never change.
type Peer interface {
	RemoteAddr() string // "127.0.0.1:52341"
	LocalAddr() string  // "127.0.0.1:6379"

	// Send puts what the client is sent besides the replies of Run behind its
	// output: messages that it has subscribed to, the reply of a command that
	// waited. It is called at the end of Commit only, and what it was given leaves
	// after that. The frames, each a whole value in wire form, are shared with
	// other connections: nobody changes them. The result is how many bytes wait
	// for the client to take them.
	Send(frames [][]byte) (unsent int)

	// Unsent is how many bytes wait for the client to take them, as Send says it.
	// It may be asked at any time in a turn. Where it is 0, nobody reads any more what
	// Send was given in turns before.
	Unsent() int

	// Resume ends the waiting of the connection's session: the front end hands
	// in what has arrived meanwhile. It is called at the end of Commit only, after
	// Send. Calling it for a session that is not waiting does no harm.
	Resume()

	// Hangup closes the connection once everything in its output has been
	// written (QUIT, a refused client).
	Hangup()

	// Kill closes the connection at once; unwritten replies are dropped.
	Kill()
}
