package command_test

import (
	"strings"
	"testing"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
)

// TestBrokenRules: the harness that every transcript runs in finds commands
// that break the rules.
func TestBrokenRules(t *testing.T) {
	k := []byte("k")
	for _, c := range []struct {
		what   string
		flags  command.Flag
		decide command.Decide
		found  string // in the error
	}{
		{"none", command.Write, func(c *command.Call) { c.Events.String(k, k, 0); c.Out.OK() }, ""},
		{"events beside an error", command.Write, func(c *command.Call) { c.Events.String(k, k, 0); c.Out.Error("ERR no") }, "must not record"},
		{"a read that writes", command.ReadOnly, func(c *command.Call) { c.Events.String(k, k, 0); c.Out.OK() }, "must not record"},
		{"neither read nor write", command.Fast, func(c *command.Call) { c.Events.FlushAll(); c.Out.OK() }, "must not record"},
		{"no reply", command.ReadOnly, func(c *command.Call) {}, "reply"},
		{"two replies", command.ReadOnly, func(c *command.Call) { c.Out.OK(); c.Out.OK() }, "more than one"},
		{"half a reply", command.ReadOnly, func(c *command.Call) { c.Out.Array(2); c.Out.OK() }, "reply"},
		{"changed arguments", command.ReadOnly, func(c *command.Call) { c.Args[0][0]++; c.Out.OK() }, "arguments"},
		{"an event for another state", command.Write, func(c *command.Call) { c.Events.Delete([]byte("x"), event.User); c.Out.OK() }, "apply"},
	} {
		w := newWorld()
		spec := &command.Spec{Name: "planted", Flags: c.flags, Decide: c.decide}
		_, err := w.carryOut(spec, words("planted"), outcome{})
		switch {
		case c.found == "" && err != nil:
			t.Errorf("%s: %v", c.what, err)
		case c.found != "" && (err == nil || !strings.Contains(err.Error(), c.found)):
			t.Errorf("%s: not found, but: %v", c.what, err)
		}
	}
}

// TestSameReply: the comparison with redis-server lets pass what it must, and
// no more.
func TestSameReply(t *testing.T) {
	for _, c := range []struct {
		line, ours, theirs string
		same               bool
	}{
		{"GET k", "$1\r\na\r\n", "$1\r\na\r\n", true},
		{"GET k", "$1\r\na\r\n", "$1\r\nb\r\n", false},
		{"GET k", "$1\r\na\r\n", "+a\r\n", false},
		{"GET k", "$-1\r\n", "$0\r\n\r\n", false},
		{"GET k", "-ERR a\r\n", "-ERR b\r\n", false},
		{"KEYS *", "*2\r\n$1\r\na\r\n$1\r\nb\r\n", "*2\r\n$1\r\nb\r\n$1\r\na\r\n", true},
		{"KEYS *", "*2\r\n$1\r\na\r\n$1\r\nb\r\n", "*2\r\n$1\r\nb\r\n$1\r\nb\r\n", false},
		{"TTL k", ":100\r\n", ":99\r\n", true},
		{"ttl k", ":100\r\n", ":-1\r\n", false},
		{"TTL k", ":-2\r\n", ":-1\r\n", false},
		{"TTL k", ":1000000\r\n", ":1\r\n", false},
		{"STRLEN k", ":100\r\n", ":99\r\n", false},
	} {
		if got := sameReply(words(c.line), mustRead(t, c.ours), mustRead(t, c.theirs)); got != c.same {
			t.Errorf("%s: %q and %q: %v", c.line, c.ours, c.theirs, got)
		}
	}
}

func mustRead(t *testing.T, wire string) resp.Value {
	v, err := readOne([]byte(wire))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestDecisionsAllocateNothing: the commands that a server spends its life on
// make no garbage.
func TestDecisionsAllocateNothing(t *testing.T) {
	w := newWorld()
	for _, line := range []string{"SET text value", "SET number 12345", "SETEX soon 1000 value", "HSET hash f1 value f2 2", "GEOADD geo 1 1 a 2 2 b"} {
		if _, err := w.do(words(line)); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{
		"GET text", "GET nothing", "STRLEN text", "MGET text number nothing", "GETRANGE text 1 -2",
		"SET text value", "SET new value", "SET text value EX 100", "SET soon value KEEPTTL", "SET text value NX", "SET text other GET XX",
		"SETNX text value", "SETEX text 10 value", "MSET a 1 b 2", "GETSET text other", "GETEX text EX 10", "GETDEL text",
		"APPEND text more", "SETRANGE text 1 more",
		"INCR number", "INCR nothing", "DECR number", "INCRBY number 5", "DECRBY number 5",
		"HGET hash f1", "HGET hash nothing", "HMGET hash f1 f2 f3", "HEXISTS hash f1", "HLEN hash", "HSTRLEN hash f1",
		"HSET hash f1 other", "HSET hash f3 new", "HSETNX hash f3 new", "HINCRBY hash f2 1",
		"GEOADD geo 1.5 1.5 a 2 2 b 3 3 c", "GEODIST geo a b km", "GEOHASH geo a b c", "GEOPOS geo a b c",
	} {
		if allocs := w.allocations(t, line); allocs > 0 {
			t.Errorf("%s: %v allocations", line, allocs)
		}
	}
}

// allocations is how many there are when a line is decided, over and over on the same state.
func (w *world) allocations(t *testing.T, line string) float64 {
	args := words(line)
	spec, problem := w.table.Lookup(args)
	if problem != "" {
		t.Fatal(problem)
	}
	call := command.Call{View: w.st.View(0, w.now), Out: &w.out, Events: &w.events}
	return testing.AllocsPerRun(50, func() {
		w.out.Reset(1 << 20)
		w.events.Truncate(0)
		call.Reset(spec, args)
		spec.Decide(&call)
	})
}
