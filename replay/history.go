package replay

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// Change is an entry that changed a key. What it points to is valid during the
// visit.
type Change struct {
	Line          // Facts are those that concern the key
	DB     int    // of the key
	Key    []byte //
	Before Value  // Before and After only where they were asked for
	After  Value
}

// Value is what a key held.
type Value struct {
	Type     state.Type // state.None: there was no key
	Text     []byte     // a string
	Pairs    [][]byte   // a hash: field, value, field, value …
	Elements [][]byte   // a list
	Members  [][]byte   // a set, or a sorted set in its order
	Scores   []float64  // of the members of a sorted set
	Stream   *Stream    // a stream
	ExpireAt int64      // ms since 1970; 0: never
}

// Changes hands every entry after an offset up to another that changed a key to visit, in
// order: writes, expiry, and what befell its database as a whole (flush, swap, renames
// over it). values: with what it held before and after, which costs a copy of the whole
// value for each change. An error of visit ends it.
func (s *Seeker) Changes(k Key, after, to uint64, values bool, visit func(Change) error) error {
	if after >= to {
		return nil
	}
	b, err := s.At(after, k)
	if err == nil {
		err = s.look(to)
	}
	if err != nil {
		return err
	}
	h := historian{s: s, st: b.State, db: k.DB, key: k.Key}
	if values {
		visit = h.withValues(visit)
	}
	return h.over(after, to, func(e log.Entry) error { return h.entry(e, visit) })
}

// over hands the entries of a range that may change the key to each.
func (h *historian) over(after, to uint64, each func(log.Entry) error) error {
	for w := h.s.forwards(h.s.f.h.Key(h.db, h.key), after+1); ; {
		e, ok, err := w.next(after + 1)
		if err != nil || !ok || e.Offset > to {
			return err
		}
		if err := each(e); err != nil {
			return err
		}
	}
}

// historian follows one key through the log. Its state has that key and, for the moment of
// an event, what that makes it from.
type historian struct {
	s   *Seeker
	st  *state.State
	db  int
	key []byte

	scratch []happening // of the entry before
}

// withValues adds to each change what the key held before and after.
func (h *historian) withValues(visit func(Change) error) func(Change) error {
	held := h.value()
	return func(c Change) error {
		c.Before, c.After = held, h.value()
		held = c.After
		return visit(c)
	}
}

// entry lets an entry happen and reports it if it changed the key.
func (h *historian) entry(e log.Entry, visit func(Change) error) error {
	list, err := happenings(e, h.scratch)
	if err != nil {
		return err
	}
	h.scratch = list
	c := Change{DB: h.db, Key: h.key}
	for i := range list {
		touched, err := h.happen(list, i)
		if err != nil {
			return err
		}
		if touched {
			c.Facts = append(c.Facts, Fact{DB: list[i].db, Event: list[i].event})
		}
	}
	if len(c.Facts) == 0 {
		return nil
	}
	line, err := h.s.line(e)
	if err != nil {
		return err
	}
	line.Facts = c.Facts
	c.Line = *line
	return visit(c)
}

// happen lets an event of an entry happen, if it is one for the key.
func (h *historian) happen(list []happening, i int) (touched bool, err error) {
	f := &list[i]
	e := &f.event
	from := Key{DB: h.db, Key: h.key} // where the key's value comes from
	switch {
	case !e.Touches(f.db, h.db, h.key):
		return false, nil
	case e.Kind == event.Swap:
		from.DB = e.DB + e.DB2 - h.db
	case e.Kind == event.Rename && bytes.Equal(e.To, h.key):
		from.Key = e.Key
	case e.Kind == event.Copy:
		from = Key{DB: f.db, Key: e.Key}
	case e.Kind == event.Move && e.DB == h.db:
		from.DB = f.db
	}
	other := from.DB != h.db || !bytes.Equal(from.Key, h.key)
	if other {
		if err := h.fetch(from, list[:i], f.offset); err != nil {
			return false, err
		}
	}
	switch e.Kind {
	case event.Flush, event.FlushAll:
		touched = h.exists(h.db)
	case event.Swap:
		touched = h.exists(h.db) || h.exists(from.DB)
	default:
		touched = true
	}
	if _, err := h.st.Apply(f.db, f.bytes); err != nil {
		return false, &compaction.Unapplicable{Offset: f.offset, Err: err}
	}
	return touched, h.forget()
}

// fetch brings what another key held before an event, which comes after those events of its
// entry, into the state.
func (h *historian) fetch(k Key, before []happening, offset uint64) error {
	for {
		b, err := h.s.base(offset - 1)
		if err != nil {
			return err
		}
		d := &descent{s: h.s, db: k.DB, key: k.Key, after: b.Offset()}
		d.back(before)
		if err := d.from(offset - 1); err != nil {
			return err
		}
		records, err := h.s.inCheckpoint(b.Checkpoint, []*descent{d})
		if h.s.refused(err) {
			continue
		}
		if err != nil {
			return err
		}
		return d.into(h.st, state.New(compaction.Seed(h.s.m.RootID())), k, records[0])
	}
}

