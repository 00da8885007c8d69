package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
)

func TestHiddenArgs(t *testing.T) {
	h, cfg := newHider(), NewConfig()
	for _, test := range []struct{ command, want string }{
		{"AUTH p", "AUTH P"},
		{"auth default p", "auth default P"},
		{"AUTH a b p", "AUTH a P P"},
		{"AUTH ''", "AUTH ''"},
		{"HELLO 3 AUTH default p SETNAME n", "HELLO 3 AUTH default P SETNAME n"},
		{"hello 3 setname n auth default p", "hello 3 setname n auth default P"},
		{"HELLO AUTH default p", "HELLO AUTH default P"}, // the version is forgotten
		{"HELLO 3 AUTH default setname", "HELLO 3 AUTH default P"},
		{"HELLO 3 SETNAME AUTH AUTH default p", "HELLO 3 SETNAME AUTH AUTH default P"},
		{"HELLO 3 AUTH auth p odd", "HELLO 3 AUTH auth P odd"},
		{"HELLO 3 AUTH default", "HELLO 3 AUTH default"},
		{"CONFIG SET requirepass p", "CONFIG SET requirepass P"},
		{"config set timeout 5 RequirePass p", "config set timeout 5 RequirePass P"},
		{"CONFIG SET requirepass", "CONFIG SET requirepass"},
		{"CONFIG SET requirepass ''", "CONFIG SET requirepass ''"},
		{"CONFIG GET requirepass", "CONFIG GET requirepass"},
		{"SET AUTH p", "SET AUTH p"},
		{"PING", "PING"},
	} {
		args := words(test.command)
		before := join(args)
		got := h.args(cfg, args)
		for i, word := range words(test.want) {
			switch hidden := strings.HasPrefix(string(got[i]), "hidden-"); {
			case string(word) == "P" && (!hidden || string(got[i]) != h.pseudonym(args[i])):
				t.Errorf("%s: argument %d is recorded as %q", test.command, i, got[i])
			case string(word) != "P" && string(word) != string(got[i]):
				t.Errorf("%s: argument %d is recorded as %q", test.command, i, got[i])
			}
		}
		if join(args) != before {
			t.Errorf("%s: the command itself was changed", test.command)
		}
	}
	if a, b := h.pseudonym([]byte("a")), h.pseudonym([]byte("b")); a == b || a != h.pseudonym([]byte("a")) || a == newHider().pseudonym([]byte("a")) {
		t.Error("a pseudonym belongs to one password and one recording")
	}
}

// TestPasswordsAreNotRecorded records a session full of passwords, right ones
// and wrong ones, that change on the way. None is in the recording, and an
// engine that is given the recorded settings answers everything alike.
func TestPasswordsAreNotRecorded(t *testing.T) {
	var p tape
	h := newHarness(t, setup{change: p.options})
	h.configure(func(s *settings) { s.requirepass = "first-secret" })
	early, a, b := h.connect(), h.connect(), h.connect()
	early.want("+OK", "AUTH first-secret")
	early.want("+OK", "RECORD START demo")
	for _, step := range []struct {
		c     *client
		lines []string
	}{
		{a, []string{"GET k", "AUTH typo-secret", "AUTH default first-secret", "GET k"}},
		{b, []string{"HELLO 3 AUTH default typo-secret", "HELLO 3 AUTH default first-secret SETNAME b", "HELLO 3 AUTH default first-secret odd"}},
		{a, []string{"CONFIG GET requirepass", "CONFIG SET requirepass second-secret timeout 9", "CONFIG GET *pass* timeout"}},
		{b, []string{"RESET", "AUTH first-secret", "PING", "AUTH second-secret", "HELLO 3", "CONFIG GET requirepass"}},
		{a, []string{"MULTI", "CONFIG SET requirepass third-secret", "CONFIG GET requirepass", "CONFIG SET requirepass ''", "AUTH third-secret", "EXEC"}},
		{a, []string{"AUTH third-secret", "CONFIG SET requirepass first-secret"}},
	} {
		step.c.do(step.lines...)
	}
	early.do("RECORD STOP")

	text := p.String() + fmt.Sprint(p.settings)
	for _, secret := range []string{"first-secret", "second-secret", "third-secret", "typo-secret"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the recording:\n%s", secret, text)
		}
	}
	if strings.Count(text, "hidden-") < 12 {
		t.Errorf("the recording has no pseudonyms:\n%s", text)
	}
	if n := replayTape(t, &p); n != 24 {
		t.Errorf("%d commands were compared, not 24:\n%s", n, text)
	}
}

// replayTape plays a tape against an engine of its own and wants every reply
// to be the recorded one; it returns how many there were.
func replayTape(t *testing.T, p *tape) (compared int) {
	t.Helper()
	var clock int64
	cfg := NewConfig()
	for name, text := range p.settings {
		if err := cfg.Set(name, text); err != nil {
			t.Fatal(err)
		}
	}
	h := newHarness(t, setup{policy: log.No, change: func(o *Options) {
		o.Config, o.Clock = cfg, func() int64 { return clock }
	}})
	h.e.Ready(h.log, state.New(0))
	conns := map[uint64]*client{}
	for i, s := range p.steps {
		clock = s.Clock
		switch c := conns[s.Conn]; s.Kind {
		case resp.StepConnect:
			conns[s.Conn] = h.connect()
		case resp.StepPrelude, resp.StepCommand:
			c.s.Run([][][]byte{slices.Clone(s.Args)}, &c.out)
			h.e.Commit()
			got := c.take()
			if s.Kind == resp.StepPrelude {
				continue
			}
			compared++
			same := got == string(s.Reply)
			if s.Volatile {
				same = got[0] == s.Reply[0]
			}
			if !same {
				t.Errorf("step %d, %s: recorded %q, played %q", i, join(s.Args), s.Reply, got)
			}
		}
	}
	return compared
}
