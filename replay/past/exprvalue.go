package past

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/resp"
)

// What replies are worth in a condition.

// value carries out a command and reads its reply.
func (r *Reader) value(args [][]byte) (resp.Value, error) {
	var out resp.Writer
	out.SetProtocol(3)
	r.Run(args, &out)
	return resp.NewReader(bytes.NewReader(out.Bytes())).Read()
}

// isList reports whether a reply has elements.
func isList(v resp.Value) bool { return bytes.IndexByte([]byte("*~%>"), v.Kind) >= 0 }

// textOf is a reply that is no list as bytes.
func textOf(v resp.Value) []byte {
	switch {
	case v.Kind == '#':
		return strconv.AppendInt(nil, v.Int, 10)
	case v.Kind == '=' && len(v.Str) >= 4:
		return v.Str[4:] // a verbatim string begins with its format: "txt:"
	}
	return []byte(v.Text())
}

// isTrue is what a reply is worth without an operator.
func isTrue(v resp.Value) bool {
	switch {
	case v.IsNull():
		return false
	case isList(v):
		return len(v.Items) > 0
	}
	text := textOf(v)
	if f, ok := number(text); ok {
		return f != 0
	}
	return len(text) > 0
}

// longestNumber is how many bytes a number has at most; what is longer is text.
const longestNumber = 400

// number reads a text that is a number as people write them: 12, -1.5, 1e3, inf.
func number(text []byte) (f float64, ok bool) {
	digits := bytes.TrimLeft(text, "+-")
	if len(digits) == 0 || len(digits) > longestNumber ||
		string(digits) != "inf" && len(bytes.Trim(digits, "0123456789.eE+-")) > 0 {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(text), 64)
	return f, err == nil
}

// order compares two texts: as numbers where both are, whole ones to the last digit.
func order(a, b []byte) int {
	f, isF := number(a)
	g, isG := number(b)
	if !isF || !isG {
		return bytes.Compare(a, b)
	}
	x, errX := strconv.ParseInt(string(a), 10, 64)
	y, errY := strconv.ParseInt(string(b), 10, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(f, g)
}

// compare is the truth of a comparison.
func compare(n *node, a, b resp.Value) (bool, error) {
	switch {
	case a.IsNull() || b.IsNull():
		return n.op == "!=", nil
	case isList(b):
		return false, &ExprError{n.right.pos, "this side of " + n.op + " answers a list, and must be one value"}
	case n.op == "contains":
		return contains(a, textOf(b)), nil
	case isList(a):
		return false, &ExprError{n.left.pos, "a list can only be asked what it contains, not " + n.op}
	}
	switch c := order(textOf(a), textOf(b)); n.op {
	case "==":
		return c == 0, nil
	case "!=":
		return c != 0, nil
	case "<":
		return c < 0, nil
	case "<=":
		return c <= 0, nil
	case ">":
		return c > 0, nil
	default:
		return c >= 0, nil
	}
}

// contains reports whether a text has a text in it, a list such an element, a map such a
// field.
func contains(v resp.Value, text []byte) bool {
	if !isList(v) {
		return bytes.Contains(textOf(v), text)
	}
	step := 1
	if v.Kind == '%' {
		step = 2
	}
	for i := 0; i < len(v.Items); i += step {
		item := v.Items[i]
		if isList(item) && len(item.Items) > 0 {
			item = item.Items[0] // a member with its score
		}
		if !item.IsNull() && bytes.Equal(textOf(item), text) {
			return true
		}
	}
	return false
}

// wordsText is a command as it would be typed.
func wordsText(args [][]byte) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = quoteWord(string(a))
	}
	return strings.Join(words, " ")
}

// quoteWord is a word as a condition takes it.
func quoteWord(word string) string {
	plain := word != "" && !isKeyword(word) && !strings.ContainsAny(word, `()<=>'"\`)
	for i := 0; plain && i < len(word); i++ {
		plain = word[i] > ' ' && word[i] <= '~'
	}
	if plain {
		return word
	}
	return resp.Quote([]byte(word))
}

// shortText is a reply on a line, as little of it as tells what it is.
func shortText(v resp.Value) string {
	const most = 40
	switch {
	case v.IsNull():
		return "nil"
	case v.Kind == '%':
		return fmt.Sprintf("a map of %d", len(v.Items)/2)
	case isList(v):
		return fmt.Sprintf("a list of %d", len(v.Items))
	case v.Kind == ':' || v.Kind == ',':
		return v.Text()
	}
	text := textOf(v)
	if len(text) > most {
		return fmt.Sprintf("%q… (%d bytes)", text[:most], len(text))
	}
	return strconv.Quote(string(text))
}
