package event

import (
	"cmp"
	"math"
	"strconv"
)

// ID is the id of an entry of a stream: when it came, in ms since 1970, and a number
// among those of the same ms. Entries are in the order of their ids; 0-0 is none.
type ID struct{ MS, Seq uint64 }

// MaxID is the greatest id there can be.
func MaxID() ID { return ID{math.MaxUint64, math.MaxUint64} }

// Compare is -1, 0 or 1 as x is less than, the same as or greater than y.
func (x ID) Compare(y ID) int {
	if c := cmp.Compare(x.MS, y.MS); c != 0 {
		return c
	}
	return cmp.Compare(x.Seq, y.Seq)
}

// Less reports whether x is less than y.
func (x ID) Less(y ID) bool { return x.MS < y.MS || x.MS == y.MS && x.Seq < y.Seq }

// Next is the least id above x; false where x is the greatest there can be.
func (x ID) Next() (ID, bool) {
	if x.Seq++; x.Seq == 0 {
		x.MS++
	}
	return x, x != ID{}
}

// Before is the greatest id below x; false where that is 0-0.
func (x ID) Before() (ID, bool) {
	ok := x != ID{}
	if x.Seq--; x.Seq == math.MaxUint64 {
		x.MS--
	}
	return x, ok
}

// Append appends the id as it is written: 1767225600000-0.
func (x ID) Append(dst []byte) []byte {
	dst = append(strconv.AppendUint(dst, x.MS, 10), '-')
	return strconv.AppendUint(dst, x.Seq, 10)
}

// String is the id as it is written.
func (x ID) String() string { return string(x.Append(nil)) }

// MarshalText is String, for JSON.
func (x ID) MarshalText() ([]byte, error) { return x.Append(nil), nil }
