package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/command/rdb"
	"github.com/altilium-db/altilium/state/engine"
	"github.com/spf13/cobra"
)

func newImport() *cobra.Command {
	var dir *string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Read an export, or files of Redis or the original Altilium-DB, into a data directory",
		Long: `Make a new data directory of an export (altilium export): the same data to the bit,
whose log goes on behind the point that was exported. Its directory must not exist
yet, or be empty; whatever is wrong with the file, nothing is made.

Or read other files into a data directory, which is made when it is not there, in the
order given: snapshots (RDB) and append-only files of Redis, or the directory of those,
and data.snapshot.json (or any .json) and data.aof of the original Altilium-DB. Every
key becomes an entry of the log, like any other write. All is tried out on a copy first,
in the system's temporary directory: when something cannot be imported, nothing is.
Stopped by Ctrl-C after that, it leaves what it has written.

The original's append-only file kept expiry times as "in so many seconds"; they count
from now. Commands in such a file that write nothing are left out, and so are the
functions in a snapshot.`,
		Example: `  altilium import backup.jsonl --dir fresh
  altilium import data.snapshot.json
  altilium import data.aof --dir altilium-data
  altilium import dump.rdb              a snapshot of Redis
  altilium import appendonlydir         what it has logged`,
		Args: wantArgs(1, 1<<20),
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, err := withParts(args)
			if err != nil {
				return importError(err)
			}
			if ours, err := anyExport(paths); ours || err != nil {
				if err == nil {
					err = importExport(cmd, paths[0], *dir, asJSON)
				}
				return err
			}
			im := importer{now: time.Now(), table: command.NewTable()}
			for _, path := range paths {
				if err := im.read(path); err != nil {
					return importError(err)
				}
			}
			sum, err := im.into(*dir)
			if err != nil {
				return importError(err)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), sum)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s imported, %s left out; %s now at @%d\n",
				count(sum.Imported, "command"), count(sum.Expired, "expired key"), count(sum.Keys, "key"), sum.Offset)
			if sum.Skipped > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "%s that had written nothing left out\n", count(sum.Skipped, "command"))
			}
			if sum.Foreign > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "%s left out: functions, or what modules keep beside keys\n", count(sum.Foreign, "part"))
			}
			return nil
		},
	}
	dir = dirFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// anyExport reports whether the files are one export; one among others is an error.
func anyExport(paths []string) (bool, error) {
	for _, path := range paths {
		ours, err := replay.IsExport(path)
		if err != nil || ours && len(paths) > 1 {
			return false, cmp.Or(err, usagef("%s is an export, which is imported alone, into a new directory", path))
		}
		if ours {
			return true, nil
		}
	}
	return false, nil
}

// importExport makes a new directory of an export.
func importExport(cmd *cobra.Command, path, dir string, asJSON bool) error {
	report, done := progress(cmd.ErrOrStderr(), "importing")
	r, err := replay.Import(path, dir, report)
	done()
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), restoredJSON{r.Out, r.Offset, r.LogID.String(), r.Parent.LogID.String(), r.Keys, digestText(r.Digest)})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s now holds the state at %s: %s, digest %016x\nopen it: altilium serve --dir %s\n",
		dir, r.Resolved, count(r.Keys, "key"), r.Digest, quoteWord(dir))
	return nil
}

// imported sums an import up; the JSON names are never changed.
type imported struct {
	Imported int    `json:"imported"` // commands
	Expired  int    `json:"expired"`  // keys that were left out
	Skipped  int    `json:"skipped"`  // commands that write nothing
	Foreign  int    `json:"foreign"`  // what a snapshot has besides keys: functions, and what modules keep
	Keys     int    `json:"keys"`     // in the directory now
	Offset   uint64 `json:"offset"`   // its last entry
}

// errImport is what is wrong with a file that can be read.
var errImport = errors.New("nothing was imported")

// importError gives an error of a file's content its exit code.
func importError(err error) error {
	if errors.Is(err, errImport) {
		return &codedError{code: exitDifference, err: err}
	}
	return err
}

// importer collects commands from files and then runs them.
type importer struct {
	now      time.Time
	table    *command.Table
	commands []legacyCommand
	expired  int
	skipped  int
	foreign  int
}

// legacyCommand is a command and where it stood: of a snapshot the key, of an
// append-only file the place.
type legacyCommand struct {
	args [][]byte
	path string
	key  string
	pos  int64
}

// refuse says what is wrong with a command, and where it stands.
func (c *legacyCommand) refuse(what string) error {
	if c.key != "" {
		return fmt.Errorf("%s: key %q: %s; %w", c.path, c.key, what, errImport)
	}
	return fmt.Errorf("%s: %s; %w", place(c.path, c.pos), what, errImport)
}

// place names a position in a file by line and byte.
func place(path string, pos int64) string {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Sprintf("%s: byte %d", path, pos)
	}
	defer f.Close()
	line, buf := 1, make([]byte, 64<<10)
	for r := io.LimitReader(f, pos); err == nil; {
		var n int
		n, err = r.Read(buf)
		line += bytes.Count(buf[:n], []byte("\n"))
	}
	return fmt.Sprintf("%s: line %d (byte %d)", path, line, pos)
}

