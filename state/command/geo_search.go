package command

import (
	"cmp"
	"slices"

	"github.com/altilium-db/altilium/state"
)

// geoSearches are the commands that look for members near a place.
func geoSearches() []*Spec {
	const around = "O(N+log(M)) where N is the number of members in the cells that cover the shape and M is that of all members."
	key, member := Arg{Name: "key", Type: "key"}, Arg{Name: "member", Type: "string"}
	place := []Arg{{Name: "longitude", Type: "double"}, {Name: "latitude", Type: "double"}}
	radius := []Arg{{Name: "radius", Type: "double"}, geoUnit()}
	old := func(name string, arity int, since, summary string, form geoForm, from ...Arg) *Spec {
		s := &Spec{
			Name: name, Arity: arity, Flags: ReadOnly, Keys: oneKey("RO ACCESS"), Categories: "geo", Since: since, Group: "geo", Complexity: around,
			Summary: summary, Args: slices.Concat([]Arg{key}, from, radius, geoAnswers(), []Arg{geoCount(), geoOrder()}), Decide: form.decide,
		}
		if form&geoReads == 0 {
			s.Flags = Write | DenyOOM | MovableKeys
			for _, word := range []string{"STORE", "STOREDIST"} {
				s.Keys = append(s.Keys, Keys{First: -arity, Step: 1, Keyword: word, Flags: "OW UPDATE"})
			}
			s.Args = append(s.Args, Arg{Name: "store", Type: "oneof", Flags: "optional", Sub: []Arg{
				{Name: "storekey", Type: "key", Token: "STORE"}, {Name: "storedistkey", Type: "key", Token: "STOREDIST"}}})
		}
		return s
	}
	return []*Spec{
		{
			Name: "geosearch", Arity: -7, Flags: ReadOnly, Keys: oneKey("RO ACCESS"), Categories: "geo", Since: "6.2.0", Group: "geo", Complexity: around,
			Summary: "Returns the members in a circle or box.",
			Args:    slices.Concat([]Arg{key}, geoShapes(), []Arg{geoOrder(), geoCount()}, geoAnswers()), Decide: geoSearch.decide,
		},
		{
			Name: "geosearchstore", Arity: -8, Flags: Write | DenyOOM, Keys: []Keys{keysAt(1, 1, 1, "OW UPDATE"), keysAt(2, 2, 1, "RO ACCESS")},
			Categories: "geo", Since: "6.2.0", Group: "geo", Complexity: around, Summary: "Stores the members in a circle or box.",
			Args: slices.Concat([]Arg{{Name: "destination", Type: "key"}, {Name: "source", Type: "key"}}, geoShapes(), []Arg{geoOrder(), geoCount(),
				{Name: "storedist", Type: "pure-token", Token: "STOREDIST", Flags: "optional"}}), Decide: geoSearchStore.decide,
		},
		old("georadius", -6, "3.2.0", "Returns or stores the members around a place.", geoAround, place...),
		old("georadius_ro", -6, "3.2.10", "Returns the members around a place.", geoAround|geoReads, place...),
		old("georadiusbymember", -5, "3.2.0", "Returns or stores the members around one of them.", geoAroundMember, member),
		old("georadiusbymember_ro", -5, "3.2.10", "Returns the members around one of them.", geoAroundMember|geoReads, member),
	}
}

// geoShapes documents GEOSEARCH's ways to say where it looks.
func geoShapes() []Arg {
	return []Arg{
		{Name: "from", Type: "oneof", Sub: []Arg{
			{Name: "member", Type: "string", Token: "FROMMEMBER"},
			{Name: "fromlonlat", Type: "block", Token: "FROMLONLAT", Sub: []Arg{{Name: "longitude", Type: "double"}, {Name: "latitude", Type: "double"}}}}},
		{Name: "by", Type: "oneof", Sub: []Arg{
			{Name: "circle", Type: "block", Sub: []Arg{{Name: "radius", Type: "double", Token: "BYRADIUS"}, geoUnit()}},
			{Name: "box", Type: "block", Sub: []Arg{{Name: "width", Type: "double", Token: "BYBOX"}, {Name: "height", Type: "double"}, geoUnit()}}}},
	}
}

// geoAnswers documents what may be answered with each member.
func geoAnswers() (all []Arg) {
	for _, a := range [][2]string{{"withcoord", "WITHCOORD"}, {"withdist", "WITHDIST"}, {"withhash", "WITHHASH"}} {
		all = append(all, Arg{Name: a[0], Type: "pure-token", Token: a[1], Flags: "optional"})
	}
	return all
}

