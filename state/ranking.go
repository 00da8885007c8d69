package state

import (
	"bytes"
	"sort"
)

// ranking is the members of a large sorted set in order: by score, and by their bytes
// where scores are the same. It is a B+ tree that counts, so a member is found by its
// score or by its place, and its place by its score, in O(log n).
//
//	node   some children, and of each its first member and how many it has
//	leaf   some members: their scores, and where their records are
//
// A search looks at scores, which lie side by side, and at as few records as it can.
// Leaves have no pointers but to their neighbours, so the collector has little to do
// with them. Two neighbours below one node are never so empty that they could be one.
type ranking struct {
	d    *database
	root *node
	n    int
}

const (
	leafRoom = 62 // members of a leaf, which so is 1 KiB, as Go hands memory out
	nodeRoom = 32 // children of a node
)

// ranked is a member of a ranking.
type ranked struct {
	score float64 // never NaN
	r     ref     // of its record
}

type leaf struct {
	next, prev *leaf
	n          int
	scores     [leafRoom]float64
	refs       [leafRoom]ref
}

// node has leaves below it, or nodes; of each the first n are used.
type node struct {
	n      int
	scores [nodeRoom]float64 // of the first member of each child
	refs   [nodeRoom]ref
	counts [nodeRoom]int // of the members of each child
	leaves [nodeRoom]*leaf
	nodes  [nodeRoom]*node
}

// child is one of a node's.
type child struct {
	first ranked
	count int
	leaf  *leaf
	node  *node
}

func newRanking(d *database) *ranking {
	root := &node{n: 1}
	root.leaves[0] = &leaf{}
	return &ranking{d: d, root: root}
}

// insert adds a member, which must not be there, whose record is at r.
func (k *ranking) insert(score float64, member []byte, r ref) {
	k.n++
	if right := k.root.insert(k, ranked{score, r}, member); right.count > 0 {
		left := child{first: k.root.first(), count: k.n - right.count, node: k.root}
		k.root = &node{}
		k.root.put(0, left)
		k.root.put(1, right)
	}
}

// remove takes a member out, which must be there, with its score.
func (k *ranking) remove(score float64, member []byte) {
	k.root.remove(k, score, member)
	k.fell(1)
}

// removeAll takes the members out whose records are at refs. One that comes twice is taken
// out once. Those that follow one another in the ranking, too, go together.
func (k *ranking) removeAll(refs []ref) {
	for len(refs) > 0 {
		e := k.d.load(refs[0])
		place := k.placeOf(scoreOf(e.payload), e.key)
		n := k.inRow(place, refs)
		if n > 0 {
			k.removeRange(place, n)
		}
		refs = refs[max(n, 1):]
	}
}

// inRow is how many of refs, from the first on, are those of the members from a place on.
func (k *ranking) inRow(place int, refs []ref) (n int) {
	if place >= k.n {
		return 0
	}
	for l, i := k.at(place); l != nil; l, i = l.next, 0 {
		for _, r := range l.refs[i:l.n] {
			if n == len(refs) || r != refs[n] {
				return n
			}
			n++
		}
	}
	return n
}

// removeRange takes out so many members from a place on, which must be there. It looks at
// no record, and of the leaves that go whole at the first and the last alone.
func (k *ranking) removeRange(place, count int) {
	if count < k.n {
		k.root.removeRange(place, count)
	}
	k.fell(count)
}

// fell notes that so many members are gone: the tree may be lower.
func (k *ranking) fell(count int) {
	if k.n -= count; k.n == 0 {
		*k = *newRanking(k.d)
	}
	for k.root.n == 1 && k.root.nodes[0] != nil {
		k.root = k.root.nodes[0]
	}
}

// moved says that a member's record lies elsewhere now.
func (k *ranking) moved(score float64, member []byte, old, to ref) {
	n := k.root
	for {
		i := n.childOf(k, score, member)
		if n.refs[i] == old {
			n.refs[i] = to
		}
		if l := n.leaves[i]; l != nil {
			l.refs[l.place(k, score, member)] = to
			return
		}
		n = n.nodes[i]
	}
}

// seek counts the members for which before is true: those come first in the order.
func (k *ranking) seek(before func(x ranked) bool) (place int) {
	for n := k.root; k.n > 0; {
		i := sort.Search(n.n, func(i int) bool { return !before(ranked{n.scores[i], n.refs[i]}) }) - 1
		if i < 0 {
			break
		}
		for _, count := range n.counts[:i] {
			place += count
		}
		if l := n.leaves[i]; l != nil {
			return place + sort.Search(l.n, func(i int) bool { return !before(ranked{l.scores[i], l.refs[i]}) })
		}
		n = n.nodes[i]
	}
	return place
}

// placeOf is how many members come before one, which need not be there.
func (k *ranking) placeOf(score float64, member []byte) (place int) {
	n := k.root
	for {
		i := n.childOf(k, score, member)
		for _, count := range n.counts[:i] {
			place += count
		}
		if l := n.leaves[i]; l != nil {
			return place + l.place(k, score, member)
		}
		n = n.nodes[i]
	}
}

