package command

// connectionCommands are the rows of what concerns one connection. The engine
// carries them out, but for ECHO, which needs nothing but its argument.
func connectionCommands() []*Spec {
	const (
		before = NoScript | Loading | Stale | Fast | NoAuth | AllowBusy // of AUTH and its like
		any    = Loading | Stale | Fast
	)
	return []*Spec{
		{
			Name: "ping", Arity: -1, Flags: Fast, Categories: "connection", Since: "1.0.0", Group: "connection", Complexity: "O(1)",
			Summary: "Answers PONG, or the message it was given: proof that the server is there.",
			Args:    []Arg{{Name: "message", Type: "string", Flags: "optional"}},
			Tips:    "request_policy:all_shards response_policy:all_succeeded",
		},
		{
			Name: "echo", Arity: 2, Flags: any, Categories: "connection", Since: "1.0.0", Group: "connection", Complexity: "O(1)",
			Summary: "Answers the message it was given.",
			Args:    []Arg{{Name: "message", Type: "string"}},
			Decide:  func(c *Call) { c.Out.Bulk(c.Args[1]) },
		},
		{
			Name: "auth", Arity: -2, Flags: before, Categories: "connection", Since: "1.0.0", Group: "connection",
			Complexity: "O(N) where N is the length of the password",
			Summary:    "Tells the server the password, and perhaps the user that it belongs to.",
			Args: []Arg{
				{Name: "username", Type: "string", Flags: "optional"},
				{Name: "password", Type: "string"},
			},
		},
		{
			Name: "hello", Arity: -1, Flags: before, Categories: "connection", Since: "6.0.0", Group: "connection", Complexity: "O(1)",
			Summary: "Chooses the protocol, 2 or 3, and says who the server is.",
			Args: []Arg{{Name: "arguments", Type: "block", Flags: "optional", Sub: []Arg{
				{Name: "protover", Type: "integer"},
				{Name: "auth", Token: "AUTH", Type: "block", Flags: "optional", Sub: []Arg{
					{Name: "username", Type: "string"},
					{Name: "password", Type: "string"},
				}},
				{Name: "clientname", Token: "SETNAME", Type: "string", Flags: "optional"},
			}}},
		},
		{
			Name: "select", Arity: 2, Flags: any, Categories: "connection", Since: "1.0.0", Group: "connection", Complexity: "O(1)",
			Summary: "Chooses the database that this connection works in.",
			Args:    []Arg{{Name: "index", Type: "integer"}},
		},
		{
			Name: "quit", Arity: -1, Flags: before, Categories: "connection", Since: "1.0.0", Group: "connection", Complexity: "O(1)",
			Summary: "Answers what was sent before it, then closes the connection.",
		},
		{
			Name: "reset", Arity: 1, Flags: before, Categories: "connection", Since: "6.2.0", Group: "connection", Complexity: "O(1)",
			Summary: "Makes the connection what it was when it was opened.",
		},
		clientCommand(),
		commandCommand(),
	}
}

// onOff is the argument of switches.
func onOff(name string) []Arg {
	return []Arg{{Name: name, Type: "oneof", Sub: []Arg{
		{Name: "on", Type: "pure-token", Token: "ON"},
		{Name: "off", Type: "pure-token", Token: "OFF"},
	}}}
}

// clientTypes are the kinds of connections that CLIENT LIST and KILL tell apart.
func clientTypes(flags string) Arg {
	return Arg{Name: "client-type", Token: "TYPE", Type: "oneof", Flags: flags, Sub: []Arg{
		{Name: "normal", Type: "pure-token", Token: "NORMAL"},
		{Name: "master", Type: "pure-token", Token: "MASTER"},
		{Name: "replica", Type: "pure-token", Token: "REPLICA"},
		{Name: "pubsub", Type: "pure-token", Token: "PUBSUB"},
	}}
}

