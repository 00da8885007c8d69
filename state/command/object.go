package command

import "github.com/altilium-db/altilium/state"

func objectCommand() *Spec {
	sub := func(name string, arity int, flags Flag, since, summary, tips string, decide Decide) *Spec {
		s := &Spec{
			Name: name, Arity: arity, Flags: flags, Categories: "keyspace", Since: since, Group: "generic", Complexity: "O(1)",
			Summary: summary, Tips: tips, Decide: decide,
		}
		if arity == 3 {
			s.Keys, s.Args = []Keys{keysAt(2, 2, 1, "RO")}, []Arg{{Name: "key", Type: "key"}}
		}
		return s
	}
	const tip = "nondeterministic_output"
	return &Spec{
		Name: "object", Arity: -2, Since: "2.2.3", Group: "generic", Complexity: "Depends on subcommand.",
		Summary: "Looks at how keys are stored.",
		Sub: []*Spec{
			sub("encoding", 3, ReadOnly, "2.2.3", "Returns how a key's value is stored.", tip, objectEncoding),
			sub("freq", 3, ReadOnly|Volatile, "4.0.0", "Returns how often a key is accessed, under an LFU policy.", tip, objectFreq),
			sub("help", 2, Loading|Stale, "6.2.0", "Lists the subcommands.", "", objectHelp),
			sub("idletime", 3, ReadOnly|Volatile, "2.2.3", "Returns the seconds since a key was last accessed.", tip, objectIdletime),
			sub("refcount", 3, ReadOnly, "2.2.3", "Returns how many references a value has.", tip, objectRefcount),
		},
	}
}

// known answers null and returns false where the key in Args[2] is missing. To
// ask is no access: OBJECT IDLETIME leaves the key idle.
func (c *Call) known() bool {
	if c.View.Type(c.Args[2]) != state.None {
		return true
	}
	c.Out.Null()
	return false
}

func objectEncoding(c *Call) {
	if c.known() {
		c.Out.BulkString(c.View.Encoding(c.Args[2]))
	}
}

const textAdjusts = " Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."

func objectFreq(c *Call) {
	if !c.known() {
		return
	}
	count, ok := c.View.Frequency(c.Args[2])
	if !ok {
		c.Out.Error("ERR An LFU maxmemory policy is not selected, access frequency not tracked." + textAdjusts)
		return
	}
	c.Out.Int(count)
}

func objectIdletime(c *Call) {
	if !c.known() {
		return
	}
	if _, counted := c.View.Frequency(c.Args[2]); counted {
		c.Out.Error("ERR An LFU maxmemory policy is selected, idle time not tracked." + textAdjusts)
		return
	}
	c.Out.Int(c.View.Idle(c.Args[2]))
}

// sharedIntegers is how many small numbers Redis keeps once for all keys, and
// sharedRefcount what it answers for one of them.
const (
	sharedIntegers = 10000
	sharedRefcount = 1<<31 - 1
)

func objectRefcount(c *Call) {
	if !c.known() {
		return
	}
	if c.View.Encoding(c.Args[2]) == "int" {
		text, _, _ := c.View.String(c.Args[2])
		if n, ok := ParseInt(text); ok && n >= 0 && n < sharedIntegers {
			c.Out.Int(sharedRefcount)
			return
		}
	}
	c.Out.Int(1)
}

func objectHelp(c *Call) {
	c.replyLines(
		"OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
		"ENCODING <key>",
		"    Return how the value is stored.",
		"FREQ <key>",
		"    Return the access frequency index of the key, under an LFU policy.",
		"IDLETIME <key>",
		"    Return the seconds since the last access.",
		"REFCOUNT <key>",
		"    Return the number of references to the value.",
		"HELP",
		"    Print this help.",
	)
}

// replyLines answers the lines of a HELP.
func (c *Call) replyLines(lines ...string) {
	c.Out.Array(len(lines))
	for _, l := range lines {
		c.Out.Simple(l)
	}
}
