package command

import (
	"cmp"
	"slices"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// setAlgebra are the commands that make one set of several.
func setAlgebra() []*Spec {
	keys, destination := Arg{Name: "key", Type: "key", Flags: "multiple"}, Arg{Name: "destination", Type: "key"}
	const (
		least = "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets."
		total = "O(N) where N is the total number of members in all given sets."
	)
	answer := func(name, complexity, summary string, decide Decide) *Spec {
		return &Spec{
			Name: name, Arity: -2, Flags: ReadOnly, Keys: []Keys{keysAt(1, -1, 1, "RO ACCESS")}, Categories: "set", Since: "1.0.0", Group: "set",
			Complexity: complexity, Summary: summary, Args: []Arg{keys}, Tips: "nondeterministic_output_order", Decide: decide,
		}
	}
	store := func(name, destinationFlags, complexity, summary string, decide Decide) *Spec {
		return &Spec{
			Name: name, Arity: -3, Flags: Write | DenyOOM, Keys: []Keys{keysAt(1, 1, 1, destinationFlags), keysAt(2, -1, 1, "RO ACCESS")},
			Categories: "set", Since: "1.0.0", Group: "set", Complexity: complexity, Summary: summary, Args: []Arg{destination, keys}, Decide: decide,
		}
	}
	return []*Spec{
		answer("sinter", least, "Returns the members that all sets have.", func(c *Call) { c.replySet(1, intersection) }),
		answer("sunion", total, "Returns the members of any of the sets.", func(c *Call) { c.replySet(1, union) }),
		answer("sdiff", total, "Returns the members of the first set that no other has.", func(c *Call) { c.replySet(1, difference) }),
		store("sinterstore", "RW UPDATE", least, "Stores the members that all sets have.", func(c *Call) { c.storeSet(intersection) }),
		store("sunionstore", "OW UPDATE", total, "Stores the members of any of the sets.", func(c *Call) { c.storeSet(union) }),
		store("sdiffstore", "OW UPDATE", total, "Stores the members of the first set that no other has.", func(c *Call) { c.storeSet(difference) }),
		{
			Name: "sintercard", Arity: -3, Flags: ReadOnly | MovableKeys, Keys: []Keys{keysCounted(1, "RO ACCESS")}, Categories: "set",
			Since: "7.0.0", Group: "set", Complexity: least, Summary: "Counts the members that all sets have.",
			Args: []Arg{{Name: "numkeys", Type: "integer"}, keys, {Name: "limit", Type: "integer", Token: "LIMIT", Flags: "optional"}}, Decide: sintercardCommand,
		},
	}
}

// operation makes one set of several.
type operation func(sets []state.Members) (members [][]byte)

// sets looks up the sets at some keys; after an error it is answered and ok false.
func (c *Call) sets(keys [][]byte) (sets []state.Members, ok bool) {
	sets = make([]state.Members, len(keys))
	for i, key := range keys {
		m, err := c.View.Set(key)
		if err != nil {
			c.Fail(err)
			return nil, false
		}
		sets[i] = m
	}
	return sets, true
}

// replySet answers what an operation makes of the sets at Args[first] and behind it.
func (c *Call) replySet(first int, of operation) {
	sets, ok := c.sets(c.Args[first:])
	if !ok {
		return
	}
	members := of(sets)
	c.Out.Set(len(members))
	for _, m := range members {
		c.replyValue(m)
	}
}

// storeSet gives the key at Args[1] what an operation makes of the sets behind it.
func (c *Call) storeSet(of operation) {
	sets, ok := c.sets(c.Args[2:])
	if !ok {
		return
	}
	members := of(sets)
	why := event.Overwritten
	if len(members) == 0 {
		why = event.User
	}
	if c.View.Type(c.Args[1]) != state.None {
		c.Events.Delete(c.Args[1], why)
	}
	c.expectItems(members, 0)
	for some := range slices.Chunk(members, itemsAtOnce(c.Args[1])) {
		c.Events.SetAdd(c.Args[1], some...)
	}
	c.Tell()
	c.Out.Int(int64(len(members)))
}

// expectItems makes room for events that name some members, each with so many bytes more.
func (c *Call) expectItems(members [][]byte, more int) {
	if len(members) <= eventItems { // it grows soon enough
		return
	}
	bytes := 0
	for _, m := range members {
		bytes += len(m) + 2 + more
	}
	c.Events.Grow(bytes)
}

// eventItems is how many members one event names at most: whoever reads it needs room for
// all of them at once.
const eventItems = 4096

// itemsAtOnce is eventItems, but more where the key is long: each event names it, and those
// of a key of 100 MB with a million members would take 25 GB. So they take no more than 16
// bytes for each of them beside what a single event would.
func itemsAtOnce(key []byte) int { return max(eventItems, len(key)/16) }

// intersection is the members that all have. It goes through the smallest set.
func intersection(sets []state.Members) (members [][]byte) {
	intersect(sets, func(m []byte) bool {
		members = append(members, m)
		return true
	})
	return members
}

// intersect hands out the members that all sets have, until it is told to stop.
func intersect(sets []state.Members, found func(member []byte) (goOn bool)) {
	slices.SortStableFunc(sets, func(a, b state.Members) int { return cmp.Compare(a.Len(), b.Len()) })
	for i := range sets[0].Len() {
		m := sets[0].At(i)
		inAll := true
		for k := 1; k < len(sets) && inAll; k++ {
			inAll = sets[k].Has(m)
		}
		if inAll && !found(m) {
			return
		}
	}
}

// union is the members of any.
func union(sets []state.Members) [][]byte {
	total := 0
	for i := range sets {
		total += sets[i].Len()
	}
	members, n := make([][]byte, total), 0
	if state.UnionOf(sets, func(m []byte) {
		members[n] = m
		n++
	}) {
		return members[:n]
	}
	var seen distinct
	for i := range sets {
		for k := range sets[i].Len() {
			members[n] = sets[i].At(k)
			if seen.first(members, 0, n, 1) {
				n++
			}
		}
	}
	return members[:n]
}

// difference is the members of the first that no other has. Where the others are small
// they are gone through, otherwise the first is: whichever is less work.
func difference(sets []state.Members) (members [][]byte) {
	first, others := &sets[0], sets[1:]
	inOthers := 0
	for i := range others {
		inOthers += others[i].Len()
	}
	if first.Len()*len(others) <= first.Len()+inOthers {
		for i := range first.Len() {
			m := first.At(i)
			if !slices.ContainsFunc(others, func(o state.Members) bool { return o.Has(m) }) {
				members = append(members, m)
			}
		}
		return members
	}
	gone := map[string]bool{}
	for i := range others {
		for k := range others[i].Len() {
			if m := others[i].At(k); first.Has(m) {
				gone[string(m)] = true
			}
		}
	}
	for i := range first.Len() {
		if m := first.At(i); !gone[string(m)] {
			members = append(members, m)
		}
	}
	return members
}

func sintercardCommand(c *Call) {
	keys, rest, ok := c.countedKeys(1)
	if !ok {
		return
	}
	limit := int64(0)
	for i := rest; i < len(c.Args); i += 2 {
		if !c.Is(i, "LIMIT") || i+1 == len(c.Args) {
			c.Out.Error(TextSyntax)
			return
		}
		n, ok := ParseInt(c.Args[i+1])
		if !ok || n < 0 {
			c.Out.Error("ERR LIMIT can't be negative")
			return
		}
		limit = n
	}
	sets, ok := c.sets(keys)
	if !ok {
		return
	}
	n := int64(0)
	intersect(sets, func([]byte) bool {
		n++
		return n != limit
	})
	c.Out.Int(n)
}

// countedKeys reads the number of keys at Args[i] and gives them, and the index of what
// comes behind them; after an error it is answered.
func (c *Call) countedKeys(i int) (keys [][]byte, rest int, ok bool) {
	n, ok := ParseInt(c.Args[i])
	switch {
	case !ok || n <= 0:
		c.Out.Error("ERR numkeys should be greater than 0")
		return nil, 0, false
	case n > int64(len(c.Args)-i-1):
		c.Out.Error("ERR Number of keys can't be greater than number of args")
		return nil, 0, false
	}
	rest = i + 1 + int(n)
	return c.Args[i+1 : rest], rest, true
}
