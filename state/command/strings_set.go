package command

func stringWrites() []*Spec {
	keyValue := []Arg{{Name: "key", Type: "key"}, {Name: "value", Type: "string"}}
	pairs := []Arg{{Name: "data", Type: "block", Flags: "multiple", Sub: keyValue}}
	return []*Spec{
		{
			Name: "set", Arity: -3, Flags: Write | DenyOOM, Keys: oneKey("RW ACCESS UPDATE VARIABLE_FLAGS"),
			Categories: "string", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Summary: "Stores a string at a key, whatever was there, if the conditions hold.",
			Args: []Arg{
				{Name: "key", Type: "key"},
				{Name: "value", Type: "string"},
				{Name: "condition", Type: "oneof", Flags: "optional", Sub: []Arg{
					{Name: "nx", Type: "pure-token", Token: "NX"},
					{Name: "xx", Type: "pure-token", Token: "XX"},
				}},
				{Name: "get", Type: "pure-token", Token: "GET", Flags: "optional"},
				{Name: "expiration", Type: "oneof", Flags: "optional", Sub: expirationArgs("keepttl", "KEEPTTL")},
			},
			Decide: setCommand,
		},
		{
			Name: "setnx", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: oneKey("OW INSERT"),
			Categories: "string", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Summary: "Stores a string at a key unless the key exists.",
			Args:    keyValue,
			Decide:  setnxCommand,
		},
		{
			Name: "setex", Arity: 4, Flags: Write | DenyOOM, Keys: oneKey("OW UPDATE"),
			Categories: "string", Since: "2.0.0", Group: "string", Complexity: "O(1)",
			Summary: "Stores a string at a key that expires after so many seconds.",
			Args: []Arg{
				{Name: "key", Type: "key"}, {Name: "seconds", Type: "integer"}, {Name: "value", Type: "string"},
			},
			Decide: setexCommand,
		},
		{
			Name: "psetex", Arity: 4, Flags: Write | DenyOOM, Keys: oneKey("OW UPDATE"),
			Categories: "string", Since: "2.6.0", Group: "string", Complexity: "O(1)",
			Summary: "Stores a string at a key that expires after so many milliseconds.",
			Args: []Arg{
				{Name: "key", Type: "key"}, {Name: "milliseconds", Type: "integer"}, {Name: "value", Type: "string"},
			},
			Decide: psetexCommand,
		},
		{
			Name: "mset", Arity: -3, Flags: Write | DenyOOM, Keys: []Keys{keysAt(1, -1, 2, "OW UPDATE")},
			Categories: "string", Since: "1.0.1", Group: "string",
			Complexity: "O(N) where N is the number of keys.",
			Summary:    "Stores strings at one or more keys, all at once.",
			Args:       pairs,
			Tips:       "request_policy:multi_shard response_policy:all_succeeded",
			Decide:     msetCommand,
		},
		{
			Name: "msetnx", Arity: -3, Flags: Write | DenyOOM, Keys: []Keys{keysAt(1, -1, 2, "OW INSERT")},
			Categories: "string", Since: "1.0.1", Group: "string",
			Complexity: "O(N) where N is the number of keys.",
			Summary:    "Stores strings at one or more keys, all at once, unless any of them exists.",
			Args:       pairs,
			Decide:     msetnxCommand,
		},
	}
}

// setCommand checks in Redis' order: options, expiry, with GET the type of
// what is there, conditions.
func setCommand(c *Call) {
	key, value := c.Args[1], c.Args[2]
	if len(c.Args) == 3 { // nearly every SET there is
		c.Events.String(key, value, 0)
		c.Out.OK()
		return
	}
	var o stringOptions
	if !o.parse(c, 3, true) {
		return
	}
	var at int64
	if o.form != noExpiry {
		var ok bool
		if at, ok = o.expireAt(c); !ok {
			return
		}
	}
	if o.get {
		if _, ok := replyString(c, key); !ok {
			return
		}
	}
	if (o.nx || o.xx) && c.View.Exists(key) == o.nx {
		if !o.get {
			c.Out.Null()
		}
		return
	}
	if o.keepTTL {
		at, _ = c.View.ExpireAt(key)
	}
	c.Events.String(key, value, at)
	if !o.get {
		c.Out.OK()
	}
}

func setnxCommand(c *Call) {
	if c.View.Exists(c.Args[1]) {
		c.Out.Int(0)
		return
	}
	c.Events.String(c.Args[1], c.Args[2], 0)
	c.Out.Int(1)
}

func setexCommand(c *Call)  { setWithExpiry(c, inSeconds) }
func psetexCommand(c *Call) { setWithExpiry(c, inMillis) }

func setWithExpiry(c *Call, form expiryForm) {
	o := stringOptions{form: form, expire: c.Args[2]}
	at, ok := o.expireAt(c)
	if !ok {
		return
	}
	c.Events.String(c.Args[1], c.Args[3], at)
	c.Out.OK()
}

func msetCommand(c *Call) {
	if len(c.Args)%2 == 0 {
		c.WrongArity()
		return
	}
	setPairs(c)
	c.Out.OK()
}

func msetnxCommand(c *Call) {
	if len(c.Args)%2 == 0 {
		c.WrongArity()
		return
	}
	for i := 1; i < len(c.Args); i += 2 {
		if c.View.Exists(c.Args[i]) {
			c.Out.Int(0)
			return
		}
	}
	setPairs(c)
	c.Out.Int(1)
}

// setPairs records a String event for each pair. A key that comes twice gets
// two of them, and the later wins when they are applied.
func setPairs(c *Call) {
	for i := 1; i < len(c.Args); i += 2 {
		c.Events.String(c.Args[i], c.Args[i+1], 0)
	}
}
