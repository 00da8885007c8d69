package command

import "math"

// hllRest is how many bits of a hash do not choose the register: a register is at
// most one more.
const hllRest = 64 - hllPrecision

// hllHistogram is how many registers have each value.
type hllHistogram [64]int

// add adds the registers of a HyperLogLog. It returns false if that is corrupt.
func (h *hllHistogram) add(value []byte) bool {
	if !hllIsDense(value) {
		return sparseRuns(value, func(_, n int, v byte) { h[v] += n })
	}
	eachFour(value, func(_ int, a, b, c, d byte) {
		h[a&63]++
		h[b&63]++
		h[c&63]++
		h[d&63]++
	})
	return true
}

// hllCountOf estimates how many elements the registers have seen.
func hllCountOf(registers *[hllRegisters]byte) uint64 {
	var h hllHistogram
	for _, v := range registers {
		h[v]++
	}
	return h.estimate()
}

// estimate is how many different elements the registers have seen, about: Algorithm 6
// of Otmar Ertl, New cardinality estimation algorithms for HyperLogLog sketches,
// arXiv:1702.01284. The conversions keep the compiler from leaving out roundings, so
// that all machines count alike.
func (h *hllHistogram) estimate() uint64 {
	const m, alpha = float64(hllRegisters), 0.721347520444481703680 // 1 / (2 ln 2)
	z := m * hllTau((m-float64(h[hllRest+1]))/m)
	for i := hllRest; i >= 1; i-- {
		z = float64(z+float64(h[i])) * 0.5
	}
	z += float64(m * hllSigma(float64(h[0])/m))
	n := math.Round(alpha * m * m / z)
	if !(n < 1<<63) { // what no one can have added
		return 1 << 63
	}
	return uint64(n)
}

func hllSigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		was := z
		z += float64(x * y)
		y += y
		if z == was {
			return z
		}
	}
}

func hllTau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		was := z
		y *= 0.5
		z -= float64(float64((1-x)*(1-x)) * y)
		if z == was {
			return z / 3
		}
	}
}
