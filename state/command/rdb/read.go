package rdb

import (
	"errors"
	"math"
	"strconv"
)

// The types: fixed numbers, see the package comment.
const (
	typeString       = 0
	typeList         = 1
	typeSet          = 2
	typeZSet         = 3
	typeHash         = 4
	typeZSet2        = 5
	typeHashZipmap   = 9
	typeListZiplist  = 10
	typeSetIntset    = 11
	typeZSetZiplist  = 12
	typeHashZiplist  = 13
	typeQuicklist    = 14
	typeStream       = 15
	typeHashListpack = 16
	typeZSetListpack = 17
	typeQuicklist2   = 18
	typeStream2      = 19
	typeSetListpack  = 20
	typeStream3      = 21
)

// What a node of a quicklist 2 is: one element, or a listpack.
const (
	nodePlain  = 1
	nodePacked = 2
)

// Scores as texts: lengths that are scores themselves, and how long the text of one in a
// listpack may be.
const (
	scoreNaN         = 253
	scoreInf         = 254
	scoreNegativeInf = 255
	maxScoreText     = 128
)

// Builder gets what a body holds, in its order: one String; or Elements, or Members, or
// Scored members, or Pairs, at least one; or Entries, and one Stream behind them. Slices
// lie in the body or in memory of their own and stay what they are, but for pairs itself,
// which is used again. The first error ends the reading.
//
// What was handed out may be followed by an error of Decode: then all of it is void.
type Builder interface {
	String(value []byte) error
	Element(x []byte) error
	Member(m []byte) error
	Scored(member []byte, score float64) error
	Pair(field, value []byte) error
	Entry(id ID, pairs [][]byte) error
	Stream(s *Stream) error
}

// Decode reads a body, which Open has returned, and hands what it holds to b. Its error is
// b's, or wraps ErrFormat, or is ErrTooLarge or ErrUnpacks.
func Decode(body []byte, b Builder) error {
	r := &reader{p: body, plain: MaxPlain}
	r.value(r.byte(), b)
	if r.ok() && r.doubt {
		again := &reader{p: body, plain: MaxPlain, exact: true}
		again.value(again.byte(), nobody{})
		return again.err
	}
	return r.err
}

// nobody is a Builder for the sake of an error.
type nobody struct{}

func (nobody) String([]byte) error          { return nil }
func (nobody) Element([]byte) error         { return nil }
func (nobody) Member([]byte) error          { return nil }
func (nobody) Scored([]byte, float64) error { return nil }
func (nobody) Pair([]byte, []byte) error    { return nil }
func (nobody) Entry(ID, [][]byte) error     { return nil }
func (nobody) Stream(*Stream) error         { return nil }

func (r *reader) value(typ byte, b Builder) {
	switch typ {
	case typeString:
		if x := r.text(); r.ok() {
			r.give(b.String(x))
		}
	case typeList, typeListZiplist, typeQuicklist, typeQuicklist2:
		r.list(typ, b)
	case typeSet, typeSetIntset, typeSetListpack:
		r.set(typ, b)
	case typeZSet, typeZSet2, typeZSetZiplist, typeZSetListpack:
		r.zset(typ, b)
	case typeHash, typeHashZipmap, typeHashZiplist, typeHashListpack:
		r.hash(typ, b)
	case typeStream, typeStream2, typeStream3:
		r.stream(typ, b)
	default:
		r.fail("there is no such type")
	}
}

func (r *reader) list(typ byte, b Builder) {
	n := 0
	each := func(x []byte) {
		n++
		r.give(b.Element(x))
	}
	if typ == typeListZiplist {
		r.walkZiplist(r.text(), each)
	} else {
		for left := r.items(); left > 0 && r.ok(); left-- {
			r.listNode(typ, each)
		}
	}
	if r.ok() && n == 0 {
		r.fail("it is empty")
	}
}

