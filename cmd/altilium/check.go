package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/state"
	"github.com/spf13/cobra"
)

func newCheck() *cobra.Command {
	var dir *string
	var repair, asJSON, deep bool
	var out string
	cmd := &cobra.Command{
		Use:        "check",
		Short:      "Check every entry of the log and every checkpoint",
		SuggestFor: []string{"fsck", "repair", "verify"},
		Long: `Read every byte of a data directory, beside a running server or without one: the
manifest, every entry of every segment, every checkpoint. Nothing is changed.

With --deep the whole log is replayed as well, with all the data in memory: every
checkpoint must hold what the log gives at its offset, times must not go back, and
every tag must name a state that can be had. A repair then leaves behind the
checkpoints that do not.

With --repair --out DIR all that is good is saved into a new directory: the log
up to the first damage, checkpoints and tags up to there, recordings; what comes
after the damage is kept in its quarantine folder. Where a checkpoint was made
after the damage, nothing is lost but the history before that checkpoint.
Where MANIFEST itself is damaged, MANIFEST.copy is taken for it.

Exit code 1 when damage was found; with --repair 0, once all that is good is
saved. A torn tail, as a crash leaves it, is no damage: the next start cuts it off
and keeps it aside.`,
		Example: `  altilium check
  altilium check --deep
  altilium check --dir old --repair --out saved`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if repair != (out != "") {
				return usagef("--repair and --out DIR go together")
			}
			return check(cmd, *dir, out, deep, asJSON)
		},
	}
	dir = dirFlag(cmd)
	cmd.Flags().BoolVar(&deep, "deep", false, "replay the log too, and compare every checkpoint with it")
	cmd.Flags().BoolVar(&repair, "repair", false, "save all that is good into --out")
	cmd.Flags().StringVar(&out, "out", "", "directory to make")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// check reads a whole directory, says what is wrong with it, and where out is
// named saves into it what is good.
func check(cmd *cobra.Command, dir, out string, deep, asJSON bool) error {
	report, done := progress(cmd.ErrOrStderr(), "checking")
	c, err := log.Check(dir, report)
	done()
	if err != nil {
		return err
	}
	problems, err := checkpointProblems(dir)
	if err != nil {
		return err
	}
	var v *replay.Verified
	if deep {
		if v, err = replayed(cmd, dir); err != nil {
			return err
		}
		problems = append(problems, v.Findings...)
	}
	if !asJSON {
		printCheck(cmd, c, v, problems)
	}
	var repaired *log.Repaired
	if out != "" {
		if repaired, err = repairInto(dir, out, v); err != nil {
			return err
		}
	}
	switch {
	case asJSON:
		err = printJSON(cmd.OutOrStdout(), checkJSON(c, v, problems, out, repaired))
	case out != "":
		printRepaired(cmd.OutOrStdout(), out, repaired)
	}
	if err != nil || out != "" {
		return err
	}
	if c.Damaged() || len(problems) > 0 {
		return found("damage")
	}
	return nil
}

// replayed is what a replay finds. A manifest that is damaged Check has told of.
func replayed(cmd *cobra.Command, dir string) (*replay.Verified, error) {
	report, done := progress(cmd.ErrOrStderr(), "replaying")
	defer done()
	v, err := replay.Verify(dir, report)
	if errors.Is(err, log.ErrDamaged) {
		return &replay.Verified{Findings: []string{"nothing could be replayed: " + err.Error()}}, nil
	}
	return v, err
}

// checkpointProblems loads every checkpoint and says what is wrong with each. The
// error is that there is no memory to load one.
func checkpointProblems(dir string) ([]string, error) {
	m, err := log.ReadManifest(dir)
	if err != nil {
		return nil, nil // Check has said so
	}
	var problems []string
	for _, c := range m.Checkpoints {
		_, err := compaction.Load(dir, m.IDAt(c.Offset), m.RootID(), c, nil)
		var memory *state.OutOfMemory
		if errors.As(err, &memory) {
			return nil, err
		}
		if err != nil && stillNamed(dir, c) {
			problems = append(problems, err.Error())
		}
	}
	return problems, nil
}

// stillNamed reports whether a checkpoint that was in the manifest is: a running
// server removes those that retention lets go.
func stillNamed(dir string, c log.Checkpoint) bool {
	m, err := log.ReadManifest(dir)
	return err != nil || slices.Contains(m.Checkpoints, c)
}

