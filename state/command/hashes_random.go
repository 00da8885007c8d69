package command

import (
	"math"
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
		reply := c.fieldsReply(int(-count))
		for range -count {
			reply(h.Random(c.Rand))
			if limit.Exceeded() {
				limit.Drop()
				c.Out.Error(textTooManyRandom)
				return
			}
		}
	default:
		n := int(min(count, int64(h.Len())))
		fields, values := make([][]byte, n), make([][]byte, n)
		someOf(&h, fields, c.Rand, func(i int) { fields[i], values[i] = h.Random(c.Rand) }, func(i, at int) { fields[i], values[i] = h.At(at) })
		reply := c.fieldsReply(n)
		for i, f := range fields {
			reply(f, values[i])
		}
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

// fieldsReply begins the answer of n fields, which are then given one by one: with their
// values if the call wants them, in pairs in RESP3.
func (c *Call) fieldsReply(n int) func(field, value []byte) {
	values := len(c.Args) == 4
	pairs := values && c.Out.Protocol() == 3
	if values && !pairs {
		c.Out.Array(2 * n)
	} else {
		c.Out.Array(n)
	}
	return func(field, value []byte) {
		if pairs {
			c.Out.Array(2)
		}
		c.Out.Bulk(field)
		if values {
			c.replyValue(value)
		}
	}
}
