package command

import (
	"bytes"
	"math"

	"github.com/altilium-db/altilium/state/event"
)

const (
	textInvalidID    = "ERR Invalid stream ID specified as stream command argument"
	textInvalidStart = "ERR invalid start ID for the interval"
	textInvalidEnd   = "ERR invalid end ID for the interval"
)

// maxIDLen is the longest text that is looked at for an id: Redis has so much room.
const maxIDLen = 127

// parseID reads an id; one without a number after the ms has the given number. auto says
// that the number is "*", which is for XADD alone.
func parseID(b []byte, seq uint64, mayAuto bool) (id event.ID, auto, ok bool) {
	if len(b) > maxIDLen {
		return id, false, false
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	ms, number, split := bytes.Cut(b, []byte{'-'})
	if id.MS, ok = parseIDPart(ms); !ok {
		return id, false, false
	}
	switch {
	case !split:
		id.Seq = seq
	case mayAuto && string(number) == "*":
		auto = true
	default:
		id.Seq, ok = parseIDPart(number)
	}
	return id, auto, ok
}

// parseIDPart reads an unsigned number as Redis' string2ull does: in its canonical form,
// or in whatever other form strtoull takes.
func parseIDPart(b []byte) (n uint64, ok bool) {
	if v, ok := ParseInt(b); ok {
		return uint64(v), v >= 0
	}
	b = bytes.TrimLeft(b, " \t\n\v\f\r")
	if len(b) == 0 {
		return 0, false
	}
	return parseCursor(b)
}

// id reads Args[i] as an id; after an error it is answered and ok false.
func (c *Call) id(i int) (id event.ID, ok bool) {
	if id, _, ok = parseID(c.Args[i], 0, false); !ok {
		c.Out.Error(textInvalidID)
	}
	return id, ok
}

// bound reads an end of an interval: an id, "-" and "+" for the least and the greatest, or
// "(" and an id, which is then not part of it.
func bound(b []byte, seq uint64) (id event.ID, open, ok bool) {
	switch {
	case IsWord(b, "-"):
		return event.ID{}, false, true
	case IsWord(b, "+"):
		return event.MaxID(), false, true
	case len(b) > 1 && b[0] == '(':
		b, open = b[1:], true
	}
	id, _, ok = parseID(b, seq, false)
	return id, open, ok
}

// from reads Args[i] as the beginning of an interval, to as its end; after an error it is
// answered and ok false.
func (c *Call) from(i int) (id event.ID, ok bool) {
	id, open, ok := bound(c.Args[i], 0)
	if !ok {
		c.Out.Error(textInvalidID)
		return id, false
	}
	if open {
		if id, ok = id.Next(); !ok {
			c.Out.Error(textInvalidStart)
		}
	}
	return id, ok
}

func (c *Call) to(i int) (id event.ID, ok bool) {
	id, open, ok := bound(c.Args[i], math.MaxUint64)
	if !ok {
		c.Out.Error(textInvalidID)
		return id, false
	}
	if open {
		if id, ok = id.Before(); !ok {
			c.Out.Error(textInvalidEnd)
		}
	}
	return id, ok
}

// idBytes is the longest text of an id.
const idBytes = 2*20 + 1

// replyID answers an id.
func (c *Call) replyID(id event.ID) {
	var room [idBytes]byte
	c.Out.Bulk(id.Append(room[:0]))
}

// quoted is a name as it stands in an error of Redis: up to its first zero byte.
func quoted(name []byte) string { return oneLine("'" + string(quotable(name, math.MaxInt)) + "'") }
