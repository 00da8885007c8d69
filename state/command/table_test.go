package command_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/state/command"
	"pgregory.net/rapid"
)

func TestCommandByName(t *testing.T) {
	table := command.NewTable()
	for _, s := range table.All() {
		for _, name := range []string{s.Name, strings.ToUpper(s.Name), strings.ToUpper(s.Name[:1]) + s.Name[1:]} {
			if got := table.Command([]byte(name)); got != s {
				t.Errorf("Command(%q) = %v", name, got)
			}
		}
		// One byte more, less or other is another name.
		for _, name := range []string{s.Name + "\x7f", s.Name + "\x00", " " + s.Name, s.Name[:len(s.Name)-1] + "\x7f"} {
			if got := table.Command([]byte(name)); got != nil {
				t.Errorf("Command(%q) = %s", name, got.Name)
			}
		}
	}
	for _, name := range []string{"", "\x00", "é", "get ", strings.Repeat("get", 1000)} {
		if got := table.Command([]byte(name)); got != nil {
			t.Errorf("Command(%q) = %s", name, got.Name)
		}
	}
}

// TestCommandByAnyName compares the hash table with a search through all rows.
func TestCommandByAnyName(t *testing.T) {
	table := command.NewTable()
	var names []string
	for _, s := range table.All() {
		names = append(names, s.Name)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := []byte(rapid.SampledFrom(names).Draw(t, "name"))
		for range rapid.IntRange(0, 2).Draw(t, "changes") {
			name[rapid.IntRange(0, len(name)-1).Draw(t, "at")] ^= rapid.SampledFrom([]byte{0x20, 0x80, 1}).Draw(t, "bit")
		}
		var want *command.Spec
		for _, s := range table.All() {
			if asciiLower(name) == s.Name {
				want = s
			}
		}
		if got := table.Command(name); got != want {
			t.Fatalf("Command(%q) = %v, not %v", name, got, want)
		}
	})
}

func asciiLower(b []byte) string {
	return string(bytes.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, b))
}

func TestNamed(t *testing.T) {
	table := command.NewTable()
	everyRow(table, func(s *command.Spec) {
		if got := table.Named([]byte(strings.ToUpper(s.FullName()))); got != s {
			t.Errorf("Named(%q) = %v", s.FullName(), got)
		}
	})
	for _, name := range []string{"", "|", "get|", "get|x", "client|", "client|nothing", "nothing|get", "client|list|x"} {
		if got := table.Named([]byte(name)); got != nil {
			t.Errorf("Named(%q) = %s", name, got.FullName())
		}
	}
}

// TestLookup looks at the rows that Lookup returns beside its errors; their
// texts are in the transcripts.
func TestLookup(t *testing.T) {
	table := command.NewTable()
	for _, c := range []struct {
		line, row, problem string
	}{
		{"GET k", "get", ""},
		{"get", "get", "ERR wrong number of arguments for 'get' command"},
		{"get a b", "get", "ERR wrong number of arguments for 'get' command"},
		{"mget", "mget", "ERR wrong number of arguments for 'mget' command"},
		{"mget a b c", "mget", ""},
		{"nothing a", "", "ERR unknown command 'nothing', with args beginning with: 'a' "},
		{"object encoding k", "object|encoding", ""},
		{"OBJECT ENCODING", "object|encoding", "ERR wrong number of arguments for 'object|encoding' command"},
		{"object", "object", "ERR wrong number of arguments for 'object' command"},
		{"object nothing k", "", "ERR unknown subcommand 'nothing'. Try OBJECT HELP."},
		{"client list", "client|list", ""},
		{"client getname x", "client|getname", "ERR wrong number of arguments for 'client|getname' command"},
		{"command", "command", ""},
		{"command nothing", "", "ERR unknown subcommand 'nothing'. Try COMMAND HELP."},
	} {
		s, problem := table.Lookup(words(c.line))
		row := ""
		if s != nil {
			row = s.FullName()
		}
		if row != c.row || problem != c.problem {
			t.Errorf("%s: row %q, problem %q", c.line, row, problem)
		}
	}
}

