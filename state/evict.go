package state

import "slices"

// Policy says which key has to go when memory is full: the words of maxmemory-policy.
type Policy uint8

// The policies. Volatile ones take keys with an expiry only.
const (
	NoEviction     Policy = iota
	AllKeysLRU            // what was not touched for longest, about
	AllKeysLFU            // what is touched least often, about
	AllKeysRandom         // any
	VolatileLRU           //
	VolatileLFU           //
	VolatileRandom        //
	VolatileTTL           // what expires first
)

var policyWords = [...]string{
	"noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
}

// String is the word for it.
func (p Policy) String() string { return policyWords[p] }

// ParsePolicy is the policy of that name.
func ParsePolicy(word string) (p Policy, ok bool) {
	i := slices.Index(policyWords[:], word)
	return Policy(max(i, 0)), i >= 0
}

// Frequency reports whether the policy goes by how often keys are touched.
func (p Policy) Frequency() bool { return p == AllKeysLFU || p == VolatileLFU }

func (p Policy) volatile() bool { return p >= VolatileLRU }

// candidate is a key that was found to be worth less than others.
type candidate struct {
	db    int
	key   string
	worth uint32 // the less, the sooner it goes
}

// poolSize is how many of those found worth least are kept from one choice to the next, as
// in Redis: so a choice by few samples is nearly as good as one among all keys.
const poolSize = 16

// Victim chooses the key that a policy would rather lose than others: of as many samples
// in each database, and of those of the choices before. ok is false where there is none.
// The key is valid until the next Apply.
func (s *State) Victim(p Policy, samples int, rnd func() uint64) (db int, key []byte, ok bool) {
	switch p {
	case NoEviction:
		return 0, nil, false
	case VolatileTTL:
		return s.NextDue(never - 1)
	case AllKeysRandom, VolatileRandom:
		return s.anyKey(p, rnd)
	}
	const tries = 4 // where samples find nothing, chance may
	for range tries {
		for i, d := range s.dbs {
			for range min(samples, d.evictable(p)) {
				s.consider(i, d, d.draw(p, rnd))
			}
		}
		for len(s.pool) > 0 {
			c := s.pool[0]
			s.pool = slices.Delete(s.pool, 0, 1)
			d := s.dbs[c.db]
			r := d.keys.find(d.secret.hash([]byte(c.key)), []byte(c.key))
			if r == 0 || p.volatile() && expiryOf(d.mem.at(r)) == 0 || s.worth(d.mem.at(r)) > c.worth {
				continue // it is gone, stays for ever now, or was touched since
			}
			return c.db, d.key(r), true
		}
	}
	return s.anyKey(p, rnd)
}

// anyKey draws a key of all databases, each as likely as the others.
func (s *State) anyKey(p Policy, rnd func() uint64) (db int, key []byte, ok bool) {
	total := 0
	for _, d := range s.dbs {
		total += d.evictable(p)
	}
	if total == 0 {
		return 0, nil, false
	}
	place := int(rnd() % uint64(total))
	for db, d := range s.dbs {
		n := d.evictable(p)
		if place < n {
			return db, d.key(d.draw(p, rnd)), true
		}
		place -= n
	}
	return 0, nil, false
}

// evictable is how many keys a policy can choose among.
func (d *database) evictable(p Policy) int {
	if p.volatile() {
		return d.due.n
	}
	return d.keys.count()
}

// draw draws one of those.
func (d *database) draw(p Policy, rnd func() uint64) ref {
	if p.volatile() {
		return d.due.item(int(rnd() % uint64(d.due.n))).r
	}
	return d.keys.random(rnd)
}

// consider takes a key into the pool if it is worth less than one of those, or while
// there is room.
func (s *State) consider(db int, d *database, r ref) {
	worth := s.worth(d.mem.at(r))
	if len(s.pool) == poolSize && worth >= s.pool[poolSize-1].worth {
		return
	}
	key := d.key(r)
	for _, c := range s.pool {
		if c.db == db && c.key == string(key) {
			return
		}
	}
	at := 0
	for at < len(s.pool) && s.pool[at].worth <= worth {
		at++
	}
	if len(s.pool) == poolSize {
		s.pool = s.pool[:poolSize-1]
	}
	s.pool = slices.Insert(s.pool, at, candidate{db, string(key), worth})
}

// worth is what a record's key is worth: the counter of its accesses, or the less the
// longer it was not touched.
func (s *State) worth(b []byte) uint32 {
	if s.access.Frequency {
		return s.count(accessOf(b))
	}
	const always = 0x800001
	return always - s.idle(accessOf(b), always)
}
