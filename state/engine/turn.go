package engine

import (
	"strings"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
)

const (
	// maxOutput is how far one Run may let a connection's replies grow, in
	// bytes, before it waits until they are written; one reply may be larger.
	maxOutput = 1 << 20

	// maxTurn is after how long, in µs, a turn executes but one more command of
	// each connection: a client that asks for much at once makes others wait for
	// one of its commands, not for all of them.
	maxTurn = 5_000

	// maxBody is how large a unit's body may be: an entry of the log holds
	// 1 GiB, its frame included.
	maxBody = 1<<30 - 1<<10

	// prefetchKeys is how many commands of a pipeline are looked at together
	// before the first of them is executed, and prefetchFrom how many keys a
	// database must have for that to be worth it.
	prefetchKeys = 64
	prefetchFrom = 20_000

	// manyKeys is from how many words on the keys of one command (MSET, MGET, DEL) are
	// looked at together, and prefetchCall how many of them.
	manyKeys     = 6
	prefetchCall = 256

	// keepBuffer is the capacity above which a buffer is given back after the
	// turn, so that one huge value does not stay for ever.
	keepBuffer = 1 << 20
)

// part is one session's share in a turn: what a failed Commit needs.
type part struct {
	s        *Session
	out      *resp.Writer
	start    int // length of out before the turn
	replies  int // written, or owed
	before   sessionState
	watching bool // it watched keys before the turn
	ended    bool // a MULTI of an earlier turn ended in this one
}

// unit is the entry in the making: a command, or a whole EXEC.
type unit struct {
	body   event.Buffer // header and events; empty while nothing is recorded
	db     int          // database of the events at the end of body
	exec   bool         // several commands, each with its cause
	caused bool         // the cause of the command being executed is in body

	volatile bool // a command of the EXEC has a volatile reply

	seeded bool
	seed   uint64 // of its random numbers, once one was drawn
	rng    uint64
}

// begin starts a unit.
func (u *unit) begin() {
	u.body.Truncate(0)
	u.exec, u.caused, u.volatile, u.seeded, u.seed = false, false, false, false, 0
}

// join gives s a part in the turn and reads the clock for its first unit.
func (e *Engine) join(s *Session, out *resp.Writer) {
	if len(e.turn) == 0 {
		e.now = e.clock.read()
		e.begun = e.clock.wall
	} else {
		e.now = e.clock.next()
	}
	if s.turnSeq == e.turnSeq {
		return
	}
	if len(e.turn) == 0 {
		e.state.SetAccessClock(uint32(e.now / 1_000_000))
	}
	s.turnSeq, s.part = e.turnSeq, len(e.turn)
	out.SetProtocol(s.proto)
	e.turn = append(e.turn, part{
		s: s, out: out, start: out.Len(), before: s.sessionState, watching: len(s.watches) > 0,
	})
}

// prefetch tells the state which keys the next commands of a pipeline name, or
// which fields where all of them name the same key: what follows the command's name
// mostly is a key, and what follows that a field, and where not nothing is lost.
func (e *Engine) prefetch(db int, cmds [][][]byte) {
	if len(cmds) < 8 || e.mode != modeReady {
		return
	}
	cmds = cmds[:min(len(cmds), prefetchKeys)]
	if first, last := cmds[0], cmds[len(cmds)-1]; len(first) > 2 && len(last) > 2 && string(first[1]) == string(last[1]) {
		e.state.PrefetchFields(db, first[1], e.shortArgs(cmds, 2))
	} else if e.state.Keys(db) >= prefetchFrom {
		e.state.Prefetch(db, e.shortArgs(cmds, 1))
	}
	clear(e.keys)
}

// prefetchCallKeys does the same for the keys of one command, where it may have many.
func (e *Engine) prefetchCallKeys(s *Session, r *row, args [][]byte) {
	if e.mode != modeReady || e.state.Keys(s.db) < prefetchFrom {
		return
	}
	e.keys = e.keys[:0]
	for i := range r.spec.KeyPositions(args) {
		if e.keys = append(e.keys, args[i]); len(e.keys) == prefetchCall {
			break
		}
	}
	e.state.Prefetch(s.db, e.keys)
	clear(e.keys)
}

