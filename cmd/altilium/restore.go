package main

import (
	"errors"
	"fmt"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/state/command"
	"github.com/spf13/cobra"
)

func newRestore() *cobra.Command {
	r := &restoring{}
	cmd := &cobra.Command{
		Use:        "restore {--to POINT | --before COMMAND} {--out DIR | --in-place --yes}",
		Short:      "Go back to a moment: in a new data directory, or in place",
		SuggestFor: []string{"undo", "revert", "reset", "rollback"},
		Long: `Make a new data directory that begins with the state at a point of the log. The
old directory is only read, and a server may be running on it; the new one must
not exist yet, or be empty. It is built in DIR.partial, so that the command,
killed at any moment, leaves no new directory or a complete one.

With --in-place the directory itself goes back, while no server uses it (a running
one does so by LOG RESTORE): one entry is appended that makes the data what it was,
and a checkpoint. The log is never cut: what happened since stays in it, and going
back to just before that entry undoes this too. Killed at any moment it leaves the
data as it was or as it is to be. With --keys only the keys that match go back, or
are in the new directory.

--before COMMAND is the point just before the last entry that such a command caused,
by itself or in a transaction. To keep the history: altilium fork.

--ttl says when keys expire. With absolute, as they would have: one whose time has come
since is gone as soon as a server looks. With shift each has left to live, from now on,
what it had left at the point. With frozen none expires, whatever opens the directory
and for however long one looks. To see the moment with all its expiries, standing
still, open a new directory made with absolute by a server whose clock begins there and
does not go on: altilium serve --clock frozen.`,
		Example: `  altilium restore --to @1200 --out before-my-mistake
  altilium restore --to @1201^ --out the-same               just before entry 1201
  altilium serve --dir before-my-mistake --port 7000
  altilium restore --before FLUSHALL --in-place --dry-run
  altilium restore --before FLUSHALL --in-place --yes
  altilium restore --to -5m --in-place --keys 'user:*' --yes
  altilium restore --to -1d --out yesterday --keys 'session:*' --ttl shift`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd) },
	}
	r.dir = dirFlag(cmd)
	cmd.Flags().StringVar(&r.to, "to", "", "point to go back to")
	cmd.Flags().StringVar(&r.before, "before", "", "go back to just before the last such command")
	cmd.Flags().StringVar(&r.out, "out", "", "directory to make")
	cmd.Flags().BoolVar(&r.inPlace, "in-place", false, "go back in the directory itself, by one more entry of its log")
	cmd.Flags().Var((*filter)(&r.keys), "keys", "only keys that match this pattern, as in KEYS")
	cmd.Flags().StringVar(&r.ttlText, "ttl", replay.TTLAbsolute.String(), "when keys expire: absolute, shift or frozen")
	cmd.Flags().BoolVar(&r.yes, "yes", false, "with --in-place: do it")
	cmd.Flags().BoolVar(&r.dryRun, "dry-run", false, "print what would happen and change nothing")
	cmd.Flags().BoolVar(&r.asJSON, "json", false, "print JSON")
	return cmd
}

// restoring is a call of the verb.
type restoring struct {
	dir                          *string
	to, before, out              string
	keys, ttlText                string
	inPlace, yes, dryRun, asJSON bool
}

func (r *restoring) run(cmd *cobra.Command) error {
	switch {
	case (r.to == "") == (r.before == "") || (r.out == "") != r.inPlace:
		return usagef("restore needs a point, --to POINT or --before COMMAND, and where it is to be, --out DIR or --in-place; see `altilium restore --help`")
	case !r.inPlace && r.yes:
		return usagef("--yes is for --in-place: a new directory changes nothing")
	case r.inPlace && r.yes == r.dryRun:
		return usagef("--in-place changes %s: say --yes, or see with --dry-run what would happen", *r.dir)
	}
	w, err := r.wanted()
	if err != nil {
		return err
	}
	p, err := r.point()
	if err != nil {
		return err
	}
	if r.inPlace {
		return r.here(cmd, p, w)
	}
	if r.dryRun {
		return r.look(cmd, p, w)
	}
	return r.elsewhere(cmd, p, w)
}

func (r *restoring) point() (replay.Point, error) {
	if r.before != "" {
		return replay.BeforeLast(*r.dir, r.before)
	}
	return replay.ParsePoint(r.to)
}

