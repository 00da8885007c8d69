package command

import (
	"slices"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

func srandmemberCommand(c *Call) {
	switch {
	case len(c.Args) > 3:
		c.Out.Error(TextSyntax)
		return
	case len(c.Args) == 2:
		if m, ok := c.set(); ok && m.Len() == 0 {
			c.Out.Null()
		} else if ok {
			c.replyValue(m.Random(c.Rand))
		}
		return
	}
	count, ok := c.randomCount("")
	if !ok {
		return
	}
	m, ok := c.set()
	if !ok {
		return
	}
	switch {
	case m.Len() == 0 || count == 0:
		c.Out.Array(0)
	case count < -maxRandom:
		c.Out.Error(textTooManyRandom)
	case count < 0:
		limit := NewLimit(c.Out)
		c.Out.Array(int(-count))
		for range -count {
			c.replyValue(m.Random(c.Rand))
			if limit.Exceeded() {
				limit.Drop()
				c.Out.Error(textTooManyRandom)
				return
			}
		}
	default:
		n := int(min(count, int64(m.Len())))
		c.Out.Array(n)
		for _, member := range someMembers(&m, n, c.Rand) {
			c.replyValue(member)
		}
	}
}

func spopCommand(c *Call) {
	switch {
	case len(c.Args) > 3:
		c.Out.Error(TextSyntax)
		return
	case len(c.Args) == 3:
		spopSeveral(c)
		return
	}
	m, ok := c.set()
	switch {
	case !ok:
		return
	case m.Len() == 0:
		c.Out.Null()
		return
	}
	member := m.Random(c.Rand)
	c.Events.SetRemove(c.Args[1], member)
	c.Tell()
	c.Out.Bulk(member)
}

func spopSeveral(c *Call) {
	count, ok := c.positive(2)
	if !ok {
		return
	}
	m, ok := c.set()
	if !ok {
		return
	}
	n := int(min(count, int64(m.Len())))
	gone := someMembers(&m, n, c.Rand)
	c.Out.Set(n)
	for _, member := range gone {
		c.Out.Bulk(member)
	}
	switch {
	case n == 0:
		return
	case n == m.Len(): // says as much as their names do, in fewer bytes
		c.Events.Delete(c.Args[1], event.User)
	default:
		c.expectItems(gone, 0)
		for some := range slices.Chunk(gone, itemsAtOnce(c.Args[1])) {
			c.Events.SetRemove(c.Args[1], some...)
		}
	}
	c.Tell()
}

// positive reads Args[i] as an integer from 0 on; after an error it is answered.
func (c *Call) positive(i int) (n int64, ok bool) {
	n, ok = ParseInt(c.Args[i])
	if !ok || n < 0 {
		c.Out.Error("ERR value is out of range, must be positive")
		return 0, false
	}
	return n, true
}

// someMembers draws n different members.
func someMembers(m *state.Members, n int, random func() uint64) [][]byte {
	drawn := make([][]byte, n)
	someOf(m, drawn, random, func(i int) { drawn[i] = m.Random(random) }, func(i, at int) { drawn[i] = m.At(at) })
	return drawn
}

// someOf draws as many different elements of a hash or a set as drawn has room for. draw
// makes any of them the i-th that is drawn, take the one at a place. Few of many are drawn one by
// one until there are enough different ones; otherwise all are looked at, and each is
// taken with the probability that is left for it (Knuth's algorithm S).
func someOf(from interface {
	Len() int
	Small() bool
}, drawn [][]byte, random func() uint64, draw func(i int), take func(i, at int)) {
	all, n := from.Len(), len(drawn)
	if n < all/3 && !from.Small() {
		var seen distinct
		for i := 0; i < n; {
			draw(i)
			if seen.first(drawn, 0, i, 1) {
				i++
			}
		}
		return
	}
	taken := 0
	for at := 0; taken < n; at++ {
		if all-at == n-taken || random()%uint64(all-at) < uint64(n-taken) {
			take(taken, at)
			taken++
		}
	}
}