// forget takes everything but the key out of the state.
func (h *historian) forget() error {
	return removeBut(h.st, func(db int, key []byte) bool { return db == h.db && bytes.Equal(key, h.key) })
}

// exists looks past expiry: a key that is due is there until an event removes it.
func (h *historian) exists(db int) bool { return h.st.View(db, 0).Exists(h.key) }

// value copies what the key holds.
func (h *historian) value() Value { return ValueAt(h.st.View(h.db, 0), h.key) }

// ValueAt copies what a key of a view holds.
func ValueAt(view state.View, key []byte) Value {
	v := Value{Type: view.Type(key)}
	v.ExpireAt, _ = view.ExpireAt(key)
	switch v.Type {
	case state.None:
	case state.String:
		text, _, err := view.String(key)
		if err == nil {
			v.Text = bytes.Clone(text)
		}
	case state.Hash:
		hash, err := view.Hash(key)
		for i := 0; err == nil && i < hash.Len(); i++ {
			field, value := hash.At(i)
			v.Pairs = append(v.Pairs, bytes.Clone(field), bytes.Clone(value))
		}
	case state.List:
		list, err := view.List(key)
		for i := 0; err == nil && i < list.Len(); i++ {
			v.Elements = append(v.Elements, bytes.Clone(list.At(i)))
		}
	case state.Set:
		set, err := view.Set(key)
		for i := 0; err == nil && i < set.Len(); i++ {
			v.Members = append(v.Members, bytes.Clone(set.At(i)))
		}
	case state.ZSet:
		z, err := view.ZSet(key)
		for i := 0; err == nil && i < z.Len(); i++ {
			member, score := z.At(i)
			v.Members, v.Scores = append(v.Members, bytes.Clone(member)), append(v.Scores, score)
		}
	case state.Stream:
		if entries, err := view.Stream(key); err == nil {
			v.Stream = streamOf(entries)
		}
	}
	return v
}

// String is the change for a person.
func (c Change) String() string { return c.Line.String() + " => " + c.After.String() }

// scoreText is the shortest text that gives the same number.
func scoreText(score float64) string { return strconv.FormatFloat(score, 'g', -1, 64) }

// String is a value as it would be typed.
func (v Value) String() string {
	var text string
	switch v.Type {
	case state.None:
		return "(none)"
	case state.String:
		text = strconv.Quote(string(v.Text))
	case state.List:
		elements := make([]string, 0, len(v.Elements))
		for _, x := range v.Elements {
			elements = append(elements, strconv.Quote(string(x)))
		}
		text = "[" + strings.Join(elements, ", ") + "]"
	case state.Set, state.ZSet:
		members := make([]string, 0, len(v.Members))
		for i, m := range v.Members {
			member := strconv.Quote(string(m))
			if v.Type == state.ZSet {
				member += ": " + scoreText(v.Scores[i])
			}
			members = append(members, member)
		}
		text = "{" + strings.Join(members, ", ") + "}"
	case state.Stream:
		text = v.Stream.String()
	default:
		text = pairsText(v.Pairs)
	}
	if v.ExpireAt > 0 {
		text += " expires " + stamp(v.ExpireAt*1000)
	}
	return text
}

// pairsText is fields with their values as they would be typed.
func pairsText[T ~[]byte](pairs []T) string {
	fields := make([]string, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		fields = append(fields, strconv.Quote(string(pairs[i]))+": "+strconv.Quote(string(pairs[i+1])))
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

// changeJSON is a Change's JSON form; names are never changed.
type changeJSON struct {
	Line   *Line `json:"entry"`
	DB     int   `json:"db"`
	Key    Text  `json:"key"`
	Before Value `json:"before"`
	After  Value `json:"after"`
}

// MarshalJSON is the change for a program.
func (c Change) MarshalJSON() ([]byte, error) {
	return json.Marshal(changeJSON{&c.Line, c.DB, c.Key, c.Before, c.After})
}

// valueJSON is a Value's JSON form.
type valueJSON struct {
	Type     string    `json:"type"`
	Value    *Text     `json:"value,omitempty"`
	Fields   [][2]Text `json:"fields,omitempty"`
	Elements []Text    `json:"elements,omitempty"`
	Members  []Text    `json:"members,omitempty"`
	Scores   []string  `json:"scores,omitempty"`
	Stream   *Stream   `json:"stream,omitempty"`
	ExpireMS int64     `json:"expire_at_ms,omitempty"`
}

// MarshalJSON keeps the order of a hash's fields.
func (v Value) MarshalJSON() ([]byte, error) {
	out := valueJSON{Type: v.Type.String(), Stream: v.Stream, ExpireMS: v.ExpireAt}
	if v.Type == state.String {
		out.Value = (*Text)(&v.Text)
	}
	for i := 0; i+1 < len(v.Pairs); i += 2 {
		out.Fields = append(out.Fields, [2]Text{v.Pairs[i], v.Pairs[i+1]})
	}
	for _, x := range v.Elements {
		out.Elements = append(out.Elements, x)
	}
	for _, m := range v.Members {
		out.Members = append(out.Members, m)
	}
	for _, score := range v.Scores {
		out.Scores = append(out.Scores, scoreText(score))
	}
	return json.Marshal(out)
}
