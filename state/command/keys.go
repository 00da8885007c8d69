package command

import (
	"bytes"
	"hash/maphash"
	"math/bits"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// keyCommands are those that speak of keys whatever they hold, and of whole
// databases.
func keyCommands() []*Spec {
	return append(append(keyRows(), moveRows()...), append(databaseRows(), objectCommand())...)
}

func keyRows() []*Spec {
	keys := []Arg{{Name: "key", Type: "key", Flags: "multiple"}}
	several := func(name string, flags Flag, spec, since, summary string, decide Decide) *Spec {
		return &Spec{
			Name: name, Arity: -2, Flags: flags, Keys: []Keys{keysAt(1, -1, 1, spec)}, Categories: "keyspace", Since: since,
			Group: "generic", Complexity: "O(N) where N is the number of keys.", Summary: summary, Args: keys,
			Tips: "request_policy:multi_shard response_policy:agg_sum", Decide: decide,
		}
	}
	return []*Spec{
		several("del", Write, "RM DELETE", "1.0.0", "Deletes keys and returns how many there were.", delCommand),
		several("unlink", Write|Fast, "RM DELETE", "4.0.0", "Deletes keys and returns how many there were.", delCommand),
		several("exists", ReadOnly|Fast, "RO", "1.0.0", "Counts how many of the keys exist; one named twice counts twice.", existsCommand),
		several("touch", ReadOnly|Fast, "RO", "3.2.1", "Notes an access to keys and returns how many there are.", touchCommand),
		{
			Name: "type", Arity: 2, Flags: ReadOnly | Fast, Keys: oneKey("RO"), Categories: "keyspace", Since: "1.0.0",
			Group: "generic", Complexity: "O(1)", Summary: "Returns the type of a key's value.",
			Args: []Arg{{Name: "key", Type: "key"}}, Decide: typeCommand,
		},
	}
}

func moveRows() []*Spec {
	return []*Spec{
		{
			Name: "rename", Arity: 3, Flags: Write, Keys: []Keys{keysAt(1, 1, 1, "RW ACCESS DELETE"), keysAt(2, 2, 1, "OW UPDATE")},
			Categories: "keyspace", Since: "1.0.0", Group: "generic", Complexity: "O(1)",
			Summary: "Gives a key another name, replacing what has it.",
			Args:    []Arg{{Name: "key", Type: "key"}, {Name: "newkey", Type: "key"}}, Decide: renameCommand,
		},
		{
			Name: "renamenx", Arity: 3, Flags: Write | Fast, Keys: []Keys{keysAt(1, 1, 1, "RW ACCESS DELETE"), keysAt(2, 2, 1, "OW INSERT")},
			Categories: "keyspace", Since: "1.0.0", Group: "generic", Complexity: "O(1)",
			Summary: "Gives a key another name unless that is taken.",
			Args:    []Arg{{Name: "key", Type: "key"}, {Name: "newkey", Type: "key"}}, Decide: renamenxCommand,
		},
		{
			Name: "copy", Arity: -3, Flags: Write | DenyOOM, Keys: []Keys{keysAt(1, 1, 1, "RO ACCESS"), keysAt(2, 2, 1, "OW UPDATE")},
			Categories: "keyspace", Since: "6.2.0", Group: "generic", Complexity: "O(N) where N is the size of the value.",
			Summary: "Copies a key's value and expiry to another key.",
			Args: []Arg{
				{Name: "source", Type: "key"}, {Name: "destination", Type: "key"},
				{Name: "destination-db", Type: "integer", Token: "DB", Flags: "optional"},
				{Name: "replace", Type: "pure-token", Token: "REPLACE", Flags: "optional"},
			},
			Decide: copyCommand,
		},
		{
			Name: "move", Arity: 3, Flags: Write | Fast, Keys: oneKey("RW ACCESS UPDATE"), Categories: "keyspace", Since: "1.0.0",
			Group: "generic", Complexity: "O(1)", Summary: "Moves a key to another database unless it exists there.",
			Args: []Arg{{Name: "key", Type: "key"}, {Name: "db", Type: "integer"}}, Decide: moveCommand,
		},
	}
}

func databaseRows() []*Spec {
	mode := []Arg{{Name: "flush-type", Type: "oneof", Flags: "optional", Sub: []Arg{
		{Name: "async", Type: "pure-token", Token: "ASYNC"}, {Name: "sync", Type: "pure-token", Token: "SYNC"},
	}}}
	const every = "request_policy:all_shards response_policy:all_succeeded"
	return []*Spec{
		{
			Name: "randomkey", Arity: 1, Flags: ReadOnly, Categories: "keyspace", Since: "1.0.0", Group: "generic", Complexity: "O(1)",
			Summary: "Returns a random key of the database.", Tips: "request_policy:all_shards response_policy:special nondeterministic_output",
			Decide: randomkeyCommand,
		},
		{
			Name: "dbsize", Arity: 1, Flags: ReadOnly | Fast, Categories: "keyspace", Since: "1.0.0", Group: "server", Complexity: "O(1)",
			Summary: "Returns the number of keys in the database.", Tips: "request_policy:all_shards response_policy:agg_sum",
			Decide: func(c *Call) { c.Out.Int(int64(c.View.Len())) },
		},
		{
			Name: "flushdb", Arity: -1, Flags: Write, Categories: "keyspace dangerous", Since: "1.0.0", Group: "server",
			Complexity: "O(1)", Summary: "Deletes every key of the database.", Args: mode, Tips: every, Decide: flushdbCommand,
		},
		{
			Name: "flushall", Arity: -1, Flags: Write, Categories: "keyspace dangerous", Since: "1.0.0", Group: "server",
			Complexity: "O(1)", Summary: "Deletes every key of every database.", Args: mode, Tips: every, Decide: flushallCommand,
		},
		{
			Name: "swapdb", Arity: 3, Flags: Write | Fast, Categories: "keyspace dangerous", Since: "4.0.0", Group: "server",
			Complexity: "O(N) where N is the number of keys with an expiry.", Summary: "Makes two databases change places.",
			Args: []Arg{{Name: "index1", Type: "integer"}, {Name: "index2", Type: "integer"}}, Decide: swapdbCommand,
		},
	}
}

// distinct tells the first appearance of an argument from later ones, without
// allocating while there are few. Where there are many it is a table without
// pointers, made once: a map of half a million strings takes longer than the command.
type distinct struct {
	seed  maphash.Seed
	slots []uint32 // 1 + the index of a first appearance, from where its hash says on; 0: free
}

// first reports whether args[i] is not among args[from], args[from+step], …
// before it.
func (d *distinct) first(args [][]byte, from, i, step int) bool {
	many := (len(args) - from) / step
	if many <= 16 {
		for k := from; k < i; k += step {
			if bytes.Equal(args[k], args[i]) {
				return false
			}
		}
		return true
	}
	if d.slots == nil {
		d.seed = maphash.MakeSeed()
		d.slots = make([]uint32, 1<<bits.Len(uint(2*many)))
	}
	mask := uint64(len(d.slots) - 1)
	for at := maphash.Bytes(d.seed, args[i]) & mask; ; at = (at + 1) & mask {
		switch k := d.slots[at]; {
		case k == 0:
			d.slots[at] = uint32(i) + 1
			return true
		case bytes.Equal(args[k-1], args[i]):
			return false
		}
	}
}

func delCommand(c *Call) {
	n := int64(0)
	var seen distinct
	for i := 1; i < len(c.Args); i++ {
		if c.View.Exists(c.Args[i]) && seen.first(c.Args, 1, i, 1) {
			c.Events.Delete(c.Args[i], event.User)
			n++
		}
	}
	c.Out.Int(n)
}

// existsCommand counts without touching: to ask is no access.
func existsCommand(c *Call) {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if c.View.Type(key) != state.None {
			n++
		}
	}
	c.Out.Int(n)
}

