package engine

import (
	"errors"
	"slices"
	"strings"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/command"
)

// checkpointState is what SAVE, BGSAVE, BGREWRITEAOF and the growth of the log
// share: one checkpoint at a time, made beside the server.
type checkpointState struct {
	running  bool
	rewrite  bool   // BGREWRITEAOF asked for the running one
	offset   uint64 // of the running one
	digest   uint64 // of the live state at offset
	want     bool   // begin one at the end of this turn
	wantAOF  bool
	next     bool   // begin another when the running one is done
	base     int64  // bytes of log that growth counts from
	baseAt   uint64 // offset that the spacing counts from
	size     int64  // of the newest one's file, in bytes
	begun    int64  // µs, of the running one
	restTill int64  // µs: none is made for the spacing's sake before
	lastSave int64  // µs, of the last that succeeded; at first the start

	savers []*Session // wait for the running one, or the wanted

	result  CheckpointResult // of the last that succeeded
	made    int64            // that succeeded
	failed  int64            // that did not
	lastErr error            // of the last one; nil when it succeeded
	differs bool             // a checkpoint differed from the live state: a bug, or bad memory
}

// errDiffers is logged, and shown in INFO, when recovery gave another state than
// the one that served clients.
var errDiffers = errors.New("the checkpoint differs from the live state at its offset and is not used: please report this bug, and keep the data directory")

// growthBase makes growth and spacing count what a start now would have to replay: the
// log since its newest checkpoint.
func (c *checkpointState) growthBase(l *log.Log) {
	c.base = l.Written() - sinceCheckpoint(l)
	newest, ok := l.Manifest().Newest(l.Last())
	if c.baseAt = l.Manifest().First - 1; ok {
		c.baseAt, c.size = newest.Offset, newest.Size
	}
}

// sinceCheckpoint is roughly how many bytes of log are younger than the newest
// checkpoint: whole sealed segments, which is near enough for a trigger.
func sinceCheckpoint(l *log.Log) int64 {
	m := l.Manifest()
	newest, size := uint64(0), int64(0)
	for _, c := range m.Checkpoints {
		newest = max(newest, c.Offset)
	}
	for _, s := range m.Sealed {
		if s.First > newest {
			size += s.Size
		}
	}
	return size
}

// forget drops a session that no longer waits.
func (c *checkpointState) forget(s *Session) {
	c.savers = slices.DeleteFunc(c.savers, func(x *Session) bool { return x == s })
}

// saveCommand makes a checkpoint and answers when it is done. Others go on.
func saveCommand(e *Engine, s *Session, c *command.Call) {
	switch {
	case e.checkpoint.running:
		c.Out.Error("ERR Background save already in progress")
	case e.mode != modeReady:
		c.Out.Error(e.cannotWrite())
	case e.o.Checkpoint == nil:
		e.pretendCheckpoint()
		c.Out.OK()
	default:
		e.checkpoint.want = true
		e.checkpoint.savers = append(e.checkpoint.savers, s)
		s.wait()
	}
}

func bgsaveCommand(e *Engine, _ *Session, c *command.Call) {
	schedule := false
	if len(c.Args) > 1 {
		if len(c.Args) > 2 || !strings.EqualFold(string(c.Args[1]), "schedule") {
			c.Out.Error("ERR syntax error")
			return
		}
		schedule = true
	}
	cp := &e.checkpoint
	switch {
	case e.mode != modeReady:
		c.Out.Error(e.cannotWrite())
	case cp.running && !cp.rewrite:
		c.Out.Error("ERR Background save already in progress")
	case cp.running && !schedule && !e.unit.exec:
		c.Out.Error("ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.")
	case cp.running || e.unit.exec:
		e.wantCheckpoint(false)
		c.Out.Simple("Background saving scheduled")
	default:
		e.wantCheckpoint(false)
		c.Out.Simple("Background saving started")
	}
}

func bgrewriteaofCommand(e *Engine, _ *Session, c *command.Call) {
	cp := &e.checkpoint
	switch {
	case e.mode != modeReady:
		c.Out.Error(e.cannotWrite())
	case cp.running && cp.rewrite:
		c.Out.Error("ERR Background append only file rewriting already in progress")
	case cp.running || e.unit.exec:
		e.wantCheckpoint(true)
		c.Out.Simple("Background append only file rewriting scheduled")
	default:
		e.wantCheckpoint(true)
		c.Out.Simple("Background append only file rewriting started")
	}
}

