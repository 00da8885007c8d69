package past

import (
	"fmt"
	"slices"
	"strconv"
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
