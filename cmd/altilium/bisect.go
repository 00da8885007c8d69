package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/replay/past"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
	"github.com/spf13/cobra"
)

// bisectFlags are those of `altilium bisect`.
type bisectFlags struct {
	dir       *string
	db        int
	good, bad string
	keys      string
	expr      string
	run       bool
	json      bool
}

func newBisect() *cobra.Command {
	var f bisectFlags
	cmd := &cobra.Command{
		Use:   "bisect [flags] (--expr CONDITION | --run COMMAND [ARG…])",
		Short: "Find the first entry after which a condition no longer holds",
		Long: `Find the first entry after which a condition no longer holds, by halving the log
between a point where it does (--good, by default the first that can be reached)
and one where it does not (--bad, by default @last). Both are tried first. The
entry is printed as ` + "`altilium log`" + ` prints it, and what it changed as ` + "`altilium diff`" + `
does. It works beside a running server, which does the same for a client: LOG BISECT.

--expr takes a condition on read commands, which is true where all is well:

  GET stock >= 0
  HGET user:1 name == "Ada" and not EXISTS banned:1
  SMEMBERS roles contains admin or (TYPE roles == list and LLEN roles < 10)

Operators are == != < <= > >= and contains, between blanks, and and, or, not. Two
numbers are compared as numbers, other things as text. A missing value is unequal
to everything, and neither less nor greater: where the good end is before the key
was there, begin with ` + "`not EXISTS stock or`" + `.

--run runs a program for each try, with the address of a read-only server on the
data of that moment in place of {} and in ALTILIUM_ADDR (ALTILIUM_HOST,
ALTILIUM_PORT). Its exit code says how it is, as with git bisect run: 0 good, 125
cannot be told, 128 and more stops everything, and others bad.

The exit code is 0 where the entry was found, and 1 where the ends are not as said.`,
		Example: `  altilium bisect --expr 'not EXISTS stock or GET stock >= 0'
  altilium bisect --good before-migration --bad @9000 --expr 'HGET user:1 name == "Ada"'
  altilium bisect --good -2h --expr 'LLEN jobs < 1000' --json
  altilium bisect --good @1 --run ./check.sh {}
  altilium bisect --keys 'stock:*' --run sh -c '! redis-cli -p $ALTILIUM_PORT GET stock:7 | grep -q ^-'`,
		Args: wantArgs(0, 1<<20),
		RunE: func(cmd *cobra.Command, args []string) error { return f.bisect(cmd, args) },
	}
	cmd.Flags().SetInterspersed(false)
	f.dir = dirFlag(cmd)
	cmd.Flags().IntVar(&f.db, "db", 0, "database that the condition is about")
	cmd.Flags().StringVar(&f.good, "good", "", "point where the condition holds (default the first that can be reached)")
	cmd.Flags().StringVar(&f.bad, "bad", "@last", "point where it does not hold")
	cmd.Flags().Var((*filter)(&f.keys), "keys", "try only entries that touch a key which matches this pattern, as in KEYS")
	cmd.Flags().StringVar(&f.expr, "expr", "", "the condition")
	cmd.Flags().BoolVar(&f.run, "run", false, "the condition is a program, which follows")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

func (f *bisectFlags) bisect(cmd *cobra.Command, args []string) error {
	switch {
	case f.run == cmd.Flags().Changed("expr"):
		return usagef("give either --expr CONDITION or --run COMMAND")
	case f.run && len(args) == 0:
		return usagef("--run: which program is missing; it follows, as in --run ./check.sh {}")
	case !f.run && len(args) > 0:
		return usagef("%q is one word too many: the condition is one argument, in quotes", args[0])
	case f.run && cmd.Flags().Changed("db"):
		return usagef("--db is the database of --expr; the program of --run selects its own")
	case f.db < 0 || f.db >= state.Databases:
		return usagef("--db %d: databases are 0 to %d", f.db, state.Databases-1)
	}
	b, err := f.bisection(cmd.ErrOrStderr(), args)
	if err != nil {
		return err
	}
	if b.Window, err = replay.Look(*f.dir); err != nil {
		return err
	}
	ctx, stop := untilInterrupted(cmd)
	defer stop()
	found, err := b.Run(ctx, time.Now())
	if err != nil {
		return bisectError(err)
	}
	fmt.Fprintln(cmd.ErrOrStderr(), found)
	if f.json {
		return printFound(cmd.OutOrStdout(), *f.dir, found)
	}
	return found.Write(*f.dir, cmd.OutOrStdout())
}

// bisection is what the flags ask for, all but the window.
func (f *bisectFlags) bisection(errs io.Writer, program []string) (b *replay.Bisection, err error) {
	good := replay.Start()
	if f.good != "" {
		if good, err = replay.ParsePoint(f.good); err != nil {
			return nil, err
		}
	}
	bad, err := replay.ParsePoint(f.bad)
	if err != nil {
		return nil, err
	}
	if f.run {
		b = (&trial{program: program, out: errs}).bisection()
	} else {
		table := command.NewTable()
		x, err := past.ParseExpr(table, f.expr)
		if err != nil {
			return nil, usagef("%v", err)
		}
		b = x.Bisection(table, f.db, func(p replay.Probe, asked []string) {
			fmt.Fprint(errs, p)
			for _, a := range asked {
				fmt.Fprint(errs, "; ", a)
			}
			fmt.Fprintln(errs)
		})
	}
	if f.keys != "" {
		b.Touches = func(_ int, key []byte) bool { return command.Glob([]byte(f.keys), key, false) }
	}
	b.Good, b.Bad = good, bad
	return b, nil
}

// bisectError gives an error of a bisection its exit code.
func bisectError(err error) error {
	var end *replay.EndError
	var untouched *replay.UntouchedError
	var expr *past.ExprError
	switch {
	case errors.As(err, &end):
		return &codedError{code: exitDifference, err: fmt.Errorf("%w: --%s", err, end.Name)}
	case errors.As(err, &untouched), errors.As(err, &expr), errors.Is(err, errTrialAborted):
		return &codedError{code: exitDifference, err: err}
	case errors.Is(err, context.Canceled):
		return &codedError{code: exitInterrupted, err: errors.New("interrupted")}
	}
	return err
}

// foundJSON is what was found for a program; the JSON names are never changed.
type foundJSON struct {
	Good     resolvedJSON      `json:"good"`      // the last good moment that was tried
	Bad      resolvedJSON      `json:"first_bad"` // the first bad one
	Suspects []uint64          `json:"suspects"`  // the first bad entry is one of them
	ByClock  bool              `json:"by_clock"`
	Tries    int               `json:"tries"`
	Of       uint64            `json:"of"`
	Entries  []json.RawMessage `json:"entries"` // the suspects, the first of them
	Diff     []json.RawMessage `json:"diff"`
}

type resolvedJSON struct {
	Offset uint64 `json:"offset"`
	Time   string `json:"time"`
}

func printFound(w io.Writer, dir string, f *replay.Found) error {
	out := foundJSON{
		Good: resolvedJSON{f.Good.Offset, stamp(f.Good.Time)}, Bad: resolvedJSON{f.Bad.Offset, stamp(f.Bad.Time)},
		Suspects: f.Suspects, ByClock: f.Clock, Tries: f.Tries, Of: f.Entries, Diff: []json.RawMessage{},
	}
	err := f.Lines(dir, replay.MostSuspects, func(l *replay.Line) error {
		raw, err := json.Marshal(l)
		out.Entries = append(out.Entries, raw)
		return err
	})
	if err != nil {
		return err
	}
	c, err := f.Compare(dir)
	if err != nil {
		return err
	}
	_, err = c.Each(nil, func(d replay.Difference) error {
		raw, err := json.Marshal(d)
		out.Diff = append(out.Diff, raw)
		return err
	})
	if err != nil {
		return err
	}
	return printJSON(w, out)
}
