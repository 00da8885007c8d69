package command

import (
	"strconv"

	"github.com/altilium-db/altilium/state"
)

// hashCommands are the commands on hashes, but for HSCAN, which stands with the
// other scans.
func hashCommands() []*Spec {
	return append(hashReads(), hashWrites()...)
}

func hashReads() []*Spec {
	key, field := Arg{Name: "key", Type: "key"}, Arg{Name: "field", Type: "string"}
	read := func(name string, arity int, fast Flag, since, complexity, summary string, decide Decide, more ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: ReadOnly | fast, Keys: oneKey("RO ACCESS"), Categories: "hash", Since: since,
			Group: "hash", Complexity: complexity, Summary: summary, Args: append([]Arg{key}, more...), Decide: decide,
		}
	}
	const all = "O(N) where N is the size of the hash."
	hlen := read("hlen", 2, Fast, "2.0.0", "O(1)", "Returns the number of fields in a hash.", hlenCommand)
	hlen.Keys = oneKey("RO")
	hexists := read("hexists", 3, Fast, "2.0.0", "O(1)", "Tells whether a field exists in a hash.", hexistsCommand, field)
	hexists.Keys = oneKey("RO")
	hstrlen := read("hstrlen", 3, Fast, "3.2.0", "O(1)", "Returns the length of a field's value in bytes.", hstrlenCommand, field)
	hstrlen.Keys = oneKey("RO")
	hgetall := read("hgetall", 2, 0, "2.0.0", all, "Returns all fields and values of a hash.", hgetallCommand)
	hkeys := read("hkeys", 2, 0, "2.0.0", all, "Returns all fields of a hash.", hkeysCommand)
	hvals := read("hvals", 2, 0, "2.0.0", all, "Returns all values of a hash.", hvalsCommand)
	for _, s := range []*Spec{hgetall, hkeys, hvals} {
		s.Tips = "nondeterministic_output_order"
	}
	hrandfield := read("hrandfield", -2, 0, "6.2.0", "O(N) where N is the number of fields returned",
		"Returns one or more random fields of a hash.", hrandfieldCommand,
		Arg{Name: "options", Type: "block", Flags: "optional", Sub: []Arg{
			{Name: "count", Type: "integer"},
			{Name: "withvalues", Type: "pure-token", Token: "WITHVALUES", Flags: "optional"},
		}})
	hrandfield.Tips = "nondeterministic_output"
	return []*Spec{
		read("hget", 3, Fast, "2.0.0", "O(1)", "Returns the value of a field in a hash.", hgetCommand, field),
		read("hmget", -3, Fast, "2.0.0", "O(N) where N is the number of fields being requested.",
			"Returns the values of several fields of a hash.", hmgetCommand, Arg{Name: "field", Type: "string", Flags: "multiple"}),
		hgetall, hkeys, hvals, hlen, hexists, hstrlen, hrandfield,
	}
}

func hashWrites() []*Spec {
	key, field, value := Arg{Name: "key", Type: "key"}, Arg{Name: "field", Type: "string"}, Arg{Name: "value", Type: "string"}
	pairs := Arg{Name: "data", Type: "block", Flags: "multiple", Sub: []Arg{field, value}}
	write := func(name string, arity int, flags Flag, keys, since, complexity, summary string, decide Decide, more ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: Write | Fast | flags, Keys: oneKey(keys), Categories: "hash", Since: since,
			Group: "hash", Complexity: complexity, Summary: summary, Args: append([]Arg{key}, more...), Decide: decide,
		}
	}
	const each = "O(N) where N is the number of fields being set."
	return []*Spec{
		write("hset", -4, DenyOOM, "RW UPDATE", "2.0.0", each, "Sets fields of a hash and returns how many are new.", hsetCommand, pairs),
		write("hmset", -4, DenyOOM, "RW UPDATE", "2.0.0", each, "Sets fields of a hash.", hmsetCommand, pairs),
		write("hsetnx", 4, DenyOOM, "RW INSERT", "2.0.0", "O(1)", "Sets a field of a hash unless it exists.", hsetnxCommand, field, value),
		write("hdel", -3, 0, "RW DELETE", "2.0.0", "O(N) where N is the number of fields to be removed.",
			"Deletes fields of a hash; a hash without fields is no key.", hdelCommand, Arg{Name: "field", Type: "string", Flags: "multiple"}),
		write("hincrby", 4, DenyOOM, "RW ACCESS UPDATE", "2.0.0", "O(1)", "Adds to the integer in a field of a hash.",
			hincrbyCommand, field, Arg{Name: "increment", Type: "integer"}),
		write("hincrbyfloat", 4, DenyOOM, "RW ACCESS UPDATE", "2.6.0", "O(1)", "Adds to the floating point number in a field of a hash.",
			hincrbyfloatCommand, field, Arg{Name: "increment", Type: "double"}),
	}
}

// hash looks the hash at Args[1] up; after an error it is answered and ok false.
func (c *Call) hash() (h state.Fields, ok bool) {
	h, err := c.View.Hash(c.Args[1])
	if err != nil {
		c.Fail(err)
		return h, false
	}
	return h, true
}

func hgetCommand(c *Call) {
	if h, ok := c.hash(); ok {
		c.replyField(h, c.Args[2])
	}
}

