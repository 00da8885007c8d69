package engine

import (
	"fmt"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

// A server on the past: an engine without a log, on the state of one moment. Whatever
// reads is carried out as ever, with the clock of the data standing still at the moment;
// that of the server (what blocks, how old connections are) goes on. Whatever changes data,
// or the data directory, is refused.

// ReadyAt gives the engine the state of a moment of the past in place of Ready's data. It
// never appends to a log, nor removes what is due: the state stays as it is, and is the
// caller's again when the engine is not used any more.
func (e *Engine) ReadyAt(st *state.State, at Moment) {
	e.state, e.last, e.moment = st, at.Offset, at
	e.limitMemory()
	e.mode = modePast
}

// dataClock is the clock that keys expire by, in µs.
func (e *Engine) dataClock() int64 {
	if e.mode == modePast {
		return e.moment.Clock
	}
	return e.now
}

// changesAnything reports whether a row is refused by a server on the past: it writes
// data, or makes a checkpoint of it.
func changesAnything(s *command.Spec) bool {
	switch s.Name {
	case "save", "bgsave", "bgrewriteaof":
		return true
	}
	return s.Flags&command.Write != 0
}

// cannotWrite says why data cannot be changed now.
func (e *Engine) cannotWrite() string {
	if e.mode == modePast {
		return fmt.Sprintf("ASOFRO this server shows the past at @%d, which is read-only; "+
			"`altilium restore --to @%d --out DIR` makes a directory from it that can be written", e.last, e.last)
	}
	return e.failure.text()
}

// logInfoOfPast is LOG INFO of a server on the past, which has no log.
func (e *Engine) logInfoOfPast(out *resp.Writer) {
	out.Map(5)
	pairString(out, "mode", e.mode.String())
	pairInt(out, "last", int64(e.last))
	pairInt(out, "time", e.moment.Time)
	pairInt(out, "clock", e.moment.Clock)
	pairString(out, "digest", hex16(e.state.Digest()))
}

// infoOfPast are INFO's lines of it.
func (e *Engine) infoOfPast(t *infoText) {
	t.put("past_offset", e.last)
	t.put("past_time_usec", e.moment.Time)
	t.put("past_clock_usec", e.moment.Clock)
	t.put("state_digest", hex16(e.state.Digest()))
}
