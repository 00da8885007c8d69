package command

import "github.com/altilium-db/altilium/state"

// bitCommands work on the bits of a string: bit 0 is the highest one of the first
// byte. A string is as if it had zeros behind its end, without end.
func bitCommands() []*Spec {
	return append(bitReads(), bitWrites()...)
}

func bitReads() []*Spec {
	key := Arg{Name: "key", Type: "key"}
	start, end := Arg{Name: "start", Type: "integer"}, Arg{Name: "end", Type: "integer"}
	unit := Arg{Name: "unit", Type: "oneof", Flags: "optional", Sub: []Arg{
		{Name: "byte", Type: "pure-token", Token: "BYTE"}, {Name: "bit", Type: "pure-token", Token: "BIT"},
	}}
	read := func(name string, arity int, fast Flag, since, complexity, summary string, decide Decide, more ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: ReadOnly | fast, Keys: oneKey("RO ACCESS"), Categories: "bitmap", Since: since,
			Group: "bitmap", Complexity: complexity, Summary: summary, Args: append([]Arg{key}, more...), Decide: decide,
		}
	}
	return []*Spec{
		read("getbit", 3, Fast, "2.2.0", "O(1)", "Returns one bit of a string.", getbitCommand, Arg{Name: "offset", Type: "integer"}),
		read("bitcount", -2, 0, "2.6.0", "O(N)", "Counts the bits that are set in a string or a part of it.", bitcountCommand,
			Arg{Name: "range", Type: "block", Flags: "optional", Sub: []Arg{start, end, unit}}),
		read("bitpos", -3, 0, "2.8.7", "O(N)", "Finds the first bit that is set, or clear, in a string or a part of it.", bitposCommand,
			Arg{Name: "bit", Type: "integer"},
			Arg{Name: "range", Type: "block", Flags: "optional", Sub: []Arg{
				start, {Name: "end-unit-block", Type: "block", Flags: "optional", Sub: []Arg{end, unit}},
			}}),
		read("bitfield_ro", -2, Fast, "6.0.0", "O(1) for each subcommand specified", "Reads integers of any width out of a string.",
			func(c *Call) { bitfieldCommand(c, true) },
			Arg{Name: "get-block", Type: "block", Token: "GET", Flags: "optional multiple multiple_token", Sub: bitfieldArgs("")}),
	}
}

func bitWrites() []*Spec {
	key := Arg{Name: "key", Type: "key"}
	return []*Spec{
		{
			Name: "setbit", Arity: 4, Flags: Write | DenyOOM, Keys: oneKey("RW ACCESS UPDATE"),
			Categories: "bitmap", Since: "2.2.0", Group: "bitmap", Complexity: "O(1)",
			Summary: "Sets or clears one bit of a string and returns what it was; the string grows as needed.",
			Args:    []Arg{key, {Name: "offset", Type: "integer"}, {Name: "value", Type: "integer"}},
			Decide:  setbitCommand,
		},
		{
			Name: "bitop", Arity: -4, Flags: Write | DenyOOM, Keys: []Keys{keysAt(2, 2, 1, "OW UPDATE"), keysAt(3, -1, 1, "RO ACCESS")},
			Categories: "bitmap", Since: "2.6.0", Group: "bitmap", Complexity: "O(N)",
			Summary: "Combines strings bit by bit and stores the result.",
			Args:    []Arg{{Name: "operation", Type: "string"}, {Name: "destkey", Type: "key"}, {Name: "key", Type: "key", Flags: "multiple"}},
			Decide:  bitopCommand,
		},
		{
			Name: "bitfield", Arity: -2, Flags: Write | DenyOOM, Keys: oneKey("RW ACCESS UPDATE VARIABLE_FLAGS"),
			Categories: "bitmap", Since: "3.2.0", Group: "bitmap", Complexity: "O(1) for each subcommand specified",
			Summary: "Reads and changes integers of any width inside a string.",
			Args: []Arg{key, {Name: "operation", Type: "oneof", Flags: "optional multiple", Sub: []Arg{
				{Name: "get-block", Type: "block", Token: "GET", Sub: bitfieldArgs("")},
				{Name: "write", Type: "block", Sub: []Arg{
					{Name: "overflow-block", Type: "oneof", Token: "OVERFLOW", Flags: "optional", Sub: []Arg{
						{Name: "wrap", Type: "pure-token", Token: "WRAP"},
						{Name: "sat", Type: "pure-token", Token: "SAT"},
						{Name: "fail", Type: "pure-token", Token: "FAIL"},
					}},
					{Name: "write-operation", Type: "oneof", Sub: []Arg{
						{Name: "set-block", Type: "block", Token: "SET", Sub: bitfieldArgs("value")},
						{Name: "incrby-block", Type: "block", Token: "INCRBY", Sub: bitfieldArgs("increment")},
					}},
				}},
			}}},
			Decide: func(c *Call) { bitfieldCommand(c, false) },
		},
	}
}

// bitfieldArgs documents where an integer of a bitfield lies, and the operand of an
// operation that has one.
func bitfieldArgs(operand string) []Arg {
	args := []Arg{{Name: "encoding", Type: "string"}, {Name: "offset", Type: "integer"}}
	if operand != "" {
		args = append(args, Arg{Name: operand, Type: "integer"})
	}
	return args
}

const (
	textBitOffset = "ERR bit offset is not an integer or out of range"
	textBitValue  = "ERR bit is not an integer or out of range"
)

// maxBits is the number of bits of the longest string.
const maxBits = MaxString * 8

// bitOffset reads an offset in bits: one that the longest string has.
func bitOffset(arg []byte) (offset int64, ok bool) {
	offset, ok = ParseInt(arg)
	return offset, ok && offset >= 0 && offset < maxBits
}

// bitString looks the string at Args[1] up; after an error it is answered and ok false.
func (c *Call) bitString() (value state.Bytes, found, ok bool) {
	value, found, err := c.View.Bytes(c.Args[1])
	if err != nil {
		c.Fail(err)
		return value, false, false
	}
	return value, found, true
}

func getbitCommand(c *Call) {
	offset, ok := bitOffset(c.Args[2])
	if !ok {
		c.Out.Error(textBitOffset)
		return
	}
	value, _, ok := c.bitString()
	if !ok {
		return
	}
	var bit int64
	if at := int(offset / 8); at < value.Len() {
		bit = int64(value.Part(at, at+1)[0] >> (7 - offset%8) & 1)
	}
	c.Out.Int(bit)
}

// setbitCommand records the one byte. A string that is there, long enough and has the
// bit as it is asked for does not change, for WATCH neither.
func setbitCommand(c *Call) {
	offset, ok := bitOffset(c.Args[2])
	if !ok {
		c.Out.Error(textBitOffset)
		return
	}
	bit, ok := ParseInt(c.Args[3])
	if !ok || bit&^1 != 0 {
		c.Out.Error(textBitValue)
		return
	}
	value, _, ok := c.bitString()
	if !ok {
		return
	}
	at, shift := offset/8, 7-offset%8
	var b [1]byte
	grows := at >= int64(value.Len())
	if !grows {
		b[0] = value.Part(int(at), int(at)+1)[0]
	}
	was := int64(b[0] >> shift & 1)
	if grows || was != bit {
		b[0] = b[0]&^(1<<shift) | byte(bit)<<shift
		c.Tell()
		c.Events.Range(c.Args[1], at, b[:])
	}
	c.Out.Int(was)
}
