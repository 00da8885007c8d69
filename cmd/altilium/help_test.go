package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// everyVerb calls f for each verb and what is below it.
func everyVerb(root *cobra.Command, f func(cmd *cobra.Command)) {
	for _, cmd := range root.Commands() {
		f(cmd)
		everyVerb(cmd, f)
	}
}

// TestHelp: every verb says what it is for, with an example that has its name.
func TestHelp(t *testing.T) {
	seen := 0
	everyVerb(newRoot(), func(cmd *cobra.Command) {
		seen++
		if cmd.Short == "" || cmd.Long == "" {
			t.Errorf("%s: help without text", cmd.CommandPath())
		}
		if !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s: help without an example of itself", cmd.CommandPath())
		}
		if out := cmd.UsageString(); !strings.Contains(out, "Examples:\n") {
			t.Errorf("%s: its help shows no example:\n%s", cmd.CommandPath(), out)
		}
	})
	if want := 22 + 4; seen != want { // and the four shells of completion
		t.Errorf("%d verbs, want %d: a new one stands in DESIGN's list, in the README and here", seen, want)
	}
}

// TestExamples: each example is a command line that its verb understands.
func TestExamples(t *testing.T) {
	comment := regexp.MustCompile(` {3,}.*$`)
	seen := 0
	everyVerb(newRoot(), func(cmd *cobra.Command) {
		for _, line := range strings.Split(cmd.Example, "\n") {
			line = comment.ReplaceAllString(strings.TrimPrefix(line, "  "), "")
			words, err := splitWords(line)
			if err != nil || len(words) == 0 || words[0] != "altilium" || strings.ContainsAny(line, "|>") {
				continue // a line of shell
			}
			seen++
			found, rest, err := newRoot().Find(agoAsPoint(newRoot(), words[1:]))
			if err != nil || found.CommandPath() != words[0]+" "+words[1] {
				t.Errorf("%q: %v", line, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%q: %v", line, err)
				continue
			}
			if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	})
	if seen < 20 {
		t.Errorf("%d examples were looked at", seen)
	}
}

// TestJSON: what a verb shows, it can show to a program. serve and record show
// nothing; what export writes is for programs; a completion is one.
func TestJSON(t *testing.T) {
	without := []string{"serve", "record", "export", "help", "completion"}
	for _, cmd := range newRoot().Commands() {
		if has := cmd.Flags().Lookup("json") != nil; has == slices.Contains(without, cmd.Name()) {
			t.Errorf("%s: --json: %v", cmd.Name(), has)
		}
	}
}

// TestFlags: the same thing has the same flag everywhere, and each says what it
// does.
func TestFlags(t *testing.T) {
	defaults := map[string]string{"dir": defaultDir, "addr": defaultAddr}
	t.Setenv("ALTILIUM_DIR", "")
	everyVerb(newRoot(), func(cmd *cobra.Command) {
		for name, want := range defaults {
			f := cmd.Flags().Lookup(name)
			if name == "addr" && cmd.Flags().Lookup("dir") != nil {
				want = "" // a directory, unless a server is named
			}
			if f != nil && f.DefValue != want && cmd.Name() != "serve" && cmd.Name() != "config" {
				t.Errorf("%s: --%s is %q by default, not %q", cmd.Name(), name, f.DefValue, want)
			}
		}
	})
	for verb, flag := range map[string]string{"at": "dir", "log": "dir", "history": "dir", "diff": "dir", "restore": "dir", "fork": "dir", "replay": "dir",
		"info": "dir", "check": "dir", "checkpoint": "dir", "import": "dir", "cli": "addr", "record": "addr"} {
		cmd, _, err := newRoot().Find([]string{verb})
		if err != nil || cmd.Flags().Lookup(flag) == nil {
			t.Errorf("%s: no --%s (%v)", verb, flag, err)
		}
	}
}

// TestAgoAsPoint: -5m is a point where one is wanted, and a flag or an argument
// elsewhere.
func TestAgoAsPoint(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"at -5m", "at @-5m"},
		{"at -5m GET -5m", "at @-5m GET -5m"},
		{"at --dir d -2h30m^ DBSIZE", "at --dir d @-2h30m^ DBSIZE"},
		{"at --dir=d -1d", "at --dir=d @-1d"},
		{"at @3 GETRANGE k -5 -1", "at @3 GETRANGE k -5 -1"},
		{"at @3 GET -5m", "at @3 GET -5m"},
		{"at -- -5m", "at -- -5m"},
		{"log -5m..@last --json", "log @-5m..@last --json"},
		{"log --json -5m..-1m", "log --json @-5m..-1m"},
		{"log -n 5 -f", "log -n 5 -f"},
		{"log -n -5 -1.5h..", "log -n -5 @-1.5h.."},
		{"log -rn 5 -5", "log -rn 5 @-5"},
		{"log --key -5m --json -.5h", "log --key -5m --json @-.5h"},
		{"log --key=-5m --since -1h", "log --key=-5m --since -1h"},
		{"at --db -1 -5 GET x", "at --db -1 @-5 GET x"},
		{"diff -5m -1m", "diff @-5m @-1m"},
		{"tag v1 -5m --force", "tag v1 @-5m --force"},
		{"history k -1w..", "history k @-1w.."},
		{"restore --to -5m --out x", "restore --to -5m --out x"},
		{"fork --at -5m --out x", "fork --at -5m --out x"},
		{"cli -5m", "cli -5m"},
		{"serve --port 0", "serve --port 0"},
	} {
		got := strings.Join(agoAsPoint(newRoot(), strings.Fields(c.in)), " ")
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.in, got, c.want)
		}
	}
	if got := agoAsPoint(newRoot(), nil); got != nil {
		t.Errorf("nothing: %q", got)
	}
}
