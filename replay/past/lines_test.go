package past

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/replay"
)

// ask gives the lines that LOG would answer on the directory.
func (w *world) ask(words ...string) (lines []string) {
	w.t.Helper()
	s := &Source{Dir: w.dir, Now: time.UnixMicro(w.clock),
		Window: func() (*replay.Window, error) { return replay.Look(w.dir) },
		Seeker: func() (*replay.Seeker, error) { return replay.OpenSeeker(w.dir, nil) },
		Done:   func(s *replay.Seeker) { _ = s.Close() }}
	err := s.Lines(words, func(line []byte) error { lines = append(lines, string(line)); return nil })
	if err != nil {
		w.t.Fatalf("%q: %v", words, err)
	}
	return lines
}

// TestNewestChanges: the last n changes of a key, newest first, are the end of all of them,
// though many entries that might have changed it did not: flushes while it was not there.
func TestNewestChanges(t *testing.T) {
	w := newWorld(t)
	for i := range 12 {
		w.do("SET k "+strconv.Itoa(i), "INCR k", "DEL k", "SET other 1", "FLUSHALL")
		if i%3 == 0 {
			w.do("SET other 1", "FLUSHDB", "SET other 1", "FLUSHALL", "SWAPDB 0 1")
		}
		if i == 6 {
			w.checkpoint(w.log.Last())
		}
	}
	w.do("SET k last", "RENAME k l", "RENAME l k")
	for _, rest := range [][]string{{}, {"VALUES"}, {"CMD", "*cr*"}, {"CMD", "flush*"}, {"FROM", "@9", "TO", "@40", "JSON"}} {
		all := w.ask(append([]string{"KEY", "k"}, rest...)...)
		slices.Reverse(all)
		for n := range len(all) + 3 {
			got := w.ask(append([]string{"KEY", "k", "REV", "COUNT", fmt.Sprint(n)}, rest...)...)
			if want := all[:min(n, len(all))]; !slices.Equal(got, want) {
				t.Fatalf("the last %d of %q are\n%q\nwant\n%q", n, rest, got, want)
			}
		}
		if got := w.ask(append([]string{"KEY", "k", "REV"}, rest...)...); !slices.Equal(got, all) {
			t.Errorf("all of %q: %q\nwant\n%q", rest, got, all)
		}
	}
	if n := len(w.ask("KEY", "k")); n < 30 {
		t.Errorf("only %d changes", n)
	}
}

// TestCommandWithinATransaction: CMD finds what a transaction did, whoever asks for which entries.
func TestCommandWithinATransaction(t *testing.T) {
	w := newWorld(t)
	w.do("SET k 1", "MULTI", "SET k 2", "DECRBY k 5", "FLUSHALL", "SET k 3", "EXEC", "MULTI", "SET other 1", "EXEC", "INCRBY k 2", "XGROUP CREATE s g 0 MKSTREAM")
	for _, test := range []struct {
		words []string
		want  []string
	}{
		{[]string{"RANGE", "-", "+", "CMD", "FLUSH*"}, []string{"@2 "}},
		{[]string{"RANGE", "-", "+", "CMD", "flush*", "BRIEF"}, []string{"@2 "}},
		{[]string{"RANGE", "-", "+", "CMD", "exec"}, []string{"@2 ", "@3 "}},
		{[]string{"RANGE", "-", "+", "CMD", "set"}, []string{"@1 ", "@2 ", "@3 "}},
		{[]string{"RANGE", "-", "+", "CMD", "incrby k"}, []string{"@4 "}},
		{[]string{"RANGE", "-", "+", "CMD", "decrby k"}, []string{"@2 "}},
		{[]string{"RANGE", "-", "+", "CMD", "xgroup create"}, []string{"@5 "}},
		{[]string{"RANGE", "-", "+", "CMD", "k"}, nil},
		{[]string{"KEY", "k", "CMD", "flush*"}, []string{"@2 "}},
		{[]string{"KEY", "k", "CMD", "flush*", "REV", "COUNT", "1"}, []string{"@2 "}},
		{[]string{"KEY", "k", "CMD", "incrby"}, []string{"@4 "}},
	} {
		got := w.ask(test.words...)
		if !slices.EqualFunc(got, test.want, strings.HasPrefix) {
			t.Errorf("%q gives %q, want %q", test.words, got, test.want)
		}
	}
}
