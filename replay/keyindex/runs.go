package keyindex

import (
	"slices"

	"github.com/altilium-db/altilium/log"
)

// record is an entry under a name: the hash in the upper half, the spot in the lower. So
// records in order are the entries of each name, in order.
type record uint64

func newRecord(name Name, spot log.Spot) record { return record(uint32(name))<<32 | record(spot) }

func (r record) spot() log.Spot { return log.Spot(uint32(r)) }

func (r record) sameName(other record) bool { return r>>32 == other>>32 }

// runs is records in memory: sorted runs, each less than half as long as the one before,
// and a few that have just come, or as many as there was room made for. To keep all in one
// sorted run would move all of them each time; this moves each as often as there are runs,
// about twenty times in a million.
type runs struct {
	sorted [][]record
	fresh  []record
}

// mostFresh is how many records are added before they are sorted, looked for or not.
const mostFresh = 1024

func (r *runs) add(v record) {
	if r.fresh == nil {
		r.fresh = make([]record, 0, mostFresh)
	}
	r.fresh = append(r.fresh, v)
	if len(r.fresh) == cap(r.fresh) {
		r.settle()
	}
}

// settle makes a run of the fresh ones.
func (r *runs) settle() {
	if len(r.fresh) == 0 {
		return
	}
	run := r.fresh
	sortRecords(run, 56)
	for n := len(r.sorted); n > 0 && len(r.sorted[n-1]) < 2*len(run); n-- {
		run = merge(r.sorted[n-1], run)
		r.sorted = r.sorted[:n-1]
	}
	r.sorted, r.fresh = append(r.sorted, run), nil
}

// sortRecords sorts records that differ in their bits below shift+8 only, in place: by the
// eight bits from shift on, then each part by the next eight. Hashes are spread evenly, so
// after two or three steps what is left of a part is a handful. Comparing would take three
// times as long for the records of a segment.
func sortRecords(all []record, shift int) {
	if len(all) <= 64 || shift < 0 {
		slices.Sort(all)
		return
	}
	var from, to [256]int // of each part: what is not in its place yet
	for _, v := range all {
		to[byte(v>>shift)]++
	}
	sum := 0
	for i, n := range to {
		from[i] = sum
		sum += n
		to[i] = sum
	}
	for part := range to {
		for from[part] < to[part] {
			v := all[from[part]]
			for at := int(byte(v >> shift)); at != part; at = int(byte(v >> shift)) {
				all[from[at]], v = v, all[from[at]]
				from[at]++
			}
			all[from[part]] = v
			from[part]++
		}
	}
	begin := 0
	for _, end := range to {
		sortRecords(all[begin:end], shift-8)
		begin = end
	}
}

// merge makes one run of two.
func merge(a, b []record) []record {
	out := make([]record, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] < b[0] {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// before is the greatest record below v.
func (r *runs) before(v record) (best record, ok bool) {
	r.settle()
	for _, run := range r.sorted {
		if i, _ := slices.BinarySearch(run, v); i > 0 && (!ok || run[i-1] > best) {
			best, ok = run[i-1], true
		}
	}
	return best, ok
}

// after is the least record that is v or above.
func (r *runs) after(v record) (best record, ok bool) {
	r.settle()
	for _, run := range r.sorted {
		if i, _ := slices.BinarySearch(run, v); i < len(run) && (!ok || run[i] < best) {
			best, ok = run[i], true
		}
	}
	return best, ok
}

// all makes one run of all, and gives that.
func (r *runs) all() []record {
	r.settle()
	for n := len(r.sorted); n > 1; n-- {
		r.sorted = append(r.sorted[:n-2], merge(r.sorted[n-2], r.sorted[n-1]))
	}
	if len(r.sorted) == 0 {
		return nil
	}
	return r.sorted[0]
}
