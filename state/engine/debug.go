package engine

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

// debugRight is who may use DEBUG.
type debugRight string

func (r debugRight) allows(s *Session) bool {
	return r == "yes" || r == "local" && isLocal(s.peer.RemoteAddr())
}

// errDebugDenied is what is said of either, behind its name.
const errDebugDenied = ` command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, ` +
	`otherwise you need to set this option in the configuration file, and then restart the server.`

// mayDebug answers a command that is for tests only (DEBUG, CLOCK) where s may not use it.
func (e *Engine) mayDebug(s *Session, c *command.Call) bool {
	if e.cfg.debugAllowed().allows(s) {
		return true
	}
	word, _, _ := strings.Cut(c.Spec.Upper(), " ")
	c.Out.Error("ERR " + word + errDebugDenied)
	return false
}

// debugCommand is DEBUG: one command whose first argument is a word, not a
// container, as in Redis.
func debugCommand(e *Engine, s *Session, c *command.Call) {
	if !e.mayDebug(s, c) {
		return
	}
	switch word := strings.ToLower(string(c.Args[1])); {
	case s.past != nil && (word == "digest" && len(c.Args) == 2 || word == "digest-value"):
		e.askPast(s, c.Out, PastRequest{Args: cloneArgs(c.Args)})
	case word == "help":
		writeLines(c.Out, debugHelp())
	case word == "sleep" && len(c.Args) == 3:
		e.sleep(string(c.Args[2]))
		c.Out.OK()
	case strings.HasPrefix(word, "digest") && e.mode == modeLoading:
		c.Out.Error(loadingText) // there is no data yet to have one
	case word == "digest" && len(c.Args) == 2:
		sum := e.state.RedisDigest()
		c.Out.Simple(hex.EncodeToString(sum[:]))
	case word == "digest-value":
		c.Out.Array(len(c.Args) - 2)
		for _, key := range c.Args[2:] {
			sum := c.View.RedisDigest(key)
			c.Out.Simple(hex.EncodeToString(sum[:]))
		}
	case word == "set-active-expire" && len(c.Args) == 3:
		e.expiry.active = leadingInt(string(c.Args[2])) != 0
		c.Out.OK()
	case word == "reload":
		debugReload(e, s, c)
	case word == "loadaof" && len(c.Args) == 2:
		debugLoadaof(e, s, c)
	default:
		name := string(c.Args[1])
		c.Out.Error("ERR unknown subcommand or wrong number of arguments for '" + name[:min(len(name), 128)] + "'. Try DEBUG HELP.")
	}
}

func debugHelp() []string {
	return []string{
		"DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
		"DIGEST", "    A hex signature of all data: that of a Redis server with the same data.",
		"DIGEST-VALUE <key> [<key> ...]", "    The same of each of these keys alone.",
		"LOADAOF", "    Rebuilds the data from the log; an error when it differs.",
		"RELOAD", "    Makes a checkpoint and rebuilds the data from it and the log; an error when it differs.",
		"SET-ACTIVE-EXPIRE <0|1>", "    Whether keys are removed when their time has come, or only when a command names them.",
		"SLEEP <seconds>", "    Stops the whole server for so long. Fractions are allowed.",
		"HELP", "    Lists the subcommands.",
	}
}

// leadingInt is C's atoi.
func leadingInt(text string) int64 {
	text = strings.TrimSpace(text)
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || end == 0 && (text[0] == '-' || text[0] == '+')) {
		end++
	}
	n, _ := strconv.ParseInt(text[:end], 10, 64)
	return n
}

// sleep stops the loop, and with it everybody: that is what DEBUG SLEEP is for.
// A player of recorded sessions, which has no loop, does not wait.
func (e *Engine) sleep(text string) {
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds > 0) || e.o.Post == nil {
		return
	}
	time.Sleep(time.Duration(min(seconds, 1e9) * float64(time.Second)))
}

