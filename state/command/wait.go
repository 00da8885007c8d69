package command

import "github.com/altilium-db/altilium/state"

// Patience says what a command may do that finds nothing to answer with yet.
type Patience uint8

const (
	// AtOnce: it must answer, as if nothing could come any more: inside MULTI and scripts.
	AtOnce Patience = iota
	// MayWait: it may call [Call.Wait] instead of answering.
	MayWait
)

// Waiting is what a command waits for. Whoever carries it out decides it again when
// one of the keys has been changed and fulfils Type or Gone, in the order in which the
// waiting commands came, until it does not call Wait. Once the time is over, the reply
// is a null array.
type Waiting struct {
	Keys    [][]byte   // in the database of the call
	Type    state.Type // a key is looked at again when it has this type …
	Gone    bool       // … and where Gone is set, also when it is gone or has another type
	Timeout int64      // ms; 0 for ever

	// Args is what is decided then, nil for the very same call: XREAD says there which
	// entry was the last one when it began to wait.
	Args [][]byte
}

// Wait says that the command waits: it has written no reply and recorded no events. Only
// a call whose Patience is MayWait may do so. What w holds is copied by who carries
// the command out.
func (c *Call) Wait(w Waiting) { c.waiting, c.waits = w, true }

// Waiting is what the decision wants to wait for; false where it has answered.
func (c *Call) Waiting() (w Waiting, waits bool) { return c.waiting, c.waits }

// waitCommands are the rows of those that wait for copies of what was written. The
// engine carries them out.
func waitCommands() []*Spec {
	const tips = "request_policy:all_shards response_policy:agg_min"
	return []*Spec{
		{
			Name: "wait", Arity: 3, Flags: Blocking, Categories: "connection", Since: "3.0.0", Group: "generic", Complexity: "O(1)",
			Summary: "Waits until so many replicas have what this connection has written. There are none here.",
			Args:    []Arg{{Name: "numreplicas", Type: "integer"}, {Name: "timeout", Type: "integer"}},
			Tips:    tips,
		},
		{
			Name: "waitaof", Arity: 4, Flags: Blocking | Volatile, Categories: "connection", Since: "7.2.0", Group: "generic", Complexity: "O(1)",
			Summary: "Waits until what this connection has written is on the disk: here, and on so many replicas. There are none.",
			Args:    []Arg{{Name: "numlocal", Type: "integer"}, {Name: "numreplicas", Type: "integer"}, {Name: "timeout", Type: "integer"}},
			Tips:    tips,
		},
	}
}
