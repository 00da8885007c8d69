package command

import (
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// pendingOptions is which pending entries XPENDING is asked for.
type pendingOptions struct {
	idle     int64 // ms
	from, to event.ID
	count    int64
	consumer []byte // nil: of all
}

func (c *Call) pendingOptions() (o pendingOptions, ok bool) {
	at := 3
	if c.Is(3, "IDLE") {
		if o.idle, ok = c.Int(4); !ok {
			return o, false
		}
		if len(c.Args) < 8 {
			c.Out.Error(TextSyntax)
			return o, false
		}
		at = 5
	}
	if o.count, ok = c.Int(at + 2); !ok {
		return o, false
	}
	if o.from, ok = c.from(at); !ok {
		return o, false
	}
	if o.to, ok = c.to(at + 1); !ok {
		return o, false
	}
	if at+3 < len(c.Args) {
		o.consumer = c.Args[at+3]
	}
	return o, true
}

func xpendingCommand(c *Call) {
	var o pendingOptions
	switch n := len(c.Args); {
	case n == 3:
	case n < 6 || n > 9:
		c.Out.Error(TextSyntax)
		return
	default:
		var ok bool
		if o, ok = c.pendingOptions(); !ok {
			return
		}
	}
	g, _, ok := c.knownGroup()
	switch {
	case !ok:
	case len(c.Args) == 3:
		c.replyPendingSummary(g)
	default:
		c.replyPending(g, &o)
	}
}

// knownGroup is the group that Args[2] names of the stream at Args[1]; after an error it
// is answered and ok false.
func (c *Call) knownGroup() (g state.Group, s state.Entries, ok bool) {
	if s, ok = c.stream(1); !ok {
		return g, s, false
	}
	if g, ok = s.Group(c.Args[2]); !ok {
		c.noGroup(1, c.Args[2], "")
	}
	return g, s, ok
}

func (c *Call) replyPendingSummary(g state.Group) {
	c.Out.Array(4)
	c.Out.Int(int64(g.Pending()))
	if g.Pending() == 0 {
		c.Out.Null()
		c.Out.Null()
		c.Out.NullArray()
		return
	}
	g.EachPending(event.ID{}, func(p state.Pending) bool {
		c.replyID(p.ID)
		return false
	})
	c.replyID(g.LastPending().ID)
	n := 0
	for i := range g.Consumers() {
		if g.ConsumerAt(i).Pending() > 0 {
			n++
		}
	}
	c.Out.Array(n)
	for i := range g.Consumers() {
		if who := g.ConsumerAt(i); who.Pending() > 0 {
			c.Out.Array(2)
			c.Out.Bulk(who.Name())
			c.Out.BulkInt(int64(who.Pending()))
		}
	}
}

func (c *Call) replyPending(g state.Group, o *pendingOptions) {
	each := g.EachPending
	if o.consumer != nil {
		who, known := g.Consumer(o.consumer)
		if !known {
			c.Out.Array(0)
			return
		}
		each = who.EachPending
	}
	limit, from, n := NewLimit(c.Out), c.Out.Len(), int64(0)
	if o.count > 0 {
		each(o.from, func(p state.Pending) bool {
			if o.to.Less(p.ID) {
				return false
			}
			if o.idle == 0 || c.View.Now()-p.Since >= o.idle {
				c.replyPendingEntry(p)
				n++
			}
			return n < o.count && !limit.Exceeded()
		})
	}
	c.Out.ArrayFrom(from, int(n))
	if limit.Exceeded() {
		limit.Refuse()
	}
}

func (c *Call) replyPendingEntry(p state.Pending) {
	c.Out.Array(4)
	c.replyID(p.ID)
	c.Out.Bulk(p.Consumer)
	c.Out.Int(max(0, c.View.Now()-p.Since))
	c.Out.Int(int64(p.Count))
}
