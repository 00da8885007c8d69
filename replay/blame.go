package replay

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// Blame is a part of what a key holds and the entry that wrote it: a hash's field, a member,
// an element, an entry of a stream, or the whole of a string.
type Blame struct {
	DB    int
	Key   []byte
	Type  state.Type
	Name  []byte // the field, the member, the stream entry's id; of a list the index
	Value []byte // of a field, an element, a string; of a sorted set's member the score
	By    *Line  // without Facts; nil: it was there before the first reachable point
	Since uint64 // that point, where By is nil
}

// Blames gives each part of what a key held after the entry at to, in the order of its value,
// with the entry that wrote it last. What came with a rename, a copy or a restore was written
// by that. since is the first offset to look back to, mostly the first that can be reached.
// Given a field, only that part: nothing where it is not there.
func (s *Seeker) Blames(k Key, field []byte, since, to uint64) ([]Blame, error) {
	b, err := s.blamer(k, since, to)
	if err == nil {
		err = b.over(since, to, b.entry)
	}
	if err != nil {
		return nil, err
	}
	return b.parts(field), nil
}

// blamer is one that knows what a key held at a reachable offset, and can go up to another.
func (s *Seeker) blamer(k Key, since, to uint64) (*blamer, error) {
	built, err := s.At(since, k)
	if err == nil {
		err = s.look(to)
	}
	if err != nil {
		return nil, err
	}
	b := &blamer{historian: historian{s: s, st: built.State, db: k.DB, key: k.Key}, since: since, marks: map[string]*Line{}}
	b.reset(nil)
	return b, nil
}

// blamer follows a key and keeps who wrote its parts. Marks of what is gone stay, and do no
// harm: what comes again is marked again.
type blamer struct {
	historian
	since uint64
	whole *Line            // wrote all that has no mark; nil: it was there at since
	marks map[string]*Line // by name
	list  []*Line          // by place, of a list
}

// entry lets an entry happen.
func (b *blamer) entry(e log.Entry) error {
	list, err := happenings(e, nil)
	if err != nil {
		return err
	}
	var by *Line
	for i := range list {
		touched, err := b.happen(list, i)
		if err == nil && touched && by == nil {
			by, err = b.s.line(e)
		}
		if err != nil {
			return err
		}
		if touched {
			b.note(&list[i].event, by)
		}
	}
	return nil
}

// note takes an event of by that has happened.
func (b *blamer) note(e *event.Event, by *Line) {
	named := func(step int) {
		for i := 0; i < len(e.Items); i += step {
			b.marks[string(e.Items[i])] = by
		}
	}
	switch e.Kind {
	case event.HashSet:
		named(2)
	case event.SetAdd, event.ZSetAdd:
		named(1)
	case event.StreamAdd:
		b.marks[e.Stream.ID.String()] = by
	case event.ListPush:
		for range e.Items {
			at := 0
			if e.Side == event.Right {
				at = len(b.list)
			}
			b.list = slices.Insert(b.list, at, by)
		}
	case event.ListPop:
		if n := int(e.At); e.Side == event.Left {
			b.list = slices.Delete(b.list, 0, n)
		} else {
			b.list = b.list[:len(b.list)-n]
		}
	case event.ListSet:
		b.list[e.At] = by
	case event.ListInsert:
		b.list = slices.Insert(b.list, int(e.At), by)
	case event.ListRemove:
		for _, at := range slices.Backward(e.Places) {
			b.list = slices.Delete(b.list, at, at+1)
		}
	case event.HashDelete, event.SetRemove, event.ZSetRemove, event.Expire, event.StreamDelete, event.StreamTrim, event.StreamSet,
		event.StreamGroup, event.StreamDestroy, event.StreamConsumer, event.StreamForget, event.StreamPending, event.StreamAck:
	default: // another value took its place
		b.reset(by)
	}
}

// reset has by have written all that there is now.
func (b *blamer) reset(by *Line) {
	b.whole = by
	clear(b.marks)
	b.list = b.list[:0]
	if list, err := b.st.View(b.db, 0).List(b.key); err == nil {
		for range list.Len() {
			b.list = append(b.list, by)
		}
	}
}

// parts is what the key holds now.
func (b *blamer) parts(field []byte) (parts []Blame) {
	v := b.value()
	add := func(name, value []byte, by *Line) {
		if field == nil || bytes.Equal(field, name) {
			parts = append(parts, Blame{b.db, b.key, v.Type, name, value, by, b.since})
		}
	}
	mark := func(name []byte) *Line {
		if by, ok := b.marks[string(name)]; ok {
			return by
		}
		return b.whole
	}
	switch v.Type {
	case state.None:
	case state.String:
		add(nil, v.Text, b.whole)
	case state.Hash:
		for i := 0; i < len(v.Pairs); i += 2 {
			add(v.Pairs[i], v.Pairs[i+1], mark(v.Pairs[i]))
		}
	case state.List:
		for i, x := range v.Elements {
			add(strconv.AppendInt(nil, int64(i), 10), x, b.list[i])
		}
	case state.Set:
		for _, m := range v.Members {
			add(m, nil, mark(m))
		}
	case state.ZSet:
		for i, m := range v.Members {
			add(m, []byte(scoreText(v.Scores[i])), mark(m))
		}
	case state.Stream:
		for _, e := range v.Stream.Entries {
			id := []byte(e.ID.String())
			add(id, []byte(pairsText(e.Pairs)), mark(id))
		}
	}
	return parts
}

// String is the part for a person: who wrote it, and what it is.
func (p Blame) String() string {
	by := "before @" + strconv.FormatUint(p.Since+1, 10)
	if p.By != nil {
		by = string(p.By.appendCause(nil))
	}
	switch p.Type {
	case state.String:
		return by + ": " + strconv.Quote(string(p.Value))
	case state.Set:
		return by + ": " + strconv.Quote(string(p.Name))
	case state.List:
		return by + ": " + string(p.Name) + ": " + strconv.Quote(string(p.Value))
	case state.ZSet:
		return by + ": " + strconv.Quote(string(p.Name)) + ": " + string(p.Value)
	case state.Stream:
		return by + ": " + string(p.Name) + " " + string(p.Value)
	}
	return by + ": " + strconv.Quote(string(p.Name)) + ": " + strconv.Quote(string(p.Value))
}

// blameJSON is a Blame's JSON form; names are never changed.
type blameJSON struct {
	DB    int    `json:"db"`
	Key   Text   `json:"key"`
	Type  string `json:"type"`
	Name  *Text  `json:"name,omitempty"`
	Value *Text  `json:"value,omitempty"`
	By    *Line  `json:"by"` // null: before the first reachable point
}

// MarshalJSON is the part for a program.
func (p Blame) MarshalJSON() ([]byte, error) {
	out := blameJSON{DB: p.DB, Key: p.Key, Type: p.Type.String(), By: p.By}
	if p.Name != nil {
		out.Name = (*Text)(&p.Name)
	}
	if p.Value != nil {
		out.Value = (*Text)(&p.Value)
	}
	return json.Marshal(out)
}
