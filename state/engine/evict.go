package engine

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
)

var errNoEviction = errors.New("this is no eviction of a recording")

// memoryState is the memory limit: what the keys take (state.Used) is held below
// maxmemory by evicting keys, each by an entry of its own; where nothing can be evicted,
// commands that need memory are refused.
type memoryState struct {
	policy  state.Policy
	limit   int64
	samples int
	full    bool // such commands are refused
}

// evictPerTurn bounds what one command or Tick evicts; the others and the next Tick go on
// with it. So a limit that was lowered holds nobody up.
const evictPerTurn = 200

const oomText = "OOM command not allowed when used memory > 'maxmemory'."

// limitMemory takes over the settings of the memory limit.
func (e *Engine) limitMemory() {
	s := e.cfg.now.Load()
	e.memory.policy, _ = state.ParsePolicy(s.policy)
	e.memory.limit, e.memory.samples = s.maxmemory, int(s.samples)
	e.state.SetAccess(state.Access{
		Frequency: e.memory.policy.Frequency(), LogFactor: int(s.lfuLogFactor), Decay: int(s.lfuDecayTime),
	})
}

// makeRoom evicts keys while they take more than the limit, and reports whether they still
// do. A played recording says itself what went and when memory was full.
func (e *Engine) makeRoom() (over bool) {
	m := &e.memory
	if e.mode != modeReady || e.o.Played {
		return false
	}
	if e.paused() {
		e.setFull(false)
		return false
	}
	over = m.limit != 0 && e.state.Used() > m.limit
	for n := 0; over && n < evictPerTurn && e.broken == nil; n++ {
		db, key, ok := e.state.Victim(m.policy, m.samples, e.chance)
		if !ok {
			e.setFull(true)
			return true
		}
		e.recordEviction(db, key)
		_ = e.evict(db, key) // a failure is kept in e.broken
		over = e.state.Used() > m.limit
	}
	e.setFull(false)
	return over
}

// chance is a random number that is no unit's.
func (e *Engine) chance() uint64 { return mix(e.o.Seed()) }

// evict removes a key by an entry that nobody asked for.
func (e *Engine) evict(db int, key []byte) error {
	e.unit.begin()
	e.events.Truncate(0)
	e.events.Delete(key, event.Evicted)
	e.unit.body.Header(event.Header{DB: db})
	e.counters.evicted++
	acting := e.tracking.acting
	e.tracking.acting = nil // nor is it anybody's when it is played
	err := e.apply(db, nil)
	e.tracking.acting = acting
	if len(e.tracking.touched) > 0 {
		e.broadcastKeys()
	}
	if e.mustServe() {
		e.serve(e.now)
	}
	return err
}

func (e *Engine) setFull(full bool) {
	if e.memory.full == full {
		return
	}
	e.memory.full = full
	if e.recording.to != nil {
		e.recordFull()
	}
}

// needsMemory reports whether a command is refused while memory is full: one that may
// need more of it, and inside MULTI whatever would be queued.
func (s *Session) needsMemory(r *row) bool {
	switch {
	case r.isExec:
		return s.multi.flags&command.DenyOOM != 0
	case s.multi.active && !r.immediate:
		return true
	}
	return r.spec.Flags&command.DenyOOM != 0
}

func (e *Engine) recordEviction(db int, key []byte) {
	if e.recording.to != nil {
		e.steps = append(e.steps, pendingStep{step: resp.Step{
			Kind: resp.StepEvict, Clock: e.now, Args: [][]byte{strconv.AppendInt(nil, int64(db), 10), bytes.Clone(key)},
		}})
	}
}

// recordFull records that memory is full, or is no more.
func (e *Engine) recordFull() {
	full := "0"
	if e.memory.full {
		full = "1"
	}
	e.steps = append(e.steps, pendingStep{step: resp.Step{Kind: resp.StepFull, Clock: e.now, Args: [][]byte{[]byte(full)}}})
}

// PlayEviction does what a step of a recording says of the memory limit, as a turn of its
// own.
func (e *Engine) PlayEviction(s resp.Step) error {
	e.now = e.clock.read()
	if s.Kind == resp.StepFull {
		e.memory.full = len(s.Args) == 1 && string(s.Args[0]) == "1"
		return nil
	}
	if len(s.Args) != 2 {
		return errNoEviction
	}
	db, err := strconv.Atoi(string(s.Args[0]))
	if err != nil || db < 0 || db >= state.Databases {
		return errNoEviction
	}
	if e.state.View(db, 0).Type(s.Args[1]) != state.None {
		err = e.evict(db, s.Args[1])
	}
	e.Commit()
	return err
}
