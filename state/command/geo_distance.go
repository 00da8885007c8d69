package command

import (
	"math"
	"strconv"
)

// earthRadius is the mean radius of WGS-84, in metres.
const earthRadius = 6372797.560856

// geoDistance is how far it is from one place to another on the surface of a ball, in metres:
// the haversine. The conversions keep compilers from fusing products and sums.
func geoDistance(a, b geoPlace) float64 {
	v := sine((radians(b.longitude) - radians(a.longitude)) / 2)
	if v == 0 {
		return geoDistanceNorth(a.latitude, b.latitude)
	}
	from, to := radians(a.latitude), radians(b.latitude)
	u := sine((to - from) / 2)
	h := float64(u*u) + float64(cosine(from)*cosine(to)*v*v)
	return 2 * earthRadius * arcsine(math.Sqrt(h))
}

// geoDistanceNorth is how far it is from one latitude to another.
func geoDistanceNorth(a, b float64) float64 {
	return earthRadius * math.Abs(radians(b)-radians(a))
}

// appendDistance appends a distance with four decimals. Redis 7.2 makes an integer of ten
// thousand times as much.
func appendDistance(dst []byte, d float64) []byte {
	const parts = 10_000
	n := scoreBits(math.RoundToEven(d * parts))
	dst = strconv.AppendUint(dst, n/parts, 10)
	dst = append(dst, '.')
	for div := uint64(parts / 10); div > 0; div /= 10 {
		dst = append(dst, '0'+byte(n/div%10))
	}
	return dst
}
