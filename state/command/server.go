package command

// serverCommands are the rows of what concerns the server as a whole. The
// engine carries all of them out.
func serverCommands() []*Spec {
	const admin = Admin | NoScript | Loading | Stale
	return []*Spec{
		{
			Name: "info", Arity: -1, Flags: Loading | Stale | Volatile, Categories: "dangerous", Since: "1.0.0", Group: "server", Complexity: "O(1)",
			Summary: "Facts and figures about the server, in sections.",
			Args:    []Arg{{Name: "section", Type: "string", Flags: "optional multiple"}},
			Tips:    "nondeterministic_output request_policy:all_shards response_policy:special",
		},
		configCommand(),
		memoryCommand(),
		slowlogCommand(),
		latencyCommand(),
		{
			Name: "role", Arity: 1, Flags: NoScript | Loading | Stale | Fast | Volatile, Categories: "admin dangerous", Since: "2.8.12", Group: "server", Complexity: "O(1)",
			Summary: "Says that this is a primary without replicas, and how far its log has come.",
		},
		{
			Name: "lolwut", Arity: -1, Flags: ReadOnly | Fast | Volatile, Since: "5.0.0", Group: "server", Complexity: "O(N) where N is the size of the picture",
			Summary: "A picture, and the version of the server.",
			Args:    []Arg{{Name: "version", Token: "VERSION", Type: "integer", Flags: "optional"}},
		},
		{
			// The clock that TIME tells is the unit's, which a replayed session
			// gets back: its reply is not Volatile.
			Name: "time", Arity: 1, Flags: Loading | Stale | Fast, Since: "2.6.0", Group: "server", Complexity: "O(1)",
			Summary: "The server's clock: seconds since 1970, and microseconds of the present one.",
			Tips:    "nondeterministic_output",
		},
		{
			Name: "monitor", Arity: 1, Flags: admin, Since: "1.0.0", Group: "server", Complexity: "O(1)",
			Summary: "Sends this connection a line about each command that is executed from now on.",
		},
		{
			Name: "debug", Arity: -2, Flags: admin, Since: "1.0.0", Group: "server", Complexity: "Depends on subcommand.",
			Summary: "Tools for tests: digests, reloading, sleeping.",
			Args: []Arg{
				{Name: "subcommand", Type: "string"},
				{Name: "arg", Type: "string", Flags: "optional multiple"},
			},
		},
		{
			Name: "save", Arity: 1, Flags: Admin | NoScript | NoAsyncLoading | NoMulti, Since: "1.0.0", Group: "server",
			Complexity: "O(N) where N is the number of keys in all databases",
			Summary:    "Makes a checkpoint and answers when it is done.",
		},
		{
			Name: "bgsave", Arity: -1, Flags: Admin | NoScript | NoAsyncLoading, Since: "1.0.0", Group: "server", Complexity: "O(1)",
			Summary: "Begins to make a checkpoint beside the server.",
			Args:    []Arg{{Name: "schedule", Token: "SCHEDULE", Type: "pure-token", Flags: "optional"}},
		},
		{
			Name: "lastsave", Arity: 1, Flags: Loading | Stale | Fast | Volatile, Categories: "admin dangerous", Since: "1.0.0", Group: "server", Complexity: "O(1)",
			Summary: "When the last checkpoint was made, in seconds since 1970.",
			Tips:    "nondeterministic_output",
		},
		{
			Name: "bgrewriteaof", Arity: 1, Flags: Admin | NoScript | NoAsyncLoading, Since: "1.0.0", Group: "server", Complexity: "O(1)",
			Summary: "Begins to make a checkpoint beside the server, as BGSAVE does.",
		},
		{
			Name: "shutdown", Arity: -1, Flags: admin | NoMulti | AllowBusy, Since: "1.0.0", Group: "server",
			Complexity: "O(N) when saving, where N is the number of keys in all databases",
			Summary:    "Syncs the log and stops the server, perhaps after a checkpoint.",
			Args: []Arg{
				{Name: "save-selector", Type: "oneof", Flags: "optional", Sub: []Arg{
					{Name: "nosave", Type: "pure-token", Token: "NOSAVE"},
					{Name: "save", Type: "pure-token", Token: "SAVE"},
				}},
				{Name: "now", Type: "pure-token", Token: "NOW", Flags: "optional"},
				{Name: "force", Type: "pure-token", Token: "FORCE", Flags: "optional"},
				{Name: "abort", Type: "pure-token", Token: "ABORT", Flags: "optional"},
			},
		},
	}
}

