package command

import (
	"math"

	"github.com/altilium-db/altilium/state"
)

func hrandfieldCommand(c *Call) {
	if len(c.Args) == 2 {
		if h, ok := c.hash(); ok && h.Len() == 0 {
			c.Out.Null()
		} else if ok {
			f, _ := h.Random(c.Rand)
			c.Out.Bulk(f)
		}
		return
	}
	count, ok := c.randomCount("WITHVALUES")
	if !ok {
		return
	}
	h, ok := c.hash()
	if !ok {
		return
	}
	switch {
	case h.Len() == 0 || count == 0:
		c.Out.Array(0)
	case count < -maxRandom:
		c.Out.Error(textTooManyRandom)
	case count < 0:
		limit := NewLimit(c.Out)
		if !c.replyFields(h, repeated(h.Len(), int(-count), c.Rand), limit.Exceeded) {
			limit.Drop()
			c.Out.Error(textTooManyRandom)
		}
	default:
		c.replyFields(h, different(h.Len(), int(min(count, int64(h.Len()))), c.Rand), func() bool { return false })
	}
}

// Redis bounds neither how many elements one command draws with repetition nor
// the size of the reply, so that ten bytes can make it fill all memory. Here
// there may be maxRandom of them, within a [Limit].
const (
	maxRandom         = 1 << 22
	textTooManyRandom = "ERR value is out of range, the reply would be too large"
)

// randomCount reads the count at Args[2] and checks the option behind it; after an error
// it is answered.
func (c *Call) randomCount(option string) (n int64, ok bool) {
	n, ok = c.Int(2)
	switch {
	case !ok:
		return 0, false
	case n == math.MinInt64: // it has no opposite
		c.Out.Error(textNoOpposite)
		return 0, false
	case len(c.Args) > 4, len(c.Args) == 4 && !c.Is(3, option):
		c.Out.Error(TextSyntax)
		return 0, false
	case len(c.Args) == 4 && (n < -math.MaxInt64/2 || n > math.MaxInt64/2):
		c.Out.Error(TextOutOfRange)
		return 0, false
	}
	return n, true
}

// replyFields answers the fields at some places, with their values if the call
// wants them: pairs in RESP3. It gives up, and returns false, once enough says so.
func (c *Call) replyFields(h state.Fields, places []int32, enough func() bool) bool {
	values := len(c.Args) == 4
	pairs := values && c.Out.Protocol() == 3
	if values && !pairs {
		c.Out.Array(2 * len(places))
	} else {
		c.Out.Array(len(places))
	}
	for _, i := range places {
		f, v := h.At(int(i))
		if pairs {
			c.Out.Array(2)
		}
		c.Out.Bulk(f)
		if values {
			c.replyValue(v)
		}
		if enough() {
			return false
		}
	}
	return true
}

// repeated draws count places below n, each independent of the others.
func repeated(n, count int, random func() uint64) []int32 {
	places := make([]int32, count)
	for i := range places {
		places[i] = int32(random() % uint64(n))
	}
	return places
}

// different draws count different places below n, all of them in their order if
// count is n. It is the shuffle of Fisher and Yates, as far as it is needed; what
// it has moved is in a map, so that a few of many cost little.
func different(n, count int, random func() uint64) []int32 {
	places := make([]int32, count)
	if count == n {
		for i := range places {
			places[i] = int32(i)
		}
		return places
	}
	moved := make(map[int]int32, count) // place in the shuffled order to what is there
	at := func(i int) int32 {
		if what, ok := moved[i]; ok {
			return what
		}
		return int32(i)
	}
	for i := range places {
		k := i + int(random()%uint64(n-i))
		places[i], moved[k] = at(k), at(i)
	}
	return places
}
