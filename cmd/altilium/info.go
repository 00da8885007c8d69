package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/spf13/cobra"
)

// dirInfo is what `altilium info` shows; the JSON names are never changed.
type dirInfo struct {
	Dir         string            `json:"dir"`
	LogID       string            `json:"log_id"`
	Parent      string            `json:"parent,omitempty"`
	Ancestors   []ancestorJSON    `json:"ancestors,omitempty"` // of a fork
	FirstEntry  uint64            `json:"first_entry"`
	LastEntry   uint64            `json:"last_entry"`
	LastTime    string            `json:"last_time,omitempty"`
	Reach       uint64            `json:"reach"`
	Opening     openingJSON       `json:"opening"`
	Segments    int               `json:"segments"`
	LogBytes    int64             `json:"log_bytes"`
	Checkpoints []checkpointJSON  `json:"checkpoints"`
	Tags        map[string]uint64 `json:"tags"`
	Quarantine  int64             `json:"quarantine_bytes"`
	CleanStop   bool              `json:"clean_stop"`
	Running     bool              `json:"server_running"`
}

// ancestorJSON is a log that a fork has entries of, up to an offset.
type ancestorJSON struct {
	LogID string `json:"log_id"`
	UpTo  uint64 `json:"up_to"`
}

// openingJSON estimates how long it takes to have a state of the past; the JSON names are never
// changed.
type openingJSON struct {
	WorstMS   int64  `json:"worst_ms"`
	WorstAt   uint64 `json:"worst_at"`
	TypicalMS int64  `json:"typical_ms"`
}

// checkpointJSON is a checkpoint for a program; the JSON names are never changed.
type checkpointJSON struct {
	Offset uint64 `json:"offset"`
	Time   string `json:"time"`
	File   string `json:"file"`
	Bytes  int64  `json:"bytes"`
	Keys   int    `json:"keys"`
	Digest string `json:"digest"`
}

func newCheckpointJSON(c log.Checkpoint) checkpointJSON {
	return checkpointJSON{c.Offset, stamp(c.Time), c.File, c.Size, c.Keys, digestText(c.Digest)}
}

