package keyindex

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sort"

	"github.com/altilium-db/altilium/log"
)

// Listed gives the spots of all entries of a sealed segment that are listed under any of some
// names, which must be in order, or as whole: each once, in order. It goes through the index from
// its beginning to its end: for many names that is less than to look for each, and a tenth of
// what it is to read the segment. The errors are those of Index.
func (s *Set) Listed(seg log.Segment, names []Name) ([]log.Spot, error) {
	x, err := s.sealed(seg)
	if err != nil {
		return nil, err
	}
	if x.file != nil {
		spots, err := x.file.listed(names)
		if err == nil {
			return inOrder(spots), nil
		}
		if err := x.mend(err); err != nil {
			return nil, err
		}
	}
	l := listing{names: names}
	for _, v := range x.tab.keys.all() {
		l.add(v)
	}
	for _, v := range x.tab.whole.all() {
		l.spots = append(l.spots, v.spot())
	}
	return inOrder(l.spots), nil
}

// inOrder sorts spots and leaves out what is there twice: an entry may name several keys.
func inOrder(spots []log.Spot) []log.Spot {
	slices.Sort(spots)
	return slices.Compact(spots)
}

// listing collects the spots of records, which come in order, that have one of some names.
type listing struct {
	names []Name // those that may come yet
	spots []log.Spot
}

func (l *listing) add(v record) {
	hash := Name(v >> 32)
	for len(l.names) > 0 && l.names[0] < hash {
		l.names = l.names[1:]
	}
	if len(l.names) > 0 && l.names[0] == hash {
		l.spots = append(l.spots, v.spot())
	}
}

// blocksAtOnce is how many blocks are read together where all are.
const blocksAtOnce = 32

func (x *File) listed(names []Name) ([]log.Spot, error) {
	l := listing{names: names}
	err := x.each(0, x.head.records, l.add)
	if err == nil {
		err = x.each(blocks(x.head.records), x.head.whole, func(v record) { l.spots = append(l.spots, v.spot()) })
	}
	return l.spots, err
}

// each hands so many records to visit, the first of them in the block of a number.
func (x *File) each(number, records uint64, visit func(record)) error {
	buf := make([]byte, blocksAtOnce*blockBytes)
	for records > 0 {
		want := int(min(blocks(records), blocksAtOnce)) * blockBytes
		n, err := x.f.ReadAt(buf[:want], blocksAt+int64(number)*blockBytes)
		if err != nil && !errors.Is(err, io.EOF) {
			return x.bad(err.Error())
		}
		for p := buf[:want]; len(p) > 0; p, number = p[blockBytes:], number+1 {
			if n -= blockBytes; n < 0 || !x.head.isBlock(p[:blockBytes], number) {
				return x.bad("a block fails its CRC")
			}
			here := min(records, perBlock)
			for i := range here {
				visit(record(binary.LittleEndian.Uint64(p[8*i:])))
			}
			records -= here
		}
	}
	return nil
}

// Beside are the entries of a name that are easily told with the one at a spot, that one
// included, in order: of a file those in the block that was looked into last.
func (x *File) Beside(name Name, spot log.Spot) (spots []log.Spot) {
	if x.block == nil || name == Whole {
		return nil
	}
	s := x.of(name)
	from := (x.block.number - s.base) * perBlock
	lo, hi := max(from, s.lo), min(from+perBlock, s.hi)
	least := newRecord(name, 0)
	n := sort.Search(int(max(lo, hi)-lo), func(i int) bool { return x.record(lo+uint64(i)-from) >= least })
	for i := lo + uint64(n); i < hi && x.record(i-from).sameName(least); i++ {
		spots = append(spots, x.record(i-from).spot())
	}
	if _, ok := slices.BinarySearch(spots, spot); !ok {
		return nil
	}
	return spots
}

func (t *table) Beside(Name, log.Spot) []log.Spot { return nil }

func (x shared) Beside(Name, log.Spot) []log.Spot { return nil }

func (x *sealed) Beside(name Name, spot log.Spot) []log.Spot {
	if x.file != nil {
		return x.file.Beside(name, spot)
	}
	return nil
}