// shortArgs is argument i of each command, of those that have one that is not too
// long to be hashed for nothing.
func (e *Engine) shortArgs(cmds [][][]byte, i int) [][]byte {
	e.keys = e.keys[:0]
	for _, args := range cmds {
		if len(args) > i && len(args[i]) < 256 {
			e.keys = append(e.keys, args[i])
		}
	}
	return e.keys
}

// endTurn forgets what was kept for the turn.
func (e *Engine) endTurn() {
	e.forgetChanges()
	e.clock.moved = false
	clear(e.turn) // drops the references to sessions and their buffers
	e.turn = e.turn[:0]
	e.turnSeq++
	e.call.Reset(nil, nil)
	e.call.Out = nil
	if e.unit.body.Len() > keepBuffer {
		e.unit.body = event.Buffer{}
	}
	if e.events.Len() > keepBuffer || e.shrink {
		e.events, e.shrink = event.Buffer{}, false
	}
}

// execute carries out one command of a client as a unit of its own, or queues
// it, or refuses it. false: a pause holds it, and it has not begun.
func (s *Session) execute(args [][]byte, out *resp.Writer) bool {
	e := s.e
	if e.memory.limit != 0 || e.memory.full {
		e.makeRoom()
	}
	if len(s.pushed) > 0 {
		s.takePushed(out)
	}
	mark, steps, began := out.Len(), len(e.steps), e.clock.wall
	e.unit.begin()
	s.active = e.now
	spec, problem := e.table.Lookup(args)
	var r *row
	if spec != nil {
		r = &e.rows[spec.Ord]
		s.lastCmd = spec
	}
	if problem == "" && (e.mode != modeReady || !s.authed || s.multi.active || s.past != nil || e.memory.full || s.listening() || s.monitors) {
		problem = e.refuse(s, r)
	}
	if problem == "" && e.pause.kind != pausedNone && e.holds(s, r) {
		e.putAside(s)
		return false
	}
	queued := false
	switch {
	case problem != "":
		e.reject(s, r, out, problem)
	case s.multi.active && !r.immediate:
		queued = true
		s.enqueue(r, args, out)
	case s.past != nil && r.past:
		r.stats.Calls++
		e.askAtMoment(s, args, out)
	default:
		e.invoke(s, r, args, out, command.MayWait)
	}
	if problem == "" && !queued && len(e.monitor.sessions) > 0 {
		e.show(s, r, args)
	}
	s.commands++
	e.counters.commands++
	clock := e.now
	e.now = e.clock.next()
	if problem == "" && r != nil {
		micros := max(0, e.clock.wall-began)
		r.stats.Micros += micros
		if !queued && !s.waiting {
			e.measured(s, r, args, micros, e.clock.wall)
		}
	}
	e.finishReply(s, r, out, mark)
	if len(e.tracking.touched) > 0 {
		e.broadcastKeys()
	}
	if s.tracking.caching {
		s.forgetCaching(r)
	}
	e.recordCommand(s, r, args, out, mark, clock, steps)
	if e.mustServe() {
		e.serve(clock)
	}
	return true
}

// refuse says why the command must not be executed now: "" when it may.
func (e *Engine) refuse(s *Session, r *row) string {
	flags := r.spec.Flags
	switch {
	case !s.authed && e.cfg.password() != "" && flags&command.NoAuth == 0:
		return "NOAUTH Authentication required."
	case s.multi.active && flags&command.NoMulti != 0:
		return "ERR Command not allowed inside a transaction"
	case s.past != nil && s.refuseInPast(r) != "":
		return s.refuseInPast(r)
	case e.memory.full && s.needsMemory(r):
		return oomText
	case s.listening() && !whileListening(r.spec.FullName()):
		return listeningText(r)
	case s.monitors && flags&(command.Write|command.ReadOnly|command.MayReplicate) != 0:
		return monitorText
	case e.mode == modeReady:
		return ""
	case e.mode == modePast:
		if changesAnything(r.spec) {
			return e.cannotWrite()
		}
	case e.failure.cause != nil && (flags&command.Write != 0 || r.isExec && s.multi.flags&command.Write != 0):
		return e.failure.text()
	case e.mode == modeLoading && flags&command.Loading == 0:
		return loadingText
	}
	return ""
}

