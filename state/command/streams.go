package command

import "slices"

// streamCommands are the commands on streams.
func streamCommands() []*Spec {
	return slices.Concat(streamWrites(), streamReads(), groupCommands(), []*Spec{xgroupSpec(), xinfoSpec()})
}

// streamRow is a row of a command on one stream.
func streamRow(name string, arity int, flags Flag, keys, since, complexity, summary string, decide Decide, args ...Arg) *Spec {
	return &Spec{
		Name: name, Arity: arity, Flags: flags, Keys: oneKey(keys), Categories: "stream", Since: since, Group: "stream",
		Complexity: complexity, Summary: summary, Args: append([]Arg{{Name: "key", Type: "key"}}, args...), Decide: decide,
	}
}

func streamWrites() []*Spec {
	trim := func(flags string) Arg {
		return Arg{Name: "trim", Type: "block", Flags: flags, Sub: []Arg{
			{Name: "strategy", Type: "oneof", Sub: []Arg{
				{Name: "maxlen", Type: "pure-token", Token: "MAXLEN"}, {Name: "minid", Type: "pure-token", Token: "MINID"}}},
			{Name: "operator", Type: "oneof", Flags: "optional", Sub: []Arg{
				{Name: "equal", Type: "pure-token", Token: "="}, {Name: "approximately", Type: "pure-token", Token: "~"}}},
			{Name: "threshold", Type: "string"}, {Name: "count", Type: "integer", Token: "LIMIT", Flags: "optional"},
		}}
	}
	xadd := streamRow("xadd", -5, Write|DenyOOM|Fast, "RW UPDATE", "5.0.0", "O(1), and O(N) with N being the number of entries that are trimmed.",
		"Adds an entry to the end of a stream.", xaddCommand,
		Arg{Name: "nomkstream", Type: "pure-token", Token: "NOMKSTREAM", Flags: "optional"}, trim("optional"),
		Arg{Name: "id_or_auto", Type: "oneof", Sub: []Arg{{Name: "auto_id", Type: "pure-token", Token: "*"}, {Name: "id", Type: "string"}}},
		Arg{Name: "field_value", Type: "block", Flags: "multiple", Sub: []Arg{{Name: "field", Type: "string"}, {Name: "value", Type: "string"}}})
	xtrim := streamRow("xtrim", -4, Write, "RW DELETE", "5.0.0", "O(N) with N being the number of entries that go.",
		"Removes entries from the beginning of a stream.", xtrimCommand, trim(""))
	xsetid := streamRow("xsetid", -3, Write|DenyOOM|Fast, "RW UPDATE", "5.0.0", "O(1)", "Sets the last id of a stream.", xsetidCommand,
		Arg{Name: "last-id", Type: "string"}, Arg{Name: "entries_added", Type: "integer", Token: "ENTRIESADDED", Flags: "optional"},
		Arg{Name: "max_deleted_entry_id", Type: "string", Token: "MAXDELETEDID", Flags: "optional"})
	xsetid.Unwatched = true
	xadd.Tips, xtrim.Tips = "nondeterministic_output", "nondeterministic_output"
	return []*Spec{
		xadd, xtrim,
		streamRow("xdel", -3, Write|Fast, "RW DELETE", "5.0.0", "O(1) for each entry.", "Removes entries from a stream.", xdelCommand,
			Arg{Name: "id", Type: "string", Flags: "multiple"}),
		xsetid,
	}
}

