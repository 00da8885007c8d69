package command

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// sortItem is an element with what it is compared by.
type sortItem struct {
	element []byte
	score   float64
	weight  []byte // of ALPHA with BY
	weighed bool   // there is one
}

// weigh finds what the elements are compared by; ok is false where something is no number
// and should be one. What is missing counts as 0, or less than any text.
func (s *sorting) weigh(c *Call, items []sortItem) (ok bool) {
	if s.alpha && s.by == nil {
		return true
	}
	ok = true
	for i := range items { // all of them, though one is bad: Redis looks up all
		text := items[i].element
		if s.by != nil {
			var there bool
			if text, there = s.lookup(c, s.by, text); !there {
				continue
			}
		}
		if s.alpha {
			items[i].weight, items[i].weighed = text, true
			continue
		}
		score, number := parseWeight(text)
		items[i].score, ok = score, ok && number
	}
	return ok
}

// parseWeight reads a number as SORT does: blanks may stand before it, a zero byte ends it,
// nothing is 0, and one that a double cannot hold is refused, be it too small.
func parseWeight(text []byte) (f float64, ok bool) {
	if text = cString(text); len(text) == 0 {
		return 0, true
	}
	digits := bytes.TrimLeft(text, " \t\n\v\f\r")
	f, err := strtod(string(digits))
	if err != nil || math.IsNaN(f) {
		return 0, false
	}
	const normal = 0x1p-1022 // what is less loses digits, and C's strtod says so, but in hexadecimal
	small := math.Abs(f) < normal && hasMantissa(digits) && (f == 0 || !bytes.ContainsAny(digits, "xX"))
	return f, !small || math.IsInf(f, 0)
}

// cString is what C sees of a text: nothing from a zero byte on.
func cString(text []byte) []byte {
	if i := bytes.IndexByte(text, 0); i >= 0 {
		return text[:i]
	}
	return text
}

// compare says which of two comes first. Of those with the same number it is that which is
// less as a text.
func (s *sorting) compare(a, b *sortItem) int {
	order := 0
	switch {
	case !s.alpha:
		if order = cmp.Compare(a.score, b.score); order == 0 {
			order = bytes.Compare(a.element, b.element)
		}
	case s.by == nil:
		order = s.collate(a.element, b.element)
	case a.weighed != b.weighed:
		order = 1
		if b.weighed {
			order = -1
		}
	default:
		order = s.collate(a.weight, b.weight)
	}
	if s.descending {
		return -order
	}
	return order
}

// collate compares two texts: to be stored by all their bytes, to be answered as C does in
// its own locale.
func (s *sorting) collate(a, b []byte) int {
	if s.store > 0 {
		return bytes.Compare(a, b)
	}
	return bytes.Compare(cString(a), cString(b))
}

// lookup is what a pattern stands for with an element in place of its first *: a string's
// value, or behind -> that of a hash's field; # is the element. ok is false where there is
// no such thing. What it returns is valid until the next Apply.
func (s *sorting) lookup(c *Call, pattern, element []byte) (value []byte, ok bool) {
	if IsWord(pattern, "#") {
		return element, true
	}
	text := cString(pattern)
	star := bytes.IndexByte(text, '*')
	if star < 0 {
		return nil, false
	}
	behind, field := pattern[star+1:], []byte(nil)
	if arrow := bytes.Index(text[star+1:], []byte("->")); arrow >= 0 && star+1+arrow+2 < len(text) {
		behind, field = behind[:arrow], behind[arrow+2:]
	}
	s.key = append(append(append(s.key[:0], pattern[:star]...), element...), behind...)
	if c.Missed != nil && c.View.Type(s.key) == state.None {
		c.Missed(s.key)
	}
	if field == nil {
		value, ok, _ = c.View.String(s.key)
		return value, ok
	}
	h, err := c.View.Hash(s.key)
	if err != nil {
		return nil, false
	}
	return h.Get(field)
}

// each hands what is to be answered to fn, null where there is nothing, until fn returns
// false.
func (s *sorting) each(c *Call, items []sortItem, fn func(pattern, value []byte, ok bool) bool) {
	for i := range items {
		if s.gets == nil && !fn(nil, items[i].element, true) {
			return
		}
		for _, pattern := range s.gets {
			value, ok := s.lookup(c, pattern, items[i].element)
			if !fn(pattern, value, ok) {
				return
			}
		}
	}
}

func (s *sorting) reply(c *Call, items []sortItem) {
	limit := NewLimit(c.Out)
	c.Out.Array(len(items) * max(1, len(s.gets)))
	s.each(c, items, func(pattern, value []byte, ok bool) bool {
		switch {
		case !ok:
			c.Out.Null()
		case pattern == nil || IsWord(pattern, "#") || c.View.Type(s.key) == state.Hash:
			c.replyValue(value)
		default:
			replyPart(c, s.key, value, value)
		}
		if limit.Exceeded() {
			limit.Refuse()
			return false
		}
		return true
	})
}

// maxGot is how many elements SORT stores where several GETs make them more than there are:
// those that are missing take no bytes, and a small request may ask for any number of them.
const maxGot = 1 << 24

// storeIn gives the key that is named for it a list of what was found, whatever it held.
// What is missing is an empty element.
func (s *sorting) storeIn(c *Call, items []sortItem) {
	n := len(items) * max(1, len(s.gets))
	if n > max(len(items), maxGot) {
		c.Out.Error("ERR this would store more than 16777216 elements: ask for less at once")
		return
	}
	elements := make([][]byte, 0, n)
	bytes := 0
	s.each(c, items, func(_, value []byte, _ bool) bool {
		elements = append(elements, value)
		bytes += len(value)
		return bytes <= MaxReplies
	})
	if bytes > MaxReplies {
		c.Out.Error(textChange)
		return
	}
	why := event.Overwritten
	if len(elements) == 0 {
		why = event.User
	}
	key := c.Args[s.store]
	if c.View.Type(key) != state.None {
		c.Events.Delete(key, why)
	}
	for some := range slices.Chunk(elements, itemsAtOnce(key)) {
		c.Events.ListPush(key, event.Right, some...)
	}
	c.Tell()
	c.Out.Int(int64(len(elements)))
}
