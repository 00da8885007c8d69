package command

import (
	"math"
	"slices"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// claim is what XCLAIM and XAUTOCLAIM do: entries that are pending for others become
// pending for one consumer.
type claim struct {
	entries state.Entries
	group   state.Group
	idle    int64 // those that were delivered so many ms ago, at least
	since   int64 // when they are delivered now, in ms
	count   int64 // how often they were then; -1: once more than before
	justID  bool  // without their fields, and it does not count as a delivery
	force   bool  // those too that are not pending
	now     int64 // ms

	taken []given          // in the order in which they are answered
	ended []event.ID       // that have been deleted, and so are pending no more
	twice map[event.ID]int // where an id may come twice: where in taken it stands last
}

// claimant reads the arguments that both commands begin with, up to the least idle time;
// after an error it is answered and ok false.
func (c *Call) claimant() (l claim, ok bool) {
	var fine bool
	if l.idle, fine = ParseInt(c.Args[4]); !fine {
		c.Out.Error("ERR Invalid min-idle-time argument for " + c.Spec.Upper())
		return l, false
	}
	l.idle = max(l.idle, 0)
	l.now = c.View.Now()
	l.since, l.count = l.now, -1
	return l, true
}

// look takes a pending entry, unless it has not been so long with its consumer. An entry
// that has been deleted is pending no more.
func (l *claim) look(p state.Pending) {
	if _, there := l.entries.Entry(p.ID); !there {
		l.ended = append(l.ended, p.ID)
	} else if l.idle == 0 || l.now-p.Since >= l.idle {
		l.take(p)
	}
}

// take takes an entry, which was delivered p.Count times before.
func (l *claim) take(p state.Pending) {
	count := p.Count
	switch {
	case l.count >= 0:
		count = uint64(l.count)
	case !l.justID:
		count++
	}
	if l.twice != nil {
		l.twice[p.ID] = len(l.taken)
	}
	l.taken = append(l.taken, given{p.ID, count})
}

// pending finds a pending entry as it is after what was taken.
func (l *claim) pending(id event.ID) (p state.Pending, ok bool) {
	if at, again := l.twice[id]; again {
		return state.Pending{ID: id, Since: l.since, Count: l.taken[at].count}, true
	}
	return l.group.FindPending(id)
}

// record records what has been claimed, and reply answers with it.
func (l *claim) record(c *Call) {
	key, group, consumer := c.Args[1], c.Args[2], c.Args[3]
	c.recordSeen(key, group, consumer, l.group, len(l.taken) > 0)
	if len(l.ended) > 0 {
		slices.SortFunc(l.ended, event.ID.Compare)
		c.Events.StreamAck(key, group, slices.Compact(l.ended)...)
	}
	if len(l.taken) > 0 {
		last := slices.Clone(l.taken)
		slices.Reverse(last) // of an id that came twice the last one counts
		last = onceEach(last)
		ids, counts := make([]event.ID, len(last)), make([]uint64, len(last))
		for i, g := range last {
			ids[i], counts[i] = g.id, g.count
		}
		c.Events.StreamPending(key, group, consumer, l.since, ids, counts)
	}
	c.Tell()
}

// reply answers the entries that were taken; false: that is too much, and nothing is
// recorded.
func (l *claim) reply(c *Call) bool {
	limit := NewLimit(c.Out)
	c.Out.Array(len(l.taken))
	for _, g := range l.taken {
		if l.justID {
			c.replyID(g.id)
		} else if e, there := l.entries.Entry(g.id); there {
			c.replyEntry(&e)
		}
		if limit.Exceeded() {
			limit.Refuse()
			return false
		}
	}
	return true
}

func xclaimCommand(c *Call) {
	g, s, ok := c.knownGroup()
	if !ok {
		return
	}
	l, ok := c.claimant()
	if !ok {
		return
	}
	l.entries, l.group = s, g
	var room [8]event.ID
	ids, next := room[:0], 5
	for ; next < len(c.Args); next++ {
		id, _, ok := parseID(c.Args[next], 0, false)
		if !ok {
			break
		}
		ids = append(ids, id)
	}
	last, ok := c.claimOptions(&l, next)
	if !ok {
		return
	}
	if !slices.IsSortedFunc(ids, event.ID.Compare) || len(slices.Compact(slices.Clone(ids))) < len(ids) {
		l.twice = make(map[event.ID]int, len(ids))
	}
	for _, id := range ids {
		p, pending := l.pending(id)
		switch _, there := s.Entry(id); {
		case pending:
			l.look(p)
		case l.force && there:
			l.take(state.Pending{ID: id, Count: 1})
		}
	}
	if !l.reply(c) {
		return
	}
	if g.Last().Less(last) {
		c.Events.StreamGroup(c.Args[1], c.Args[2], last, g.Read())
	}
	l.record(c)
}

// claimOptions reads the options of XCLAIM from Args[i] on; last is that of LASTID. After
// an error it is answered and ok false.
func (c *Call) claimOptions(l *claim, i int) (last event.ID, ok bool) {
	at := int64(-1)
	number := func(option string) (n int64, ok bool) {
		if n, ok = ParseInt(c.Args[i+1]); !ok {
			c.Out.Error("ERR Invalid " + option + " option argument for XCLAIM")
		}
		i++
		return n, ok
	}
	for ; i < len(c.Args); i++ {
		more := i+1 < len(c.Args)
		ok = true
		switch {
		case c.Is(i, "FORCE"):
			l.force = true
		case c.Is(i, "JUSTID"):
			l.justID = true
		case c.Is(i, "IDLE") && more:
			var idle int64
			idle, ok = number("IDLE")
			at = l.now - idle
		case c.Is(i, "TIME") && more:
			at, ok = number("TIME")
		case c.Is(i, "RETRYCOUNT") && more:
			l.count, ok = number("RETRYCOUNT")
		case c.Is(i, "LASTID") && more:
			i++
			last, ok = c.id(i)
		default:
			c.Out.Error("ERR Unrecognized XCLAIM option " + quoted(c.Args[i]))
			ok = false
		}
		if !ok {
			return last, false
		}
	}
	if at >= 0 && at <= l.now {
		l.since = at
	}
	return last, true
}

// claimEffort is how many pending entries XAUTOCLAIM looks at for each that it is to take.
const claimEffort = 10

func xautoclaimCommand(c *Call) {
	l, ok := c.claimant()
	if !ok {
		return
	}
	from, open, ok := bound(c.Args[5], 0)
	if !ok {
		c.Out.Error(textInvalidID)
		return
	}
	if open {
		if from, ok = from.Next(); !ok {
			c.Out.Error(textInvalidStart)
			return
		}
	}
	count := int64(100)
	for i := 6; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "COUNT") && i+1 < len(c.Args):
			i++
			if count, ok = ParseInt(c.Args[i]); !ok || count < 1 || count > math.MaxInt64/16 {
				c.Out.Error("ERR COUNT must be > 0")
				return
			}
		case c.Is(i, "JUSTID"):
			l.justID = true
		default:
			c.Out.Error(TextSyntax)
			return
		}
	}
	if l.group, l.entries, ok = c.knownGroup(); !ok {
		return
	}
	effort := int64(math.MaxInt64)
	if count <= math.MaxInt64/claimEffort {
		effort = count * claimEffort
	}
	var next event.ID
	l.group.EachPending(from, func(p state.Pending) bool {
		if effort == 0 || int64(len(l.taken)+len(l.ended)) == count {
			next = p.ID
			return false
		}
		effort--
		l.look(p)
		return true
	})
	mark := NewLimit(c.Out)
	c.Out.Array(3)
	c.replyID(next)
	if !l.reply(c) {
		mark.Refuse()
		return
	}
	c.Out.Array(len(l.ended))
	for _, id := range l.ended {
		c.replyID(id)
	}
	l.record(c)
}