func (c *Call) replyField(h state.Fields, field []byte) {
	if v, ok := h.Get(field); ok {
		c.replyValue(v)
	} else {
		c.Out.Null()
	}
}

// replyValue answers the value of a field. A long one is lent to the reply.
func (c *Call) replyValue(v []byte) {
	if len(v) < state.LendFrom {
		c.Out.Bulk(v)
	} else {
		c.Out.Lend(v, nil)
	}
}

func hmgetCommand(c *Call) {
	h, ok := c.hash()
	if !ok {
		return
	}
	limit := NewLimit(c.Out)
	c.Out.Array(len(c.Args) - 2)
	for _, field := range c.Args[2:] {
		c.replyField(h, field)
		if limit.Exceeded() {
			limit.Refuse()
			return
		}
	}
}

func hgetallCommand(c *Call) {
	h, ok := c.hash()
	if !ok {
		return
	}
	c.Out.Map(h.Len())
	for i := range h.Len() {
		f, v := h.At(i)
		c.Out.Bulk(f)
		c.replyValue(v)
	}
}

func hkeysCommand(c *Call) {
	h, ok := c.hash()
	if !ok {
		return
	}
	c.Out.Array(h.Len())
	for i := range h.Len() {
		f, _ := h.At(i)
		c.Out.Bulk(f)
	}
}

func hvalsCommand(c *Call) {
	h, ok := c.hash()
	if !ok {
		return
	}
	c.Out.Array(h.Len())
	for i := range h.Len() {
		_, v := h.At(i)
		c.replyValue(v)
	}
}

func hlenCommand(c *Call) {
	if h, ok := c.hash(); ok {
		c.Out.Int(int64(h.Len()))
	}
}

func hexistsCommand(c *Call) {
	h, ok := c.hash()
	if !ok {
		return
	}
	if _, there := h.Get(c.Args[2]); there {
		c.Out.Int(1)
	} else {
		c.Out.Int(0)
	}
}

func hstrlenCommand(c *Call) {
	if h, ok := c.hash(); ok {
		v, _ := h.Get(c.Args[2])
		c.Out.Int(int64(len(v)))
	}
}

func hsetCommand(c *Call) {
	if added, ok := setFields(c); ok {
		c.Out.Int(int64(added))
	}
}

func hmsetCommand(c *Call) {
	if _, ok := setFields(c); ok {
		c.Out.OK()
	}
}

// setFields records the pairs from Args[2] on and returns how many fields are
// new. One that comes twice counts once; its later value wins.
func setFields(c *Call) (added int, ok bool) {
	if len(c.Args)%2 != 0 {
		c.WrongArity()
		return 0, false
	}
	h, ok := c.hash()
	if !ok {
		return 0, false
	}
	var seen distinct
	for i := 2; i < len(c.Args); i += 2 {
		if _, there := h.Get(c.Args[i]); !there && seen.first(c.Args, 2, i, 2) {
			added++
		}
	}
	c.Events.HashSet(c.Args[1], c.Args[2:]...)
	return added, true
}

func hsetnxCommand(c *Call) {
	h, ok := c.hash()
	if !ok {
		return
	}
	if _, there := h.Get(c.Args[2]); there {
		c.Out.Int(0)
		return
	}
	c.Events.HashSet(c.Args[1], c.Args[2:4]...)
	c.Out.Int(1)
}

func hdelCommand(c *Call) {
	h, ok := c.hash()
	if !ok {
		return
	}
	gone := make([][]byte, 0, 8) // on the stack
	var seen distinct
	for i := 2; i < len(c.Args); i++ {
		if _, there := h.Get(c.Args[i]); there && seen.first(c.Args, 2, i, 1) {
			gone = append(gone, c.Args[i])
		}
	}
	if len(gone) > 0 {
		c.Events.HashDelete(c.Args[1], gone...)
	}
	c.Out.Int(int64(len(gone)))
}

func hincrbyCommand(c *Call) {
	delta, ok := c.Int(3)
	if !ok {
		return
	}
	h, ok := c.hash()
	if !ok {
		return
	}
	var n int64
	if v, there := h.Get(c.Args[2]); there {
		if n, ok = ParseInt(v); !ok {
			c.Out.Error("ERR hash value is not an integer")
			return
		}
	}
	if Overflows(n, delta) {
		c.Out.Error(TextOverflow)
		return
	}
	var text [20]byte
	c.Events.HashSet(c.Args[1], c.Args[2], strconv.AppendInt(text[:0], n+delta, 10))
	c.Tell()
	c.Out.Int(n + delta)
}

func hincrbyfloatCommand(c *Call) {
	delta, ok := ParseLongDouble(c.Args[3])
	switch {
	case !ok:
		c.Out.Error(TextNotFloat)
		return
	case delta.IsInf():
		c.Out.Error("ERR value is NaN or Infinity")
		return
	}
	h, ok := c.hash()
	if !ok {
		return
	}
	sum := delta
	if v, there := h.Get(c.Args[2]); there {
		old, ok := ParseLongDouble(v)
		if !ok {
			c.Out.Error("ERR hash value is not a float")
			return
		}
		if sum, ok = old.Add(delta); !ok {
			c.Out.Error(TextNaNOrInf)
			return
		}
	}
	text := sum.Append(nil)
	c.Events.HashSet(c.Args[1], c.Args[2], text)
	c.Tell()
	c.Out.Bulk(text)
}
