package keyindex

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sort"

	"github.com/altilium-db/altilium/log"
)

// File is the index of a sealed segment on the disk. Nothing of it is in memory but its
// head and a few blocks that were looked into last: those of a key, and of who its
// connections are. It serves one goroutine at a time.
type File struct {
	f    *os.File
	path string
	head head

	block *loaded             // the one that was loaded last
	slots [blockSlots]*loaded // by number; nil: none
}

// loaded is a block and its number.
type loaded struct {
	bytes  [blockBytes]byte
	number uint64
}

// blockSlots is how many blocks are kept, at most.
const blockSlots = 4

// openFile opens the index of segment s of the log id in dir. The error is a *bad,
// whatever it is that keeps it from being used; so are those of all lookups.
func openFile(dir string, id log.ID, s log.Segment) (*File, error) {
	x := &File{path: log.IndexPath(dir, s.First)}
	f, err := os.Open(x.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &bad{x.path, missing}
	case err != nil:
		return nil, &bad{x.path, err.Error()}
	}
	x.f = f
	if err := x.begin(id, s); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return x, nil
}

// missing is what is wrong with a file that is not there: no reason to report anything.
const missing = "it is missing"

func (x *File) begin(id log.ID, s log.Segment) error {
	var p [headBytes]byte
	if n, err := x.f.ReadAt(p[:], 0); errors.Is(err, io.EOF) {
		return x.bad("it is cut short")
	} else if err != nil || n < headBytes {
		return x.bad(fmt.Sprint(err))
	}
	if wrong := x.head.decode(p[:], id, s); wrong != "" {
		return x.bad(wrong)
	}
	info, err := x.f.Stat()
	if err != nil {
		return x.bad(err.Error())
	}
	if info.Size() != x.head.fileSize() {
		return x.bad("it has another length than its head says")
	}
	return nil
}

func (x *File) bad(what string) error { return &bad{x.path, what} }

// Close closes the file.
func (x *File) Close() error { return x.f.Close() }

// FirstTime is the time of the segment's first entry.
func (x *File) FirstTime() int64 { return x.head.firstTime }

// span is a stretch of records: lo <= place < hi, and the number of the block that place 0
// lies in.
type span struct{ lo, hi, base uint64 }

// of is where the records of a name can be.
func (x *File) of(name Name) span {
	if name == Whole {
		return span{0, x.head.whole, blocks(x.head.records)}
	}
	s, i := span{}, uint32(name)>>(32-fanoutBits)
	if i > 0 {
		s.lo = uint64(x.head.fanout[i-1])
	}
	s.hi = uint64(x.head.fanout[i])
	return s
}

// Before is the last entry of a name before a spot.
func (x *File) Before(name Name, spot log.Spot) (log.Spot, bool, error) {
	s, v := x.of(name), newRecord(name, spot)
	i, err := x.place(s, v)
	if err != nil || i == s.lo {
		return 0, false, err
	}
	return x.is(s, i-1, v)
}

// After is the first entry of a name at a spot or after it.
func (x *File) After(name Name, spot log.Spot) (log.Spot, bool, error) {
	s, v := x.of(name), newRecord(name, spot)
	i, err := x.place(s, v)
	if err != nil || i == s.hi {
		return 0, false, err
	}
	return x.is(s, i, v)
}

// mostParts is how many blocks tell of some entries, at most.
const mostParts = 16

// Some are the spots of one block: its hashes are next to one another, so the entries are not,
// unless they are of one key. The blocks of all parts are as far apart as can be.
func (x *File) Some(part int) ([]log.Spot, error) {
	all := blocks(x.head.records)
	parts := min(all, mostParts)
	if uint64(part) >= parts {
		return nil, nil
	}
	number := uint64(part) * all / parts
	if err := x.load(number); err != nil {
		return nil, err
	}
	spots := make([]log.Spot, min(x.head.records-number*perBlock, perBlock))
	for i := range spots {
		spots[i] = x.record(uint64(i)).spot()
	}
	return spots, nil
}

// is reads the record at a place; ok says whether it has the name of v.
func (x *File) is(s span, place uint64, v record) (log.Spot, bool, error) {
	if err := x.load(s.base + place/perBlock); err != nil {
		return 0, false, err
	}
	at := x.record(place % perBlock)
	return at.spot(), at.sameName(v), nil
}

// place is that of the first record of s that is v or above; s.hi where there is none.
func (x *File) place(s span, v record) (uint64, error) {
	if s.lo >= s.hi {
		return s.hi, nil
	}
	first, last := s.lo/perBlock, (s.hi-1)/perBlock
	for first < last {
		mid := (first + last + 1) / 2
		if err := x.load(s.base + mid); err != nil {
			return 0, err
		}
		if x.record(0) < v {
			first = mid
		} else {
			last = mid - 1
		}
	}
	if err := x.load(s.base + first); err != nil {
		return 0, err
	}
	from, to := max(s.lo, first*perBlock), min(s.hi, (first+1)*perBlock)
	n := sort.Search(int(to-from), func(i int) bool { return x.record((from+uint64(i))%perBlock) >= v })
	return from + uint64(n), nil
}

func (x *File) record(i uint64) record {
	return record(binary.LittleEndian.Uint64(x.block.bytes[8*i:]))
}

// load makes block the one of a number.
func (x *File) load(number uint64) error {
	slot := &x.slots[number%blockSlots]
	if *slot != nil && (*slot).number == number {
		x.block = *slot
		return nil
	}
	b := *slot
	if b == nil {
		b = new(loaded)
	}
	*slot = nil
	n, err := x.f.ReadAt(b.bytes[:], blocksAt+int64(number)*blockBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return x.bad(err.Error())
	}
	if n < blockBytes || !x.head.isBlock(b.bytes[:], number) {
		return x.bad("a block fails its CRC")
	}
	b.number = number
	x.block, *slot = b, b
	return nil
}