// at is the leaf that has the member at a place below k.n, and where in it.
func (k *ranking) at(place int) (l *leaf, i int) {
	n := k.root
	for {
		c := 0
		for place >= n.counts[c] {
			place -= n.counts[c]
			c++
		}
		if l := n.leaves[c]; l != nil {
			return l, place
		}
		n = n.nodes[c]
	}
}

// recordsAhead is how many records are on their way to who goes from one place to the next.
const recordsAhead = 12

// prefetch asks for the record of a member of a leaf, or of a neighbour's whose places go
// on from the leaf's.
func (k *ranking) prefetch(l *leaf, i int) {
	switch {
	case i < 0 && l.prev != nil:
		i, l = i+l.prev.n, l.prev
	case i >= l.n && l.next != nil:
		i, l = i-l.n, l.next
	}
	if 0 <= i && i < l.n {
		k.d.prefetch(l.refs[i])
	}
}

// search is how many of some members in order come before one.
func (k *ranking) search(scores []float64, refs []ref, score float64, member []byte) int {
	low, high := 0, len(scores)
	for low < high {
		if mid := int(uint(low+high) >> 1); scores[mid] < score {
			low = mid + 1
		} else {
			high = mid
		}
	}
	same := low
	for high = len(scores); same < high; {
		if mid := int(uint(same+high) >> 1); scores[mid] == score {
			same = mid + 1
		} else {
			high = mid
		}
	}
	for low < same {
		if mid := int(uint(low+same) >> 1); bytes.Compare(k.d.key(refs[mid]), member) < 0 {
			low = mid + 1
		} else {
			same = mid
		}
	}
	return low
}

// place is where in a leaf a member is, or belongs.
func (l *leaf) place(k *ranking, score float64, member []byte) int {
	return k.search(l.scores[:l.n], l.refs[:l.n], score, member)
}

// childOf is the child that a member is in, or belongs to.
func (n *node) childOf(k *ranking, score float64, member []byte) int {
	i := k.search(n.scores[:n.n], n.refs[:n.n], score, member)
	if i < n.n && n.scores[i] == score && string(k.d.key(n.refs[i])) == string(member) {
		return i
	}
	return max(i-1, 0)
}

// insert adds a member. right is what did not find room, with no member if all did.
func (n *node) insert(k *ranking, x ranked, member []byte) (right child) {
	i := n.childOf(k, x.score, member)
	if l := n.leaves[i]; l != nil {
		right = l.insert(x, l.place(k, x.score, member))
	} else {
		right = n.nodes[i].insert(k, x, member)
	}
	n.counts[i] += 1 - right.count
	n.refresh(i)
	if right.count == 0 {
		return child{}
	}
	return n.add(i+1, right)
}

// insert puts a member at a place. A leaf that is full is halved; the last one stays as
// it is when the member belongs behind it, so that members that come in order fill all,
// and so does the first one when it belongs before it: a dump has the greatest first.
func (l *leaf) insert(x ranked, at int) (right child) {
	to, r := l, (*leaf)(nil)
	if l.n == leafRoom {
		half := leafRoom / 2
		switch {
		case l.next == nil && at == leafRoom:
			half = leafRoom
		case l.prev == nil && at == 0:
			half = 0
		}
		r = &leaf{next: l.next, prev: l}
		r.take(l, half)
		if l.next != nil {
			l.next.prev = r
		}
		l.next, l.n = r, half
		if at > half || half == leafRoom {
			to, at = r, at-half
		}
	}
	copy(to.scores[at+1:], to.scores[at:to.n])
	copy(to.refs[at+1:], to.refs[at:to.n])
	to.scores[at], to.refs[at] = x.score, x.r
	to.n++
	if r == nil {
		return child{}
	}
	return child{first: r.first(), count: r.n, leaf: r}
}

// take copies what another leaf has from a place on behind what this one has.
func (l *leaf) take(from *leaf, at int) {
	copy(l.scores[l.n:], from.scores[at:from.n])
	l.n += copy(l.refs[l.n:], from.refs[at:from.n])
}

// cut takes out so many from a place on.
func (l *leaf) cut(at, count int) {
	copy(l.scores[at:], l.scores[at+count:l.n])
	copy(l.refs[at:], l.refs[at+count:l.n])
	l.n -= count
}

func (l *leaf) first() ranked { return ranked{l.scores[0], l.refs[0]} }

// unlink takes leaves, from this one to the last, from between their neighbours.
func (l *leaf) unlink(last *leaf) {
	if l.prev != nil {
		l.prev.next = last.next
	}
	if last.next != nil {
		last.next.prev = l.prev
	}
}

func (n *node) first() ranked { return ranked{n.scores[0], n.refs[0]} }

