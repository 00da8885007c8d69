package command

import (
	"github.com/altilium-db/altilium/state"
)

// geoQuery is what a search asks for.
type geoQuery struct {
	form   geoForm
	source int // which argument is the key that is searched
	shape  geoShape

	hasMember, hasPlace bool // where the middle is, of a GEOSEARCH
	hasCircle, hasBox   bool // which shape, of a GEOSEARCH

	withDistance, withHash, withPlace bool

	order geoOrdering
	count int64 // 0: all
	any   bool  // any of them, not the nearest

	store         int // which argument is the key that takes what is found; 0: none
	storeDistance bool
}

type geoOrdering uint8

const (
	unsorted geoOrdering = iota
	nearestFirst
	farthestFirst
)

// read reads all arguments; after an error it is answered and ok false. z is the sorted
// set, which may be empty: then a member cannot be looked up, but all else is read.
func (q *geoQuery) read(c *Call, z *state.Ranked) (ok bool) {
	i := q.source + 1
	switch {
	case q.form&geoAround != 0:
		if q.shape.middle, ok = c.place(2); !ok || !q.circle(c, 4) {
			return false
		}
		i = 6
	case q.form&geoAroundMember != 0:
		if z.Len() > 0 && (!q.member(c, z, 2) || !q.circle(c, 3)) {
			return false
		}
		i = 5
	}
	for i < len(c.Args) {
		taken := q.option(c, z, i)
		if taken == 0 {
			return false
		}
		i += taken
	}
	return q.agrees(c)
}

// option reads the option at Args[i] and returns how many words it has, 0 after an error.
func (q *geoQuery) option(c *Call, z *state.Ranked, i int) (taken int) {
	follow := len(c.Args) - i - 1
	stores := q.form == geoAround || q.form == geoAroundMember
	switch {
	case c.Is(i, "WITHDIST"):
		q.withDistance = true
	case c.Is(i, "WITHHASH"):
		q.withHash = true
	case c.Is(i, "WITHCOORD"):
		q.withPlace = true
	case c.Is(i, "ANY"):
		q.any = true
	case c.Is(i, "ASC"):
		q.order = nearestFirst
	case c.Is(i, "DESC"):
		q.order = farthestFirst
	case c.Is(i, "COUNT") && follow >= 1:
		return q.readCount(c, i+1)
	case c.Is(i, "STORE") && follow >= 1 && stores:
		q.store, q.storeDistance = i+1, false
		return 2
	case c.Is(i, "STOREDIST") && follow >= 1 && stores:
		q.store, q.storeDistance = i+1, true
		return 2
	case c.Is(i, "STOREDIST") && q.form == geoSearchStore:
		q.storeDistance = true
	default:
		return q.where(c, z, i)
	}
	return 1
}

func (q *geoQuery) readCount(c *Call, i int) (taken int) {
	n, ok := c.Int(i)
	if !ok {
		return 0
	}
	if n <= 0 {
		c.Out.Error("ERR COUNT must be > 0")
		return 0
	}
	q.count = n
	return 2
}

// where reads one of the options that only GEOSEARCH has, as option does.
func (q *geoQuery) where(c *Call, z *state.Ranked, i int) (taken int) {
	follow, ok := len(c.Args)-i-1, true
	if q.form&(geoSearch|geoSearchStore) == 0 {
		follow = 0
	}
	switch {
	case c.Is(i, "FROMMEMBER") && follow >= 1 && !q.hasPlace:
		q.hasMember = true
		taken, ok = 2, z.Len() == 0 || q.member(c, z, i+1)
	case c.Is(i, "FROMLONLAT") && follow >= 2 && !q.hasMember:
		q.hasPlace = true
		taken = 3
		q.shape.middle, ok = c.place(i + 1)
	case c.Is(i, "BYRADIUS") && follow >= 2 && !q.hasBox:
		q.hasCircle = true
		taken, ok = 3, q.circle(c, i+1)
	case c.Is(i, "BYBOX") && follow >= 3 && !q.hasCircle:
		q.hasBox, q.shape.box = true, true
		taken, ok = 4, q.sides(c, i+1)
	default:
		c.Out.Error(TextSyntax)
	}
	if !ok {
		return 0
	}
	return taken
}

// member makes the place of the member at Args[i] the middle; after an error it is answered.
func (q *geoQuery) member(c *Call, z *state.Ranked, i int) (ok bool) {
	score, ok := z.Score(c.Args[i])
	if !ok {
		c.Out.Error("ERR could not decode requested zset member")
		return false
	}
	q.shape.middle = placeOf(score)
	return true
}

// circle reads the radius at Args[i] and the unit behind it; after an error it is answered.
func (q *geoQuery) circle(c *Call, i int) (ok bool) {
	q.shape.radius, ok = ParseDouble(c.Args[i])
	switch {
	case !ok:
		c.Out.Error("ERR need numeric radius")
		return false
	case q.shape.radius < 0:
		c.Out.Error("ERR radius cannot be negative")
		return false
	}
	q.shape.unit, ok = c.unit(i + 1)
	return ok
}

// sides reads the width at Args[i], the height and the unit behind it; after an error it is
// answered.
func (q *geoQuery) sides(c *Call, i int) (ok bool) {
	s := &q.shape
	if s.width, ok = ParseDouble(c.Args[i]); !ok {
		c.Out.Error("ERR need numeric width")
		return false
	}
	if s.height, ok = ParseDouble(c.Args[i+1]); !ok {
		c.Out.Error("ERR need numeric height")
		return false
	}
	if s.width < 0 || s.height < 0 {
		c.Out.Error("ERR height or width cannot be negative")
		return false
	}
	s.unit, ok = c.unit(i + 2)
	return ok
}

// agrees reports whether the options go together; if not, the error is answered.
func (q *geoQuery) agrees(c *Call) bool {
	searches := q.form&(geoSearch|geoSearchStore) != 0
	name := string(c.Args[0]) // as it was typed
	switch {
	case q.store > 0 && (q.withDistance || q.withHash || q.withPlace):
		what := "STORE option in GEORADIUS"
		if q.form == geoSearchStore {
			what = "GEOSEARCHSTORE"
		}
		c.Out.Error("ERR " + what + " is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
	case searches && !q.hasMember && !q.hasPlace:
		c.Out.Error("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + name)
	case searches && !q.hasCircle && !q.hasBox:
		c.Out.Error("ERR exactly one of BYRADIUS and BYBOX can be specified for " + name)
	case q.any && q.count == 0:
		c.Out.Error("ERR the ANY argument requires COUNT argument")
	default:
		return true
	}
	return false
}
