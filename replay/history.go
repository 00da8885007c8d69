package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

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
	Before Value
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

// History hands every entry of a range that changed a key to visit, in order:
// writes, expiry, and what befell its database as a whole (flush, swap, renames
// over it). It returns the range that r resolved to. An error of visit ends it.
func History(dir string, db int, key []byte, r Range, visit func(Change) error) (Span, error) {
	w, err := Look(dir)
	if err != nil {
		return Span{}, err
	}
	span, err := w.ResolveRange(r, time.Now())
	if err != nil {
		return span, err
	}
	h := historian{dir: dir, db: db, key: key}
	return span, h.over(span, visit)
}

// over follows the key over a range.
func (h *historian) over(span Span, visit func(Change) error) error {
	if span.After.Offset >= span.To.Offset {
		return nil
	}
	b, err := compaction.Build(h.dir, span.After.Offset, nil)
	if err != nil {
		return err
	}
	if h.st = b.State; h.began != nil {
		h.began()
	}
	reader, err := log.OpenReader(h.dir, span.After.Offset+1)
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		e, err := reader.Next()
		if errors.Is(err, io.EOF) || err == nil && e.Offset > span.To.Offset {
			return nil
		}
		if err != nil {
			return err
		}
		if err := h.entry(e, visit); err != nil {
			return err
		}
	}
}

// historian follows one key through the log.
type historian struct {
	st      *state.State
	dir     string
	origins origins
	db      int
	key     []byte

	// each, where it is not nil, is told of each fact that touches the key, once it is
	// applied. Values are not looked at then.
	each func(f *Fact, in *Line)
	// began, where it is not nil, is called once the state before the range is there.
	began func()
}

// entry applies an entry and reports it if it changed the key.
func (h *historian) entry(e log.Entry, visit func(Change) error) error {
	head, events, err := h.origins.follow(h.dir, e)
	if err != nil {
		return err
	}
	if !h.concerns(e.Body, events) {
		return h.apply(e)
	}
	line, err := h.origins.line(e, head, events)
	if err != nil {
		return err
	}
	if h.each != nil {
		_, err := h.facts(e, head.DB, events, line)
		return err
	}
	c := Change{Line: *line, DB: h.db, Key: h.key, Before: h.value()}
	c.Facts, err = h.facts(e, head.DB, events, line)
	if err != nil || len(c.Facts) == 0 {
		return err
	}
	c.After = h.value()
	return visit(c)
}

func (h *historian) apply(e log.Entry) error {
	if err := h.st.ApplyEntry(e.Body); err != nil {
		return &compaction.Unapplicable{Offset: e.Offset, Err: err}
	}
	return nil
}

// concerns is a quick look: only an entry that holds the key's bytes, or says
// something of whole databases, can change it. It may say yes for nothing.
func (h *historian) concerns(body, events []byte) bool {
	if bytes.Contains(body, h.key) {
		return true
	}
	var e event.Event
	var err error
	for err == nil && len(events) > 0 {
		events, err = e.Decode(events)
		switch e.Kind {
		case event.Flush, event.FlushAll, event.Swap:
			return true
		}
	}
	return err != nil
}

// facts applies an entry event by event and returns those that touch the key.
func (h *historian) facts(e log.Entry, db int, events []byte, in *Line) ([]Fact, error) {
	var found []Fact
	for len(events) > 0 {
		f := Fact{DB: db}
		rest, err := f.Event.Decode(events)
		if err != nil {
			return nil, fmt.Errorf("entry @%d: %w", e.Offset, err)
		}
		touches := h.touches(f)
		if touches {
			found = append(found, f)
		}
		if db, err = h.st.Apply(db, events[:len(events)-len(rest)]); err != nil {
			return nil, &compaction.Unapplicable{Offset: e.Offset, Err: err}
		}
		if touches && h.each != nil {
			h.each(&f, in)
		}
		events = rest
	}
	return found, nil
}

// touches reports whether a fact, about to happen, changes the key.
func (h *historian) touches(f Fact) bool {
	e := &f.Event
	here, same := f.DB == h.db, bytes.Equal(e.Key, h.key)
	switch e.Kind {
	case event.Database, event.Cause:
		return false
	case event.Rename:
		return here && (same || bytes.Equal(e.To, h.key))
	case event.Copy:
		return e.DB == h.db && bytes.Equal(e.To, h.key)
	case event.Move:
		return same && (here || e.DB == h.db)
	case event.Flush:
		return e.DB == h.db && h.exists(h.db)
	case event.FlushAll:
		return h.exists(h.db)
	case event.Swap:
		return e.DB != e.DB2 && (e.DB == h.db || e.DB2 == h.db) && (h.exists(e.DB) || h.exists(e.DB2))
	}
	return here && same
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