func streamReads() []*Spec {
	const ofRange = "O(N) with N being the number of entries returned."
	start, end := Arg{Name: "start", Type: "string"}, Arg{Name: "end", Type: "string"}
	count := Arg{Name: "count", Type: "integer", Token: "COUNT", Flags: "optional"}
	xread := &Spec{
		Name: "xread", Arity: -4, Flags: ReadOnly | Blocking | MovableKeys, Keys: []Keys{keysOfStreams(1)}, Categories: "stream",
		Since: "5.0.0", Group: "stream", Complexity: ofRange, Summary: "Returns the entries of streams that come after ids, or waits for some.",
		Args: []Arg{count, blockArg(), streamsArg()}, Decide: xreadCommand,
	}
	return []*Spec{
		streamRow("xlen", 2, ReadOnly|Fast, "RO", "5.0.0", "O(1)", "Returns the number of entries of a stream.", xlenCommand),
		streamRow("xrange", -4, ReadOnly, "RO ACCESS", "5.0.0", ofRange, "Returns the entries between two ids.", xrangeCommand, start, end, count),
		streamRow("xrevrange", -4, ReadOnly, "RO ACCESS", "5.0.0", ofRange, "Returns the entries between two ids, the last one first.", xrevrangeCommand,
			end, start, count),
		xread,
	}
}

// keysOfStreams are the keys after STREAMS, which as many ids follow.
func keysOfStreams(from int) Keys {
	return Keys{First: from, Last: -1, Step: 1, Keyword: "STREAMS", Limit: 2, Flags: "RO ACCESS"}
}

func blockArg() Arg {
	return Arg{Name: "milliseconds", Type: "integer", Token: "BLOCK", Flags: "optional"}
}

func streamsArg() Arg {
	return Arg{Name: "streams", Type: "block", Token: "STREAMS", Sub: []Arg{
		{Name: "key", Type: "key", Flags: "multiple"}, {Name: "id", Type: "string", Flags: "multiple"}}}
}

// groupCommands are those of the consumers of a group.
func groupCommands() []*Spec {
	group, consumer, idle := Arg{Name: "group", Type: "string"}, Arg{Name: "consumer", Type: "string"}, Arg{Name: "min-idle-time", Type: "string"}
	ids := Arg{Name: "id", Type: "string", Flags: "multiple"}
	option := func(name, typ, token string) Arg { return Arg{Name: name, Type: typ, Token: token, Flags: "optional"} }
	xpending := streamRow("xpending", -3, ReadOnly, "RO ACCESS", "5.0.0", "O(N) with N being the number of entries looked at, O(1) for a few of them.",
		"Returns which entries were given to consumers and not acknowledged.", xpendingCommand, group,
		Arg{Name: "filters", Type: "block", Flags: "optional", Sub: []Arg{
			option("min-idle-time", "integer", "IDLE"), {Name: "start", Type: "string"}, {Name: "end", Type: "string"}, {Name: "count", Type: "integer"},
			{Name: "consumer", Type: "string", Flags: "optional"}}})
	xclaim := streamRow("xclaim", -6, Write|Fast, "RW UPDATE", "5.0.0", "O(log N) for each entry, with N being the number of pending ones.",
		"Gives pending entries to another consumer.", xclaimCommand, group, consumer, idle, ids,
		option("ms", "integer", "IDLE"), option("unix-time-milliseconds", "unix-time", "TIME"), option("count", "integer", "RETRYCOUNT"),
		option("force", "pure-token", "FORCE"), option("justid", "pure-token", "JUSTID"), option("id", "string", "LASTID"))
	xautoclaim := streamRow("xautoclaim", -6, Write|Fast, "RW DELETE", "6.2.0", "O(1) if COUNT is small.",
		"Gives a consumer the entries that have been pending with others for long.", xautoclaimCommand, group, consumer, idle,
		Arg{Name: "start", Type: "string"}, option("count", "integer", "COUNT"), option("justid", "pure-token", "JUSTID"))
	for _, s := range []*Spec{xpending, xclaim, xautoclaim} {
		s.Tips = "nondeterministic_output"
	}
	return []*Spec{
		{
			Name: "xreadgroup", Arity: -7, Flags: Write | Blocking | MovableKeys, Keys: []Keys{keysOfStreams(4)}, Categories: "stream",
			Since: "5.0.0", Group: "stream", Complexity: "O(N) with N being the number of entries returned.",
			Summary: "Gives a consumer of a group the next entries of streams, or waits for some; or repeats those that are pending.",
			Args: []Arg{
				{Name: "group_consumer", Type: "block", Token: "GROUP", Sub: []Arg{group, consumer}}, option("count", "integer", "COUNT"),
				blockArg(), option("noack", "pure-token", "NOACK"), streamsArg()},
			Decide: xreadgroupCommand,
		},
		streamRow("xack", -4, Write|Fast, "RW UPDATE", "5.0.0", "O(1) for each entry.", "Says that entries have been dealt with: they are pending no more.",
			xackCommand, group, ids),
		xpending, xclaim, xautoclaim,
	}
}