func newInfo() *cobra.Command {
	var w *where
	var asJSON bool
	cmd := &cobra.Command{
		Use:        "info",
		Short:      "Say what a data directory holds and how far back it reaches",
		SuggestFor: []string{"status"},
		Long: `Say what a data directory holds, beside a running server or without one: which
entries and checkpoints there are, how far back it can go, how long it takes about
to open a point of the past, whether the last stop was clean. The estimate goes by
how fast the last checkpoint was made here.

With --addr it is what a server says of its log: the section altilium of INFO.`,
		Example: `  altilium info
  altilium info --dir other --json
  altilium info --addr 127.0.0.1:7000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if w.remote() {
				return printServerInfo(w, asJSON)
			}
			info, err := readInfo(*w.dir)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), info)
			}
			printInfo(cmd, info)
			return nil
		},
	}
	w = whereFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func readInfo(dir string) (*dirInfo, error) {
	m, err := log.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	w, err := replay.Look(dir)
	if err != nil {
		return nil, err
	}
	info := &dirInfo{
		Dir: dir, LogID: m.LogID.String(), FirstEntry: w.First, LastEntry: w.Last, Reach: w.Reach,
		Checkpoints: []checkpointJSON{}, Tags: m.Tags, CleanStop: m.Clean != nil,
	}
	o := compaction.ReadPace(dir).Opening(m, w.Last)
	info.Opening = openingJSON{o.Worst.Milliseconds(), o.At, o.Typical.Milliseconds()}
	for _, c := range m.Checkpoints {
		info.Checkpoints = append(info.Checkpoints, newCheckpointJSON(c))
	}
	if m.Parent != nil {
		info.Parent = fmt.Sprintf("%s @%d", m.Parent.LogID, m.Parent.Offset)
	}
	for _, a := range m.Ancestors {
		info.Ancestors = append(info.Ancestors, ancestorJSON{a.LogID.String(), a.UpTo})
	}
	if w.LastTime > 0 {
		info.LastTime = stamp(w.LastTime)
	}
	if info.LogBytes, info.Segments, err = filesIn(dir, "wal"); err != nil {
		return nil, err
	}
	if info.Quarantine, _, err = filesIn(dir, "quarantine"); err != nil {
		return nil, err
	}
	info.Running, err = log.Busy(dir)
	return info, err
}

// filesIn counts the files of a folder of the data directory.
func filesIn(dir, folder string) (bytes int64, n int, err error) {
	err = filepath.WalkDir(filepath.Join(dir, folder), func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && d.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a running server has just removed it
		}
		if err == nil {
			bytes += info.Size()
			n++
		}
		return err
	})
	return bytes, n, err
}

func printInfo(cmd *cobra.Command, i *dirInfo) {
	out := cmd.OutOrStdout()
	state := "stopped after a crash or kill"
	switch {
	case i.Running:
		state = "a server is running on it"
	case i.CleanStop:
		state = "stopped in order"
	case i.FirstEntry > i.LastEntry:
		state = "nothing has been written to it yet"
	}
	fmt.Fprintf(out, "directory    %s (%s)\nlog id       %s\n", i.Dir, state, i.LogID)
	switch {
	case len(i.Ancestors) > 0:
		fmt.Fprintf(out, "forked       from %s\n", i.Parent)
	case i.Parent != "":
		fmt.Fprintf(out, "restored     from %s\n", i.Parent)
	}
	if i.FirstEntry > i.LastEntry {
		fmt.Fprintf(out, "entries      none; the next is @%d\n", i.FirstEntry)
	} else {
		fmt.Fprintf(out, "entries      @%d to @%d, the last at %s\n", i.FirstEntry, i.LastEntry, i.LastTime)
	}
	fmt.Fprintf(out, "reachable    every state from @%d to @%d\n", i.Reach, i.LastEntry)
	fmt.Fprintf(out, "to open      about %d ms for a typical point, %d ms for the farthest, @%d\n", i.Opening.TypicalMS, i.Opening.WorstMS, i.Opening.WorstAt)
	fmt.Fprintf(out, "log          %s in %s\n", size(i.LogBytes), count(i.Segments, "segment"))
	fmt.Fprintf(out, "checkpoints  %d\n", len(i.Checkpoints))
	for _, c := range i.Checkpoints {
		fmt.Fprintf(out, "             @%d: %s, %s, digest %s\n", c.Offset, count(c.Keys, "key"), size(c.Bytes), c.Digest)
	}
	for _, tag := range slices.Sorted(maps.Keys(i.Tags)) {
		fmt.Fprintf(out, "tag          %s @%d\n", tag, i.Tags[tag])
	}
	if i.Quarantine > 0 {
		fmt.Fprintf(out, "quarantine   %s kept aside by repairs\n", size(i.Quarantine))
	}
}

// serverInfo is what the server says of its log, by INFO's names and in INFO's order.
func (c *client) serverInfo() (names []string, fields map[string]string, err error) {
	v, err := c.must("INFO", "altilium")
	if err != nil {
		return nil, nil, err
	}
	fields = map[string]string{}
	for line := range strings.Lines(v.Text()) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			names, fields[name] = append(names, name), value
		}
	}
	return names, fields, nil
}

// firstReachable is the first point of the server's log that can be gone back to.
func (c *client) firstReachable() (replay.Point, error) {
	_, fields, err := c.serverInfo()
	if err != nil {
		return replay.Point{}, err
	}
	n, err := strconv.ParseUint(fields["log_first_reachable_offset"], 10, 64)
	if err != nil {
		return replay.Point{}, failed("the server has no log: it shows a moment of the past, or is still loading")
	}
	return replay.AtOffset(n), nil
}

func printServerInfo(w *where, asJSON bool) error {
	c, err := w.dial()
	if err != nil {
		return err
	}
	defer c.conn.Close()
	names, fields, err := c.serverInfo()
	if err != nil {
		return err
	}
	out := w.cmd.OutOrStdout()
	if !asJSON {
		for _, name := range names {
			fmt.Fprintf(out, "%-28s %s\n", name, fields[name])
		}
		return nil
	}
	return printJSON(out, fields)
}
