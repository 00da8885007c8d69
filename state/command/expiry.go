package command

import (
	"math"

	"github.com/altilium-db/altilium/state/event"
)

// expiryCommands set, remove and tell when keys expire.
func expiryCommands() []*Spec {
	return append(expirySetters(), expiryReaders()...)
}

func expirySetters() []*Spec {
	set := func(name, since, what, arg string, decide Decide) *Spec {
		typ := "integer"
		if arg[0] == 'u' {
			typ = "unix-time"
		}
		return &Spec{
			Name: name, Arity: -3, Flags: Write | Fast, Keys: oneKey("RW UPDATE"), Categories: "keyspace", Since: since,
			Group: "generic", Complexity: "O(1)", Summary: "Makes a key expire " + what + ".",
			Args: []Arg{
				{Name: "key", Type: "key"}, {Name: arg, Type: typ},
				{Name: "condition", Type: "oneof", Flags: "optional", Sub: []Arg{
					{Name: "nx", Type: "pure-token", Token: "NX"}, {Name: "xx", Type: "pure-token", Token: "XX"},
					{Name: "gt", Type: "pure-token", Token: "GT"}, {Name: "lt", Type: "pure-token", Token: "LT"},
				}},
			},
			Decide: decide,
		}
	}
	return []*Spec{
		set("expire", "1.0.0", "in so many seconds", "seconds", func(c *Call) { expireCommand(c, 1000, c.View.Now()) }),
		set("pexpire", "2.6.0", "in so many milliseconds", "milliseconds", func(c *Call) { expireCommand(c, 1, c.View.Now()) }),
		set("expireat", "1.2.0", "at a Unix time in seconds", "unix-time-seconds", func(c *Call) { expireCommand(c, 1000, 0) }),
		set("pexpireat", "2.6.0", "at a Unix time in milliseconds", "unix-time-milliseconds", func(c *Call) { expireCommand(c, 1, 0) }),
		{
			Name: "persist", Arity: 2, Flags: Write | Fast, Keys: oneKey("RW UPDATE"), Categories: "keyspace", Since: "2.2.0",
			Group: "generic", Complexity: "O(1)", Summary: "Makes a key stay for good.",
			Args: []Arg{{Name: "key", Type: "key"}}, Decide: persistCommand,
		},
	}
}

func expiryReaders() []*Spec {
	get := func(name, since, summary, tips string, decide Decide) *Spec {
		return &Spec{
			Name: name, Arity: 2, Flags: ReadOnly | Fast, Keys: oneKey("RO ACCESS"), Categories: "keyspace", Since: since,
			Group: "generic", Complexity: "O(1)", Summary: summary, Tips: tips,
			Args: []Arg{{Name: "key", Type: "key"}}, Decide: decide,
		}
	}
	const tip = "nondeterministic_output"
	return []*Spec{
		get("ttl", "1.0.0", "Returns the seconds until a key expires.", tip, func(c *Call) { ttlCommand(c, 1000, c.View.Now()) }),
		get("pttl", "2.6.0", "Returns the milliseconds until a key expires.", tip, func(c *Call) { ttlCommand(c, 1, c.View.Now()) }),
		get("expiretime", "7.0.0", "Returns the Unix time in seconds at which a key expires.", "", func(c *Call) { ttlCommand(c, 1000, 0) }),
		get("pexpiretime", "7.0.0", "Returns the Unix time in milliseconds at which a key expires.", "", func(c *Call) { ttlCommand(c, 1, 0) }),
	}
}

// condition is when an EXPIRE is to take effect.
type condition struct{ nx, xx, gt, lt bool }

// condition reads the words from Args[3] on; after an error it is answered.
func (c *Call) condition() (w condition, ok bool) {
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "NX"):
			w.nx = true
		case c.Is(i, "XX"):
			w.xx = true
		case c.Is(i, "GT"):
			w.gt = true
		case c.Is(i, "LT"):
			w.lt = true
		default:
			c.Out.Error("ERR Unsupported option " + string(quotable(c.Args[i], len(c.Args[i]))))
			return w, false
		}
	}
	switch {
	case w.nx && (w.xx || w.gt || w.lt):
		c.Out.Error("ERR NX and XX, GT or LT options at the same time are not compatible")
	case w.gt && w.lt:
		c.Out.Error("ERR GT and LT options at the same time are not compatible")
	default:
		return w, true
	}
	return w, false
}

// allows reports whether an expiry at may replace the present one; 0 is never,
// the latest of all.
func (w condition) allows(now, at int64) bool {
	switch {
	case w.nx && now != 0, w.xx && now == 0:
		return false
	case w.gt && (now == 0 || at <= now):
		return false
	case w.lt && now != 0 && at >= now:
		return false
	}
	return true
}

// expireCommand sets the expiry of Args[1] to Args[2] units (in ms) after base.
// A time that has come already deletes the key.
func expireCommand(c *Call, unit, base int64) {
	when, ok := c.condition()
	if !ok {
		return
	}
	n, ok := c.Int(2)
	if !ok {
		return
	}
	if n > math.MaxInt64/unit || n < math.MinInt64/unit || n*unit > math.MaxInt64-base {
		c.InvalidExpire()
		return
	}
	at := n*unit + base
	now, exists := c.View.ExpireAt(c.Args[1])
	switch {
	case !exists || !when.allows(now, at):
		c.Out.Int(0)
		return
	case at <= c.View.Now():
		c.Events.Delete(c.Args[1], event.Expired)
	default:
		c.Events.Expire(c.Args[1], at)
	}
	c.Out.Int(1)
}

func persistCommand(c *Call) {
	if at, _ := c.View.ExpireAt(c.Args[1]); at == 0 {
		c.Out.Int(0)
		return
	}
	c.Events.Expire(c.Args[1], 0)
	c.Out.Int(1)
}

// ttlCommand answers the expiry of Args[1] less base, in units (in ms), rounded
// to the nearest; -2 for no key, -1 for no expiry.
func ttlCommand(c *Call, unit, base int64) {
	at, exists := c.View.ExpireAt(c.Args[1])
	switch {
	case !exists:
		c.Out.Int(-2)
	case at == 0:
		c.Out.Int(-1)
	default:
		left := uint64(max(0, at-base)) // unsigned: rounding may exceed an int64
		c.Out.Int(int64((left + uint64(unit)/2) / uint64(unit)))
	}
}