func TestArity(t *testing.T) {
	for _, c := range []struct {
		arity, words int
		ok           bool
	}{{2, 1, false}, {2, 2, true}, {2, 3, false}, {-2, 1, false}, {-2, 2, true}, {-2, 99, true}, {-1, 1, true}} {
		s := command.Spec{Arity: c.arity}
		if got := s.ArityOK(c.words); got != c.ok {
			t.Errorf("arity %d with %d words: %v", c.arity, c.words, got)
		}
	}
}

func TestKeyPositions(t *testing.T) {
	table := command.NewTable()
	for _, c := range []struct {
		line string
		keys []int
	}{
		{"GET k", []int{1}},
		{"SET k v EX 10", []int{1}},
		{"MGET a b c", []int{1, 2, 3}},
		{"MSET a 1 b 2", []int{1, 3}},
		{"MSET a 1 b", []int{1, 3}},
		{"LCS a b LEN", []int{1, 2}},
		{"RENAME a b", []int{1, 2}},
		{"OBJECT ENCODING k", []int{2}},
		{"DEL a", []int{1}},
		{"RANDOMKEY", nil},
		{"CLIENT LIST", nil},
		{"WATCH a b", []int{1, 2}},
	} {
		s, problem := table.Lookup(words(c.line))
		if problem != "" {
			t.Fatal(problem)
		}
		if got := slices.Collect(s.KeyPositions(words(c.line))); !slices.Equal(got, c.keys) {
			t.Errorf("%s: %v", c.line, got)
		}
	}
	for argc := range 3 { // with fewer arguments than the arity asks for
		for range table.Command([]byte("lcs")).KeyPositions(words("LCS a b")[:argc]) {
			if argc < 2 {
				t.Errorf("a key among %d words", argc)
			}
		}
	}
	for at := range table.Command([]byte("mget")).KeyPositions(words("MGET a b c d")) {
		if at > 1 {
			t.Error("went on after break")
		}
		break
	}
}

// TestKeyPositionsDifferential compares with COMMAND GETKEYS of redis-server.
func TestKeyPositionsDifferential(t *testing.T) {
	redis := startRedis(t)
	everyRow(command.NewTable(), func(s *command.Spec) {
		if own(s) || len(s.Keys) == 0 {
			return
		}
		name := strings.Split(s.FullName(), "|")
		for n := len(name); n < 9; n++ {
			args := slices.Clone(name)
			for i := len(args); i < n; i++ {
				args = append(args, string(rune('a'+i)))
			}
			if !s.ArityOK(n) || n%2 == 0 && s.Keys[0].Step == 2 || s.Keys[len(s.Keys)-1].First >= n {
				continue // the last: without sources, Redis says that it finds no keys of PFMERGE at all
			}
			if _, known := newer()[s.FullName()+": arity"]; known || !s.HasKeys(argv(args)) {
				continue
			}
			theirs := redis.do(t, argv(append([]string{"COMMAND", "GETKEYS"}, args...))...)
			var ours []string
			for at := range s.KeyPositions(argv(args)) {
				ours = append(ours, args[at])
			}
			if strings.Join(ours, " ") != joined(theirs.Items) {
				t.Errorf("%q\nours:  %q\nredis: %s", args, ours, theirs)
			}
		}
	})
}

// TestLookupAllocatesNothing: every request begins with a lookup.
func TestLookupAllocatesNothing(t *testing.T) {
	table := command.NewTable()
	get, list := words("GET k"), words("client LIST")
	keys := 0
	allocs := testing.AllocsPerRun(100, func() {
		s, _ := table.Lookup(get)
		for range s.KeyPositions(get) {
			keys++
		}
		table.Lookup(list)
	})
	if allocs != 0 || keys == 0 {
		t.Errorf("%v allocations, %d keys", allocs, keys)
	}
}