// reject answers a command that is not executed. Inside MULTI the transaction
// is lost with it; EXEC itself ends it.
func (e *Engine) reject(s *Session, r *row, out *resp.Writer, problem string) {
	if r != nil {
		r.stats.Rejected++
	}
	e.countError(problem)
	if r != nil && r.isExec {
		s.endMulti()
		out.Error("EXECABORT Transaction discarded because of: " + strings.TrimPrefix(problem, "ERR "))
		return
	}
	s.multi.aborted = s.multi.active
	out.Error(problem)
}

// invoke executes one command within the unit: alone, or as one of EXEC.
func (e *Engine) invoke(s *Session, r *row, args [][]byte, out *resp.Writer, patience command.Patience) {
	c := &e.call
	c.Reset(r.spec, args)
	c.Out, c.Patience = out, patience
	ms := e.dataClock() / 1000
	mark := out.Len()
	e.events.Truncate(0)
	if r.spec.Decide != nil {
		if r.manyKeys && len(args) >= manyKeys {
			e.prefetchCallKeys(s, r, args)
		}
		if e.mode == modeReady && e.state.Due(ms) && (e.pause.kind == pausedNone || !e.leavesDue(r)) {
			if fits := e.removeNamed(s, r, args, ms); e.broken != nil {
				out.Error(internalError(e.broken))
				return
			} else if !fits {
				r.stats.Calls++
				r.stats.Failed++
				e.countError(tooLargeText)
				out.Error(tooLargeText)
				return
			}
		}
		c.View = e.state.View(s.db, ms)
		r.spec.Decide(c)
	} else {
		c.View = e.state.View(s.db, ms)
		r.run(e, s, c)
	}
	if e.notify.classes&ofMiss != 0 && e.notifying() && s.waiter == nil && r.spec.Decide != nil {
		e.tellMisses(r, out.From(mark))
	}
	if wants, waits := c.Waiting(); waits {
		if s.tracking.on && r.reads {
			e.remember(s, r, args)
		}
		e.waitFor(s, r, args, wants)
		return
	}
	r.stats.Calls++
	reply := out.From(mark)
	failed := len(reply) > 0 && reply[0] == '-'
	if failed {
		r.stats.Failed++
		e.countError(string(reply[1:]))
	}
	if e.events.Len() > 0 {
		e.notify.replyAt = mark
		e.settle(s, r, c, mark, failed)
	} else if r.voice.anyway && !failed {
		e.seemChanged(r)
	} else if r.flushes && !failed {
		e.invalidateAll() // as in Redis, though there was nothing
	}
	if r.reads {
		e.countLookup(c, reply)
		if s.tracking.on {
			e.remember(s, r, args)
		}
	}
}

// settle takes the events that a command recorded into the unit, unless the
// command has failed after all.
func (e *Engine) settle(s *Session, r *row, c *command.Call, mark int, failed bool) {
	problem := ""
	argv := c.Args
	if !c.Told() {
		argv = nil
	}
	switch {
	case failed:
		e.events.Truncate(0)
		return
	case e.mode != modeReady && r.reads:
		e.events.Truncate(0) // what PFCOUNT has found out holds without being kept
		return
	case e.mode != modeReady:
		problem = e.cannotWrite()
	case e.unit.body.Len()+s.headLen()+e.events.Len()+encodedLen(argv) > e.maxBody: // within EXEC it fails alone
		problem = tooLargeText
	}
	if problem == "" {
		if err := e.record(s, r, argv); err != nil {
			problem = internalError(err)
		}
	}
	e.events.Truncate(0)
	if problem != "" {
		c.Out.Truncate(mark)
		c.Out.Error(problem)
		return
	}
	c.Applied()
}

