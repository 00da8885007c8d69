package command

import (
	"math"
	"strconv"
)

// earthRadius is the mean radius of WGS-84, in metres.
const earthRadius = 6372797.560856

// geoDistance is how far it is from one place to another on the surface of a ball, in metres.
func geoDistance(a, b geoPlace) float64 {
	from := originOf(a)
	return from.distance(b)
}

// geoOrigin is a place from which distances are measured, in radians.
type geoOrigin struct{ longitude, latitude, cosine float64 }

func originOf(p geoPlace) geoOrigin {
	latitude := radians(p.latitude)
	return geoOrigin{radians(p.longitude), latitude, cosine(latitude)}
}

// distance is that to a place in metres: the haversine. The conversions keep compilers from
// fusing products and sums.
func (from *geoOrigin) distance(p geoPlace) float64 {
	v, to := sine((radians(p.longitude)-from.longitude)/2), radians(p.latitude)
	if v == 0 {
		return north(from.latitude, to)
	}
	u := sine((to - from.latitude) / 2)
	h := float64(u*u) + float64(from.cosine*cosine(to)*v*v)
	return 2 * earthRadius * arcsine(math.Sqrt(h))
}

// north is how far it is from one latitude to another, both in radians, in metres.
func north(a, b float64) float64 { return earthRadius * math.Abs(b-a) }

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
