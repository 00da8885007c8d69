package event

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// String is the kind's name, as doc.go has it.
func (k Kind) String() string {
	switch k {
	case Database:
		return "Database"
	case Cause:
		return "Cause"
	case Clock:
		return "Clock"
	case String:
		return "String"
	case Text:
		return "Text"
	case Append:
		return "Append"
	case Range:
		return "Range"
	case HashSet:
		return "HashSet"
	case HashDelete:
		return "HashDelete"
	case SetAdd:
		return "SetAdd"
	case SetRemove:
		return "SetRemove"
	case ZSetAdd:
		return "ZSetAdd"
	case ZSetRemove:
		return "ZSetRemove"
	case Delete:
		return "Delete"
	case Expire:
		return "Expire"
	case Rename:
		return "Rename"
	case Copy:
		return "Copy"
	case Move:
		return "Move"
	case Flush:
		return "Flush"
	case FlushAll:
		return "FlushAll"
	case Swap:
		return "Swap"
	case ListPush:
		return "ListPush"
	case ListPop:
		return "ListPop"
	case ListSet:
		return "ListSet"
	case ListInsert:
		return "ListInsert"
	case ListRemove:
		return "ListRemove"
	case StreamAdd:
		return "StreamAdd"
	case StreamDelete:
		return "StreamDelete"
	case StreamTrim:
		return "StreamTrim"
	case StreamSet:
		return "StreamSet"
	case StreamGroup:
		return "StreamGroup"
	case StreamDestroy:
		return "StreamDestroy"
	case StreamConsumer:
		return "StreamConsumer"
	case StreamForget:
		return "StreamForget"
	case StreamPending:
		return "StreamPending"
	case StreamAck:
		return "StreamAck"
	}
	return "kind " + strconv.Itoa(int(k))
}

// String is the reason in one word.
func (r Reason) String() string {
	switch r {
	case User:
		return "user"
	case Expired:
		return "expired"
	case Evicted:
		return "evicted"
	case Overwritten:
		return "overwritten"
	case Renamed:
		return "renamed"
	case Flushed:
		return "flushed"
	case Undone:
		return "undone"
	}
	return "reason " + strconv.Itoa(int(r))
}

// String is the side in one word.
func (s Side) String() string {
	if s == Left {
		return "left"
	}
	return "right"
}

// String is the event for a person, on one line:
//
//	String "k" = "v" expires 2026-01-01T00:00:00.000Z
//	Delete "k" (expired)
func (e *Event) String() string {
	var b strings.Builder
	b.WriteString(e.Kind.String())
	if e.Kind.hasKey() {
		b.WriteString(" " + strconv.Quote(string(e.Key)))
	}
	switch e.Kind {
	case String, Text:
		b.WriteString(" = " + strconv.Quote(string(e.Value)))
		if e.At > 0 {
			b.WriteString(" expires " + instant(e.At))
		}
	case Append:
		b.WriteString(" + " + strconv.Quote(string(e.Value)))
	case Range:
		b.WriteString(" from " + strconv.FormatInt(e.At, 10) + " = " + strconv.Quote(string(e.Value)))
	case HashSet:
		for i := 0; i+1 < len(e.Items); i += 2 {
			b.WriteString(" " + strconv.Quote(string(e.Items[i])) + "=" + strconv.Quote(string(e.Items[i+1])))
		}
	case ZSetAdd:
		for i, it := range e.Items {
			b.WriteString(" " + strconv.Quote(string(it)) + "=" + scoreText(e.Scores[i]))
		}
	case ListPop:
		b.WriteString(" " + e.Side.String() + " " + strconv.FormatInt(e.At, 10))
	case ListSet, ListInsert:
		b.WriteString(" at " + strconv.FormatInt(e.At, 10) + " = " + strconv.Quote(string(e.Value)))
	case ListRemove:
		for _, at := range e.Places {
			b.WriteString(" " + strconv.Itoa(at))
		}
	case ListPush:
		b.WriteString(" " + e.Side.String())
		for _, it := range e.Items {
			b.WriteString(" " + strconv.Quote(string(it)))
		}
	case HashDelete, SetAdd, SetRemove, ZSetRemove, Cause:
		for _, it := range e.Items {
			b.WriteString(" " + strconv.Quote(string(it)))
		}
	case Delete:
		b.WriteString(" (" + e.Reason.String() + ")")
	case Expire:
		if e.At == 0 {
			b.WriteString(" never")
		} else {
			b.WriteString(" at " + instant(e.At))
		}
	case Rename:
		b.WriteString(" to " + strconv.Quote(string(e.To)))
	case Copy:
		b.WriteString(" to " + strconv.Quote(string(e.To)) + " in db " + strconv.Itoa(e.DB))
	case Move:
		b.WriteString(" to db " + strconv.Itoa(e.DB))
	case Flush, Database:
		b.WriteString(" " + strconv.Itoa(e.DB))
	case Swap:
		b.WriteString(" " + strconv.Itoa(e.DB) + " " + strconv.Itoa(e.DB2))
	case Clock:
		b.WriteString(" " + e.clockText())
	default:
		if e.Kind.ofStream() {
			e.streamText(&b)
		}
	}
	return b.String()
}

