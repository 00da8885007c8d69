package command

import (
	"slices"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// stream looks the stream at Args[i] up; after an error it is answered and ok false.
func (c *Call) stream(i int) (s state.Entries, ok bool) {
	s, err := c.View.Stream(c.Args[i])
	if err != nil {
		c.Fail(err)
		return s, false
	}
	return s, true
}

// replyEntry answers an entry.
func (c *Call) replyEntry(e *state.StreamEntry) {
	c.Out.Array(2)
	c.replyID(e.ID)
	c.Out.Array(2 * e.Len())
	for range e.Len() {
		field, value := e.Next()
		c.replyValue(field)
		c.replyValue(value)
	}
}

// replyEntries answers n entries from an id on, fewer where that exceeds the limit.
func (c *Call) replyEntries(s state.Entries, from event.ID, n int, limit Limit) {
	c.Out.Array(n)
	if n == 0 {
		return
	}
	s.Range(from, event.MaxID(), func(e *state.StreamEntry) bool {
		c.replyEntry(e)
		n--
		return n > 0 && !limit.Exceeded()
	})
}

func xlenCommand(c *Call) {
	if s, ok := c.stream(1); ok {
		c.Out.Int(int64(s.Len()))
	}
}

func xrangeCommand(c *Call) { rangeOfEntries(c, 2, 3, false) }

func xrevrangeCommand(c *Call) { rangeOfEntries(c, 3, 2, true) }

func rangeOfEntries(c *Call, first, last int, back bool) {
	from, ok := c.from(first)
	if !ok {
		return
	}
	to, ok := c.to(last)
	if !ok {
		return
	}
	count := int64(-1)
	for i := 4; i < len(c.Args); i += 2 {
		if !c.Is(i, "COUNT") || i+1 == len(c.Args) {
			c.Out.Error(TextSyntax)
			return
		}
		if count, ok = c.Int(i + 1); !ok {
			return
		}
		count = max(count, 0)
	}
	s, ok := c.stream(1)
	switch {
	case !ok:
		return
	case !s.Exists():
		c.Out.Array(0)
		return
	case count == 0:
		c.Out.NullArray()
		return
	}
	limit, n := NewLimit(c.Out), s.Count(from, to, count)
	c.Out.Array(n)
	reply := func(e *state.StreamEntry) bool {
		c.replyEntry(e)
		n--
		return n > 0 && !limit.Exceeded()
	}
	switch {
	case n == 0:
	case back:
		s.RangeBack(from, to, reply)
	default:
		s.Range(from, to, reply)
	}
	if limit.Exceeded() {
		limit.Refuse()
	}
}

// ids reads the arguments from Args[i] on as ids, in their order, each once; after an
// error it is answered and ok false.
func (c *Call) ids(i int, room []event.ID) (ids []event.ID, ok bool) {
	for ; i < len(c.Args); i++ {
		id, ok := c.id(i)
		if !ok {
			return nil, false
		}
		room = append(room, id)
	}
	slices.SortFunc(room, event.ID.Compare)
	return slices.Compact(room), true
}

func xdelCommand(c *Call) {
	s, ok := c.stream(1)
	if !ok {
		return
	}
	if !s.Exists() {
		c.Out.Int(0)
		return
	}
	var room [8]event.ID
	ids, ok := c.ids(2, room[:0])
	if !ok {
		return
	}
	ids = slices.DeleteFunc(ids, func(id event.ID) bool {
		_, there := s.Entry(id)
		return !there
	})
	if len(ids) > 0 {
		c.Events.StreamDelete(c.Args[1], ids...)
	}
	c.Out.Int(int64(len(ids)))
}

func xsetidCommand(c *Call) {
	last, ok := c.id(2)
	if !ok {
		return
	}
	added, deleted := int64(-1), event.ID{}
	for i := 3; i < len(c.Args); i += 2 {
		more := i+1 < len(c.Args)
		switch {
		case c.Is(i, "ENTRIESADDED") && more:
			if added, ok = c.Int(i + 1); ok && added < 0 {
				c.Out.Error("ERR entries_added must be positive")
				return
			}
		case c.Is(i, "MAXDELETEDID") && more:
			if deleted, ok = c.id(i + 1); ok && last.Less(deleted) {
				c.Out.Error("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
				return
			}
		default:
			c.Out.Error(TextSyntax)
			return
		}
		if !ok {
			return
		}
	}
	s, ok := c.stream(1)
	switch {
	case !ok:
		return
	case !s.Exists():
		c.Out.Error(TextNoSuchKey)
		return
	case last.Less(s.Deleted()):
		c.Out.Error("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id")
		return
	case last.Less(s.LastEntry()):
		c.Out.Error("ERR The ID specified in XSETID is smaller than the target stream top item")
		return
	case s.Len() > 0 && added >= 0 && int64(s.Len()) > added:
		c.Out.Error("ERR The entries_added specified in XSETID is smaller than the target stream length")
		return
	}
	total := s.Added()
	if added >= 0 {
		total = uint64(added)
	}
	if deleted == (event.ID{}) {
		deleted = s.Deleted()
	}
	c.Events.StreamSet(c.Args[1], last, total, deleted)
	c.Out.OK()
}
