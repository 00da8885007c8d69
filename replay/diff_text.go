package replay

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/altilium-db/altilium/state"
)

// How differences are written, for people and for programs.

// Mark is "+" for a key that is new, "-" for one that is gone and "~" for one that
// has changed.
func (d *Difference) Mark() string {
	switch {
	case d.Before.Type == state.None:
		return "+"
	case d.After.Type == state.None:
		return "-"
	}
	return "~"
}

// Name is the key as a line names it: with its database where that is not 0.
func (d *Difference) Name() string {
	name := string(d.Key)
	if !plain(d.Key) {
		name = strconv.Quote(name)
	}
	if d.DB != 0 {
		name = fmt.Sprintf("[db %d] %s", d.DB, name)
	}
	return name
}

// head is the line of the key itself.
func (d *Difference) head() string {
	head := d.Mark() + " " + d.Name()
	switch {
	case d.Before.Type == state.None:
		return head + " = " + d.After.String()
	case d.After.Type == state.None:
		return head + " = " + d.Before.String()
	case d.Before.Type != d.After.Type || d.Before.Type == state.String:
		return head + ": " + d.Before.String() + " -> " + d.After.String()
	}
	head += " (" + d.After.Type.String() + ")"
	if d.Before.ExpireAt != d.After.ExpireAt {
		head += ": expires " + expiryText(d.Before.ExpireAt) + " -> " + expiryText(d.After.ExpireAt)
	}
	if d.Beside {
		head += ": last id " + d.Before.Stream.Last.String() + d.Before.Stream.groupsText() +
			" -> " + d.After.Stream.Last.String() + d.After.Stream.groupsText()
	}
	return head
}

func expiryText(ms int64) string {
	if ms == 0 {
		return "never"
	}
	return stamp(ms * 1000)
}

// text is a part as a line.
func (p *Part) text(t state.Type) string {
	name := strconv.Quote(string(p.Name))
	if t == state.List {
		name = strconv.Itoa(p.Index)
	}
	quote := func(v *Text) string {
		switch t {
		case state.Set:
			return ""
		case state.ZSet, state.Stream:
			return ": " + string(*v)
		}
		return ": " + strconv.Quote(string(*v))
	}
	switch {
	case p.Before == nil:
		return "+ " + name + quote(p.After)
	case p.After == nil:
		return "- " + name + quote(p.Before)
	}
	return "~ " + name + quote(p.Before) + " -> " + quote(p.After)[2:]
}

// differenceJSON is a Difference's JSON form; names are never changed.
type differenceJSON struct {
	Change string     `json:"change"` // added, removed or changed
	DB     int        `json:"db"`
	Key    Text       `json:"key"`
	Before Value      `json:"before"`
	After  Value      `json:"after"`
	Parts  []partJSON `json:"parts,omitempty"`
	Beside bool       `json:"beside,omitempty"` // of a stream, more than its entries differs
}

type partJSON struct {
	Name   Text  `json:"name,omitempty"`
	Index  *int  `json:"index,omitempty"` // of a list's
	Before *Text `json:"before,omitempty"`
	After  *Text `json:"after,omitempty"`
}

// MarshalJSON is the difference for a program.
func (d Difference) MarshalJSON() ([]byte, error) {
	out := differenceJSON{map[string]string{"+": "added", "-": "removed", "~": "changed"}[d.Mark()], d.DB, d.Key, d.Before, d.After, nil, d.Beside}
	for i := range d.Parts {
		p := &d.Parts[i]
		part := partJSON{p.Name, nil, p.Before, p.After}
		if d.Before.Type == state.List {
			part.Index = &p.Index
		}
		out.Parts = append(out.Parts, part)
	}
	return json.Marshal(out)
}
