package replay

import (
	"sort"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay/keyindex"
)

// recent is how many segments may hold entries after a moment for Untouched to look into them:
// the newest, with a million entries about. A look into one takes some microseconds for each key;
// where there are more of them, going back from the moment is about as short a way.
const recent = 8

// Untouched reports whether no entry after one up to a later one, which is committed, speaks of
// any of these keys: then each holds after that what it held after the first. False says nothing:
// the first may lie too far back to be looked for, the hash of a key be another's too, or an
// entry after the later one, if it is known already, be the one that speaks of it.
func (s *Seeker) Untouched(at, last uint64, keys ...Key) (untouched bool, err error) {
	if at >= last {
		return true, nil
	}
	err = s.again(last, func() (err error) {
		untouched, err = s.untouched(at, keys)
		return err
	})
	return untouched, err
}

func (s *Seeker) untouched(at uint64, keys []Key) (bool, error) {
	from := sort.Search(len(s.segs), func(i int) bool { return s.segs[i].last > at })
	if len(s.segs)-from > recent {
		return false, nil
	}
	names := make([]keyindex.Name, 1, 1+len(keys))
	names[0] = keyindex.Whole
	for _, k := range keys {
		names = append(names, s.f.h.Key(k.DB, k.Key))
	}
	for i := len(s.segs) - 1; i >= from; i-- {
		if clean, err := s.silent(s.segs[i], at, names); err != nil || !clean {
			return false, err
		}
	}
	return true, nil
}

// silent reports whether a segment lists no entry after an offset under any of the names. Only
// of the segment that has that offset in it an entry is read.
func (s *Seeker) silent(seg stretch, at uint64, names []keyindex.Name) (bool, error) {
	x, err := s.index(seg)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		spot, ok, err := x.Before(name, log.MaxSpot)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		if seg.first > at {
			return false, nil
		}
		p, err := s.picker(seg, x)
		if err != nil {
			return false, err
		}
		if e, err := p.At(spot); err != nil || e.Offset > at {
			return false, err
		}
	}
	return true, nil
}
