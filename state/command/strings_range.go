package command

// rangeCommands work on a part of a string.
func rangeCommands() []*Spec {
	part := []Arg{
		{Name: "key", Type: "key"}, {Name: "start", Type: "integer"}, {Name: "end", Type: "integer"},
	}
	return []*Spec{
		{
			Name: "append", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: oneKey("RW INSERT"),
			Categories: "string", Since: "2.0.0", Group: "string",
			Complexity: "O(1) amortized, as long as what is appended is small: the value's memory grows by doubling.",
			Summary:    "Adds to the end of a string; a missing key is created.",
			Args:       []Arg{{Name: "key", Type: "key"}, {Name: "value", Type: "string"}},
			Decide:     appendCommand,
		},
		{
			Name: "setrange", Arity: 4, Flags: Write | DenyOOM, Keys: oneKey("RW UPDATE"),
			Categories: "string", Since: "2.2.0", Group: "string",
			Complexity: "O(M) where M is the length of the value, and of the padding if there is any.",
			Summary:    "Overwrites part of a string from an offset on; a missing key is created, a gap filled with zero bytes.",
			Args: []Arg{
				{Name: "key", Type: "key"}, {Name: "offset", Type: "integer"}, {Name: "value", Type: "string"},
			},
			Decide: setrangeCommand,
		},
		{
			Name: "getrange", Arity: 4, Flags: ReadOnly, Keys: oneKey("RO ACCESS"),
			Categories: "string", Since: "2.4.0", Group: "string",
			Complexity: "O(N) where N is the length of what is returned.",
			Summary:    "Returns the bytes of a string between two offsets, both included; negative ones count from the end.",
			Args:       part,
			Decide:     getrangeCommand,
		},
		{
			Name: "substr", Arity: 4, Flags: ReadOnly, Keys: oneKey("RO ACCESS"),
			Categories: "string", Since: "1.0.0", Group: "string",
			Complexity: "O(N) where N is the length of what is returned.",
			Summary:    "Returns the bytes of a string between two offsets: the old name of GETRANGE.",
			Args:       part,
			Decide:     getrangeCommand,
		},
		lcsSpec(),
	}
}

func appendCommand(c *Call) {
	key, tail := c.Args[1], c.Args[2]
	value, found, err := c.View.Bytes(key)
	switch {
	case err != nil:
		c.Fail(err)
		return
	case !found:
		c.Events.String(key, tail, 0) // stored as SET would store it
	case value.Len()+len(tail) > MaxString:
		c.Out.Error(TextTooLong)
		return
	default:
		c.Events.Append(key, tail)
	}
	c.Out.Int(int64(value.Len() + len(tail)))
}

func setrangeCommand(c *Call) {
	offset, ok := c.Int(2)
	if !ok {
		return
	}
	if offset < 0 {
		c.Out.Error(TextOffsetRange)
		return
	}
	key, p := c.Args[1], c.Args[3]
	value, _, err := c.View.Bytes(key)
	switch {
	case err != nil:
		c.Fail(err)
		return
	case len(p) == 0: // changes nothing, pads nothing, creates nothing
		c.Out.Int(int64(value.Len()))
		return
	case offset > MaxString-int64(len(p)):
		c.Out.Error(TextTooLong)
		return
	}
	c.Events.Range(key, offset, p)
	c.Out.Int(max(int64(value.Len()), offset+int64(len(p))))
}

func getrangeCommand(c *Call) {
	start, ok := c.Int(2)
	if !ok {
		return
	}
	end, ok := c.Int(3)
	if !ok {
		return
	}
	value, _, err := c.View.Bytes(c.Args[1])
	if err != nil {
		c.Fail(err)
		return
	}
	from, to := slice(value.Len(), start, end)
	replyPart(c, c.Args[1], value.Len(), value.Part(from, to))
}

// slice is which part of a string of so many bytes is from start to end, both included,
// where negative offsets count from the end and what lies outside it is left out. Two
// negative offsets in the wrong order are nothing at all, even if both would be cut to 0.
func slice(length int, start, end int64) (from, to int) {
	n := int64(length)
	if start < 0 && end < 0 && start > end {
		return 0, 0
	}
	if start < 0 {
		start = max(0, start+n)
	}
	if end < 0 {
		end = max(0, end+n)
	}
	end = min(end, n-1)
	if start > end {
		return 0, 0
	}
	return int(start), int(end + 1)
}
