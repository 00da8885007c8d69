package command

import (
	"github.com/altilium-db/altilium/state"
)

const (
	textScoreRange = "ERR min or max is not a float"
	textLexRange   = "ERR min or max not valid string range item"
	logNM          = "O(log(N)+M) where N is the number of members and M of those returned or removed."
)

func zsetRanges() []*Spec {
	const store = "Stores a part of a sorted set."
	low, high := Arg{Name: "min", Type: "double"}, Arg{Name: "max", Type: "double"}
	lexMin, lexMax := Arg{Name: "min", Type: "string"}, Arg{Name: "max", Type: "string"}
	start, stop := Arg{Name: "start", Type: "integer"}, Arg{Name: "stop", Type: "integer"}
	scores := Arg{Name: "withscores", Type: "pure-token", Token: "WITHSCORES", Flags: "optional"}
	limit := Arg{Name: "limit", Type: "block", Token: "LIMIT", Flags: "optional", Sub: []Arg{{Name: "offset", Type: "integer"}, {Name: "count", Type: "integer"}}}
	by := Arg{Name: "sortby", Type: "oneof", Flags: "optional", Sub: []Arg{
		{Name: "byscore", Type: "pure-token", Token: "BYSCORE"}, {Name: "bylex", Type: "pure-token", Token: "BYLEX"},
	}}
	rev := Arg{Name: "rev", Type: "pure-token", Token: "REV", Flags: "optional"}
	texts := []Arg{{Name: "start", Type: "string"}, {Name: "stop", Type: "string"}, by, rev, limit}
	read := func(name string, arity int, since, summary string, o rangeOptions, args ...Arg) *Spec {
		return zsetRow(name, arity, ReadOnly, "RO ACCESS", since, logNM, summary, func(c *Call) { c.zrange(o) }, args...)
	}
	remove := func(name, since, summary string, by rangeKind, args ...Arg) *Spec {
		return zsetRow(name, 4, Write, "RW DELETE", since, logNM, summary, func(c *Call) { c.zremrange(by) }, args...)
	}
	zrangestore := &Spec{
		Name: "zrangestore", Arity: -5, Flags: Write | DenyOOM, Keys: []Keys{keysAt(1, 1, 1, "OW UPDATE"), keysAt(2, 2, 1, "RO ACCESS")},
		Categories: "sortedset", Since: "6.2.0", Group: "sorted-set", Complexity: logNM, Summary: store,
		Args:   append([]Arg{{Name: "dst", Type: "key"}, {Name: "src", Type: "key"}, {Name: "min", Type: "string"}, {Name: "max", Type: "string"}}, texts[2:]...),
		Decide: func(c *Call) { c.zrange(rangeOptions{store: true}) },
	}
	return []*Spec{
		read("zrange", -4, "1.2.0", "Returns a part of a sorted set.", rangeOptions{}, append(texts, scores)...),
		read("zrevrange", -4, "1.2.0", "Returns a part of a sorted set by places from the end.", rangeOptions{by: byRank, reverse: true, fixed: true}, start, stop, scores),
		read("zrangebyscore", -4, "1.0.5", "Returns the members with scores in a range.", rangeOptions{by: byScore, fixed: true}, low, high, scores, limit),
		read("zrevrangebyscore", -4, "2.2.0", "Returns the members with scores in a range, highest first.", rangeOptions{by: byScore, reverse: true, fixed: true}, high, low, scores, limit),
		read("zrangebylex", -4, "2.8.9", "Returns the members in a range of texts.", rangeOptions{by: byLex, fixed: true}, lexMin, lexMax, limit),
		read("zrevrangebylex", -4, "2.8.9", "Returns the members in a range of texts, last first.", rangeOptions{by: byLex, reverse: true, fixed: true}, lexMax, lexMin, limit),
		zrangestore,
		zsetRow("zcount", 4, ReadOnly|Fast, "RO ACCESS", "2.0.0", logN, "Counts the members with scores in a range.", func(c *Call) { c.zcount(byScore) }, low, high),
		zsetRow("zlexcount", 4, ReadOnly|Fast, "RO ACCESS", "2.8.9", logN, "Counts the members in a range of texts.", func(c *Call) { c.zcount(byLex) }, lexMin, lexMax),
		remove("zremrangebyrank", "2.0.0", "Removes a part of a sorted set.", byRank, start, stop),
		remove("zremrangebyscore", "1.2.0", "Removes the members with scores in a range.", byScore, low, high),
		remove("zremrangebylex", "2.8.9", "Removes the members in a range of texts.", byLex, lexMin, lexMax),
	}
}

// rangeKind is what the ends of a range are.
type rangeKind uint8

const (
	byRank  rangeKind = iota // places, negative ones from the end
	byScore                  // scores, each with itself or without
	byLex                    // texts, the same (zsets_lex.go)
)

// rangeOptions say how a command reads a range.
type rangeOptions struct {
	by      rangeKind
	reverse bool
	fixed   bool // kind and direction are the command's, not words of the call
	store   bool // the keys are a destination and a source

	named         bool // BYSCORE or BYLEX was said
	turned        bool // REV was said
	scores        bool // WITHSCORES was said
	offset, count int64
}

