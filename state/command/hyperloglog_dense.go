package command

// hllDenseSize is the length of a dense HyperLogLog: its registers are 6 bits each,
// lower ones first, in the lowest bits that are free.
const hllDenseSize = hllHeader + hllRegisters*6/8

// hllPlace is the byte of a dense HyperLogLog in which a register begins, and at which bit.
func hllPlace(register int) (at int64, shift int) {
	bit := register * 6
	return int64(hllHeader + bit/8), bit % 8
}

// hllRegister is a register of a dense HyperLogLog.
func hllRegister(value []byte, register int) byte {
	at, shift := hllPlace(register)
	return denseRegister(value[at:], shift)
}

// denseRegister is the register that begins at a bit of the first byte of b.
func denseRegister(b []byte, shift int) byte {
	v := b[0] >> shift
	if shift > 2 {
		v |= b[1] << (8 - shift)
	}
	return v & 63
}

// eachFour hands the registers of a dense HyperLogLog to visit, four from i on, which
// have three bytes, at a time.
func eachFour(value []byte, visit func(i int, a, b, c, d byte)) {
	p := value[hllHeader:hllDenseSize]
	for i := 0; i < hllRegisters; i += 4 {
		x, y, z := p[0], p[1], p[2]
		visit(i, x&63, x>>6|y&15<<2, y>>4|z&3<<4, z>>2)
		p = p[3:]
	}
}

// hllRaise makes the register that begins at a bit of the first byte of b the given one,
// if it is lower, and reports whether it was.
func hllRaise(b []byte, shift int, count byte) bool {
	if denseRegister(b, shift) >= count {
		return false
	}
	b[0] = b[0]&^(63<<shift) | count<<shift
	if shift > 2 {
		b[1] = b[1]&^(63>>(8-shift)) | count>>(8-shift)
	}
	return true
}

// hllSet raises a register of a HyperLogLog, sparse or dense, that may be changed. It
// returns it, which may be another slice now; changed is whether the register was
// lower. ok is false if it is corrupt, and must be thrown away.
func hllSet(p []byte, register int, count byte) (_ []byte, changed, ok bool) {
	if !hllIsDense(p) {
		return sparseSet(p, register, count)
	}
	at, shift := hllPlace(register)
	return p, hllRaise(p[at:], shift, count), true
}

// hllToDense is a HyperLogLog as a dense one: itself if it is one. ok is false if it is
// corrupt.
func hllToDense(p []byte) (_ []byte, ok bool) {
	if hllIsDense(p) {
		return p, true
	}
	dense := make([]byte, hllDenseSize)
	copy(dense, p[:hllHeader])
	dense[len(hllMagic)] = hllDense
	ok = sparseRuns(p, func(first, n int, v byte) {
		for i := first; v > 0 && i < first+n; i++ {
			at, shift := hllPlace(i)
			hllRaise(dense[at:], shift, v)
		}
	})
	return dense, ok
}
