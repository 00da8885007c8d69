package main

import (
	"fmt"

	"github.com/altilium-db/altilium/replay"
	"github.com/spf13/cobra"
)

func newRestore() *cobra.Command {
	var dir *string
	var to, out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "restore --to POINT --out DIR",
		Short: "Make a new data directory as of a moment",
		Long: `Make a new data directory that begins with the state at a point of the log. The
old directory is only read, and a server may be running on it; the new one must
not exist yet, or be empty. It is built in DIR.partial, so that the command,
killed at any moment, leaves no new directory or a complete one.`,
		Example: `  altilium restore --to @1200 --out before-my-mistake
  altilium restore --to @1201^ --out the-same               just before entry 1201
  altilium serve --dir before-my-mistake --port 7000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" || out == "" {
				return usagef("restore needs --to POINT and --out DIR; see `altilium restore --help`")
			}
			p, err := replay.ParsePoint(to)
			if err != nil {
				return err
			}
			report, done := progress(cmd.ErrOrStderr(), "restoring")
			r, err := replay.Restore(*dir, p, out, report)
			done()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), restoredJSON{r.Out, r.Offset, r.LogID.String(), r.Parent.LogID.String(), r.Keys, digestText(r.Digest)})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s now holds the state at %s: %s, digest %016x\nopen it: altilium serve --dir %s\n",
				out, r.Resolved, count(r.Keys, "key"), r.Digest, quoteWord(out))
			return nil
		},
	}
	dir = dirFlag(cmd)
	cmd.Flags().StringVar(&to, "to", "", "point to go back to")
	cmd.Flags().StringVar(&out, "out", "", "directory to make")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// restoredJSON is what --json prints; its names are never changed.
type restoredJSON struct {
	Out    string `json:"out"`
	Offset uint64 `json:"offset"`
	LogID  string `json:"log_id"` // the new log's
	Parent string `json:"parent"` // the id of the log that it was made from
	Keys   int    `json:"keys"`
	Digest string `json:"digest"`
}
