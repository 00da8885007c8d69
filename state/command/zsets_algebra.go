package command

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/altilium-db/altilium/state"
)

// zsetAlgebra are the commands that make one sorted set of several sets, sorted or not.
func zsetAlgebra() []*Spec {
	numkeys, keys := Arg{Name: "numkeys", Type: "integer"}, Arg{Name: "key", Type: "key", Flags: "multiple"}
	destination := Arg{Name: "destination", Type: "key"}
	weights := Arg{Name: "weight", Type: "integer", Token: "WEIGHTS", Flags: "optional multiple"}
	aggregate := Arg{Name: "aggregate", Type: "oneof", Token: "AGGREGATE", Flags: "optional", Sub: []Arg{
		{Name: "sum", Type: "pure-token", Token: "SUM"}, {Name: "min", Type: "pure-token", Token: "MIN"}, {Name: "max", Type: "pure-token", Token: "MAX"},
	}}
	scores := Arg{Name: "withscores", Type: "pure-token", Token: "WITHSCORES", Flags: "optional"}
	const complexity = "O(N*K)+O(M*log(M)) where N is the size of the sets that are gone through, K their number and M the size of the result."
	union, inter, diff := zsetOperation{true, zsetUnion}, zsetOperation{true, zsetIntersection}, zsetOperation{false, zsetDifference}
	answer := func(name, summary string, op zsetOperation, more ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: -3, Flags: ReadOnly | MovableKeys, Keys: []Keys{keysCounted(1, "RO ACCESS")}, Categories: "sortedset", Since: "6.2.0",
			Group: "sorted-set", Complexity: complexity, Summary: summary, Args: slices.Concat([]Arg{numkeys, keys}, more, []Arg{scores}),
			Decide: func(c *Call) { c.zsetAlgebra(op, false) },
		}
	}
	store := func(name, since, summary string, op zsetOperation, more ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: -4, Flags: Write | DenyOOM | MovableKeys, Keys: []Keys{keysAt(1, 1, 1, "OW UPDATE"), keysCounted(2, "RO ACCESS")},
			Categories: "sortedset", Since: since, Group: "sorted-set", Complexity: complexity, Summary: summary,
			Args:   slices.Concat([]Arg{destination, numkeys, keys}, more),
			Decide: func(c *Call) { c.zsetAlgebra(op, true) },
		}
	}
	return []*Spec{
		answer("zunion", "Returns the members of any of the sets.", union, weights, aggregate),
		answer("zinter", "Returns the members that all sets have.", inter, weights, aggregate),
		answer("zdiff", "Returns the members of the first set that no other has.", diff),
		store("zunionstore", "2.0.0", "Stores the members of any of the sets.", union, weights, aggregate),
		store("zinterstore", "2.0.0", "Stores the members that all sets have.", inter, weights, aggregate),
		store("zdiffstore", "6.2.0", "Stores the members of the first set that no other has.", diff),
		{
			Name: "zintercard", Arity: -3, Flags: ReadOnly | MovableKeys, Keys: []Keys{keysCounted(1, "RO ACCESS")}, Categories: "sortedset", Since: "7.0.0",
			Group: "sorted-set", Complexity: "O(N*K) where N is the size of the smallest set and K the number of sets.",
			Summary: "Counts the members that all sets have.",
			Args:    []Arg{numkeys, keys, {Name: "limit", Type: "integer", Token: "LIMIT", Flags: "optional"}}, Decide: zintercardCommand,
		},
	}
}

// source is one of the sets that a sorted set is made of.
type source struct {
	zset   state.Ranked
	set    state.Members // members with a score of 1, where zset has none
	weight float64
}

func (s *source) len() int { return max(s.zset.Len(), s.set.Len()) }

func (s *source) at(i int) (member []byte, score float64) {
	if s.zset.Len() > 0 {
		return s.zset.At(i)
	}
	return s.set.At(i), 1
}

