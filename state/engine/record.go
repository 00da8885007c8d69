package engine

import (
	"slices"
	"strconv"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// recordingState is the recording under way. It sees every connection, since
// only the whole order of execution can be replayed.
type recordingState struct {
	to      Recorder // nil: nothing is recorded
	name    string
	offset  uint64 // the first step met the state after this entry
	started int64  // µs
	steps   int64
	hide    *hider
	self    bool // the command being executed is RECORD itself, and is no step
	stop    bool // close it once this turn's steps are handed over
}

// pendingStep is a step whose turn is not committed yet. Its reply stands
// between two marks of its connection's output.
type pendingStep struct {
	step     resp.Step
	out      *resp.Writer
	from, to int
}

func recordStartCommand(e *Engine, s *Session, c *command.Call) {
	rec := &e.recording
	rec.self = rec.to != nil
	name := string(c.Args[2])
	switch {
	case rec.to != nil:
		c.Out.Error("ERR recording '" + rec.name + "' is under way since offset " + strconv.FormatUint(rec.offset, 10) + "; stop it first")
		return
	case e.o.Record == nil:
		c.Out.Error("ERR this server cannot record: that is for one that runs on its log")
		return
	case !recordingName(name):
		c.Out.Error("ERR a recording's name has letters, digits, '-', '_' and '.' only, begins with a letter or digit, and is at most 100 long")
		return
	}
	if e.expireAllDue(); e.broken != nil {
		return // which is answered for the turn
	}
	rec.hide = newHider()
	to, err := e.o.Record(name, e.last, e.recordedSettings())
	if err != nil {
		c.Out.Error("ERR " + err.Error())
		return
	}
	e.recording = recordingState{to: to, name: name, offset: e.last, started: e.now, hide: rec.hide, self: true}
	if e.memory.full {
		e.recordFull()
	}
	if e.pause.own > 0 {
		e.recordHold()
	}
	e.recordPreludes(s)
	e.lg.Info().Str("name", name).Uint64("offset", e.last).Msg("recording")
	c.Out.OK()
}

// recordingName reports whether name can be a file's name anywhere.
func recordingName(name string) bool {
	if name == "" || len(name) > 100 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '-' && c != '_' && c != '.') {
			return false
		}
	}
	return true
}

// recordStopCommand answers the number of steps recorded.
func recordStopCommand(e *Engine, _ *Session, c *command.Call) {
	rec := &e.recording
	if rec.to == nil {
		c.Out.Error("ERR nothing is being recorded")
		return
	}
	rec.self = true
	// What this turn has done so far belongs to the recording, and is handed
	// over when the turn is committed; only then is it closed.
	rec.stop = true
	c.Out.Int(rec.steps + int64(len(e.steps)))
}

func recordStatusCommand(e *Engine, _ *Session, c *command.Call) {
	rec := &e.recording
	rec.self = rec.to != nil
	if rec.to == nil {
		c.Out.Map(1)
		c.Out.BulkString("recording")
		c.Out.Int(0)
		return
	}
	c.Out.Map(5)
	c.Out.BulkString("recording")
	c.Out.Int(1)
	c.Out.BulkString("name")
	c.Out.BulkString(rec.name)
	c.Out.BulkString("offset")
	c.Out.Int(int64(rec.offset))
	c.Out.BulkString("started")
	c.Out.Int(rec.started / 1_000_000)
	c.Out.BulkString("steps")
	c.Out.Int(rec.steps + int64(len(e.steps)))
}

// recordConnect records that a connection was opened.
func (e *Engine) recordConnect(s *Session, clock int64) {
	if e.recording.to == nil {
		return
	}
	e.steps = append(e.steps, pendingStep{step: resp.Step{
		Kind: resp.StepConnect, Conn: s.id, Clock: clock, Addr: s.peer.RemoteAddr(),
	}})
}

// recordDisconnect records that a connection was closed.
func (e *Engine) recordDisconnect(s *Session) {
	if e.recording.to == nil {
		return
	}
	e.steps = append(e.steps, pendingStep{step: resp.Step{
		Kind: resp.StepDisconnect, Conn: s.id, Clock: e.clock.read(),
	}})
}

// recordTick records, once, that a Tick is about to change something.
func (e *Engine) recordTick() {
	if e.recording.to == nil || e.ticked {
		return
	}
	e.ticked = true
	e.steps = append(e.steps, pendingStep{step: resp.Step{Kind: resp.StepTick, Clock: e.now}})
}

// recordCommand records the command that was just executed with its reply, the
// bytes of out from mark on. clock is what the command saw. What it has had
// others sent are the steps from first on: they come after it.
func (e *Engine) recordCommand(s *Session, r *row, args [][]byte, out *resp.Writer, mark int, clock int64, first int) {
	if e.recording.to == nil {
		return
	}
	if e.recording.self || s.noStep(r) {
		e.recording.self = false
		return
	}
	p := pendingStep{
		step: resp.Step{
			Kind: resp.StepCommand, Conn: s.id, Arrived: e.begun, Clock: clock, Seed: e.unit.seed,
			Args:     e.recording.hide.args(e.cfg, args),
			Volatile: r != nil && (r.spec.Flags&command.Volatile != 0 || e.unit.volatile),
		},
		out: out, from: mark, to: out.Len(),
	}
	switch {
	case s.waiting && (s.waiter == nil || r.disk): // what it waits for is no consequence of steps
		p.step.Args, p.out = cloneArgs(p.step.Args), nil
		s.owedFor = p
		return
	case s.waiting:
		p.step.Kind, p.out = resp.StepWait, nil
	}
	e.steps = slices.Insert(e.steps, min(first, len(e.steps)), p)
}

// handOverSteps gives the committed turn's steps to the recorder.
func (e *Engine) handOverSteps() {
	rec := &e.recording
	for i := range e.steps {
		if rec.to == nil {
			break
		}
		p := &e.steps[i]
		if p.out != nil {
			p.step.Reply = p.out.Append(nil, p.from, p.to)
			if p.step.Volatile { // as is whatever shows settings, alone or within an EXEC
				p.step.Reply = rec.hide.reply(p.step.Reply)
			}
		}
		if err := rec.to.Step(p.step); err != nil {
			e.lg.Warn().AnErr("close", e.StopRecording()).Err(err).Str("name", rec.name).Int64("steps", rec.steps).Msg("recording stopped: it could not be written")
			break
		}
		rec.steps++
	}
	clear(e.steps)
	e.steps = e.steps[:0]
	if rec.stop {
		rec.stop = false
		name, steps := rec.name, rec.steps
		if err := e.StopRecording(); err != nil {
			e.lg.Warn().Err(err).Str("name", name).Msg("the recording could not be finished")
			return
		}
		e.lg.Info().Str("name", name).Int64("steps", steps).Msg("recorded")
	}
}

// StopRecording closes the recorder, if there is one.
func (e *Engine) StopRecording() error {
	to := e.recording.to
	e.recording.to = nil
	if to == nil {
		return nil
	}
	return to.Close()
}

// failRecording ends a recording whose present turn has failed: how a disk
// fails cannot be replayed.
func (e *Engine) failRecording() {
	clear(e.steps)
	e.steps, e.recording.stop = e.steps[:0], false
	if e.recording.to == nil {
		return
	}
	name, steps := e.recording.name, e.recording.steps
	err := e.StopRecording()
	e.lg.Warn().Err(err).Str("name", name).Int64("steps", steps).
		Msg("recording stopped before the failure of this turn, which cannot be replayed")
}
