package command

import "math/bits"

// How to read this file: lcsCommand is the command; lcsTable the algorithm,
// the textbook's dynamic programming over all pairs of prefixes; walk goes back
// through the table and finds the ranges. What Redis answers depends on which
// of several longest subsequences is found, so the walk breaks ties as Redis
// does: towards a shorter second string.

func lcsSpec() *Spec {
	return &Spec{
		Name: "lcs", Arity: -3, Flags: ReadOnly, Keys: []Keys{keysAt(1, 2, 1, "RO ACCESS")},
		Categories: "string", Since: "7.0.0", Group: "string",
		Complexity: "O(N*M) where N and M are the lengths of the two strings.",
		Summary:    "Finds the longest common subsequence of two strings: its bytes, its length, or where it lies in both.",
		Args: []Arg{
			{Name: "key1", Type: "key"},
			{Name: "key2", Type: "key"},
			{Name: "len", Type: "pure-token", Token: "LEN", Flags: "optional"},
			{Name: "idx", Type: "pure-token", Token: "IDX", Flags: "optional"},
			{Name: "min-match-len", Type: "integer", Token: "MINMATCHLEN", Flags: "optional"},
			{Name: "withmatchlen", Type: "pure-token", Token: "WITHMATCHLEN", Flags: "optional"},
		},
		Decide: lcsCommand,
	}
}

// lcsOptions are the options of LCS.
type lcsOptions struct {
	length, indexes, matchLen bool
	minMatch                  int64 // ranges shorter than that are left out
}

func (o *lcsOptions) parse(c *Call) bool {
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "IDX"):
			o.indexes = true
		case c.Is(i, "LEN"):
			o.length = true
		case c.Is(i, "WITHMATCHLEN"):
			o.matchLen = true
		case c.Is(i, "MINMATCHLEN") && i+1 < len(c.Args):
			i++
			n, ok := c.Int(i)
			if !ok {
				return false
			}
			o.minMatch = max(0, n)
		default:
			c.Out.Error(TextSyntax)
			return false
		}
	}
	if o.indexes && o.length {
		c.Out.Error("ERR If you want both the length and indexes, please just use IDX.")
		return false
	}
	return true
}

// lcsCommand checks types before options, in Redis' order.
func lcsCommand(c *Call) {
	a, _, errA := c.View.String(c.Args[1])
	b, _, errB := c.View.String(c.Args[2])
	if errA != nil || errB != nil {
		c.Out.Error("ERR The specified keys must contain string values")
		return
	}
	var o lcsOptions
	if !o.parse(c) {
		return
	}
	// Redis' table has four bytes for each pair of prefixes; the limit is kept
	// though this one takes a thirty-second of that, since it also bounds the
	// time that a command may take.
	if hi, cells := bits.Mul64(uint64(len(a)+1), uint64(len(b)+1)); hi != 0 || cells > MaxString/4 {
		c.Out.Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
		return
	}
	t := newLCSTable(a, b, !o.length)
	switch {
	case o.indexes:
		o.replyIndexes(c, t)
	case o.length:
		c.Out.Int(int64(t.length))
	default:
		c.Out.Bulk(t.subsequence())
	}
}

// replyIndexes answers the ranges, from the last to the first.
func (o *lcsOptions) replyIndexes(c *Call, t *lcsTable) {
	var matches []lcsMatch
	for _, m := range t.matches() {
		if int64(m.n) >= o.minMatch {
			matches = append(matches, m)
		}
	}
	c.Out.Map(2)
	c.Out.BulkString("matches")
	c.Out.Array(len(matches))
	for _, m := range matches {
		if o.matchLen {
			c.Out.Array(3)
		} else {
			c.Out.Array(2)
		}
		for _, start := range [...]int{m.a, m.b} {
			c.Out.Array(2)
			c.Out.Int(int64(start))
			c.Out.Int(int64(start + m.n - 1))
		}
		if o.matchLen {
			c.Out.Int(int64(m.n))
		}
	}
	c.Out.BulkString("len")
	c.Out.Int(int64(t.length))
}

