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
	"context"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	// A child that makes a checkpoint gets the terminal's Ctrl-C too; its
	// parent decides what happens to it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(agoAsPoint(args))
	err := root.ExecuteContext(ctx)
	if err != nil && !isQuiet(err) {
		fmt.Fprintln(os.Stderr, "altilium: "+err.Error())
	}
	return exitCode(err)
}

// ago is a point or the beginning of a range that looks like a flag.
var ago = regexp.MustCompile(`^-[0-9]+(ns|us|µs|ms|s|m|h|d|w)`)

// agoAsPoint writes -5m, where it stands for a point, as @-5m, which is the same
// and no flag. What follows the point of `at` is a command and stays as it is.
func agoAsPoint(args []string) []string {
	if len(args) == 0 || !slices.Contains([]string{"at", "log", "history"}, args[0]) {
		return args
	}
	args = slices.Clone(args)
	for i := 1; i < len(args) && args[i] != "--"; i++ {
		value := strings.HasPrefix(args[i-1], "--") && !strings.Contains(args[i-1], "=")
		switch {
		case ago.MatchString(args[i]):
			args[i] = "@" + args[i]
		case strings.HasPrefix(args[i], "-") || value || args[0] != "at":
			continue
		}
		if args[0] == "at" {
			break
		}
	}
	return args
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "altilium",
		Short: "A Redis-compatible database whose database is its log",
		Long: `Altilium is a Redis-compatible in-memory database whose database is its log.

  altilium serve                     run it; every Redis client works
  altilium at @-5m                   look at the state of five minutes ago
  altilium restore --to @1200 --out other
                                     a new data directory, as of entry 1200
  altilium history KEY               every change of a key
  altilium replay FILE               run a recorded session again

Points: @1200 (after entry 1200), @1200^ (before it), @first, @last, @last-100,
@2026-01-01T10:00:00Z, -5m. Ranges: A..B.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown verb %q; `altilium help` lists them", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%v; see `%s --help`", err, cmd.CommandPath())
	})
	root.AddCommand(
		newServe(), newAt(), newRestore(), newHistory(), newLog(),
		newRecord(), newReplay(),
		newCheck(), newCheckpoint(), newInfo(),
		newImport(), newCLI(), newConfig(), newVersion(),
	)
	return root
}
