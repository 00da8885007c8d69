package command

import (
	"github.com/altilium-db/altilium/state"
)

// setCommands are the commands on sets, but for SSCAN, which stands with the other scans.
func setCommands() []*Spec {
	return append(append(setReads(), setWrites()...), setAlgebra()...)
}

func setReads() []*Spec {
	key, member := Arg{Name: "key", Type: "key"}, Arg{Name: "member", Type: "string"}
	read := func(name string, arity int, fast Flag, keys, since, complexity, summary string, decide Decide, more ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: ReadOnly | fast, Keys: oneKey(keys), Categories: "set", Since: since,
			Group: "set", Complexity: complexity, Summary: summary, Args: append([]Arg{key}, more...), Decide: decide,
		}
	}
	smembers := read("smembers", 2, 0, "RO ACCESS", "1.0.0", "O(N) where N is the set cardinality.",
		"Returns all members of a set.", smembersCommand)
	smembers.Tips = "nondeterministic_output_order"
	srandmember := read("srandmember", -2, 0, "RO ACCESS", "1.0.0", "O(N) where N is the number of members returned.",
		"Returns one or more random members of a set.", srandmemberCommand, Arg{Name: "count", Type: "integer", Flags: "optional"})
	srandmember.Tips = "nondeterministic_output"
	return []*Spec{
		read("scard", 2, Fast, "RO", "1.0.0", "O(1)", "Returns the number of members of a set.", scardCommand),
		read("sismember", 3, Fast, "RO", "1.0.0", "O(1)", "Tells whether a member is in a set.", sismemberCommand, member),
		read("smismember", -3, Fast, "RO ACCESS", "6.2.0", "O(N) where N is the number of members asked for.",
			"Tells of several members whether they are in a set.", smismemberCommand, Arg{Name: "member", Type: "string", Flags: "multiple"}),
		smembers, srandmember,
	}
}

func setWrites() []*Spec {
	key, member := Arg{Name: "key", Type: "key"}, Arg{Name: "member", Type: "string"}
	members := Arg{Name: "member", Type: "string", Flags: "multiple"}
	const each = "O(N) where N is the number of members given."
	return []*Spec{
		{
			Name: "sadd", Arity: -3, Flags: Write | DenyOOM | Fast, Keys: oneKey("RW INSERT"), Categories: "set", Since: "1.0.0", Group: "set",
			Complexity: each, Summary: "Adds members to a set and returns how many are new.", Args: []Arg{key, members}, Decide: saddCommand,
		},
		{
			Name: "srem", Arity: -3, Flags: Write | Fast, Keys: oneKey("RW DELETE"), Categories: "set", Since: "1.0.0", Group: "set",
			Complexity: each, Summary: "Removes members of a set; a set without members is no key.", Args: []Arg{key, members}, Decide: sremCommand,
		},
		{
			Name: "smove", Arity: 4, Flags: Write | Fast, Keys: []Keys{keysAt(1, 1, 1, "RW ACCESS DELETE"), keysAt(2, 2, 1, "RW INSERT")},
			Categories: "set", Since: "1.0.0", Group: "set", Complexity: "O(1)", Summary: "Moves a member from one set to another.",
			Args: []Arg{{Name: "source", Type: "key"}, {Name: "destination", Type: "key"}, member}, Decide: smoveCommand,
		},
		{
			Name: "spop", Arity: -2, Flags: Write | Fast, Keys: oneKey("RW ACCESS DELETE"), Categories: "set", Since: "1.0.0", Group: "set",
			Complexity: "O(N) where N is the number of members returned.", Summary: "Removes random members of a set and returns them.",
			Args: []Arg{key, {Name: "count", Type: "integer", Flags: "optional"}}, Tips: "nondeterministic_output", Decide: spopCommand,
		},
	}
}

// set looks the set at Args[1] up; after an error it is answered and ok false.
func (c *Call) set() (m state.Members, ok bool) { return c.setAt(1) }

// setAt is set for another argument.
func (c *Call) setAt(i int) (m state.Members, ok bool) {
	m, err := c.View.Set(c.Args[i])
	if err != nil {
		c.Fail(err)
		return m, false
	}
	return m, true
}

func scardCommand(c *Call) {
	if m, ok := c.set(); ok {
		c.Out.Int(int64(m.Len()))
	}
}

// replyHas answers 1 where a member is there, 0 where not.
func (c *Call) replyHas(m *state.Members, member []byte) {
	n := int64(0)
	if m.Has(member) {
		n = 1
	}
	c.Out.Int(n)
}

func sismemberCommand(c *Call) {
	if m, ok := c.set(); ok {
		c.replyHas(&m, c.Args[2])
	}
}

func smismemberCommand(c *Call) {
	m, ok := c.set()
	if !ok {
		return
	}
	c.Out.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		c.replyHas(&m, member)
	}
}

func smembersCommand(c *Call) {
	m, ok := c.set()
	if !ok {
		return
	}
	c.Out.Set(m.Len())
	for i := range m.Len() {
		c.replyValue(m.At(i))
	}
}

func saddCommand(c *Call) {
	m, ok := c.set()
	if !ok {
		return
	}
	added := make([][]byte, 0, 8) // on the stack
	var seen distinct
	for i := 2; i < len(c.Args); i++ {
		if !m.Has(c.Args[i]) && seen.first(c.Args, 2, i, 1) {
			added = append(added, c.Args[i])
		}
	}
	if len(added) > 0 {
		c.Events.SetAdd(c.Args[1], added...)
	}
	c.Out.Int(int64(len(added)))
}

func sremCommand(c *Call) {
	m, ok := c.set()
	if !ok {
		return
	}
	gone := make([][]byte, 0, 8) // on the stack
	var seen distinct
	for i := 2; i < len(c.Args); i++ {
		if m.Has(c.Args[i]) && seen.first(c.Args, 2, i, 1) {
			gone = append(gone, c.Args[i])
		}
	}
	if len(gone) > 0 {
		c.Events.SetRemove(c.Args[1], gone...)
	}
	c.Out.Int(int64(len(gone)))
}

func smoveCommand(c *Call) {
	from, err := c.View.Set(c.Args[1])
	if err == nil && from.Len() == 0 {
		c.Out.Int(0) // whatever is at the destination
		return
	}
	if err != nil {
		c.Fail(err)
		return
	}
	to, ok := c.setAt(2)
	if !ok {
		return
	}
	same := string(c.Args[1]) == string(c.Args[2])
	c.replyHas(&from, c.Args[3])
	if same || !from.Has(c.Args[3]) {
		return
	}
	c.Events.SetRemove(c.Args[1], c.Args[3])
	if !to.Has(c.Args[3]) {
		c.Events.SetAdd(c.Args[2], c.Args[3])
	}
}