// lcsTable is what is kept of the table L, where L[i,j] is the length of the
// longest common subsequence of a[:i] and b[:j]: one bit of each cell, whether
// L[i,j] is larger than its left neighbour L[i,j-1]. That is enough to walk
// back. Where a[i] and b[j] differ, L[i,j] is the larger one of the neighbours
// above and to the left; so if it is larger than the left one, the way that
// Redis goes is up, and otherwise left.
//
// Cell by cell the largest table that is allowed, 134 million cells, took a
// quarter of a second, in which nobody else was answered. A row depends on the
// one above by an addition with carry, 64 cells at a time (Crochemore, Iliopoulos,
// Pinzon and Reid, A fast and practical bit-vector algorithm for the longest common
// subsequence problem, 2001), which takes milliseconds.
type lcsTable struct {
	a, b   []byte
	length int
	up     []uint64 // bit i*len(b)+j, counted from 0; nil if only the length is wanted
}

func newLCSTable(a, b []byte, walkable bool) *lcsTable {
	t := &lcsTable{a: a, b: b}
	if walkable {
		t.up = make([]uint64, (len(a)*len(b)+63)/64)
	}
	flat := make([]uint64, (len(b)+63)/64) // of a row: the bits of t.up, inverted
	for k := range flat {
		flat[k] = ^uint64(0)
	}
	places := placesOf(a, b)
	for i, c := range a {
		carry := uint64(0)
		for k, same := range places[c] {
			v := flat[k]
			var sum uint64
			sum, carry = bits.Add64(v, v&same, carry)
			flat[k] = sum | v&^same
		}
		if walkable {
			t.keep(i*len(b), flat)
		}
	}
	for _, v := range flat {
		t.length += bits.OnesCount64(^v) // what is beyond len(b) stays 1
	}
	return t
}

// placesOf gives, for each byte that is in a, the places where it is in b.
func placesOf(a, b []byte) (places [256][]uint64) {
	for _, c := range a {
		if places[c] == nil {
			places[c] = make([]uint64, (len(b)+63)/64)
		}
	}
	for j, c := range b {
		if at := places[c]; at != nil {
			at[j/64] |= 1 << (j % 64)
		}
	}
	return places
}

// keep stores a row at a bit of t.up.
func (t *lcsTable) keep(at int, flat []uint64) {
	for k, v := range flat {
		v = ^v
		if v == 0 {
			continue
		}
		bit := at + 64*k
		t.up[bit/64] |= v << (bit % 64)
		if high := v >> 1 >> (63 - bit%64); high != 0 {
			t.up[bit/64+1] |= high
		}
	}
}

// walk calls match for each pair of bytes of the subsequence, from the last to
// the first.
func (t *lcsTable) walk(match func(i, j int)) {
	i, j := len(t.a)-1, len(t.b)-1
	for i >= 0 && j >= 0 {
		bit := i*len(t.b) + j
		switch {
		case t.a[i] == t.b[j]:
			match(i, j)
			i--
			j--
		case t.up[bit/64]>>(bit%64)&1 != 0:
			i--
		default:
			j--
		}
	}
}

// subsequence returns the bytes of the subsequence.
func (t *lcsTable) subsequence() []byte {
	p := make([]byte, t.length)
	at := t.length
	t.walk(func(i, _ int) {
		at--
		p[at] = t.a[i]
	})
	return p
}

// lcsMatch is a range of n bytes that lies at a in the one string and at b in
// the other.
type lcsMatch struct{ a, b, n int }

// matches returns the ranges of the subsequence, each as long as it can be,
// from the last to the first.
func (t *lcsTable) matches() []lcsMatch {
	var all []lcsMatch
	t.walk(func(i, j int) {
		if n := len(all); n > 0 && all[n-1].a == i+1 && all[n-1].b == j+1 {
			all[n-1].a, all[n-1].b = i, j
			all[n-1].n++
			return
		}
		all = append(all, lcsMatch{a: i, b: j, n: 1})
	})
	return all
}
