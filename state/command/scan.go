package command

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
)

// scanCommands walk over keys and fields.
func scanCommands() []*Spec {
	match := Arg{Name: "pattern", Type: "pattern", Token: "MATCH", Flags: "optional"}
	count := Arg{Name: "count", Type: "integer", Token: "COUNT", Flags: "optional"}
	const pieces = "O(1) for every call. O(N) for a complete iteration."
	items := func(name, group, summary string, decide Decide) *Spec {
		return &Spec{
			Name: name, Arity: -3, Flags: ReadOnly, Keys: oneKey("RO ACCESS"), Categories: strings.ReplaceAll(group, "-", ""), Since: "2.8.0", Group: group,
			Complexity: pieces, Summary: summary, Args: []Arg{{Name: "key", Type: "key"}, {Name: "cursor", Type: "integer"}, match, count},
			Tips: "nondeterministic_output", Decide: decide,
		}
	}
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
		items("hscan", "hash", "Returns some fields of a hash with their values and the cursor to go on from.", hscanCommand),
		items("sscan", "set", "Returns some members of a set and the cursor to go on from.", sscanCommand),
		items("zscan", "sorted-set", "Returns some members of a sorted set with their scores and the cursor to go on from.", zscanCommand),
	}
}

func keysCommand(c *Call) {
	from, n := c.Out.Len(), 0
	pattern := pattern(c.Args[1])
	c.View.Each(func(key []byte) bool {
		if pattern.matches(key) {
			c.Out.Bulk(key)
			n++
		}
		return true
	})
	c.Out.ArrayFrom(from, n)
}

// pattern is a glob for keys or fields; nil matches all of them, and so does
// the star alone, an empty name too, which the glob "*" would not match.
type pattern []byte

func (p pattern) matches(name []byte) bool {
	return p == nil || len(p) == 1 && p[0] == '*' || Glob(p, name, false)
}

// scanOptions are the words after a cursor.
type scanOptions struct {
	match pattern
	count int
	typed bool       // only keys of type typ
	typ   state.Type // None: a type that no key has
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
			o.match = pattern(c.Args[i+1])
		case c.Is(i, "TYPE") && !last && types:
			o.typed, o.typ = true, typeNamed(c.Args[i+1])
		default:
			c.Out.Error(TextSyntax)
			return o, false
		}
	}
	return o, true
}

// typeNamed is the type of that name, None for an unknown one: Redis 7.2 does
// not refuse it, it finds nothing.
func typeNamed(word []byte) state.Type {
	switch {
	case IsWord(word, "STRING"):
		return state.String
	case IsWord(word, "HASH"):
		return state.Hash
	case IsWord(word, "LIST"):
		return state.List
	case IsWord(word, "SET"):
		return state.Set
	case IsWord(word, "ZSET"):
		return state.ZSet
	case IsWord(word, "STREAM"):
		return state.Stream
	}
	return state.None
}

// cursor reads Args[i] as one; after an error it is answered and ok false.
func (c *Call) cursor(i int) (n uint64, ok bool) {
	if n, ok = parseCursor(c.Args[i]); !ok {
		c.Out.Error("ERR invalid cursor")
	}
	return n, ok
}

// parseCursor reads an unsigned 64-bit number as strtoul does: it ends at a zero
// byte, may have a sign, a negative one counts from 2^64 down, and no text at
// all is 0.
func parseCursor(b []byte) (n uint64, ok bool) {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if len(b) == 0 {
		return 0, true
	}
	negative := b[0] == '-'
	if negative || b[0] == '+' {
		b = b[1:]
	}
	for _, d := range b {
		d -= '0'
		if d > 9 || n > (math.MaxUint64-uint64(d))/10 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	if negative {
		n = -n
	}
	return n, len(b) > 0
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
		if o.match.matches(key) && (!o.typed || c.View.Type(key) == o.typ) {
			found = append(found, key)
		}
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
	c.replyScan(h.Len(), func(o scanOptions) (next uint64, found [][]byte) {
		next = h.Scan(cursor, o.count, func(field, value []byte) {
			if o.match.matches(field) {
				found = append(found, field, value)
			}
		})
		return next, found
	})
}

func sscanCommand(c *Call) {
	cursor, ok := c.cursor(2)
	if !ok {
		return
	}
	m, ok := c.set()
	if !ok {
		return
	}
	c.replyScan(m.Len(), func(o scanOptions) (next uint64, found [][]byte) {
		next = m.Scan(cursor, o.count, func(member []byte) {
			if o.match.matches(member) {
				found = append(found, member)
			}
		})
		return next, found
	})
}

func zscanCommand(c *Call) {
	cursor, ok := c.cursor(2)
	if !ok {
		return
	}
	z, ok := c.zset()
	if !ok {
		return
	}
	c.replyScan(z.Len(), func(o scanOptions) (next uint64, found [][]byte) {
		next = z.Scan(cursor, o.count, func(member []byte, score float64) {
			if o.match.matches(member) {
				found = append(found, member, resp.AppendDouble(nil, score))
			}
		})
		return next, found
	})
}

// replyScan answers some of the n items of what is at Args[1]. The options are not even
// looked at where there is nothing.
func (c *Call) replyScan(n int, scan func(scanOptions) (next uint64, found [][]byte)) {
	if n == 0 {
		c.replyPage(0, nil)
		return
	}
	if o, ok := c.scanOptions(3, false); ok {
		c.replyPage(scan(o))
	}
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
