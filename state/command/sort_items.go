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
	weight  []byte // of ALPHA; nil: there is none
	place   int    // among the elements, in their own order
}

// weigh finds what the elements are compared by; ok is false where something is no number
// and should be one. What is missing counts as 0, or less than any text. To be stored, texts
// are compared by all their bytes, to be answered as C does in its own locale.
func (s *sorting) weigh(c *Call, items []sortItem) (ok bool) {
	ok = true
	for i := range items { // all of them, though one is bad: Redis looks up all
		if s.left < 0 {
			return true
		}
		text := items[i].element
		if s.by != nil {
			var there bool
			if text, there = s.lookup(c, s.by, text); !there {
				continue
			}
		}
		if !s.alpha || s.store == 0 {
			text = cString(text)
			s.left -= len(text)
		}
		if s.alpha {
			items[i].weight = text
			if text == nil {
				items[i].weight = []byte{} // there is one, and it is empty
			}
			continue
		}
		if s.left -= digitWork * len(text); s.left < 0 {
			return true
		}
		score, number := parseWeight(text)
		items[i].score, ok = score, ok && number
	}
	return ok
}

// parseWeight reads a number as SORT does: blanks may stand before it, nothing is 0, and one
// that a double cannot hold is refused, be it too small.
func parseWeight(text []byte) (f float64, ok bool) {
	if len(text) == 0 {
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
// less as a text. Once there has been too much work all are the same, which soon ends a sort.
func (s *sorting) compare(a, b *sortItem) int {
	order := 0
	s.left -= compareWork
	switch {
	case s.left < 0:
		return 0
	case !s.alpha:
		if order = cmp.Compare(a.score, b.score); order == 0 {
			order = s.collate(a.element, b.element)
		}
	case (a.weight == nil) != (b.weight == nil):
		order = 1
		if a.weight == nil {
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

// collate compares two texts by their bytes. Where they are long and begin alike that is
// work by itself.
func (s *sorting) collate(a, b []byte) int {
	if more := min(len(a), len(b)) - compareWork; more > 0 {
		if order := bytes.Compare(a[:compareWork], b[:compareWork]); order != 0 {
			return order
		}
		s.left -= more
	}
	return bytes.Compare(a, b)
}

// lookup is what a pattern stands for with an element in place of its *: a string's value,
// or that of a hash's field; of # it is the element. ok is false where there is no such
// thing. What it returns is valid until the next Apply.
func (s *sorting) lookup(c *Call, p *sortPattern, element []byte) (value []byte, ok bool) {
	if p.isElement {
		return element, true
	}
	if p.fixed {
		return nil, false
	}
	if s.keyOf != p {
		s.keyOf, s.key = p, append(s.key[:0], p.before...)
	}
	s.key = append(append(s.key[:len(p.before)], element...), p.behind...)
	s.left -= p.work() + keyWork*len(element)
	if c.Missed != nil && c.View.Type(s.key) == state.None {
		s.left -= missWork * len(s.key)
		c.Missed(s.key)
	}
	if p.field == nil {
		value, ok, _ = c.View.String(s.key)
		return value, ok
	}
	h, err := c.View.Hash(s.key)
	if err != nil {
		return nil, false
	}
	return h.Get(p.field)
}

// each hands what is to be answered to fn, null where there is nothing, until fn returns
// false. ok is false if that was too much work.
func (s *sorting) each(c *Call, items []sortItem, fn func(p *sortPattern, value []byte, ok bool) bool) (ok bool) {
	for i := range items {
		if s.gets == nil && !fn(nil, items[i].element, true) {
			return true
		}
		for g := range s.gets {
			p := &s.gets[g]
			value, there := s.lookup(c, p, items[i].element)
			if s.left < 0 {
				return false
			}
			if !fn(p, value, there) {
				return true
			}
		}
	}
	return true
}

func (s *sorting) reply(c *Call, items []sortItem) {
	limit := NewLimit(c.Out)
	c.Out.Array(len(items) * max(1, len(s.gets)))
	ok := s.each(c, items, func(p *sortPattern, value []byte, ok bool) bool {
		switch {
		case !ok:
			c.Out.Null()
		case p == nil || p.isElement || p.field != nil:
			c.replyValue(value)
		default:
			replyPart(c, s.key, len(value), value)
		}
		if limit.Exceeded() {
			limit.Refuse()
			return false
		}
		return true
	})
	if !ok {
		limit.Drop()
		c.Out.Error(textSortWork)
	}
}

// storeIn gives the key that is named for it a list of what was found, whatever it held.
// What is missing is an empty element.
func (s *sorting) storeIn(c *Call, items []sortItem) {
	elements := make([][]byte, 0, len(items)*max(1, len(s.gets)))
	bytes := 0
	ok := s.each(c, items, func(_ *sortPattern, value []byte, _ bool) bool {
		elements = append(elements, value)
		bytes += len(value)
		return bytes <= MaxReplies
	})
	switch {
	case !ok:
		c.Out.Error(textSortWork)
		return
	case bytes > MaxReplies:
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
	c.expectItems(elements, 0)
	for some := range slices.Chunk(elements, itemsAtOnce(key)) {
		c.Events.ListPush(key, event.Right, some...)
	}
	c.Tell()
	c.Out.Int(int64(len(elements)))
}