// streamSub is a subcommand on the stream that its first argument names.
func streamSub(name string, arity int, flags Flag, keys, since, complexity, summary string, decide Decide, args ...Arg) *Spec {
	s := streamRow(name, arity, flags, keys, since, complexity, summary, decide, args...)
	s.Keys = []Keys{keysAt(2, 2, 1, keys)}
	return s
}

// streamHelp is the subcommand HELP.
func streamHelp(decide Decide) *Spec {
	return &Spec{
		Name: "help", Arity: 2, Flags: Loading | Stale, Categories: "stream", Since: "5.0.0", Group: "stream", Complexity: "O(1)",
		Summary: "Lists the subcommands.", Decide: decide,
	}
}

func xgroupSpec() *Spec {
	group, consumer := Arg{Name: "groupname", Type: "string"}, Arg{Name: "consumername", Type: "string"}
	id := Arg{Name: "id", Type: "oneof", Sub: []Arg{{Name: "id", Type: "string"}, {Name: "new_id", Type: "pure-token", Token: "$"}}}
	read := Arg{Name: "entries_read", Type: "integer", Token: "ENTRIESREAD", Flags: "optional"}
	return &Spec{
		Name: "xgroup", Arity: -2, Since: "5.0.0", Group: "stream", Complexity: "Depends on subcommand.", Summary: "Keeps the consumer groups of a stream.",
		Sub: []*Spec{
			streamSub("create", -5, Write|DenyOOM, "RW INSERT", "5.0.0", "O(1)", "Makes a consumer group.", xgroupCreate, group, id,
				Arg{Name: "mkstream", Type: "pure-token", Token: "MKSTREAM", Flags: "optional"}, read),
			streamSub("createconsumer", 5, Write|DenyOOM, "RW INSERT", "6.2.0", "O(1)", "Makes a consumer in a group.", xgroupCreateConsumer, group, consumer),
			streamSub("delconsumer", 5, Write, "RW DELETE", "5.0.0", "O(1)", "Removes a consumer and what is pending with it.", xgroupDelConsumer, group, consumer),
			streamSub("destroy", 4, Write, "RW DELETE", "5.0.0", "O(N) where N is the number of the group's pending entries.", "Removes a consumer group.",
				xgroupDestroy, group),
			streamHelp(xgroupHelp),
			streamSub("setid", -5, Write, "RW UPDATE", "5.0.0", "O(1)", "Sets the id that a group was given last.", xgroupSetID, group, id, read),
		},
	}
}

func xinfoSpec() *Spec {
	consumers := streamSub("consumers", 4, ReadOnly, "RO ACCESS", "5.0.0", "O(1)", "Lists the consumers of a group.", xinfoConsumers,
		Arg{Name: "groupname", Type: "string"})
	consumers.Tips = "nondeterministic_output"
	return &Spec{
		Name: "xinfo", Arity: -2, Since: "5.0.0", Group: "stream", Complexity: "Depends on subcommand.", Summary: "Looks at streams and their consumer groups.",
		Sub: []*Spec{
			consumers,
			streamSub("groups", 3, ReadOnly, "RO ACCESS", "5.0.0", "O(1)", "Lists the consumer groups of a stream.", xinfoGroups),
			streamHelp(xinfoHelp),
			streamSub("stream", -3, ReadOnly, "RO ACCESS", "5.0.0", "O(1)", "Tells about a stream.", xinfoStream,
				Arg{Name: "full", Type: "block", Token: "FULL", Flags: "optional", Sub: []Arg{
					{Name: "count", Type: "integer", Token: "COUNT", Flags: "optional"}}}),
		},
	}
}
