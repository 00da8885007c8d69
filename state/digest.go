package state

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"
)

// The digest of a state is a sum over its databases of the digests of their
// keys, each made of the key, its type, its content and its expiry. Sums can be
// kept up to date: what changes is taken off and put on anew. mix spreads every
// part over all bits before it is added, so that sums do not cancel.

// mix joins two digests; the order matters. It is the finisher of MurmurHash3
// (Appleby) over their combination.
func mix(a, b uint64) uint64 {
	z := a*0x9e3779b97f4a7c15 + b + 0x2545f4914f6cdd1d
	z = (z ^ z>>33) * 0xff51afd7ed558ccd
	z = (z ^ z>>33) * 0xc4ceb9fe1a85ec53
	return z ^ z>>33
}

func pairDigest(field, value []byte) uint64 {
	return mix(xxhash.Sum64(field), xxhash.Sum64(value))
}

// body is the digest of what a key holds, but for a dirty object.
func (e *entry) body() uint64 {
	switch {
	case e.o != nil && e.o.hash != nil:
		return e.o.hash.sum
	case e.o != nil && e.o.list != nil:
		return e.o.list.seq.sum
	case e.o != nil && e.o.stream != nil:
		return e.o.stream.body()
	case e.typ != String:
		return packedSum(e.payload)
	case e.o != nil:
		return e.o.body
	}
	return xxhash.Sum64(e.payload)
}

// digest is the digest of a key with all that it holds.
func (e *entry) digest(body uint64) uint64 {
	if e.keySum == 0 {
		e.keySum = xxhash.Sum64(e.key)
	}
	d := mix(e.keySum, uint64(e.typ))
	d = mix(d, body)
	return mix(d, uint64(e.expire))
}

// remember makes e part of the database's sum, forget takes it out before it is
// changed. Nothing of a key is kept for that: its digest is computed anew. They count
// its object too (weight.go).
func (d *database) remember(e *entry) {
	if e.o != nil {
		e.o.weight = e.o.weigh()
		d.heap += e.o.weight
	}
	if e.o == nil || !e.o.dirty {
		d.sum += e.digest(e.body())
		return
	}
	d.markDirty(e.o)
}

func (d *database) markDirty(o *object) {
	if d.dirty == nil {
		d.dirty = map[*object]struct{}{}
	}
	d.dirty[o] = struct{}{}
}

func (d *database) forget(e *entry) {
	if e.o != nil {
		d.heap -= e.o.weight
		e.o.weight = 0
	}
	if e.o != nil && e.o.dirty {
		delete(d.dirty, e.o)
		return
	}
	d.sum -= e.digest(e.body())
}

// setAside takes a large hash, set or sorted set, or a stream, out of the sum before it
// changes, putBack puts it in again. Of what changes again and again neither computes
// anything: it stays out until the digest is asked for. As many as mostAside do, so that
// whoever asks does not wait for long.
func (d *database) setAside(e *entry) {
	if !e.o.dirty && len(d.dirty) < mostAside {
		d.sum -= e.digest(e.body())
		e.o.dirty = true
		d.markDirty(e.o)
	}
	if !e.o.dirty {
		d.forget(e)
	}
}

func (d *database) putBack(e *entry) {
	if e.o == nil || !e.o.dirty {
		d.remember(e)
		return
	}
	d.heap -= e.o.weight
	e.o.weight = e.o.weigh()
	d.heap += e.o.weight
}

// mostAside keys are added to the digest in about a millisecond.
const mostAside = 4096

// Digest is the digest of the whole state: the same for the same keys, values,
// types and expiries. It costs nothing but for long strings that were changed in
// part since the last call (hashing those at each change would make a loop of
// APPENDs quadratic), and a little for what setAside has put aside.
func (s *State) Digest() uint64 {
	var total uint64
	for i, d := range s.dbs {
		for o := range d.dirty { // a sum: the order does not matter
			o.refresh()
			e := d.load(o.home)
			d.sum += e.digest(e.body())
		}
		clear(d.dirty)
		if d.keys.count() > 0 {
			total += mix(uint64(i)+1, d.sum)
		}
	}
	return total
}

// refresh brings a dirty object's digest up to date.
func (o *object) refresh() {
	switch o.dirty = false; {
	case o.list != nil:
		o.list.refresh()
	case o.hash == nil && o.stream == nil:
		o.body = o.sum()
	}
}

