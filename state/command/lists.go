package command

import (
	"bytes"
	"slices"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// listCommands are the commands on lists; those that wait stand in lists_wait.go.
func listCommands() []*Spec {
	return slices.Concat(listReads(), listEnds(), listPlaces(), listMoves(), listWaits())
}

func listReads() []*Spec {
	key := Arg{Name: "key", Type: "key"}
	read := func(name string, arity int, keys, since, complexity, summary string, decide Decide, more ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: ReadOnly, Keys: oneKey(keys), Categories: "list", Since: since,
			Group: "list", Complexity: complexity, Summary: summary, Args: append([]Arg{key}, more...), Decide: decide,
		}
	}
	llen := read("llen", 2, "RO", "1.0.0", "O(1)", "Returns the length of a list.", llenCommand)
	llen.Flags |= Fast
	option := func(name string) Arg {
		arg := Arg{Name: name, Type: "integer", Flags: "optional"}
		switch name {
		case "rank":
			arg.Token = "RANK"
		case "num-matches":
			arg.Token = "COUNT"
		case "len":
			arg.Token = "MAXLEN"
		}
		return arg
	}
	return []*Spec{
		llen,
		read("lindex", 3, "RO ACCESS", "1.0.0", "O(N) where N is the number of elements to go through; O(1) for the first and the last.",
			"Returns the element at a place of a list.", lindexCommand, Arg{Name: "index", Type: "integer"}),
		read("lrange", 4, "RO ACCESS", "1.0.0", "O(S+N) where S is the distance of the first element from the nearer end and N their number.",
			"Returns the elements of a part of a list.", lrangeCommand, Arg{Name: "start", Type: "integer"}, Arg{Name: "stop", Type: "integer"}),
		read("lpos", -3, "RO ACCESS", "6.0.6", "O(N) where N is the number of elements in the list.",
			"Returns where an element is in a list.", lposCommand,
			Arg{Name: "element", Type: "string"}, option("rank"), option("num-matches"), option("len")),
	}
}

func listEnds() []*Spec {
	key := Arg{Name: "key", Type: "key"}
	push := func(name, keys, since, summary string, side event.Side, must bool) *Spec {
		return &Spec{
			Name: name, Arity: -3, Flags: Write | DenyOOM | Fast, Keys: oneKey(keys), Categories: "list", Since: since, Group: "list",
			Complexity: "O(N) where N is the number of elements given.", Summary: summary,
			Args:   []Arg{key, {Name: "element", Type: "string", Flags: "multiple"}},
			Decide: func(c *Call) { c.push(side, must) },
		}
	}
	pop := func(name, summary string, side event.Side) *Spec {
		return &Spec{
			Name: name, Arity: -2, Flags: Write | Fast, Keys: oneKey("RW ACCESS DELETE"), Categories: "list", Since: "1.0.0", Group: "list",
			Complexity: "O(N) where N is the number of elements returned.", Summary: summary,
			Args:   []Arg{key, {Name: "count", Type: "integer", Flags: "optional"}},
			Decide: func(c *Call) { c.pop(side) },
		}
	}
	return []*Spec{
		push("lpush", "RW INSERT", "1.0.0", "Puts elements at the left of a list and returns its length.", event.Left, false),
		push("rpush", "RW INSERT", "1.0.0", "Puts elements at the right of a list and returns its length.", event.Right, false),
		push("lpushx", "RW INSERT", "2.2.0", "Puts elements at the left of a list, if there is one.", event.Left, true),
		push("rpushx", "RW INSERT", "2.2.0", "Puts elements at the right of a list, if there is one.", event.Right, true),
		pop("lpop", "Removes the first elements of a list and returns them.", event.Left),
		pop("rpop", "Removes the last elements of a list and returns them.", event.Right),
	}
}

