package engine

import (
	"slices"
	"strings"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// flagNames are the words of COMMAND INFO, in Redis' order.
func flagNames(flags command.Flag) []string {
	var names []string
	for _, f := range []struct {
		flag command.Flag
		name string
	}{
		{command.Write, "write"}, {command.ReadOnly, "readonly"}, {command.DenyOOM, "denyoom"}, {command.Admin, "admin"},
		{command.PubSub, "pubsub"}, {command.NoScript, "noscript"}, {command.Blocking, "blocking"}, {command.Loading, "loading"},
		{command.Stale, "stale"}, {command.SkipMonitor, "skip_monitor"}, {command.SkipSlowlog, "skip_slowlog"},
		{command.Asking, "asking"}, {command.Fast, "fast"}, {command.NoAuth, "no_auth"},
		{command.NoAsyncLoading, "no_async_loading"}, {command.NoMulti, "no_multi"}, {command.MovableKeys, "movablekeys"},
		{command.AllowBusy, "allow_busy"},
	} {
		if flags&f.flag != 0 {
			names = append(names, f.name)
		}
	}
	return names
}

// aclCategories are the words of ACL, in Redis' order.
func aclCategories() []string {
	return []string{
		"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo", "stream",
		"pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
	}
}

// categories are a command's: what its row says, and what follows from flags.
func categories(s *command.Spec) []string {
	has := strings.Fields(s.Categories)
	for _, implied := range []struct {
		flag command.Flag
		name string
	}{
		{command.Write, "write"}, {command.ReadOnly, "read"}, {command.Admin, "admin"}, {command.Admin, "dangerous"},
		{command.PubSub, "pubsub"}, {command.Fast, "fast"}, {command.Blocking, "blocking"},
	} {
		if s.Flags&implied.flag != 0 {
			has = append(has, implied.name)
		}
	}
	if s.Flags&command.Fast == 0 {
		has = append(has, "slow")
	}
	var names []string
	for _, name := range aclCategories() {
		if slices.Contains(has, name) {
			names = append(names, name)
		}
	}
	return names
}

// commandAll is COMMAND: COMMAND INFO of everything.
func commandAll(e *Engine, _ *Session, c *command.Call) {
	all := e.table.All()
	c.Out.Array(len(all))
	for _, s := range all {
		writeInfo(c.Out, s)
	}
}

func commandCount(e *Engine, _ *Session, c *command.Call) { c.Out.Int(int64(len(e.table.All()))) }

// commandInfo is COMMAND INFO [name …].
func commandInfo(e *Engine, s *Session, c *command.Call) {
	if len(c.Args) == 2 {
		commandAll(e, s, c)
		return
	}
	limit := command.NewLimit(c.Out)
	c.Out.Array(len(c.Args) - 2)
	for _, name := range c.Args[2:] {
		if spec := e.table.Named(name); spec != nil {
			writeInfo(c.Out, spec)
		} else {
			c.Out.Null()
		}
		if limit.Exceeded() {
			limit.Refuse()
			return
		}
	}
}

// writeInfo writes one command in COMMAND INFO's ten parts.
func writeInfo(out *resp.Writer, s *command.Spec) {
	first, last, step := keyRange(s)
	out.Array(10)
	out.BulkString(s.FullName())
	out.Int(int64(s.Arity))
	writeWords(out, "", flagNames(s.Flags))
	out.Int(int64(first))
	out.Int(int64(last))
	out.Int(int64(step))
	writeWords(out, "@", categories(s))
	tips := strings.Fields(s.Tips)
	out.Set(len(tips))
	for _, t := range tips {
		out.BulkString(t)
	}
	out.Set(len(s.Keys))
	for _, k := range s.Keys {
		writeKeySpec(out, k)
	}
	out.Set(len(s.Sub))
	for _, sub := range s.Sub {
		writeInfo(out, sub)
	}
}

// writeWords writes a set of status words.
func writeWords(out *resp.Writer, prefix string, words []string) {
	out.Set(len(words))
	for _, w := range words {
		out.Simple(prefix + w)
	}
}

// keyRange is what clients older than key specs read: the first key, the last,
// and the step between them, over all key specs.
func keyRange(s *command.Spec) (first, last, step int) {
	for i, k := range s.Keys {
		if k.Counted || k.Unknown || k.Keyword != "" {
			break
		}
		if i == 0 {
			first, last, step = k.First, k.Last, max(1, k.Step)
			continue
		}
		// Two specs of one key each, next to each other (RENAME, COPY), look
		// like one range.
		if k.First == last+step {
			last = k.Last
		}
	}
	return first, last, step
}

// writeKeySpec writes one key spec in the form of Redis 7: where to begin, and
// how to go on from there. lastkey counts from the first key.
func writeKeySpec(out *resp.Writer, k command.Keys) {
	out.Map(3)
	out.BulkString("flags")
	writeWords(out, "", keyFlags(k, false))
	out.BulkString("begin_search")
	out.Map(2)
	switch {
	case k.Unknown:
		writeUnknown(out)
	case k.Keyword != "":
		pairString(out, "type", "keyword")
		out.BulkString("spec")
		out.Map(2)
		pairString(out, "keyword", k.Keyword)
		pairInt(out, "startfrom", int64(k.First))
	default:
		pairString(out, "type", "index")
		out.BulkString("spec")
		out.Map(1)
		pairInt(out, "index", int64(k.First))
	}
	out.BulkString("find_keys")
	out.Map(2)
	switch {
	case k.Unknown:
		writeUnknown(out)
	case k.Counted:
		pairString(out, "type", "keynum")
		out.BulkString("spec")
		out.Map(3)
		pairInt(out, "keynumidx", 0)
		pairInt(out, "firstkey", 1)
		pairInt(out, "keystep", 1)
	default:
		last := k.Last
		if last >= 0 && k.Keyword == "" {
			last -= k.First
		}
		pairString(out, "type", "range")
		out.BulkString("spec")
		out.Map(3)
		pairInt(out, "lastkey", int64(last))
		pairInt(out, "keystep", int64(max(1, k.Step)))
		pairInt(out, "limit", int64(k.Limit))
	}
}

func writeUnknown(out *resp.Writer) {
	pairString(out, "type", "unknown")
	out.BulkString("spec")
	out.Map(0)
}

// keyFlags gives a key spec's flags as Redis writes them: what is done with the
// key as a whole in capitals (RW), with its content in small letters (access).
// Those that only speak of the spec itself are left out where usage is asked.
func keyFlags(k command.Keys, usage bool) []string {
	var out []string
	for _, f := range strings.Fields(k.Flags) {
		upper := strings.ToUpper(f)
		switch upper {
		case "RO", "RW", "OW", "RM":
			out = append(out, upper)
		case "NOT_KEY", "INCOMPLETE", "VARIABLE_FLAGS":
			if !usage {
				out = append(out, strings.ToLower(f))
			}
		default:
			out = append(out, strings.ToLower(f))
		}
	}
	return out
}

// commandList is COMMAND LIST [FILTERBY MODULE|ACLCAT|PATTERN text].
func commandList(e *Engine, _ *Session, c *command.Call) {
	fits := func(*command.Spec) bool { return true }
	subs := false
	switch args := c.Args; {
	case len(args) == 2:
	case len(args) != 5 || !c.Is(2, "FILTERBY"):
		c.Out.Error(command.TextSyntax)
		return
	case c.Is(3, "MODULE"): // there are none
		fits = func(*command.Spec) bool { return false }
	case c.Is(3, "ACLCAT"):
		subs = true
		fits = func(s *command.Spec) bool {
			return slices.ContainsFunc(categories(s), func(name string) bool { return strings.EqualFold(name, string(args[4])) })
		}
	case c.Is(3, "PATTERN"):
		subs = true
		fits = func(s *command.Spec) bool { return nameMatches(args[4], s.FullName()) }
	default:
		c.Out.Error(command.TextSyntax)
		return
	}
	var names []string
	for _, s := range e.table.All() {
		if fits(s) {
			names = append(names, s.FullName())
		}
		for _, sub := range s.Sub {
			if subs && fits(sub) {
				names = append(names, sub.FullName())
			}
		}
	}
	c.Out.Array(len(names))
	for _, name := range names {
		c.Out.BulkString(name)
	}
}
