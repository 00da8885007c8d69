package command_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestWhatIsLent: a reply takes no memory of its own for a long part of a string, but for a
// part that is small beside the string, since the next change would copy all that was lent.
func TestWhatIsLent(t *testing.T) {
	for _, c := range []struct {
		whole, part int
		lent        bool
	}{
		{16 << 10, 16 << 10, true},
		{16<<10 - 1, 16<<10 - 1, false}, // short
		{64 << 10, 16 << 10, true},
		{1 << 20, 1 << 17, true},
		{1 << 20, 1<<17 - 1, false},
		{16 << 20, 1 << 20, true},
		{16 << 20, 1<<20 - 1, false},
	} {
		w := newWorld()
		for _, args := range [][]string{
			{"SET", "k", strings.Repeat("x", c.whole)},
			{"GETRANGE", "k", "0", fmt.Sprint(c.part - 1)},
		} {
			argv := make([][]byte, 0, len(args))
			for _, a := range args {
				argv = append(argv, []byte(a))
			}
			if _, err := w.do(argv); err != nil {
				t.Fatal(err)
			}
		}
		if lent := w.out.Own() < c.part; lent != c.lent || w.out.Len() < c.part {
			t.Errorf("%d of %d bytes: lent is %v; of %d bytes of the reply %d are its own", c.part, c.whole, lent, w.out.Len(), w.out.Own())
		}
	}
}
