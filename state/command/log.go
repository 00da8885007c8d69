package command

import "strings"

// since is what COMMAND DOCS says of commands that no Redis has.
const sinceAltilium = "altilium 1"

// logCommands are the rows of what only this server has: its log as seen by a
// client, recordings of sessions, and a clock that tests set.
func logCommands() []*Spec {
	const flags = Loading | Stale
	const clock = Admin | NoScript | NoMulti // a unit sees one clock
	sub := func(name string, arity int, flags Flag, summary string, args ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: flags, Since: sinceAltilium, Group: "altilium",
			Complexity: "O(1)", Summary: summary, Args: args,
		}
	}
	past := func(name string, arity int, summary string, args ...Arg) *Spec {
		return sub(name, arity, NoScript|NoMulti, summary, args...)
	}
	word := func(name string) Arg { return Arg{Name: name, Type: "string"} }
	token := func(token, name string) Arg { return Arg{Name: name, Token: token, Type: "string", Flags: "optional"} }
	flag := func(token string) Arg {
		return Arg{Name: strings.ToLower(token), Token: token, Type: "pure-token", Flags: "optional"}
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
				past("bisect", -5, "The first entry after which a condition no longer holds, and what it changed.", word("good"), word("bad"),
					Arg{Name: "condition", Type: "string", Flags: "multiple"}),
				past("blame", -3, "Who wrote each part of what a key holds: field, member, element.", word("key"), token("FIELD", "field"), token("AT", "point"), flag("JSON")),
				past("diff", -4, "What differs between two moments, in collections element by element.", word("from"), word("to"), token("MATCH", "pattern"), flag("STAT"), flag("NAMES"), flag("JSON")),
				sub("digest", 2, NoScript, "The offset of the last entry, and the digest of the state after it."),
				sub("help", 2, flags, "Lists the subcommands."),
				sub("info", 2, NoScript|flags|Volatile, "Which log this is, how far it reaches and how safe it is."),
				past("key", -3, "Every entry that changed a key: when, by whom, with which command, and to what.", word("key"),
					token("FROM", "point"), token("TO", "point"), token("CLIENT", "pattern"), token("CMD", "pattern"), token("COUNT", "count"),
					flag("REV"), flag("BRIEF"), flag("VALUES"), flag("JSON")),
				sub("offset", 2, NoScript|Fast, "The offset of the last entry: everything done before is at or below it."),
				past("range", -4, "The entries after one point up to another.", word("from"), word("to"),
					token("MATCH", "pattern"), token("CLIENT", "pattern"), token("CMD", "pattern"), token("COUNT", "count"),
					flag("REV"), flag("BRIEF"), flag("JSON")),
				past("subscribe", -3, "Sends the entries after a point, and those that come, as messages.", word("from"),
					token("MATCH", "pattern"), token("CLIENT", "pattern"), token("CMD", "pattern"), flag("BRIEF"), flag("JSON")),
				past("tag", -3, "Gives a point a name, which keeps its history.", word("name"), Arg{Name: "point", Type: "string", Flags: "optional"}, flag("FORCE")),
				past("tags", -2, "The tags.", flag("JSON")),
				past("unsubscribe", 2, "Ends that."),
				past("untag", 3, "Takes a tag away.", word("name")),
			},
		},
		{
			Name: "clock", Arity: -2, Since: sinceAltilium, Group: "altilium", Complexity: "Depends on subcommand.",
			Summary: "Commands about the server's clock, for tests: keys expire, and commands stop waiting, by it.",
			Sub: []*Spec{
				sub("advance", 3, clock, "Sets the clock forward.", Arg{Name: "milliseconds", Type: "integer"}),
				sub("freeze", 2, clock, "Stops the clock."),
				sub("get", 2, Admin|NoScript|Loading|Stale|Fast, "What time it is, and how the clock goes."),
				sub("help", 2, flags, "Lists the subcommands."),
				sub("real", 2, clock, "Goes by the wall clock again."),
				sub("run", -2, clock, "Lets the clock go on from where it is, so many times as fast as the wall clock.",
					Arg{Name: "speed", Type: "double", Flags: "optional"}),
				sub("set", 3, clock, "Sets the clock to a time, in microseconds since 1970 or like 2026-01-01T00:00:00Z.", Arg{Name: "time", Type: "string"}),
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
