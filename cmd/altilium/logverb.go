package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/altilium-db/altilium/replay"
	"github.com/spf13/cobra"
)

func newLog() *cobra.Command {
	var dir *string
	var asJSON, follow bool
	var last int
	cmd := &cobra.Command{
		Use:   "log [A..B]",
		Short: "Print the entries of the log",
		Long: `Print the entries of the log, oldest first: offset, time, client, command, and
what each changed. A..B are the entries after A up to B, a single point is its
entry; without either the last 20 are printed. With -n, the last N of them. It
works beside a running server.`,
		Example: `  altilium log
  altilium log @100..@120
  altilium log @100               that entry
  altilium log -5m..@last --json
  altilium log -f                 go on as entries come
  altilium log -f @100..          from entry 101 on`,
		Args: wantArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if follow && len(args) == 1 && !strings.HasSuffix(args[0], "..") {
				return usagef("-f goes on for ever: give it a range without an end, as in `altilium log -f %s..`", strings.Split(args[0], "..")[0])
			}
			if cmd.Flags().Changed("count") || len(args) == 0 {
				if last < 0 {
					return usagef("-n %d: a number of entries is not negative", last)
				}
			} else {
				last = -1
			}
			span, err := logSpan(*dir, args, last)
			if err != nil {
				return err
			}
			entries, err := replay.OpenEntries(*dir, span.After.Offset)
			if err != nil {
				return err
			}
			defer entries.Close()
			p := logPrinter{out: bufio.NewWriter(cmd.OutOrStdout()), entries: entries, json: asJSON}
			if follow {
				ctx, stop := untilInterrupted(cmd)
				defer stop()
				return errors.Join(p.follow(ctx), p.out.Flush())
			}
			return errors.Join(p.upTo(span.To.Offset), p.out.Flush())
		},
	}
	dir = dirFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "wait for more")
	cmd.Flags().IntVarP(&last, "count", "n", 20, "only so many, the last ones")
	return cmd
}

// logSpan is the range that was asked for, or every entry; of it the last n,
// unless n is negative.
func logSpan(dir string, args []string, n int) (replay.Span, error) {
	w, err := replay.Look(dir)
	if err != nil {
		return replay.Span{}, err
	}
	span := replay.Span{After: replay.Resolved{Offset: w.First - 1}, To: replay.Resolved{Offset: w.Last}}
	if len(args) == 1 {
		r, err := replay.ParseRange(args[0])
		if err != nil {
			return span, err
		}
		if span, err = w.ResolveRange(r, time.Now()); err != nil {
			return span, err
		}
	}
	if n >= 0 && span.To.Offset > span.After.Offset {
		span.After.Offset = max(span.After.Offset, span.To.Offset-min(uint64(n), span.To.Offset))
	}
	return span, nil
}

type logPrinter struct {
	out     *bufio.Writer
	entries *replay.Entries
	json    bool
}

// upTo prints the entries up to an offset.
func (p *logPrinter) upTo(last uint64) error {
	for {
		line, err := p.entries.Next()
		if errors.Is(err, io.EOF) || err == nil && line.Offset > last {
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.print(line); err != nil {
			return err
		}
	}
}

// pollEvery is how often a followed log is looked at.
const pollEvery = 50 * time.Millisecond

// follow prints what is there and what comes, until it is interrupted.
func (p *logPrinter) follow(ctx context.Context) error {
	for ctx.Err() == nil {
		line, err := p.entries.Next()
		if errors.Is(err, io.EOF) {
			if err := p.out.Flush(); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
			case <-time.After(pollEvery):
			}
			continue
		}
		if err != nil {
			return err
		}
		if err := p.print(line); err != nil {
			return err
		}
	}
	return nil
}

func (p *logPrinter) print(line *replay.Line) error {
	if p.json {
		return json.NewEncoder(p.out).Encode(line)
	}
	_, err := fmt.Fprintln(p.out, line)
	return err
}
