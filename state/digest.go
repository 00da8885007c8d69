package state

import (
	"crypto/sha1"
	"encoding/binary"

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

func pairDigest(field string, value []byte) uint64 {
	return mix(xxhash.Sum64String(field), xxhash.Sum64(value))
}

// digest is the digest of a key with all that it holds.
func (e *entry) digest(body uint64) uint64 {
	d := mix(xxhash.Sum64String(e.key), uint64(e.typ))
	d = mix(d, body)
	return mix(d, uint64(e.expire))
}

// resum brings a database's sum up to date after e's key or expiry has changed,
// or e.body.
func (d *database) resum(e *entry) {
	if e.dirty {
		return
	}
	now := e.digest(e.body)
	d.sum += now - e.sum
	e.sum = now
}

// rewritten is called when e's content has changed.
func (d *database) rewritten(e *entry) {
	if e.dirty {
		e.dirty = false
		delete(d.dirty, e)
	}
	if e.typ == Hash {
		e.body = e.hash.sum
	} else {
		e.body = xxhash.Sum64(e.value)
	}
	d.resum(e)
}

// lateFrom is the length from which a string that changes in part is hashed
// when the digest is asked for, not at each change: a loop of APPENDs would be
// quadratic otherwise.
const lateFrom = 4096

// edited is called when a string has changed in part.
func (d *database) edited(e *entry) {
	if len(e.value) < lateFrom {
		d.rewritten(e)
		return
	}
	if !e.dirty {
		d.sum -= e.sum
		e.sum = 0
		d.setDirty(e)
	}
}

func (d *database) setDirty(e *entry) {
	if d.dirty == nil {
		d.dirty = map[*entry]struct{}{}
	}
	e.dirty = true
	d.dirty[e] = struct{}{}
}

// Digest is the digest of the whole state: the same for the same keys, values,
// types and expiries. It costs nothing but for long strings that were changed in
// part since the last call.
func (s *State) Digest() uint64 {
	var total uint64
	for i, d := range s.dbs {
		for e := range d.dirty { // a sum: the order does not matter
			d.rewritten(e)
		}
		if d.keys.Len() > 0 {
			total += mix(uint64(i)+1, d.sum)
		}
	}
	return total
}

// RecomputeDigest is Digest from scratch: what every sum must add up to.
func (s *State) RecomputeDigest() uint64 {
	var total uint64
	for i, d := range s.dbs {
		var sum uint64
		for k := range d.keys.Len() {
			e := d.keys.At(k)
			body := xxhash.Sum64(e.value)
			if e.typ == Hash {
				body = 0
				for _, p := range e.hash.pairs {
					body += pairDigest(p.field, p.value)
				}
			}
			sum += e.digest(body)
		}
		if d.keys.Len() > 0 {
			total += mix(uint64(i)+1, sum)
		}
	}
	return total
}

// RedisDigest is what DEBUG DIGEST of a Redis server with the same data answers.
func (s *State) RedisDigest() [20]byte {
	var final sum20
	for i, d := range s.dbs {
		if d.keys.Len() == 0 {
			continue
		}
		final.mix(binary.BigEndian.AppendUint32(nil, uint32(i)))
		for k := range d.keys.Len() {
			digest := d.keys.At(k).redisDigest()
			final.xor(digest[:])
		}
	}
	return final
}

// sum20 is a SHA-1 sum that Redis mixes others into.
type sum20 [20]byte

// xor is Redis' xorDigest.
func (d *sum20) xor(p []byte) { d.xorRaw(sha1.Sum(p)) }

func (d *sum20) xorRaw(o [20]byte) {
	for i := range d {
		d[i] ^= o[i]
	}
}

// mix is Redis' mixDigest.
func (d *sum20) mix(p []byte) {
	d.xor(p)
	*d = sha1.Sum(d[:])
}

func (e *entry) redisDigest() sum20 {
	var d sum20
	d.mix(bytesOf(e.key))
	if e.typ == String {
		d.mix([]byte{0, 0, 0, 0})
		d.mix(e.value)
	} else {
		d.mix([]byte{0, 0, 0, 4})
		for _, p := range e.hash.pairs {
			var pd sum20
			pd.mix(bytesOf(p.field))
			pd.mix(p.value)
			d.xor(pd[:])
		}
	}
	if e.expire != 0 {
		d.xor([]byte("!!expire!!"))
	}
	return d
}
