package command

import (
	"bytes"
	"math"
	"strconv"
)

// pfdebugCommand is PFDEBUG GETREG, which makes a HyperLogLog dense, DECODE, ENCODING and TODENSE.
func pfdebugCommand(c *Call) {
	key := c.Args[2]
	if !c.View.Exists(key) {
		c.Out.Error("ERR The specified key does not exist")
		return
	}
	value, _, ok := c.hll(key)
	if !ok {
		return
	}
	switch {
	case c.Is(1, "GETREG"):
		pfdebugGetreg(c, value)
	case c.Is(1, "DECODE"):
		pfdebugDecode(c, value)
	case c.Is(1, "ENCODING"):
		if hllIsDense(value) {
			c.Out.Simple("dense")
		} else {
			c.Out.Simple("sparse")
		}
	case c.Is(1, "TODENSE"):
		if _, was, ok := c.makeDense(value); ok {
			c.Out.Int(int64(was))
		}
	default:
		c.Out.Error("ERR Unknown PFDEBUG subcommand '" + string(quotable(c.Args[1], len(c.Args[1]))) + "'")
	}
}

// makeDense records that the HyperLogLog at Args[2] is dense now; was is 1 if it was sparse.
// After an error it is answered and ok false.
func (c *Call) makeDense(value []byte) (dense []byte, was int, ok bool) {
	if hllIsDense(value) {
		return value, 0, true
	}
	if dense, ok = hllToDense(value); !ok {
		c.Out.Error(textCorruptHLL)
		return nil, 0, false
	}
	c.Tell()
	c.replace(c.Args[2], value, dense, 0)
	return dense, 1, true
}

func pfdebugGetreg(c *Call, value []byte) {
	dense, _, ok := c.makeDense(value)
	if !ok {
		return
	}
	c.Out.Array(hllRegisters)
	for i := range hllRegisters {
		c.Out.Int(int64(hllRegister(dense, i)))
	}
}

// pfdebugDecode answers the runs of a sparse one, whether they are right or not: z and Z, zeros
// in one byte and in two; v, a value and how many have it.
func pfdebugDecode(c *Call, value []byte) {
	if hllIsDense(value) {
		c.Out.Error("ERR HLL encoding is not sparse")
		return
	}
	var text []byte
	for at := hllHeader; at < len(value); {
		v, n, size := readRun(value[at:])
		switch {
		case size == 0:
			c.Out.Error(textCorruptHLL)
			return
		case v > 0:
			text = append(strconv.AppendInt(append(text, "v:"...), int64(v), 10), ',')
		case size == 1:
			text = append(text, "z:"...)
		default:
			text = append(text, "Z:"...)
		}
		text = append(strconv.AppendInt(text, int64(n), 10), ' ')
		at += size
		if len(text) > maxCopied {
			c.Out.Error(textTooMuch)
			return
		}
	}
	c.Out.Bulk(bytes.TrimSuffix(text, []byte{' '}))
}

// pfselftestCommand adds so many elements to a sparse and to a dense one that the former
// becomes dense on the way: they must always count the same, and about right.
func pfselftestCommand(c *Call) {
	const elements = 10000
	sparse := appendEmptyHLL(nil)
	dense, _ := hllToDense(sparse)
	for i := 1; i <= elements; i++ {
		register, count := hllElement(strconv.AppendInt(nil, int64(i), 10))
		sparse, _, _ = hllSet(sparse, register, count)
		dense, _, _ = hllSet(dense, register, count)
		if i%100 != 0 {
			continue
		}
		var a, b hllHistogram
		if !a.add(sparse) || !b.add(dense) || a != b {
			c.Out.Error("TESTFAILED sparse and dense registers differ after " + strconv.Itoa(i) + " elements")
			return
		}
		if n := float64(a.estimate()); math.Abs(n-float64(i)) > max(3, 0.05*float64(i)) {
			c.Out.Error("TESTFAILED " + strconv.Itoa(i) + " elements are counted as " + strconv.FormatFloat(n, 'f', 0, 64))
			return
		}
	}
	c.Out.OK()
}
