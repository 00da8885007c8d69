package command

import (
	"bytes"
	"slices"
)

func geoaddCommand(c *Call) {
	var a geoAddition
	first, ok := a.options(c)
	if !ok {
		return
	}
	scores := make([]float64, 0, 8) // on the stack
	for i := first; i < len(c.Args); i += 3 {
		at, ok := c.place(i)
		if !ok {
			return
		}
		scores = append(scores, geoScore(at))
	}
	z, ok := c.zset()
	if !ok {
		return
	}
	members := make([][]byte, 0, 8)
	for i, score := range scores {
		member := c.Args[first+2+3*i]
		old, there := z.Score(member)
		at := a.find(members, member)
		if at >= 0 {
			old, there = scores[at], true
		}
		if !a.changes(score, old, there) {
			continue
		}
		if at < 0 {
			at = len(members)
			members = append(members, member)
		}
		scores[at] = score // which has been read, for at is at most i
	}
	if len(members) > 0 {
		c.Events.ZSetAdd(c.Args[1], scores[:len(members)], members)
		c.Tell() // the scores are places rounded
	}
	if a.ch {
		a.added += a.updated
	}
	c.Out.Int(int64(a.added))
}

// geoAddition is how members are added.
type geoAddition struct {
	nx, xx, ch     bool
	added, updated int

	at map[string]int // the members that have changed, and which of them each is, once they are many
}

// options reads the words before the first place, and gives where that is; after an error
// it is answered.
func (a *geoAddition) options(c *Call) (first int, ok bool) {
	for first = 2; first < len(c.Args) && a.option(c, first); first++ {
	}
	if n := len(c.Args) - first; n == 0 || n%3 != 0 || a.nx && a.xx {
		c.Out.Error(TextSyntax)
		return 0, false
	}
	return first, true
}

// option reads a word; false if it is none, and so a place begins.
func (a *geoAddition) option(c *Call, i int) bool {
	switch {
	case c.Is(i, "NX"):
		a.nx = true
	case c.Is(i, "XX"):
		a.xx = true
	case c.Is(i, "CH"):
		a.ch = true
	default:
		return false
	}
	return true
}

// changes reports whether a member gets a score, and counts it. There is an old one if it
// was there before, or came earlier in the command.
func (a *geoAddition) changes(score, old float64, there bool) bool {
	switch {
	case there && (a.nx || score == old), !there && a.xx:
		return false
	case there:
		a.updated++
	default:
		a.added++
	}
	return true
}

// find is which of those that have changed a member is, -1 if it is none.
func (a *geoAddition) find(changed [][]byte, member []byte) int {
	const few = 16
	if len(changed) <= few {
		return slices.IndexFunc(changed, func(m []byte) bool { return bytes.Equal(m, member) })
	}
	if a.at == nil {
		a.at = make(map[string]int, 2*few)
	}
	for i := len(a.at); i < len(changed); i++ {
		a.at[string(changed[i])] = i
	}
	if i, ok := a.at[string(member)]; ok {
		return i
	}
	return -1
}
