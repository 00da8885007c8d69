package replay

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// Stream is what a stream held. The names of its JSON form are never changed.
type Stream struct {
	Entries []Entry  `json:"entries"`
	Last    event.ID `json:"last_id"`
	Groups  []Group  `json:"groups,omitempty"`
}

// Entry is an entry of a stream.
type Entry struct {
	ID    event.ID `json:"id"`
	Pairs []Text   `json:"fields"` // field, value, field, value …
}

// Group is a consumer group of a stream, in short.
type Group struct {
	Name      Text     `json:"name"`
	Last      event.ID `json:"last_id"`
	Consumers int      `json:"consumers"`
	Pending   int      `json:"pending"`
}

// streamOf copies a stream.
func streamOf(v state.Entries) *Stream {
	s := &Stream{Last: v.Last(), Entries: []Entry{}}
	v.Range(event.ID{}, event.MaxID(), func(e *state.StreamEntry) bool {
		own := Entry{ID: e.ID}
		for range e.Len() {
			field, value := e.Next()
			own.Pairs = append(own.Pairs, bytes.Clone(field), bytes.Clone(value))
		}
		s.Entries = append(s.Entries, own)
		return true
	})
	for i := range v.Groups() {
		g := v.GroupAt(i)
		s.Groups = append(s.Groups, Group{bytes.Clone(g.Name()), g.Last(), g.Consumers(), g.Pending()})
	}
	return s
}

// String is the entries as they would be typed, and what becomes of them.
func (s *Stream) String() string {
	entries := make([]string, 0, len(s.Entries))
	for _, e := range s.Entries {
		entries = append(entries, e.ID.String()+" "+pairsText(e.Pairs))
	}
	return "[" + strings.Join(entries, ", ") + "]" + s.groupsText()
}

// groupsText is the consumer groups of a stream, each with a blank before it.
func (s *Stream) groupsText() (text string) {
	for _, g := range s.Groups {
		text += fmt.Sprintf(" %s at %v, %d pending for %d consumers", strconv.Quote(string(g.Name)), g.Last, g.Pending, g.Consumers)
	}
	return text
}
