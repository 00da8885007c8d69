package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/replay/past"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
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
			v := newAtPrompt(at, db, cmd.OutOrStdout())
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

// atPrompt answers read commands on one state, with its clock standing still.
type atPrompt struct {
	past.Reader
	out  io.Writer
	json bool
}

func newAtPrompt(at *replay.At, db int, out io.Writer) *atPrompt {
	return &atPrompt{
		Reader: past.Reader{
			Table: command.NewTable(), At: at.Resolved, State: at.State, DB: db,
			Rand: rand.New(rand.NewPCG(at.Offset, 0)).Uint64, // the same numbers for the same point
		},
		out: out,
	}
}

// do executes one command and prints its reply.
func (p *atPrompt) do(words []string) error {
	if strings.EqualFold(words[0], "exit") || strings.EqualFold(words[0], "quit") {
		return errExit
	}
	var out resp.Writer
	out.SetProtocol(3)
	p.Run(byteArgs(words), &out)
	v, err := parseReply(out.Bytes())
	if err != nil {
		return err
	}
	return printReply(p.out, v, p.json)
}
