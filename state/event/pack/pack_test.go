package pack

import (
	"bytes"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestNumbersOfAnyWidth: an encoder that does not choose the shortest form is
// understood, one that lies about a length is not.
func TestNumbersOfAnyWidth(t *testing.T) {
	for _, c := range []struct {
		bytes string
		want  uint64
		bad   bool
	}{
		{"\x00", 0, false}, {"\x7f", 127, false}, {"\xd0\x05", 5, false}, {"\xcc\x05", 5, false}, {"\xcd\x00\x05", 5, false},
		{"\xce\x00\x00\x00\x05", 5, false}, {"\xcf\x00\x00\x00\x00\x00\x00\x00\x05", 5, false},
		{"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", math.MaxUint64, false},
		{"", 0, true}, {"\xcc", 0, true}, {"\xcf\x00", 0, true}, {"\xe0", 0, true}, {"\xd0\x85", 0, true}, {"\xc0", 0, true}, {"\xca\x00\x00\x00\x00", 0, true},
	} {
		u := Reader{Rest: []byte(c.bytes)}
		if got := u.Uint(); got != c.want || u.Bad != c.bad || len(u.Rest) != 0 {
			t.Errorf("% x reads as %d, bad %v, %d bytes left", c.bytes, got, u.Bad, len(u.Rest))
		}
	}
	for _, c := range []struct {
		bytes string
		want  string
		bad   bool
	}{
		{"\xa2ab", "ab", false}, {"\xd9\x02ab", "ab", false}, {"\xc4\x02ab", "ab", false}, {"\xc5\x00\x02ab", "ab", false}, {"\xc6\x00\x00\x00\x02ab", "ab", false}, {"\xc4\x00", "", false},
		{"\xc4\x03ab", "", true}, {"\xc6\xff\xff\xff\xffab", "", true}, {"\xa3ab", "", true}, {"\xc4", "", true}, {"", "", true},
	} {
		u := Reader{Rest: []byte(c.bytes)}
		if got := u.Bin(); string(got) != c.want || u.Bad != c.bad {
			t.Errorf("% x reads as %q, bad %v", c.bytes, got, u.Bad)
		}
	}
	for _, c := range []struct {
		bytes string
		want  int
		bad   bool
	}{
		{"\x90", 0, false}, {"\x92\x01\x01", 2, false}, {"\xdc\x00\x01\x01", 1, false}, {"\xdd\x00\x00\x00\x01\x01", 1, false},
		{"\x92\x01", 0, true}, {"\xdd\xff\xff\xff\xff\x01", 0, true}, {"\xdc\x00", 0, true}, {"\x80", 0, true}, {"", 0, true},
	} {
		u := Reader{Rest: []byte(c.bytes)}
		if got := u.Array(); got != c.want || u.Bad != c.bad {
			t.Errorf("% x reads as an array of %d, bad %v", c.bytes, got, u.Bad)
		}
	}
}

// TestUnpackWhatWasPacked: every form that is written is read back.
func TestUnpackWhatWasPacked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64().Draw(t, "n") >> rapid.IntRange(0, 63).Draw(t, "shift")
		p := rapid.SliceOfN(rapid.Byte(), 0, 70_000>>rapid.IntRange(0, 16).Draw(t, "size")).Draw(t, "p")
		items := rapid.SampledFrom([]int{0, 1, 15, 16, 1000, 65535, 65536}).Draw(t, "items")
		buf := AppendArray(AppendWide(AppendBin(AppendUint(nil, n), p), n), items)
		buf = append(buf, make([]byte, items)...)
		u := Reader{Rest: buf}
		if u.Uint() != n || !bytes.Equal(u.Bin(), p) || u.Uint() != n || u.Array() != items || u.Bad || len(u.Rest) != items {
			t.Fatalf("%d, %d bytes and %d items came back as something else", n, len(p), items)
		}
	})
}