// scoreText is the shortest text that gives the same number.
func scoreText(score float64) string { return strconv.FormatFloat(score, 'g', -1, 64) }

// hasKey reports whether events of this kind speak of one key.
func (k Kind) hasKey() bool {
	switch k {
	case Database, Cause, Clock, Flush, FlushAll, Swap:
		return false
	}
	return true
}

// clockText is a Clock in words: "real", "frozen at …", "from … x2".
func (e *Event) clockText() string {
	at := time.UnixMicro(e.At).UTC().Format("2006-01-02T15:04:05.000000Z")
	switch {
	case e.At == 0:
		return "real"
	case e.Speed == 0:
		return "frozen at " + at
	}
	return "from " + at + " x" + scoreText(e.Speed)
}

// instant prints ms since 1970.
func instant(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// eventJSON is an event's JSON form; names are never changed. Text that is not
// UTF-8 is {"base64": …}.
type eventJSON struct {
	Kind     string `json:"event"`
	Key      any    `json:"key,omitempty"`
	To       any    `json:"to,omitempty"`
	Value    any    `json:"value,omitempty"`
	ExpireMS int64  `json:"expire_at_ms,omitempty"`
	Offset   *int64 `json:"offset,omitempty"`
	DB       *int   `json:"db,omitempty"`
	DB2      *int   `json:"db2,omitempty"`
	Items    []any  `json:"items,omitempty"`
	Scores   []any  `json:"scores,omitempty"` // infinite ones as text
	Side     string `json:"side,omitempty"`
	Count    int64  `json:"count,omitempty"`
	Place    *int64 `json:"place,omitempty"`
	Places   []int  `json:"places,omitempty"`
	Reason   string `json:"reason,omitempty"`

	ClockMicros int64    `json:"clock_usec,omitempty"` // none: the wall clock
	Speed       *float64 `json:"speed,omitempty"`
	streamJSON
}

// MarshalJSON is the event for a program.
func (e *Event) MarshalJSON() ([]byte, error) {
	out := eventJSON{Kind: e.Kind.String()}
	if e.Kind.hasKey() {
		out.Key = safe(e.Key)
	}
	switch e.Kind {
	case String, Text:
		out.Value, out.ExpireMS = safe(e.Value), e.At
	case Append:
		out.Value = safe(e.Value)
	case Range:
		out.Value, out.Offset = safe(e.Value), &e.At
	case Expire:
		out.ExpireMS = e.At
	case ListPush:
		out.Side = e.Side.String()
	case ListPop:
		out.Side, out.Count = e.Side.String(), e.At
	case ListSet, ListInsert:
		out.Place, out.Value = &e.At, safe(e.Value)
	case ListRemove:
		out.Places = e.Places
	case Rename:
		out.To = safe(e.To)
	case Copy:
		out.To, out.DB = safe(e.To), &e.DB
	case Move, Flush, Database:
		out.DB = &e.DB
	case Swap:
		out.DB, out.DB2 = &e.DB, &e.DB2
	case Delete:
		out.Reason = e.Reason.String()
	case StreamTrim:
		out.Count = e.At
	case Clock:
		out.ClockMicros, out.Speed = e.At, &e.Speed
	}
	if e.Kind.ofStream() {
		out.streamJSON = e.streamJSON()
	}
	for _, it := range e.Items {
		out.Items = append(out.Items, safe(it))
	}
	for _, score := range e.Scores {
		if math.IsInf(score, 0) {
			out.Scores = append(out.Scores, scoreText(score))
		} else {
			out.Scores = append(out.Scores, score)
		}
	}
	return json.Marshal(out)
}

// safe gives the encoder what survives JSON.
func safe(p []byte) any {
	if utf8.Valid(p) {
		return string(p)
	}
	return map[string]string{"base64": base64.StdEncoding.EncodeToString(p)}
}
