package state

import (
	"bytes"
	"cmp"
	"slices"
)

// mapKeyspace is the naive keyspace: a Go map, sorted when its order is asked for.
type mapKeyspace struct {
	d    *database
	refs map[string]ref
}

func (k *mapKeyspace) find(_ uint64, key []byte) ref            { return k.refs[string(key)] }
func (k *mapKeyspace) insert(_ uint64, r ref)                   { k.refs[string(k.d.key(r))] = r }
func (k *mapKeyspace) remove(_ uint64, r ref)                   { delete(k.refs, string(k.d.key(r))) }
func (k *mapKeyspace) replace(_ uint64, _ ref, r ref)           { k.refs[string(k.d.key(r))] = r }
func (k *mapKeyspace) count() int                               { return len(k.refs) }
func (k *mapKeyspace) expect(int)                               {}
func (k *mapKeyspace) touch([]uint64)                           {}
func (k *mapKeyspace) skip(place int) (cursor uint64, left int) { return 0, place }

func (k *mapKeyspace) sorted() []ref {
	var all []ref
	for _, r := range k.refs {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b ref) int {
		x, y := k.d.key(a), k.d.key(b)
		return cmp.Or(cmp.Compare(k.d.secret.hash(x), k.d.secret.hash(y)), bytes.Compare(x, y))
	})
	return all
}

// random is index.random, told from the keys.
func (k *mapKeyspace) random(rnd func() uint64) ref {
	depth := groupDepth(len(k.refs))
	next := rnd()
	for {
		r := next
		next = rnd()
		var group []ref
		for _, at := range k.sorted() {
			if k.d.secret.hash(k.d.key(at))>>(64-depth) == r>>(64-depth) {
				group = append(group, at)
			}
		}
		places := fair
		if depth == 0 {
			places = len(k.refs)
		}
		if place := int(uint32(r)) % max(places, len(group)); place < len(group) {
			return group[place]
		}
	}
}

func (k *mapKeyspace) scan(cursor uint64, n int, visit func(r ref) bool) (next uint64) {
	last := uint64(0)
	for _, r := range k.sorted() {
		tag := k.d.secret.hash(k.d.key(r))>>refBits + 1
		if tag <= cursor {
			continue
		}
		if n <= 0 && tag != last {
			return last
		}
		n, last = n-1, tag
		if !visit(r) {
			return last
		}
	}
	return 0
}

// naive is a state whose keyspaces are Go maps.
func naive() *State {
	s := New(0)
	s.keyspace = func(d *database) keyspace { return &mapKeyspace{d, map[string]ref{}} }
	for i := range s.dbs {
		s.dbs[i] = s.newDatabase()
	}
	return s
}
