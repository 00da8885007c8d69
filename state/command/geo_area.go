package command

import (
	"math"

	"github.com/altilium-db/altilium/state"
)

// geoShape is where a search looks: a circle, or a box whose sides lie along the parallels
// and meridians.
type geoShape struct {
	middle        geoPlace
	box           bool
	radius        float64 // of a circle, in units
	width, height float64 // of a box, in units
	unit          float64 // in metres
}

// geoPoint is a member that was found.
type geoPoint struct {
	member          []byte
	score, distance float64 // in metres
}

// stretch is some places of a sorted set: from first to before end.
type stretch struct{ first, end int }

// stretches are the places of the members in the cells that cover the shape, in the order
// of the cells, and how many members those are.
func (s *geoShape) stretches(z *state.Ranked) (all []stretch, members int) {
	if z.Len() == 0 {
		return nil, 0
	}
	cells, last := s.cells(), 0
	for i, cell := range cells {
		// Where cells are so large that two neighbours are one, it comes twice in a row.
		if cell == (geoCell{}) || last > 0 && cell == cells[last] {
			continue
		}
		from, to := cell.scores()
		first := z.SeekScore(func(score float64) bool { return score < from })
		end := z.SeekScore(func(score float64) bool { return score < to })
		all, members = append(all, stretch{first, end}), members+end-first
		last = i
	}
	return all, members
}

// search hands out the members within the shape of those at some places, until it is told
// to stop. The point is another one's with the next call.
func (s *geoShape) search(z *state.Ranked, among []stretch, found func(*geoPoint) (goOn bool)) {
	var p geoPoint
	origin := originOf(s.middle)
	for _, stretch := range among {
		for place := stretch.first; place < stretch.end; place++ {
			p.member, p.score = z.At(place)
			var within bool
			if p.distance, within = s.holds(placeOf(p.score), &origin); within && !found(&p) {
				return
			}
		}
	}
}

// holds reports whether a place is within the shape, and how far it is from the middle.
func (s *geoShape) holds(at geoPlace, middle *geoOrigin) (metres float64, within bool) {
	north := north(middle.latitude, radians(at.latitude))
	if !s.box {
		radius := s.radius * s.unit
		if north > radius*(1+1e-9) { // the way is no shorter than that, but for what is rounded
			return 0, false
		}
		d := middle.distance(at)
		return d, !(d > radius)
	}
	if north > s.height*s.unit/2 || geoDistance(at, geoPlace{s.middle.longitude, at.latitude}) > s.width*s.unit/2 {
		return 0, false
	}
	return middle.distance(at), true
}

// cells are the cell that the middle is in, and its neighbours to the north, south, east,
// west and the four between those, so large that they cover the shape. Those that the
// shape does not reach into are none.
func (s *geoShape) cells() [9]geoCell {
	min, max := s.bounds()
	reach := s.radius * s.unit
	if s.box {
		reach = math.Sqrt(float64(s.width/2*(s.width/2))+float64(s.height/2*(s.height/2))) * s.unit
	}
	steps := stepsFor(reach, s.middle.latitude)
	center := cellAt(s.middle, maxLatitude, steps)
	if steps > 1 && !center.reaches(min, max) {
		steps--
		center = cellAt(s.middle, maxLatitude, steps)
	}
	in := center.area()
	var cells [9]geoCell
	for i, to := range [9]struct{ east, north int }{{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}} {
		outside := to.north < 0 && in.min.latitude < min.latitude || to.north > 0 && in.max.latitude > max.latitude ||
			to.east < 0 && in.min.longitude < min.longitude || to.east > 0 && in.max.longitude > max.longitude
		if !outside || steps < 2 {
			cells[i] = center.move(to.east, to.north)
		}
	}
	return cells
}

// bounds are the corners of what the shape lies in. The nearer to a pole, the more
// degrees of longitude it takes.
func (s *geoShape) bounds() (min, max geoPlace) {
	height, width := s.unit*s.radius, s.unit*s.radius
	if s.box {
		height, width = s.unit*(s.height/2), s.unit*(s.width/2)
	}
	north := degrees(height / earthRadius)
	edge := s.middle.latitude + north
	if s.middle.latitude < 0 {
		edge = s.middle.latitude - north
	}
	east := degrees(width / earthRadius / math.Cos(radians(edge)))
	return geoPlace{s.middle.longitude - east, s.middle.latitude - north}, geoPlace{s.middle.longitude + east, s.middle.latitude + north}
}

// stepsFor is how often the world is halved so that nine cells cover a circle of that
// radius in metres, in most cases.
func stepsFor(radius, latitude float64) int {
	const world = 20037726.37 // half of what is around the equator
	if radius == 0 {
		return geoSteps
	}
	steps := -1
	for ; radius < world; radius *= 2 {
		steps++
	}
	switch latitude = math.Abs(latitude); { // towards the poles cells are narrower
	case latitude > 80:
		steps -= 2
	case latitude > 66:
		steps--
	}
	return min(max(steps, 1), geoSteps)
}

// reaches reports whether the cell's four neighbours go as far as the bounds.
func (c geoCell) reaches(min, max geoPlace) bool {
	return !(c.move(0, 1).area().max.latitude < max.latitude || c.move(0, -1).area().min.latitude > min.latitude ||
		c.move(1, 0).area().max.longitude < max.longitude || c.move(-1, 0).area().min.longitude > min.longitude)
}
