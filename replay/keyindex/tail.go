package keyindex

import (
	"fmt"
	"slices"
	"sync"

	"github.com/altilium-db/altilium/log"
)

// Tail is the index of the segments that are not sealed yet, in memory. One goroutine
// feeds it every entry, in order; any may look into it meanwhile.
//
// Its memory is 8 bytes for each key that an entry names, as in a file: about a tenth of
// the segments that it covers.
type Tail struct {
	mu   sync.Mutex
	l    lister
	next uint64   // offset of the entry that is to be added
	segs []*table // oldest first
}

// NewTail makes an empty one, for the entries from an offset on: the first of a segment.
func NewTail(h Hasher, first uint64) *Tail { return &Tail{l: lister{h: h}, next: first} }

// Add takes in the next entry.
func (t *Tail) Add(e log.Entry) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Offset != t.next {
		return fmt.Errorf("entry @%d was to be indexed, not @%d", t.next, e.Offset)
	}
	if n := len(t.segs); n == 0 || t.segs[n-1].first != e.Segment {
		t.segs = append(t.segs, newTable(e.Segment))
	}
	if err := t.segs[len(t.segs)-1].add(e, &t.l); err != nil {
		return err
	}
	t.next++
	return nil
}

// Next is the offset that Add wants next: all before it are in.
func (t *Tail) Next() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next
}

// Segments are the first offsets of the segments that it covers, in order.
func (t *Tail) Segments() (firsts []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.segs {
		firsts = append(firsts, s.first)
	}
	return firsts
}

// Index is that of the segment that begins at an offset; ok is false where it is not
// covered. It stays valid, and follows what is added.
func (t *Tail) Index(first uint64) (x Index, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.segs, func(s *table) bool { return s.first == first })
	if i < 0 {
		return nil, false
	}
	return shared{t, t.segs[i]}, true
}

// Sealed writes the file of a segment that has been sealed, of the log id in dir, and
// forgets the segment; ok is false where it is not covered as a whole.
func (t *Tail) Sealed(dir string, id log.ID, s log.Segment) (ok bool, err error) {
	tab := t.whole(s)
	if tab == nil {
		return false, nil
	}
	if err := write(dir, id, s, tab); err != nil {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.segs = slices.DeleteFunc(t.segs, func(x *table) bool { return x == tab })
	return true, nil
}

// whole is the table of a segment all of whose entries are in; nil where there is none. It
// is one run and does not change any more: it can be read without the lock.
func (t *Tail) whole(s log.Segment) *table {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.segs, func(x *table) bool { return x.first == s.First && x.next == s.Last()+1 })
	if i < 0 {
		return nil
	}
	t.segs[i].keys.all()
	t.segs[i].whole.all()
	return t.segs[i]
}

// Restart forgets everything, and wants the entries from an offset on.
func (t *Tail) Restart(first uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.segs, t.next = nil, first
}

// Drop forgets the segments that begin before an offset.
func (t *Tail) Drop(before uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.segs = slices.DeleteFunc(t.segs, func(s *table) bool { return s.first < before })
}

// shared is a table of a Tail.
type shared struct {
	t *Tail
	s *table
}

func (x shared) FirstTime() int64 { return x.s.firstTime }

func (x shared) Before(name Name, spot log.Spot) (log.Spot, bool, error) {
	x.t.mu.Lock()
	defer x.t.mu.Unlock()
	return x.s.Before(name, spot)
}

func (x shared) After(name Name, spot log.Spot) (log.Spot, bool, error) {
	x.t.mu.Lock()
	defer x.t.mu.Unlock()
	return x.s.After(name, spot)
}

func (x shared) Some(part int) ([]log.Spot, error) {
	x.t.mu.Lock()
	defer x.t.mu.Unlock()
	return x.s.Some(part)
}
