package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
	"github.com/spf13/cobra"
)

// logFlags are what `altilium log` was asked for.
type logFlags struct {
	*where
	key, match, client, command string
	since, until                string
	last                        int
	reverse, follow             bool
	json, effects               bool
}

func newLog() *cobra.Command {
	f := &logFlags{}
	cmd := &cobra.Command{
		Use:        "log [A..B]",
		Short:      "Print the entries of the log",
		SuggestFor: []string{"show"},
		Long: `Print the entries of the log, oldest first: offset, time, client, command, and
what each changed. A..B are the entries after A up to B, a single point is its
entry; without either the last 20 are printed. With -n, the last N of them. It
works beside a running server, or asks one with --addr.

--match takes entries that change a key of that pattern, or a whole database;
--client is a pattern for a connection's number, name, address or user, and --cmd
one for a command's name, or for that of one within a transaction.`,
		Example: `  altilium log
  altilium log @100..@120
  altilium log @100               that entry
  altilium log -5m..@last --json
  altilium log --key stock -r     the latest changes of a key first
  altilium log --client 'worker-*' --cmd 'del*' --since -1h
  altilium log -f                 go on as entries come
  altilium log -f @100..          from entry 101 on`,
		Args: wantArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(args) },
	}
	f.where = whereFlags(cmd)
	f.dbFlag()
	flags := cmd.Flags()
	flags.Var((*filter)(&f.key), "key", "only entries that changed this key, in --db")
	flags.Var((*filter)(&f.match), "match", "only entries that change a key of this pattern")
	flags.Var((*filter)(&f.client), "client", "only entries of such a connection")
	flags.Var((*filter)(&f.command), "cmd", "only entries of such a command")
	flags.StringVar(&f.since, "since", "", "only entries after this point")
	flags.StringVar(&f.until, "until", "", "only entries up to this point")
	flags.BoolVar(&f.effects, "effects", true, "print what each entry changed")
	flags.BoolVar(&f.json, "json", false, "print one JSON object a line")
	flags.BoolVarP(&f.reverse, "reverse", "r", false, "print the newest first")
	flags.BoolVarP(&f.follow, "follow", "f", false, "wait for more")
	flags.IntVarP(&f.last, "count", "n", 20, "only so many, the last ones")
	return cmd
}

func (f *logFlags) run(args []string) error {
	from, to, err := f.span(args)
	if err != nil {
		return err
	}
	limited := f.cmd.Flags().Changed("count") || from == "-" && to == "+"
	if limited && f.last < 0 {
		return usagef("-n %d: a number of entries is not negative", f.last)
	}
	if f.follow {
		return f.goOn(from, to, limited)
	}
	words := f.words(from, to)
	if !limited && !f.reverse {
		_, err := f.print(words)
		return err
	}
	if words = append(words, "REV"); limited {
		words = append(words, "COUNT", strconv.Itoa(f.last))
	}
	if f.reverse {
		_, err := f.print(words)
		return err
	}
	_, err = f.printTurned(words)
	return err
}

// span is the range as LOG takes it: - and + for ends that were not given.
func (f *logFlags) span(args []string) (from, to string, err error) {
	if len(args) == 0 {
		from, to = f.since, f.until
	} else {
		if f.since != "" || f.until != "" {
			return "", "", usagef("give a range, or --since and --until, not both")
		}
		var both bool
		if from, to, both = strings.Cut(args[0], ".."); !both {
			from, to = args[0]+"^", args[0]
		}
		if _, err := replay.ParseRange(args[0]); err != nil {
			return "", "", err
		}
	}
	if from == "" {
		from = "-"
	}
	if to == "" {
		to = "+"
	}
	return from, to, nil
}

// words is the query, but for order and number.
func (f *logFlags) words(from, to string) []string {
	words := []string{"RANGE", from, to}
	if f.key != "" {
		words = []string{"KEY", f.key, "FROM", from, "TO", to}
	} else if f.match != "" {
		words = append(words, "MATCH", f.match)
	}
	return append(words, f.filters()...)
}

// filters are the options that RANGE and following share, but for MATCH.
func (f *logFlags) filters() (words []string) {
	if f.client != "" {
		words = append(words, "CLIENT", f.client)
	}
	if f.command != "" {
		words = append(words, "CMD", f.command)
	}
	if !f.effects {
		words = append(words, "BRIEF")
	}
	if f.json {
		words = append(words, "JSON")
	}
	return words
}

// goOn prints what is there and what comes, until it is interrupted.
func (f *logFlags) goOn(from, to string, limited bool) error {
	switch {
	case to != "+":
		return usagef("-f goes on for ever: give it a range without an end, as in `altilium log -f %s..`", strings.TrimSuffix(from, "^"))
	case f.key != "" || f.reverse:
		return usagef("-f prints entries as they come: it takes --match, --client and --cmd, but not --key or -r")
	}
	ctx, stop := untilInterrupted(f.cmd)
	defer stop()
	words := f.filters()
	if f.match != "" {
		words = append(words, "MATCH", f.match)
	}
	out := bufio.NewWriter(f.cmd.OutOrStdout())
	if f.remote() {
		return errors.Join(f.subscribe(ctx, from, limited, words, out), out.Flush())
	}
	w, err := replay.Look(*f.dir)
	if err != nil {
		return err
	}
	after, err := f.after(w, from, limited)
	if err != nil {
		return err
	}
	entries, err := replay.OpenEntries(*f.dir, after)
	if err != nil {
		return err
	}
	defer entries.Close()
	err = f.source().Follow(ctx, entries, words, func(_ uint64, line []byte) error { return writeLine(out, line) }, out.Flush)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, out.Flush())
}

// after is the offset to follow from: where from is, or so many entries before the end.
func (f *logFlags) after(w *replay.Window, from string, limited bool) (uint64, error) {
	after := w.First - 1
	if from != "-" {
		p, err := replay.ParsePoint(from)
		if err != nil {
			return 0, err
		}
		at, err := w.Resolve(p, f.source().Now)
		if err != nil {
			return 0, err
		}
		after = at.Offset
	}
	if limited && w.Last > after {
		after = max(after, w.Last-min(uint64(f.last), w.Last))
	}
	return after, nil
}

// subscribe follows a server's log.
func (f *logFlags) subscribe(ctx context.Context, from string, limited bool, words []string, out *bufio.Writer) error {
	c, err := f.dial()
	if err != nil {
		return err
	}
	defer c.conn.Close()
	defer context.AfterFunc(ctx, func() { c.conn.Close() })()
	if from == "-" && limited {
		from = "@last-" + strconv.Itoa(f.last)
		if v, err := c.ask("LOG", "OFFSET"); err == nil && v.Int < int64(f.last) {
			from = "@0"
		}
	}
	v, err := c.ask(append([]string{"LOG", "SUBSCRIBE", from}, words...)...)
	for err == nil {
		if err = remoteError(v); err != nil {
			return err
		}
		if line, ok := logMessage(v); ok {
			err = writeLine(out, line)
		}
		if err == nil && c.buffered.Buffered() == 0 {
			err = out.Flush()
		}
		if err == nil {
			v, err = c.in.Read()
		}
		if errors.Is(err, io.EOF) {
			err = errClosed
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// logMessage is the line of a message to a subscriber of the log.
func logMessage(v resp.Value) ([]byte, bool) {
	if len(v.Items) == 3 && v.Items[0].Text() == "log" {
		return v.Items[2].Str, true
	}
	return nil, false
}
