package command

// pubsubCommands are the rows of publish and subscribe, which the engine carries out.
func pubsubCommands() []*Spec {
	return append(subscribeRows(), publishRow("publish", "2.0.0", "channel", "Sends a message to who has subscribed to a channel or a pattern that it matches.",
		"O(N+M) where N is the number of subscribers and M the number of all patterns"),
		publishRow("spublish", "7.0.0", "shardchannel", "Sends a message to who has subscribed to a shard channel.",
			"O(N) where N is the number of subscribers"),
		pubsubCommand())
}

func subscribeRows() []*Spec {
	row := func(name, since, complexity, summary string, args ...Arg) *Spec {
		arity := -2
		if args[0].Flags != "multiple" {
			arity = -1 // none means all
		}
		return &Spec{
			Name: name, Arity: arity, Flags: PubSub | NoScript | Loading | Stale, Since: since, Group: "pubsub",
			Complexity: complexity, Summary: summary, Args: args,
		}
	}
	sharded := func(s *Spec) *Spec { s.Keys = []Keys{keysAt(1, -1, 1, NotKey)}; return s }
	const each, all = "multiple", "optional multiple"
	return []*Spec{
		row("subscribe", "2.0.0", "O(N) where N is the number of channels", "Listens to channels.",
			Arg{Name: "channel", Type: "string", Flags: each}),
		row("unsubscribe", "2.0.0", "O(N) where N is the number of channels", "Listens to channels no more: to those named, or to none.",
			Arg{Name: "channel", Type: "string", Flags: all}),
		row("psubscribe", "2.0.0", "O(N) where N is the number of patterns", "Listens to all channels that match patterns.",
			Arg{Name: "pattern", Type: "block", Flags: each, Sub: []Arg{{Name: "pattern", Type: "pattern"}}}),
		row("punsubscribe", "2.0.0", "O(N) where N is the number of patterns", "Listens to patterns no more: to those named, or to none.",
			Arg{Name: "pattern", Type: "pattern", Flags: all}),
		sharded(row("ssubscribe", "7.0.0", "O(N) where N is the number of channels", "Listens to shard channels.",
			Arg{Name: "shardchannel", Type: "string", Flags: each})),
		sharded(row("sunsubscribe", "7.0.0", "O(N) where N is the number of channels", "Listens to shard channels no more: to those named, or to none.",
			Arg{Name: "shardchannel", Type: "string", Flags: all})),
	}
}

func publishRow(name, since, channel, summary, complexity string) *Spec {
	s := &Spec{
		Name: name, Arity: 3, Flags: PubSub | Loading | Stale | Fast | MayReplicate, Since: since, Group: "pubsub",
		Complexity: complexity, Summary: summary,
		Args: []Arg{{Name: channel, Type: "string"}, {Name: "message", Type: "string"}},
	}
	if channel != "channel" {
		s.Keys = oneKey(NotKey)
	}
	return s
}

func pubsubCommand() *Spec {
	sub := func(name string, arity int, since, complexity, summary string, args ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: PubSub | Loading | Stale, Since: since, Group: "pubsub",
			Complexity: complexity, Summary: summary, Args: args,
		}
	}
	pattern := Arg{Name: "pattern", Type: "pattern", Flags: "optional"}
	return &Spec{
		Name: "pubsub", Arity: -2, Since: "2.8.0", Group: "pubsub", Complexity: "Depends on subcommand.",
		Summary: "Commands about who listens to what.",
		Sub: []*Spec{
			sub("channels", -2, "2.8.0", "O(N) where N is the number of channels", "The channels that somebody has subscribed to.", pattern),
			{
				Name: "help", Arity: 2, Flags: Loading | Stale, Since: "6.2.0", Group: "pubsub", Complexity: "O(1)",
				Summary: "Lists the subcommands.",
			},
			sub("numpat", 2, "2.8.0", "O(1)", "How many patterns somebody has subscribed to."),
			sub("numsub", -2, "2.8.0", "O(N) where N is the number of channels named", "How many have subscribed to channels.",
				Arg{Name: "channel", Type: "string", Flags: "optional multiple"}),
			sub("shardchannels", -2, "7.0.0", "O(N) where N is the number of shard channels", "The shard channels that somebody has subscribed to.", pattern),
			sub("shardnumsub", -2, "7.0.0", "O(N) where N is the number of channels named", "How many have subscribed to shard channels.",
				Arg{Name: "shardchannel", Type: "string", Flags: "optional multiple"}),
		},
	}
}
