package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
)

// replyValue is a reply as JSON:
//
//	string, status     "text", {"base64": "…"} where it is not UTF-8
//	number, double     12, 1.5; "inf", "-inf" and "nan" as text
//	null, boolean      null, true
//	list, set          […]
//	map                [[key, value], …]: its order counts, and a key may be anything
//	error              {"error": "WRONGTYPE …"}
type replyValue resp.Value

// MarshalJSON is the reply for a program.
func (r replyValue) MarshalJSON() ([]byte, error) {
	v := resp.Value(r)
	switch {
	case v.IsNull():
		return []byte("null"), nil
	case v.IsError():
		return json.Marshal(map[string]replay.Text{"error": v.Str})
	}
	switch v.Kind {
	case ':':
		return strconv.AppendInt(nil, v.Int, 10), nil
	case '#':
		return strconv.AppendBool(nil, v.Int != 0), nil
	case ',':
		if f, err := strconv.ParseFloat(string(v.Str), 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return json.Marshal(f)
		}
	case '*', '~', '>':
		return json.Marshal(replyValues(v.Items))
	case '%':
		pairs := make([][2]replyValue, 0, len(v.Items)/2)
		for i := 0; i+1 < len(v.Items); i += 2 {
			pairs = append(pairs, [2]replyValue{replyValue(v.Items[i]), replyValue(v.Items[i+1])})
		}
		return json.Marshal(pairs)
	case '=':
		if len(v.Str) >= 4 { // a verbatim string begins with its format: "txt:"
			return replay.Text(v.Str[4:]).MarshalJSON()
		}
	}
	return replay.Text(v.Str).MarshalJSON()
}

func replyValues(items []resp.Value) []replyValue {
	out := make([]replyValue, 0, len(items))
	for _, item := range items {
		out = append(out, replyValue(item))
	}
	return out
}

// parseReply reads a reply from its wire form.
func parseReply(raw []byte) (resp.Value, error) { return resp.NewReader(bytes.NewReader(raw)).Read() }

// printReply prints a reply for a person or a program. A reply that is an error
// is given back as one.
func printReply(out io.Writer, v resp.Value, asJSON bool) error {
	if v.IsError() {
		return fmt.Errorf("(error) %s", withPasswordHint(v.Text()))
	}
	if asJSON {
		return json.NewEncoder(out).Encode(replyValue(v))
	}
	fmt.Fprintln(out, v.String())
	return nil
}

// recordedJSON is a recorded reply for a program: nil where there was none. What
// is no reply stays as it is.
func recordedJSON(raw []byte) *replyValue {
	if len(raw) == 0 {
		return nil
	}
	v, err := parseReply(raw)
	if err != nil {
		v = resp.Value{Kind: '$', Str: raw}
	}
	return (*replyValue)(&v)
}

// recordedText is the same for a person.
func recordedText(raw []byte) string {
	if len(raw) == 0 {
		return "(no reply)"
	}
	v, err := parseReply(raw)
	if err != nil {
		return fmt.Sprintf("%q", raw)
	}
	return v.String()
}

// quoteArgs shows a command as it could be typed.
func quoteArgs(args [][]byte) string {
	words := make([]string, 0, len(args))
	for _, a := range args {
		words = append(words, quoteWord(string(a)))
	}
	return strings.Join(words, " ")
}

// quoteWord shows a word as it could be typed, with quotes where it needs them.
func quoteWord(word string) string {
	special := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'\\", r) }
	if word == "" || strings.ContainsFunc(word, special) {
		return strconv.Quote(word)
	}
	return word
}
