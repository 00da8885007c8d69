package command

import (
	"cmp"
	"slices"

	"github.com/altilium-db/altilium/state"
)

// sortCommands are SORT and SORT_RO.
func sortCommands() []*Spec {
	unknown := Keys{Unknown: true, Flags: "RO ACCESS"} // those that BY and GET make of elements
	sorts := func(name, since, summary string, flags Flag, keys ...Keys) *Spec {
		return &Spec{
			Name: name, Arity: -2, Flags: flags | MovableKeys, Keys: append(oneKey("RO ACCESS"), keys...),
			Categories: "set sortedset list dangerous", Since: since, Group: "generic",
			Complexity: "O(N+M*log(M)) where N is the number of elements and M of those that are returned; O(N) where they are not sorted.",
			Summary:    summary, Args: sortArgs(), Decide: sortCommand,
		}
	}
	sort := sorts("sort", "1.0.0", "Returns the elements of a list, set or sorted set in order, or stores them.", Write|DenyOOM, unknown,
		Keys{First: 2, Keyword: "STORE", Unknown: true, Flags: "OW UPDATE", Skip: []Option{{"LIMIT", 2}, {"GET", 1}, {"BY", 1}}})
	sort.Args = append(sort.Args, Arg{Name: "destination", Type: "key", Token: "STORE", Flags: "optional"})
	return []*Spec{sort, sorts("sort_ro", "7.0.0", "Returns the elements of a list, set or sorted set in order.", ReadOnly, unknown)}
}

func sortArgs() []Arg {
	return []Arg{
		{Name: "key", Type: "key"},
		{Name: "by-pattern", Type: "pattern", Token: "BY", Flags: "optional"},
		{Name: "limit", Type: "block", Token: "LIMIT", Flags: "optional", Sub: []Arg{
			{Name: "offset", Type: "integer"}, {Name: "count", Type: "integer"}}},
		{Name: "get-pattern", Type: "pattern", Token: "GET", Flags: "optional multiple multiple_token"},
		{Name: "order", Type: "oneof", Flags: "optional", Sub: []Arg{
			{Name: "asc", Type: "pure-token", Token: "ASC"}, {Name: "desc", Type: "pure-token", Token: "DESC"}}},
		{Name: "sorting", Type: "pure-token", Token: "ALPHA", Flags: "optional"},
	}
}

// sorting is what SORT is asked for.
type sorting struct {
	by       *sortPattern // of what elements are compared by; nil: they themselves
	unsorted bool         // it has no *: they are left in their own order
	gets     []sortPattern

	offset, count     int64 // of LIMIT; a negative count: all
	descending, alpha bool

	store int // which argument is the key that takes the result; 0: none

	left  int          // of maxSortWork
	key   []byte       // the last one that was made of a pattern
	keyOf *sortPattern // which one
}

func sortCommand(c *Call) {
	s := sorting{count: -1, left: maxSortWork}
	if !s.read(c) {
		return
	}
	from, ok := c.sortable(c.Args[1])
	if !ok {
		return
	}
	if s.unsorted && from.isSet && s.store > 0 { // so that what is stored follows from the members alone
		s.unsorted, s.alpha, s.by = false, true, nil
	}
	first, end := s.span(from.n)
	if !s.affords(from.n, end-first) {
		c.Out.Error(textSortWork)
		return
	}
	var items []sortItem
	if s.unsorted {
		items = s.unsortedItems(&from, first, end)
	} else {
		items = from.items()
		if !s.weigh(c, items) {
			c.Out.Error("ERR One or more scores can't be converted into double")
			return
		}
		items = s.sort(items, first, end)
	}
	switch {
	case s.left < 0:
		c.Out.Error(textSortWork)
	case s.store > 0:
		s.storeIn(c, items)
	default:
		s.reply(c, items)
	}
}

// read reads all options; after an error it is answered and ok false.
func (s *sorting) read(c *Call) (ok bool) {
	for i := 2; i < len(c.Args); i++ {
		follow := len(c.Args) - i - 1
		switch {
		case c.Is(i, "ASC"):
			s.descending = false
		case c.Is(i, "DESC"):
			s.descending = true
		case c.Is(i, "ALPHA"):
			s.alpha = true
		case c.Is(i, "LIMIT") && follow >= 2:
			if !c.ints(i+1, i+2) {
				return false
			}
			s.offset, _ = ParseInt(c.Args[i+1])
			s.count, _ = ParseInt(c.Args[i+2])
			i += 2
		case c.Is(i, "STORE") && follow >= 1 && c.Spec.Flags&Write != 0:
			i++
			s.store = i
		case c.Is(i, "BY") && follow >= 1:
			i++
			by := newSortPattern(c.Args[i])
			s.by = &by
			// Once without a *, for good: a later BY with one changes nothing, as in Redis.
			s.unsorted = s.unsorted || by.fixed
		case c.Is(i, "GET") && follow >= 1:
			i++
			s.gets = append(s.gets, newSortPattern(c.Args[i]))
		default:
			c.Out.Error(TextSyntax)
			return false
		}
	}
	return true
}

// span is which of n elements LIMIT leaves, in order: from the first to before the end.
func (s *sorting) span(n int) (first, end int) {
	first, end = int(min(max(s.offset, 0), int64(n))), n
	if s.count >= 0 {
		end = min(n, first+int(min(s.count, int64(n))))
	}
	return first, end
}

// sortable is what can be sorted: n elements by their places.
type sortable struct {
	n     int
	at    func(i int) []byte
	isSet bool
}

// sortable looks up what is to be sorted; after an error it is answered and ok false.
func (c *Call) sortable(key []byte) (from sortable, ok bool) {
	switch c.View.Type(key) {
	case state.None:
		return from, true
	case state.List:
		l, _ := c.View.List(key)
		return sortable{n: l.Len(), at: l.At}, true
	case state.Set:
		m, _ := c.View.Set(key)
		return sortable{n: m.Len(), at: m.At, isSet: true}, true
	case state.ZSet:
		z, _ := c.View.ZSet(key)
		return sortable{n: z.Len(), at: func(i int) []byte { member, _ := z.At(i); return member }}, true
	}
	c.Fail(state.ErrWrongType)
	return from, false
}

// items are all elements.
func (from *sortable) items() []sortItem {
	items := make([]sortItem, from.n)
	for i := range items {
		items[i].element, items[i].place = from.at(i), i
	}
	return items
}

// unsortedItems are those in the order that they have; DESC turns it round, but for a set,
// whose order means nothing.
func (s *sorting) unsortedItems(from *sortable, first, end int) []sortItem {
	items := make([]sortItem, 0, end-first)
	for i := first; i < end; i++ {
		place := i
		if s.descending && !from.isSet {
			place = from.n - 1 - i
		}
		items = append(items, sortItem{element: from.at(place)})
	}
	return items
}

// sort brings those from first to before the end to their places, and returns them.
func (s *sorting) sort(items []sortItem, first, end int) []sortItem {
	if s.by != nil && end-first < len(items) { // as Redis, which shows by ALPHA in which order equal ones come
		sortPart(items, first, end-1, s.compare)
	} else {
		slices.SortFunc(items, func(a, b sortItem) int {
			if order := s.compare(&a, &b); order != 0 || s.left < 0 {
				return order
			}
			return cmp.Compare(a.place, b.place)
		})
	}
	return items[first:end]
}
