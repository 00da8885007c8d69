package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestTour does what the README does in its story, and wants to see what that shows.
func TestTour(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the story is one of a shell")
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, story, ok := strings.Cut(string(readme), "\n## A stock that went negative\n")
	if !ok {
		t.Fatal("the README has no such chapter")
	}
	story, _, _ = strings.Cut(story, "\n## ")
	script, steps := tour(story)
	if steps < 10 {
		t.Fatalf("%d steps were found", steps)
	}
	file := filepath.Join(t.TempDir(), "tour.txtar")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	p := scenarios()
	p.Files = []string{file}
	testscript.Run(t, p)
}

// tour makes a scenario of the lines between fences: a command after a dollar sign, with
// what belongs to it up to END, then what it prints. A comment tells the exit code, unless that is 0.
func tour(story string) (script string, steps int) {
	var run, files strings.Builder
	for i, block := range strings.Split(story, "```") {
		if i%2 == 0 {
			continue // prose
		}
		for _, step := range strings.Split(block, "\n$ ")[1:] {
			command, output, _ := strings.Cut(step+"\n", "\n")
			if strings.HasSuffix(command, "<<END") {
				in, rest, _ := strings.Cut(output, "\nEND\n")
				command, output = command+"\n"+in+"\nEND", rest
			}
			if command == "altilium serve &" {
				run.WriteString("server start --dir altilium-data\nenv ALTILIUM_PORT=$PORT\n")
				continue
			}
			steps++
			verb := "exec"
			if strings.Contains(command, "# exit code 1") {
				verb = "exit 1"
			}
			fmt.Fprintf(&run, "%s sh step%d\nlike shown%d\n", verb, steps, steps)
			fmt.Fprintf(&files, "-- step%d --\n%s\n-- shown%d --\n%s\n", steps, command, steps, strings.TrimRight(output, "\n"))
		}
	}
	return run.String() + files.String(), steps
}

// varying is what differs from run to run in what is printed.
var varying = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|127\.0\.0\.1:\d+|conn \d+`)

func likeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: like FILE")
	}
	plain := func(file string) string {
		return strings.TrimSpace(varying.ReplaceAllString(ts.ReadFile(file), "…"))
	}
	if got, want := plain("stdout"), plain(args[0]); got != want {
		ts.Fatalf("%s: want\n%s\ngot\n%s", args[0], want, got)
	}
}
