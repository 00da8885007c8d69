package engine

import (
	"strings"
	"time"

	"github.com/altilium-db/altilium/state"
)

// healEvery is how often a failed log is tried again.
const healEvery = 200 * time.Millisecond

// loadingText answers what needs data while there is none.
const loadingText = "LOADING Redis is loading the dataset in memory"

// failureState is what is known of a log that cannot be written, or of a state
// that cannot be trusted. The zero value: all is well.
//
//	fail ──▶ loading, cause set ──Rebuild──▶ readonly ──Heal──▶ ready
//
// Rebuild needs no space, so reads go on while the disk is full. Each step is
// tried again until it succeeds; one at a time, so the log has one user.
type failureState struct {
	cause error     // nil: all is well
	since int64     // µs
	busy  bool      // a try is on its goroutine
	last  time.Time // when the last try began
	count int64     // failures since the start
}

// text is what a refused write is answered.
func (f *failureState) text() string {
	if f.cause == nil {
		return loadingText
	}
	return "MISCONF Errors writing to the log: " + strings.TrimPrefix(f.cause.Error(), "the log cannot be written: ") +
		". Commands that may modify the data are disabled; reads go on. Free space (or fix the disk) and writing resumes by itself."
}

// fail takes the turn back: the log has refused it. Everybody who spoke in the
// turn is told so, the sessions go back, and memory is given up.
func (e *Engine) fail(err error) {
	e.setFailure(err)
	e.lg.Error().Err(err).Uint64("offset", e.log.Last()).Int("connections", len(e.turn)).
		Msg("the log cannot be written: this turn is taken back, the data is read again from the log, writes are refused until it can")
	e.last = e.log.Last()
	e.clock.undo()
	text := e.failure.text()
	for i := range e.turn {
		e.turn[i].takeBack(e, text)
	}
	e.undoSubscriptions()
	e.undoMonitors()
	e.waitAgain()
	e.undoLanded(text)
	e.dropPushed()
	e.shutdown = shutdownState{}
	e.checkpoint.want = false
	e.after = nil
	e.failRecording()
	if e.tracking.tracks() {
		e.undoTracking()
	}
	e.giveUpState()
}

// takeBack replaces the replies of a session's part by text and gives the
// session back what it was, as far as its client can understand: a client that
// is told that its EXEC failed does not think it is still inside MULTI, and one
// whose command was not queued must not find the others executed.
func (p *part) takeBack(e *Engine, text string) {
	s := p.s
	p.out.Truncate(p.start)
	p.out.SetProtocol(p.before.proto)
	for range p.replies {
		p.out.Error(text)
	}
	still := p.before.multi.active && s.multi.active && !p.ended
	s.sessionState = p.before
	if still {
		s.multi.aborted = true
	} else {
		s.multi = multi{}
	}
	// What is watched may have changed or not, and UNWATCH may not have been
	// meant to fail: a lost transaction is always safe.
	s.lost = len(s.watches) > 0 || !p.ended && (p.watching || p.before.lost)
	if s.waiting && s.aside == nil {
		s.waiting, s.asking = false, false
		e.checkpoint.forget(s)
	}
	if s.waiter != nil {
		e.leaveQueues(s.waiter)
	}
	s.wrote = min(s.wrote, e.log.Last())
}

// broke notes that the state refused events that it should have taken: a bug.
// The unit does not reach the log, and nothing more is executed on this state.
func (e *Engine) broke(err error) {
	e.broken = err
	e.mode = modeLoading
	e.setFailure(err)
}

// abandonState is fail for a state that cannot be trusted while the log is
// sound: what was answered before stands.
func (e *Engine) abandonState() {
	e.lg.Error().Err(e.broken).Uint64("offset", e.last).
		Msg("the state refused an event: please report this bug; the data is read again from the log")
	e.broken = nil
	e.failRecording()
	e.giveUpState()
}

func (e *Engine) setFailure(err error) {
	e.failure.cause, e.failure.since = err, e.clock.wall
	e.failure.count++
}

// giveUpState forgets memory that may be ahead of the log and has it rebuilt.
func (e *Engine) giveUpState() {
	e.mode = modeLoading
	e.state = state.New(0)
	e.call.View = state.View{} // it has the old one, whose memory is wanted back
	for _, s := range e.sessions {
		if len(s.watches) > 0 {
			s.lost = true
		}
	}
	e.failure.last = time.Time{}
	e.heal()
}

// heal takes the next step out of a failure, if one is due. Its time is the
// process's, not the engine's clock, which a player may have stopped.
func (e *Engine) heal() {
	f := &e.failure
	if f.cause == nil || f.busy || e.o.Rebuild == nil || time.Since(f.last) < healEvery {
		return
	}
	f.busy, f.last = true, time.Now()
	l, rebuild, post := e.log, e.o.Rebuild, e.o.Post
	if e.mode == modeLoading {
		go func() {
			st, err := rebuild(l)
			post(func() { e.rebuilt(st, err) })
		}()
		return
	}
	go func() {
		err := l.Heal()
		post(func() { e.healed(err) })
	}()
}

// rebuilt installs the state that the log gave.
func (e *Engine) rebuilt(st *state.State, err error) {
	e.failure.busy = false
	if err != nil {
		e.lg.Error().Err(err).Msg("the data could not be read again from the log; trying on")
		return
	}
	e.state = st
	e.limitMemory()
	e.mode = modeReadonly
	e.lg.Warn().Uint64("offset", e.log.Last()).Msg("the data is back, reads go on; writes wait for the log")
	e.failure.last = time.Time{} // healing need not wait
	e.heal()
}

// healed ends the failure, or waits for the next try.
func (e *Engine) healed(err error) {
	e.failure.busy = false
	if err != nil {
		e.failure.cause = err
		return
	}
	e.failure = failureState{count: e.failure.count}
	e.last = e.log.Last()
	e.mode = modeReady
	e.lg.Info().Uint64("offset", e.last).Msg("the log can be written again")
	for db := range e.block.queues { // where a broken state has kept them waiting
		e.changedAll(db, false)
	}
	e.serve(e.clock.read())
}
