package engine

import (
	"slices"
	"strings"

	"github.com/altilium-db/altilium/state/command"
)

// foundKey is a key among a call's arguments, with the words for what is done with it.
type foundKey struct {
	at    int
	flags []string
}

// commandGetkeys is COMMAND GETKEYS command [arg …].
func commandGetkeys(e *Engine, _ *Session, c *command.Call) {
	args := c.Args[2:]
	keys, problem := e.keysOf(args)
	if problem != "" {
		c.Out.Error(problem)
		return
	}
	c.Out.Array(len(keys))
	for _, k := range keys {
		c.Out.Bulk(args[k.at])
	}
}

// commandGetkeysandflags is GETKEYS with what the command does with each key.
func commandGetkeysandflags(e *Engine, _ *Session, c *command.Call) {
	args := c.Args[2:]
	keys, problem := e.keysOf(args)
	if problem != "" {
		c.Out.Error(problem)
		return
	}
	c.Out.Array(len(keys))
	for _, k := range keys {
		c.Out.Array(2)
		c.Out.Bulk(args[k.at])
		writeWords(c.Out, "", k.flags)
	}
}

// keysOf finds the keys of the command that args call, which must have some; problem is ""
// or the error to answer.
func (e *Engine) keysOf(args [][]byte) (keys []foundKey, problem string) {
	spec := e.table.Command(args[0])
	if spec != nil && spec.Sub != nil && len(args) > 1 {
		spec = spec.Subcommand(args[1])
	}
	switch {
	case spec == nil:
		return nil, "ERR Invalid command specified"
	case len(spec.Keys) == 0 || spec.Keys[0].Flags == command.NotKey:
		return nil, "ERR The command has no key arguments"
	case !spec.ArityOK(len(args)):
		return nil, "ERR Invalid number of arguments specified for command"
	case spec.HasKeys(args):
		return keysBySpec(spec, args), ""
	}
	if keys = keysByNumber(spec, args); keys == nil {
		return nil, "ERR Invalid arguments specified for command"
	}
	return keys, ""
}

func keysBySpec(spec *command.Spec, args [][]byte) (keys []foundKey) {
	for _, k := range spec.Keys {
		one := command.Spec{Keys: []command.Keys{k}}
		flags := keyFlags(actual(spec, k, args), true)
		for i := range one.KeyPositions(args) {
			keys = append(keys, foundKey{i, flags})
		}
	}
	return keys
}

// keysByNumber is what Redis falls back to where a command's keys are counted and no
// number says how many there are: it reads what C's atoi takes for one (" 1", "+1", "1x"),
// knows nothing of what is done with the keys, and names first those that are counted. nil
// where that is no number of keys either.
func keysByNumber(spec *command.Spec, args [][]byte) (keys []foundKey) {
	for _, k := range spec.Keys {
		if !k.Counted {
			continue
		}
		if k.First >= len(args) {
			return nil
		}
		n := int(int32(leadingInt(string(args[k.First])))) // as in C, what 32 bits hold of it
		if n < 1 || n > len(args)-k.First-1 {
			return nil
		}
		for i := range n {
			keys = append(keys, foundKey{at: k.First + 1 + i})
		}
	}
	if keys == nil {
		return nil
	}
	for _, k := range spec.Keys {
		if !k.Counted {
			keys = append(keys, foundKey{at: k.First})
		}
	}
	return keys
}

// actual gives a key spec for one call, where its flags depend on options: SET only
// overwrites, unless it is to return the old value, and BITFIELD may only read.
func actual(s *command.Spec, k command.Keys, args [][]byte) command.Keys {
	switch {
	case !strings.Contains(k.Flags, "VARIABLE_FLAGS"):
	case s.Name == "bitfield":
		if onlyGets(args[2:]) {
			k.Flags = "RO ACCESS"
		}
	case !slices.ContainsFunc(args[3:], func(arg []byte) bool { return command.IsWord(arg, "GET") }):
		k.Flags = "OW UPDATE"
	}
	return k
}

// onlyGets reports whether the operations of a BITFIELD are all GET, with their type and
// offset; what is none counts as a write.
func onlyGets(args [][]byte) bool {
	for len(args) > 0 {
		switch {
		case command.IsWord(args[0], "GET") && len(args) > 2:
			args = args[3:]
		case command.IsWord(args[0], "OVERFLOW") && len(args) > 1:
			args = args[2:]
		default:
			return false
		}
	}
	return true
}
