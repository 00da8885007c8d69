package replay

import (
	"slices"
	"sort"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay/keyindex"
)

// walk goes through the entries that are listed under a name, and those that speak of whole
// databases, one way or the other. An entry may be another key's of the same hash.
type walk struct {
	s     *Seeker
	name  keyindex.Name
	alone bool     // without those of whole databases
	i     int      // in s.segs
	spot  log.Spot // where it is: the next entry lies before it, or there or after it

	besides []log.Spot // of a name in a segment: entries next to one another, in order
	of      listed
}

// listed is a name in the segment that begins at an offset.
type listed struct {
	name  keyindex.Name
	first uint64
}

// backwards makes a walk from an offset on: that entry is the first, if it is listed.
func (s *Seeker) backwards(name keyindex.Name, from uint64) *walk {
	i := sort.Search(len(s.segs), func(i int) bool { return s.segs[i].first > from }) - 1
	return &walk{s: s, name: name, i: i, spot: log.MaxSpot}
}

// forwards makes a walk from an offset on, that entry included.
func (s *Seeker) forwards(name keyindex.Name, from uint64) *walk {
	i := sort.Search(len(s.segs), func(i int) bool { return s.segs[i].last >= from })
	return &walk{s: s, name: name, i: i}
}

// prev is the entry before, of those up to one and after another; ok is false where there
// is none.
func (w *walk) prev(to, after uint64) (e log.Entry, ok bool, err error) {
	for ; w.i >= 0 && w.s.segs[w.i].last > after; w.i, w.spot = w.i-1, log.MaxSpot {
		e, ok, err = w.before(w.spot)
		if ok && err == nil && e.Offset > to {
			e, ok, err = w.narrow(e, to)
		}
		if err != nil {
			return e, false, err
		}
		if ok {
			w.spot, _ = e.Spot()
			return e, e.Offset > after, nil
		}
	}
	return e, false, nil
}

// narrow finds the last entry up to an offset, by halving: e is too late, and there may be
// many of those.
func (w *walk) narrow(e log.Entry, to uint64) (best log.Entry, ok bool, err error) {
	late, _ := e.Spot()
	for early := log.Spot(0); early < late; { // what lies before early is not too late, what lies from late on is
		mid := early + (late-early+1)/2
		at, found, err := w.before(mid)
		switch {
		case err != nil:
			return e, false, err
		case found && at.Offset > to:
			late, _ = at.Spot()
		case found:
			best, ok = at, true
			early = mid
		default:
			early = mid
		}
	}
	return best, ok, nil
}

// next is the entry after, of those from one on; ok is false where there is none.
func (w *walk) next(from uint64) (e log.Entry, ok bool, err error) {
	for ; w.i < len(w.s.segs); w.i, w.spot = w.i+1, 0 {
		for {
			if e, ok, err = w.after(w.spot); err != nil {
				return e, false, err
			}
			if !ok {
				break
			}
			at, _ := e.Spot()
			if w.spot = at + 1; e.Offset >= from {
				return e, true, nil
			}
		}
	}
	return e, false, nil
}

// before is the last entry of the segment before a spot.
func (w *walk) before(spot log.Spot) (log.Entry, bool, error) { return w.nearest(spot, false) }

// after is the first entry of the segment at a spot or after it.
func (w *walk) after(spot log.Spot) (log.Entry, bool, error) { return w.nearest(spot, true) }

// nearest is after, or before.
func (w *walk) nearest(spot log.Spot, up bool) (e log.Entry, ok bool, err error) {
	seg := w.s.segs[w.i]
	x, err := w.s.index(seg)
	if err != nil {
		return e, false, err
	}
	at, ok := w.told(spot, up)
	fresh := !ok
	if fresh {
		if at, ok, err = neighbour(x, w.name, spot, up); ok && err == nil {
			w.besides, w.of = x.Beside(w.name, at), listed{w.name, seg.first}
		}
	}
	if err == nil && !w.alone {
		whole, also, werr := neighbour(x, keyindex.Whole, spot, up)
		if err = werr; also && (!ok || whole < at == up) {
			at, ok = whole, true
		}
	}
	if err != nil || !ok {
		return e, false, err
	}
	p, err := w.s.picker(seg, x)
	if err != nil {
		return e, false, err
	}
	if fresh {
		p.Expect(w.coming(at, up))
	}
	e, err = p.At(at)
	return e, err == nil, err
}

// neighbour is the index's After, or Before.
func neighbour(x keyindex.Index, name keyindex.Name, spot log.Spot, up bool) (log.Spot, bool, error) {
	if up {
		return x.After(name, spot)
	}
	return x.Before(name, spot)
}

// told is the neighbour of a spot where the index has told of it with the one before: it lies
// between two that are next to each other there.
func (w *walk) told(spot log.Spot, up bool) (at log.Spot, ok bool) {
	if w.of != (listed{w.name, w.s.segs[w.i].first}) {
		return 0, false
	}
	i, _ := slices.BinarySearch(w.besides, spot)
	switch {
	case i == 0 || i == len(w.besides):
		return 0, false
	case up:
		return w.besides[i], true
	default:
		return w.besides[i-1], true
	}
}

// coming are those of besides that come after one, on the way up or down.
func (w *walk) coming(at log.Spot, up bool) []log.Spot {
	i, found := slices.BinarySearch(w.besides, at)
	switch {
	case !found:
		return nil
	case up:
		return w.besides[i:]
	default:
		down := slices.Clone(w.besides[:i+1])
		slices.Reverse(down)
		return down
	}
}
