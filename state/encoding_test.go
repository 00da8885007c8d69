package state

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

func TestEncodings(t *testing.T) {
	k := []byte("k")
	many := func(n int) func(*event.Buffer) {
		return func(b *event.Buffer) {
			for i := range n {
				b.HashSet(k, []byte(strconv.Itoa(i)), []byte("v"))
			}
		}
	}
	integers := func(n int) func(*event.Buffer) {
		return func(b *event.Buffer) {
			for i := range n {
				b.SetAdd(k, []byte(strconv.Itoa(i)))
			}
		}
	}
	elements := func(n, size int) func(*event.Buffer) {
		return func(b *event.Buffer) {
			for i := range n {
				b.ListPush(k, event.Side(i%2), bytes.Repeat([]byte("1"), size))
			}
		}
	}
	ranked := func(n int) func(*event.Buffer) {
		return func(b *event.Buffer) {
			for i := range n {
				b.ZSetAdd(k, []float64{float64(-i)}, [][]byte{[]byte(strconv.Itoa(i))})
			}
		}
	}
	for _, tc := range []struct {
		want   string
		record func(*event.Buffer)
	}{
		{"int", func(b *event.Buffer) { b.String(k, []byte("9223372036854775807"), 0) }},
		{"int", func(b *event.Buffer) { b.String(k, []byte("-9223372036854775808"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, []byte("9223372036854775808"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, []byte("18446744073709551616"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, []byte("-9223372036854775809"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, []byte("007"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, []byte("-0"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, nil, 0) }},
		{"embstr", func(b *event.Buffer) { b.Text(k, []byte("10"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, make([]byte, 44), 0) }},
		{"raw", func(b *event.Buffer) { b.String(k, make([]byte, 45), 0) }},
		{"raw", func(b *event.Buffer) { b.String(k, []byte("1"), 0); b.Append(k, []byte("2")) }},
		{"raw", func(b *event.Buffer) { b.Range(k, 0, []byte("x")) }},
		{"raw", func(b *event.Buffer) { b.String(k, []byte("12"), 0); b.Range(k, 0, []byte("3")) }},
		{"int", func(b *event.Buffer) { b.String(k, []byte("1"), 0); b.Append(k, nil); b.String(k, []byte("2"), 0) }},
		{"embstr", func(b *event.Buffer) { b.HashSet(k, k, k); b.String(k, []byte("x"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, []byte("-"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, []byte("+1"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, []byte(" 1"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, []byte("1e3"), 0) }},
		{"int", func(b *event.Buffer) { b.String(k, []byte("0"), 0) }},
		{"listpack", many(512)},
		{"hashtable", many(513)},
		{"hashtable", func(b *event.Buffer) { many(513)(b); b.HashDelete(k, []byte("5")) }},
		{"listpack", func(b *event.Buffer) { b.HashSet(k, make([]byte, 64), make([]byte, 64)) }},
		{"hashtable", func(b *event.Buffer) { b.HashSet(k, make([]byte, 65), nil) }},
		{"hashtable", func(b *event.Buffer) { b.HashSet(k, k, make([]byte, 65)); b.HashSet(k, k, nil) }},
		{"listpack", func(b *event.Buffer) { many(513)(b); b.Delete(k, event.User); b.HashSet(k, k, k) }},
		{"hashtable", func(b *event.Buffer) { b.HashSet(k, nil, make([]byte, 65)) }},
		{"intset", integers(512)},
		{"hashtable", integers(513)},
		{"listpack", func(b *event.Buffer) { integers(127)(b); b.SetAdd(k, []byte("x")) }},
		{"listpack", func(b *event.Buffer) { integers(127)(b); b.SetAdd(k, make([]byte, 64)) }},
		{"hashtable", func(b *event.Buffer) { integers(128)(b); b.SetAdd(k, []byte("x")) }},
		{"hashtable", func(b *event.Buffer) { integers(2)(b); b.SetAdd(k, make([]byte, 65)) }},
		{"listpack", func(b *event.Buffer) { b.SetAdd(k, []byte("01")); integers(127)(b) }},
		{"hashtable", func(b *event.Buffer) { b.SetAdd(k, []byte("01")); integers(128)(b) }},
		{"listpack", func(b *event.Buffer) { b.SetAdd(k, []byte("x"), []byte("1")); b.SetRemove(k, []byte("x")) }},
		{"intset", func(b *event.Buffer) { b.SetAdd(k, []byte("x")); b.SetRemove(k, []byte("x")); b.SetAdd(k, []byte("1")) }},
		{"intset", func(b *event.Buffer) { integers(512)(b); integers(512)(b) }},
		{"listpack", elements(1, 8179)},
		{"quicklist", elements(1, 8186)}, // 3 bytes of head, 7 of the listpack's own
		{"listpack", elements(120, 64)},
		{"quicklist", elements(125, 64)},
		{"listpack", elements(2700, 3)}, // of integers
		{"listpack", func(b *event.Buffer) { elements(125, 64)(b); b.ListPop(k, event.Left, 64) }},
		{"quicklist", func(b *event.Buffer) { elements(125, 64)(b); b.ListPop(k, event.Left, 62) }},
		{"quicklist", func(b *event.Buffer) { elements(1, 5000)(b); b.ListSet(k, 0, make([]byte, 5000)) }},
		{"listpack", func(b *event.Buffer) { elements(1, 9000)(b); b.ListSet(k, 0, nil) }},
		{"listpack", ranked(128)},
		{"skiplist", ranked(129)},
		{"skiplist", func(b *event.Buffer) { ranked(129)(b); b.ZSetRemove(k, []byte("5")) }},
		{"listpack", func(b *event.Buffer) { ranked(128)(b); ranked(128)(b) }},
		{"listpack", func(b *event.Buffer) { b.ZSetAdd(k, []float64{1}, [][]byte{make([]byte, 64)}) }},
		{"skiplist", func(b *event.Buffer) { b.ZSetAdd(k, []float64{1}, [][]byte{make([]byte, 65)}) }},
	} {
		s := New(0)
		apply(t, s, 0, tc.record)
		if got := s.View(0, 0).Encoding(k); got != tc.want {
			t.Errorf("%s, want %s", got, tc.want)
		}
		apply(t, s, 0, func(b *event.Buffer) { b.Copy(k, []byte("copy"), 0) })
		if got := copyOf(t, s).View(0, 0).Encoding([]byte("copy")); got != tc.want {
			t.Errorf("a copy, through a record: %s, want %s", got, tc.want)
		}
	}
}

// TestFieldOrder: a small hash keeps the order in which fields came, whatever is
// overwritten and deleted, as HGETALL of Redis shows it.
func TestFieldOrder(t *testing.T) {
	k := []byte("k")
	set := func(b *event.Buffer, fields string) {
		for f := range strings.FieldsSeq(fields) {
			b.HashSet(k, []byte(f), []byte("v"))
		}
	}
	for _, tc := range []struct {
		name, want string
		record     func(*event.Buffer)
	}{
		{"as they came", "c a b", func(b *event.Buffer) { set(b, "c a b") }},
		{"overwritten", "c a b", func(b *event.Buffer) { set(b, "c a b a c") }},
		{"deleted", "c b d", func(b *event.Buffer) { set(b, "c a b d"); b.HashDelete(k, []byte("a")) }},
		{"deleted and set again", "c b a", func(b *event.Buffer) { set(b, "c a b"); b.HashDelete(k, []byte("a")); set(b, "a") }},
		{"named twice", "b", func(b *event.Buffer) { set(b, "a b"); b.HashDelete(k, []byte("a"), []byte("a")) }},
	} {
		s := New(0)
		apply(t, s, 0, tc.record)
		for name, s := range map[string]*State{"itself": s, "a copy": copyOf(t, s)} {
			h, err := s.View(0, 0).Hash(k)
			if err != nil {
				t.Fatal(err)
			}
			var fields []string
			for i := range h.Len() {
				f, _ := h.At(i)
				fields = append(fields, string(f))
			}
			if got := strings.Join(fields, " "); got != tc.want {
				t.Errorf("%s, %s: %s, want %s", tc.name, name, got, tc.want)
			}
		}
	}
}
