package main

import (
	"fmt"

	"github.com/altilium-db/altilium/replay"
	"github.com/spf13/cobra"
)

func newFork() *cobra.Command {
	var dir *string
	var at, out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:        "fork --at POINT --out DIR",
		Short:      "Make a second data directory as of a moment, with its history, at once",
		SuggestFor: []string{"branch", "clone"},
		Long: `Make a new data directory that is the old one as it was at a point, with all that
can be reached of its history, its tags and its checkpoints. Both go on apart: what
is written to one, or dropped from it, does not touch the other.

Where the file system has hard links (on the same disk) nothing large is copied: it
takes a moment and hardly any room, whatever the size of the log. The old directory
is only read, and a server may be running on it; the new one must not exist yet, or
be empty. It is built in DIR.partial, so that the command, killed at any moment,
leaves no new directory or a complete one.

Recorded sessions and the quarantine stay behind. To have the state without the
history before it: altilium restore.`,
		Example: `  altilium fork --at @last --out experiment
  altilium fork --at @1201^ --out before-my-mistake          just before entry 1201
  altilium fork --at -5m --out five-minutes-ago
  altilium serve --dir experiment --port 7000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if at == "" || out == "" {
				return usagef("fork needs --at POINT and --out DIR; see `altilium fork --help`")
			}
			p, err := replay.ParsePoint(at)
			if err != nil {
				return err
			}
			report, done := progress(cmd.ErrOrStderr(), "forking")
			f, err := replay.Fork(*dir, p, out, report)
			done()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), newForkedJSON(f))
			}
			history := "no entries"
			if f.First <= f.Offset {
				history = fmt.Sprintf("entries @%d to @%d", f.First, f.Offset)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is now %s as of %s: %s, %s; %s shared, %s copied\nopen it: altilium serve --dir %s\n",
				out, *dir, f.Resolved, history, count(len(f.Checkpoints), "checkpoint"), size(f.Linked), size(f.Copied), quoteWord(out))
			return nil
		},
	}
	dir = dirFlag(cmd)
	cmd.Flags().StringVar(&at, "at", "", "point to fork at")
	cmd.Flags().StringVar(&out, "out", "", "directory to make")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// forkedJSON is what --json prints; its names are never changed.
type forkedJSON struct {
	Out         string `json:"out"`
	Offset      uint64 `json:"offset"`
	Time        string `json:"time,omitempty"` // of the entry there
	LogID       string `json:"log_id"`         // the new log's
	Parent      string `json:"parent"`         // the id of the log that was forked
	FirstEntry  uint64 `json:"first_entry"`    // offset + 1 for none
	Segments    int    `json:"segments"`
	Checkpoints int    `json:"checkpoints"`
	Linked      int64  `json:"linked_bytes"`
	Copied      int64  `json:"copied_bytes"`
}

func newForkedJSON(f *replay.Forked) forkedJSON {
	j := forkedJSON{f.Out, f.Offset, "", f.LogID.String(), f.Parent.LogID.String(), f.First, f.Segments, len(f.Checkpoints), f.Linked, f.Copied}
	if f.Time > 0 {
		j.Time = stamp(f.Time)
	}
	return j
}