func printCheck(cmd *cobra.Command, c *log.Checked, v *replay.Verified, problems []string) {
	out := cmd.OutOrStdout()
	entries := "no entries"
	if c.Entries > 0 {
		entries = fmt.Sprintf("%d entries (@%d to @%d)", c.Entries, c.First, c.Last)
	}
	fmt.Fprintf(out, "%s, %s, %s\n", count(c.Segments, "segment"), entries, size(c.Bytes))
	if v != nil {
		fmt.Fprintf(out, "replayed @%d to @%d: %s, digest %016x; %s compared\n", v.From, v.Last, count(v.Keys, "key"), v.Digest, count(v.Checkpoints, "checkpoint"))
	}
	for _, f := range c.Findings {
		if f.Torn {
			fmt.Fprintf(out, "torn tail: %s, byte %d: %s; the next start cuts it off and keeps it aside\n", f.File, f.Byte, f.What)
			continue
		}
		fmt.Fprintln(out, f.Error())
	}
	for _, p := range problems {
		fmt.Fprintln(out, p)
	}
	if c.Copy != "" {
		fmt.Fprintf(out, "%s; no data is lost by that, and the next start makes it anew\n", c.Copy)
	}
	if len(c.Findings) == 0 && len(problems) == 0 && c.Copy == "" {
		fmt.Fprintln(out, "all is well")
	}
}

// checkJSON is what --json prints.
func checkJSON(c *log.Checked, v *replay.Verified, problems []string, out string, repaired *log.Repaired) any {
	type finding struct {
		File   string `json:"file"`
		Byte   int64  `json:"byte"`
		Offset uint64 `json:"offset"`
		What   string `json:"what"`
		Torn   bool   `json:"torn_tail"`
	}
	findings := []finding{}
	for _, f := range c.Findings {
		findings = append(findings, finding{f.File, f.Byte, f.Offset, f.What, f.Torn})
	}
	shown := map[string]any{
		"segments": c.Segments, "entries": c.Entries, "first": c.First, "last": c.Last, "bytes": c.Bytes,
		"findings": findings, "copy_problem": c.Copy, "checkpoint_problems": append([]string{}, problems...),
	}
	if v != nil {
		shown["replayed"] = map[string]any{
			"from": v.From, "last": v.Last, "keys": v.Keys, "digest": digestText(v.Digest), "checkpoints": v.Checkpoints,
			"findings": append([]string{}, v.Findings...),
		}
		shown["checkpoint_problems"] = append([]string{}, problems[:len(problems)-len(v.Findings)]...)
	}
	if repaired != nil {
		shown["repaired"] = map[string]any{
			"out": out, "from": repaired.From, "last": repaired.Last, "after": repaired.After,
			"aside": append([]string{}, repaired.Aside...), "lost": append([]string{}, repaired.Lost...),
			"manifest": repaired.Manifest,
		}
	}
	return shown
}

// loads tells the checkpoints that can be read, and by their digest, and the replay where
// there was one, are right.
func loads(dir string, v *replay.Verified) func(*log.Manifest, log.Checkpoint) bool {
	return func(m *log.Manifest, c log.Checkpoint) bool {
		if v != nil && slices.Contains(v.Wrong, c.Offset) {
			return false
		}
		_, err := compaction.Load(dir, m.IDAt(c.Offset), m.RootID(), c, nil)
		var memory *state.OutOfMemory
		if errors.As(err, &memory) {
			panic(memory) // it says nothing of the checkpoint; execute makes an error of it
		}
		return err == nil
	}
}

func repairInto(dir, out string, v *replay.Verified) (*log.Repaired, error) {
	r, err := log.Repair(dir, out, loads(dir, v))
	if errors.Is(err, log.ErrExists) {
		err = usagef("--out %s: %v", out, err)
	}
	return r, err
}

func printRepaired(w io.Writer, out string, r *log.Repaired) {
	if r.From > 0 {
		fmt.Fprintf(w, "saved into %s: the checkpoint @%d and everything after it up to @%d; history before @%d is lost\n", out, r.From, r.Last, r.From)
	} else {
		fmt.Fprintf(w, "saved into %s: everything up to @%d\n", out, r.Last)
	}
	if r.Manifest != "" {
		fmt.Fprintf(w, "MANIFEST: %s\n", r.Manifest)
	}
	for _, l := range r.Lost {
		fmt.Fprintf(w, "lost: %s cannot be read\n", l)
	}
	if r.After > 0 {
		fmt.Fprintf(w, "%d whole entries lie after the damage; they are kept aside\n", r.After)
	}
	for _, a := range r.Aside {
		fmt.Fprintf(w, "kept aside: %s/%s\n", out, a)
	}
}
