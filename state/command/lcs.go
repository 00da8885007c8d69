package command

import "math/bits"

// How to read this file: lcsCommand is the command; lcsTable the algorithm,
// the textbook's dynamic programming over all pairs of prefixes; walk goes back
// through the table and finds the ranges. What Redis answers depends on which
// of several longest subsequences is found, so the walk breaks ties as Redis
// does: towards a shorter second string.

func lcsSpec() *Spec {
	return &Spec{
		Name: "lcs", Arity: -3, Flags: ReadOnly, Keys: []Keys{{1, 2, 1, "RO ACCESS"}},
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
// longest common subsequence of a[:i] and b[:j]. Of its numbers only the last
// row is needed while it is made; the walk back needs but one bit of each cell:
// whether L[i-1,j] is larger than L[i,j-1].
type lcsTable struct {
	a, b   []byte
	length int
	up     []uint64 // bit (i-1)*len(b) + j-1; nil if only the length is wanted
}

func newLCSTable(a, b []byte, walkable bool) *lcsTable {
	t := &lcsTable{a: a, b: b}
	if walkable {
		t.up = make([]uint64, (len(a)*len(b)+63)/64)
	}
	row := make([]int32, len(b)+1) // L[i-1,·], becoming L[i,·] from the left
	for i := range a {
		diagonal := int32(0) // L[i-1,j-1]
		for j := range b {
			above, left := row[j+1], row[j]
			switch {
			case a[i] == b[j]:
				row[j+1] = diagonal + 1
			case above > left:
				if walkable {
					bit := i*len(b) + j
					t.up[bit/64] |= 1 << (bit % 64)
				}
			default:
				row[j+1] = left
			}
			diagonal = above
		}
	}
	t.length = int(row[len(b)])
	return t
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
