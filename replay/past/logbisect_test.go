package past

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
)

// TestLogBisect: one at a time, whose beginning retention must keep.
func TestLogBisect(t *testing.T) {
	w := newWorld(t)
	w.do("SET stock 2", "DECR stock", "SET other x", "DECR stock", "DECR stock", "SET other y")
	r := New(Options{Log: w.log, Views: replay.NewViews(w.dir, 1, 0)})
	ask := func(line string) string {
		args, err := resp.SplitWords([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		a := r.Answer(context.Background(), Request{Args: args, Proto: 2, Last: w.log.Last(), LastTime: w.log.LastTime(), Now: w.clock})
		return string(a.Reply)
	}
	found := func() {
		t.Helper()
		if got := ask("LOG BISECT @1 + GET stock >= 0"); !strings.HasPrefix(got, "*2\r\n") || !strings.Contains(got, `@5 2026-01-01T00:00:00.000000Z conn 1 127.0.0.1:1 DECR: String "stock" = "-1"`) {
			t.Error(got)
		}
	}
	found()
	if err := r.search.begin(3); err != nil || !slices.Equal(r.Searched(), []uint64{3}) {
		t.Error(err, r.Searched())
	}
	if got := ask("LOG BISECT @1 + GET stock >= 0"); !strings.HasPrefix(got, "-BUSYVIEW another LOG BISECT is under way") {
		t.Error(got)
	}
	r.search.end()
	found()

	// Likewise LOG DIFF, whose states are not among the views.
	if got := ask("LOG DIFF @1 @2 STAT"); !strings.HasPrefix(got, "*1\r\n") {
		t.Error(got)
	}
	r.diffing.Lock()
	if got := ask("LOG DIFF @1 @2 STAT"); !strings.HasPrefix(got, "-BUSYVIEW another LOG DIFF is under way") {
		t.Error(got)
	}
	r.diffing.Unlock()
	if got := ask("LOG DIFF @1 @2 STAT"); !strings.HasPrefix(got, "*1\r\n") {
		t.Error(got)
	}
	if len(r.Searched()) > 0 {
		t.Error("it keeps history after its end")
	}
}

// TestJoinWords: what a client has taken out of quotes is quoted again.
func TestJoinWords(t *testing.T) {
	for want, words := range map[string][]string{
		`GET k == "x y"`:            {`GET k == "x y"`},
		"GET k == x":                {"GET", "k", "==", "x"},
		`GET "a b" == "" and not c`: {"GET", "a b", "==", "", "and", "not", "c"},
		`(EXISTS k) == "\"\x00 "`:   {"(EXISTS", "k)", "==", "\"\x00 "},
	} {
		if got := joinWords(words); got != want {
			t.Errorf("%q: %s, want %s", words, got, want)
		}
	}
}