func (s *source) score(member []byte) (score float64, ok bool) {
	if s.zset.Len() > 0 {
		return s.zset.Score(member)
	}
	return 1, s.set.Has(member)
}

// weighed is a score with the source's weight. What is no number is 0.
func (s *source) weighed(score float64) float64 {
	if score *= s.weight; math.IsNaN(score) {
		return 0
	}
	return score
}

// aggregate makes one score of two.
type aggregate func(a, b float64) float64

func sum(a, b float64) float64 {
	if a += b; math.IsNaN(a) {
		return 0
	}
	return a
}

func lesser(a, b float64) float64 {
	if b < a {
		return b
	}
	return a
}

func greater(a, b float64) float64 {
	if b > a {
		return b
	}
	return a
}

// ranks is members with their scores, in no order.
type ranks struct {
	members [][]byte
	scores  []float64
}

func (r *ranks) add(member []byte, score float64) {
	r.members, r.scores = append(r.members, member), append(r.scores, score)
}

// Len, Less and Swap sort by score, then by the bytes of the members.
func (r *ranks) Len() int { return len(r.members) }
func (r *ranks) Less(i, k int) bool {
	if r.scores[i] != r.scores[k] {
		return r.scores[i] < r.scores[k]
	}
	return string(r.members[i]) < string(r.members[k])
}
func (r *ranks) Swap(i, k int) {
	r.members[i], r.members[k] = r.members[k], r.members[i]
	r.scores[i], r.scores[k] = r.scores[k], r.scores[i]
}

// zsetOperation makes one sorted set of several.
type zsetOperation struct {
	weights bool // it takes WEIGHTS and AGGREGATE
	do      func(from []source, how aggregate) ranks
}

// zsetUnion is the members of any.
func zsetUnion(from []source, how aggregate) (r ranks) {
	smallestFirst(from)
	places := map[string]int{}
	for i := range from {
		for k := range from[i].len() {
			member, score := from[i].at(k)
			score = from[i].weighed(score)
			if at, there := places[string(member)]; there {
				r.scores[at] = how(r.scores[at], score)
			} else {
				places[string(member)] = len(r.members)
				r.add(member, score)
			}
		}
	}
	return r
}

// zsetIntersection is the members that all have.
func zsetIntersection(from []source, how aggregate) (r ranks) {
	eachInAll(from, how, func(member []byte, score float64) bool {
		r.add(member, score)
		return true
	})
	return r
}

// zsetDifference is the members of the first that no other has.
func zsetDifference(from []source, _ aggregate) (r ranks) {
	eachInFirst(from, r.add)
	return r
}

// smallestFirst brings sets into the order in which Redis goes through them: floating
// point sums depend on it.
func smallestFirst(from []source) {
	slices.SortStableFunc(from, func(a, b source) int { return cmp.Compare(a.len(), b.len()) })
}

// eachInAll hands out the members that all sets have, until it is told to stop.
func eachInAll(from []source, how aggregate, found func(member []byte, score float64) (goOn bool)) {
	smallestFirst(from)
next:
	for i := range from[0].len() {
		member, score := from[0].at(i)
		score = from[0].weighed(score)
		for k := 1; k < len(from); k++ {
			other, ok := from[k].score(member)
			if !ok {
				continue next
			}
			score = how(score, other*from[k].weight)
		}
		if !found(member, score) {
			return
		}
	}
}

// eachInFirst hands out the members of the first set that no other has. Where the others
// are small they are gone through, otherwise the first is: whichever is less work.
func eachInFirst(from []source, found func(member []byte, score float64)) {
	first, others := &from[0], from[1:]
	inOthers := 0
	for i := range others {
		inOthers += others[i].len()
	}
	gone := map[string]bool{}
	byLookup := first.len()*len(others) <= first.len()+inOthers
	if !byLookup {
		for i := range others {
			for k := range others[i].len() {
				if member, _ := others[i].at(k); has(first, member) {
					gone[string(member)] = true
				}
			}
		}
	}
	for i := range first.len() {
		member, score := first.at(i)
		if byLookup && !slices.ContainsFunc(others, func(o source) bool { return has(&o, member) }) || !byLookup && !gone[string(member)] {
			found(member, score)
		}
	}
}

