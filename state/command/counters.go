package command

import (
	"math"
	"strconv"
)

// counterCommands read a string as a number and store another.
func counterCommands() []*Spec {
	const rw = "RW ACCESS UPDATE"
	key := []Arg{{Name: "key", Type: "key"}}
	return []*Spec{
		{
			Name: "incr", Arity: 2, Flags: Write | DenyOOM | Fast, Keys: oneKey(rw),
			Categories: "string", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Summary: "Adds one to the integer at a key; a missing key counts as 0.",
			Args:    key,
			Decide:  func(c *Call) { addInteger(c, 1) },
		},
		{
			Name: "decr", Arity: 2, Flags: Write | DenyOOM | Fast, Keys: oneKey(rw),
			Categories: "string", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Summary: "Takes one from the integer at a key; a missing key counts as 0.",
			Args:    key,
			Decide:  func(c *Call) { addInteger(c, -1) },
		},
		{
			Name: "incrby", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: oneKey(rw),
			Categories: "string", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Summary: "Adds to the integer at a key; a missing key counts as 0.",
			Args:    []Arg{{Name: "key", Type: "key"}, {Name: "increment", Type: "integer"}},
			Decide:  incrbyCommand,
		},
		{
			Name: "decrby", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: oneKey(rw),
			Categories: "string", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Summary: "Takes from the integer at a key; a missing key counts as 0.",
			Args:    []Arg{{Name: "key", Type: "key"}, {Name: "decrement", Type: "integer"}},
			Decide:  decrbyCommand,
		},
		{
			Name: "incrbyfloat", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: oneKey(rw),
			Categories: "string", Since: "2.6.0", Group: "string", Complexity: "O(1)",
			Summary: "Adds to the floating point number at a key; a missing key counts as 0.",
			Args:    []Arg{{Name: "key", Type: "key"}, {Name: "increment", Type: "double"}},
			Decide:  incrbyfloatCommand,
		},
	}
}

func incrbyCommand(c *Call) {
	if delta, ok := c.Int(2); ok {
		c.Tell()
		addInteger(c, delta)
	}
}

func decrbyCommand(c *Call) {
	delta, ok := c.Int(2)
	switch {
	case !ok:
	case delta == math.MinInt64: // has no negative
		c.Out.Error("ERR decrement would overflow")
	default:
		c.Tell()
		addInteger(c, -delta)
	}
}

// addInteger adds delta to the integer at the key and keeps its expiry.
func addInteger(c *Call, delta int64) {
	key := c.Args[1]
	text, at, found, err := c.View.Expiring(key)
	if err != nil {
		c.Fail(err)
		return
	}
	var n int64
	if found {
		var ok bool
		if n, ok = ParseInt(text); !ok {
			c.Out.Error(TextNotInteger)
			return
		}
	}
	if Overflows(n, delta) {
		c.Out.Error(TextOverflow)
		return
	}
	n += delta
	var digits [maxIntLen]byte
	c.Events.String(key, strconv.AppendInt(digits[:0], n, 10), at)
	c.Out.Int(n)
}

// Overflows reports whether n + delta is no signed 64-bit integer.
func Overflows(n, delta int64) bool {
	return delta > 0 && n > math.MaxInt64-delta || delta < 0 && n < math.MinInt64-delta
}

// incrbyfloatCommand computes in long double as Redis does, and stores the
// text that it answers. The value is recorded as text: even 3 is not stored as
// an integer then.
func incrbyfloatCommand(c *Call) {
	key := c.Args[1]
	text, at, found, err := c.View.Expiring(key)
	if err != nil {
		c.Fail(err)
		return
	}
	var n LongDouble
	if found {
		var ok bool
		if n, ok = ParseLongDouble(text); !ok {
			c.Out.Error(TextNotFloat)
			return
		}
	}
	delta, ok := ParseLongDouble(c.Args[2])
	if !ok {
		c.Out.Error(TextNotFloat)
		return
	}
	sum, ok := n.Add(delta)
	if !ok {
		c.Out.Error(TextNaNOrInf)
		return
	}
	value := sum.Append(nil)
	c.Tell()
	c.Events.Text(key, value, at)
	c.Out.Bulk(value)
}
