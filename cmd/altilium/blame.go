package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
)

func newBlame() *cobra.Command {
	var w *where
	var asJSON bool
	var at string
	cmd := &cobra.Command{
		Use:   "blame KEY [FIELD]",
		Short: "Print who wrote each part of what a key holds",
		Long: `Print each field, member, element or stream entry that a key holds, and the entry
of the log that wrote it last; of a string, the entry that wrote it. With FIELD
only that part (of a list, the element of that index). What came with a rename, a
copy or a restore was written by that: to go on, look at the other key before it.
It works beside a running server, or asks one with --addr.`,
		Example: `  altilium blame user:7
  altilium blame user:7 email
  altilium blame queue --at -5m
  altilium blame user:7 --json --addr 127.0.0.1:7000`,
		Args: wantArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			words := []string{"BLAME", args[0], "AT", at}
			if len(args) == 2 {
				words = append(words, "FIELD", args[1])
			}
			if asJSON {
				words = append(words, "JSON")
			}
			n, err := w.print(words)
			if err == nil && n == 0 {
				what := "key " + strconv.Quote(args[0])
				if len(args) == 2 {
					what = fmt.Sprintf("%s in %s", strconv.Quote(args[1]), what)
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "there is no %s at %s (database %d)\n", what, at, w.db)
			}
			return err
		},
	}
	w = whereFlags(cmd)
	w.dbFlag()
	cmd.Flags().StringVar(&at, "at", "@last", "the moment to look at")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}
