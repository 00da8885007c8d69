package keyindex

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/altilium-db/altilium/log"
)

// Set gives the indexes of a log's sealed segments, and makes those that are not there. It
// serves one goroutine at a time.
type Set struct {
	dir    string
	idAt   func(offset uint64) log.ID // whose a segment is, see log.Manifest.IDAt
	h      Hasher
	report func(error)

	open []*sealed // used last first
}

// NewSet makes the one of the log in dir; idAt is the manifest's. report, which may be nil,
// is told of each file that could not be used, though there is nothing to be done about it,
// and of each that could not be written.
func NewSet(dir string, idAt func(offset uint64) log.ID, h Hasher, report func(error)) *Set {
	if report == nil {
		report = func(error) {}
	}
	return &Set{dir: dir, idAt: idAt, h: h, report: report}
}

// So many indexes are held ready: as files that are open, or, where those cannot be written,
// with some MiB of memory each.
const (
	mostOpen   = 32
	mostTables = 16
)

// Index is the index of a sealed segment, valid until the next call for another one. The
// error is that of log.ReadSegment where it had to be made, or ErrTooLong.
func (s *Set) Index(seg log.Segment) (Index, error) {
	x, err := s.sealed(seg)
	if err != nil {
		return nil, err
	}
	return x, nil
}

func (s *Set) sealed(seg log.Segment) (*sealed, error) {
	for i, x := range s.open {
		if x.seg.First == seg.First && x.seg.LastCRC == seg.LastCRC {
			copy(s.open[1:i+1], s.open[:i])
			s.open[0] = x
			return x, nil
		}
	}
	x := &sealed{set: s, seg: seg}
	if err := x.find(); err != nil {
		return nil, err
	}
	s.open = slices.Insert(s.open, 0, x)
	s.trim()
	return x, nil
}

// trim lets those go that were used longest ago, where they are too many.
func (s *Set) trim() {
	tables := 0
	for i, x := range s.open {
		if x.tab != nil {
			tables++
		}
		if i == mostOpen || tables > mostTables {
			x.close()
			s.open = slices.Delete(s.open, i, i+1) // the last that came is one too many, and no more
			return
		}
	}
}

// Close closes all files.
func (s *Set) Close() {
	for _, x := range s.open {
		x.close()
	}
	s.open = nil
}

// sealed is the index of a sealed segment: a file, which is replaced when it turns out to
// be damaged, or a table.
type sealed struct {
	set  *Set
	seg  log.Segment
	file *File // nil: table
	tab  *table
}

// find opens the file, or makes the index.
func (x *sealed) find() error {
	f, err := openFile(x.set.dir, x.set.idAt(x.seg.First), x.seg)
	if err == nil {
		x.file = f
		return nil
	}
	return x.mend(err)
}

// mend makes the index anew, since its file cannot be used. The table answers from then
// on; the new file is for the next who looks for it.
func (x *sealed) mend(why error) error {
	var b *bad
	if !errors.As(why, &b) || b.what != missing {
		x.set.report(why)
	}
	x.close()
	var err error
	if x.tab, err = read(x.set.dir, x.set.idAt(x.seg.First), x.seg, x.set.h); err != nil {
		return err
	}
	err = write(x.set.dir, x.set.idAt(x.seg.First), x.seg, x.tab)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a directory without the folder is only read
		x.set.report(err)
	}
	return nil
}

func (x *sealed) close() {
	if x.file != nil {
		_ = x.file.Close() // it was only read
		x.file = nil
	}
}

func (x *sealed) FirstTime() int64 {
	if x.file != nil {
		return x.file.FirstTime()
	}
	return x.tab.FirstTime()
}

func (x *sealed) Before(name Name, spot log.Spot) (at log.Spot, ok bool, err error) {
	if x.file != nil {
		if at, ok, err = x.file.Before(name, spot); err == nil {
			return at, ok, nil
		}
		if err := x.mend(err); err != nil {
			return 0, false, err
		}
	}
	return x.tab.Before(name, spot)
}

func (x *sealed) After(name Name, spot log.Spot) (at log.Spot, ok bool, err error) {
	if x.file != nil {
		if at, ok, err = x.file.After(name, spot); err == nil {
			return at, ok, nil
		}
		if err := x.mend(err); err != nil {
			return 0, false, err
		}
	}
	return x.tab.After(name, spot)
}

func (x *sealed) Some(part int) (spots []log.Spot, err error) {
	if x.file != nil {
		if spots, err = x.file.Some(part); err == nil {
			return spots, nil
		}
		if err := x.mend(err); err != nil {
			return nil, err
		}
	}
	return x.tab.Some(part)
}
