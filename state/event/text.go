package event

import (
	"strconv"
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
func (e *Event) String() string { return string(e.Append(nil)) }

// Append appends String to dst, and allocates nothing else.
func (e *Event) Append(dst []byte) []byte {
	dst = append(dst, e.Kind.String()...)
	if e.Kind.hasKey() {
		dst = AppendQuoted(append(dst, ' '), e.Key)
	}
	switch e.Kind {
	case String, Text:
		dst = appendValue(dst, e.Value)
		if e.At > 0 {
			dst = appendInstant(append(dst, " expires "...), e.At)
		}
	case Append:
		dst = AppendQuoted(append(dst, " + "...), e.Value)
	case Range:
		dst = appendValue(appendInt(dst, " from ", e.At), e.Value)
	case HashSet:
		dst = appendPairs(dst, e.Items)
	case ZSetAdd:
		for i, it := range e.Items {
			dst = appendScore(append(AppendQuoted(append(dst, ' '), it), '='), e.Scores[i])
		}
	case ListPop:
		dst = appendInt(append(append(dst, ' '), e.Side.String()...), " ", e.At)
	case ListSet, ListInsert:
		dst = appendValue(appendInt(dst, " at ", e.At), e.Value)
	case ListRemove:
		for _, at := range e.Places {
			dst = appendInt(dst, " ", int64(at))
		}
	case ListPush:
		dst = appendItems(append(append(dst, ' '), e.Side.String()...), e.Items)
	case HashDelete, SetAdd, SetRemove, ZSetRemove, Cause:
		dst = appendItems(dst, e.Items)
	case Delete:
		dst = append(append(append(dst, " ("...), e.Reason.String()...), ')')
	case Expire:
		if e.At == 0 {
			return append(dst, " never"...)
		}
		dst = appendInstant(append(dst, " at "...), e.At)
	case Rename:
		dst = AppendQuoted(append(dst, " to "...), e.To)
	case Copy:
		dst = appendInt(AppendQuoted(append(dst, " to "...), e.To), " in db ", int64(e.DB))
	case Move:
		dst = appendInt(dst, " to db ", int64(e.DB))
	case Flush, Database:
		dst = appendInt(dst, " ", int64(e.DB))
	case Swap:
		dst = appendInt(appendInt(dst, " ", int64(e.DB)), " ", int64(e.DB2))
	case Clock:
		dst = e.appendClock(append(dst, ' '))
	default:
		if e.Kind.ofStream() {
			dst = e.appendStream(dst)
		}
	}
	return dst
}

// AppendQuoted appends what strconv.Quote gives for p.
func AppendQuoted(dst, p []byte) []byte {
	dst = append(dst, '"')
	for {
		n := plain(p)
		dst, p = append(dst, p[:n]...), p[n:]
		if len(p) == 0 {
			return append(dst, '"')
		}
		_, size := utf8.DecodeRune(p)
		var short [16]byte
		quoted := strconv.AppendQuote(short[:0], string(p[:size])) // a rune at a time takes no memory
		dst, p = append(dst, quoted[1:len(quoted)-1]...), p[size:]
	}
}

// plain is how many bytes at the front of p stand for themselves between quotes.
func plain(p []byte) int {
	for i, c := range p {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return i
		}
	}
	return len(p)
}

func appendInt(dst []byte, before string, n int64) []byte {
	return strconv.AppendInt(append(dst, before...), n, 10)
}

func appendValue(dst, value []byte) []byte { return AppendQuoted(append(dst, " = "...), value) }

func appendItems(dst []byte, items [][]byte) []byte {
	for _, it := range items {
		dst = AppendQuoted(append(dst, ' '), it)
	}
	return dst
}

// appendPairs appends fields with their values.
func appendPairs(dst []byte, items [][]byte) []byte {
	for i := 0; i+1 < len(items); i += 2 {
		dst = AppendQuoted(append(dst, ' '), items[i])
		dst = AppendQuoted(append(dst, '='), items[i+1])
	}
	return dst
}

// appendScore appends the shortest text that gives the same number.
func appendScore(dst []byte, score float64) []byte {
	return strconv.AppendFloat(dst, score, 'g', -1, 64)
}

// hasKey reports whether events of this kind speak of one key.
func (k Kind) hasKey() bool {
	switch k {
	case Database, Cause, Clock, Flush, FlushAll, Swap:
		return false
	}
	return true
}

// appendClock appends a Clock in words: "real", "frozen at …", "from … x2".
func (e *Event) appendClock(dst []byte) []byte {
	const layout = "2006-01-02T15:04:05.000000Z"
	at := time.UnixMicro(e.At).UTC()
	switch {
	case e.At == 0:
		return append(dst, "real"...)
	case e.Speed == 0:
		return at.AppendFormat(append(dst, "frozen at "...), layout)
	}
	dst = at.AppendFormat(append(dst, "from "...), layout)
	return appendScore(append(dst, " x"...), e.Speed)
}

// appendInstant appends ms since 1970.
func appendInstant(dst []byte, ms int64) []byte {
	return time.UnixMilli(ms).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}