func touchCommand(c *Call) {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if c.View.Touch(key) {
			n++
		}
	}
	c.Out.Int(n)
}

func typeCommand(c *Call) { c.Out.Simple(c.View.Type(c.Args[1]).String()) }

func renameCommand(c *Call) {
	key, to := c.Args[1], c.Args[2]
	if !c.View.Exists(key) {
		c.Out.Error(TextNoSuchKey)
		return
	}
	if !bytes.Equal(key, to) {
		c.Events.Rename(key, to)
	}
	c.Out.OK()
}

func renamenxCommand(c *Call) {
	key, to := c.Args[1], c.Args[2]
	switch {
	case !c.View.Exists(key):
		c.Out.Error(TextNoSuchKey)
	case c.View.Exists(to): // itself too
		c.Out.Int(0)
	default:
		c.Events.Rename(key, to)
		c.Out.Int(1)
	}
}

const (
	textDBRange    = "ERR DB index is out of range"
	textSameObject = "ERR source and destination objects are the same"
)

// database reads Args[i] as the number of a database; after an error it is
// answered and ok false.
func (c *Call) database(i int) (db int, ok bool) {
	n, ok := c.Int(i)
	switch {
	case !ok:
		return 0, false
	case n != int64(int32(n)):
		c.Out.Error("ERR value is out of range, value must between -2147483648 and 2147483647")
		return 0, false
	case n < 0 || n >= state.Databases:
		c.Out.Error(textDBRange)
		return 0, false
	}
	return int(n), true
}

