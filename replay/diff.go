package replay

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/altilium-db/altilium/state"
)

// Comparison is two moments of one log side by side. From may lie after To.
type Comparison struct {
	From, To *At     // their states have the keys that may differ; others perhaps not
	touched  []place // keys that may differ, by database and name, each once
}

// place is a key of a database.
type place struct {
	db  int
	key string
}

// Compare finds which keys may differ between two points of the log in dir, and what each
// was: see [Seeker.Compare].
func Compare(dir string, from, to Point, progress func(done, total int64)) (c *Comparison, err error) {
	err = withBoth(dir, from, to, func(s *Seeker, a, b Resolved) (err error) {
		c, err = s.Compare(a, b, progress)
		return err
	})
	return c, err
}

// withBoth hands two points of the log in dir to f.
func withBoth(dir string, from, to Point, f func(s *Seeker, a, b Resolved) error) error {
	w, err := Look(dir)
	if err != nil {
		return err
	}
	s, err := OpenSeeker(dir, nil)
	if err != nil {
		return err
	}
	w.TimeOf = func(offset uint64) (int64, error) {
		if offset >= s.m.Active { // it is not worth an index of what is not sealed
			return TimeOf(dir, offset)
		}
		return s.TimeOf(offset)
	}
	w.FindTime = func(micros int64) (uint64, error) { return s.FindTime(micros, 0) }
	now := time.Now()
	a, err := w.Resolve(from, now)
	if err == nil {
		var b Resolved
		if b, err = w.Resolve(to, now); err == nil {
			err = f(s, a, b)
		}
	}
	return errors.Join(err, s.Close())
}

// Difference is a key that is not the same at both points.
type Difference struct {
	DB            int
	Key           []byte
	Before, After Value
	// Parts are the fields, members or elements that differ, where Before and After are
	// collections of one type; a list's are the stretch between what both begin and end with.
	Parts []Part
	// Beside: what a stream has besides its entries differs, such as its groups.
	Beside bool
}

// Part is a piece of a collection that differs.
type Part struct {
	Name   Text  // field, member or entry id; nil: of a list
	Index  int   // of a list's element: in Before where it is gone, in After where it is new
	Before *Text // value, score, element or fields; nil: it is new
	After  *Text // nil: it is gone
}

// Stat counts what a Comparison has found.
type Stat struct {
	Added   int `json:"added"`   // keys that only To has
	Removed int `json:"removed"` // keys that only From has
	Changed int `json:"changed"`
}

// Differ reports whether there is any difference.
func (s Stat) Differ() bool { return s != Stat{} }

// count counts a difference.
func (s *Stat) count(d *Difference) {
	switch {
	case d.Before.Type == state.None:
		s.Added++
	case d.After.Type == state.None:
		s.Removed++
	default:
		s.Changed++
	}
}

// String is the last line of `altilium diff`.
func (s Stat) String() string {
	return fmt.Sprintf("%d added, %d removed, %d changed", s.Added, s.Removed, s.Changed)
}

// Each hands every difference to visit, by database and name; match leaves keys out
// (nil: none). A key whose expiry has come counts as there until an entry has removed
// it. An error of visit ends it.
func (c *Comparison) Each(match func(key []byte) bool, visit func(Difference) error) (s Stat, err error) {
	for _, p := range c.touched {
		key := []byte(p.key)
		if match != nil && !match(key) {
			continue
		}
		d, ok := c.texts(p.db, key)
		if !ok {
			d = c.at(p.db, key)
		}
		if d.same() {
			continue
		}
		if ok { // visit may keep it
			d.Before.Text, d.After.Text = bytes.Clone(d.Before.Text), bytes.Clone(d.After.Text)
		}
		s.count(&d)
		if err := visit(d); err != nil {
			return s, err
		}
	}
	return s, nil
}

