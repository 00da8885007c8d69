package engine

import (
	"bytes"
	"iter"
	"slices"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

// looks is which keys a command looks up to read them: where one is not there, that is a
// miss (class m).
type looks uint8

const (
	looksByRow   looks = iota // those of its read-only key specs
	looksFirst                // the same, before it looks at its options
	looksTwice                // the same, first for their types and then for what they hold
	looksNowhere              // a look that Redis does not tell
	looksAtAll                // all that it names
	looksForGet               // SET with GET: all
	looksToRead               // BITFIELD without SET and INCRBY: all
)

// lookers are the commands that do not go by their row, by full name.
func lookers() map[string]looks {
	all := map[string]looks{"set": looksForGet, "bitfield": looksToRead, "xread": looksTwice, "xreadgroup": looksTwice}
	for as, names := range map[looks][]string{
		looksAtAll:   {"getdel", "getex", "getset", "pfcount", "pfmerge", "xack", "xclaim", "xautoclaim"},
		looksNowhere: {"object|encoding", "object|freq", "object|idletime", "object|refcount", "memory|usage"},
		looksFirst: {
			"lcs", "geosearch", "geosearchstore", "georadius", "georadius_ro", "georadiusbymember", "georadiusbymember_ro",
		},
	} {
		for _, name := range names {
			all[name] = as
		}
	}
	return all
}

// looksAt is the places of the keys that a call looks up to read them.
func (r *row) looksAt(args [][]byte) iter.Seq[int] {
	all := r.looks == looksAtAll
	switch r.looks {
	case looksByRow, looksFirst, looksTwice:
		return r.spec.ReadPositions(args)
	case looksForGet:
		all = hasWord(args[3:], "GET")
	case looksToRead:
		all = !hasWord(args[2:], "SET") && !hasWord(args[2:], "INCRBY")
	}
	if all {
		return r.spec.KeyPositions(args)
	}
	return func(func(int) bool) {}
}

func hasWord(args [][]byte, word string) bool {
	return slices.ContainsFunc(args, func(a []byte) bool { return command.IsWord(a, word) })
}

// tellMisses tells which keys a command has looked up in vain, before its events are
// applied. One that was refused before it looked up anything has missed nothing.
func (e *Engine) tellMisses(r *row, reply []byte) {
	failed := len(reply) > 0 && reply[0] == '-'
	if failed && r.looks != looksFirst && !isAfterLook(reply) {
		return
	}
	e.tellMissed(r, reply)
	if r.looks == looksTwice && !failed {
		e.tellMissed(r, reply)
	}
}

// isAfterLook is whether an error speaks of what there is, or is not.
func isAfterLook(reply []byte) bool {
	for _, text := range [...]string{"-WRONGTYPE", "-NOGROUP", "-INVALIDOBJ", "-ERR no such key"} {
		if bytes.HasPrefix(reply, []byte(text)) {
			return true
		}
	}
	return false
}

func (e *Engine) tellMissed(r *row, reply []byte) {
	c := &e.call
	wrongType := bytes.HasPrefix(reply, []byte("-WRONGTYPE"))
	for i := range r.looksAt(c.Args) {
		switch typ := c.View.Type(c.Args[i]); {
		case typ == state.None:
			e.tell(notice{ofMiss, "keymiss", c.View.DB(), c.Args[i]})
		case wrongType && !takes(r.spec.Group, c, c.Args[i]):
			return
		}
	}
}

// takes is whether commands of a group take what a key holds.
func takes(group string, c *command.Call, key []byte) bool {
	typ := c.View.Type(key)
	switch group {
	case "list":
		return typ == state.List
	case "set":
		return typ == state.Set
	case "hash":
		return typ == state.Hash
	case "sorted-set", "geo":
		return typ == state.ZSet || typ == state.Set
	case "stream":
		return typ == state.Stream
	case "hyperloglog":
		value, _, _ := c.View.String(key)
		return bytes.HasPrefix(value, []byte("HYLL"))
	}
	return typ == state.String
}
