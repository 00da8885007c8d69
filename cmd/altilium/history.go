package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/replay"
	"github.com/spf13/cobra"
)

func newHistory() *cobra.Command {
	var w *where
	var asJSON bool
	var last int
	cmd := &cobra.Command{
		Use:   "history KEY [A..B]",
		Short: "Print every change of a key",
		Long: `Print every entry that changed a key: when, by whom, with which command, and what
the key held afterwards. Expiry, renames, flushes and database swaps are shown
too. With -n only the last N changes, which takes no longer for a key that has been
changed very often. It works beside a running server, or asks one with --addr.`,
		Example: `  altilium history greeting
  altilium history user:7 @100..@last --json
  altilium history hits -n 20
  altilium history user:7 --addr 127.0.0.1:7000`,
		Args: wantArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			words := []string{"KEY", args[0], "VALUES"}
			if asJSON {
				words = append(words, "JSON")
			}
			if len(args) == 2 {
				if _, err := replay.ParseRange(args[1]); err != nil {
					return err
				}
				words = append(words, rangeOptions(args[1])...)
			}
			print := w.print
			if cmd.Flags().Changed("count") {
				if last < 1 {
					return usagef("-n %d: want a number of changes, 1 or more", last)
				}
				words, print = append(words, "REV", "COUNT", strconv.Itoa(last)), w.printTurned
			}
			n, err := print(words)
			if err == nil && n == 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s was not changed in that range (database %d)\n", strconv.Quote(args[0]), w.db)
			}
			return err
		},
	}
	w = whereFlags(cmd)
	w.dbFlag()
	cmd.Flags().IntVarP(&last, "count", "n", 0, "only so many, the last ones")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}

// rangeOptions is a range as options of LOG KEY.
func rangeOptions(text string) (words []string) {
	from, to, both := strings.Cut(text, "..")
	if !both {
		from, to = text+"^", text
	}
	if from != "" {
		words = append(words, "FROM", from)
	}
	if to != "" {
		words = append(words, "TO", to)
	}
	return words
}
