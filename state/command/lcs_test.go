package command_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/resp"
	"pgregory.net/rapid"
)

// naiveLCS is the length of the longest common subsequence, by trying.
func naiveLCS(a, b string) int {
	switch {
	case a == "" || b == "":
		return 0
	case a[0] == b[0]:
		return 1 + naiveLCS(a[1:], b[1:])
	}
	return max(naiveLCS(a[1:], b), naiveLCS(a, b[1:]))
}

// TestLCS: the length is right, the subsequence has it and lies in both
// strings, and the ranges spell it.
func TestLCS(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("abc")), 0, 9, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		w := newWorld()
		ask := func(args ...string) resp.Value {
			o, err := w.do(argv(args))
			if err != nil {
				t.Fatal(err)
			}
			return o.reply
		}
		ask("MSET", "a", a, "b", b)
		want := naiveLCS(a, b)
		if got := ask("LCS", "a", "b", "LEN"); got.Int != int64(want) {
			t.Fatalf("length %s, not %d", got, want)
		}
		common := ask("LCS", "a", "b").Text()
		if len(common) != want || !within(common, a) || !within(common, b) {
			t.Fatalf("%q is no longest common subsequence of %q and %q", common, a, b)
		}
		checkRanges(t, ask("LCS", "a", "b", "IDX", "WITHMATCHLEN"), a, b, common)
	})
}

// within reports whether the bytes of part stand in whole in that order.
func within(part, whole string) bool {
	for _, c := range part {
		i := strings.IndexRune(whole, c)
		if i < 0 {
			return false
		}
		whole = whole[i+1:]
	}
	return true
}

func checkRanges(t *rapid.T, reply resp.Value, a, b, common string) {
	spelled := ""
	for _, m := range reply.Items[1].Items {
		inA, inB := m.Items[0].Items, m.Items[1].Items
		partA, partB := a[inA[0].Int:inA[1].Int+1], b[inB[0].Int:inB[1].Int+1]
		if partA != partB || int64(len(partA)) != m.Items[2].Int {
			t.Fatalf("the range %s is %q and %q", m, partA, partB)
		}
		spelled = partA + spelled
	}
	if spelled != common || reply.Items[3].Int != int64(len(common)) {
		t.Fatalf("the ranges spell %q, not %q: %s", spelled, common, reply)
	}
}

// TestRandomLCS: which of several subsequences is found is compared
// with redis-server.
func TestRandomLCS(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("ab\x00")), 0, 300, -1)
	compareRandomly(t, []string{"a", "b"}, func(t *rapid.T) []string {
		switch rapid.IntRange(0, 3).Draw(t, "command") {
		case 0:
			return []string{"MSET", "a", text.Draw(t, "a"), "b", text.Draw(t, "b")}
		case 1:
			return []string{"LCS", "a", "b"}
		}
		return []string{"LCS", "a", "b", "IDX", "WITHMATCHLEN", "MINMATCHLEN", fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "least"))}
	})
}
