package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/replay/past"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
	"github.com/spf13/cobra"
)

func newAt() *cobra.Command {
	var w *where
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "at [flags] POINT [COMMAND [ARG…]]",
		Short: "Look at the state of a moment: read commands at a prompt, or one",
		Long: `Look at the state as it was at a point of the log, beside a running server or
without one, or ask one with --addr. Nothing is changed: commands that write are
refused. The clock stands still at that moment, so expiries and TTLs are as of
then. Flags go before the point.

With --json each reply is one line: a string is text, or {"base64": …} where it
is not UTF-8, and a hash a list of pairs.`,
		Example: `  altilium at @1200 GET greeting
  altilium at -5m                        five minutes ago, with a prompt
  altilium at @2026-01-01T10:00:00Z KEYS '*'
  altilium at @1200^ HGETALL user:7      just before entry 1200
  altilium at --json @last HGETALL user:7
  altilium at --addr 127.0.0.1:7000 @1200 GET greeting`,
		Args: wantArgs(1, 1<<20),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 && strings.HasPrefix(args[1], "--") && cmd.Flags().Lookup(args[1][2:]) != nil {
				return usagef("%s comes before the point: altilium at %s … %s", args[1], args[1], args[0])
			}
			if err := w.checkDB(); err != nil {
				return err
			}
			if w.remote() {
				return atServer(w, args[0], args[1:], asJSON)
			}
			at, err := stateAt(cmd, *w.dir, args[0])
			if err != nil {
				return err
			}
			v := newAtPrompt(at, w.db, cmd.OutOrStdout())
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
	w = whereFlags(cmd)
	w.dbFlag()
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

// atServer has a server carry out commands at a moment of its past.
func atServer(w *where, point string, words []string, asJSON bool) error {
	if _, err := replay.ParsePoint(point); err != nil {
		return err
	}
	c, err := w.dial()
	if err != nil {
		return err
	}
	defer c.conn.Close()
	if _, err := c.must("HELLO", "3"); err != nil {
		return err
	}
	at, err := c.stand(point)
	if err != nil {
		return err
	}
	if len(words) > 0 {
		fmt.Fprintf(w.cmd.ErrOrStderr(), "at %s\n", at)
	} else {
		fmt.Fprintf(w.cmd.ErrOrStderr(), "the state at %s of the server at %s, read-only; EXIT leaves\n", at, w.server.addr)
	}
	table, out := command.NewTable(), w.cmd.OutOrStdout()
	offset, _, _ := strings.Cut(at, " ")
	return runCommands(w.cmd, words, offset+"> ", func(words []string) error {
		if strings.EqualFold(words[0], "exit") || strings.EqualFold(words[0], "quit") {
			return errExit
		}
		// What is about the server and not its data it would carry out as ever: SHUTDOWN too.
		switch spec, problem := table.Lookup(byteArgs(words)); {
		case problem != "": // the server's to say
		case spec.Flags&command.Write != 0:
			return fmt.Errorf("(error) %s", past.ReadOnly(spec, at))
		case !past.Has(spec, byteArgs(words)):
			return fmt.Errorf("(error) %s", past.NoPast(spec))
		}
		v, err := c.ask(words...)
		if err != nil {
			return err
		}
		return printReply(out, v, asJSON)
	})
}

// stand has the connection look at a moment from now on; it gives the point found.
func (c *client) stand(point string) (string, error) {
	v, err := c.ask("ASOF", point)
	if err == nil {
		err = remoteError(v)
	}
	return v.Text(), err
}