// slowlogCommand is SLOWLOG. What it answers depends on how long commands took.
func slowlogCommand() *Spec {
	sub := func(name string, arity int, since, complexity, summary, tips string) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: Admin | Loading | Stale | Volatile, Since: since, Group: "server", Complexity: complexity,
			Summary: summary, Tips: tips,
		}
	}
	get := sub("get", -2, "2.2.12", "O(N) where N is the number of entries returned", "The last commands that were slow, the newest first.",
		"request_policy:all_nodes nondeterministic_output")
	get.Args = []Arg{{Name: "count", Type: "integer", Flags: "optional"}}
	help := sub("help", 2, "6.2.0", "O(1)", "Lists the subcommands.", "")
	help.Flags = Loading | Stale
	return &Spec{
		Name: "slowlog", Arity: -2, Since: "2.2.12", Group: "server", Complexity: "Depends on subcommand.", Summary: "The commands that were slow.",
		Sub: []*Spec{
			get, help,
			sub("len", 2, "2.2.12", "O(1)", "How many there are.", "request_policy:all_nodes response_policy:agg_sum nondeterministic_output"),
			sub("reset", 2, "2.2.12", "O(N) where N is the number of entries", "Forgets them.", "request_policy:all_nodes response_policy:all_succeeded"),
		},
	}
}

// latencyCommand is LATENCY. What it answers depends on how long commands took.
func latencyCommand() *Spec {
	sub := func(name string, arity int, since, complexity, summary, tips string, args ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: Admin | NoScript | Loading | Stale | Volatile, Since: since, Group: "server", Complexity: complexity,
			Summary: summary, Tips: tips, Args: args,
		}
	}
	const nodes = "nondeterministic_output request_policy:all_nodes response_policy:special"
	help := sub("help", 2, "2.8.13", "O(1)", "Lists the subcommands.", "")
	help.Flags = Loading | Stale
	return &Spec{
		Name: "latency", Arity: -2, Since: "2.8.13", Group: "server", Complexity: "Depends on subcommand.", Summary: "How long commands take.",
		Sub: []*Spec{
			sub("doctor", 2, "2.8.13", "O(1)", "What the samples say, and what can be done about them.", nodes),
			sub("graph", 3, "2.8.13", "O(1)", "An event's samples as columns of characters.", nodes, Arg{Name: "event", Type: "string"}),
			help,
			sub("histogram", -2, "7.0.0", "O(N) where N is the number of commands", "How many calls of commands took up to 1 µs, 2 µs, 4 µs and so on.", nodes,
				Arg{Name: "command", Type: "string", Flags: "optional multiple"}),
			sub("history", 3, "2.8.13", "O(1)", "The seconds in which an event (command, fast-command) took long, and how many ms.", nodes, Arg{Name: "event", Type: "string"}),
			sub("latest", 2, "2.8.13", "O(1)", "Of each event when it last took long, how many ms, and how many at most.", nodes),
			sub("reset", -2, "2.8.13", "O(1)", "Forgets what some events took, or all.", "request_policy:all_nodes response_policy:all_succeeded",
				Arg{Name: "event", Type: "string", Flags: "optional multiple"}),
		},
	}
}

