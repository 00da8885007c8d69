package command_test

import (
	"slices"
	"testing"

	"github.com/altilium-db/altilium/state/command"
)

// TestKeySpecs: each way to say where keys are, with calls that have fewer words than they
// should.
func TestKeySpecs(t *testing.T) {
	counted := command.Keys{First: 1, Counted: true}
	streams := command.Keys{First: 1, Last: -1, Keyword: "STREAMS", Limit: 2}
	store := command.Keys{First: 2, Keyword: "STORE"}
	last := command.Keys{First: 2, Keyword: "STORE", Unknown: true}
	sort := command.Keys{First: 2, Keyword: "STORE", Unknown: true, Skip: []command.Option{{Word: "LIMIT", Arguments: 2}, {Word: "GET", Arguments: 1}}}
	for _, c := range []struct {
		keys command.Keys
		line string
		want []int
	}{
		{counted, "C 2 a b c", []int{2, 3}},
		{counted, "C 2 a", []int{2}},
		{counted, "C 0 a", nil},
		{counted, "C -1 a", nil},
		{counted, "C x a", nil},
		{counted, "C 9223372036854775807 a", nil},
		{counted, "C", nil},
		{streams, "XREAD COUNT 1 streams a b 0 0", []int{4, 5}},
		{streams, "XREAD STREAMS a 0", []int{2}},
		{streams, "XREAD STREAMS a", nil},
		{streams, "XREAD STREAMS", nil},
		{streams, "XREAD a b", nil},
		{store, "G k STORE a STORE b", []int{3}},
		{store, "G k STORE", nil},
		{last, "S k STORE a STORE b", []int{5}},
		{sort, "S k STORE a GET STORE b", []int{3}},
		{sort, "S k get GET get STORE limit STORE STORE STORE b", []int{10}},
		{sort, "S k LIMIT STORE", nil},
		{command.Keys{Unknown: true}, "S k a", nil},
		{command.Keys{First: 1, Last: -2, Step: 2}, "M a 1 b 2 x", []int{1, 3}},
	} {
		spec := command.Spec{Keys: []command.Keys{c.keys}}
		if got := slices.Collect(spec.KeyPositions(words(c.line))); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", c.line, got)
		}
	}
}

// TestReadPositions: of a call's keys, those that it only reads.
func TestReadPositions(t *testing.T) {
	table := command.NewTable()
	for line, want := range map[string][]int{
		"MGET a b":                    {1, 2},
		"COPY a b":                    {1},
		"SINTERSTORE to a b":          {2, 3},
		"ZUNIONSTORE to 2 a b":        {3, 4},
		"GEORADIUS k 0 0 1 m STORE x": {1},
		"SET k v":                     nil,
		"RENAME a b":                  nil,
	} {
		spec, _ := table.Lookup(words(line))
		if got := slices.Collect(spec.ReadPositions(words(line))); !slices.Equal(got, want) {
			t.Errorf("%s: %v", line, got)
		}
	}
}
