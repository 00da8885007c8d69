package state

import (
	"encoding/binary"
	"math"
)

// The score of a member of a sorted set is its value: eight bytes, a float64 in little
// endian.
const scoreBytes = 8

func scoreOf(value []byte) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(value))
}

// ScoreOf is the score in a sorted set's item of a [Record], which must be whole.
func ScoreOf(item []byte) (score float64, ok bool) {
	if len(item) != scoreBytes {
		return 0, false
	}
	return scoreOf(item), true
}

// ScoreItem is a score as an item of a [Record].
func ScoreItem(score float64) []byte {
	item := make([]byte, scoreBytes)
	putScore(item, score)
	return item
}

func putScore(value []byte, score float64) {
	binary.LittleEndian.PutUint64(value, math.Float64bits(score))
}

// lessRanked reports whether a member comes before another: by score, and by their bytes
// where scores are the same.
func lessRanked(scoreA float64, a []byte, scoreB float64, b []byte) bool {
	if scoreA != scoreB {
		return scoreA < scoreB
	}
	return string(a) < string(b)
}

// Ranked is the members of a sorted set with their scores. The zero value is that of a
// key that does not exist.
type Ranked struct {
	fields  Fields
	ranking *ranking // of a large one

	at   int   // the last place that At was asked for
	leaf *leaf // where that was, of a large one
	slot int   // and which of it
}

// Len is the number of members; 0 where there is no key.
func (z *Ranked) Len() int { return z.fields.Len() }

// Score is a member's score, false where it is not there.
func (z *Ranked) Score(member []byte) (score float64, ok bool) {
	value, ok := z.fields.Get(member)
	if !ok {
		return 0, false
	}
	return scoreOf(value), true
}

// Place is how many members come before one, in O(log n) where there are many; false
// where it is not there.
func (z *Ranked) Place(member []byte) (place int, ok bool) {
	score, ok := z.Score(member)
	if !ok {
		return 0, false
	}
	if z.ranking != nil {
		return z.ranking.placeOf(score, member), true
	}
	return z.Seek(func(m []byte, s float64) bool { return lessRanked(s, m, score, member) }), true
}

// Seek counts the members for which before is true, which must be those that come first
// in the order, in O(log n) where there are many.
func (z *Ranked) Seek(before func(member []byte, score float64) bool) (place int) {
	if k := z.ranking; k != nil {
		return k.seek(func(x ranked) bool { return before(k.d.key(x.r), x.score) })
	}
	for p, at := z.fields.packed, packedHead; at < len(p); place++ {
		member, value, next := pairAt(p, at)
		if !before(member, scoreOf(value)) {
			break
		}
		at = next
	}
	return place
}

// SeekScore is Seek where scores alone say it: no member is looked at.
func (z *Ranked) SeekScore(before func(score float64) bool) (place int) {
	if k := z.ranking; k != nil {
		return k.seek(func(x ranked) bool { return before(x.score) })
	}
	return z.Seek(func(_ []byte, score float64) bool { return before(score) })
}

// At is the member at a place from 0 to Len()-1, lowest score first, and its score. It is
// valid until the next Apply. Going from one place to the next, or to the one before,
// costs next to nothing, going anywhere else O(log n).
func (z *Ranked) At(i int) (member []byte, score float64) {
	k := z.ranking
	if k == nil {
		member, value := z.fields.At(i)
		return member, scoreOf(value)
	}
	switch l := z.leaf; {
	case l == nil || i < z.at-1 || i > z.at+1:
		z.leaf, z.slot = k.at(i)
	case i == z.at+1:
		if z.slot++; z.slot == l.n {
			z.leaf, z.slot = l.next, 0
		}
		k.prefetch(z.leaf, z.slot+recordsAhead)
	case i == z.at-1:
		if z.slot--; z.slot < 0 {
			z.leaf, z.slot = l.prev, l.prev.n-1
		}
		k.prefetch(z.leaf, z.slot-recordsAhead)
	}
	z.at = i
	return k.d.key(z.leaf.refs[z.slot]), z.leaf.scores[z.slot]
}

// Small reports whether ZSCAN gives all of it at once.
func (z *Ranked) Small() bool { return z.fields.Small() }

// Scan hands about count members with their scores to fn, see [Fields.Scan].
func (z *Ranked) Scan(cursor uint64, count int, fn func(member []byte, score float64)) (next uint64) {
	return z.fields.Scan(cursor, count, func(member, value []byte) { fn(member, scoreOf(value)) })
}
