package command

import (
	"math"
	"strconv"
)

// geoCommands are the commands on places: sorted sets whose scores are geohashes.
func geoCommands() []*Spec {
	return append(geoMembers(), geoSearches()...)
}

func geoMembers() []*Spec {
	key, member := Arg{Name: "key", Type: "key"}, Arg{Name: "member", Type: "string", Flags: "multiple"}
	read := func(name string, arity int, complexity, summary string, decide Decide, more ...Arg) *Spec {
		return &Spec{
			Name: name, Arity: arity, Flags: ReadOnly, Keys: oneKey("RO ACCESS"), Categories: "geo", Since: "3.2.0", Group: "geo",
			Complexity: complexity, Summary: summary, Args: append([]Arg{key}, more...), Decide: decide,
		}
	}
	const each = "O(log(N)) for each member, where N is the number of members in the sorted set."
	unit := geoUnit()
	unit.Flags = "optional"
	return []*Spec{
		{
			Name: "geoadd", Arity: -5, Flags: Write | DenyOOM, Keys: oneKey("RW UPDATE"), Categories: "geo", Since: "3.2.0", Group: "geo",
			Complexity: each, Summary: "Adds members at longitudes and latitudes, or moves them there, and returns how many are new.",
			Args: []Arg{key,
				{Name: "condition", Type: "oneof", Flags: "optional", Sub: []Arg{
					{Name: "nx", Type: "pure-token", Token: "NX"}, {Name: "xx", Type: "pure-token", Token: "XX"}}},
				{Name: "change", Type: "pure-token", Token: "CH", Flags: "optional"},
				{Name: "data", Type: "block", Flags: "multiple", Sub: []Arg{
					{Name: "longitude", Type: "double"}, {Name: "latitude", Type: "double"}, {Name: "member", Type: "string"}}}},
			Decide: geoaddCommand,
		},
		read("geodist", -4, "O(log(N))", "Returns how far one member is from another.", geodistCommand,
			Arg{Name: "member1", Type: "string"}, Arg{Name: "member2", Type: "string"}, unit),
		read("geohash", -2, each, "Returns the places of members as geohash strings.", geohashCommand, member),
		read("geopos", -2, each, "Returns the longitudes and latitudes of members.", geoposCommand, member),
	}
}

// geoUnit documents a unit of length.
func geoUnit() Arg {
	return Arg{Name: "unit", Type: "oneof", Sub: []Arg{
		{Name: "m", Type: "pure-token", Token: "M"}, {Name: "km", Type: "pure-token", Token: "KM"},
		{Name: "ft", Type: "pure-token", Token: "FT"}, {Name: "mi", Type: "pure-token", Token: "MI"}}}
}

// place reads Args[i] and the next as longitude and latitude; after an error it is answered.
func (c *Call) place(i int) (p geoPlace, ok bool) {
	longitude, ok := ParseDouble(c.Args[i])
	latitude, fine := ParseDouble(c.Args[i+1])
	if !ok || !fine {
		c.Out.Error(TextNotFloat)
		return p, false
	}
	if math.Abs(longitude) > maxLongitude || math.Abs(latitude) > maxLatitude {
		text := append([]byte("ERR invalid longitude,latitude pair "), textOf(longitude)...)
		text = append(append(text, ','), textOf(latitude)...)
		c.Out.Error(string(text))
		return p, false
	}
	return geoPlace{longitude, latitude}, true
}

// textOf is a number with six decimals, as C prints it.
func textOf(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return strconv.FormatFloat(f, 'f', 6, 64)
}

// unit reads Args[i] as a unit and gives its metres; after an error it is answered.
func (c *Call) unit(i int) (metres float64, ok bool) {
	switch {
	case c.Is(i, "M"):
		return 1, true
	case c.Is(i, "KM"):
		return 1000, true
	case c.Is(i, "FT"):
		return 0.3048, true
	case c.Is(i, "MI"):
		return 1609.34, true
	}
	c.Out.Error("ERR unsupported unit provided. please use M, KM, FT, MI")
	return 0, false
}

func geodistCommand(c *Call) {
	metres := 1.0
	switch {
	case len(c.Args) > 5:
		c.Out.Error(TextSyntax)
		return
	case len(c.Args) == 5:
		unit, ok := c.unit(4)
		if !ok {
			return
		}
		metres = unit
	}
	z, ok := c.zset()
	if !ok {
		return
	}
	from, one := z.Score(c.Args[2])
	to, other := z.Score(c.Args[3])
	if !one || !other {
		c.Out.Null()
		return
	}
	c.replyDistance(geoDistance(placeOf(from), placeOf(to)) / metres)
}

func (c *Call) replyDistance(d float64) {
	var text [32]byte
	c.Out.Bulk(appendDistance(text[:0], d))
}

func geohashCommand(c *Call) {
	z, ok := c.zset()
	if !ok {
		return
	}
	c.Out.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		var text [11]byte
		if score, there := z.Score(member); there {
			c.Out.Bulk(placeOf(score).text(text[:0]))
		} else {
			c.Out.Null()
		}
	}
}

func geoposCommand(c *Call) {
	z, ok := c.zset()
	if !ok {
		return
	}
	c.Out.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		if score, there := z.Score(member); there {
			c.replyPlace(placeOf(score))
		} else {
			c.Out.NullArray()
		}
	}
}

func (c *Call) replyPlace(p geoPlace) {
	c.Out.Array(2)
	c.replyDecimal(p.longitude)
	c.replyDecimal(p.latitude)
}

// replyDecimal answers a number with all its decimals up to the 17th, not the shortest
// text that gives it back: this has stayed as it was in Redis 7.2.
func (c *Call) replyDecimal(f float64) {
	var room [40]byte
	c.Out.Decimal(trimDecimals(strconv.AppendFloat(room[:0], f, 'f', longDoubleDigits, 64), 0))
}
