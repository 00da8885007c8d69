package log

import (
	"hash/crc32"
	"io"
)

// ranges gives the CRC of any part of a file, in a time that does not depend on how
// long the part is. The search for whole entries wants that: what lies in a torn
// entry is a client's, and may look like the head of a long entry at every dozen
// bytes. Reading each of those through would take hours for a value of some MB.
//
// The file is read once. A CRC is linear: with R(i) the register after the first i
// bytes, begun at 0, and x^8n the step over n bytes (multiplication in GF(2), modulo
// the polynomial), the register after the bytes from a to b, begun at s, is
//
//	R(b) + x^8(b-a) · (R(a) + s)
//
// R is kept for every rangeStep bytes; what lies between is read again.
type ranges struct {
	f     io.ReaderAt
	steps []uint32   // R at every rangeStep bytes
	power [64]uint32 // x^(2^k)
	buf   [rangeStep]byte
}

// rangeStep is how many bytes lie between two registers that are kept: they take 4 MiB
// for a file of 1 GiB.
const rangeStep = 1 << 10

// newRanges reads the first size bytes of f.
func newRanges(f io.ReaderAt, size int64) (*ranges, error) {
	r := &ranges{f: f}
	r.power[0] = 1 << 30
	for k := 1; k < len(r.power); k++ {
		r.power[k] = product(r.power[k-1], r.power[k-1])
	}
	in, crc := io.NewSectionReader(f, 0, size), ^uint32(0) // whose register is 0
	for {
		r.steps = append(r.steps, ^crc)
		n, err := io.ReadFull(in, r.buf[:])
		crc = crc32.Update(crc, castagnoli, r.buf[:n])
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return r, nil
		case err != nil:
			return nil, err
		}
	}
}

// crc is crc32.Update(seed, castagnoli, the bytes from a to b). Where they are not all
// there any more it is the CRC of something else.
func (r *ranges) crc(seed uint32, a, b int64) (uint32, error) {
	before, err := r.register(a)
	if err != nil {
		return 0, err
	}
	after, err := r.register(b)
	return ^(after ^ product(r.step(b-a), before^^seed)), err
}

// register is R(at).
func (r *ranges) register(at int64) (uint32, error) {
	i := min(at/rangeStep, int64(len(r.steps)-1))
	part := r.buf[:min(at-i*rangeStep, rangeStep)]
	n, err := r.f.ReadAt(part, i*rangeStep)
	if err != nil && err != io.EOF {
		return 0, err
	}
	return ^crc32.Update(^r.steps[i], castagnoli, part[:n]), nil
}

// step is x^8n: what a register is multiplied by when n bytes of zeros pass.
func (r *ranges) step(n int64) uint32 {
	p := uint32(1) << 31 // 1: the highest power is in the lowest bit
	for k := 3; n > 0; n, k = n>>1, k+1 {
		if n&1 != 0 {
			p = product(r.power[k], p)
		}
	}
	return p
}

// product multiplies two polynomials, modulo that of the CRC.
func product(a, b uint32) (p uint32) {
	for ; a != 0; a <<= 1 {
		if a>>31 != 0 {
			p ^= b
		}
		b = b>>1 ^ crc32.Castagnoli&-(b&1)
	}
	return p
}
