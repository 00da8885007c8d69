package command

import (
	"encoding/binary"

	"github.com/altilium-db/altilium/state"
)

// A HyperLogLog is a string, byte for byte as in Redis, so that GET and SET move one
// between servers:
//
//	"HYLL" | encoding u8 | 0 0 0 | cardinality u64 LE | registers
//
// The cardinality is the last that was counted; its highest bit is set where registers
// have changed since. The encoding says how the 16384 registers follow, of 6
// bits each: dense (hyperloglog_dense.go), all of them, or sparse
// (hyperloglog_sparse.go), in runs of equal ones.
const (
	hllMagic     = "HYLL"
	hllDense     = 0
	hllSparse    = 1
	hllHeader    = 16
	hllStale     = 15 // the byte that has the highest bit of the cardinality
	hllPrecision = 14 // bits of a hash that choose the register
	hllRegisters = 1 << hllPrecision
)

const (
	textNotHLL     = "WRONGTYPE Key is not a valid HyperLogLog string value."
	textCorruptHLL = "INVALIDOBJ Corrupted HLL object detected"
)

// hyperloglogCommands are the commands that count different elements, nearly.
func hyperloglogCommands() []*Spec {
	key := Arg{Name: "key", Type: "key"}
	return []*Spec{
		{
			Name: "pfadd", Arity: -2, Flags: Write | DenyOOM | Fast, Keys: oneKey("RW INSERT"),
			Categories: "hyperloglog", Since: "2.8.9", Group: "hyperloglog", Complexity: "O(1) to add every element.",
			Summary: "Adds elements to a HyperLogLog; a missing key is created.",
			Args:    []Arg{key, {Name: "element", Type: "string", Flags: "optional multiple"}},
			Decide:  pfaddCommand,
		},
		{
			Name: "pfcount", Arity: -2, Flags: ReadOnly | MayReplicate, Keys: []Keys{keysAt(1, -1, 1, "RW ACCESS")},
			Categories: "hyperloglog", Since: "2.8.9", Group: "hyperloglog",
			Complexity: "O(1) for one key. O(N) with N being the number of keys where there are several, with high constant times.",
			Summary:    "Returns about how many different elements one or several HyperLogLogs have seen.",
			Args:       []Arg{{Name: "key", Type: "key", Flags: "multiple"}},
			Decide:     pfcountCommand,
		},
		{
			Name: "pfmerge", Arity: -2, Flags: Write | DenyOOM, Keys: []Keys{keysAt(1, 1, 1, "RW ACCESS INSERT"), keysAt(2, -1, 1, "RO ACCESS")},
			Categories: "hyperloglog", Since: "2.8.9", Group: "hyperloglog",
			Complexity: "O(N) to merge N HyperLogLogs, but with high constant times.",
			Summary:    "Merges HyperLogLogs into the first.",
			Args:       []Arg{{Name: "destkey", Type: "key"}, {Name: "sourcekey", Type: "key", Flags: "optional multiple"}},
			Decide:     pfmergeCommand,
		},
		{
			Name: "pfdebug", Arity: 3, Flags: Write | DenyOOM | Admin, Keys: []Keys{keysAt(2, 2, 1, "RW ACCESS")},
			Categories: "hyperloglog", Since: "2.8.9", Group: "hyperloglog", Complexity: "N/A",
			Summary: "Looks inside a HyperLogLog, for debugging.",
			Args:    []Arg{{Name: "subcommand", Type: "string"}, key},
			Decide:  pfdebugCommand,
		},
		{
			Name: "pfselftest", Arity: 1, Flags: Admin,
			Categories: "hyperloglog", Since: "2.8.9", Group: "hyperloglog", Complexity: "N/A",
			Summary: "Tests the code of HyperLogLogs.",
			Decide:  pfselftestCommand,
		},
	}
}

// hll looks the HyperLogLog at key up. After an error, which is that the key
// holds something else, it is answered and ok false.
func (c *Call) hll(key []byte) (value []byte, found, ok bool) {
	value, found, err := c.View.String(key)
	switch {
	case err != nil:
		c.Fail(err)
		return nil, false, false
	case found && !isHLL(value):
		c.Out.Error(textNotHLL)
		return nil, false, false
	}
	return value, found, true
}

// isHLL reports whether a string may be a HyperLogLog, by its first bytes and its length. The
// registers of a sparse one may still be wrong.
func isHLL(p []byte) bool {
	return len(p) >= hllHeader && string(p[:len(hllMagic)]) == hllMagic &&
		(p[len(hllMagic)] == hllSparse || p[len(hllMagic)] == hllDense && len(p) == hllDenseSize)
}

// hllIsDense reports which encoding a HyperLogLog has.
func hllIsDense(p []byte) bool { return p[len(hllMagic)] == hllDense }

// hllElement is which register an element belongs to and what it says there: how many zeros the rest
// of its hash ends in, and one.
func hllElement(element []byte) (register int, count byte) {
	const seed = 0xadc83b19
	h := murmur64(element, seed)
	register = int(h & (hllRegisters - 1))
	h = h>>hllPrecision | 1<<hllRest
	for count = 1; h&1 == 0; h >>= 1 {
		count++
	}
	return register, count
}

