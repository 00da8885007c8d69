package command

import (
	"strconv"
	"strings"
)

// scanCommands walk over keys and fields.
func scanCommands() []*Spec {
	match := Arg{Name: "pattern", Type: "pattern", Token: "MATCH", Flags: "optional"}
	count := Arg{Name: "count", Type: "integer", Token: "COUNT", Flags: "optional"}
	const pieces = "O(1) for every call. O(N) for a complete iteration."
	return []*Spec{
		{
			Name: "keys", Arity: 2, Flags: ReadOnly, Categories: "keyspace dangerous", Since: "1.0.0", Group: "generic",
			Complexity: "O(N) where N is the number of keys in the database.", Summary: "Returns all keys that match a pattern.",
			Args: []Arg{{Name: "pattern", Type: "pattern"}}, Tips: "request_policy:all_shards nondeterministic_output_order",
			Decide: keysCommand,
		},
		{
			Name: "scan", Arity: -2, Flags: ReadOnly, Categories: "keyspace", Since: "2.8.0", Group: "generic", Complexity: pieces,
			Summary: "Returns some keys and the cursor to go on from.",
			Args:    []Arg{{Name: "cursor", Type: "integer"}, match, count, {Name: "type", Type: "string", Token: "TYPE", Flags: "optional"}},
			Tips:    "nondeterministic_output request_policy:special response_policy:special",
			Decide:  scanCommand,
		},
		{
			Name: "hscan", Arity: -3, Flags: ReadOnly, Keys: oneKey("RO ACCESS"), Categories: "hash", Since: "2.8.0", Group: "hash",
			Complexity: pieces, Summary: "Returns some fields of a hash with their values and the cursor to go on from.",
			Args: []Arg{{Name: "key", Type: "key"}, {Name: "cursor", Type: "integer"}, match, count},
			Tips: "nondeterministic_output", Decide: hscanCommand,
		},
	}
}

func keysCommand(c *Call) {
	var found [][]byte
	c.View.Each(func(key []byte) bool {
		if Glob(c.Args[1], key, false) {
			found = append(found, key)
		}
		return true
	})
	c.Out.Array(len(found))
	for _, key := range found {
		c.Out.Bulk(key)
	}
}

// scanOptions are the words after a cursor.
type scanOptions struct {
	match []byte // nil: everything
	count int
	typ   []byte // nil: every type
}

// scanOptions reads the words from Args[i] on; after an error it is answered.
func (c *Call) scanOptions(i int, types bool) (o scanOptions, ok bool) {
	o.count = 10
	for ; i < len(c.Args); i += 2 {
		last := i+1 == len(c.Args)
		switch {
		case c.Is(i, "COUNT") && !last:
			n, ok := c.Int(i + 1)
			if !ok {
				return o, false
			}
			if n < 1 {
				c.Out.Error(TextSyntax)
				return o, false
			}
			o.count = int(min(n, 1<<30))
		case c.Is(i, "MATCH") && !last:
			o.match = c.Args[i+1]
		case c.Is(i, "TYPE") && !last && types:
			o.typ = c.Args[i+1]
		default:
			c.Out.Error(TextSyntax)
			return o, false
		}
	}
	return o, true
}

// cursor reads Args[i] as one.
func (c *Call) cursor(i int) (uint64, bool) {
	n, err := strconv.ParseUint(string(c.Args[i]), 10, 64)
	if err != nil {
		c.Out.Error("ERR invalid cursor")
		return 0, false
	}
	return n, true
}

func scanCommand(c *Call) {
	cursor, ok := c.cursor(1)
	if !ok {
		return
	}
	o, ok := c.scanOptions(2, true)
	if !ok {
		return
	}
	var found [][]byte
	next := c.View.Scan(cursor, o.count, func(key []byte) {
		if o.match != nil && !Glob(o.match, key, false) {
			return
		}
		if o.typ != nil && !strings.EqualFold(string(o.typ), c.View.Type(key).String()) {
			return
		}
		found = append(found, key)
	})
	c.replyPage(next, found)
}

func hscanCommand(c *Call) {
	cursor, ok := c.cursor(2)
	if !ok {
		return
	}
	h, ok := c.hash()
	if !ok {
		return
	}
	if h.Len() == 0 {
		c.replyPage(0, nil)
		return
	}
	o, ok := c.scanOptions(3, false)
	if !ok {
		return
	}
	count := o.count
	if h.Small() {
		cursor, count = 0, h.Len()
	}
	var found [][]byte
	next := h.Scan(cursor, count, func(field, value []byte) {
		if o.match == nil || Glob(o.match, field, false) {
			found = append(found, field, value)
		}
	})
	c.replyPage(next, found)
}

// replyPage answers a cursor and what was found before it.
func (c *Call) replyPage(next uint64, found [][]byte) {
	c.Out.Array(2)
	c.Out.BulkString(strconv.FormatUint(next, 10))
	c.Out.Array(len(found))
	for _, item := range found {
		c.Out.Bulk(item)
	}
}
