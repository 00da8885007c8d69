package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/altilium-db/altilium/replay"
	"github.com/spf13/cobra"
)

func newHistory() *cobra.Command {
	var dir *string
	var db int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "history KEY [A..B]",
		Short: "Print every change of a key",
		Long: `Print every entry that changed a key: when, by whom, with which command, and what
the key held afterwards. Expiry, renames, flushes and database swaps are shown
too. It works beside a running server.`,
		Example: `  altilium history greeting
  altilium history user:7 @100..@last --json`,
		Args: wantArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := ".."
			if len(args) == 2 {
				text = args[1]
			}
			r, err := replay.ParseRange(text)
			if err != nil {
				return err
			}
			n := 0
			span, err := replay.History(*dir, db, []byte(args[0]), r, func(c replay.Change) error {
				n++
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(c)
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), c)
				return err
			})
			if err != nil {
				return err
			}
			if n == 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s was not changed between %s and %s (database %d)\n",
					strconv.Quote(args[0]), span.After, span.To, db)
			}
			return nil
		},
	}
	dir = dirFlag(cmd)
	cmd.Flags().IntVar(&db, "db", 0, "database")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}