// debugReload makes a checkpoint and has memory rebuilt from it. The options
// of Redis' RELOAD (NOSAVE, MERGE, NOFLUSH) make no sense here.
func debugReload(e *Engine, s *Session, c *command.Call) {
	if len(c.Args) > 2 {
		c.Out.Error(command.TextSyntax)
		return
	}
	if e.mayReload(c) {
		s.wait()
		e.after = append(e.after, func() { e.checkpointAndReload(s) })
	}
}

// debugLoadaof has memory rebuilt from the log.
func debugLoadaof(e *Engine, s *Session, c *command.Call) {
	if e.mayReload(c) {
		s.wait()
		e.after = append(e.after, func() { e.reloadSoon(s) })
	}
}

// mayReload answers the command itself when there is nothing to wait for.
func (e *Engine) mayReload(c *command.Call) bool {
	switch {
	case e.mode == modeLoading && e.failure.cause == nil:
		c.Out.Error(loadingText)
	case e.mode != modeReady:
		c.Out.Error(e.cannotWrite())
	case e.unit.exec:
		c.Out.Error("ERR this is not possible inside a transaction")
	case e.checkpoint.running:
		c.Out.Error("ERR Background save already in progress")
	case e.o.Rebuild == nil:
		c.Out.OK() // as if it had been done, which is what a player wants
	default:
		return true
	}
	return false
}

// checkpointAndReload begins the checkpoint after the turn's Commit. Others go
// on while it is made, so the log goes on behind it and the reload proves both.
func (e *Engine) checkpointAndReload(s *Session) {
	cp := &e.checkpoint
	if e.o.Checkpoint == nil || cp.running {
		e.reloadSoon(s)
		return
	}
	cp.running, cp.rewrite = true, false
	cp.offset, cp.digest = e.log.Last(), e.state.Digest()
	cp.base = e.log.Written()
	offset, digest, checkpoint, post := cp.offset, cp.digest, e.o.Checkpoint, e.o.Post
	go func() {
		res, err := checkpoint(offset, digest)
		post(func() {
			e.checkpointDone(res, err)
			if failed := e.checkpoint.lastErr; failed != nil {
				s.answer(func(c *command.Call) { c.Out.Error("ERR the checkpoint failed: " + failed.Error()) })
				return
			}
			e.reload(s)
		})
	}()
}

// reloadSoon reloads at the beginning of another turn: during Commit the front
// end does not know yet that s waits, and could not resume it.
func (e *Engine) reloadSoon(s *Session) { e.o.Post(func() { e.reload(s) }) }

// reload puts a state that is rebuilt from the log in the place of the live
// one, if they are equal. It runs where memory and log agree, between two
// turns, and the loop stands still meanwhile: nothing may be appended.
func (e *Engine) reload(s *Session) {
	if e.mode != modeReady {
		text := e.cannotWrite()
		s.answer(func(c *command.Call) { c.Out.Error(text) })
		return
	}
	st, err := e.o.Rebuild(e.log)
	if err == nil {
		err = sameState(e.state, st)
	}
	if err != nil {
		e.lg.Error().Err(err).Uint64("offset", e.log.Last()).Msg("DEBUG: the data could not be rebuilt as it is; it stays")
		text := "ERR Error trying to load the data: " + err.Error()
		s.answer(func(c *command.Call) { c.Out.Error(text) })
		return
	}
	e.state = st
	e.limitMemory()
	s.answer(func(c *command.Call) { c.Out.OK() })
}

// sameState compares two states by number of keys, digest, and Redis' digest.
func sameState(live, rebuilt *state.State) error {
	if a, b := live.TotalKeys(), rebuilt.TotalKeys(); a != b {
		return fmt.Errorf("there are %d keys, the log gives %d", a, b)
	}
	if a, b := live.Digest(), rebuilt.RecomputeDigest(); a != b {
		return fmt.Errorf("the digest is %016x, the log gives %016x", a, b)
	}
	if live.RedisDigest() != rebuilt.RedisDigest() {
		return fmt.Errorf("the digests agree (%016x), those of Redis' kind do not", live.Digest())
	}
	return nil
}
