package command

import (
	"math"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// How far a group has come is counted in entries that were ever added to its stream. That
// cannot be known where entries have been deleted behind what it has read, or where it
// was put to an id by hand: unknownRead stands for it then, until the group comes to an
// id whose place among all entries follows from the stream. The rules are Redis'.
const unknownRead = -1

// torn reports whether an entry may be missing from an id on, other than in front of those
// that are there: that is no gap to Redis, however early the id.
func torn(s state.Entries, from event.ID) bool {
	deleted := s.Deleted()
	return s.Len() > 0 && deleted != event.ID{} && !deleted.Less(s.FirstEntry()) && !deleted.Less(from)
}

// placeEver is which of all entries ever added has this id, or comes before it; unknownRead
// where that does not follow from what is known of the stream.
func placeEver(s state.Entries, id event.ID) int64 {
	// XSETID may have said that there were as many as there are numbers.
	added, last, deleted, first := int64(min(s.Added(), math.MaxInt64)), s.Last(), s.Deleted(), s.FirstEntry()
	switch {
	case added == 0:
		return 0
	case s.Len() == 0 && !last.Less(id):
		return added
	case id == last:
		return added
	case last.Less(id):
		return unknownRead
	case deleted != event.ID{} && !deleted.Less(first):
		return unknownRead
	case id.Less(first):
		return added - int64(s.Len())
	case id == first:
		return added - int64(s.Len()) + 1
	}
	return unknownRead
}

// replyRead answers how many entries a group has read.
func (c *Call) replyRead(g state.Group) {
	if g.Read() == unknownRead {
		c.Out.Null()
	} else {
		c.Out.Int(g.Read())
	}
}

// replyLag answers how many entries a group has before it, as far as that is known.
func (c *Call) replyLag(s state.Entries, g state.Group) {
	read := g.Read()
	if s.Added() == 0 {
		c.Out.Int(0)
		return
	}
	if read == unknownRead || torn(s, g.Last()) {
		read = placeEver(s, g.Last())
	}
	if read == unknownRead {
		c.Out.Null()
	} else {
		c.Out.Int(int64(s.Added()) - read)
	}
}