func listPlaces() []*Spec {
	key, element := Arg{Name: "key", Type: "key"}, Arg{Name: "element", Type: "string"}
	write := func(name string, arity int, flags Flag, keys, since, complexity, summary string, decide Decide, args ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: Write | flags, Keys: oneKey(keys), Categories: "list", Since: since, Group: "list",
			Complexity: complexity, Summary: summary, Args: append([]Arg{key}, args...), Decide: decide,
		}
	}
	const through = "O(N) where N is the number of elements to go through."
	where := Arg{Name: "where", Type: "oneof", Sub: []Arg{
		{Name: "before", Type: "pure-token", Token: "BEFORE"}, {Name: "after", Type: "pure-token", Token: "AFTER"},
	}}
	return []*Spec{
		write("lset", 4, DenyOOM, "RW UPDATE", "1.0.0", through, "Replaces the element at a place of a list.", lsetCommand,
			Arg{Name: "index", Type: "integer"}, element),
		write("linsert", 5, DenyOOM, "RW INSERT", "2.2.0", through, "Puts an element before or after another one.", linsertCommand,
			where, Arg{Name: "pivot", Type: "string"}, element),
		write("lrem", 4, 0, "RW DELETE", "1.0.0", through, "Removes elements that are equal to one.", lremCommand,
			Arg{Name: "count", Type: "integer"}, element),
		write("ltrim", 4, 0, "RW DELETE", "1.0.0", "O(N) where N is the number of elements removed.", "Removes all but a part of a list.", ltrimCommand,
			Arg{Name: "start", Type: "integer"}, Arg{Name: "stop", Type: "integer"}),
	}
}

// list looks the list at Args[1] up; after an error it is answered and ok false.
func (c *Call) list() (l state.Elements, ok bool) { return c.listAt(c.Args[1]) }

// listAt is list for another key.
func (c *Call) listAt(key []byte) (l state.Elements, ok bool) {
	l, err := c.View.List(key)
	if err != nil {
		c.Fail(err)
		return l, false
	}
	return l, true
}

func llenCommand(c *Call) {
	if l, ok := c.list(); ok {
		c.Out.Int(int64(l.Len()))
	}
}

func lindexCommand(c *Call) {
	l, ok := c.list()
	switch {
	case !ok:
		return
	case l.Len() == 0: // not even the index is looked at
		c.Out.Null()
		return
	}
	i, ok := c.Int(2)
	if !ok {
		return
	}
	if i < 0 {
		i += int64(l.Len())
	}
	if i < 0 || i >= int64(l.Len()) {
		c.Out.Null()
		return
	}
	c.replyValue(l.At(int(i)))
}

// part reads a range of places from Args[i] and Args[i+1], negative ones counted from the
// end, and fits it to n items: from the first up to before the end.
func (c *Call) part(i, n int) (first, end int) {
	start, _ := ParseInt(c.Args[i])
	stop, _ := ParseInt(c.Args[i+1])
	return fitRange(start, stop, n)
}

// fitRange fits places, of which negative ones count from the end and the last is part of
// the range, to n items.
func fitRange(start, stop int64, n int) (first, end int) {
	size := int64(n)
	if start < 0 {
		start = max(0, start+size)
	}
	if stop < 0 {
		stop += size
	}
	stop = min(stop, size-1)
	if start > stop || start >= size {
		return 0, 0
	}
	return int(start), int(stop) + 1
}

// ints reads two integers; after an error it is answered and ok false.
func (c *Call) ints(i, k int) (ok bool) {
	if _, ok = c.Int(i); ok {
		_, ok = c.Int(k)
	}
	return ok
}

func lrangeCommand(c *Call) {
	if !c.ints(2, 3) {
		return
	}
	l, ok := c.list()
	if !ok {
		return
	}
	first, end := c.part(2, l.Len())
	c.Out.Array(end - first)
	for i := first; i < end; i++ {
		c.replyValue(l.At(i))
	}
}

