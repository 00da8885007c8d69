package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/replay/past"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/spf13/cobra"
)

// where is where a verb that reads history looks: in a data directory, or at a running
// server, which is asked the same by LOG.
type where struct {
	cmd    *cobra.Command
	dir    *string
	server *target
	db     int
}

// whereFlags adds --dir, --addr and --password.
func whereFlags(cmd *cobra.Command) *where {
	w := &where{cmd: cmd, dir: dirFlag(cmd), server: &target{}}
	cmd.Flags().StringVar(&w.server.addr, "addr", "", "ask the server at HOST:PORT, or at its unix socket's path, instead of a directory")
	passwordFlag(cmd, w.server)
	return w
}

// dbFlag adds --db to it.
func (w *where) dbFlag() { w.cmd.Flags().IntVar(&w.db, "db", 0, "database") }

// remote reports whether a server is asked.
func (w *where) remote() bool { return w.server.addr != "" }

// dial connects to the server and chooses the database.
func (w *where) dial() (*client, error) {
	c, err := w.server.dial(w.cmd.Context())
	if err != nil || w.db == 0 {
		return c, err
	}
	return c, c.selectDB(w.db)
}

// source is the directory's log.
func (w *where) source() *past.Source {
	return &past.Source{
		Dir: *w.dir, Now: time.Now(), DB: w.db,
		Window: func() (*replay.Window, error) { return replay.Look(*w.dir) },
		Seeker: func() (*replay.Seeker, error) { return replay.OpenSeeker(*w.dir, nil) },
		Done:   func(s *replay.Seeker) { _ = s.Close() }, // it only reads
	}
}

// checkDB refuses a database that there is not.
func (w *where) checkDB() error {
	if w.db < 0 || w.db >= state.Databases {
		return usagef("--db %d: databases are 0 to %d", w.db, state.Databases-1)
	}
	return nil
}

// lines asks for lines, as LOG takes the words, and hands them to put.
func (w *where) lines(words []string, put func(line []byte) error) error {
	if err := w.checkDB(); err != nil {
		return err
	}
	if !w.remote() {
		err := w.source().Lines(words, put)
		if errors.Is(err, past.ErrUsage) {
			return usagef("%v", err)
		}
		return err
	}
	c, err := w.dial()
	if err != nil {
		return err
	}
	defer c.conn.Close()
	return c.lines(words, put)
}

// lines asks LOG for lines and hands them to put.
func (c *client) lines(words []string, put func(line []byte) error) error {
	v, err := c.ask(append([]string{"LOG"}, words...)...)
	if err == nil {
		err = remoteError(v)
	}
	if err != nil {
		return err
	}
	for _, line := range v.Items {
		if err := put(line.Str); err != nil {
			return err
		}
	}
	return nil
}

// print prints lines, and says how many there were.
func (w *where) print(words []string) (n int, err error) {
	out := bufio.NewWriter(w.cmd.OutOrStdout())
	err = w.lines(words, func(line []byte) error { n++; return writeLine(out, line) })
	return n, errors.Join(err, out.Flush())
}

// printTurned prints lines in the other order than they come, and says how many there were.
func (w *where) printTurned(words []string) (n int, err error) {
	var kept [][]byte
	err = w.lines(words, func(line []byte) error { kept = append(kept, bytes.Clone(line)); return nil })
	out := bufio.NewWriter(w.cmd.OutOrStdout())
	for _, line := range slices.Backward(kept) {
		err = errors.Join(err, writeLine(out, line))
	}
	return len(kept), errors.Join(err, out.Flush())
}

func writeLine(out io.Writer, line []byte) error {
	_, err := fmt.Fprintf(out, "%s\n", line)
	return err
}

// remoteError is the error that a reply is, of the kind that the same has on a directory;
// nil where it is none.
func remoteError(v resp.Value) error {
	if !v.IsError() {
		return nil
	}
	code, text, _ := strings.Cut(v.Text(), " ")
	kinds := map[string]error{"BADPOINT": replay.ErrBadPoint, "NOTAG": replay.ErrNoTag, "FUTURE": log.ErrFuture, "COMPACTED": log.ErrCompacted}
	if kind := kinds[code]; kind != nil {
		return &replay.PointError{Kind: kind, Text: text}
	}
	if code == "DAMAGED" {
		return fmt.Errorf("%w: %s", log.ErrDamaged, text)
	}
	return failed(v.Text())
}
