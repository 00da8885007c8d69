package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
	"github.com/spf13/cobra"
)

func newDiff() *cobra.Command {
	var w *where
	var keys string
	p := diffPrinter{}
	cmd := &cobra.Command{
		Use:   "diff A [B]",
		Short: "Print what differs between two moments of the data",
		Long: `Print every key that is not the same at two points, and of collections which
fields, members or elements: + is only at B, - only at A, ~ at both. A..B is the
same as A B, and without B it is the last entry. It works beside a running server.

With --resp the commands that turn A into B, in the protocol, for a server that
holds A: altilium diff … --resp | redis-cli --pipe. They are not one transaction.

The exit code is 0 where nothing differs and 1 where something does.`,
		Example: `  altilium diff before-migration
  altilium diff @100 @200 --stat
  altilium diff -5m..@last --keys 'user:*'
  altilium diff @first @last --json
  altilium diff @last @100 --resp | redis-cli --pipe     back to @100`,
		Args: wantArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if p.names && p.json || p.names && p.resp || p.json && p.resp || p.stat && (p.names || p.resp) {
				return usagef("--stat, --name-only, --json and --resp each print something else: give one of them, or --stat --json")
			}
			from, to, err := twoPoints(args)
			if err != nil {
				return err
			}
			if w.remote() {
				return p.remote(w, from, to, keys)
			}
			report, done := progress(cmd.ErrOrStderr(), "reading the log")
			p.diff, err = replay.Compare(*w.dir, from, to, report)
			done()
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "from %s to %s\n", p.diff.From.Resolved, p.diff.To.Resolved)
			return p.print(cmd.OutOrStdout(), cmd.ErrOrStderr(), keys)
		},
	}
	w = whereFlags(cmd)
	cmd.Flags().Var((*filter)(&keys), "keys", "only keys that match this pattern, as in KEYS")
	cmd.Flags().BoolVar(&p.stat, "stat", false, "print only how many keys differ")
	cmd.Flags().BoolVar(&p.names, "name-only", false, "print only the keys")
	cmd.Flags().BoolVar(&p.json, "json", false, "print one JSON object a line")
	cmd.Flags().BoolVar(&p.resp, "resp", false, "print the commands that turn A into B, in the protocol")
	return cmd
}

// remote prints what a server says differs.
func (p *diffPrinter) remote(w *where, from, to replay.Point, keys string) error {
	if p.resp {
		return usagef("--resp reads a directory: give --dir instead of --addr")
	}
	c, err := w.dial()
	if err != nil {
		return err
	}
	defer c.conn.Close()
	words := []string{"DIFF"}
	var ends [2]string
	for i, point := range []replay.Point{from, to} {
		if point == replay.Start() {
			first, err := c.firstReachable()
			if err != nil {
				return err
			}
			point = first
		}
		if ends[i], err = c.stand(point.String()); err != nil {
			return err
		}
		offset, _, _ := strings.Cut(ends[i], " ")
		words = append(words, offset)
	}
	fmt.Fprintf(w.cmd.ErrOrStderr(), "from %s to %s\n", ends[0], ends[1])
	if keys != "" {
		words = append(words, "MATCH", keys)
	}
	for _, flag := range []struct {
		on   bool
		word string
	}{{p.stat, "STAT"}, {p.names, "NAMES"}, {p.json, "JSON"}} {
		if flag.on {
			words = append(words, flag.word)
		}
	}
	return p.printRemote(w, c, words)
}

// printRemote prints the lines that a server answers, and says in its error whether there is
// a difference.
func (p *diffPrinter) printRemote(w *where, c *client, words []string) error {
	lines := 0
	same := ""
	if p.stat {
		same = replay.Stat{}.String()
		if p.json {
			raw, err := json.Marshal(replay.Stat{})
			if err != nil {
				return err
			}
			same = string(raw)
		}
	}
	out := bufio.NewWriter(w.cmd.OutOrStdout())
	err := c.lines(words, func(line []byte) error {
		if string(line) != same {
			lines++
		}
		return writeLine(out, line)
	})
	if err = errors.Join(err, out.Flush()); err == nil && lines > 0 {
		err = found("they differ")
	}
	return err
}

// twoPoints reads "A B", "A..B" and "A", which ends at the last entry.
func twoPoints(args []string) (from, to replay.Point, err error) {
	if len(args) == 1 && strings.Contains(args[0], "..") {
		r, err := replay.ParseRange(args[0])
		return r.From, r.To, err
	}
	if from, err = replay.ParsePoint(args[0]); err != nil || len(args) == 1 {
		return from, replay.Last(), err
	}
	to, err = replay.ParsePoint(args[1])
	return from, to, err
}

// diffPrinter prints a comparison as the flags say.
type diffPrinter struct {
	stat, names, json, resp bool

	diff *replay.Comparison
	wire []byte // scratch: one command
	db   int    // that the commands written so far have selected
}

// print prints all that differs and says in its error whether anything does.
func (p *diffPrinter) print(out, errs io.Writer, keys string) error {
	var match func(key []byte) bool
	if keys != "" {
		match = func(key []byte) bool { return command.Glob([]byte(keys), key, false) }
	}
	w := bufio.NewWriter(out)
	stat, err := p.diff.Each(match, func(d replay.Difference) error { return p.one(w, &d) })
	if err == nil && p.stat {
		err = p.printStat(w, stat)
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return err
	}
	if !p.stat && isTerminal(errs) {
		fmt.Fprintln(errs, stat)
	}
	if stat.Differ() {
		return found("they differ")
	}
	return nil
}

func (p *diffPrinter) printStat(w io.Writer, stat replay.Stat) error {
	if p.json {
		return json.NewEncoder(w).Encode(stat)
	}
	_, err := fmt.Fprintln(w, stat)
	return err
}

// one prints one key.
func (p *diffPrinter) one(w *bufio.Writer, d *replay.Difference) error {
	var err error
	switch {
	case p.stat:
	case p.names:
		_, err = fmt.Fprintln(w, d.Mark(), d.Name())
	case p.json:
		err = json.NewEncoder(w).Encode(d)
	case p.resp:
		err = p.commands(w, d)
	default:
		_, err = fmt.Fprintln(w, d)
	}
	return err
}

// commands writes a key's commands as a client sends them.
func (p *diffPrinter) commands(w *bufio.Writer, d *replay.Difference) error {
	if p.db != d.DB {
		p.db = d.DB
		if err := p.send(w, []byte("SELECT"), strconv.AppendInt(nil, int64(d.DB), 10)); err != nil {
			return err
		}
	}
	return p.diff.Commands(d, func(words ...[]byte) error { return p.send(w, words...) })
}

func (p *diffPrinter) send(w *bufio.Writer, words ...[]byte) error {
	p.wire = resp.AppendCommand(p.wire[:0], words...)
	_, err := w.Write(p.wire)
	return err
}