func lastsaveCommand(e *Engine, _ *Session, c *command.Call) {
	c.Out.Int(e.checkpoint.lastSave / 1_000_000)
}

// wantCheckpoint begins a checkpoint at the end of the turn, or after the one
// that is running.
func (e *Engine) wantCheckpoint(rewrite bool) {
	switch {
	case e.o.Checkpoint == nil:
		e.pretendCheckpoint()
	case e.checkpoint.running:
		e.checkpoint.next = true
	default:
		e.checkpoint.want, e.checkpoint.wantAOF = true, rewrite
	}
}

// pretendCheckpoint is what an engine without Options.Checkpoint does.
func (e *Engine) pretendCheckpoint() { e.checkpoint.lastSave = e.now }

// checkpointByGrowth wants a checkpoint when the log has grown enough.
func (e *Engine) checkpointByGrowth() {
	growth := e.cfg.checkpointGrowth()
	if e.o.Checkpoint == nil || growth <= 0 || e.checkpoint.running || e.log == nil {
		return
	}
	if e.log.Written()-e.checkpoint.base >= growth || e.spacedOut() {
		e.checkpoint.want = true
	}
}

// restShare is how many times as long as the last checkpoint took none is made for the
// spacing's sake: they take a tenth of the time at most.
const restShare = 9

// spacedOut reports whether so many entries have come since the last checkpoint that there
// should be another one, so that any point is reached soon. One that is larger than the log
// since the last would go again soon, see compaction.Plan.
func (e *Engine) spacedOut() bool {
	cp := &e.checkpoint
	if e.o.Pace == nil || e.clock.wall < cp.restTill || e.log.Written()-cp.base < cp.size {
		return false
	}
	return e.log.Last()-cp.baseAt > e.o.Pace.Spacing(e.state.TotalKeys(), cp.size)
}

// startWantedCheckpoint begins the wanted checkpoint after the turn's Commit:
// the state is then exactly that of the log's last entry.
func (e *Engine) startWantedCheckpoint() {
	cp := &e.checkpoint
	if !cp.want || cp.running || e.mode != modeReady {
		return
	}
	cp.running, cp.rewrite = true, cp.wantAOF
	cp.want, cp.wantAOF = false, false
	cp.offset, cp.digest = e.log.Last(), e.state.Digest()
	cp.base, cp.baseAt, cp.begun = e.log.Written(), cp.offset, e.clock.lap()
	offset, digest, checkpoint, post := cp.offset, cp.digest, e.o.Checkpoint, e.o.Post
	go func() {
		res, err := checkpoint(offset, digest)
		post(func() { e.checkpointDone(res, err) })
	}()
}

// checkpointDone takes the result and wakes who waits for it.
func (e *Engine) checkpointDone(res CheckpointResult, err error) {
	cp := &e.checkpoint
	cp.running = false
	cp.lastErr = err
	now := e.clock.lap()
	cp.restTill = now + restShare*max(0, now-cp.begun)
	switch {
	case err != nil:
		cp.failed++
		e.lg.Error().Err(err).Uint64("offset", cp.offset).Msg("the checkpoint failed; the log has everything")
	case res.Offset == cp.offset && res.Digest != cp.digest:
		cp.failed++
		cp.differs = true
		cp.lastErr = errDiffers
		e.lg.Error().Uint64("offset", res.Offset).Uint64("live", cp.digest).Uint64("checkpoint", res.Digest).Msg(errDiffers.Error())
	default:
		cp.made++
		cp.result, cp.size = res, res.Bytes
		cp.lastSave = e.clock.read()
		e.lg.Info().Uint64("offset", res.Offset).Int("keys", res.Keys).Int64("bytes", res.Bytes).Msg("checkpoint")
	}
	savers, failed := cp.savers, cp.lastErr
	cp.savers = nil
	for _, s := range savers {
		s.answer(func(c *command.Call) {
			if failed != nil {
				c.Out.Error("ERR the checkpoint failed: " + failed.Error())
				return
			}
			c.Out.OK()
		})
	}
	e.shutdownSaved(failed)
	if cp.next {
		cp.next, cp.want = false, true
		e.startWantedCheckpoint()
	}
}
