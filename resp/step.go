package resp

// StepKind says what a Step is: a fixed number in recordings.
type StepKind uint8

// The kinds of steps. Never renumbered.
const (
	StepConnect    StepKind = 1  // a connection was opened, or was there when the recording began
	StepPrelude    StepKind = 2  // a command that brings a connection into the state it had then; its reply is not compared
	StepCommand    StepKind = 3  // a command was executed
	StepDisconnect StepKind = 4  // a connection was closed
	StepTick       StepKind = 5  // periodical work that changed something (expiry, a timeout)
	StepEvict      StepKind = 6  // a key was evicted, because memory was full: database, key
	StepFull       StepKind = 7  // commands that need memory were refused from here on ("1"), or no more ("0")
	StepWait       StepKind = 8  // a command began to wait; its reply is a StepPush to come
	StepPush       StepKind = 9  // a connection was sent something besides its replies: a consequence of the step before
	StepChange     StepKind = 10 // a command has made the data what it was: the events, and its arguments
	StepHold       StepKind = 11 // the server held writes from here on ("1"), or no more ("0"), to make such a change
)

// Step is one thing that happened in a recorded session. Steps stand in the
// order of execution, which the single writer makes a total one. The engine
// hands them to a recorder; a player hands them back to an engine. It stands
// here because neither may import the other.
type Step struct {
	Kind     StepKind
	Volatile bool     // StepCommand: the reply depends on the process, compare its kind only
	Conn     uint64   // connection id
	Arrived  int64    // µs since 1970 when the command's bytes had arrived
	Clock    int64    // µs since 1970: the clock that the command saw
	Seed     uint64   // the seed of the command's random numbers
	Addr     string   // StepConnect: the client's address
	Args     [][]byte // StepPrelude, StepCommand, StepWait, StepEvict, StepFull, StepChange, StepHold
	Reply    []byte   // StepCommand: the reply in wire form, empty when there was none; StepPush: what was sent
}
