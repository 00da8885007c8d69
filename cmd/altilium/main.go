// Command altilium is a Redis-compatible in-memory database whose database is
// its log: run it, look at any moment of its past, go back to one, record
// sessions and play them again.
//
// This package is the only place that knows every other one: it reads the
// settings, builds the engine with its log, puts a server in front of it, and
// holds the verbs. Each verb is one file. Data goes to standard output;
// progress, logs and errors go to standard error. Exit codes stand in exit.go.
package main

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run executes one command line and returns its exit code.
func run(args []string) int {
	out := &output{w: os.Stdout}
	root := newRoot()
	root.SetArgs(agoAsPoint(root, args))
	root.SetOut(out)
	err := execute(root)
	if err == nil || isQuiet(err) {
		err = cmp.Or(out.err, err)
	}
	if err != nil && !isQuiet(err) {
		fmt.Fprintln(os.Stderr, "altilium: "+withWayOut(err).Error())
	}
	return exitCode(err)
}

// ago is what looks like a flag and is none, since no flag begins so: -5m is a point.
var ago = regexp.MustCompile(`^-\.?[0-9]`)

// agoAsPoint writes -5m, where it stands for a point, as @-5m, which is the same
// and no flag. What follows the point of `at` is a command and stays as it is.
func agoAsPoint(root *cobra.Command, args []string) []string {
	if len(args) == 0 {
		return args
	}
	// Which argument of each verb may be the first that is a point.
	first, has := map[string]int{"at": 0, "log": 0, "diff": 0, "history": 1, "tag": 1}[args[0]]
	cmd, _, err := root.Find(args[:1])
	if !has || err != nil {
		return args
	}
	args = slices.Clone(args)
	for i, seen := 1, 0; i < len(args) && args[i] != "--"; i++ {
		switch {
		case ago.MatchString(args[i]) && seen >= first:
			args[i] = "@" + args[i]
		case strings.HasPrefix(args[i], "-"):
			if takesValue(cmd, args[i]) {
				i++
			}
			continue
		}
		if seen++; args[0] == "at" {
			break
		}
	}
	return args
}

// takesValue reports whether the argument after this flag is its value.
func takesValue(cmd *cobra.Command, arg string) bool {
	f := cmd.Flags().ShorthandLookup(arg[len(arg)-1:])
	if name, long := strings.CutPrefix(arg, "--"); long {
		f = cmd.Flags().Lookup(name)
	}
	return f != nil && f.NoOptDefVal == ""
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:     "altilium",
		Version: version,
		Short:   "A Redis-compatible database whose database is its log",
		Long: `Altilium is a Redis-compatible in-memory database whose database is its log.

  altilium serve                     run it; every Redis client works
  altilium at @-5m                   look at the state of five minutes ago
  altilium restore --to @1200 --out other
                                     a new data directory, as of entry 1200
  altilium fork --at @1200 --out other
                                     the same with its history, at once
  altilium history KEY               every change of a key
  altilium replay FILE               run a recorded session again

Points: @1200 (after entry 1200), @1200^ (before it), @first, @last, @last-100,
@2026-01-01T10:00:00Z, -5m. Ranges: A..B.`,
		SilenceUsage:  true,
		SilenceErrors: true,

		SuggestionsMinimumDistance: 1, // so many letters of a verb may be wrong
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				meant := ""
				if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
					meant = ", did you mean " + strings.Join(like, " or ")
				}
				return usagef("unknown verb %q%s; `altilium help` lists them", args[0], meant)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate(versionLine())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%v; %ssee `%s --help`", err, instead(cmd, err), cmd.CommandPath())
	})
	root.AddCommand(
		newServe(), newAt(), newRestore(), newFork(), newHistory(), newBlame(), newDiff(), newBisect(), newLog(), newTag(),
		newRecord(), newReplay(),
		newCheck(), newCheckpoint(), newInfo(),
		newExport(), newImport(), newCLI(), newConfig(), newVersion(),
	)
	finishCobrasVerbs(root)
	addCompletions(root)
	return root
}

// finishCobrasVerbs gives the verbs that cobra brings, help and completion,
// what ours have: an example, and an error for what they do not know.
func finishCobrasVerbs(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Example = "  altilium help restore"
			cmd.Args = func(_ *cobra.Command, args []string) error {
				if found, rest, err := root.Find(args); err != nil || found == nil || len(rest) > 0 {
					return usagef("there is no verb %q; `altilium help` lists them", strings.Join(args, " "))
				}
				return nil
			}
		case "completion":
			cmd.Example = "  altilium completion bash > /etc/bash_completion.d/altilium"
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				if len(args) > 0 {
					return usagef("completion knows bash, zsh, fish and powershell, not %q", args[0])
				}
				return cmd.Help()
			}
			cmd.Args = cobra.ArbitraryArgs
			for _, shell := range cmd.Commands() {
				shell.Example, shell.Args = completionExample(shell.Name()), noArgs
			}
		}
	}
}

// completionExample says how a shell is told of the completion.
func completionExample(shell string) string {
	switch shell {
	case "bash":
		return "  source <(altilium completion bash)"
	case "zsh":
		return "  altilium completion zsh > \"${fpath[1]}/_altilium\""
	case "fish":
		return "  altilium completion fish > ~/.config/fish/completions/altilium.fish"
	}
	return "  altilium completion powershell | Out-String | Invoke-Expression"
}
