package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestNames: every kind and reason has a name of its own, and numbers that mean
// nothing yet are shown as numbers.
func TestNames(t *testing.T) {
	kinds := map[string]Kind{}
	for _, s := range samples() {
		e := s.event(t)
		name := e.Kind.String()
		if other, ok := kinds[name]; ok && other != e.Kind {
			t.Errorf("kinds %d and %d are both called %s", e.Kind, other, name)
		}
		kinds[name] = e.Kind
		if !strings.HasPrefix(s.name, name) {
			t.Errorf("%s is called %s", s.name, name)
		}
	}
	if len(kinds) != 36 {
		t.Errorf("the samples show %d kinds", len(kinds))
	}
	reasons := []Reason{User, Expired, Evicted, Overwritten, Renamed, Flushed, Undone}
	for i, want := range []string{"user", "expired", "evicted", "overwritten", "renamed", "flushed", "undone"} {
		if got := reasons[i].String(); got != want || int(reasons[i]) != i {
			t.Errorf("reason %d is %s, want %s", reasons[i], got, want)
		}
	}
	if k, r := Kind(99).String(), Reason(9).String(); k != "kind 99" || r != "reason 9" {
		t.Errorf("unknown ones are %q and %q", k, r)
	}
}

// TestJSONIsBinarySafe: bytes that are no UTF-8 come through whole.
func TestJSONIsBinarySafe(t *testing.T) {
	binary := []byte("\x00\xfftail\xc3")
	var buf Buffer
	buf.Rename(binary, b(`"quoted" <é>`))
	e, err := decodeAll(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Event string
		Key   struct{ Base64 string }
		To    string
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(got.Key.Base64)
	if err != nil || string(key) != string(binary) || got.To != `"quoted" <é>` || got.Event != "Rename" {
		t.Errorf("%s reads as %+v, key %q, %v", text, got, key, err)
	}
}

// TestShownOnOneLine: whatever the bytes are, an event is one line of printable
// text, so that a terminal shows it and does nothing else.
func TestShownOnOneLine(t *testing.T) {
	evil := b("a\nb\r\x1b[2J\x00\u202e")
	for _, record := range []func(*Buffer){
		func(x *Buffer) { x.String(evil, evil, 1) },
		func(x *Buffer) { x.HashSet(evil, evil, evil) },
		func(x *Buffer) { x.HashDelete(evil, evil) },
		func(x *Buffer) { x.Rename(evil, evil) },
		func(x *Buffer) { x.Cause([][]byte{evil}) },
		func(x *Buffer) { x.Range(evil, 0, evil) },
	} {
		var buf Buffer
		record(&buf)
		e, err := decodeAll(buf.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if s := e.String(); strings.ContainsAny(s, "\n\r\x1b\x00\u202e") {
			t.Errorf("%q", s)
		}
	}
}

// TestQuoted: bytes are shown as strconv.Quote shows them, whatever they are.
func TestQuoted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 0, 5),
			rapid.Map(rapid.String(), func(s string) []byte { return []byte(s) }),
			rapid.Just(b("plain text, as most are")),
			rapid.SampledFrom([][]byte{b("\u2028"), b("\ufffd"), b("\xe2\x82"), b("\""), b("\\"), b("\x7f"), b("\a\t")}),
		)).Draw(t, "pieces")
		p := bytes.Join(pieces, nil)
		if got := AppendQuoted([]byte("before "), p); string(got) != "before "+strconv.Quote(string(p)) {
			t.Fatalf("%s, want %s", got, strconv.Quote(string(p)))
		}
	})
}

// TestJSONString: a string, whatever is in it, and a number are as encoding/json writes them.
func TestJSONString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.OneOf(
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 5), func(p []byte) string { return string(p) }),
			rapid.String(),
			rapid.SampledFrom([]string{"plain", "\u2028\u2029", "\ufffd", "\xe2\x80", "<&>", "\"\\/\x7f", "\b\f\n\r\t\v"}),
		)).Draw(t, "pieces")
		text := strings.Join(pieces, "")
		want, err := json.Marshal(text)
		if got := AppendJSONString(nil, text); err != nil || string(got) != string(want) {
			t.Fatalf("%s, want %s, %v", got, want, err)
		}
		if got := AppendJSONString(nil, []byte(text)); string(got) != string(want) {
			t.Fatalf("as bytes: %s, want %s", got, want)
		}
		f := rapid.Float64().Draw(t, "number")
		want, err = json.Marshal(f)
		if got := appendNumberJSON(nil, f); err != nil || string(got) != string(want) {
			t.Fatalf("%s, want %s, %v", got, want, err)
		}
	})
}