// refresh brings what n knows of a child's first member up to date.
func (n *node) refresh(i int) {
	var x ranked
	if l := n.leaves[i]; l != nil {
		x = l.first()
	} else {
		x = n.nodes[i].first()
	}
	n.scores[i], n.refs[i] = x.score, x.r
}

// add puts a child at a place. right is what did not find room.
func (n *node) add(at int, c child) (right child) {
	if n.n < nodeRoom {
		n.put(at, c)
		return child{}
	}
	half := nodeRoom / 2
	if at == nodeRoom {
		half = nodeRoom // members come in order, see leaf.insert
	}
	r := &node{}
	r.take(n, half)
	for n.n > half {
		n.drop(n.n - 1)
	}
	if at > half || half == nodeRoom {
		r.put(at-half, c)
	} else {
		n.put(at, c)
	}
	return child{first: r.first(), count: r.count(), node: r}
}

// put makes room for a child at a place.
func (n *node) put(at int, c child) {
	copy(n.scores[at+1:], n.scores[at:n.n])
	copy(n.refs[at+1:], n.refs[at:n.n])
	copy(n.counts[at+1:], n.counts[at:n.n])
	copy(n.leaves[at+1:], n.leaves[at:n.n])
	copy(n.nodes[at+1:], n.nodes[at:n.n])
	n.scores[at], n.refs[at], n.counts[at], n.leaves[at], n.nodes[at] = c.first.score, c.first.r, c.count, c.leaf, c.node
	n.n++
}

// drop forgets a child.
func (n *node) drop(at int) {
	copy(n.scores[at:], n.scores[at+1:n.n])
	copy(n.refs[at:], n.refs[at+1:n.n])
	copy(n.counts[at:], n.counts[at+1:n.n])
	copy(n.leaves[at:], n.leaves[at+1:n.n])
	copy(n.nodes[at:], n.nodes[at+1:n.n])
	n.n--
	n.leaves[n.n], n.nodes[n.n] = nil, nil
}

// take copies what another node has from a place on behind what this one has.
func (n *node) take(from *node, at int) {
	copy(n.scores[n.n:], from.scores[at:from.n])
	copy(n.refs[n.n:], from.refs[at:from.n])
	copy(n.counts[n.n:], from.counts[at:from.n])
	copy(n.leaves[n.n:], from.leaves[at:from.n])
	n.n += copy(n.nodes[n.n:], from.nodes[at:from.n])
}

// count is the number of members below a node.
func (n *node) count() (members int) {
	for _, count := range n.counts[:n.n] {
		members += count
	}
	return members
}

// remove takes out a member below a node. It is removeRange without a count of those before it.
func (n *node) remove(k *ranking, score float64, member []byte) {
	i := n.childOf(k, score, member)
	n.counts[i]--
	l := n.leaves[i]
	if l != nil {
		l.cut(l.place(k, score, member), 1)
	} else {
		n.nodes[i].remove(k, score, member)
	}
	if n.counts[i] == 0 {
		if l != nil {
			l.unlink(l)
		}
		n.drop(i)
		return
	}
	n.refresh(i)
	n.join(i)
	n.join(i - 1)
}

// removeRange takes out some of the members below a node, not all.
func (n *node) removeRange(place, count int) {
	at := 0
	for ; place >= n.counts[at]; at++ {
		place -= n.counts[at]
	}
	for i := at; count > 0; place = 0 {
		some := min(count, n.counts[i]-place)
		count -= some
		if some == n.counts[i] {
			n.unlink(i)
			n.drop(i)
			continue
		}
		if l := n.leaves[i]; l != nil {
			l.cut(place, some)
		} else {
			n.nodes[i].removeRange(place, some)
		}
		n.counts[i] -= some
		n.refresh(i)
		i++
	}
	for i := at + 1; i >= at-1; i-- { // what the first and the last of them have left
		n.join(i)
	}
}

// unlink takes the leaves of a child from between their neighbours.
func (n *node) unlink(i int) {
	first, last := n.leaves[i], n.leaves[i]
	for l, r := n.nodes[i], n.nodes[i]; first == nil; l, r = l.nodes[0], r.nodes[r.n-1] {
		first, last = l.leaves[0], r.leaves[r.n-1]
	}
	first.unlink(last)
}

// join makes one of child i and the next, if there are both and together they leave a
// quarter of one free.
func (n *node) join(i int) {
	if i < 0 || i+1 >= n.n {
		return
	}
	if l, r := n.leaves[i], n.leaves[i+1]; l != nil {
		if l.n+r.n > leafRoom*3/4 {
			return
		}
		l.take(r, 0)
		r.unlink(r)
	} else {
		l, r := n.nodes[i], n.nodes[i+1]
		if l.n+r.n > nodeRoom*3/4 {
			return
		}
		seam := l.n
		l.take(r, 0)
		l.join(seam - 1)
	}
	n.counts[i] += n.counts[i+1]
	n.drop(i + 1)
}
