package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// TestTableAndHandlersMatch: every row is carried out by a decision or by a
// handler, never by both; and no handler is without a row.
func TestTableAndHandlersMatch(t *testing.T) {
	handlers := allHandlers()
	n := 0
	for _, part := range handlerParts() {
		n += len(part)
	}
	if n != len(handlers) {
		t.Errorf("%d handlers, of which only %d have a name of their own", n, len(handlers))
	}
	table := command.NewTable()
	rows := 0
	var check func(s *command.Spec)
	check = func(s *command.Spec) {
		rows++
		_, handled := handlers[s.FullName()]
		delete(handlers, s.FullName())
		switch {
		case handled && s.Decide != nil:
			t.Errorf("%s has a decision and a handler", s.FullName())
		case !handled && s.Decide == nil && s.Sub == nil:
			t.Errorf("%s has neither a decision nor a handler", s.FullName())
		case !handled && s.Decide == nil && s.ArityOK(1):
			t.Errorf("%s can be called without a subcommand, and nothing carries it out", s.FullName())
		}
		for _, sub := range s.Sub {
			check(sub)
		}
	}
	for _, s := range table.All() {
		check(s)
	}
	for name := range handlers {
		t.Errorf("the handler of %s has no row in the table", name)
	}
	if rows != table.Rows() {
		t.Errorf("%d rows, the table says %d", rows, table.Rows())
	}
}

// TestRowsAreComplete: what COMMAND DOCS shows is there for every command.
func TestRowsAreComplete(t *testing.T) {
	types := []string{"key", "string", "integer", "double", "pattern", "unix-time", "pure-token", "oneof", "block"}
	var args func(name string, of []command.Arg)
	args = func(name string, of []command.Arg) {
		for _, a := range of {
			if a.Name == "" || !slices.Contains(types, a.Type) {
				t.Errorf("%s: argument %q has type %q", name, a.Name, a.Type)
			}
			if (a.Type == "oneof" || a.Type == "block") == (len(a.Sub) == 0) {
				t.Errorf("%s: argument %q of type %s has %d parts", name, a.Name, a.Type, len(a.Sub))
			}
			if a.Type == "pure-token" && a.Token == "" {
				t.Errorf("%s: the token %q has no text", name, a.Name)
			}
			args(name, a.Sub)
		}
	}
	var check func(s *command.Spec)
	check = func(s *command.Spec) {
		name := s.FullName()
		for what, text := range map[string]string{"summary": s.Summary, "since": s.Since, "group": s.Group, "complexity": s.Complexity} {
			if text == "" {
				t.Errorf("%s has no %s", name, what)
			}
		}
		if !strings.HasSuffix(s.Summary, ".") {
			t.Errorf("%s: the summary %q is no sentence", name, s.Summary)
		}
		if s.Arity == 0 {
			t.Errorf("%s has no arity", name)
		}
		for _, c := range strings.Fields(s.Categories) {
			if !slices.Contains(aclCategories(), c) {
				t.Errorf("%s: there is no category %q", name, c)
			}
		}
		args(name, s.Args)
		for _, sub := range s.Sub {
			check(sub)
		}
	}
	for _, s := range command.NewTable().All() {
		check(s)
	}
}

// knownDifferences are the parts in which COMMAND INFO differs from Redis 7.0's
// on purpose, with the reason.
func knownDifferences() map[string]string {
	return map[string]string{
		"client|setname tips":           "7.2 has them, 7.0 has not",
		"config|resetstat tips":         "7.2 has them, 7.0 has not",
		"config|rewrite tips":           "7.2 has them, 7.0 has not",
		"randomkey tips":                "7.2 has one more",
		"scan tips":                     "7.2 has one more",
		"wait flags":                    "not from scripts in 7.0; in 7.2 it blocks, and answers them at once",
		"wait categories":               "as the flags",
		"msetnx tips":                   "7.2 has none: over several shards it would not be atomic",
		"zrank arity":                   "-3 in 7.2, which has WITHSCORE",
		"zrevrank arity":                "as zrank",
		"command|getkeys arity":         "-3 in 7.2, which counts it right; -4 in 7.0",
		"command|getkeysandflags arity": "-3 in 7.2, which counts it right; -4 in 7.0",
	}
}

// TestWhatIsSaidOfCommandsIsBounded: who names the same command again and again is not told
// as much of it each time as memory holds.
func TestWhatIsSaidOfCommandsIsBounded(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	for i := range h.e.rows {
		for micros := range h.e.rows[i].stats.times {
			h.e.rows[i].stats.times[micros] = 1 << 40
		}
	}
	for ask, names := range map[string]int{"COMMAND INFO": 100_000, "COMMAND DOCS": 100_000, "LATENCY HISTOGRAM": 40_000} {
		got := c.do(ask + strings.Repeat(" client", names))
		if want := "-ERR the reply would be too large"; !strings.HasPrefix(got, want) {
			t.Errorf("%s is answered by %d bytes", ask, len(got))
		}
		if got := c.do(ask + " client client"); strings.HasPrefix(got, "-") {
			t.Errorf("%s: %s", ask, got)
		}
	}
}