func (c *Call) push(side event.Side, must bool) {
	l, ok := c.list()
	switch {
	case !ok:
		return
	case must && l.Len() == 0:
		c.Out.Int(0)
		return
	}
	c.Events.ListPush(c.Args[1], side, c.Args[2:]...)
	c.Out.Int(int64(l.Len() + len(c.Args) - 2))
}

func (c *Call) pop(side event.Side) {
	count := int64(1)
	switch len(c.Args) {
	case 2:
	case 3:
		var ok bool
		if count, ok = c.positive(2); !ok {
			return
		}
	default:
		c.WrongArity()
		return
	}
	l, ok := c.list()
	switch {
	case !ok:
		return
	case l.Len() == 0 && len(c.Args) == 2:
		c.Out.Null()
		return
	case l.Len() == 0:
		c.Out.NullArray()
		return
	case count == 0:
		c.Out.Array(0)
		return
	}
	n := int(min(count, int64(l.Len())))
	if len(c.Args) == 3 {
		c.Out.Array(n)
	}
	c.take(&l, c.Args[1], side, n)
}

// take answers n elements at an end of a list, that end first, and records that they are
// gone.
func (c *Call) take(l *state.Elements, key []byte, side event.Side, n int) {
	for i := range n {
		if side == event.Right {
			i = l.Len() - 1 - i
		}
		c.Out.Bulk(l.At(i))
	}
	c.Events.ListPop(key, side, n)
}

func lsetCommand(c *Call) {
	l, ok := c.list()
	switch {
	case !ok:
		return
	case l.Len() == 0:
		c.Out.Error(TextNoSuchKey)
		return
	}
	i, ok := c.Int(2)
	if !ok {
		return
	}
	if i < 0 {
		i += int64(l.Len())
	}
	if i < 0 || i >= int64(l.Len()) {
		c.Out.Error("ERR index out of range")
		return
	}
	c.Events.ListSet(c.Args[1], int(i), c.Args[3])
	c.Out.OK()
}

func linsertCommand(c *Call) {
	after := c.Is(2, "AFTER")
	if !after && !c.Is(2, "BEFORE") {
		c.Out.Error(TextSyntax)
		return
	}
	l, ok := c.list()
	switch {
	case !ok:
		return
	case l.Len() == 0:
		c.Out.Int(0)
		return
	}
	for i := range l.Len() {
		if !bytes.Equal(l.At(i), c.Args[3]) {
			continue
		}
		if after {
			i++
		}
		c.Events.ListInsert(c.Args[1], i, c.Args[4])
		c.Out.Int(int64(l.Len() + 1))
		return
	}
	c.Out.Int(-1)
}

func lremCommand(c *Call) {
	count, ok := c.Int(2)
	if !ok {
		return
	}
	l, ok := c.list()
	if !ok {
		return
	}
	var places []int
	for k := range l.Len() {
		i := k
		if count < 0 {
			i = l.Len() - 1 - k
		}
		if bytes.Equal(l.At(i), c.Args[3]) {
			if places = append(places, i); int64(len(places)) == count || -int64(len(places)) == count {
				break
			}
		}
	}
	if len(places) > 0 {
		slices.Sort(places)
		c.Events.ListRemove(c.Args[1], places...)
	}
	c.Out.Int(int64(len(places)))
}

func ltrimCommand(c *Call) {
	if !c.ints(2, 3) {
		return
	}
	l, ok := c.list()
	if !ok {
		return
	}
	first, end := c.part(2, l.Len())
	switch {
	case l.Len() == 0:
	case first == end: // nothing is left
		c.Events.ListPop(c.Args[1], event.Left, l.Len())
	default:
		if end < l.Len() {
			c.Events.ListPop(c.Args[1], event.Right, l.Len()-end)
		}
		if first > 0 {
			c.Events.ListPop(c.Args[1], event.Left, first)
		}
	}
	c.Out.OK()
}
