package command

import (
	"bytes"

	"github.com/altilium-db/altilium/state"
)

// lexRange is a range of texts, which is meant for members with one score: those are in
// the order of their bytes. Redis says that with several scores the answer is "unspecified".
// Of a small sorted set it is not, though: the members are gone through one by one, so what
// is found depends on where the first and the last member lie. We do the same. In a large
// one it depends on the levels that Redis has drawn for its skip list; there we search as
// if the scores were alike.
type lexRange struct{ low, high lexEnd }

// in is the part of a sorted set that a range covers, and of that what LIMIT leaves.
func (r lexRange) in(z *state.Ranked, o rangeOptions) (first, end int) {
	if !z.Small() {
		first = z.Seek(func(m []byte, _ float64) bool { return r.low.above(m, true) })
		end = z.Seek(func(m []byte, _ float64) bool { return r.high.above(m, false) })
		return o.limited(first, max(first, end))
	}
	n := z.Len()
	if n == 0 || r.isEmpty() || !r.begun(z, n-1) || r.over(z, 0) {
		return 0, 0
	}
	if o.reverse {
		for end = n; end > 0 && r.over(z, end-1); end-- {
		}
		if end == 0 || !r.begun(z, end-1) || o.offset < 0 || o.offset >= int64(end) {
			return 0, 0
		}
		end -= int(o.offset) // over whatever lies there
		for first = end; first > 0 && r.begun(z, first-1) && o.hasRoom(end-first); first-- {
		}
		return first, end
	}
	for first < n && !r.begun(z, first) {
		first++
	}
	if first == n || r.over(z, first) || o.offset < 0 || o.offset >= int64(n-first) {
		return 0, 0
	}
	first += int(o.offset)
	for end = first; end < n && !r.over(z, end) && o.hasRoom(end-first); end++ {
	}
	return first, end
}

// begun reports whether the member at a place is not before the range.
func (r lexRange) begun(z *state.Ranked, place int) bool {
	member, _ := z.At(place)
	return !r.low.above(member, true)
}

// over reports whether the member at a place is behind the range.
func (r lexRange) over(z *state.Ranked, place int) bool {
	member, _ := z.At(place)
	return !r.high.above(member, false)
}

// isEmpty reports whether nothing can lie in the range.
func (r lexRange) isEmpty() bool {
	if r.low.beyond != 0 || r.high.beyond != 0 {
		return r.low.beyond >= r.high.beyond
	}
	order := bytes.Compare(r.low.text, r.high.text)
	return order > 0 || order == 0 && (r.low.without || r.high.without)
}

// lexEnd is an end of a range of texts.
type lexEnd struct {
	text    []byte
	without bool // itself
	beyond  int  // -1 before all texts, 1 behind them
}

func parseLexEnd(text []byte) (e lexEnd, ok bool) {
	if len(text) == 0 {
		return e, false
	}
	alone := len(text) == 1 || text[1] == 0
	switch text[0] {
	case '-':
		return lexEnd{beyond: -1}, alone
	case '+':
		return lexEnd{beyond: 1}, alone
	case '(':
		return lexEnd{text: text[1:], without: true}, true
	case '[':
		return lexEnd{text: text[1:]}, true
	}
	return e, false
}

// above reports whether a member comes before the end: before the range that begins there,
// or in or before the one that ends there.
func (e lexEnd) above(member []byte, begins bool) bool {
	if e.beyond != 0 {
		return e.beyond > 0
	}
	switch order := bytes.Compare(member, e.text); {
	case order != 0:
		return order < 0
	default:
		return e.without == begins
	}
}
