package event

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"
)

// MarshalJSON is the event for a program.
func (e *Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// AppendJSON appends MarshalJSON to dst, and allocates nothing else. The names of members
// are never changed, and neither is their order; text is as [AppendJSONText] writes it.
//
//	event, key, to, value   text but for event; key where the kind has one
//	expire_at_ms            none: never
//	offset                  Range
//	db, db2
//	items, scores           infinite scores are text
//	side, count, place, places
//	reason
//	clock_usec, speed       Clock; no clock_usec: the wall clock
//	group … deliveries      of streams
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(append(dst, `{"event":"`...), e.Kind.String()...)
	dst = append(dst, '"')
	if e.Kind.hasKey() {
		dst = AppendJSONText(append(dst, `,"key":`...), e.Key)
	}
	switch e.Kind {
	case String, Text:
		dst = memberUnless0(member(dst, `,"value":`, e.Value), `,"expire_at_ms":`, e.At)
	case Append:
		dst = member(dst, `,"value":`, e.Value)
	case Range:
		dst = number(member(dst, `,"value":`, e.Value), `,"offset":`, e.At)
	case Expire:
		dst = memberUnless0(dst, `,"expire_at_ms":`, e.At)
	case ListSet, ListInsert:
		dst = member(dst, `,"value":`, e.Value)
	case Rename:
		dst = member(dst, `,"to":`, e.To)
	case Copy:
		dst = number(member(dst, `,"to":`, e.To), `,"db":`, int64(e.DB))
	case Move, Flush, Database:
		dst = number(dst, `,"db":`, int64(e.DB))
	case Swap:
		dst = number(number(dst, `,"db":`, int64(e.DB)), `,"db2":`, int64(e.DB2))
	}
	dst = e.appendItemsJSON(dst)
	switch e.Kind {
	case ListPush:
		dst = e.appendSideJSON(dst)
	case ListPop:
		dst = memberUnless0(e.appendSideJSON(dst), `,"count":`, e.At)
	case ListSet, ListInsert:
		dst = number(dst, `,"place":`, e.At)
	case ListRemove:
		dst = list(dst, `,"places":`, e.Places, func(dst []byte, at int) []byte { return strconv.AppendInt(dst, int64(at), 10) })
	case Delete:
		dst = append(append(append(dst, `,"reason":"`...), e.Reason.String()...), '"')
	case StreamTrim:
		dst = memberUnless0(dst, `,"count":`, e.At)
	case Clock:
		dst = memberUnless0(dst, `,"clock_usec":`, e.At)
		dst = appendNumberJSON(append(dst, `,"speed":`...), e.Speed)
	}
	if e.Kind.ofStream() {
		dst = e.appendStreamJSON(dst)
	}
	return append(dst, '}')
}

func (e *Event) appendSideJSON(dst []byte) []byte {
	return append(append(append(dst, `,"side":"`...), e.Side.String()...), '"')
}

func (e *Event) appendItemsJSON(dst []byte) []byte {
	dst = list(dst, `,"items":`, e.Items, AppendJSONText)
	return list(dst, `,"scores":`, e.Scores, func(dst []byte, score float64) []byte {
		if math.IsInf(score, 0) {
			return append(appendScore(append(dst, '"'), score), '"')
		}
		return appendNumberJSON(dst, score)
	})
}

// appendStreamJSON appends what events of streams have beside the rest.
func (e *Event) appendStreamJSON(dst []byte) []byte {
	s := e.Stream
	if e.Kind >= StreamGroup {
		dst = member(dst, `,"group":`, s.Group)
	}
	switch e.Kind {
	case StreamAdd:
		dst = appendIDJSON(append(dst, `,"id":`...), s.ID)
	case StreamSet:
		dst = appendIDJSON(append(dst, `,"id":`...), s.ID)
		dst = appendIDJSON(append(dst, `,"deleted_id":`...), s.Deleted)
		dst = strconv.AppendUint(append(dst, `,"added":`...), s.Added, 10)
	case StreamGroup:
		dst = number(appendIDJSON(append(dst, `,"id":`...), s.ID), `,"read":`, s.Read)
	case StreamConsumer:
		dst = member(dst, `,"consumer":`, s.Consumer)
		dst = memberUnless0(memberUnless0(dst, `,"seen_ms":`, e.At), `,"active_ms":`, s.Active)
	case StreamForget:
		dst = member(dst, `,"consumer":`, s.Consumer)
	case StreamPending:
		dst = memberUnless0(member(dst, `,"consumer":`, s.Consumer), `,"delivered_ms":`, e.At)
	}
	dst = list(dst, `,"ids":`, s.IDs, appendIDJSON)
	return list(dst, `,"deliveries":`, s.Counts, func(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) })
}

func appendIDJSON(dst []byte, id ID) []byte { return append(id.Append(append(dst, '"')), '"') }

func member(dst []byte, name string, text []byte) []byte {
	return AppendJSONText(append(dst, name...), text)
}

func number(dst []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(dst, name...), n, 10)
}

func memberUnless0(dst []byte, name string, n int64) []byte {
	if n == 0 {
		return dst
	}
	return number(dst, name, n)
}

// list appends an array where it is not empty.
func list[T any](dst []byte, name string, values []T, value func([]byte, T) []byte) []byte {
	if len(values) == 0 {
		return dst
	}
	dst = append(dst, name...)
	between := byte('[')
	for _, v := range values {
		dst, between = value(append(dst, between), v), ','
	}
	return append(dst, ']')
}

// appendNumberJSON appends a number, which is finite, as encoding/json does.
func appendNumberJSON(dst []byte, f float64) []byte {
	form := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		form = 'e'
	}
	dst = strconv.AppendFloat(dst, f, form, -1, 64)
	if n := len(dst); form == 'e' && dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1] // e-09 is e-9
		dst = dst[:n-1]
	}
	return dst
}

// AppendJSONText appends bytes that are mostly text: a string where they are valid UTF-8, and
// {"base64": "…"} where they are not.
func AppendJSONText(dst, p []byte) []byte {
	if utf8.Valid(p) {
		return AppendJSONString(dst, p)
	}
	dst = base64.StdEncoding.AppendEncode(append(dst, `{"base64":"`...), p)
	return append(dst, `"}`...)
}

// AppendJSONString appends a string as encoding/json does: what a browser might take for
// HTML, or a line's end, is escaped, and what is no UTF-8 is replaced.
func AppendJSONString[T string | []byte](dst []byte, s T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		begin := i
		for i < len(s) && stands(s[i]) {
			i++
		}
		if dst = append(dst, s[begin:i]...); i == len(s) {
			break
		}
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			if short := escape(c); short != 0 {
				dst = append(dst, '\\', short)
			} else {
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)])) // so few take no memory
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, `\ufffd`...)
		case r == '\u2028' || r == '\u2029':
			dst = append(dst, '\\', 'u', '2', '0', '2', hex[r&0xf])
		default:
			dst = append(dst, s[i:i+size]...)
		}
		i += size
	}
	return append(dst, '"')
}

// stands reports whether a byte stands for itself in a string.
func stands(c byte) bool {
	return c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
}

// escape is the letter of the short escape of a byte, 0 where there is none.
func escape(c byte) byte {
	switch c {
	case '"', '\\':
		return c
	case '\b':
		return 'b'
	case '\f':
		return 'f'
	case '\n':
		return 'n'
	case '\r':
		return 'r'
	case '\t':
		return 't'
	}
	return 0
}