func clientCommand() *Spec {
	const own, admin = NoScript | Loading | Stale, Admin | NoScript | Loading | Stale
	sub := func(name string, arity int, flags Flag, since, complexity, summary string, args ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: flags, Categories: "connection", Since: since, Group: "connection",
			Complexity: complexity, Summary: summary, Args: args,
		}
	}
	tips := func(s *Spec, tips string) *Spec { s.Tips = tips; return s }
	const everywhere = "request_policy:all_nodes response_policy:all_succeeded"
	return &Spec{
		Name: "client", Arity: -2, Since: "2.4.0", Group: "connection", Complexity: "Depends on subcommand.",
		Summary: "Commands about connections.",
		Sub: []*Spec{
			sub("caching", 3, own, "6.0.0", "O(1)", "Says whether the keys that the next command reads are tracked, where that must be said.",
				Arg{Name: "mode", Type: "oneof", Sub: []Arg{
					{Name: "yes", Type: "pure-token", Token: "YES"},
					{Name: "no", Type: "pure-token", Token: "NO"},
				}}),
			sub("getname", 2, own, "2.6.9", "O(1)", "The name of this connection."),
			sub("getredir", 2, own, "6.0.0", "O(1)", "The connection that is told of changed keys instead of this one."),
			sub("help", 2, Loading|Stale, "5.0.0", "O(1)", "Lists the subcommands."),
			sub("id", 2, own, "5.0.0", "O(1)", "The id of this connection: never given twice by one server."),
			tips(sub("info", 2, own|Volatile, "6.2.0", "O(1)", "This connection's line of CLIENT LIST."), "nondeterministic_output"),
			clientKill(admin),
			tips(sub("list", -2, admin|Volatile, "2.4.0", "O(N) where N is the number of connections", "One line about each connection.",
				clientTypes("optional"),
				Arg{Name: "client-id", Token: "ID", Type: "integer", Flags: "optional multiple"}), "nondeterministic_output"),
			sub("no-evict", 3, admin, "7.0.0", "O(1)", "Excepts this connection from being closed when memory is short.", onOff("enabled")...),
			sub("no-touch", 3, own, "7.2.0", "O(1)", "Lets this connection's commands leave the access times of keys alone.", onOff("enabled")...),
			sub("pause", -3, admin, "2.9.50", "O(1)", "Holds the commands of all connections for some time, or those that write.",
				Arg{Name: "timeout", Type: "integer"},
				Arg{Name: "mode", Type: "oneof", Flags: "optional", Sub: []Arg{
					{Name: "write", Type: "pure-token", Token: "WRITE"},
					{Name: "all", Type: "pure-token", Token: "ALL"},
				}}),
			sub("reply", 3, own, "3.2.0", "O(1)", "Says whether this connection wants replies: all, none, or not the next.",
				Arg{Name: "action", Type: "oneof", Sub: []Arg{
					{Name: "on", Type: "pure-token", Token: "ON"},
					{Name: "off", Type: "pure-token", Token: "OFF"},
					{Name: "skip", Type: "pure-token", Token: "SKIP"},
				}}),
			tips(sub("setinfo", 4, own, "7.2.0", "O(1)", "Tells the name or the version of the client library.",
				Arg{Name: "attr", Type: "oneof", Sub: []Arg{
					{Name: "libname", Token: "LIB-NAME", Type: "string"},
					{Name: "libver", Token: "LIB-VER", Type: "string"},
				}}), everywhere),
			tips(sub("setname", 3, own, "2.6.9", "O(1)", "Gives this connection a name.",
				Arg{Name: "connection-name", Type: "string"}), everywhere),
			sub("tracking", -3, own, "6.0.0", "O(1). Some options may introduce additional complexity.", "Has this connection be told of keys that it has read, or of all with a prefix, when they change.",
				onOff("status")[0],
				Arg{Name: "client-id", Token: "REDIRECT", Type: "integer", Flags: "optional"},
				Arg{Name: "prefix", Token: "PREFIX", Type: "string", Flags: "optional multiple multiple_token"},
				Arg{Name: "bcast", Token: "BCAST", Type: "pure-token", Flags: "optional"},
				Arg{Name: "optin", Token: "OPTIN", Type: "pure-token", Flags: "optional"},
				Arg{Name: "optout", Token: "OPTOUT", Type: "pure-token", Flags: "optional"},
				Arg{Name: "noloop", Token: "NOLOOP", Type: "pure-token", Flags: "optional"}),
			sub("trackinginfo", 2, own, "6.2.0", "O(1)", "What CLIENT TRACKING has said for this connection."),
			sub("unblock", -3, admin, "5.0.0", "O(log N) where N is the number of connections that wait", "Ends the waiting of another connection's command.",
				Arg{Name: "client-id", Type: "integer"},
				Arg{Name: "timeout_error", Type: "oneof", Flags: "optional", Sub: []Arg{
					{Name: "timeout", Type: "pure-token", Token: "TIMEOUT"},
					{Name: "error", Type: "pure-token", Token: "ERROR"},
				}}),
			sub("unpause", 2, admin, "6.2.0", "O(N) where N is the number of connections that are held", "Ends what CLIENT PAUSE has begun."),
		},
	}
}

func clientKill(flags Flag) *Spec {
	return &Spec{
		Name: "kill", Arity: -3, Flags: flags, Categories: "connection", Since: "2.4.0", Group: "connection",
		Complexity: "O(N) where N is the number of connections",
		Summary:    "Closes connections: one by its address, or all that every filter fits.",
		Args: []Arg{{Name: "filter", Type: "oneof", Sub: []Arg{
			{Name: "old-format", Type: "string"},
			{Name: "new-format", Type: "oneof", Flags: "multiple", Sub: []Arg{
				{Name: "client-id", Token: "ID", Type: "integer", Flags: "optional"},
				clientTypes("optional"),
				{Name: "username", Token: "USER", Type: "string", Flags: "optional"},
				{Name: "addr", Token: "ADDR", Type: "string", Flags: "optional"},
				{Name: "laddr", Token: "LADDR", Type: "string", Flags: "optional"},
				{Name: "skipme", Token: "SKIPME", Type: "oneof", Flags: "optional", Sub: []Arg{
					{Name: "yes", Type: "pure-token", Token: "YES"},
					{Name: "no", Type: "pure-token", Token: "NO"},
				}},
			}},
		}}},
	}
}
