package command

import (
	"bytes"
	"math"

	"github.com/altilium-db/altilium/state"
)

// lposOptions is what LPOS is to find.
type lposOptions struct {
	rank   int64 // which of those that are equal, from 1; negative ones from the right
	count  int64 // how many of them; 0: all, -1: one, which is answered alone
	maxlen int64 // how many elements are compared at most; 0: all
}

func lposCommand(c *Call) {
	o, ok := c.lposOptions()
	if !ok {
		return
	}
	l, ok := c.list()
	if !ok {
		return
	}
	places := find(&l, c.Args[2], o)
	switch {
	case o.count >= 0:
		c.Out.Array(len(places))
		for _, i := range places {
			c.Out.Int(int64(i))
		}
	case len(places) > 0:
		c.Out.Int(int64(places[0]))
	default:
		c.Out.Null()
	}
}

// lposOptions reads the words of LPOS; after an error it is answered.
func (c *Call) lposOptions() (o lposOptions, ok bool) {
	o = lposOptions{rank: 1, count: -1}
	for i := 3; i < len(c.Args); i += 2 {
		last := i+1 == len(c.Args)
		switch {
		case c.Is(i, "RANK") && !last:
			if o.rank, ok = c.Int(i + 1); !ok {
				return o, false
			}
			if problem := rankProblem(o.rank); problem != "" {
				c.Out.Error(problem)
				return o, false
			}
		case c.Is(i, "COUNT") && !last:
			if o.count, ok = ParseInt(c.Args[i+1]); !ok || o.count < 0 {
				c.Out.Error("ERR COUNT can't be negative")
				return o, false
			}
		case c.Is(i, "MAXLEN") && !last:
			if o.maxlen, ok = ParseInt(c.Args[i+1]); !ok || o.maxlen < 0 {
				c.Out.Error("ERR MAXLEN can't be negative")
				return o, false
			}
		default:
			c.Out.Error(TextSyntax)
			return o, false
		}
	}
	return o, true
}

// rankProblem is why a RANK is refused, "" where it is not.
func rankProblem(rank int64) string {
	switch rank {
	case math.MinInt64:
		return textNoOpposite
	case 0:
		return "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list"
	}
	return ""
}

// find finds the places of elements that are equal to x.
func find(l *state.Elements, x []byte, o lposOptions) (places []int) {
	skip, backwards := o.rank-1, o.rank < 0
	if backwards {
		skip = -o.rank - 1
	}
	most := int64(l.Len())
	if o.maxlen > 0 {
		most = min(most, o.maxlen)
	}
	for k := range int(most) {
		i := k
		if backwards {
			i = l.Len() - 1 - k
		}
		if !bytes.Equal(l.At(i), x) {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		if places = append(places, i); o.count != 0 && int64(len(places)) >= o.count {
			break
		}
	}
	return places
}