// TestCommandInfo compares COMMAND INFO of every command that redis-server has
// too: arity, flags, keys, categories, tips, key specs.
func TestCommandInfo(t *testing.T) {
	redis := startRedis(t)
	if redis == "" {
		t.Skip("nothing to compare with")
	}
	here, there := newOurs(t)(), newTheirs(t, redis)()
	known := knownDifferences()
	compared := 0
	var compare func(s *command.Spec)
	compare = func(s *command.Spec) {
		name := s.FullName()
		for _, sub := range s.Sub {
			compare(sub)
		}
		if s.Group == "altilium" {
			return
		}
		ours, theirs := infoOf(t, here, name), infoOf(t, there, name)
		if theirs.IsNull() {
			if !slices.Contains([]string{"client|setinfo", "client|no-touch", "waitaof"}, name) { // new in 7.2
				t.Errorf("redis-server has no %s", name)
			}
			return
		}
		compared++
		for i, part := range []string{"name", "arity", "flags", "first key", "last key", "step", "categories", "tips", "key specs"} {
			a, b := sorted(ours.Items[i]), sorted(theirs.Items[i])
			_, expected := known[name+" "+part]
			delete(known, name+" "+part)
			if (a != b) != expected {
				t.Errorf("%s, %s\nours:  %s\nredis: %s", name, part, a, b)
			}
		}
	}
	for _, s := range command.NewTable().All() {
		compare(s)
	}
	for name := range known {
		t.Errorf("there is no difference any more: %s", name)
	}
	t.Logf("%d commands compared", compared)
}

func infoOf(t *testing.T, s speaker, name string) resp.Value {
	t.Helper()
	s.send([][]byte{[]byte("COMMAND"), []byte("INFO"), []byte(name)})
	v, err := resp.NewReader(strings.NewReader(s.reply())).Read()
	if err != nil {
		t.Fatal(err)
	}
	return v.Items[0]
}

// sorted renders a reply without the order of flags and their like.
func sorted(v resp.Value) string {
	if len(v.Items) == 0 {
		return v.String()
	}
	var items []string
	for i := 0; i < len(v.Items); i++ {
		if string(v.Items[i].Str) == "notes" {
			i++ // of key specs: Redis' own words
			continue
		}
		items = append(items, sorted(v.Items[i]))
	}
	slices.Sort(items)
	return "[" + strings.Join(items, " ") + "]"
}

// TestCommandGetkeys asks both for the keys of calls of every length of every
// command: those too short, those that end in the middle of a pair, and those
// with more arguments than are good.
func TestCommandGetkeys(t *testing.T) {
	redis := startRedis(t)
	if redis == "" {
		t.Skip("nothing to compare with")
	}
	here, there := newOurs(t)(), newTheirs(t, redis)()
	asked, withKeys := 0, 0
	ask := func(call []string) {
		for _, how := range []string{"GETKEYS", "GETKEYSANDFLAGS"} {
			args := [][]byte{[]byte("COMMAND"), []byte(how)}
			for _, word := range call {
				args = append(args, []byte(word))
			}
			if len(args) < 4 { // 7.0 wants one more, 7.2 does not
				continue
			}
			here.send(args)
			there.send(args)
			ours, theirs := masked(here.reply()), masked(there.reply())
			asked++
			if strings.HasPrefix(ours, "*") {
				withKeys++
			}
			if ours != theirs {
				t.Errorf("%s %s\nours:  %s\nredis: %s", how, strings.Join(call, " "), ours, theirs)
			}
		}
	}
	var lengths func(s *command.Spec)
	lengths = func(s *command.Spec) {
		for _, sub := range s.Sub {
			lengths(sub)
		}
		if s.Group == "altilium" || slices.Contains([]string{"client|setinfo", "client|no-touch", "waitaof"}, s.FullName()) {
			return
		}
		if strings.HasSuffix(s.FullName(), "rank") && s.Arity < 0 {
			return // 7.2 takes WITHSCORE, 7.0 nothing more
		}
		for n := range 9 {
			call := strings.Split(s.FullName(), "|")
			for i := range n {
				call = append(call, "word"+string(rune('a'+i)))
			}
			ask(call)
		}
	}
	for _, s := range command.NewTable().All() {
		lengths(s)
	}
	for _, call := range []string{"SET k v GET", "SET k v get EX 5", "SET k v XX", "nosuch a b", "CLIENT nosuch a", "object help", "OBJECT nosuch k", "Get K"} {
		ask(strings.Fields(call))
	}
	if withKeys < 300 {
		t.Errorf("only %d answers had keys", withKeys)
	}
	t.Logf("%d calls compared, %d of them with keys", asked, withKeys)
}

// TestGetkeysOfOddNumbers: a number of keys that is none is read as redis-server reads it,
// blanks and zero bytes in it too.
func TestGetkeysOfOddNumbers(t *testing.T) {
	ours := newOurs(t)()
	redis := startRedis(t)
	for number, keys := range map[string]int{" 1": 1, "\t\n+2": 2, "1 ": 1, "2\x00": 2, "": 0, " ": 0, " 3": 0, "- 1": 0, "1\r\n": 1} {
		call := [][]byte{[]byte("COMMAND"), []byte("GETKEYSANDFLAGS"), []byte("ZINTER"), []byte(number), []byte("a"), []byte("b")}
		ours.send(call)
		got := ours.reply()
		if n := len(valueOf(t, got).Items); n != keys {
			t.Errorf("%q are %d keys: %s", number, n, got)
		}
		if redis == "" {
			continue
		}
		theirs := newTheirs(t, redis)()
		theirs.send(call)
		if want := theirs.reply(); got != want {
			t.Errorf("%q\nours:  %s\nredis: %s", number, got, want)
		}
	}
}
