package command

import (
	"math"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// listWaits are the commands that wait for an element to come.
func listWaits() []*Spec {
	keys, timeout := Arg{Name: "key", Type: "key", Flags: "multiple"}, Arg{Name: "timeout", Type: "double"}
	source, destination := Arg{Name: "source", Type: "key"}, Arg{Name: "destination", Type: "key"}
	const several = "O(N) where N is the number of keys."
	pop := func(name, summary string, side event.Side) *Spec {
		return &Spec{
			Name: name, Arity: -3, Flags: Write | NoScript | Blocking, Keys: []Keys{keysAt(1, -2, 1, "RW ACCESS DELETE")}, Categories: "list",
			Since: "2.0.0", Group: "list", Complexity: several, Summary: summary, Args: []Arg{keys, timeout},
			Decide: func(c *Call) { c.waitPop(side) },
		}
	}
	return []*Spec{
		pop("blpop", "Removes the first element of the first list that has one, or waits for one.", event.Left),
		pop("brpop", "Removes the last element of the first list that has one, or waits for one.", event.Right),
		{
			Name: "blmove", Arity: 6, Flags: Write | DenyOOM | NoScript | Blocking, Keys: moveKeys(), Categories: "list", Since: "6.2.0", Group: "list",
			Complexity: "O(1)", Summary: "Moves an element from an end of a list to an end of another, or waits for one.",
			Args: []Arg{source, destination, sideArg("wherefrom"), sideArg("whereto"), timeout}, Decide: blmoveCommand,
		},
		{
			Name: "brpoplpush", Arity: 4, Flags: Write | DenyOOM | NoScript | Blocking, Keys: moveKeys(), Categories: "list", Since: "2.2.0", Group: "list",
			Complexity: "O(1)", Summary: "Moves the last element of a list to the left of another, or waits for one.",
			Args: []Arg{source, destination, timeout}, Decide: func(c *Call) { c.waitMove(event.Right, event.Left, 3) },
		},
		{
			Name: "blmpop", Arity: -5, Flags: Write | Blocking | MovableKeys, Keys: []Keys{keysCounted(2, "RW ACCESS DELETE")}, Categories: "list",
			Since: "7.0.0", Group: "list", Complexity: "O(N+M) where N is the number of keys and M the number of elements returned.",
			Summary: "Removes elements of the first list that has some, or waits for some.", Args: append([]Arg{timeout}, lmpopArgs()...), Decide: blmpopCommand,
		},
	}
}

// timeout reads Args[i] as the seconds that a command waits at most, in ms; 0 is for ever.
// After an error it is answered.
func (c *Call) timeout(i int) (ms int64, ok bool) {
	seconds, ok := ParseLongDouble(c.Args[i])
	if !ok {
		c.Out.Error("ERR timeout is not a float or out of range")
		return 0, false
	}
	ms, ok = seconds.Thousandths()
	switch {
	case ms < 0, !ok && c.Args[i][0] == '-':
		c.Out.Error("ERR timeout is negative")
		return 0, false
	case !ok, ms > math.MaxInt64-c.View.Now():
		c.Out.Error("ERR timeout is out of range")
		return 0, false
	}
	return ms, true
}

// waitFor waits for a key to be of a type, if the call may; false: nothing came, and the
// call must answer that.
func (c *Call) waitFor(keys [][]byte, typ state.Type, timeout int64) (waits bool) {
	if c.Patience != MayWait {
		return false
	}
	c.Wait(Waiting{Keys: keys, Type: typ, Timeout: timeout})
	return true
}

func (c *Call) waitPop(side event.Side) {
	timeout, ok := c.timeout(len(c.Args) - 1)
	if !ok {
		return
	}
	keys := c.Args[1 : len(c.Args)-1]
	for _, key := range keys {
		l, ok := c.listAt(key)
		if !ok {
			return
		}
		if l.Len() > 0 {
			c.Out.Array(2)
			c.Out.Bulk(key)
			c.take(&l, key, side, 1)
			return
		}
	}
	if !c.waitFor(keys, state.List, timeout) {
		c.Out.NullArray()
	}
}

func blmoveCommand(c *Call) {
	from, ok := c.side(3)
	if !ok {
		return
	}
	if to, ok := c.side(4); ok {
		c.waitMove(from, to, 5)
	}
}

// waitMove moves an element, or waits for one as long as Args[timeout] says.
func (c *Call) waitMove(from, to event.Side, timeout int) {
	ms, ok := c.timeout(timeout)
	if !ok {
		return
	}
	l, ok := c.list()
	switch {
	case !ok:
	case l.Len() > 0:
		c.moveFrom(&l, from, to)
	case !c.waitFor(c.Args[1:2], state.List, ms):
		c.Out.Null()
	}
}

func blmpopCommand(c *Call) {
	p, ok := c.mpopCall(2, "LEFT", "RIGHT")
	if !ok {
		return
	}
	ms, ok := c.timeout(1)
	if ok && !c.popFirst(p) && !c.waitFor(p.keys, state.List, ms) {
		c.Out.NullArray()
	}
}
