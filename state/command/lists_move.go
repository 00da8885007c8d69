package command

import (
	"bytes"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

func listMoves() []*Spec {
	source, destination := Arg{Name: "source", Type: "key"}, Arg{Name: "destination", Type: "key"}
	return []*Spec{
		{
			Name: "lmove", Arity: 5, Flags: Write | DenyOOM, Keys: moveKeys(), Categories: "list", Since: "6.2.0", Group: "list", Complexity: "O(1)",
			Summary: "Moves an element from an end of a list to an end of another.",
			Args:    []Arg{source, destination, sideArg("wherefrom"), sideArg("whereto")}, Decide: lmoveCommand,
		},
		{
			Name: "rpoplpush", Arity: 3, Flags: Write | DenyOOM, Keys: moveKeys(), Categories: "list", Since: "1.2.0", Group: "list", Complexity: "O(1)",
			Summary: "Moves the last element of a list to the left of another.", Args: []Arg{source, destination},
			Decide: func(c *Call) { c.moveElement(event.Right, event.Left) },
		},
		{
			Name: "lmpop", Arity: -4, Flags: Write | MovableKeys, Keys: []Keys{keysCounted(1, "RW ACCESS DELETE")}, Categories: "list", Since: "7.0.0", Group: "list",
			Complexity: "O(N+M) where N is the number of keys and M the number of elements returned.",
			Summary:    "Removes elements of the first list that has some, and returns them.", Args: lmpopArgs(), Decide: lmpopCommand,
		},
	}
}

func moveKeys() []Keys {
	return []Keys{keysAt(1, 1, 1, "RW ACCESS DELETE"), keysAt(2, 2, 1, "RW INSERT")}
}

func sideArg(name string) Arg {
	return Arg{Name: name, Type: "oneof", Sub: []Arg{
		{Name: "left", Type: "pure-token", Token: "LEFT"}, {Name: "right", Type: "pure-token", Token: "RIGHT"},
	}}
}

func lmpopArgs() []Arg {
	return []Arg{
		{Name: "numkeys", Type: "integer"}, {Name: "key", Type: "key", Flags: "multiple"}, sideArg("where"),
		{Name: "count", Type: "integer", Token: "COUNT", Flags: "optional"},
	}
}

// side reads Args[i] as an end of a list; after an error it is answered.
func (c *Call) side(i int) (side event.Side, ok bool) {
	switch {
	case c.Is(i, "LEFT"):
		return event.Left, true
	case c.Is(i, "RIGHT"):
		return event.Right, true
	}
	c.Out.Error(TextSyntax)
	return 0, false
}

func lmoveCommand(c *Call) {
	from, ok := c.side(3)
	if !ok {
		return
	}
	if to, ok := c.side(4); ok {
		c.moveElement(from, to)
	}
}

// moveElement moves an element of the list at Args[1] to that at Args[2].
func (c *Call) moveElement(from, to event.Side) {
	if l, ok := c.list(); ok && l.Len() == 0 {
		c.Out.Null()
	} else if ok {
		c.moveFrom(&l, from, to)
	}
}

// moveFrom is moveElement for a list that has one.
func (c *Call) moveFrom(l *state.Elements, from, to event.Side) {
	if _, ok := c.listAt(c.Args[2]); !ok {
		return
	}
	i := 0
	if from == event.Right {
		i = l.Len() - 1
	}
	x := l.At(i)
	if bytes.Equal(c.Args[1], c.Args[2]) { // never empty, so the key stays, with its expiry
		c.Events.ListPush(c.Args[1], to, x)
		c.Events.ListPop(c.Args[1], from, 1)
	} else {
		c.Events.ListPop(c.Args[1], from, 1)
		c.Events.ListPush(c.Args[2], to, x)
	}
	c.Out.Bulk(x)
}

// mpopCall is what LMPOP, ZMPOP and those that wait ask for.
type mpopCall struct {
	keys   [][]byte
	second bool // RIGHT or MAX, not LEFT or MIN
	count  int64
}

// mpopCall reads them from Args[i] on; first and second are the words for the two ends.
// After an error it is answered.
func (c *Call) mpopCall(i int, first, second string) (p mpopCall, ok bool) {
	n, ok := ParseInt(c.Args[i])
	switch {
	case !ok || n <= 0:
		c.Out.Error("ERR numkeys should be greater than 0")
		return p, false
	case n >= int64(len(c.Args)-i-1): // the end must follow
		c.Out.Error(TextSyntax)
		return p, false
	}
	at := i + 1 + int(n)
	p.keys, p.count, p.second = c.Args[i+1:at], -1, c.Is(at, second)
	if !p.second && !c.Is(at, first) {
		c.Out.Error(TextSyntax)
		return p, false
	}
	for at++; at < len(c.Args); at += 2 {
		if p.count != -1 || !c.Is(at, "COUNT") || at+1 == len(c.Args) {
			c.Out.Error(TextSyntax)
			return p, false
		}
		if p.count, ok = ParseInt(c.Args[at+1]); !ok || p.count <= 0 {
			c.Out.Error("ERR count should be greater than 0")
			return p, false
		}
	}
	p.count = max(p.count, 1)
	return p, true
}

func lmpopCommand(c *Call) {
	if p, ok := c.mpopCall(1, "LEFT", "RIGHT"); ok && !c.popFirst(p) {
		c.Out.NullArray()
	}
}

// popFirst answers and records elements of the first list that has some; false where none
// has, and nothing is answered.
func (c *Call) popFirst(p mpopCall) (done bool) {
	for _, key := range p.keys {
		l, ok := c.listAt(key)
		if !ok {
			return true
		}
		if l.Len() == 0 {
			continue
		}
		side := event.Left
		if p.second {
			side = event.Right
		}
		n := int(min(p.count, int64(l.Len())))
		c.Out.Array(2)
		c.Out.Bulk(key)
		c.Out.Array(n)
		c.take(&l, key, side, n)
		return true
	}
	return false
}