func (im *importer) read(path string) error {
	if strings.EqualFold(filepath.Ext(path), ".json") {
		cmds, expired, err := readLegacySnapshot(path, im.now.UnixMilli())
		if err != nil {
			return err
		}
		for _, c := range cmds {
			im.commands = append(im.commands, legacyCommand{args: c, path: path, key: string(c[1])})
		}
		im.expired += expired
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	if head, _ := in.Peek(16); rdb.IsFile(head) {
		return im.readRDB(path)
	}
	return im.readCommands(path, in, 0)
}

// readCommands reads a file of commands in wire form, from a position on.
func (im *importer) readCommands(path string, f io.Reader, pos int64) error {
	p := resp.NewParser()
	for {
		n, err := f.Read(p.Space())
		p.Filled(n)
		pos += int64(n)
		if errors.Is(err, io.EOF) {
			return im.ending(path, pos, p)
		}
		if err != nil {
			return err
		}
		if err := im.take(path, pos, p); err != nil {
			return err
		}
	}
}

// take collects the whole commands that p has; pos is where what it was given
// ends in the file.
func (im *importer) take(path string, pos int64, p *resp.Parser) error {
	for {
		c := legacyCommand{path: path, pos: pos - int64(p.Waiting())}
		args, err := p.Next()
		if err != nil {
			return c.refuse(strings.TrimPrefix(err.Error(), "ERR Protocol error: "))
		}
		if args == nil {
			p.Release(1 << 20)
			return nil
		}
		for _, a := range args {
			c.args = append(c.args, bytes.Clone(a))
		}
		if err := im.add(c); err != nil {
			return err
		}
	}
}

// ending takes a last line without its end; half a command is an error.
func (im *importer) ending(path string, pos int64, p *resp.Parser) error {
	if p.Waiting() == 0 {
		return nil
	}
	half := legacyCommand{path: path, pos: pos - int64(p.Waiting())}
	p.Filled(copy(p.Space(), "\n"))
	if err := im.take(path, pos+1, p); err != nil {
		return err
	}
	if p.Waiting() > 0 {
		return half.refuse("the last command is cut short")
	}
	return nil
}

// add keeps a command that writes; SELECT says where. Others of the table did
// nothing when they were logged, and what is not in it is refused by name.
func (im *importer) add(c legacyCommand) error {
	spec, problem := im.table.Lookup(c.args)
	switch {
	case problem != "":
		return c.refuse(strings.TrimPrefix(problem, "ERR "))
	case spec.Flags&command.Write != 0 || spec.Name == "select":
		im.spare(c.args)
		im.commands = append(im.commands, c)
	default:
		im.skipped++
	}
	return nil
}

// into imports the commands into dir: first into a copy of it, so that nothing
// is imported when one of them is refused.
func (im *importer) into(dir string) (sum imported, err error) {
	tmp, remove, err := scratchDir("import")
	if err != nil {
		return sum, err
	}
	defer remove()
	copied := filepath.Join(tmp, "data")
	_, err = replay.Restore(dir, replay.Last(), copied, replay.Wanted{}, nil)
	if errors.Is(err, log.ErrNoLog) || errors.Is(err, fs.ErrNotExist) {
		err = prepareDir(copied)
	}
	if err != nil {
		return sum, err
	}
	if sum, err = im.write(copied, log.No); err != nil {
		return sum, err
	}
	if err := prepareDir(dir); err != nil {
		return sum, err
	}
	return im.write(dir, log.EverySec)
}

// write runs the commands on an engine of its own, in turns.
func (im *importer) write(dir string, policy log.Policy) (sum imported, err error) {
	rec, err := replay.Recover(dir, replay.Options{Log: log.Options{Policy: policy}})
	if err != nil {
		return sum, err
	}
	due, err := im.run(rec)
	if err := errors.Join(err, rec.Log.Close(true)); err != nil {
		return sum, err
	}
	return imported{len(im.commands), im.expired + due, im.skipped, im.foreign, rec.State.TotalKeys(), rec.Log.Last()}, nil
}

// run runs the commands under the clock of the import: both times the same ones
// have expired. due is how many keys that were spared have.
func (im *importer) run(rec *replay.Recovered) (due int, err error) {
	e := engine.New(engine.Options{Clock: im.now.UnixMicro})
	e.Ready(rec.Log, rec.State)
	s, err := e.Open(&playedConn{addr: "127.0.0.1:0"})
	if err != nil {
		return 0, err
	}
	play := func(commands []legacyCommand) error {
		var out resp.Writer
		for i, c := range commands {
			if i > 0 && c.path != commands[i-1].path { // each file begins in database 0
				s.Run([][][]byte{{[]byte("SELECT"), []byte("0")}}, &out)
			}
			out.Reset(1 << 20)
			s.Run([][][]byte{c.args}, &out)
			if i%64 == 63 || i == len(commands)-1 {
				e.Commit()
				if err := rec.Log.Err(); err != nil {
					return err
				}
			}
			if b := out.Bytes(); len(b) > 0 && b[0] == '-' {
				e.Commit()
				return c.refuse(fmt.Sprintf("%s: %s", c.args[0], strings.TrimSpace(string(b[1:]))))
			}
		}
		return nil
	}
	if err := play(im.commands); err != nil {
		return 0, err
	}
	last, due := im.due(rec.State)
	return due, play(last)
}
