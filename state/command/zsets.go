package command

import (
	"slices"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
)

// zsetCommands are the commands on sorted sets, but for ZSCAN, which stands with the other
// scans.
func zsetCommands() []*Spec {
	return slices.Concat(zsetReads(), zsetWrites(), zsetRanges(), zsetPops(), zsetAlgebra())
}

// zsetRow is a row of a command on one sorted set.
func zsetRow(name string, arity int, flags Flag, keys, since, complexity, summary string, decide Decide, args ...Arg) *Spec {
	return &Spec{
		Name: name, Arity: arity, Flags: flags, Keys: oneKey(keys), Categories: "sortedset", Since: since, Group: "sorted-set",
		Complexity: complexity, Summary: summary, Args: append([]Arg{{Name: "key", Type: "key"}}, args...), Decide: decide,
	}
}

const logN = "O(log(N)) where N is the number of members."

func zsetReads() []*Spec {
	member := Arg{Name: "member", Type: "string"}
	withscore := Arg{Name: "withscore", Type: "pure-token", Token: "WITHSCORE", Flags: "optional"}
	read := func(name string, arity int, keys, since, complexity, summary string, decide Decide, args ...Arg) *Spec {
		return zsetRow(name, arity, ReadOnly|Fast, keys, since, complexity, summary, decide, args...)
	}
	randmember := zsetRow("zrandmember", -2, ReadOnly, "RO ACCESS", "6.2.0", "O(N) where N is the number of members returned.",
		"Returns one or more random members of a sorted set.", zrandmemberCommand,
		Arg{Name: "options", Type: "block", Flags: "optional", Sub: []Arg{
			{Name: "count", Type: "integer"}, {Name: "withscores", Type: "pure-token", Token: "WITHSCORES", Flags: "optional"},
		}})
	randmember.Tips = "nondeterministic_output"
	return []*Spec{
		read("zcard", 2, "RO", "1.2.0", "O(1)", "Returns the number of members of a sorted set.", zcardCommand),
		read("zscore", 3, "RO ACCESS", "1.2.0", "O(1)", "Returns the score of a member.", zscoreCommand, member),
		read("zmscore", -3, "RO ACCESS", "6.2.0", "O(N) where N is the number of members asked for.", "Returns the scores of several members.",
			zmscoreCommand, Arg{Name: "member", Type: "string", Flags: "multiple"}),
		read("zrank", -3, "RO ACCESS", "2.0.0", logN, "Returns how many members have a lower score.", func(c *Call) { c.rank(false) }, member, withscore),
		read("zrevrank", -3, "RO ACCESS", "2.0.0", logN, "Returns how many members have a higher score.", func(c *Call) { c.rank(true) }, member, withscore),
		randmember,
	}
}

// zset looks the sorted set at Args[1] up; after an error it is answered and ok false.
func (c *Call) zset() (z state.Ranked, ok bool) { return c.zsetAt(c.Args[1]) }

// zsetAt is zset for another key.
func (c *Call) zsetAt(key []byte) (z state.Ranked, ok bool) {
	z, err := c.View.ZSet(key)
	if err != nil {
		c.Fail(err)
		return z, false
	}
	return z, true
}

func zcardCommand(c *Call) {
	if z, ok := c.zset(); ok {
		c.Out.Int(int64(z.Len()))
	}
}

func (c *Call) replyScore(z *state.Ranked, member []byte) {
	if score, ok := z.Score(member); ok {
		c.Out.Double(score)
	} else {
		c.Out.Null()
	}
}

func zscoreCommand(c *Call) {
	if z, ok := c.zset(); ok {
		c.replyScore(&z, c.Args[2])
	}
}

func zmscoreCommand(c *Call) {
	z, ok := c.zset()
	if !ok {
		return
	}
	c.Out.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		c.replyScore(&z, member)
	}
}

func (c *Call) rank(reverse bool) {
	withscore := len(c.Args) == 4
	switch {
	case len(c.Args) > 4:
		c.WrongArity()
		return
	case withscore && !c.Is(3, "WITHSCORE"):
		c.Out.Error(TextSyntax)
		return
	}
	z, ok := c.zset()
	if !ok {
		return
	}
	place, ok := z.Place(c.Args[2])
	switch {
	case !ok && withscore:
		c.Out.NullArray()
		return
	case !ok:
		c.Out.Null()
		return
	case reverse:
		place = z.Len() - 1 - place
	}
	if withscore {
		c.Out.Array(2)
	}
	c.Out.Int(int64(place))
	if withscore {
		c.replyScore(&z, c.Args[2])
	}
}

// rankedReply writes members, with their scores if these are wanted: pairs in RESP3.
type rankedReply struct {
	out    *resp.Writer
	scores bool
}

func (c *Call) rankedReply(n int, scores bool) rankedReply {
	if scores && c.Out.Protocol() == 2 {
		n *= 2
	}
	c.Out.Array(n)
	return rankedReply{c.Out, scores}
}

func (r rankedReply) member(member []byte, score float64) {
	if r.scores && r.out.Protocol() == 3 {
		r.out.Array(2)
	}
	r.out.Bulk(member)
	if r.scores {
		r.out.Double(score)
	}
}

func zrandmemberCommand(c *Call) {
	if len(c.Args) == 2 {
		if z, ok := c.zset(); ok && z.Len() == 0 {
			c.Out.Null()
		} else if ok {
			member, _ := z.At(int(c.Rand() % uint64(z.Len())))
			c.Out.Bulk(member)
		}
		return
	}
	count, ok := c.randomCount("WITHSCORES")
	if !ok {
		return
	}
	z, ok := c.zset()
	if !ok {
		return
	}
	limit := NewLimit(c.Out)
	var places []int32
	switch {
	case z.Len() == 0 || count == 0:
	case count < -maxRandom:
		c.Out.Error(textTooManyRandom)
		return
	case count < 0:
		places = repeated(z.Len(), int(-count), c.Rand)
	default:
		places = different(z.Len(), int(min(count, int64(z.Len()))), c.Rand)
	}
	reply := c.rankedReply(len(places), len(c.Args) == 4)
	for _, at := range places {
		reply.member(z.At(int(at)))
		if count < 0 && limit.Exceeded() {
			limit.Drop()
			c.Out.Error(textTooManyRandom)
			return
		}
	}
}

// repeated draws count places below n, each independent of the others.
func repeated(n, count int, random func() uint64) []int32 {
	places := make([]int32, count)
	for i := range places {
		places[i] = int32(random() % uint64(n))
	}
	return places
}

// different draws count different places below n, all of them in their order if
// count is n. It is the shuffle of Fisher and Yates, as far as it is needed; what
// it has moved is in a map, so that a few of many cost little.
func different(n, count int, random func() uint64) []int32 {
	places := make([]int32, count)
	if count == n {
		for i := range places {
			places[i] = int32(i)
		}
		return places
	}
	moved := make(map[int]int32, count) // place in the shuffled order to what is there
	at := func(i int) int32 {
		if what, ok := moved[i]; ok {
			return what
		}
		return int32(i)
	}
	for i := range places {
		k := i + int(random()%uint64(n-i))
		places[i], moved[k] = at(k), at(i)
	}
	return places
}
