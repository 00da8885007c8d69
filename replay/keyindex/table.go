package keyindex

import (
	"errors"
	"fmt"

	"github.com/altilium-db/altilium/log"
)

// Index finds the entries of one segment that are listed under a name: a [File], or what
// [Tail] and [Set] have in memory.
type Index interface {
	// FirstTime is the time of the segment's first entry, for log.OpenPicker.
	FirstTime() int64

	// Before is the last entry before a spot, After the first that is there or after it;
	// ok is false where there is none. The entry may be another key's with the same hash.
	Before(name Name, spot log.Spot) (at log.Spot, ok bool, err error)
	After(name Name, spot log.Spot) (at log.Spot, ok bool, err error)

	// Beside are entries of a name next to the one at a spot, that one included, in order, as
	// far as they are easily told just after Before or After has found it; nil for none.
	Beside(name Name, spot log.Spot) []log.Spot

	// Some are spots of entries from all over the segment, a few hundred, in no order and perhaps
	// twice: from them any entry is near. There may be several parts, from 0 on, of which one will
	// do but where few keys have most of the entries; a part without any is after the last. The
	// slice is the caller's.
	Some(part int) ([]log.Spot, error)
}

// ErrTooLong is returned for a segment that is too long for an index: more than 32 GiB,
// which one turn would have to be. It can be read as a whole only.
var ErrTooLong = errors.New("the segment is too long to be indexed")

// table is an index in memory.
type table struct {
	first     uint64 // offset
	next      uint64 // offset of the entry that is to be added
	firstTime int64
	keys      runs
	whole     runs
}

func newTable(first uint64) *table { return &table{first: first, next: first} }

// add takes in the next entry.
func (t *table) add(e log.Entry, l *lister) error {
	if e.Offset != t.next {
		return fmt.Errorf("entry @%d was to be indexed, not @%d", t.next, e.Offset)
	}
	spot, ok := e.Spot()
	if !ok {
		return fmt.Errorf("entry @%d: %w", e.Offset, ErrTooLong)
	}
	if e.Offset == t.first {
		t.firstTime = e.Time
	}
	for _, name := range l.list(e.Body) {
		t.of(name).add(newRecord(name, spot))
	}
	t.next++
	return nil
}

func (t *table) of(name Name) *runs {
	if name == Whole {
		return &t.whole
	}
	return &t.keys
}

func (t *table) FirstTime() int64 { return t.firstTime }

func (t *table) Before(name Name, spot log.Spot) (log.Spot, bool, error) {
	v := newRecord(name, spot)
	at, ok := t.of(name).before(v)
	return at.spot(), ok && at.sameName(v), nil
}

func (t *table) After(name Name, spot log.Spot) (log.Spot, bool, error) {
	v := newRecord(name, spot)
	at, ok := t.of(name).after(v)
	return at.spot(), ok && at.sameName(v), nil
}

func (t *table) Some(part int) (spots []log.Spot, err error) {
	if part > 0 {
		return nil, nil
	}
	t.keys.settle()
	for _, run := range t.keys.sorted { // the first is the longest
		for i := 0; i < len(run); i += 1 + len(t.keys.sorted[0])/perBlock {
			spots = append(spots, run[i].spot())
		}
	}
	return spots, nil
}

// atOnce is how many records are sorted together where so many are to come: more than those
// of small entries in a segment of 16 MiB.
const atOnce = 1 << 20

// read makes the index of a sealed segment from its entries. The error is that of
// log.ReadSegment, or ErrTooLong.
func read(dir string, id log.ID, s log.Segment, h Hasher) (*table, error) {
	t, l := newTable(s.First), &lister{h: h}
	t.keys.fresh = make([]record, 0, min(s.Count+mostFresh, atOnce)) // most entries name one key
	if err := log.ReadSegment(dir, id, s, func(e log.Entry) error { return t.add(e, l) }); err != nil {
		return nil, err
	}
	return t, nil
}
