package command

// since is what COMMAND DOCS says of commands that no Redis has.
const sinceAltilium = "altilium 1"

// logCommands are the rows of what only this server has: its log as seen by a
// client, and recordings of sessions.
func logCommands() []*Spec {
	const flags = Loading | Stale
	sub := func(name string, arity int, flags Flag, summary string, args ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: flags, Since: sinceAltilium, Group: "altilium",
			Complexity: "O(1)", Summary: summary, Args: args,
		}
	}
	return []*Spec{
		{
			Name: "asof", Arity: -2, Flags: NoScript | NoMulti, Since: sinceAltilium, Group: "altilium",
			Complexity: "That of the command, and of bringing the state of that moment back",
			Summary:    "Looks at a moment of the past: for one command, or from now on until ASOF LATEST or RESET.",
			Args: []Arg{{Name: "where", Type: "oneof", Sub: []Arg{
				{Name: "latest", Type: "pure-token", Token: "LATEST"},
				{Name: "past", Type: "block", Sub: []Arg{
					{Name: "point", Type: "string"},
					{Name: "command", Type: "string", Flags: "optional multiple"},
				}},
			}}},
		},
		{
			Name: "log", Arity: -2, Since: sinceAltilium, Group: "altilium", Complexity: "Depends on subcommand.",
			Summary: "Commands about the log, which is the database.",
			Sub: []*Spec{
				sub("digest", 2, NoScript, "The offset of the last entry, and the digest of the state after it."),
				sub("help", 2, flags, "Lists the subcommands."),
				sub("info", 2, NoScript|flags|Volatile, "Which log this is, how far it reaches and how safe it is."),
				sub("offset", 2, NoScript|Fast, "The offset of the last entry: everything done before is at or below it."),
			},
		},
		{
			Name: "record", Arity: -2, Since: sinceAltilium, Group: "altilium", Complexity: "Depends on subcommand.",
			Summary: "Commands about recordings: everything that every client does, to be played again.",
			Sub: []*Spec{
				sub("help", 2, flags, "Lists the subcommands."),
				sub("start", 3, Admin|NoScript|NoMulti, "Begins a recording.", Arg{Name: "name", Type: "string"}),
				sub("status", 2, NoScript|flags|Volatile, "Whether there is a recording, and which."),
				sub("stop", 2, Admin|NoScript|NoMulti, "Ends the recording and answers how many steps it has."),
			},
		},
	}
}
