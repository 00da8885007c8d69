package command_test

import (
	"testing"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

// TestListsWait: a command that finds nothing waits for its keys to be lists if it may, as
// long as it says; otherwise it answers at once, what it answers when the time is over.
func TestListsWait(t *testing.T) {
	w := newWorld()
	for _, c := range []struct {
		line    string
		keys    string
		timeout int64
		null    string
	}{
		{"BLPOP a b 0", "a b", 0, "*-1\r\n"},
		{"BRPOP a 1.5", "a", 1500, "*-1\r\n"},
		{"BRPOP a 0.0001", "a", 1, "*-1\r\n"},
		{"BLMOVE a b LEFT RIGHT 2", "a", 2000, "$-1\r\n"},
		{"BRPOPLPUSH a b 3", "a", 3000, "$-1\r\n"},
		{"BLMPOP 0.1 2 a b LEFT COUNT 2", "a b", 100, "*-1\r\n"},
	} {
		for _, patience := range []command.Patience{command.AtOnce, command.MayWait} {
			got, reply := w.ask(t, c.line, patience)
			switch {
			case patience != command.MayWait:
				if got != nil || reply != c.null {
					t.Errorf("%s with patience %d: %+v, %q", c.line, patience, got, reply)
				}
			case got == nil || reply != "" || got.Timeout != c.timeout || joinedArgs(got.Keys) != c.keys || got.Type != state.List || got.Gone:
				t.Errorf("%s: %+v, %q", c.line, got, reply)
			}
		}
	}
	if _, err := w.do(words("RPUSH a x")); err != nil {
		t.Fatal(err)
	}
	if got, reply := w.ask(t, "BLPOP b a 0", command.MayWait); got != nil || reply != "*2\r\n$1\r\na\r\n$1\r\nx\r\n" {
		t.Errorf("with an element there: %+v, %q", got, reply)
	}
}

// ask lets a command decide with some patience: what it waits for, if it does, and its
// reply. Nothing is applied.
func (w *world) ask(t *testing.T, line string, patience command.Patience) (waits *command.Waiting, reply string) {
	t.Helper()
	w.out.Reset(1 << 20)
	w.events.Truncate(0)
	args := words(line)
	spec, problem := w.table.Lookup(args)
	if problem != "" {
		t.Fatal(problem)
	}
	c := command.Call{View: w.st.View(w.db, w.now), Out: &w.out, Events: &w.events, Rand: w.rand}
	c.Reset(spec, args)
	c.Patience = patience
	spec.Decide(&c)
	if got, ok := c.Waiting(); ok {
		waits = &got
	}
	if waits != nil && w.events.Len() > 0 {
		t.Errorf("%s waits, and records events", line)
	}
	return waits, string(w.out.Bytes())
}

func joinedArgs(args [][]byte) (text string) {
	for i, a := range args {
		if i > 0 {
			text += " "
		}
		text += string(a)
	}
	return text
}
