package command

// The registers of a sparse HyperLogLog are runs of equal ones, all 16384 in their order:
//
//	00nnnnnn            n+1 are 0
//	01nnnnnn nnnnnnnn   n+1 are 0
//	1vvvvvnn            n+1 are v+1
//
// One that would be longer than MaxSparseHLL becomes dense, so does one that a register
// above 32 comes to.
const (
	MaxSparseHLL = 3000 // bytes, the header included: Redis' default for hll-sparse-max-bytes
	shortZeros   = 64   // registers in a run of zeros of one byte, at most
	sparseValue  = 32   // the highest register
	sparseRun    = 4    // registers in a run of others, at most
)

// appendEmptyHLL appends a HyperLogLog that has seen nothing.
func appendEmptyHLL(dst []byte) []byte {
	dst = append(dst, hllMagic...)
	dst = append(dst, hllSparse, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	return appendZeros(dst, hllRegisters)
}

// appendZeros appends a run of n registers that are 0.
func appendZeros(dst []byte, n int) []byte {
	if n > shortZeros {
		return append(dst, 0x40|byte((n-1)>>8), byte(n-1))
	}
	return append(dst, byte(n-1))
}

// sparseOne is a run of n registers that are v.
func sparseOne(v byte, n int) byte { return 0x80 | (v-1)<<2 | byte(n-1) }

// appendRun appends a run of n registers that are v, of which there may be none.
func appendRun(dst []byte, v byte, n int) []byte {
	switch {
	case n == 0:
		return dst
	case v == 0:
		return appendZeros(dst, n)
	}
	return append(dst, sparseOne(v, n))
}

// readRun reads the run that p, which is not empty, begins with; size is its length in bytes, 0
// where it is cut short.
func readRun(p []byte) (v byte, n, size int) {
	switch b := p[0]; {
	case b&0x80 != 0:
		return b>>2&0x1f + 1, int(b&3) + 1, 1
	case b&0x40 == 0:
		return 0, int(b) + 1, 1
	case len(p) < 2:
		return 0, 0, 0
	default:
		return 0, int(b&0x3f)<<8 | int(p[1]) + 1, 2
	}
}

// sparseRuns hands each run of a sparse HyperLogLog to visit: n registers from first on
// are v. It returns false where they are not 16384 in all; visit never sees more.
func sparseRuns(p []byte, visit func(first, n int, v byte)) bool {
	first := 0
	for at := hllHeader; at < len(p); {
		v, n, size := readRun(p[at:])
		if size == 0 || first+n > hllRegisters {
			return false
		}
		visit(first, n, v)
		first += n
		at += size
	}
	return first == hllRegisters
}

// sparseSet is hllSet of a sparse HyperLogLog. Byte for byte it makes what Redis makes, which
// depends on the order in which the registers have come.
func sparseSet(p []byte, register int, count byte) (_ []byte, changed, ok bool) {
	if count > sparseValue {
		return sparsePromote(p, register, count)
	}
	before, at, first := sparseFind(p, register)
	if at >= len(p) {
		return p, false, false
	}
	v, n, size := readRun(p[at:])
	if size == 0 {
		return p, false, false
	}
	if v >= count {
		return p, false, true
	}
	var room [5]byte // two bytes, one, two
	runs := appendRun(room[:0], v, register-first)
	runs = appendRun(runs, count, 1)
	runs = appendRun(runs, v, first+n-1-register)
	if len(runs) > size && len(p)+len(runs)-size > MaxSparseHLL {
		return sparsePromote(p, register, count)
	}
	p = sparseJoin(splice(p, at, size, runs), before)
	p[hllStale] |= 0x80
	return p, true, true
}

// sparseFind looks for the run of a register: where it begins, where the one before does (the same for
// the first), and its first register. at is len(p) or more where there is none. It
// is what PFADD spends its time on.
func sparseFind(p []byte, register int) (before, at, first int) {
	before, at = hllHeader, hllHeader
	for at < len(p) {
		b := p[at]
		n, size := int(b)+1, 1
		switch {
		case b&0x80 != 0:
			n = int(b&3) + 1
		case b&0x40 == 0:
		case at+1 < len(p):
			n, size = int(b&0x3f)<<8|int(p[at+1])+1, 2
		default: // cut short
			return before, at, first
		}
		if register < first+n {
			break
		}
		before = at
		at += size
		first += n
	}
	return before, at, first
}

// sparsePromote is sparseSet where the result must be dense.
func sparsePromote(p []byte, register int, count byte) (_ []byte, changed, ok bool) {
	if p, ok = hllToDense(p); !ok {
		return p, false, false
	}
	at, shift := hllPlace(register)
	return p, hllRaise(p[at:], shift, count), true
}

// splice puts other bytes in the place of n.
func splice(p []byte, at, n int, with []byte) []byte {
	end := len(p)
	if len(with) > n {
		p = append(p, with[n:]...) // to have the room
	}
	copy(p[at+len(with):], p[at+n:end])
	copy(p[at:], with)
	return p[:end+len(with)-n]
}

// sparseJoin makes one run of neighbours that are equal, not 0 and not too many together:
// as far as Redis looks, which is five steps from a run on.
func sparseJoin(p []byte, at int) []byte {
	for steps := 5; steps > 0 && at < len(p); steps-- {
		v, n, size := readRun(p[at:])
		if size == 0 {
			break
		}
		if next := at + size; v > 0 && next < len(p) {
			if w, m, _ := readRun(p[next:]); v == w && n+m <= sparseRun {
				p[next] = sparseOne(v, n+m)
				p = append(p[:at], p[next:]...)
				continue
			}
		}
		at += size
	}
	return p
}
