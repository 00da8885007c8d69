package command

import "math"

// A geohash is a cell of the world: longitude and latitude are each halved some times
// (steps), and the halves that a point lies in are the bits of a number, those of the
// longitude and of the latitude in turn, the longitude's first.
//
//	step 1    1 3     step 2    5 7 …       score of a member: the bits of step 26,
//	          0 2               4 6 …       so all points of a cell of fewer steps
//	                            1 3 …       lie side by side in the sorted set
//	                            0 2 …
//
// The latitude ends where the map of EPSG:3857 does: there it is a square.
const (
	maxLongitude = 180
	maxLatitude  = 85.05112878
	geoSteps     = 26 // of a score: 52 bits, which a float64 holds

	longitudeBits = 0xaaaaaaaaaaaaaaaa
	latitudeBits  = 0x5555555555555555
)

// geoCell is a cell; the zero value is none.
type geoCell struct {
	bits  uint64
	steps int
}

// geoPlace is a place, in degrees.
type geoPlace struct{ longitude, latitude float64 }

// geoArea is what a cell covers.
type geoArea struct{ min, max geoPlace }

// cellAt is the cell that a place lies in. The last longitude and latitude belong to
// cells that begin with them: their bits are more than those of the steps.
func cellAt(at geoPlace, maxLatitude float64, steps int) geoCell {
	size := float64(uint64(1) << steps)
	x := uint32((at.longitude + maxLongitude) / (2 * maxLongitude) * size)
	y := uint32((at.latitude + maxLatitude) / (2 * maxLatitude) * size)
	return geoCell{spread(y) | spread(x)<<1, steps}
}

// geoScore is the score of a member at a place.
func geoScore(at geoPlace) float64 { return float64(cellAt(at, maxLatitude, geoSteps).bits) }

// placeOf is the middle of the cell that a score says. Any score does: a sorted set may
// have others than GEOADD gave it.
func placeOf(score float64) geoPlace {
	a := geoCell{scoreBits(score), geoSteps}.area()
	return geoPlace{
		min(max((a.min.longitude+a.max.longitude)/2, -maxLongitude), maxLongitude),
		min(max((a.min.latitude+a.max.latitude)/2, -maxLatitude), maxLatitude),
	}
}

// scoreBits is a score as C on x86-64 makes an unsigned integer of it, for those too that
// C says nothing about.
func scoreBits(score float64) uint64 {
	const half = 1 << 63
	switch {
	case score >= 2*half:
		return 0
	case score >= half:
		return uint64(score-half) + half
	case score < -half:
		return half
	}
	return uint64(int64(score))
}

func (c geoCell) area() geoArea {
	x, y := gather(c.bits>>1), gather(c.bits)
	return geoArea{
		geoPlace{c.edge(x, maxLongitude), c.edge(y, maxLatitude)},
		geoPlace{c.edge(x+1, maxLongitude), c.edge(y+1, maxLatitude)},
	}
}

// edge is where the n-th cell begins, of those from -limit to limit. The conversion keeps
// compilers from fusing product and sum, which would round otherwise.
func (c geoCell) edge(n uint32, limit float64) float64 {
	return -limit + float64(float64(n)/float64(uint64(1)<<c.steps)*(2*limit))
}

// scores is from which score on, and up to which, the members in a cell are.
func (c geoCell) scores() (from, to float64) {
	shift := 2 * (geoSteps - c.steps)
	return float64(c.bits << shift), float64((c.bits + 1) << shift)
}

// move is a neighbour, so many cells to the east and to the north: 1, 0 or -1. Beyond the
// last one comes the first.
func (c geoCell) move(east, north int) geoCell {
	x := stepBits(c.bits&longitudeBits, longitudeBits, latitudeBits, c.steps, east)
	y := stepBits(c.bits&latitudeBits, latitudeBits, longitudeBits, c.steps, north)
	return geoCell{x | y, c.steps}
}

// stepBits adds 1 to one of two interleaved numbers, or subtracts it: the bits of the other
// are set so that a carry runs over them.
func stepBits(n, own, others uint64, steps, by int) uint64 {
	unused := 64 - 2*steps
	switch by {
	case 1:
		n += others>>unused + 1
	case -1:
		n = n | others>>unused - (others>>unused + 1)
	default:
		return n
	}
	return n & (own >> unused)
}

// spread puts zero bits between the bits of n.
func spread(n uint32) uint64 {
	b := uint64(n)
	b = (b | b<<16) & 0x0000ffff0000ffff
	b = (b | b<<8) & 0x00ff00ff00ff00ff
	b = (b | b<<4) & 0x0f0f0f0f0f0f0f0f
	b = (b | b<<2) & 0x3333333333333333
	return (b | b<<1) & latitudeBits
}

// gather is the opposite: every second bit, from the lowest on.
func gather(b uint64) uint32 {
	b &= latitudeBits
	b = (b | b>>1) & 0x3333333333333333
	b = (b | b>>2) & 0x0f0f0f0f0f0f0f0f
	b = (b | b>>4) & 0x00ff00ff00ff00ff
	b = (b | b>>8) & 0x0000ffff0000ffff
	return uint32(b | b>>16)
}

// text is the geohash that people write, in base 32: 11 characters, of which the last is
// for 55 bits where there are 52, so Redis says 0. It takes latitudes up to 90.
func (p geoPlace) text(dst []byte) []byte {
	const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"
	bits := cellAt(p, 90, geoSteps).bits
	for shift := 2*geoSteps - 5; shift > 0; shift -= 5 {
		dst = append(dst, alphabet[bits>>shift&31])
	}
	return append(dst, '0')
}

// radians are degrees in another unit.
func radians(degrees float64) float64 { return degrees * (math.Pi / 180) }

func degrees(radians float64) float64 { return radians / (math.Pi / 180) }