// listNode reads an element, or a node of a quicklist.
func (r *reader) listNode(typ byte, each func(x []byte)) {
	kind := uint64(nodePlain)
	if typ == typeQuicklist2 {
		kind = r.count()
	}
	x := r.text()
	switch {
	case !r.ok():
	case typ != typeList && len(x) == 0:
		r.fail("a node is empty")
	case typ == typeQuicklist:
		r.walkZiplist(x, each)
	case kind == nodePacked:
		r.walkListpack(x, each)
	case kind == nodePlain:
		each(x)
	default:
		r.fail("there is no such node")
	}
}

func (r *reader) set(typ byte, b Builder) {
	seen := distinct{exact: r.exact}
	defer func() { r.doubt = r.ok() && !seen.differ() }()
	each := func(m []byte) {
		if !seen.add(m) {
			r.fail("a member comes twice")
			return
		}
		r.give(b.Member(m))
	}
	switch typ {
	case typeSet:
		left := r.items()
		seen.expect(left, len(r.p)-r.at)
		for ; left > 0 && r.ok(); left-- {
			if m := r.text(); r.ok() {
				each(m)
			}
		}
	case typeSetIntset:
		r.walkIntset(r.text(), func(m []byte) { r.give(b.Member(m)) }) // they ascend
	default:
		n := 0
		r.walkListpack(r.text(), func(m []byte) {
			n++
			each(m)
		})
		if r.ok() && n == 0 {
			r.fail("it is empty")
		}
	}
}

func (r *reader) hash(typ byte, b Builder) {
	seen := distinct{exact: r.exact}
	defer func() { r.doubt = r.ok() && !seen.differ() }()
	each := func(field, value []byte) {
		if !seen.add(field) {
			r.fail("a field comes twice")
			return
		}
		r.give(b.Pair(field, value))
	}
	switch typ {
	case typeHash:
		left := r.items()
		seen.expect(left, len(r.p)-r.at)
		for ; left > 0 && r.ok(); left-- {
			field := r.text()
			if value := r.text(); r.ok() {
				each(field, value)
			}
		}
	case typeHashZipmap:
		r.pairs(r.walkZipmap, each)
	case typeHashZiplist:
		r.pairs(r.walkZiplist, each)
	default:
		r.pairs(r.walkListpack, each)
	}
}

func (r *reader) zset(typ byte, b Builder) {
	seen := distinct{exact: r.exact}
	defer func() { r.doubt = r.ok() && !seen.differ() }()
	each := func(member []byte, score float64) {
		switch {
		case math.IsNaN(score):
			r.fail("a score is no number")
		case !seen.add(member):
			r.fail("a member comes twice")
		default:
			r.give(b.Scored(member, score))
		}
	}
	eachText := func(member, score []byte) { each(member, parseScore(score)) }
	switch typ {
	case typeZSet, typeZSet2:
		left := r.items()
		seen.expect(left, len(r.p)-r.at)
		for ; left > 0 && r.ok(); left-- {
			member := r.text()
			if score := r.score(typ); r.ok() {
				each(member, score)
			}
		}
	case typeZSetZiplist:
		r.pairs(r.walkZiplist, eachText)
	default:
		r.pairs(r.walkListpack, eachText)
	}
}

// pairs reads a string that holds one thing and another by turns.
func (r *reader) pairs(walk func(p []byte, each func(x []byte)), each func(a, b []byte)) {
	var first []byte
	n := 0
	walk(r.text(), func(x []byte) {
		if n++; n%2 == 1 {
			first = x
		} else {
			each(first, x)
		}
	})
	switch {
	case !r.ok():
	case n == 0:
		r.fail("it is empty")
	case n%2 == 1:
		r.fail("the last has no value")
	}
}

// score reads the score of a member of a sorted set that is not packed.
func (r *reader) score(typ byte) float64 {
	if typ == typeZSet2 {
		return math.Float64frombits(r.u64())
	}
	switch n := r.byte(); n {
	case scoreNaN:
		return math.NaN()
	case scoreInf:
		return math.Inf(1)
	case scoreNegativeInf:
		return math.Inf(-1)
	default:
		return parseScore(r.take(uint64(n)))
	}
}

// parseScore reads the text of a score; NaN where it is none.
func parseScore(text []byte) float64 {
	if len(text) > maxScoreText {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // beyond the range it is infinite, or 0
		return math.NaN()
	}
	return f
}
