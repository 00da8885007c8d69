package state

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// rankedMember is a member of the naive ranking that a tree is compared with: a slice.
type rankedMember struct {
	score float64
	name  string
	r     ref
}

func compareRanked(a, b rankedMember) int {
	return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.name, b.name))
}

// record makes a record for a member, which the tree needs to know its name and, where it
// removes many, its score.
func (d *database) record(name string, score float64) ref {
	e := entry{typ: fieldType, key: []byte(name), payload: ScoreItem(score)}
	class, key, payload, head := e.shape()
	r := d.mem.alloc(class)
	e.write(d.mem.at(r), class, key, payload, head)
	return r
}

// check compares the tree with the slice, in every way of asking.
func (k *ranking) check(t interface{ Fatalf(string, ...any) }, want []rankedMember) {
	if k.n != len(want) || k.root.count() != k.n {
		t.Fatalf("%d members, counted %d, want %d", k.n, k.root.count(), len(want))
	}
	l, i := (*leaf)(nil), 0
	for place, w := range want {
		if l == nil || i == l.n {
			at, j := k.at(place)
			if j != 0 || l != nil && (l.next != at || at.prev != l) {
				t.Fatalf("place %d: the leaf's neighbours are wrong", place)
			}
			l, i = at, 0
		}
		if score, at := l.scores[i], l.refs[i]; score != w.score || string(k.d.key(at)) != w.name || at != w.r {
			t.Fatalf("place %d is %v %q, want %v %q", place, score, k.d.key(at), w.score, w.name)
		}
		i++
		if got := k.placeOf(w.score, []byte(w.name)); got != place {
			t.Fatalf("%q is at %d, want %d", w.name, got, place)
		}
	}
	if l != nil && l.next != nil {
		t.Fatalf("there is a leaf behind the last")
	}
	k.root.check(t, k)
}

// check: what a node says of its children is true.
func (n *node) check(t interface{ Fatalf(string, ...any) }, k *ranking) {
	for i := range n.n {
		first := ranked{n.scores[i], n.refs[i]}
		if l := n.leaves[i]; l != nil {
			if n.counts[i] != l.n || l.n > 0 && first != l.first() || l.n == 0 && k.n > 0 {
				t.Fatalf("a leaf of %d is said to have %d", l.n, n.counts[i])
			}
			continue
		}
		if below := n.nodes[i]; n.counts[i] != below.count() || first != below.first() || below.n == 0 {
			t.Fatalf("a node of %d is said to have %d", below.count(), n.counts[i])
		}
		n.nodes[i].check(t, k)
	}
}

// TestRanking: random members come, go and move, one by one or in crowds.
func TestRanking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New(0).dbs[0]
		k := newRanking(d)
		var all []rankedMember
		names := 0
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			n := rapid.SampledFrom([]int{1, 10, 100, 3000}).Draw(t, "crowd")
			spread := rapid.SampledFrom([]int{1, 5, 1 << 30}).Draw(t, "scores")
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0, 1:
				ascending := rapid.Bool().Draw(t, "ascending")
				for i := range n {
					m := rankedMember{score: float64(rng.IntN(spread)), name: fmt.Sprint("m", rng.IntN(1000), ":", names)}
					if ascending {
						m.score = 1e12 + float64(names) + float64(i)
					}
					names++
					m.r = d.record(m.name, m.score)
					at, _ := slices.BinarySearchFunc(all, m, compareRanked)
					all = slices.Insert(all, at, m)
					k.insert(m.score, []byte(m.name), m.r)
				}
			case 2:
				from := rng.IntN(len(all) + 1)
				to := min(len(all), from+n)
				for _, m := range all[from:to] {
					k.remove(m.score, []byte(m.name))
				}
				all = slices.Delete(all, from, to)
			case 3: // those of a range at once, by their places
				from := rng.IntN(len(all) + 1)
				to := min(len(all), from+n)
				if from < to {
					k.removeRange(from, to-from)
				}
				all = slices.Delete(all, from, to)
			case 4: // those of some ranges at once, by their records, of which some come twice
				var refs []ref
				for range rng.IntN(4) {
					from := rng.IntN(len(all) + 1)
					for _, m := range all[from:min(len(all), from+n)] {
						refs = append(refs, m.r)
					}
				}
				if rng.IntN(2) > 0 {
					rng.Shuffle(len(refs), func(i, j int) { refs[i], refs[j] = refs[j], refs[i] })
				}
				k.removeAll(refs)
				gone := map[ref]bool{}
				for _, r := range refs {
					gone[r] = true
				}
				all = slices.DeleteFunc(all, func(m rankedMember) bool { return gone[m.r] })
			case 5:
				for range min(n, len(all)) {
					m := &all[rng.IntN(len(all))]
					to := d.record(m.name, m.score)
					k.moved(m.score, []byte(m.name), m.r, to)
					b := d.mem.at(m.r)
					clear(b[:8]) // nobody may look there any more
					m.r = to
				}
			}
			k.check(t, all)
		}
	})
}