// TestTextAllocations: showing an event takes no memory but for the text.
func TestTextAllocations(t *testing.T) {
	var room []byte
	for _, s := range samples() {
		e := s.event(t)
		room = e.Append(room[:0])
		if n := testing.AllocsPerRun(20, func() { room = e.Append(room[:0]) }); n > 0 || string(room) != e.String() {
			t.Errorf("%s: %v allocations for %s", s.name, n, room)
		}
		room = e.AppendJSON(room[:0])
		whole, err := json.Marshal(e) // it also checks that this is JSON, and without blanks
		if n := testing.AllocsPerRun(20, func() { room = e.AppendJSON(room[:0]) }); n > 0 || err != nil || string(room) != string(whole) {
			t.Errorf("%s: %v allocations for %s, %v", s.name, n, room, err)
		}
	}
}

// TestTouches: which keys an event changes, in which database.
func TestTouches(t *testing.T) {
	k, to := b("k"), b("to")
	for _, tc := range []struct {
		record func(*Buffer)
		keys   string // as Keys names them when the event happens in database 2
		whole  string // databases that Touches says yes for, whatever the key
	}{
		{func(x *Buffer) { x.Database(3) }, "", ""},
		{func(x *Buffer) { x.Cause([][]byte{k}) }, "", ""},
		{func(x *Buffer) { x.Clock(1, 2) }, "", ""},
		{func(x *Buffer) { x.String(k, to, 0) }, "2:k", ""},
		{func(x *Buffer) { x.Text(k, to, 0) }, "2:k", ""},
		{func(x *Buffer) { x.Append(k, to) }, "2:k", ""},
		{func(x *Buffer) { x.Range(k, 0, to) }, "2:k", ""},
		{func(x *Buffer) { x.HashSet(k, to, to) }, "2:k", ""},
		{func(x *Buffer) { x.HashDelete(k, to) }, "2:k", ""},
		{func(x *Buffer) { x.Delete(k, User) }, "2:k", ""},
		{func(x *Buffer) { x.Expire(k, 1) }, "2:k", ""},
		{func(x *Buffer) { x.Rename(k, to) }, "2:k 2:to", ""},
		{func(x *Buffer) { x.Copy(k, to, 3) }, "3:to", ""},
		{func(x *Buffer) { x.Move(k, 3) }, "2:k 3:k", ""},
		{func(x *Buffer) { x.Flush(3) }, "", "3"},
		{func(x *Buffer) { x.FlushAll() }, "", "0 1 2 3"},
		{func(x *Buffer) { x.Swap(0, 3) }, "", "0 3"},
		{func(x *Buffer) { x.Swap(3, 3) }, "", ""},
	} {
		var buf Buffer
		tc.record(&buf)
		e, err := decodeAll(buf.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var keys, whole []string
		e.Keys(2, func(db int, key []byte) { keys = append(keys, fmt.Sprintf("%d:%s", db, key)) })
		if got := strings.Join(keys, " "); got != tc.keys {
			t.Errorf("%v: keys %q, want %q", e, got, tc.keys)
		}
		for db := range 4 {
			for _, key := range []string{"k", "to"} {
				want := slices.Contains(keys, fmt.Sprintf("%d:%s", db, key)) || strings.Contains(tc.whole, fmt.Sprint(db))
				if got := e.Touches(2, db, b(key)); got != want {
					t.Errorf("%v: touches %q in %d: %v", e, key, db, got)
				}
			}
			if e.Touches(2, db, b("another")) {
				whole = append(whole, fmt.Sprint(db))
			}
		}
		if got := strings.Join(whole, " "); got != tc.whole {
			t.Errorf("%v: whole databases %q, want %q", e, got, tc.whole)
		}
	}
}

// TestBuffer: events can be taken back and joined.
func TestBuffer(t *testing.T) {
	var x, y Buffer
	x.Delete(b("k"), User)
	mark := x.Len()
	x.FlushAll()
	x.Truncate(mark)
	y.Swap(1, 2)
	x.Join(y.Bytes())
	var shown []string
	var e Event
	for rest := x.Bytes(); len(rest) > 0; {
		var err error
		if rest, err = e.Decode(rest); err != nil {
			t.Fatal(err)
		}
		shown = append(shown, e.String())
	}
	if got := strings.Join(shown, "; "); got != `Delete "k" (user); Swap 1 2` {
		t.Errorf("%s", got)
	}
}
