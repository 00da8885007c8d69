package command

// memoryCommand is MEMORY. USAGE is a decision; the engine carries out what speaks of the
// process.
func memoryCommand() *Spec {
	sub := func(name string, arity int, flags Flag, complexity, summary, tips string) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: flags, Since: "4.0.0", Group: "server", Complexity: complexity, Summary: summary, Tips: tips,
		}
	}
	const speaks = "nondeterministic_output request_policy:all_shards response_policy:special"
	const all = "O(N) where N is the number of Go's memory classes"
	usage := sub("usage", -3, ReadOnly|Volatile, "O(1)", "Returns about how many bytes a key takes with what it holds.", "")
	usage.Keys, usage.Decide = []Keys{keysAt(2, 2, 1, "RO")}, memoryUsage
	usage.Args = []Arg{{Name: "key", Type: "key"}, {Name: "count", Type: "integer", Token: "SAMPLES", Flags: "optional"}}
	return &Spec{
		Name: "memory", Arity: -2, Since: "4.0.0", Group: "server", Complexity: "Depends on subcommand.", Summary: "Looks at what takes memory.",
		Sub: []*Spec{
			sub("doctor", 2, Volatile, "O(1)", "Tells in words what is wrong with the use of memory.", speaks),
			sub("help", 2, Loading|Stale, "O(1)", "Lists the subcommands.", ""),
			sub("malloc-stats", 2, Volatile, all, "Tells what the allocators have, Go's and that of keys.", speaks),
			sub("purge", 2, 0, "O(1); O(N) beside the server, where N is the size of Go's heap", "Gives free memory back to the system.", "request_policy:all_shards response_policy:all_succeeded"),
			sub("stats", 2, Volatile, "O(1)", "Returns figures about the use of memory.", speaks),
			usage,
		},
	}
}

// memoryUsage answers what the key is counted with in the memory limit. Nothing is sampled
// for it, so how many values it may look at is read and makes no difference.
func memoryUsage(c *Call) {
	for i := 3; i < len(c.Args); i += 2 {
		if !c.Is(i, "SAMPLES") || i+1 == len(c.Args) {
			c.Out.Error(TextSyntax)
			return
		}
		samples, ok := c.Int(i + 1)
		if !ok {
			return
		}
		if samples < 0 {
			c.Out.Error(TextSyntax)
			return
		}
	}
	if bytes, there := c.View.Weight(c.Args[2]); there {
		c.Out.Int(bytes)
	} else {
		c.Out.Null()
	}
}
