package command

import "strings"

// since is what COMMAND DOCS says of commands that no Redis has.
const sinceAltilium = "altilium 1"

// logCommands are the rows of what only this server has.
func logCommands() []*Spec {
	return []*Spec{asofRow(), logRow(), clockRow(), recordRow()}
}

// ownRow is a row of a command that only this server has.
func ownRow(name string, arity int, flags Flag, summary string, args ...Arg) *Spec {
	return &Spec{
		Name: name, Arity: arity, Flags: flags, Since: sinceAltilium, Group: "altilium",
		Complexity: "O(1)", Summary: summary, Args: args,
	}
}

// pastRow is one of a command that is answered beside the loop.
func pastRow(name string, arity int, summary string, args ...Arg) *Spec {
	return ownRow(name, arity, NoScript|NoMulti, summary, args...)
}

// backRow is one of a command that makes data what it was.
func backRow(name, summary string, args ...Arg) *Spec {
	s := pastRow(name, -3, summary, args...)
	s.Flags |= Write | DenyOOM
	s.Categories, s.Complexity = "keyspace dangerous", "O(N) where N is the number of keys written since"
	return s
}

// forkRow is the one of a command that makes a directory.
func forkRow() *Spec {
	s := pastRow("fork", 4, "Makes a data directory beside the server's own, as of a point and with its history.", wordArg("point"), wordArg("name"))
	s.Flags |= Admin
	s.Complexity = "O(N) where N is the number of segments; the files are shared where they can be"
	return s
}

// wordArg is a word that must be there, tokenArg one after a token, both of which need not
// be, and flagArg such a token alone.
func wordArg(name string) Arg { return Arg{Name: name, Type: "string"} }

func tokenArg(token, name string) Arg {
	return Arg{Name: name, Token: token, Type: "string", Flags: "optional"}
}

func flagArg(token string) Arg {
	return Arg{Name: strings.ToLower(token), Token: token, Type: "pure-token", Flags: "optional"}
}

// asofRow is the past, for any command that reads.
func asofRow() *Spec {
	return &Spec{
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
	}
}

// logRow is the log as a client sees it.
func logRow() *Spec {
	return &Spec{
		Name: "log", Arity: -2, Since: sinceAltilium, Group: "altilium", Complexity: "Depends on subcommand.",
		Summary: "Commands about the log, which is the database.",
		Sub: []*Spec{
			pastRow("bisect", -5, "The first entry after which a condition no longer holds, and what it changed.", wordArg("good"), wordArg("bad"),
				Arg{Name: "condition", Type: "string", Flags: "multiple"}),
			pastRow("blame", -3, "Who wrote each part of what a key holds: field, member, element.", wordArg("key"), tokenArg("FIELD", "field"), tokenArg("AT", "point"), flagArg("JSON")),
			pastRow("diff", -4, "What differs between two moments, in collections element by element.", wordArg("from"), wordArg("to"), tokenArg("MATCH", "pattern"), flagArg("STAT"), flagArg("NAMES"), flagArg("JSON")),
			ownRow("digest", 2, NoScript, "The offset of the last entry, and the digest of the state after it."),
			forkRow(),
			ownRow("help", 2, Loading|Stale, "Lists the subcommands."),
			ownRow("info", 2, NoScript|Loading|Stale|Volatile, "Which log this is, how far it reaches and how safe it is."),
			pastRow("key", -3, "Every entry that changed a key: when, by whom, with which command, and to what.", wordArg("key"),
				tokenArg("FROM", "point"), tokenArg("TO", "point"), tokenArg("CLIENT", "pattern"), tokenArg("CMD", "pattern"), tokenArg("COUNT", "count"),
				flagArg("REV"), flagArg("BRIEF"), flagArg("VALUES"), flagArg("JSON")),
			ownRow("offset", 2, NoScript|Fast, "The offset of the last entry: everything done before is at or below it."),
			pastRow("range", -4, "The entries after one point up to another.", wordArg("from"), wordArg("to"),
				tokenArg("MATCH", "pattern"), tokenArg("CLIENT", "pattern"), tokenArg("CMD", "pattern"), tokenArg("COUNT", "count"),
				flagArg("REV"), flagArg("BRIEF"), flagArg("JSON")),
			backRow("restore", "Makes the data what it was at a point, by one more entry: LOG UNDO takes that back.", wordArg("point"), tokenArg("MATCH", "pattern"),
				Arg{Name: "expiries", Token: "TTL", Type: "oneof", Flags: "optional", Sub: []Arg{
					{Name: "absolute", Type: "pure-token", Token: "ABSOLUTE"},
					{Name: "shift", Type: "pure-token", Token: "SHIFT"},
					{Name: "frozen", Type: "pure-token", Token: "FROZEN"},
				}}),
			pastRow("subscribe", -3, "Sends the entries after a point, and those that come, as messages.", wordArg("from"),
				tokenArg("MATCH", "pattern"), tokenArg("CLIENT", "pattern"), tokenArg("CMD", "pattern"), flagArg("BRIEF"), flagArg("JSON")),
			pastRow("tag", -3, "Gives a point a name, which keeps its history.", wordArg("name"), Arg{Name: "point", Type: "string", Flags: "optional"}, flagArg("FORCE")),
			pastRow("tags", -2, "The tags.", flagArg("JSON")),
			backRow("undo", "Takes back what entries did, unless that was written to since.", wordArg("first"), Arg{Name: "last", Type: "string", Flags: "optional"},
				tokenArg("MATCH", "pattern"), flagArg("FORCE")),
			pastRow("unsubscribe", 2, "Ends that."),
			pastRow("untag", 3, "Takes a tag away.", wordArg("name")),
		},
	}
}

