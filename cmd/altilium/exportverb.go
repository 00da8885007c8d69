package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
	"github.com/spf13/cobra"
)

// exportFlags are the flags of `altilium export`.
type exportFlags struct {
	dir                   *string
	at, format, keys, out string
	db                    int
}

func newExport() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:        "export",
		Short:      "Print all data of a moment: to be imported, or as commands for Redis",
		SuggestFor: []string{"dump", "backup"},
		Long: `Print all keys as they were at a point of the log, beside a running server or
without one. The formats:

  jsonl   everything, a line of JSON for each key after one for the whole; what
          altilium import makes the same data of, to the bit
  resp    commands for an empty Redis server: altilium export --format resp | redis-cli --pipe
  aof     the same as an append-only file, which redis-server loads

As commands there is all but when the consumers of streams were last seen. With
--out the file is there as a whole or not at all.`,
		Example: `  altilium export --out backup.jsonl
  altilium export --at -5m --keys 'user:*' --db 0
  altilium export --at @1200 --format aof --out appendonly.aof`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd) },
	}
	f.dir = dirFlag(cmd)
	cmd.Flags().StringVar(&f.at, "at", "@last", "the point")
	cmd.Flags().StringVar(&f.format, "format", "jsonl", "jsonl, resp or aof")
	cmd.Flags().Var((*filter)(&f.keys), "keys", "only keys that match this pattern, as in KEYS")
	cmd.Flags().IntVar(&f.db, "db", -1, "only this database")
	cmd.Flags().StringVar(&f.out, "out", "", "the file to write; standard output where there is none")
	return cmd
}

func (f *exportFlags) run(cmd *cobra.Command) error {
	switch f.format {
	case "jsonl", "resp", "aof":
	default:
		return usagef("--format %s: the formats are jsonl, resp and aof", f.format)
	}
	if cmd.Flags().Changed("db") && (f.db < 0 || f.db >= state.Databases) {
		return usagef("--db %d: databases are 0 to %d", f.db, state.Databases-1)
	}
	if f.out == "" {
		return f.write(cmd, cmd.OutOrStdout())
	}
	return whole(f.out, func(w io.Writer) error { return f.write(cmd, w) })
}

// write writes the export to w.
func (f *exportFlags) write(cmd *cobra.Command, w io.Writer) error {
	at, err := stateAt(cmd, *f.dir, f.at)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "at %s\n", at.Resolved)
	x := replay.Exporting{DB: f.db}
	if f.keys != "" {
		x.Match = func(key []byte) bool { return command.Glob([]byte(f.keys), key, false) }
	}
	report, done := progress(cmd.ErrOrStderr(), "exporting")
	defer done()
	var written int64
	out := bufio.NewWriterSize(w, 1<<16)
	put := func(p []byte) error {
		if written += int64(len(p)); report != nil {
			report(written, max(written, at.State.Used()))
		}
		_, err := out.Write(p)
		return err
	}
	if f.format == "jsonl" {
		err = replay.Export(*f.dir, at, x, put)
	} else {
		var wire []byte
		err = replay.ExportCommands(at, x, func(words ...[]byte) error {
			wire = resp.AppendCommand(wire[:0], words...)
			return put(wire)
		})
	}
	return errors.Join(err, out.Flush())
}

// whole makes a file that is there as a whole or not at all: what fill writes goes to
// another name beside it, is synced, and takes the file's name at the end. Ctrl-C leaves
// nothing of it; what a kill leaves has ".partial-" in its name. A link stays one: the file
// that it leads to is made. What is there and no regular file, such as /dev/null or a pipe,
// is written into. Errors have the file's own name.
func whole(path string, fill func(w io.Writer) error) error {
	if file, err := filepath.EvalSymlinks(path); err == nil {
		path = file
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		return errors.Join(fill(f), f.Close())
	}
	var making sync.Mutex // an interrupt waits for the name
	making.Lock()
	var f *os.File
	defer onInterrupt(func() {
		making.Lock()
		os.Remove(f.Name())
	})()
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".partial-*")
	var failed *fs.PathError
	if errors.As(err, &failed) {
		failed.Path = path
	}
	if err != nil {
		return err
	}
	making.Unlock()
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if errors.As(err, &failed) && failed.Path == f.Name() { // and not of what is exported
		failed.Path = path
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return log.SyncDir(filepath.Dir(path))
}
