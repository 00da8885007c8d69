package state

import (
	"encoding/binary"
	"math/bits"
)

// secret makes the hash of keys one that nobody outside can predict: the hash
// orders the keyspace, and who could choose keys that collide could make every
// command slow. Both words come from the seed that [New] was given, so that must not
// be a number that clients are shown, as the log's id is. SCAN's cursors show them
// the first bits of hashes; what can be made of those is bounded in index.go.
//
// The function is wyhash's (Wang Yi, github.com/wangyi-fudan/wyhash), which Go's own
// maps use where there are no AES instructions. Its one public weakness is that a
// key which contains a constant of it cancels the rest out; here the constants
// are secret.
type secret [2]uint64

func newSecret(seed uint64) (s secret) {
	for i := range s {
		seed += 0x9e3779b97f4a7c15 // SplitMix64, as far as its steps go
		s[i] = mix(seed, 0x5851f42d4c957f2d) | 1
	}
	return s
}

// hash is the place of a key in its database's order.
func (s *secret) hash(key []byte) uint64 {
	var a, b uint64
	seed, n := s[1], len(key)
	switch {
	case n > 16:
		rest := key
		for ; len(rest) > 16; rest = rest[16:] {
			seed = fold(binary.LittleEndian.Uint64(rest)^s[0], binary.LittleEndian.Uint64(rest[8:])^seed)
		}
		a, b = binary.LittleEndian.Uint64(key[n-16:]), binary.LittleEndian.Uint64(key[n-8:])
	case n >= 8:
		a, b = binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[n-8:])
	case n >= 4:
		a, b = uint64(binary.LittleEndian.Uint32(key)), uint64(binary.LittleEndian.Uint32(key[n-4:]))
	case n > 0:
		a = uint64(key[0])<<16 | uint64(key[n>>1])<<8 | uint64(key[n-1])
	}
	return fold(s[0]^uint64(n), fold(a^s[0], b^seed))
}

// fold multiplies and joins both halves of the product.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// Hasher hashes keys as the states that were given the same seed do, for those who look
// for keys in the order of a database without a state at hand, or keep indexes. What it
// gives must be shown to nobody. Any goroutine may use it.
type Hasher struct{ secret secret }

// NewHasher makes the hasher of a seed.
func NewHasher(seed uint64) *Hasher { return &Hasher{newSecret(seed)} }

// Hash is the place of a key in its database's order.
func (h *Hasher) Hash(key []byte) uint64 { return h.secret.hash(key) }
