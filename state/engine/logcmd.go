package engine

import (
	"math"
	"strconv"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// The commands of LOG speak of the log as the client's place in the order of
// execution sees it: of every entry that was appended before them, those of
// their own turn included. By the time that the reply arrives all of those are
// committed, for it leaves after the turn's Commit; and had that failed, the
// reply would be -MISCONF. Inside EXEC the transaction itself is not an entry
// yet, so they speak of what was before it.

// logOffset is LOG OFFSET: the offset of the last entry, 0 when there is none.
// Whatever a client was answered before, on whatever connection, lies at or
// below it.
func logOffset(e *Engine, _ *Session, c *command.Call) { c.Out.Int(int64(e.last)) }

// logDigest is LOG DIGEST: the last offset, and the digest of the state after
// it. Inside EXEC, where state and offset disagree, it is refused.
func logDigest(e *Engine, _ *Session, c *command.Call) {
	if e.unit.exec {
		c.Out.Error("ERR LOG DIGEST is not possible inside a transaction")
		return
	}
	c.Out.Array(2)
	c.Out.Int(int64(e.last))
	c.Out.BulkString(hex16(e.state.Digest()))
}

// hex16 is a digest as everything here prints it.
func hex16(n uint64) string {
	text := strconv.FormatUint(n, 16)
	return "0000000000000000"[len(text):] + text
}

// logInfo is LOG INFO, a map.
func logInfo(e *Engine, _ *Session, c *command.Call) {
	out := c.Out
	if e.mode == modePast {
		e.logInfoOfPast(out)
		return
	}
	if e.log == nil {
		out.Map(1)
		pairString(out, "mode", e.mode.String())
		return
	}
	m := e.log.Manifest()
	checkpoint, _ := m.Newest(math.MaxUint64)
	out.Map(11)
	pairString(out, "id", e.log.ID().String())
	pairString(out, "mode", e.mode.String())
	pairInt(out, "first", int64(m.First))
	pairInt(out, "last", int64(e.last))
	pairInt(out, "durable", int64(e.log.Durable()))
	pairInt(out, "time", e.log.LastTime())
	pairString(out, "digest", hex16(e.state.Digest()))
	pairString(out, "fsync", e.cfg.Fsync().String())
	pairInt(out, "segments", int64(len(m.Sealed)+1))
	pairInt(out, "checkpoint", int64(checkpoint.Offset))
	pairString(out, "dir", e.log.Dir())
}

func pairString(out *resp.Writer, name, value string) {
	out.BulkString(name)
	out.BulkString(value)
}

func pairInt(out *resp.Writer, name string, n int64) {
	out.BulkString(name)
	out.Int(n)
}
