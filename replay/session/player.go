package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/altilium-db/altilium/resp"
)

// Target is what a recording is played against: an engine of our own that is
// driven step by step, with the recorded clock and randomness.
type Target interface {
	Connect(s resp.Step) error
	// Command executes one command and returns its reply in wire form.
	Command(s resp.Step) (reply []byte, err error)
	Disconnect(s resp.Step) error
	Tick(s resp.Step) error
	Evict(s resp.Step) error  // StepEvict, StepFull
	Change(s resp.Step) error // StepChange, StepHold
	// Pushed returns the next frame that the connection was sent besides its
	// replies, empty where there is none.
	Pushed(s resp.Step) (frame []byte, err error)
}

// Divergence is a command that was answered differently than when it was
// recorded. Its slices are its own.
type Divergence struct {
	Step     int64 // counted from 1, connects and ticks too
	Conn     uint64
	Clock    int64    // µs since 1970
	Args     [][]byte // none: it is about a frame besides the replies
	Expected []byte   // the recorded reply, wire form
	Got      []byte
}

// Result sums up a run.
type Result struct {
	Steps       int64
	Commands    int64 // whose replies were compared, and frames besides
	Divergences int64
	Complete    bool // false: the recording itself was cut short
}

// Play runs the recording against t from its beginning and compares every
// reply byte for byte; those marked volatile by kind only. diverged is called
// for each difference and may stop the run by returning false.
func Play(r *Reader, t Target, diverged func(Divergence) bool) (Result, error) {
	var res Result
	for {
		s, err := r.Next()
		if errors.Is(err, io.EOF) {
			res.Complete = r.Complete()
			return res, nil
		}
		if err != nil {
			return res, err
		}
		res.Steps++
		got, err := perform(t, s)
		if err != nil {
			return res, fmt.Errorf("step %d: %w", res.Steps, err)
		}
		if s.Kind != resp.StepCommand && s.Kind != resp.StepPush && s.Kind != resp.StepWait {
			continue
		}
		res.Commands++
		if SameReply(s, got) {
			continue
		}
		res.Divergences++
		d := Divergence{Step: res.Steps, Conn: s.Conn, Clock: s.Clock, Args: s.Args, Expected: s.Reply, Got: bytes.Clone(got)}
		if !diverged(d) {
			return res, nil
		}
	}
}

func perform(t Target, s resp.Step) ([]byte, error) {
	switch s.Kind {
	case resp.StepConnect:
		return nil, t.Connect(s)
	case resp.StepPrelude, resp.StepCommand, resp.StepWait:
		return t.Command(s)
	case resp.StepPush:
		return t.Pushed(s)
	case resp.StepDisconnect:
		return nil, t.Disconnect(s)
	case resp.StepEvict, resp.StepFull:
		return nil, t.Evict(s)
	case resp.StepChange, resp.StepHold:
		return nil, t.Change(s)
	default:
		return nil, t.Tick(s)
	}
}

// SameReply reports whether got is the reply that s recorded; for a volatile
// step, whether it is a reply of the same kind.
func SameReply(s resp.Step, got []byte) bool {
	if !s.Volatile || len(s.Reply) == 0 || len(got) == 0 {
		return bytes.Equal(s.Reply, got)
	}
	return s.Reply[0] == got[0]
}
