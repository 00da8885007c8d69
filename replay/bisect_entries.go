package replay

import (
	"fmt"
	"sort"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
)

// entries are those that a bisection tries, in order: a list, or all n after an offset.
type entries struct {
	list  []uint64
	after uint64
	n     int
}

func (e *entries) len() int {
	if e.list != nil {
		return len(e.list)
	}
	return e.n
}

// at is the offset of entry i.
func (e *entries) at(i int) uint64 {
	if e.list != nil {
		return e.list[i]
	}
	return e.after + 1 + uint64(i)
}

// from is the first entry at or after an offset.
func (e *entries) from(offset uint64) int {
	if e.list != nil {
		return sort.Search(len(e.list), func(i int) bool { return e.list[i] >= offset })
	}
	return int(max(offset, e.after+1) - e.after - 1)
}

// choose finds the entries after good up to bad that can matter. The last of them is
// bad's, which has been tried; endMatters says whether it would be one otherwise.
func (b *Bisection) choose(good, bad uint64) (all entries, endMatters bool, err error) {
	if b.Touches == nil {
		return entries{after: good, n: int(bad - good)}, true, nil
	}
	r, err := log.OpenReader(b.Window.Dir, good+1)
	if err != nil {
		return entries{}, false, err
	}
	defer r.Close()
	for {
		e, err := r.Next()
		if err != nil { // io.EOF too: the bad end has been read before
			return entries{}, false, err
		}
		matters, err := touches(e, b.Touches)
		if err != nil {
			return entries{}, false, err
		}
		if matters || e.Offset == bad {
			all.list = append(all.list, e.Offset)
		}
		if e.Offset == bad {
			return all, matters, nil
		}
	}
}

// touches reports whether an entry may change a key that matters.
func touches(e log.Entry, matters func(db int, key []byte) bool) (found bool, err error) {
	h, events, err := event.DecodeHeader(e.Body)
	var ev event.Event
	for db := h.DB; err == nil && len(events) > 0; {
		if events, err = ev.Decode(events); err != nil {
			break
		}
		switch ev.Kind {
		case event.Database:
			db = ev.DB
		case event.Flush, event.FlushAll, event.Swap:
			return true, nil
		}
		ev.Keys(db, func(db int, key []byte) { found = found || matters(db, key) })
		if found {
			return true, nil
		}
	}
	if err != nil {
		return false, fmt.Errorf("entry @%d: %w", e.Offset, err)
	}
	return false, nil
}
