package replay

import (
	"bytes"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// sameStreams compares what streams have besides their entries: ids and counters, and
// groups with their consumers and all that is pending.
func sameStreams(a, b state.Entries) bool {
	if a.Last() != b.Last() || a.Deleted() != b.Deleted() || a.Added() != b.Added() || a.Groups() != b.Groups() {
		return false
	}
	for i := range a.Groups() {
		x := a.GroupAt(i)
		y, ok := b.Group(x.Name())
		if !ok || !sameGroups(x, y) {
			return false
		}
	}
	return true
}

func sameGroups(a, b state.Group) bool {
	if a.Last() != b.Last() || a.Read() != b.Read() || a.Consumers() != b.Consumers() || a.Pending() != b.Pending() {
		return false
	}
	for i := range a.Consumers() {
		x := a.ConsumerAt(i)
		y, ok := b.Consumer(x.Name())
		if !ok || x.Seen() != y.Seen() || x.Active() != y.Active() {
			return false
		}
	}
	same := true
	a.EachPending(event.ID{}, func(p state.Pending) bool {
		q, ok := b.FindPending(p.ID)
		same = ok && bytes.Equal(p.Consumer, q.Consumer) && p.Since == q.Since && p.Count == q.Count
		return same
	})
	return same
}