// tooLargeText refuses what would make a unit's body larger than maxBody.
const tooLargeText = "ERR this change is larger than an entry of the log can be (1 GiB)"

// encodedLen is how many bytes an argv takes in a unit, at most.
func encodedLen(argv [][]byte) (n int) {
	const head = 5 // that says how long a string is
	for _, a := range argv {
		n += head + len(a)
	}
	return n
}

// internalError is what a client is told of a bug.
func internalError(err error) string {
	return "ERR internal error, nothing was changed: " + err.Error()
}

// record makes the events of a command part of the unit and applies them. A
// unit of one command is complete then, and becomes an entry.
func (e *Engine) record(s *Session, r *row, argv [][]byte) error {
	u := &e.unit
	if u.exec {
		e.causeInExec(s, r, argv)
	} else {
		h := event.Header{DB: s.db, Conn: s.id, Origin: s.origin(), Name: r.upper, Argv: argv}
		u.body.Header(h)
	}
	s.wrote = e.log.Next()
	return e.apply(s.db, r)
}

// causeInExec opens the unit of an EXEC where it is still empty, and says which
// of its commands the next events come from.
func (e *Engine) causeInExec(s *Session, r *row, argv [][]byte) {
	u := &e.unit
	if u.body.Len() == 0 {
		u.body.Header(event.Header{DB: s.db, Conn: s.id, Origin: s.origin(), Name: "EXEC"})
		u.db = s.db
	}
	if u.db != s.db {
		u.body.Database(s.db)
		u.db = s.db
	}
	switch {
	case argv != nil:
		u.body.Cause(argv)
	case !u.caused:
		e.name[0] = append(e.name[0][:0], r.upper...)
		u.body.Cause(e.name[:])
	}
	u.caused = true
}

// apply joins e.events to the unit, whose head must be there, applies them and
// appends the entry unless more commands belong to it. cause is the command that they
// come from, nil where nobody asked for them.
func (e *Engine) apply(db int, cause *row) error {
	u := &e.unit
	events := e.events.Bytes()
	u.body.Join(events)
	if e.watching+e.block.count+e.overlay.count > 0 || e.tracking.tracks() {
		e.observe(db, events)
	}
	var after int
	var err error
	if e.notifying() {
		after, err = e.applyAndTell(db, cause, events)
	} else {
		after, err = e.state.Apply(db, events)
	}
	if err != nil {
		e.broke(err)
		u.body.Truncate(0)
		return err
	}
	u.db = after
	e.shrink = e.shrink || len(events) > keepBuffer
	e.events.Truncate(0)
	if !u.exec {
		e.appendUnit()
	}
	return nil
}

// appendUnit makes the unit an entry of the log, if it has changed anything.
func (e *Engine) appendUnit() {
	if e.unit.body.Len() == 0 {
		return
	}
	e.last = e.log.Append(log.KindChange, e.now, e.unit.body.Bytes())
	e.dirty = true
	if e.unit.body.Len() > keepBuffer {
		e.unit.body = event.Buffer{}
		return
	}
	e.unit.body.Truncate(0)
}

// finishReply does what CLIENT REPLY asks for, and counts the reply.
func (e *Engine) finishReply(s *Session, r *row, out *resp.Writer, mark int) {
	if s.waiting {
		e.turn[s.part].replies++ // the reply that is owed, should the turn fail
		return
	}
	if s.muting != replyOn && s.muted() && (r == nil || !r.pushes) {
		out.Truncate(mark)
	}
	if out.Len() > mark {
		e.turn[s.part].replies++
	}
}

// random is the unit's source of random numbers: SplitMix64 (Steele, Lea and
// Flood 2014) from a seed that a recording keeps.
func (e *Engine) random() uint64 {
	u := &e.unit
	if !u.seeded {
		u.seeded, u.seed = true, e.o.Seed()
		u.rng = u.seed
	}
	u.rng += 0x9e3779b97f4a7c15
	return mix(u.rng)
}

// mix makes all bits of a number depend on all of its bits.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
