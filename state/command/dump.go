package command

import (
	"iter"
	"slices"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command/rdb"
	"github.com/altilium-db/altilium/state/event"
)

// dumpCommands move values between servers, in the format of package rdb.
func dumpCommands() []*Spec {
	key := Arg{Name: "key", Type: "key"}
	option := func(name, typ, token string) Arg { return Arg{Name: name, Type: typ, Token: token, Flags: "optional"} }
	const ofParts = "where N is the number of parts of the value and M their average size."
	return []*Spec{
		{
			Name: "dump", Arity: 2, Flags: ReadOnly, Keys: oneKey("RO ACCESS"), Categories: "keyspace", Since: "2.6.0", Group: "generic",
			Complexity: "O(N*M) " + ofParts, Summary: "Returns the bytes from which RESTORE makes a key's value again.",
			Tips: "nondeterministic_output", Args: []Arg{key}, Decide: dumpCommand,
		},
		{
			Name: "restore", Arity: -4, Flags: Write | DenyOOM, Keys: oneKey("OW UPDATE"), Categories: "keyspace dangerous", Since: "2.6.0",
			Group: "generic", Complexity: "O(N*M) " + ofParts, Summary: "Makes a key of what DUMP has answered, here or in a Redis server.",
			Args: []Arg{
				key, {Name: "ttl", Type: "integer"}, {Name: "serialized-value", Type: "string"},
				option("replace", "pure-token", "REPLACE"), option("absttl", "pure-token", "ABSTTL"),
				option("seconds", "integer", "IDLETIME"), option("frequency", "integer", "FREQ"),
			},
			Decide: restoreCommand,
		},
	}
}

// maxDump is how many bytes DUMP answers at most. RESTORE cannot be given as many
// (MaxString), here or in Redis, but who asks may do something else with them.
const maxDump = 1 << 30

func dumpCommand(c *Call) {
	w := rdb.NewWriter(maxDump)
	key := c.Args[1]
	typ := c.View.Type(key)
	if weight, ok := c.View.Weight(key); ok && typ != state.String {
		w.Expect(weight / 2) // about what is left without indexes, and compressed
	}
	switch typ {
	case state.None:
		c.Out.Null()
		return
	case state.String:
		value, _, _ := c.View.String(key)
		w.String(value)
	case state.List:
		l, _ := c.View.List(key)
		w.List(each(l.Len(), l.At), c.View.Encoding(key) == "listpack")
	case state.Set:
		c.dumpSet(w, key)
	case state.ZSet:
		c.dumpZSet(w, key)
	case state.Hash:
		h, _ := c.View.Hash(key)
		if h.Small() {
			w.SmallHash(eachPair(h.Len(), h.At))
		} else {
			w.Hash(h.Len(), eachPair(h.Len(), h.At))
		}
	case state.Stream:
		s, _ := c.View.Stream(key)
		head := dumpedStream(s)
		w.Stream(&head, dumpedEntries(s))
	}
	payload, ok := w.Payload()
	if !ok {
		c.Out.Error(textTooMuch)
		return
	}
	c.replyValue(payload)
}

// each hands out the first n of something.
func each(n int, at func(i int) []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := 0; i < n && yield(at(i)); i++ {
		}
	}
}

// eachPair is each of something that comes in pairs.
func eachPair[V any](n int, at func(i int) ([]byte, V)) iter.Seq2[[]byte, V] {
	return func(yield func([]byte, V) bool) {
		for i := 0; i < n && yield(at(i)); i++ {
		}
	}
}

func (c *Call) dumpSet(w *rdb.Writer, key []byte) {
	m, _ := c.View.Set(key)
	if c.View.Encoding(key) != "intset" {
		w.Set(m.Len(), each(m.Len(), m.At))
		return
	}
	all := make([]int64, m.Len())
	for i := range all {
		all[i], _ = ParseInt(m.At(i))
	}
	w.Intset(all)
}

func (c *Call) dumpZSet(w *rdb.Writer, key []byte) {
	z, _ := c.View.ZSet(key)
	if z.Small() {
		w.SmallZSet(eachPair(z.Len(), z.At), resp.AppendDouble)
		return
	}
	last := z.Len() - 1
	w.ZSet(z.Len(), eachPair(z.Len(), func(i int) ([]byte, float64) { return z.At(last - i) }))
}

func dumpedEntries(s state.Entries) iter.Seq2[rdb.ID, [][]byte] {
	return func(yield func(rdb.ID, [][]byte) bool) {
		var pairs [][]byte
		s.Range(event.ID{}, event.MaxID(), func(e *state.StreamEntry) bool {
			pairs = pairs[:0]
			for range e.Len() {
				field, value := e.Next()
				pairs = append(pairs, field, value)
			}
			return yield(rdb.ID(e.ID), pairs)
		})
	}
}

func dumpedStream(s state.Entries) rdb.Stream {
	d := rdb.Stream{
		Entries: uint64(s.Len()), First: rdb.ID(s.FirstEntry()), Last: rdb.ID(s.Last()), Deleted: rdb.ID(s.Deleted()), Added: s.Added(),
	}
	for i := range s.Groups() {
		g := s.GroupAt(i)
		group := rdb.Group{Name: g.Name(), Last: rdb.ID(g.Last()), Read: g.Read()}
		for k := range g.Consumers() {
			group.Consumers = append(group.Consumers, dumpedConsumer(g.ConsumerAt(k)))
		}
		d.Groups = append(d.Groups, group)
	}
	return d
}

func dumpedConsumer(c state.Consumer) rdb.Consumer {
	pending := make([]rdb.Pending, 0, c.Pending())
	c.EachPending(event.ID{}, func(p state.Pending) bool {
		pending = append(pending, rdb.Pending{ID: rdb.ID(p.ID), Since: p.Since, Count: p.Count})
		return true
	})
	return rdb.Consumer{Name: c.Name(), Seen: c.Seen(), Active: c.Active(), Pending: slices.Clip(pending)}
}
