package command

// transactionCommands are the rows of MULTI and its kin, which the engine
// carries out.
func transactionCommands() []*Spec {
	const flags = NoScript | Loading | Stale
	return []*Spec{
		{
			Name: "multi", Arity: 1, Flags: flags | Fast | AllowBusy, Categories: "transaction", Since: "1.2.0", Group: "transactions", Complexity: "O(1)",
			Summary: "Begins a transaction: the commands after it wait for EXEC.",
		},
		{
			Name: "exec", Arity: 1, Flags: flags | SkipSlowlog, Categories: "transaction", Since: "1.2.0", Group: "transactions",
			Complexity: "Depends on the commands in the transaction",
			Summary:    "Carries the transaction out: all of it as one change, or nothing when a watched key has changed.",
		},
		{
			Name: "discard", Arity: 1, Flags: flags | Fast | AllowBusy, Categories: "transaction", Since: "2.0.0", Group: "transactions",
			Complexity: "O(N) where N is the number of queued commands",
			Summary:    "Forgets the transaction.",
		},
		{
			Name: "watch", Arity: -2, Flags: flags | Fast | AllowBusy, Categories: "transaction", Since: "2.2.0", Group: "transactions",
			Keys:       []Keys{{First: 1, Last: -1, Step: 1, Flags: "RO"}},
			Complexity: "O(1) for each key",
			Summary:    "Makes the next EXEC depend on these keys staying as they are.",
			Args:       []Arg{{Name: "key", Type: "key", Flags: "multiple"}},
		},
		{
			Name: "unwatch", Arity: 1, Flags: flags | Fast | AllowBusy, Categories: "transaction", Since: "2.2.0", Group: "transactions", Complexity: "O(1)",
			Summary: "Forgets which keys this connection watches.",
		},
	}
}