// wanted is which keys are restored, and when they expire.
func (r *restoring) wanted() (w replay.Wanted, err error) {
	if w.TTL, err = replay.ParseTTL(r.ttlText); err != nil {
		return w, usagef("--ttl %v", err)
	}
	if r.keys != "" {
		w.Keys = func(key []byte) bool { return command.Glob([]byte(r.keys), key, false) }
	}
	return w, nil
}

// elsewhere makes a new directory.
func (r *restoring) elsewhere(cmd *cobra.Command, p replay.Point, w replay.Wanted) error {
	report, done := progress(cmd.ErrOrStderr(), "restoring")
	made, err := replay.Restore(*r.dir, p, r.out, w, report)
	done()
	if err != nil {
		return err
	}
	if r.asJSON {
		return printJSON(cmd.OutOrStdout(), restoredJSON{made.Out, made.Offset, made.LogID.String(), made.Parent.LogID.String(), made.Keys, digestText(made.Digest)})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s now holds the state at %s: %s, digest %016x\nopen it: altilium serve --dir %s\n",
		r.out, made.Resolved, count(made.Keys, "key"), made.Digest, quoteWord(r.out))
	return nil
}

// look says what a new directory would hold.
func (r *restoring) look(cmd *cobra.Command, p replay.Point, w replay.Wanted) error {
	report, done := progress(cmd.ErrOrStderr(), "reading the log")
	at, err := replay.StateAt(*r.dir, p, report)
	done()
	if err == nil {
		err = w.Take(at)
	}
	if err != nil {
		return err
	}
	keys, digest := at.State.TotalKeys(), at.State.Digest()
	if r.asJSON {
		return printJSON(cmd.OutOrStdout(), restoredJSON{r.out, at.Offset, "", at.LogID.String(), keys, digestText(digest)})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s would hold the state at %s: %s, %s in memory, digest %016x; nothing was changed\n",
		r.out, at.Resolved, count(keys, "key"), size(at.State.Used()), digest)
	return nil
}

// here goes back in place.
func (r *restoring) here(cmd *cobra.Command, p replay.Point, w replay.Wanted) error {
	report, done := progress(cmd.ErrOrStderr(), "reading the log")
	u, err := replay.RestoreInPlace(*r.dir, p, replay.InPlace{Wanted: w, DryRun: r.dryRun, Progress: report})
	done()
	if errors.Is(err, log.ErrInUse) {
		return fmt.Errorf("%w\na running server goes back itself: send it LOG RESTORE %s", err, p)
	}
	if err != nil {
		return err
	}
	if r.asJSON {
		return printJSON(cmd.OutOrStdout(), undoneJSON{*r.dir, u.Offset, u.Entry, u.Stat, u.Bytes, u.Keys, digestText(u.Digest), u.Checkpoint})
	}
	out := cmd.OutOrStdout()
	switch {
	case !u.Differ():
		fmt.Fprintf(out, "%s already is what it was at %s; nothing was written\n", *r.dir, u.Resolved)
	case r.dryRun:
		fmt.Fprintf(out, "%s would go back to %s: %s, by one entry of %s; nothing was changed\n", *r.dir, u.Resolved, u.Stat, size(int64(u.Bytes)))
	default:
		fmt.Fprintf(out, "%s is back at %s by entry @%d (%s): %s; now %s, digest %016x\nto undo this: altilium restore --dir %s --to @%d --in-place --yes\n",
			*r.dir, u.Resolved, u.Entry, size(int64(u.Bytes)), u.Stat, count(u.Keys, "key"), u.Digest, quoteWord(*r.dir), u.Entry-1)
	}
	return nil
}

// restoredJSON is what --json prints; its names are never changed.
type restoredJSON struct {
	Out    string `json:"out"`
	Offset uint64 `json:"offset"`
	LogID  string `json:"log_id,omitempty"` // the new log's; not in a dry run
	Parent string `json:"parent"`           // the id of the log that it was made from
	Keys   int    `json:"keys"`
	Digest string `json:"digest"`
}

// undoneJSON is what --json prints with --in-place; its names are never changed.
type undoneJSON struct {
	Dir    string `json:"dir"`
	Offset uint64 `json:"offset"` // of the point
	Entry  uint64 `json:"entry"`  // that was appended; 0: none
	replay.Stat
	Bytes      int    `json:"bytes"` // of the entry
	Keys       int    `json:"keys"`  // in the directory's state as it is
	Digest     string `json:"digest"`
	Checkpoint bool   `json:"checkpoint"`
}