// texts compares one key that is a string, or nothing, at both points; ok is false where it is
// not. It copies nothing: what it says is valid until the states change.
func (c *Comparison) texts(db int, key []byte) (d Difference, ok bool) {
	d = Difference{DB: db, Key: key}
	for _, v := range []struct {
		st   *state.State
		into *Value
	}{{c.From.State, &d.Before}, {c.To.State, &d.After}} {
		text, at, there, err := v.st.View(db, 0).Expiring(key)
		switch {
		case err != nil:
			return d, false
		case there:
			*v.into = Value{Type: state.String, Text: text, ExpireAt: at}
		}
	}
	return d, true
}

// at compares one key.
func (c *Comparison) at(db int, key []byte) Difference {
	a, b := c.From.State.View(db, 0), c.To.State.View(db, 0)
	d := Difference{DB: db, Key: key, Before: ValueAt(a, key), After: ValueAt(b, key)}
	d.find()
	if d.Before.Stream != nil && d.After.Stream != nil {
		x, errX := a.Stream(key)
		y, errY := b.Stream(key)
		d.Beside = errX != nil || errY != nil || !sameStreams(x, y)
	}
	return d
}

// same reports whether there is no difference, after find.
func (d *Difference) same() bool {
	a, b := &d.Before, &d.After
	return a.Type == b.Type && a.ExpireAt == b.ExpireAt && len(d.Parts) == 0 && bytes.Equal(a.Text, b.Text) && !d.Beside
}

// find compares element by element.
func (d *Difference) find() {
	a, b := &d.Before, &d.After
	if a.Type != b.Type {
		return
	}
	switch a.Type {
	case state.List:
		d.Parts = listParts(a.Elements, b.Elements)
	case state.Hash, state.Set, state.ZSet, state.Stream:
		d.Parts = namedParts(a.named(), b.named())
	}
}

// named is a part of a collection that has a name, and its value.
type named struct{ name, value []byte }

// named lists the parts of a collection in its order.
func (v *Value) named() (out []named) {
	for i := 0; i+1 < len(v.Pairs); i += 2 {
		out = append(out, named{v.Pairs[i], v.Pairs[i+1]})
	}
	for i, m := range v.Members {
		n := named{name: m}
		if v.Type == state.ZSet {
			n.value = []byte(scoreText(v.Scores[i]))
		}
		out = append(out, n)
	}
	if v.Stream != nil {
		for _, e := range v.Stream.Entries {
			out = append(out, named{[]byte(e.ID.String()), []byte(pairsText(e.Pairs))})
		}
	}
	return out
}

// namedParts compares by name: what is gone or changed in the order of a, then what
// is new in that of b.
func namedParts(a, b []named) (parts []Part) {
	after := make(map[string][]byte, len(b))
	for _, n := range b {
		after[string(n.name)] = n.value
	}
	before := make(map[string]bool, len(a))
	for _, n := range a {
		before[string(n.name)] = true
		value, there := after[string(n.name)]
		switch {
		case !there:
			parts = append(parts, Part{Name: n.name, Before: text(n.value)})
		case !bytes.Equal(value, n.value):
			parts = append(parts, Part{Name: n.name, Before: text(n.value), After: text(value)})
		}
	}
	for _, n := range b {
		if !before[string(n.name)] {
			parts = append(parts, Part{Name: n.name, After: text(n.value)})
		}
	}
	return parts
}

// listParts compares two lists between what both begin and end with.
func listParts(a, b [][]byte) (parts []Part) {
	lo, short := 0, min(len(a), len(b))
	for lo < short && bytes.Equal(a[lo], b[lo]) {
		lo++
	}
	end := 0
	for end < short-lo && bytes.Equal(a[len(a)-1-end], b[len(b)-1-end]) {
		end++
	}
	for i := lo; i < len(a)-end; i++ {
		parts = append(parts, Part{Index: i, Before: text(a[i])})
	}
	for i := lo; i < len(b)-end; i++ {
		parts = append(parts, Part{Index: i, After: text(b[i])})
	}
	return parts
}

func text(b []byte) *Text { return (*Text)(&b) }

// String is the difference for a person: a line for the key, and one for each part.
func (d Difference) String() string {
	var b strings.Builder
	b.WriteString(d.head())
	for _, p := range d.Parts {
		b.WriteString("\n    ")
		b.WriteString(p.text(d.Before.Type))
	}
	return b.String()
}
