package replay

import (
	"bytes"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// undoer records the facts that lead from one moment of a Comparison to the other.
type undoer struct {
	c *Comparison
	b event.Buffer
	n int // database that the events recorded so far are in
}

// key makes a key of From what it is in To. What is small there is made anew, so that its
// order is what it was; of a large hash, set or sorted set, whose order does not depend on how it
// came to be, only the parts that differ are told.
func (u *undoer) key(d *Difference) {
	before, after := &d.Before, &d.After
	view := u.c.To.State.View(d.DB, 0)
	if after.Type == state.String {
		u.text(d.DB, d.Key, after.Text, after.ExpireAt, view.Encoding(d.Key) == "int")
		return
	}
	u.in(d.DB)
	had := before.ExpireAt
	switch {
	case before.Type == after.Type && len(d.Parts) == 0 && !d.Beside: // only the expiry differs
	case before.Type == after.Type && u.large(view, d):
		u.parts(d)
	default:
		if before.Type != state.None {
			u.b.Delete(d.Key, event.Undone)
		}
		had = 0
		u.make(view, d)
	}
	if after.Type != state.None && after.ExpireAt != had {
		u.b.Expire(d.Key, after.ExpireAt)
	}
}

// in has what follows happen in a database.
func (u *undoer) in(db int) {
	if u.n != db {
		u.n = db
		u.b.Database(db)
	}
}

// text makes a key a string; number is whether it is kept as one.
func (u *undoer) text(db int, key, text []byte, at int64, number bool) {
	if u.in(db); number {
		u.b.String(key, text, at)
	} else {
		u.b.Text(key, text, at) // which digits alone need not be a number
	}
}

// large reports whether the parts of a collection are told rather than all of it.
func (u *undoer) large(view state.View, d *Difference) bool {
	switch view.Encoding(d.Key) {
	case "hashtable", "skiplist":
		return true
	}
	return false
}

// parts changes a collection: what comes first, so that the key is not gone between.
func (u *undoer) parts(d *Difference) {
	now := map[string]float64{}
	for i, m := range d.After.Members {
		if d.After.Type == state.ZSet {
			now[string(m)] = d.After.Scores[i]
		}
	}
	var gone, set [][]byte
	var scores []float64
	for _, p := range d.Parts {
		switch {
		case p.After == nil:
			gone = append(gone, p.Name)
		case d.After.Type == state.Hash:
			set = append(set, p.Name, *p.After)
		default:
			set, scores = append(set, p.Name), append(scores, now[string(p.Name)])
		}
	}
	u.add(d, set, scores)
	if len(gone) == 0 {
		return
	}
	switch d.After.Type {
	case state.Hash:
		u.b.HashDelete(d.Key, gone...)
	case state.Set:
		u.b.SetRemove(d.Key, gone...)
	case state.ZSet:
		u.b.ZSetRemove(d.Key, gone...)
	}
}

// add puts pairs, or members with the scores of a sorted set's, into a collection.
func (u *undoer) add(d *Difference, items [][]byte, scores []float64) {
	switch {
	case len(items) == 0:
	case d.After.Type == state.Hash:
		u.b.HashSet(d.Key, items...)
	case d.After.Type == state.Set:
		u.b.SetAdd(d.Key, items...)
	case d.After.Type == state.ZSet:
		u.b.ZSetAdd(d.Key, scores, items)
	}
}

// make makes a key that is not there.
func (u *undoer) make(view state.View, d *Difference) {
	v := &d.After
	switch v.Type {
	case state.Hash:
		u.add(d, v.Pairs, nil)
	case state.Set, state.ZSet:
		u.add(d, v.Members, v.Scores)
	case state.List:
		u.b.ListPush(d.Key, event.Right, v.Elements...)
	case state.Stream:
		u.stream(view, d.Key)
	}
}

// stream makes a stream with its groups.
func (u *undoer) stream(view state.View, key []byte) {
	s, err := view.Stream(key)
	if err != nil {
		return // it is one: the view has said so
	}
	s.Range(event.ID{}, event.MaxID(), func(e *state.StreamEntry) bool {
		var pairs [][]byte
		for range e.Len() {
			field, value := e.Next()
			pairs = append(pairs, bytes.Clone(field), bytes.Clone(value))
		}
		u.b.StreamAdd(key, e.ID, pairs...)
		return true
	})
	u.b.StreamSet(key, s.Last(), s.Added(), s.Deleted())
	for i := range s.Groups() {
		g := s.GroupAt(i)
		u.b.StreamGroup(key, g.Name(), g.Last(), g.Read())
		for k := range g.Consumers() {
			c := g.ConsumerAt(k)
			u.b.StreamConsumer(key, g.Name(), c.Name(), c.Seen(), c.Active())
		}
		g.EachPending(event.ID{}, func(p state.Pending) bool {
			u.b.StreamPending(key, g.Name(), p.Consumer, p.Since, []event.ID{p.ID}, []uint64{p.Count})
			return true
		})
	}
}
