package command

import (
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

func xinfoConsumers(c *Call) {
	_, g, ok := c.thereGroup(TextNoSuchKey)
	if !ok {
		return
	}
	c.Out.Array(g.Consumers())
	for i := range g.Consumers() {
		who := g.ConsumerAt(i)
		c.Out.Map(4)
		c.Out.BulkString("name")
		c.Out.Bulk(who.Name())
		c.Out.BulkString("pending")
		c.Out.Int(int64(who.Pending()))
		c.Out.BulkString("idle")
		c.Out.Int(max(0, c.View.Now()-who.Seen()))
		c.Out.BulkString("inactive")
		if who.Active() == 0 {
			c.Out.Int(-1)
		} else {
			c.Out.Int(c.View.Now() - who.Active())
		}
	}
}

func xinfoGroups(c *Call) {
	s, ok := c.thereStream(TextNoSuchKey)
	if !ok {
		return
	}
	c.Out.Array(s.Groups())
	for i := range s.Groups() {
		g := s.GroupAt(i)
		c.Out.Map(6)
		c.Out.BulkString("name")
		c.Out.Bulk(g.Name())
		c.Out.BulkString("consumers")
		c.Out.Int(int64(g.Consumers()))
		c.Out.BulkString("pending")
		c.Out.Int(int64(g.Pending()))
		c.replyProgress(s, g)
	}
}

// replyProgress answers how far a group has come, in three pairs.
func (c *Call) replyProgress(s state.Entries, g state.Group) {
	c.Out.BulkString("last-delivered-id")
	c.replyID(g.Last())
	c.Out.BulkString("entries-read")
	c.replyRead(g)
	c.Out.BulkString("lag")
	c.replyLag(s, g)
}

func xinfoStream(c *Call) {
	s, ok := c.thereStream(TextNoSuchKey)
	if !ok {
		return
	}
	if len(c.Args) == 3 {
		c.Out.Map(10)
		c.replyStream(s)
		c.Out.BulkString("groups")
		c.Out.Int(int64(s.Groups()))
		c.Out.BulkString("first-entry")
		c.replyOne(s, s.FirstEntry())
		c.Out.BulkString("last-entry")
		c.replyOne(s, s.LastEntry())
		return
	}
	count := int64(10)
	if (len(c.Args) != 4 && len(c.Args) != 6) || !c.Is(3, "FULL") || len(c.Args) == 6 && !c.Is(4, "COUNT") {
		c.wrongSubcommand()
		return
	}
	if len(c.Args) == 6 {
		if count, ok = c.Int(5); !ok {
			return
		}
		if count < 0 {
			count = 10
		}
	}
	if count == 0 {
		count = -1
	}
	c.replyFull(s, count)
}

// replyStream answers what XINFO STREAM says in either form, in seven pairs. Redis' tree
// of nodes is a row of chunks here, of which each is a key; that it has one node more is
// true there up to one key.
func (c *Call) replyStream(s state.Entries) {
	c.Out.BulkString("length")
	c.Out.Int(int64(s.Len()))
	c.Out.BulkString("radix-tree-keys")
	c.Out.Int(int64(s.Chunks()))
	c.Out.BulkString("radix-tree-nodes")
	c.Out.Int(int64(s.Chunks()) + 1)
	c.Out.BulkString("last-generated-id")
	c.replyID(s.Last())
	c.Out.BulkString("max-deleted-entry-id")
	c.replyID(s.Deleted())
	c.Out.BulkString("entries-added")
	c.Out.Int(int64(s.Added()))
	c.Out.BulkString("recorded-first-entry-id")
	c.replyID(s.FirstEntry())
}

// replyOne answers an entry by its id, null where there is none.
func (c *Call) replyOne(s state.Entries, id event.ID) {
	if e, there := s.Entry(id); there {
		c.replyEntry(&e)
	} else {
		c.Out.Null()
	}
}

// replyFull answers XINFO STREAM FULL, with no more than count of each kind, unless that
// is negative.
func (c *Call) replyFull(s state.Entries, count int64) {
	limit := NewLimit(c.Out)
	c.Out.Map(9)
	c.replyStream(s)
	c.Out.BulkString("entries")
	c.replyEntries(s, event.ID{}, s.Count(event.ID{}, event.MaxID(), count), limit)
	c.Out.BulkString("groups")
	c.Out.Array(s.Groups())
	for i := 0; i < s.Groups() && !limit.Exceeded(); i++ {
		g := s.GroupAt(i)
		c.Out.Map(7)
		c.Out.BulkString("name")
		c.Out.Bulk(g.Name())
		c.replyProgress(s, g)
		c.replyPel(g.Pending(), count, g.EachPending, true, limit)
		c.Out.BulkString("consumers")
		c.Out.Array(g.Consumers())
		for k := 0; k < g.Consumers() && !limit.Exceeded(); k++ {
			c.replyFullConsumer(g.ConsumerAt(k), count, limit)
		}
	}
	if limit.Exceeded() {
		limit.Refuse()
	}
}

func (c *Call) replyFullConsumer(who state.Consumer, count int64, limit Limit) {
	c.Out.Map(5)
	c.Out.BulkString("name")
	c.Out.Bulk(who.Name())
	c.Out.BulkString("seen-time")
	c.Out.Int(who.Seen())
	c.Out.BulkString("active-time")
	if who.Active() == 0 {
		c.Out.Int(-1)
	} else {
		c.Out.Int(who.Active())
	}
	c.replyPel(who.Pending(), count, who.EachPending, false, limit)
}

// replyPel answers how many entries are pending and count of those, in two pairs; named
// says with whom each is.
func (c *Call) replyPel(n int, count int64, each func(event.ID, func(state.Pending) bool), named bool, limit Limit) {
	c.Out.BulkString("pel-count")
	c.Out.Int(int64(n))
	c.Out.BulkString("pending")
	if count >= 0 {
		n = int(min(int64(n), count))
	}
	c.Out.Array(n)
	each(event.ID{}, func(p state.Pending) bool {
		if n--; n < 0 || limit.Exceeded() {
			return false
		}
		if named {
			c.Out.Array(4)
		} else {
			c.Out.Array(3)
		}
		c.replyID(p.ID)
		if named {
			c.Out.Bulk(p.Consumer)
		}
		c.Out.Int(p.Since)
		c.Out.Int(int64(p.Count))
		return true
	})
}

func xinfoHelp(c *Call) {
	c.replyLines(
		"XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
		"CONSUMERS <key> <groupname>",
		"    Show the consumers of a group.",
		"GROUPS <key>",
		"    Show the consumer groups of a stream.",
		"STREAM <key> [FULL [COUNT <count>]]",
		"    Show what is known of a stream.",
		"HELP",
		"    Print this help.",
	)
}
