package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/spf13/cobra"
)

func newCheckpoint() *cobra.Command {
	var dir *string
	var at uint64
	var child, asJSON bool
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "Make a checkpoint, so that the next start is fast",
		Long: `Make a checkpoint of a data directory that no server is using, so that the next
start has less log to replay. A running server makes checkpoints by itself as
its log grows, and on BGSAVE.`,
		Example: `  altilium checkpoint
  altilium checkpoint --dir other`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if child {
				return checkpointAsChild(cmd, *dir, at)
			}
			return checkpointHere(cmd, *dir, asJSON)
		},
	}
	dir = dirFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&child, "child", false, "")
	cmd.Flags().Uint64Var(&at, "offset", 0, "")
	hide(cmd, "child")
	hide(cmd, "offset")
	return cmd
}

// checkpointHere opens the directory as a start does, and makes a checkpoint of
// what it finds.
func checkpointHere(cmd *cobra.Command, dir string, asJSON bool) error {
	report, done := progress(cmd.ErrOrStderr(), "reading the log")
	rec, err := replay.Recover(dir, replay.Options{Progress: report})
	done()
	if errors.Is(err, log.ErrInUse) {
		return fmt.Errorf("%w\na running server makes checkpoints itself: send it BGSAVE", err)
	}
	if err != nil {
		return err
	}
	l := rec.Log
	c, err := compaction.Write(dir, rec.State, compaction.Meta{LogID: l.Manifest().IDAt(l.Last()), Offset: l.Last(), Time: l.LastTime()})
	if err == nil {
		err = compaction.Register(l, c)
	}
	switch {
	case err == nil && asJSON:
		err = printJSON(cmd.OutOrStdout(), newCheckpointJSON(c))
	case err == nil:
		fmt.Fprintf(cmd.OutOrStdout(), "checkpoint @%d: %s, %s, digest %016x\n", c.Offset, count(c.Keys, "key"), size(c.Size), c.Digest)
	}
	return errors.Join(err, l.Close(true))
}

// checkpointAsChild is the server's child: it reads beside the server, writes
// the file, and prints what it made for its parent to register. It ends with its
// parent, which holds the other end of its standard input: what it made would be
// registered by nobody, it has the whole state in memory, and the next server on
// the directory makes its own, perhaps in a file of the same name.
func checkpointAsChild(cmd *cobra.Command, dir string, at uint64) error {
	lowerPriority()
	go func() {
		_, _ = io.Copy(io.Discard, cmd.InOrStdin()) // ends with the parent, however that ends
		os.Exit(exitIO)
	}()
	made, err := compaction.Make(dir, at, nil)
	if err != nil {
		return err
	}
	return json.NewEncoder(cmd.OutOrStdout()).Encode(made.Checkpoint)
}

// checkpointInChild runs this program as such a child, until ctx ends: for an
// hour at most.
func checkpointInChild(ctx context.Context, dir string, offset uint64) (c log.Checkpoint, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return c, err
	}
	cmd := exec.CommandContext(ctx, self, "checkpoint", "--child", "--dir", dir, "--offset", strconv.FormatUint(offset, 10))
	cmd.SysProcAttr = ownGroup()
	if _, err := cmd.StdinPipe(); err != nil { // nothing is written; see checkpointAsChild
		return c, err
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return c, fmt.Errorf("the checkpoint process failed: %w: %s", err, bytes.TrimSpace(errs.Bytes()))
	}
	if err := json.Unmarshal(out.Bytes(), &c); err != nil {
		return c, fmt.Errorf("the checkpoint process printed %q: %w", out.Bytes(), err)
	}
	return c, nil
}
