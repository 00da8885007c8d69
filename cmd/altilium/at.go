package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
	"github.com/spf13/cobra"
)

func newAt() *cobra.Command {
	var dir *string
	var db int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "at [flags] POINT [COMMAND [ARG…]]",
		Short: "Look at the state of a moment: read commands at a prompt, or one",
		Long: `Look at the state as it was at a point of the log, beside a running server or
without one. Nothing is changed: commands that write are refused. The clock
stands still at that moment, so expiries and TTLs are as of then. Flags go before
the point.

With --json each reply is one line: a string is text, or {"base64": …} where it
is not UTF-8, and a hash a list of pairs.`,
		Example: `  altilium at @1200 GET greeting
  altilium at -5m                        five minutes ago, with a prompt
  altilium at @2026-01-01T10:00:00Z KEYS '*'
  altilium at @1200^ HGETALL user:7      just before entry 1200
  altilium at --json @last HGETALL user:7`,
		Args: wantArgs(1, 1<<20),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 && strings.HasPrefix(args[1], "--") && cmd.Flags().Lookup(args[1][2:]) != nil {
				return usagef("%s comes before the point: altilium at %s … %s", args[1], args[1], args[0])
			}
			if db < 0 || db >= state.Databases {
				return usagef("--db %d: databases are 0 to %d", db, state.Databases-1)
			}
			at, err := stateAt(cmd, *dir, args[0])
			if err != nil {
				return err
			}
			v := newPast(at, db, cmd.OutOrStdout())
			v.json = asJSON
			if len(args) > 1 {
				fmt.Fprintf(cmd.ErrOrStderr(), "at %s\n", at.Resolved)
			} else {
				fmt.Fprintf(cmd.ErrOrStderr(), "the state at %s: %s, read-only; EXIT leaves\n", at.Resolved, count(at.State.TotalKeys(), "key"))
			}
			return runCommands(cmd, args[1:], fmt.Sprintf("@%d> ", at.Offset), v.do)
		},
	}
	cmd.Flags().SetInterspersed(false)
	dir = dirFlag(cmd)
	cmd.Flags().IntVar(&db, "db", 0, "database")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each reply as one line of JSON")
	return cmd
}

// stateAt builds the state at the point that a person named.
func stateAt(cmd *cobra.Command, dir, point string) (*replay.At, error) {
	p, err := replay.ParsePoint(point)
	if err != nil {
		return nil, err
	}
	report, done := progress(cmd.ErrOrStderr(), "reading the log")
	defer done()
	return replay.StateAt(dir, p, report)
}

// past answers read commands on one state, with its clock standing still.
type past struct {
	table *command.Table
	state *state.State
	clock int64 // ms since 1970
	db    int
	rand  *rand.Rand // gives the same numbers for the same point
	at    replay.Resolved
	out   io.Writer
	json  bool
}

func newPast(at *replay.At, db int, out io.Writer) *past {
	return &past{
		table: command.NewTable(), state: at.State, clock: at.Clock / 1000, db: db,
		rand: rand.New(rand.NewPCG(at.Offset, 0)), at: at.Resolved, out: out,
	}
}

// do executes one command and prints its reply.
func (p *past) do(words []string) error {
	if strings.EqualFold(words[0], "exit") || strings.EqualFold(words[0], "quit") {
		return errExit
	}
	var out resp.Writer
	out.SetProtocol(3)
	if err := p.run(byteArgs(words), &out); err != nil {
		return err
	}
	v, err := parseReply(out.Bytes())
	if err != nil {
		return err
	}
	return printReply(p.out, v, p.json)
}

func (p *past) run(args [][]byte, out *resp.Writer) error {
	if strings.EqualFold(string(args[0]), "select") && len(args) == 2 {
		return p.selectDB(string(args[1]), out)
	}
	spec, problem := p.table.Lookup(args)
	switch {
	case problem != "":
		return errors.New("(error) " + problem)
	case spec.Flags&command.Write != 0:
		return fmt.Errorf("(error) ASOFRO %s writes, and the past at %s is read-only; `altilium restore` makes a directory from it that can be written", spec.Upper(), p.at)
	case spec.Decide == nil:
		return fmt.Errorf("(error) ERR %s speaks of a connection or a running server; only commands that read data work here", spec.Upper())
	}
	var events event.Buffer
	c := command.Call{View: p.state.View(p.db, p.clock), Out: out, Events: &events, Rand: p.rand.Uint64}
	c.Reset(spec, args)
	spec.Decide(&c)
	return nil
}

func (p *past) selectDB(word string, out *resp.Writer) error {
	n, err := strconv.Atoi(word)
	if err != nil {
		return errors.New("(error) ERR value is not an integer or out of range")
	}
	if n < 0 || n >= state.Databases {
		return errors.New("(error) ERR DB index is out of range")
	}
	p.db = n
	out.OK()
	return nil
}
