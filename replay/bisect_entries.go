package replay

import (
	"sort"

	"github.com/altilium-db/altilium/log"
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
	err = between(b.Window.Dir, good, bad, func(e log.Entry) (err error) {
		endMatters, err = touches(e, b.Touches)
		if endMatters || e.Offset == bad {
			all.list = append(all.list, e.Offset)
		}
		return err
	})
	return all, endMatters, err
}