func geoOrder() Arg {
	return Arg{Name: "order", Type: "oneof", Flags: "optional", Sub: []Arg{
		{Name: "asc", Type: "pure-token", Token: "ASC"}, {Name: "desc", Type: "pure-token", Token: "DESC"}}}
}

func geoCount() Arg {
	return Arg{Name: "count-block", Type: "block", Flags: "optional", Sub: []Arg{
		{Name: "count", Type: "integer", Token: "COUNT"}, {Name: "any", Type: "pure-token", Token: "ANY", Flags: "optional"}}}
}

// geoForm is which of the commands one is.
type geoForm uint8

const (
	geoAround       geoForm = 1 << iota // GEORADIUS
	geoAroundMember                     // GEORADIUSBYMEMBER
	geoReads                            // … _RO
	geoSearch                           // GEOSEARCH
	geoSearchStore                      // GEOSEARCHSTORE
)

func (form geoForm) decide(c *Call) {
	q := geoQuery{form: form, source: 1}
	if form == geoSearchStore {
		q.source, q.store = 2, 1
	}
	z, ok := c.zsetAt(c.Args[q.source])
	if !ok || !q.read(c, &z) {
		return
	}
	switch {
	case q.store > 0:
		q.storeIn(c, q.find(&z))
	case q.order == unsorted && (q.count == 0 || q.any):
		q.replyAsFound(c, &z)
	default:
		found := q.find(&z)
		c.Out.Array(len(found.order))
		for i := range found.order {
			q.replyPoint(c, found.at(i))
		}
	}
}

// geoFound is members that were found, and the order in which they are answered.
type geoFound struct {
	points []geoPoint
	order  []geoRank
}

// geoRank is a point in that order: it is moved in its place, since it is smaller.
type geoRank struct {
	distance float64
	point    int
}

func (f *geoFound) at(i int) *geoPoint { return &f.points[f.order[i].point] }

// find is the members that are asked for, in order.
func (q *geoQuery) find(z *state.Ranked) (found geoFound) {
	among, members := q.shape.stretches(z)
	limit := int(min(q.count, int64(z.Len())))
	if q.any {
		members = min(members, limit)
	}
	found.points, found.order = make([]geoPoint, 0, members), make([]geoRank, 0, members)
	q.shape.search(z, among, func(p *geoPoint) bool {
		found.order = append(found.order, geoRank{p.distance, len(found.points)})
		found.points = append(found.points, *p)
		return !q.any || len(found.points) != limit
	})
	switch {
	case q.count > 0 && limit < len(found.order): // the nearest, unless the farthest are asked for
		sortPart(found.order, 0, limit-1, func(a, b *geoRank) int { return q.compare(a.distance, b.distance) })
		found.order = found.order[:limit]
	case q.order != unsorted || q.count > 0 && !q.any:
		slices.SortFunc(found.order, func(a, b geoRank) int { // stable
			return cmp.Or(q.compare(a.distance, b.distance), cmp.Compare(a.point, b.point))
		})
	}
	return found
}

// replyAsFound answers the members in the order in which they are found.
func (q *geoQuery) replyAsFound(c *Call, z *state.Ranked) {
	from, n := c.Out.Len(), 0
	among, _ := q.shape.stretches(z)
	q.shape.search(z, among, func(p *geoPoint) bool {
		q.replyPoint(c, p)
		n++
		return int64(n) != q.count
	})
	c.Out.ArrayFrom(from, n)
}

// compare says which of two distances comes first.
func (q *geoQuery) compare(a, b float64) int {
	if q.order == farthestFirst {
		a, b = b, a
	}
	switch {
	case a > b:
		return 1
	case a == b:
		return 0
	}
	return -1
}

// replyPoint answers a member, with whatever is asked for besides.
func (q *geoQuery) replyPoint(c *Call, p *geoPoint) {
	parts := 1
	for _, with := range [...]bool{q.withDistance, q.withHash, q.withPlace} {
		if with {
			parts++
		}
	}
	if parts > 1 {
		c.Out.Array(parts)
	}
	c.Out.Bulk(p.member)
	if q.withDistance {
		c.replyDistance(p.distance / q.shape.unit)
	}
	if q.withHash {
		c.Out.Int(int64(p.score))
	}
	if q.withPlace {
		c.replyPlace(placeOf(p.score))
	}
}

// storeIn gives the key that is named for it what was found.
func (q *geoQuery) storeIn(c *Call, found geoFound) {
	scores, members := make([]float64, len(found.order)), make([][]byte, len(found.order))
	for i := range found.order {
		p := found.at(i)
		scores[i], members[i] = p.score, p.member
		if q.storeDistance {
			scores[i] = p.distance / q.shape.unit
		}
	}
	c.storeScores(c.Args[q.store], scores, members)
}
