package main

import (
	"encoding/json"
	"math"
	"strconv"

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