func copyCommand(c *Call) {
	db, replace := c.View.DB(), false
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "REPLACE"):
			replace = true
		case c.Is(i, "DB") && i+1 < len(c.Args):
			var ok bool
			if db, ok = c.database(i + 1); !ok {
				return
			}
			i++
		default:
			c.Out.Error(TextSyntax)
			return
		}
	}
	key, to := c.Args[1], c.Args[2]
	switch {
	case db == c.View.DB() && bytes.Equal(key, to):
		c.Out.Error(textSameObject)
	case !c.View.Exists(key), !replace && c.View.In(db).Exists(to):
		c.Out.Int(0)
	default:
		c.Events.Copy(key, to, db)
		c.Out.Int(1)
	}
}

func moveCommand(c *Call) {
	db, ok := c.database(2)
	switch key := c.Args[1]; {
	case !ok:
	case db == c.View.DB():
		c.Out.Error(textSameObject)
	case !c.View.Exists(key), c.View.In(db).Exists(key):
		c.Out.Int(0)
	default:
		c.Events.Move(key, db)
		c.Out.Int(1)
	}
}

func randomkeyCommand(c *Call) {
	if key, ok := c.View.Random(c.Rand); ok {
		c.Out.Bulk(key)
	} else {
		c.Out.Null()
	}
}

// flushMode checks the word after FLUSHDB and FLUSHALL. Both ways are the same
// here: emptying a database costs nothing.
func (c *Call) flushMode() bool {
	if len(c.Args) > 2 || len(c.Args) == 2 && !c.Is(1, "ASYNC") && !c.Is(1, "SYNC") {
		c.Out.Error(TextSyntax)
		return false
	}
	return true
}

func flushdbCommand(c *Call) {
	if !c.flushMode() {
		return
	}
	if c.View.Len() > 0 {
		c.Events.Flush(c.View.DB())
	}
	c.Out.OK()
}

func flushallCommand(c *Call) {
	if !c.flushMode() {
		return
	}
	for db := range state.Databases {
		if c.View.In(db).Len() > 0 {
			c.Events.FlushAll()
			break
		}
	}
	c.Out.OK()
}

func swapdbCommand(c *Call) {
	a, ok := ParseInt(c.Args[1])
	if !ok || a != int64(int32(a)) {
		c.Out.Error("ERR invalid first DB index")
		return
	}
	b, ok := ParseInt(c.Args[2])
	if !ok || b != int64(int32(b)) {
		c.Out.Error("ERR invalid second DB index")
		return
	}
	if min(a, b) < 0 || max(a, b) >= state.Databases {
		c.Out.Error(textDBRange)
		return
	}
	if a != b && c.View.In(int(a)).Len()+c.View.In(int(b)).Len() > 0 {
		c.Events.Swap(int(a), int(b))
	}
	c.Out.OK()
}