// RecomputeDigest is Digest from scratch: what every sum must add up to.
func (s *State) RecomputeDigest() uint64 {
	var total uint64
	for i, d := range s.dbs {
		var sum uint64
		d.each(func(e *entry) bool {
			body := uint64(0)
			switch e.typ {
			case String:
				body = xxhash.Sum64(e.payload)
			case List:
				var seq sequence
				e.elements().each(func(x []byte) { seq.pushRight(x) })
				body = seq.sum
			case Stream:
				body = e.o.stream.recomputed()
			default:
				e.pairs(func(field, value []byte) { body += pairDigest(field, value) })
			}
			sum += e.digest(body)
			return true
		})
		if d.keys.count() > 0 {
			total += mix(uint64(i)+1, sum)
		}
	}
	return total
}

// each hands every key to fn, in order, until it returns false.
func (d *database) each(fn func(e *entry) bool) {
	d.keys.scan(0, math.MaxInt, func(r ref) bool {
		e := d.load(r)
		d.bringAll(e.o)
		return fn(&e)
	})
}

// fields is what a hash holds.
func (e *entry) fields() Fields {
	if e.indexed() {
		return Fields{index: e.o.hash.index}
	}
	return Fields{packed: e.payload}
}

// pairs hands the pairs of a hash to fn.
func (e *entry) pairs(fn func(field, value []byte)) {
	f := e.fields()
	for i := range f.Len() {
		fn(f.At(i))
	}
}

// RedisDigest is what DEBUG DIGEST of a Redis server with the same data answers.
func (s *State) RedisDigest() [20]byte {
	var final sum20
	for i, d := range s.dbs {
		if d.keys.count() == 0 {
			continue
		}
		final.mix(binary.BigEndian.AppendUint32(nil, uint32(i)))
		d.each(func(e *entry) bool {
			digest := e.redisDigest()
			final.xor(digest[:])
			return true
		})
	}
	return final
}

// sum20 is a SHA-1 sum that Redis mixes others into.
type sum20 [20]byte

// xor is Redis' xorDigest.
func (d *sum20) xor(p []byte) {
	o := sha1.Sum(p)
	for i := range d {
		d[i] ^= o[i]
	}
}

// mix is Redis' mixDigest.
func (d *sum20) mix(p []byte) {
	d.xor(p)
	*d = sha1.Sum(d[:])
}

// scoreInC is a score as C prints it with %.17g.
func scoreInC(score float64) []byte {
	switch {
	case math.IsInf(score, 1):
		return []byte("inf")
	case math.IsInf(score, -1):
		return []byte("-inf")
	}
	return fmt.Appendf(nil, "%.17g", score)
}

// RedisDigest is what DEBUG DIGEST-VALUE of a Redis server answers of a key with the same
// value; of one that is not there, zeros.
func (v View) RedisDigest(key []byte) [20]byte {
	var d sum20
	if _, r := v.d.find(key); r != 0 && !dueRecord(v.d.mem.at(r), v.now) {
		e := v.d.load(r)
		v.d.bringAll(e.o)
		e.mixValue(&d)
	}
	return d
}

func (e *entry) redisDigest() (d sum20) {
	d.mix(e.key)
	e.mixValue(&d)
	return d
}

// mixValue is Redis' xorObjectDigest.
func (e *entry) mixValue(d *sum20) {
	switch e.typ {
	case String:
		d.mix([]byte{0, 0, 0, 0})
		d.mix(e.payload)
	case List:
		d.mix([]byte{0, 0, 0, 1})
		e.elements().each(func(x []byte) { d.mix(x) })
	case Set:
		d.mix([]byte{0, 0, 0, 2})
		e.pairs(func(member, _ []byte) { d.xor(member) })
	case ZSet:
		d.mix([]byte{0, 0, 0, 3})
		e.pairs(func(member, score []byte) {
			var md sum20
			md.mix(member)
			md.mix(scoreInC(scoreOf(score)))
			d.xor(md[:])
		})
	case Stream:
		d.mix([]byte{0, 0, 0, 6})
		e.o.stream.redisDigest(d)
	default:
		d.mix([]byte{0, 0, 0, 4})
		e.pairs(func(field, value []byte) {
			var pd sum20
			pd.mix(field)
			pd.mix(value)
			d.xor(pd[:])
		})
	}
	if e.expire != 0 {
		d.xor([]byte("!!expire!!"))
	}
}
