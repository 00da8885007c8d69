package command

import (
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// Redis' errors about ids that XADD and XSETID cannot take.
const (
	textIDZero      = "ERR The ID specified in XADD must be greater than 0-0"
	textIDSmall     = "ERR The ID specified in XADD is equal or smaller than the target stream top item"
	textIDExhausted = "ERR The stream has exhausted the last possible ID, unable to add more items"
	textElements    = "ERR Elements are too large to be stored"
)

// maxEntry is how many bytes the fields and values of an entry may have.
const maxEntry = 1 << 30

// maxTrimmed is how many entries a trimming that need not be exact removes, unless it is
// told otherwise.
const maxTrimmed = 10000

// addition is what XADD and XTRIM are asked for.
type addition struct {
	trims  bool
	trim   state.Trim
	noMake bool     // not without a stream
	id     event.ID // where given says so
	given  bool
	auto   bool // of the id only ms is given
	next   int  // the argument after the id, or after all
}

// addition reads the options of XADD, up to its id, or those of XTRIM; after an error it
// is answered and ok false.
func (c *Call) addition(adds bool) (a addition, ok bool) {
	limited := false
	a.trim.Keep = -1
	for a.next = 2; a.next < len(c.Args); a.next++ {
		i, more := a.next, a.next+1 < len(c.Args)
		switch {
		case adds && c.Is(i, "*"):
			a.next++
			return a, c.checkTrim(&a, limited, adds)
		case (c.Is(i, "MAXLEN") || c.Is(i, "MINID")) && more:
			ok = c.threshold(&a, c.Is(i, "MAXLEN"))
		case c.Is(i, "LIMIT") && more:
			a.next++
			limited = true
			if a.trim.Limit, ok = c.Int(i + 1); ok && a.trim.Limit < 0 {
				c.Out.Error("ERR The LIMIT argument must be >= 0.")
				ok = false
			}
		case adds && c.Is(i, "NOMKSTREAM"):
			a.noMake, ok = true, true
		case adds:
			a.given = true
			if a.id, a.auto, ok = parseID(c.Args[i], 0, true); !ok {
				c.Out.Error(textInvalidID)
				return a, false
			}
			a.next++
			return a, c.checkTrim(&a, limited, adds)
		default:
			c.Out.Error(TextSyntax)
			return a, false
		}
		if !ok {
			return a, false
		}
	}
	return a, c.checkTrim(&a, limited, adds)
}

// threshold reads what follows MAXLEN or MINID.
func (c *Call) threshold(a *addition, length bool) (ok bool) {
	if a.trims {
		c.Out.Error("ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
		return false
	}
	a.next++
	a.trims, a.trim.Roughly = true, false
	if a.next+1 < len(c.Args) && (c.Is(a.next, "~") || c.Is(a.next, "=")) {
		a.trim.Roughly = c.Is(a.next, "~")
		a.next++
	}
	if !length {
		a.trim.Least, ok = c.id(a.next)
		return ok
	}
	if a.trim.Keep, ok = c.Int(a.next); ok && a.trim.Keep < 0 {
		c.Out.Error("ERR The MAXLEN argument must be >= 0.")
		return false
	}
	return ok
}

// checkTrim checks what the options say together.
func (c *Call) checkTrim(a *addition, limited, adds bool) bool {
	switch {
	case a.trim.Limit > 0 && !a.trims:
		c.Out.Error("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
	case !adds && !a.trims:
		c.Out.Error("ERR syntax error, XTRIM must be called with a trimming strategy")
	case limited && !a.trim.Roughly:
		c.Out.Error("ERR syntax error, LIMIT cannot be used without the special ~ option")
	default:
		if !limited && a.trim.Roughly {
			a.trim.Limit = maxTrimmed
		}
		return true
	}
	return false
}

func xaddCommand(c *Call) {
	a, ok := c.addition(true)
	if !ok {
		return
	}
	pairs := c.Args[min(a.next, len(c.Args)):]
	switch {
	case len(pairs) < 2 || len(pairs)%2 == 1:
		c.WrongArity()
		return
	case a.given && !a.auto && a.id == event.ID{}:
		c.Out.Error(textIDZero)
		return
	}
	s, ok := c.stream(1)
	if !ok {
		return
	}
	if !s.Exists() && a.noMake {
		c.Out.Null()
		return
	}
	id, problem := a.choose(s.Last(), uint64(c.View.Now()))
	size := 0
	for _, p := range pairs {
		size += len(p)
	}
	if problem == "" && size > maxEntry {
		problem = textElements
	}
	if problem != "" {
		c.Out.Error(problem)
		return
	}
	c.Events.StreamAdd(c.Args[1], id, pairs...)
	if a.trims {
		if n := s.Trimmed(a.trim, &state.Addition{ID: id, Bytes: size}); n > 0 {
			c.Events.StreamTrim(c.Args[1], n)
		}
	}
	c.replyID(id)
}

// choose is the id of an entry that comes after last, at a time in ms; or why it cannot
// have one.
func (a *addition) choose(last event.ID, now uint64) (id event.ID, problem string) {
	next, ok := last.Next()
	switch {
	case !ok:
		return id, textIDExhausted
	case !a.given && now > last.MS:
		id.MS = now
	case !a.given, a.auto && a.id.MS == last.MS && next.MS == last.MS:
		id = next
	case a.auto && a.id.MS == last.MS: // it has no number left
		return id, textIDSmall
	default:
		id = a.id
	}
	if !last.Less(id) {
		return id, textIDSmall
	}
	return id, ""
}

func xtrimCommand(c *Call) {
	a, ok := c.addition(false)
	if !ok {
		return
	}
	s, ok := c.stream(1)
	if !ok {
		return
	}
	n := s.Trimmed(a.trim, nil)
	if n > 0 {
		c.Events.StreamTrim(c.Args[1], n)
		c.Tell()
	}
	c.Out.Int(int64(n))
}
