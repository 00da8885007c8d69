package command

import (
	"strings"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// Decide is one command: it reads c.View, writes the reply to c.Out and
// records in c.Events what will have happened.
type Decide func(c *Call)

// Call is one command being decided. All its slices are valid until the
// command's turn has ended.
type Call struct {
	Spec   *Spec
	Args   [][]byte // Args[0] is the name as the client typed it
	View   state.View
	Out    *resp.Writer
	Events *event.Buffer
	Rand   func() uint64 // uniformly random; recorded and replayed with a session

	// Missed, where it is not nil, is told of each key that the call looks up without
	// naming it (SORT's BY and GET) and that is not there. The slice is valid for the call.
	Missed func(key []byte)

	// Patience is whether the command may wait, see [Call.Wait].
	Patience Patience

	scoring  scoring // scratch of ZADD
	tell     bool
	waits    bool
	waiting  Waiting
	accessed Accessed
}

// Accessed is what RESTORE says of accesses to a key before it was dumped.
type Accessed struct {
	Key     []byte // nil: nothing is said
	Timed   bool
	Idle    int64 // where Timed: it was touched last so many seconds ago
	Counted bool
	Count   uint8 // where Counted: its counter
}

// Applied is to be called when the events of the decision have been applied. It notes in
// a key what was said of accesses, which is no part of the state (state/access.go).
func (c *Call) Applied() {
	switch a := &c.accessed; {
	case a.Timed:
		c.View.SetIdle(a.Key, a.Idle)
	case a.Counted:
		c.View.SetFrequency(a.Key, a.Count)
	}
}

// Tell asks that the whole argv goes into the log entry, because the events
// alone do not say what was asked.
func (c *Call) Tell() { c.tell = true }

// Told reports whether the decision called Tell.
func (c *Call) Told() bool { return c.tell }

// Reset makes c ready for another command, keeping View, Out, Events, Rand and Missed; it must
// answer at once.
func (c *Call) Reset(spec *Spec, args [][]byte) {
	c.Spec, c.Args, c.tell = spec, args, false
	c.Patience = AtOnce
	c.accessed = Accessed{}
	if c.waits {
		c.waits, c.waiting = false, Waiting{}
	}
}

// Flag is a set of Redis' command flags, as COMMAND INFO shows them.
type Flag uint32

// The flags.
const (
	Write          Flag = 1 << iota // may record events
	ReadOnly                        // only reads keys
	DenyOOM                         // refused when memory is full
	Admin                           // administrative
	PubSub                          // publish and subscribe
	NoScript                        // not from scripts
	Blocking                        // may block
	Loading                         // allowed while loading
	Stale                           // allowed on a stale replica
	SkipMonitor                     // not shown to MONITOR
	SkipSlowlog                     // not in the slow log
	Asking                          // cluster
	Fast                            // O(1) or O(log n)
	NoAuth                          // allowed before AUTH
	MayReplicate                    // replicas would be told, although it is no write command; COMMAND INFO does not show it
	NoMulti                         // refused inside MULTI
	AllowBusy                       // allowed while a script is busy
	MovableKeys                     // key positions need GETKEYS
	NoAsyncLoading                  // not while a replica loads in the background
	// Volatile replies depend on the process or on this program's version, not
	// on the data (INFO, CLIENT LIST, COMMAND; not TIME, whose clock is
	// replayed too): a replayed session compares their kind only. COMMAND INFO
	// does not show it; what it shows of the kind stands in Tips.
	Volatile
)

// Arg documents one argument for COMMAND DOCS, which redis-cli's hints use.
type Arg struct {
	Name  string
	Type  string // "key", "string", "integer", "double", "pattern", "unix-time", "pure-token", "oneof", "block"
	Token string // the word that introduces it, or that it is
	Flags string // "optional", "multiple", "multiple_token", space-separated
	Sub   []Arg  // of oneof and block
}

// Spec is one row of the table. Containers (CLIENT, CONFIG, OBJECT …) hold
// their subcommands in Sub.
type Spec struct {
	Name       string // lower case; a subcommand's own word ("getname")
	Arity      int    // as Redis: n exactly, -n at least; counts the name(s)
	Flags      Flag
	Keys       []Keys
	Categories string // ACL categories beyond those that the flags imply, e.g. "string"
	Since      string // Redis version, or "altilium 1"
	Group      string // "string", "hash", "generic", "connection", "server", "transactions", "altilium"
	Complexity string
	Summary    string
	Args       []Arg
	Tips       string // COMMAND INFO's tips, space-separated
	Decide     Decide // nil: the engine carries it out
	Unwatched  bool   // no WATCH sees that it sets the last id of a stream, as in Redis
	Sub        []*Spec

	// Parent is the container of a subcommand, set by NewTable.
	Parent *Spec
	// Ord numbers the rows of a table, subcommands included, from 0 without
	// gaps: the engine keeps what it knows of a command in a slice. Set by
	// NewTable.
	Ord int
}

// FullName is the name as COMMAND and INFO show it: "get", "client|getname".
func (s *Spec) FullName() string {
	if s.Parent != nil {
		return s.Parent.Name + "|" + s.Name
	}
	return s.Name
}

// Upper is the name as log entries show it: "GET", "CLIENT GETNAME".
func (s *Spec) Upper() string { return strings.ToUpper(strings.ReplaceAll(s.FullName(), "|", " ")) }