func configCommand() *Spec {
	const admin = Admin | NoScript | Loading | Stale
	return &Spec{
		Name: "config", Arity: -2, Since: "2.0.0", Group: "server", Complexity: "Depends on subcommand.",
		Summary: "Commands about the settings.",
		Sub: []*Spec{
			{
				Name: "get", Arity: -3, Flags: admin | Volatile, Since: "2.0.0", Group: "server",
				Complexity: "O(N*M) where N is the number of settings and M of patterns",
				Summary:    "The settings whose names fit the patterns.",
				Args:       []Arg{{Name: "parameter", Type: "string", Flags: "multiple"}},
			},
			{
				Name: "help", Arity: 2, Flags: Loading | Stale, Since: "5.0.0", Group: "server", Complexity: "O(1)",
				Summary: "Lists the subcommands.",
			},
			{
				Name: "resetstat", Arity: 2, Flags: admin, Since: "2.0.0", Group: "server", Complexity: "O(1)",
				Summary: "Sets the counters that INFO shows back to zero.",
				Tips:    "request_policy:all_nodes response_policy:all_succeeded",
			},
			{
				Name: "rewrite", Arity: 2, Flags: admin, Since: "2.8.0", Group: "server", Complexity: "O(1)",
				Summary: "Refused: this server does not write its settings file.",
				Tips:    "request_policy:all_nodes response_policy:all_succeeded",
			},
			{
				Name: "set", Arity: -4, Flags: admin, Since: "2.0.0", Group: "server",
				Complexity: "O(N) where N is the number of settings",
				Summary:    "Changes settings of the running server: all of those named, or none.",
				Args: []Arg{{Name: "data", Type: "block", Flags: "multiple", Sub: []Arg{
					{Name: "parameter", Type: "string"},
					{Name: "value", Type: "string"},
				}}},
				Tips: "request_policy:all_nodes response_policy:all_succeeded",
			},
		},
	}
}

// commandCommand is COMMAND. What its subcommands answer depends on the version
// of this program and on nothing else, hence Volatile.
func commandCommand() *Spec {
	const flags = Loading | Stale
	const unordered = "nondeterministic_output_order"
	sub := func(name string, arity int, flags Flag, since, complexity, summary, tips string, args ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: flags, Categories: "connection", Since: since, Group: "server",
			Complexity: complexity, Summary: summary, Args: args, Tips: tips,
		}
	}
	names := Arg{Name: "command-name", Type: "string", Flags: "optional multiple"}
	ofCommand := []Arg{
		{Name: "command", Type: "string"},
		{Name: "arg", Type: "string", Flags: "optional multiple"},
	}
	const all = "O(N) where N is the number of commands"
	return &Spec{
		Name: "command", Arity: -1, Flags: flags | Volatile, Categories: "connection", Since: "2.8.13", Group: "server", Complexity: all,
		Summary: "Everything about every command that there is.",
		Tips:    unordered,
		Sub: []*Spec{
			sub("count", 2, flags|Volatile, "2.8.13", "O(1)", "How many commands there are.", ""),
			sub("docs", -2, flags|Volatile, "7.0.0", all, "What commands do and which arguments they take.", unordered, names),
			sub("getkeys", -3, flags, "2.8.13", "O(N) where N is the number of arguments", "Which arguments of a command are keys.", "", ofCommand...),
			sub("getkeysandflags", -3, flags, "7.0.0", "O(N) where N is the number of arguments", "Which arguments of a command are keys, and what it does with them.", "", ofCommand...),
			sub("help", 2, flags, "5.0.0", "O(1)", "Lists the subcommands.", ""),
			sub("info", -2, flags|Volatile, "2.8.13", all, "Arity, flags and keys of commands.", unordered, names),
			sub("list", -2, flags|Volatile, "7.0.0", all, "The names of the commands.", unordered,
				Arg{Name: "filterby", Token: "FILTERBY", Type: "oneof", Flags: "optional", Sub: []Arg{
					{Name: "module-name", Token: "MODULE", Type: "string"},
					{Name: "category", Token: "ACLCAT", Type: "string"},
					{Name: "pattern", Token: "PATTERN", Type: "pattern"},
				}}),
		},
	}
}
