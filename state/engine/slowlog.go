package engine

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"github.com/altilium-db/altilium/state/command"
)

// slowState is the slow log: the commands that took slowlog-log-slower-than µs and more,
// the newest last, no more than slowlog-max-len of them. What it keeps of each is bounded,
// so with the defaults all of them take less than a megabyte. It lives as long as the process.
type slowState struct {
	from    int64 // µs from which on a command is slow: a comparison for each command
	most    int64
	next    int64 // id of the next entry
	entries []slowEntry
}

// slowEntry is a command that was slow.
type slowEntry struct {
	id, clock, micros int64 // clock: µs since 1970 when it had ended
	args              [][]byte
	addr, name        string // of the client
}

const (
	maxSlowArgs = 32  // words that are kept, the last of which may say how many more there were
	maxSlowWord = 128 // bytes of each

	// maxSlowName is how many bytes are kept of a client's name. Redis keeps all, and no
	// client has one of so many; but they need not be the same each time.
	maxSlowName = 1 << 10
)

// slowlogHandlers are the subcommands of SLOWLOG.
func slowlogHandlers() map[string]handler {
	return map[string]handler{
		"slowlog|get":   slowlogGet,
		"slowlog|help":  helpOfContainer,
		"slowlog|len":   func(e *Engine, _ *Session, c *command.Call) { c.Out.Int(int64(len(e.slow.entries))) },
		"slowlog|reset": func(e *Engine, _ *Session, c *command.Call) { e.slow.entries = nil; c.Out.OK() },
	}
}

// limitSlow reads the settings of SLOWLOG and LATENCY.
func (e *Engine) limitSlow() {
	s := e.cfg.now.Load()
	e.slow.from, e.slow.most = s.slowFrom, s.slowMost
	if e.slow.from < 0 {
		e.slow.from = math.MaxInt64
	}
	e.slow.trim()
	e.latency.tracks, e.latency.from = s.latencyTracking, math.MaxInt64
	if s.latencyFrom > 0 {
		e.latency.from = min(s.latencyFrom, math.MaxInt64/1000) * 1000
	}
}

func (l *slowState) trim() {
	if more := int64(len(l.entries)) - l.most; more > 0 {
		clear(l.entries[:more])
		l.entries = l.entries[more:]
	}
}

// noteSlow keeps a command that was executed and took so many µs.
func (e *Engine) noteSlow(s *Session, r *row, args [][]byte, micros, clock int64) {
	if r.spec.Flags&command.SkipSlowlog != 0 {
		return
	}
	l := &e.slow
	l.entries = append(l.entries, slowEntry{
		id: l.next, clock: clock, micros: micros, args: abridged(e.cfg.redacted(args)), addr: s.peer.RemoteAddr(), name: abridgedName(s.name),
	})
	l.next++
	l.trim()
}

// abridged is a copy of a command with no more of it than is kept.
func abridged(args [][]byte) [][]byte {
	n := min(len(args), maxSlowArgs)
	kept := make([][]byte, n)
	for i := range kept {
		word := args[i]
		if i == maxSlowArgs-1 && len(args) > n {
			kept[i] = fmt.Appendf(nil, "... (%d more arguments)", len(args)-n+1)
		} else if more := len(word) - maxSlowWord; more > 0 {
			kept[i] = fmt.Appendf(nil, "%s... (%d more bytes)", word[:maxSlowWord], more)
		} else {
			kept[i] = bytes.Clone(word)
		}
	}
	return kept
}

// abridgedName is a client's name, or what is kept of it.
func abridgedName(name string) string {
	if more := len(name) - maxSlowName; more > 0 {
		return fmt.Sprintf("%s... (%d more bytes)", name[:maxSlowName], more)
	}
	return name
}

// redacted is a command without its passwords, as it is shown to people: args itself where
// it has none.
func (c *Config) redacted(args [][]byte) [][]byte {
	hidden := args
	hide := func(i int) {
		if i >= len(args) {
			return
		}
		if &hidden[0] == &args[0] {
			hidden = slices.Clone(args)
		}
		hidden[i] = []byte("(redacted)")
	}
	switch {
	case command.IsWord(args[0], "AUTH"):
		for i := 1; i < len(args); i++ {
			hide(i)
		}
	case command.IsWord(args[0], "HELLO"):
		for i := range helloAuths(args) {
			hide(i + 1)
			hide(i + 2)
		}
	case command.IsWord(args[0], "CONFIG") && len(args) > 2 && command.IsWord(args[1], "SET"):
		for i := 2; i+1 < len(args); i += 2 {
			if p := c.param(string(args[i])); p != nil && p.Secret {
				hide(i + 1)
			}
		}
	}
	return hidden
}

// slowlogGet is SLOWLOG GET [count].
func slowlogGet(e *Engine, _ *Session, c *command.Call) {
	n := int64(10)
	if len(c.Args) > 3 {
		c.Out.Error("ERR unknown subcommand or wrong number of arguments for '" + string(c.Args[1]) + "'. Try SLOWLOG HELP.")
		return
	}
	if len(c.Args) == 3 {
		var ok bool
		if n, ok = command.ParseInt(c.Args[2]); !ok || n < -1 {
			c.Out.Error("ERR count should be greater than or equal to -1")
			return
		}
	}
	if n < 0 || n > int64(len(e.slow.entries)) {
		n = int64(len(e.slow.entries))
	}
	limit := command.NewLimit(c.Out)
	c.Out.Array(int(n))
	for i := range n {
		if limit.Exceeded() {
			limit.Refuse()
			return
		}
		x := &e.slow.entries[int64(len(e.slow.entries))-1-i]
		c.Out.Array(6)
		c.Out.Int(x.id)
		c.Out.Int(x.clock / 1e6)
		c.Out.Int(x.micros)
		c.Out.Array(len(x.args))
		for _, word := range x.args {
			c.Out.Bulk(word)
		}
		c.Out.BulkString(x.addr)
		c.Out.BulkString(x.name)
	}
}

// roleCommand is ROLE, as a primary without replicas answers it.
func roleCommand(e *Engine, _ *Session, c *command.Call) {
	c.Out.Array(3)
	c.Out.BulkString("master")
	c.Out.Int(int64(e.last))
	c.Out.Array(0)
}