// rangeOptions reads the words from Args[i] on; after an error it is answered.
func (c *Call) rangeOptions(o rangeOptions, i int) (_ rangeOptions, ok bool) {
	o.count = -1
	for ; i < len(c.Args); i++ {
		switch {
		case !o.store && c.Is(i, "WITHSCORES"):
			o.scores = true
		case c.Is(i, "LIMIT") && i+2 < len(c.Args):
			if !c.ints(i+1, i+2) {
				return o, false
			}
			o.offset, _ = ParseInt(c.Args[i+1])
			o.count, _ = ParseInt(c.Args[i+2])
			i += 2
		case !o.fixed && !o.turned && c.Is(i, "REV"):
			o.turned, o.reverse = true, true
		case !o.fixed && !o.named && c.Is(i, "BYLEX"):
			o.named, o.by = true, byLex
		case !o.fixed && !o.named && c.Is(i, "BYSCORE"):
			o.named, o.by = true, byScore
		default:
			c.Out.Error(TextSyntax)
			return o, false
		}
	}
	switch {
	case o.count != -1 && o.by == byRank:
		c.Out.Error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
	case o.scores && o.by == byLex:
		c.Out.Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
	default:
		return o, true
	}
	return o, false
}

// interval is a range that has been read: which part of a sorted set it is, and of that
// what LIMIT leaves.
type interval func(z *state.Ranked, o rangeOptions) (first, end int)

// interval reads the ends of a range; after an error it is answered and nil.
func (c *Call) interval(by rangeKind, from, to int) interval {
	switch by {
	case byRank:
		if !c.ints(from, to) {
			return nil
		}
		return func(z *state.Ranked, o rangeOptions) (first, end int) {
			if first, end = c.part(from, z.Len()); o.reverse {
				first, end = z.Len()-end, z.Len()-first
			}
			return first, end
		}
	case byScore:
		low, ok1 := parseScoreEnd(c.Args[from])
		high, ok2 := parseScoreEnd(c.Args[to])
		if !ok1 || !ok2 {
			c.Out.Error(textScoreRange)
			return nil
		}
		return func(z *state.Ranked, o rangeOptions) (first, end int) {
			first = z.SeekScore(func(score float64) bool { return score < low.score || low.without && score == low.score })
			end = z.SeekScore(func(score float64) bool { return score < high.score || !high.without && score == high.score })
			return o.limited(first, max(first, end))
		}
	}
	low, ok1 := parseLexEnd(c.Args[from])
	high, ok2 := parseLexEnd(c.Args[to])
	if !ok1 || !ok2 {
		c.Out.Error(textLexRange)
		return nil
	}
	return lexRange{low, high}.in
}

// scoreEnd is an end of a range of scores.
type scoreEnd struct {
	score   float64
	without bool // itself
}

func parseScoreEnd(text []byte) (e scoreEnd, ok bool) {
	if len(text) > 0 && text[0] == '(' {
		e.without, text = true, text[1:]
	}
	e.score, ok = ParseBound(text)
	return e, ok
}

func (c *Call) zrange(o rangeOptions) {
	key := 1
	if o.store {
		key = 2
	}
	o, ok := c.rangeOptions(o, key+3)
	if !ok {
		return
	}
	low, high := key+1, key+2
	if o.reverse && o.by != byRank {
		low, high = high, low
	}
	in := c.interval(o.by, low, high)
	if in == nil {
		return
	}
	z, ok := c.zsetAt(c.Args[key])
	if !ok {
		return
	}
	first, end := in(&z, o)
	if o.store {
		c.storeRange(&z, first, end)
		return
	}
	reply := c.rankedReply(end-first, o.scores)
	for i := first; i < end; i++ {
		at := i
		if o.reverse {
			at = end - 1 - (i - first)
		}
		reply.member(z.At(at))
	}
}

// limited is the part of a range that LIMIT leaves.
func (o rangeOptions) limited(first, end int) (int, int) {
	n := int64(end - first)
	if o.offset < 0 || o.offset >= n {
		return first, first
	}
	count := n - o.offset
	if o.count >= 0 {
		count = min(count, o.count)
	}
	if o.reverse {
		end -= int(o.offset)
		return end - int(count), end
	}
	first += int(o.offset)
	return first, first + int(count)
}

// hasRoom reports whether LIMIT wants more than n members.
func (o rangeOptions) hasRoom(n int) bool { return o.count < 0 || int64(n) < o.count }

func (c *Call) storeRange(z *state.Ranked, first, end int) {
	scores, members := make([]float64, 0, end-first), make([][]byte, 0, end-first)
	small := end-first <= state.MaxSetListpackEntries
	for i := first; i < end; i++ {
		member, score := z.At(i)
		if small = small && len(member) <= state.MaxListpackValue; small && score == 0 {
			score = 0 // and not -0: Redis begins with a small one, which knows none
		}
		scores, members = append(scores, score), append(members, member)
	}
	c.storeScores(c.Args[1], scores, members)
}

func (c *Call) zcount(by rangeKind) {
	in := c.interval(by, 2, 3)
	if in == nil {
		return
	}
	if z, ok := c.zset(); ok {
		first, end := in(&z, rangeOptions{count: -1})
		c.Out.Int(int64(end - first))
	}
}

func (c *Call) zremrange(by rangeKind) {
	in := c.interval(by, 2, 3)
	if in == nil {
		return
	}
	z, ok := c.zset()
	if !ok {
		return
	}
	first, end := in(&z, rangeOptions{count: -1})
	c.removeRanked(c.Args[1], &z, first, end)
	if first < end && end-first < z.Len() {
		c.Tell()
	}
	c.Out.Int(int64(end - first))
}