// clockRow is a clock that tests set. A unit sees one clock.
func clockRow() *Spec {
	return &Spec{
		Name: "clock", Arity: -2, Since: sinceAltilium, Group: "altilium", Complexity: "Depends on subcommand.",
		Summary: "Commands about the server's clock, for tests: keys expire, and commands stop waiting, by it.",
		Sub: []*Spec{
			ownRow("advance", 3, Admin|NoScript|NoMulti, "Sets the clock forward.", Arg{Name: "milliseconds", Type: "integer"}),
			ownRow("freeze", 2, Admin|NoScript|NoMulti, "Stops the clock."),
			ownRow("get", 2, Admin|NoScript|Loading|Stale|Fast, "What time it is, and how the clock goes."),
			ownRow("help", 2, Loading|Stale, "Lists the subcommands."),
			ownRow("real", 2, Admin|NoScript|NoMulti, "Goes by the wall clock again."),
			ownRow("run", -2, Admin|NoScript|NoMulti, "Lets the clock go on from where it is, so many times as fast as the wall clock.",
				Arg{Name: "speed", Type: "double", Flags: "optional"}),
			ownRow("set", 3, Admin|NoScript|NoMulti, "Sets the clock to a time, in microseconds since 1970 or like 2026-01-01T00:00:00Z.", Arg{Name: "time", Type: "string"}),
		},
	}
}

// recordRow is recordings of sessions.
func recordRow() *Spec {
	return &Spec{
		Name: "record", Arity: -2, Since: sinceAltilium, Group: "altilium", Complexity: "Depends on subcommand.",
		Summary: "Commands about recordings: everything that every client does, to be played again.",
		Sub: []*Spec{
			ownRow("help", 2, Loading|Stale, "Lists the subcommands."),
			ownRow("start", 3, Admin|NoScript|NoMulti, "Begins a recording.", Arg{Name: "name", Type: "string"}),
			ownRow("status", 2, NoScript|Loading|Stale|Volatile, "Whether there is a recording, and which."),
			ownRow("stop", 2, Admin|NoScript|NoMulti, "Ends the recording and answers how many steps it has."),
		},
	}
}
