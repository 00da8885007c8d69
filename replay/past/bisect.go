package past

import (
	"context"
	"math/rand/v2"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

// Bisection looks for the first entry after which the condition no longer holds in a
// database. told, which may be nil, gets each try and what was asked in it. The caller gives
// the rest: the window and the ends.
func (x *Expr) Bisection(table *command.Table, db int, told func(p replay.Probe, asked []string)) *replay.Bisection {
	var asked []string
	b := &replay.Bisection{
		Try: func(_ context.Context, at *replay.At) (replay.Verdict, error) {
			r := &Reader{
				Table: table, At: at.Resolved, State: at.State, DB: db,
				Rand: rand.New(rand.NewPCG(at.Offset, 0)).Uint64, // the same numbers for the same point
			}
			j, err := x.Judge(r)
			asked = j.Asked
			if j.Holds {
				return replay.Good, err
			}
			return replay.Bad, err
		},
		Told: func(p replay.Probe) {
			if told != nil {
				told(p, asked)
			}
		},
	}
	keys, all := x.Keys()
	if all {
		return b
	}
	named := make(map[string]bool, len(keys))
	for _, k := range keys {
		named[string(k)] = true
	}
	b.Touches = func(in int, key []byte) bool { return in == db && named[string(key)] }
	b.Expiring = func(at *replay.At) bool { return anyExpiry(at.State.View(db, 0), keys) }
	return b
}

// anyExpiry reports whether one of the keys has an expiry.
func anyExpiry(view state.View, keys [][]byte) bool {
	for _, k := range keys {
		if ms, ok := view.ExpireAt(k); ok && ms != 0 {
			return true
		}
	}
	return false
}
