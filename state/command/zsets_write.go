package command

import (
	"math"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

func zsetWrites() []*Spec {
	member := Arg{Name: "member", Type: "string"}
	word := func(name, token string) Arg { return Arg{Name: name, Type: "pure-token", Token: token} }
	optional := func(a Arg) Arg { a.Flags = "optional"; return a }
	return []*Spec{
		zsetRow("zadd", -4, Write|DenyOOM|Fast, "RW UPDATE", "1.2.0", "O(log(N)) for each member added, where N is the number of members.",
			"Adds members to a sorted set, or gives them other scores.", func(c *Call) { c.zadd(false) },
			Arg{Name: "condition", Type: "oneof", Flags: "optional", Sub: []Arg{word("nx", "NX"), word("xx", "XX")}},
			Arg{Name: "comparison", Type: "oneof", Flags: "optional", Sub: []Arg{word("gt", "GT"), word("lt", "LT")}},
			optional(word("change", "CH")), optional(word("increment", "INCR")),
			Arg{Name: "data", Type: "block", Flags: "multiple", Sub: []Arg{{Name: "score", Type: "double"}, member}}),
		zsetRow("zincrby", 4, Write|DenyOOM|Fast, "RW ACCESS UPDATE", "1.2.0", logN, "Adds to the score of a member.",
			func(c *Call) { c.zadd(true) }, Arg{Name: "increment", Type: "integer"}, member),
		zsetRow("zrem", -3, Write|Fast, "RW DELETE", "1.2.0", "O(M*log(N)) where N is the number of members and M of those removed.",
			"Removes members of a sorted set; one without members is no key.", zremCommand, Arg{Name: "member", Type: "string", Flags: "multiple"}),
	}
}

const textNaNScore = "ERR resulting score is not a number (NaN)"

// zaddOptions are the words of ZADD before its pairs.
type zaddOptions struct {
	nx, xx, gt, lt, ch, incr bool

	pairs int // the index of the first score
}

// zaddOptions reads them; after an error it is answered.
func (c *Call) zaddOptions(incr bool) (o zaddOptions, ok bool) {
	o.incr = incr
	words := []struct {
		word string
		set  *bool
	}{{"NX", &o.nx}, {"XX", &o.xx}, {"CH", &o.ch}, {"INCR", &o.incr}, {"GT", &o.gt}, {"LT", &o.lt}}
	o.pairs = 2
next:
	for ; o.pairs < len(c.Args); o.pairs++ {
		for _, w := range words {
			if c.Is(o.pairs, w.word) {
				*w.set = true
				continue next
			}
		}
		break
	}
	n := len(c.Args) - o.pairs
	switch {
	case n == 0 || n%2 != 0:
		c.Out.Error(TextSyntax)
	case o.nx && o.xx:
		c.Out.Error("ERR XX and NX options at the same time are not compatible")
	case o.nx && (o.gt || o.lt), o.gt && o.lt:
		c.Out.Error("ERR GT, LT, and/or NX options at the same time are not compatible")
	case o.incr && n > 2:
		c.Out.Error("ERR INCR option supports a single increment-element pair")
	default:
		return o, true
	}
	return o, false
}

// scoring is the scores that a call gives to members, each the last one that it has.
type scoring struct {
	z       state.Ranked
	scores  []float64
	members [][]byte
	places  map[string]int // of the members, once one has come twice
}

// again is s without scores, but with the room that it has for a few.
func (s *scoring) again() *scoring {
	clear(s.members)
	*s = scoring{scores: s.scores[:0], members: s.members[:0]}
	if cap(s.members) > eventItems {
		*s = scoring{}
	}
	return s
}

// score is a member's present score. again: the call has named it before.
func (s *scoring) score(member []byte, again bool) (score float64, ok bool) {
	if again && s.places == nil {
		s.places = map[string]int{}
		for i, m := range s.members {
			s.places[string(m)] = i
		}
	}
	if i, set := s.places[string(member)]; set {
		return s.scores[i], true
	}
	return s.z.Score(member)
}

func (s *scoring) set(member []byte, score float64) {
	if i, set := s.places[string(member)]; set {
		s.scores[i] = score
		return
	}
	if s.places != nil {
		s.places[string(member)] = len(s.members)
	}
	s.members, s.scores = append(s.members, member), append(s.scores, score)
}

func (c *Call) zadd(incr bool) {
	o, ok := c.zaddOptions(incr)
	if !ok {
		return
	}
	for i := o.pairs; i < len(c.Args); i += 2 {
		if _, ok := ParseDouble(c.Args[i]); !ok {
			c.Out.Error(TextNotFloat)
			return
		}
	}
	s := c.scoring.again()
	if s.z, ok = c.zset(); !ok {
		return
	}
	var seen distinct
	added, updated, result, done := 0, 0, 0.0, false
	for i := o.pairs; i < len(c.Args); i += 2 {
		score, _ := ParseDouble(c.Args[i])
		old, there := s.score(c.Args[i+1], !seen.first(c.Args, o.pairs+1, i+1, 2))
		if there && o.nx || !there && o.xx {
			continue
		}
		if o.incr && there {
			if score += old; math.IsNaN(score) {
				c.Out.Error(textNaNScore)
				return
			}
		}
		if there && (o.lt && score >= old || o.gt && score <= old) {
			continue
		}
		result, done = score, true
		switch {
		case !there:
			added++
		case score != old:
			updated++
		default:
			continue
		}
		s.set(c.Args[i+1], score)
	}
	c.recordScores(c.Args[1], s.scores, s.members)
	if o.incr && len(s.members) > 0 {
		c.Tell()
	}
	c.replyAdded(o, added, updated, result, done)
}

func (c *Call) replyAdded(o zaddOptions, added, updated int, result float64, done bool) {
	switch {
	case o.incr && done:
		c.Out.Double(result)
	case o.incr:
		c.Out.Null()
	case o.ch:
		c.Out.Int(int64(added + updated))
	default:
		c.Out.Int(int64(added))
	}
}

const scoreItem = 9 // bytes of a score in an event

// recordScores records that members have scores.
func (c *Call) recordScores(key []byte, scores []float64, members [][]byte) {
	c.expectItems(members, scoreItem)
	for len(members) > 0 {
		n := min(len(members), itemsAtOnce(key))
		c.Events.ZSetAdd(key, scores[:n], members[:n])
		scores, members = scores[n:], members[n:]
	}
}

// storeScores gives a key a sorted set, whatever it held, and answers how large that is.
func (c *Call) storeScores(key []byte, scores []float64, members [][]byte) {
	why := event.Overwritten
	if len(members) == 0 {
		why = event.User
	}
	if c.View.Type(key) != state.None {
		c.Events.Delete(key, why)
	}
	c.recordScores(key, scores, members)
	c.Tell()
	c.Out.Int(int64(len(members)))
}

func zremCommand(c *Call) {
	z, ok := c.zset()
	if !ok {
		return
	}
	gone := make([][]byte, 0, 8) // on the stack
	var seen distinct
	for i := 2; i < len(c.Args); i++ {
		if _, there := z.Score(c.Args[i]); there && seen.first(c.Args, 2, i, 1) {
			gone = append(gone, c.Args[i])
		}
	}
	if len(gone) > 0 {
		c.Events.ZSetRemove(c.Args[1], gone...)
	}
	c.Out.Int(int64(len(gone)))
}

// removeRanked records that members of a sorted set at some places are gone.
func (c *Call) removeRanked(key []byte, z *state.Ranked, first, end int) {
	switch {
	case first == end:
		return
	case end-first == z.Len(): // says as much as their names do, in fewer bytes
		c.Events.Delete(key, event.User)
		return
	}
	atOnce := itemsAtOnce(key)
	gone := make([][]byte, 0, min(atOnce, end-first))
	mark := c.Events.Len()
	for i := first; i < end; i++ {
		m, _ := z.At(i)
		if gone = append(gone, m); len(gone) < atOnce && i+1 < end {
			continue
		}
		c.Events.ZSetRemove(key, gone...)
		if i == first+len(gone)-1 && i+1 < end { // the others will take as much, but no more than they do now
			most, _ := c.View.Weight(key)
			c.Events.Grow(min((c.Events.Len()-mark)*((end-first)/len(gone)+1), int(most)))
		}
		gone = gone[:0]
	}
}
