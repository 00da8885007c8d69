package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/engine"
	"github.com/spf13/cobra"
)

func newImport() *cobra.Command {
	var dir *string
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Read the files of the original Altilium-DB into a data directory",
		Long: `Read files of the original Altilium-DB into a data directory, which is made when
it is not there: data.snapshot.json (or any .json) and data.aof, in the order
given. Every key becomes an entry of the log, like any other write. Nothing of a
file is imported when something in it cannot be.

The old append-only file kept expiry times as "in so many seconds"; they count
from now.`,
		Example: `  altilium import data.snapshot.json
  altilium import data.aof --dir altilium-data`,
		Args: wantArgs(1, 1<<20),
		RunE: func(cmd *cobra.Command, args []string) error {
			im := importer{now: time.Now()}
			for _, path := range args {
				err := im.read(path)
				if refused := new(fs.PathError); errors.As(err, &refused) {
					return err
				}
				if err != nil {
					return &codedError{code: exitDifference, err: err}
				}
			}
			if err := prepareDir(*dir); err != nil {
				return err
			}
			rec, err := replay.Recover(*dir, replay.Options{})
			if err != nil {
				return err
			}
			err = errors.Join(im.write(rec), rec.Log.Close(true))
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d commands imported, %d expired keys left out; %d keys now at @%d\n",
				im.done, im.expired, rec.State.TotalKeys(), rec.Log.Last())
			return nil
		},
	}
	dir = dirFlag(cmd)
	return cmd
}

// importer collects commands from files and then runs them.
type importer struct {
	now      time.Time
	commands []imported
	done     int
	expired  int
}

// imported is a command and where it stood.
type imported struct {
	args  [][]byte
	where string
}

func (im *importer) read(path string) error {
	if strings.HasSuffix(path, ".json") {
		cmds, expired, err := readLegacySnapshot(path, im.now.UnixMilli())
		if err != nil {
			return err
		}
		for _, c := range cmds {
			im.commands = append(im.commands, imported{c, fmt.Sprintf("%s: key %q", path, c[1])})
		}
		im.expired += expired
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return im.readCommands(path, f)
}

// readCommands reads a file of commands in wire form.
func (im *importer) readCommands(path string, f io.Reader) error {
	p := resp.NewParser()
	var pos int64
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
		at := pos - int64(p.Waiting())
		args, err := p.Next()
		if err != nil {
			return fmt.Errorf("%s: byte %d: %w; nothing was imported", path, at, err)
		}
		if args == nil {
			p.Release(1 << 20)
			return nil
		}
		im.commands = append(im.commands, imported{cloneArgs(args), fmt.Sprintf("%s: byte %d", path, at)})
	}
}

// ending takes a last line without its end; half a command is an error.
func (im *importer) ending(path string, pos int64, p *resp.Parser) error {
	if p.Waiting() == 0 {
		return nil
	}
	at := pos - int64(p.Waiting())
	p.Filled(copy(p.Space(), "\n"))
	if err := im.take(path, pos+1, p); err != nil {
		return err
	}
	if p.Waiting() > 0 {
		return fmt.Errorf("%s: byte %d: the last command is cut short; nothing was imported", path, at)
	}
	return nil
}

func cloneArgs(args [][]byte) [][]byte {
	out := make([][]byte, 0, len(args))
	for _, a := range args {
		out = append(out, bytes.Clone(a))
	}
	return out
}

// write runs the commands on an engine of its own, in turns. A command that is
// refused ends the import; what was imported before it stays, and is named.
func (im *importer) write(rec *replay.Recovered) error {
	e := engine.New(engine.Options{})
	e.Ready(rec.Log, rec.State)
	s, err := e.Open(&playedConn{addr: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	var out resp.Writer
	for i, c := range im.commands {
		out.Reset(1 << 20)
		s.Run([][][]byte{c.args}, &out)
		if i%64 == 63 || i == len(im.commands)-1 {
			e.Commit()
		}
		if b := out.Bytes(); len(b) > 0 && b[0] == '-' {
			e.Commit()
			return fmt.Errorf("%s: %s: %s (the %d commands before it are imported)",
				c.where, quoteArgs(c.args[:1]), strings.TrimSpace(string(b[1:])), im.done)
		}
		im.done++
	}
	if rec.Log.Err() != nil {
		return rec.Log.Err()
	}
	return nil
}