// murmur64 is MurmurHash64A, by Austin Appleby, of bytes taken as little endian.
func murmur64(p []byte, seed uint64) uint64 {
	const m, r = 0xc6a4a7935bd1e995, 47
	h := seed ^ uint64(len(p))*m
	for ; len(p) >= 8; p = p[8:] {
		k := binary.LittleEndian.Uint64(p) * m
		h = (h ^ (k^k>>r)*m) * m
	}
	if len(p) > 0 {
		var rest [8]byte
		copy(rest[:], p)
		h = (h ^ binary.LittleEndian.Uint64(rest[:])) * m
	}
	h = (h ^ h>>r) * m
	return h ^ h>>r
}

// pfaddCommand records what changes in the registers, and that the cardinality is no
// longer the counted one. If the registers are found to be corrupt, nothing changes, where
// Redis keeps the elements before the one at which it finds that.
func pfaddCommand(c *Call) {
	value, found, ok := c.hll(c.Args[1])
	if !ok {
		return
	}
	changed := false
	switch {
	case found && hllIsDense(value):
		changed = c.addDense(value)
	default:
		if changed, ok = c.addSparse(value, found); !ok {
			c.Out.Error(textCorruptHLL)
			return
		}
	}
	if changed {
		c.Tell()
		c.Out.Int(1)
	} else {
		c.Out.Int(0)
	}
}

// addDense adds to a dense one in place: nothing of it is copied.
func (c *Call) addDense(value []byte) (changed bool) {
	p := newPatch(c, c.Args[1], state.BytesOf(value))
	for i, element := range c.Args[2:] {
		register, count := hllElement(element)
		at, shift := hllPlace(register)
		was := p.load(at)
		b := was
		if hllRaise(b[:], shift, count) {
			p.store(at, was, b, i+3 < len(c.Args))
			changed = true
		}
	}
	if stale := value[hllStale] | 0x80; changed && stale != value[hllStale] {
		c.Events.Range(c.Args[1], hllStale, []byte{stale})
	}
	return changed
}

// hllRoom is the length of most sparse HyperLogLogs in the making.
const hllRoom = MaxSparseHLL + 8

// addSparse adds to a sparse one, or to one that is new, in a copy; it may become a
// dense one.
func (c *Call) addSparse(value []byte, found bool) (changed, ok bool) {
	var room [hllRoom]byte
	work := room[:0]
	if found {
		work = append(work, value...)
	} else {
		work, changed = appendEmptyHLL(work), true
	}
	for _, element := range c.Args[2:] {
		register, count := hllElement(element)
		var raised bool
		if work, raised, ok = hllSet(work, register, count); !ok {
			return false, false
		}
		changed = changed || raised
	}
	if changed {
		work[hllStale] |= 0x80
		c.replace(c.Args[1], value, work, hllStale)
	}
	return changed, true
}

// pfcountCommand keeps the count of a single key in it, if that is not the one that is
// there already: although it only reads, it records an event then.
func pfcountCommand(c *Call) {
	if len(c.Args) > 2 {
		var registers [hllRegisters]byte
		if _, ok := c.merge(&registers); ok {
			c.Out.Int(int64(hllCountOf(&registers)))
		}
		return
	}
	value, found, ok := c.hll(c.Args[1])
	switch {
	case !ok:
		return
	case !found:
		c.Out.Int(0)
		return
	case value[hllStale]&0x80 == 0:
		c.Out.Int(int64(binary.LittleEndian.Uint64(value[hllStale-7:])))
		return
	}
	var h hllHistogram
	if !h.add(value) {
		c.Out.Error(textCorruptHLL)
		return
	}
	n := h.estimate()
	var card [8]byte
	binary.LittleEndian.PutUint64(card[:], n)
	c.Events.Range(c.Args[1], hllStale-7, card[:])
	c.Out.Int(int64(n))
}

// merge collects the highest of each register of all keys that are there. After an error
// it is answered and ok false.
func (c *Call) merge(registers *[hllRegisters]byte) (dense, ok bool) {
	for _, key := range c.Args[1:] {
		value, found, ok := c.hll(key)
		switch {
		case !ok:
			return false, false
		case !found:
			continue
		case !hllMerge(registers, value):
			c.Out.Error(textCorruptHLL)
			return false, false
		}
		dense = dense || hllIsDense(value)
	}
	return dense, true
}

// hllMerge raises registers to those of a HyperLogLog. It returns false if that is
// corrupt.
func hllMerge(registers *[hllRegisters]byte, value []byte) bool {
	if hllIsDense(value) {
		eachFour(value, func(i int, a, b, c, d byte) {
			r := registers[i : i+4 : i+4]
			r[0], r[1], r[2], r[3] = max(r[0], a), max(r[1], b), max(r[2], c), max(r[3], d)
		})
		return true
	}
	return sparseRuns(value, func(first, n int, v byte) {
		for i := first; v > 0 && i < first+n; i++ {
			registers[i] = max(registers[i], v)
		}
	})
}

// pfmergeCommand makes the first key dense if one of them is. It is a change even
// where nothing differs after.
func pfmergeCommand(c *Call) {
	var registers [hllRegisters]byte
	dense, ok := c.merge(&registers)
	if !ok {
		return
	}
	key := c.Args[1]
	value, found, _ := c.View.String(key)
	var room [hllDenseSize]byte
	work := append(room[:0], value...)
	if !found {
		work = appendEmptyHLL(work)
	}
	if dense {
		work, _ = hllToDense(work) // merge has found that its registers are right
	}
	for i, count := range registers {
		if count > 0 {
			work, _, _ = hllSet(work, i, count)
		}
	}
	work[hllStale] |= 0x80
	c.Tell()
	c.replace(key, value, work, hllStale)
	c.Out.OK()
}