// TestRankingIsDense: members that come in order fill the leaves, those that come in any
// order two thirds of them, and what is left after deletions does not lie alone in many.
func TestRankingIsDense(t *testing.T) {
	const n = 100_000
	d := New(0).dbs[0]
	refs := make([]ref, n)
	for i := range refs {
		refs[i] = d.record(fmt.Sprintf("%06d", i), float64(i/3))
	}
	leaves := func(k *ranking) (n int) {
		for l, _ := k.at(0); l != nil; l = l.next {
			n++
		}
		return n
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, x := range []struct {
		name string
		at   func(i int) int
		fill float64
	}{
		{"ascending", func(i int) int { return i }, 0.99},
		{"descending", func(i int) int { return n - 1 - i }, 0.99},
		{"at random", func() func(i int) int { p := rng.Perm(n); return func(i int) int { return p[i] } }(), 0.65},
	} {
		k := newRanking(d)
		for i := range n {
			at := x.at(i)
			k.insert(float64(at/3), d.key(refs[at]), refs[at])
		}
		if fill := float64(n) / float64(leaves(k)*leafRoom); fill < x.fill {
			t.Errorf("%s: leaves are %.2f full", x.name, fill)
		}
		for i := range n {
			if i%50 > 0 {
				k.remove(float64(i/3), d.key(refs[i]))
			}
		}
		if fill := float64(k.n) / float64(leaves(k)*leafRoom); fill < 0.35 {
			t.Errorf("%s: after deletions leaves are %.2f full", x.name, fill)
		}
	}
}

// TestRankingByScore seeks by score alone, from one infinity to the other.
func TestRankingByScore(t *testing.T) {
	d := New(0).dbs[0]
	k := newRanking(d)
	for i, score := range []float64{math.Inf(-1), -5, -5, 0, math.Copysign(0, -1), 7, 7, 7, math.Inf(1)} {
		name := fmt.Sprint(i)
		k.insert(score, []byte(name), d.record(name, score))
	}
	for _, x := range []struct {
		score       float64
		below, upTo int
	}{{math.Inf(-1), 0, 1}, {-5, 1, 3}, {0, 3, 5}, {1, 5, 5}, {7, 5, 8}, {math.Inf(1), 8, 9}} {
		below := k.seek(func(r ranked) bool { return r.score < x.score })
		upTo := k.seek(func(r ranked) bool { return r.score <= x.score })
		if below != x.below || upTo != x.upTo {
			t.Errorf("%v: %d below, %d up to it, want %d and %d", x.score, below, upTo, x.below, x.upTo)
		}
	}
	if l, i := k.at(4); !bytes.Equal(d.key(l.refs[i]), []byte("4")) {
		t.Errorf("zero and minus zero are not the same score: %q", d.key(l.refs[i]))
	}
}

func BenchmarkRanking(b *testing.B) {
	const n = 1 << 20
	d := New(0).dbs[0]
	k := newRanking(d)
	rng := rand.New(rand.NewPCG(1, 2))
	scores, refs := make([]float64, n), make([]ref, n)
	for i := range n {
		scores[i] = float64(rng.IntN(1e6))
		refs[i] = d.record(fmt.Sprintf("element:%012d", i), scores[i])
		k.insert(scores[i], d.key(refs[i]), refs[i])
	}
	b.Run("move", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			i := rng.IntN(n)
			k.remove(scores[i], d.key(refs[i]))
			scores[i] = float64(rng.IntN(1e6))
			k.insert(scores[i], d.key(refs[i]), refs[i])
		}
	})
	b.Run("rank", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			i := rng.IntN(n)
			k.placeOf(scores[i], d.key(refs[i]))
		}
	})
}
