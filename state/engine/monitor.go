package engine

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// monitorState is who is sent a line about each command that is executed (package
// comment, "Monitors").
type monitorState struct {
	sessions []*Session // ascending by id, so that a replay sends in the same order
}

// monitorText refuses what touches keys: Redis takes a monitor for a replica.
const monitorText = "ERR Replica can't interact with the keyspace"

func monitorHandlers() map[string]handler {
	return map[string]handler{"monitor": monitorCommand}
}

// monitorCommand is MONITOR. As in Redis, the second one of a connection is not answered.
func monitorCommand(e *Engine, s *Session, c *command.Call) {
	switch {
	case e.unit.exec:
		c.Out.Error("ERR MONITOR isn't allowed for DENY BLOCKING client")
	case !s.monitors:
		s.monitors = true
		i, _ := slices.BinarySearchFunc(e.monitor.sessions, s.id, bySessionID)
		e.monitor.sessions = slices.Insert(e.monitor.sessions, i, s)
		c.Out.OK()
	}
}

// unmonitor sends s no more lines.
func (e *Engine) unmonitor(s *Session) {
	if !s.monitors {
		return
	}
	s.monitors = false
	i, _ := slices.BinarySearchFunc(e.monitor.sessions, s.id, bySessionID)
	e.monitor.sessions = slices.Delete(e.monitor.sessions, i, i+1)
}

// undoMonitors is for a turn that has failed: the sessions are again what they were.
func (e *Engine) undoMonitors() {
	clear(e.monitor.sessions)
	e.monitor.sessions = e.monitor.sessions[:0]
	for _, s := range e.sessionsByID() {
		if s.monitors {
			e.monitor.sessions = append(e.monitor.sessions, s)
		}
	}
}

// show has the monitors sent a line about a command that was just executed, but for
// those that are nobody's business. What would be beyond their output limit by itself is
// not written first.
func (e *Engine) show(s *Session, r *row, args [][]byte) {
	if r.spec.Flags&(command.Admin|command.SkipMonitor) != 0 || e.mode == modeLoading {
		return
	}
	size := 0
	for _, a := range args {
		size += len(a)
	}
	large := e.cfg.pubsubLimits().hard
	var line []byte
	for _, m := range e.monitor.sessions {
		switch {
		case m.closing || m.muting == replyOff || m.muting == replySkip:
		case large > 0 && int64(size) >= large:
			e.closeSlow(m, size)
		default:
			if line == nil {
				line = monitorLine(e.now, s.db, s.peer.RemoteAddr(), e.cfg.redacted(args))
			}
			if s.noStep(r) { // nor is what comes of it
				e.pushAside(m, line)
			} else {
				e.push(m, line)
			}
		}
	}
}

// monitorLine is a command as monitors see it, the same in both protocols:
//
//	+1700000000.123456 [0 127.0.0.1:52341] "set" "k" "v"
//
// A client of a unix socket, whose address is the socket's path and port 0, is unix:path.
func monitorLine(clock int64, db int, addr string, args [][]byte) []byte {
	if _, err := netip.ParseAddrPort(addr); err != nil {
		addr = "unix:" + strings.TrimSuffix(addr, ":0")
	}
	line := append([]byte(nil), '+')
	line = strconv.AppendInt(line, clock/1_000_000, 10)
	line = append(line, '.')
	for unit := int64(100_000); unit > 0; unit /= 10 {
		line = append(line, byte('0'+clock/unit%10))
	}
	line = append(line, " ["...)
	line = strconv.AppendInt(line, int64(db), 10)
	line = append(append(append(line, ' '), addr...), ']')
	for _, a := range args {
		line = append(line, ' ')
		line = resp.AppendQuote(line, a)
	}
	return append(line, "\r\n"...)
}

// monitorsEarly reports whether a recording that finds s monitoring must say so before
// what else it tells of s: later s could not say it.
func (s *Session) monitorsEarly() bool {
	return s.multi.active || s.muting != replyOn || s.listening()
}
