package command

import "github.com/altilium-db/altilium/state"

func zsetPops() []*Spec {
	key, timeout := Arg{Name: "key", Type: "key", Flags: "multiple"}, Arg{Name: "timeout", Type: "double"}
	count := Arg{Name: "count", Type: "integer", Flags: "optional"}
	const each = "O(log(N)*M) where N is the number of members and M of those returned."
	pop := func(name, summary string, highest bool) *Spec {
		return zsetRow(name, -2, Write|Fast, "RW ACCESS DELETE", "5.0.0", each, summary, func(c *Call) { c.zpop(highest) }, count)
	}
	wait := func(name, summary string, highest bool) *Spec {
		return &Spec{
			Name: name, Arity: -3, Flags: Write | NoScript | Fast | Blocking, Keys: []Keys{keysAt(1, -2, 1, "RW ACCESS DELETE")}, Categories: "sortedset",
			Since: "5.0.0", Group: "sorted-set", Complexity: logN, Summary: summary, Args: []Arg{key, timeout},
			Decide: func(c *Call) { c.waitZpop(highest) },
		}
	}
	mpop := []Arg{
		{Name: "numkeys", Type: "integer"}, key,
		{Name: "where", Type: "oneof", Sub: []Arg{{Name: "min", Type: "pure-token", Token: "MIN"}, {Name: "max", Type: "pure-token", Token: "MAX"}}},
		{Name: "count", Type: "integer", Token: "COUNT", Flags: "optional"},
	}
	return []*Spec{
		pop("zpopmin", "Removes the members with the lowest scores and returns them.", false),
		pop("zpopmax", "Removes the members with the highest scores and returns them.", true),
		wait("bzpopmin", "Removes the member with the lowest score of the first sorted set that has one, or waits for one.", false),
		wait("bzpopmax", "Removes the member with the highest score of the first sorted set that has one, or waits for one.", true),
		{
			Name: "zmpop", Arity: -4, Flags: Write | MovableKeys, Keys: []Keys{keysCounted(1, "RW ACCESS DELETE")}, Categories: "sortedset", Since: "7.0.0",
			Group: "sorted-set", Complexity: each, Summary: "Removes members of the first sorted set that has some, and returns them.", Args: mpop,
			Decide: zmpopCommand,
		},
		{
			Name: "bzmpop", Arity: -5, Flags: Write | Blocking | MovableKeys, Keys: []Keys{keysCounted(2, "RW ACCESS DELETE")}, Categories: "sortedset",
			Since: "7.0.0", Group: "sorted-set", Complexity: each, Summary: "Removes members of the first sorted set that has some, or waits for some.",
			Args: append([]Arg{timeout}, mpop...), Decide: bzmpopCommand,
		},
	}
}

func (c *Call) zpop(highest bool) {
	if len(c.Args) > 3 {
		c.Out.Error(TextSyntax)
		return
	}
	count, counted := int64(1), len(c.Args) == 3
	if counted {
		var ok bool
		if count, ok = c.positive(2); !ok {
			return
		}
	}
	z, ok := c.zset()
	if !ok {
		return
	}
	n := int(min(count, int64(z.Len())))
	if counted && c.Out.Protocol() == 3 {
		c.Out.Array(n)
	} else {
		c.Out.Array(2 * n)
	}
	c.takeRanked(&z, c.Args[1], highest, n, counted && c.Out.Protocol() == 3)
}

// takeRanked answers n members at an end of a sorted set, that end first, and records that
// they are gone.
func (c *Call) takeRanked(z *state.Ranked, key []byte, highest bool, n int, pairs bool) {
	for i := range n {
		if highest {
			i = z.Len() - 1 - i
		}
		if pairs {
			c.Out.Array(2)
		}
		member, score := z.At(i)
		c.Out.Bulk(member)
		c.Out.Double(score)
	}
	if highest {
		c.removeRanked(key, z, z.Len()-n, z.Len())
	} else {
		c.removeRanked(key, z, 0, n)
	}
}

func (c *Call) waitZpop(highest bool) {
	timeout, ok := c.timeout(len(c.Args) - 1)
	if !ok {
		return
	}
	keys := c.Args[1 : len(c.Args)-1]
	for _, key := range keys {
		z, ok := c.zsetAt(key)
		if !ok {
			return
		}
		if z.Len() > 0 {
			c.Out.Array(3)
			c.Out.Bulk(key)
			c.takeRanked(&z, key, highest, 1, false)
			return
		}
	}
	if !c.waitFor(keys, state.ZSet, timeout) {
		c.Out.NullArray()
	}
}

func zmpopCommand(c *Call) {
	if p, ok := c.mpopCall(1, "MIN", "MAX"); ok && !c.zpopFirst(p) {
		c.Out.NullArray()
	}
}

func bzmpopCommand(c *Call) {
	p, ok := c.mpopCall(2, "MIN", "MAX")
	if !ok {
		return
	}
	timeout, ok := c.timeout(1)
	if ok && !c.zpopFirst(p) && !c.waitFor(p.keys, state.ZSet, timeout) {
		c.Out.NullArray()
	}
}

// zpopFirst answers and records members of the first sorted set that has some; false where
// none has, and nothing is answered.
func (c *Call) zpopFirst(p mpopCall) (done bool) {
	for _, key := range p.keys {
		z, ok := c.zsetAt(key)
		if !ok {
			return true
		}
		if z.Len() == 0 {
			continue
		}
		n := int(min(p.count, int64(z.Len())))
		c.Out.Array(2)
		c.Out.Bulk(key)
		c.Out.Array(n)
		c.takeRanked(&z, key, p.second, n, true)
		return true
	}
	return false
}