func has(s *source, member []byte) bool {
	_, ok := s.score(member)
	return ok
}

// sources reads the number of keys at Args[i] and looks them up; rest is the index of what
// comes behind them. After an error it is answered.
func (c *Call) sources(i int) (from []source, rest int, ok bool) {
	n, ok := c.Int(i)
	switch {
	case !ok:
		return nil, 0, false
	case n < 1:
		c.Out.Error("ERR at least 1 input key is needed for '" + c.Spec.FullName() + "' command")
		return nil, 0, false
	case n > int64(len(c.Args)-i-1):
		c.Out.Error(TextSyntax)
		return nil, 0, false
	}
	rest = i + 1 + int(n)
	for _, key := range c.Args[i+1 : rest] {
		s := source{weight: 1}
		var err error
		if c.View.Type(key) == state.Set {
			s.set, err = c.View.Set(key)
		} else {
			s.zset, err = c.View.ZSet(key)
		}
		if err != nil {
			c.Fail(err)
			return nil, 0, false
		}
		from = append(from, s)
	}
	return from, rest, true
}

// algebraOptions reads WEIGHTS, AGGREGATE and WITHSCORES from Args[i] on; after an error
// it is answered.
func (c *Call) algebraOptions(i int, from []source, op zsetOperation, store bool) (how aggregate, scores, ok bool) {
	how = sum
	for i < len(c.Args) {
		left := len(c.Args) - i
		switch {
		case op.weights && left > len(from) && c.Is(i, "WEIGHTS"):
			for k := range from {
				if from[k].weight, ok = ParseDouble(c.Args[i+1+k]); !ok {
					c.Out.Error("ERR weight value is not a float")
					return nil, false, false
				}
			}
			i += 1 + len(from)
		case op.weights && left > 1 && c.Is(i, "AGGREGATE"):
			switch {
			case c.Is(i+1, "SUM"):
				how = sum
			case c.Is(i+1, "MIN"):
				how = lesser
			case c.Is(i+1, "MAX"):
				how = greater
			default:
				c.Out.Error(TextSyntax)
				return nil, false, false
			}
			i += 2
		case !store && c.Is(i, "WITHSCORES"):
			scores = true
			i++
		default:
			c.Out.Error(TextSyntax)
			return nil, false, false
		}
	}
	return how, scores, true
}

// zsetAlgebra answers or stores what an operation makes of several sets.
func (c *Call) zsetAlgebra(op zsetOperation, store bool) {
	at := 1
	if store {
		at = 2
	}
	from, rest, ok := c.sources(at)
	if !ok {
		return
	}
	how, scores, ok := c.algebraOptions(rest, from, op, store)
	if !ok {
		return
	}
	made := op.do(from, how)
	if store {
		c.storeScores(c.Args[1], made.scores, made.members)
		return
	}
	sort.Sort(&made)
	reply := c.rankedReply(len(made.members), scores)
	for i, member := range made.members {
		reply.member(member, made.scores[i])
	}
}

func zintercardCommand(c *Call) {
	from, rest, ok := c.sources(1)
	if !ok {
		return
	}
	limit := int64(0)
	for i := rest; i < len(c.Args); i += 2 {
		if !c.Is(i, "LIMIT") || i+1 == len(c.Args) {
			c.Out.Error(TextSyntax)
			return
		}
		if limit, ok = ParseInt(c.Args[i+1]); !ok || limit < 0 {
			c.Out.Error("ERR LIMIT can't be negative")
			return
		}
	}
	n := int64(0)
	eachInAll(from, sum, func([]byte, float64) bool {
		n++
		return n != limit
	})
	c.Out.Int(n)
}
