package engine

import (
	"strings"

	"github.com/altilium-db/altilium/state/command"
)

// shutdownState is a SHUTDOWN under way. The log has everything at any time, so
// there is nothing to lose by stopping; SAVE only spares the next start work.
type shutdownState struct {
	reason string   // call Options.Shutdown after this turn's Commit
	saving bool     // after the checkpoint that is being made
	force  bool     // even if that fails
	by     *Session // who asked, and waits for good
}

// errShutdown is what Redis answers a client whose SHUTDOWN came to nothing.
const errShutdown = "ERR Errors trying to SHUTDOWN. Check logs."

// shutdownCommand is SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]. A success has
// no reply: the connection closes with the server.
func shutdownCommand(e *Engine, s *Session, c *command.Call) {
	var save, nosave, force, abort, now bool
	for _, a := range c.Args[1:] {
		switch strings.ToLower(string(a)) {
		case "save":
			save = true
		case "nosave":
			nosave = true
		case "now":
			now = true
		case "force":
			force = true
		case "abort":
			abort = true
		default:
			c.Out.Error("ERR syntax error")
			return
		}
	}
	if save && nosave || abort && (save || nosave || now || force) {
		c.Out.Error("ERR syntax error")
		return
	}
	sd := &e.shutdown
	if abort {
		if !sd.saving {
			c.Out.Error("ERR No shutdown in progress.")
			return
		}
		e.cancelShutdown()
		c.Out.OK()
		return
	}
	s.wait()
	if save && e.o.Checkpoint != nil && e.mode == modeReady {
		*sd = shutdownState{saving: true, force: force, by: s}
		e.checkpoint.want = !e.checkpoint.running
		return
	}
	*sd = shutdownState{reason: "SHUTDOWN from " + s.peer.RemoteAddr(), by: s}
}

// cancelShutdown tells whoever waits that the server goes on.
func (e *Engine) cancelShutdown() {
	by := e.shutdown.by
	e.shutdown = shutdownState{}
	by.answer(func(c *command.Call) { c.Out.Error(errShutdown) })
}

// shutdownSaved goes on with a SHUTDOWN SAVE whose checkpoint is done.
func (e *Engine) shutdownSaved(failed error) {
	sd := &e.shutdown
	if !sd.saving {
		return
	}
	if failed != nil && !sd.force {
		e.cancelShutdown()
		return
	}
	sd.saving = false
	sd.reason = "SHUTDOWN SAVE from " + sd.by.peer.RemoteAddr()
}

// stopIfAsked ends a turn in which SHUTDOWN was asked for.
func (e *Engine) stopIfAsked() {
	reason := e.shutdown.reason
	if reason == "" {
		return
	}
	e.shutdown = shutdownState{}
	if e.o.Shutdown != nil {
		e.lg.Info().Str("reason", reason).Msg("shutting down")
		e.o.Shutdown(reason)
	}
}
