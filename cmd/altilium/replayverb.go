package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/replay/session"
	"github.com/altilium-db/altilium/state/engine"
	"github.com/spf13/cobra"
)

// replayFlags are the flags of `altilium replay`.
type replayFlags struct {
	dir     *string
	to      string
	speed   float64
	most    int
	compare bool
	json    bool

	password string
}

func newReplay() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay FILE|NAME",
		Short: "Run a recorded session again and compare every reply",
		Long: `Run a recorded session again: a file, or a recording's name in the data
directory. A private server is started on the state that the recording began with,
under the recorded clock and randomness, and every reply is compared with the
recorded one; each difference is printed, and the exit code is 1 when there is
any.

With --to ADDR the recording is sent to any server that speaks RESP instead, at
the speed it was recorded with, N times as fast, or, with --speed 0, as fast as
the server answers.`,
		Example: `  altilium replay altilium-data/recordings/checkout-bug.session
  altilium replay checkout-bug --dir altilium-data
  altilium replay checkout-bug.session --to 127.0.0.1:7000 --speed 10`,
		Args: wantArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			r, err := openRecording(*f.dir, args[0])
			if err != nil {
				return err
			}
			defer r.Close()
			if f.to != "" {
				return sendRecording(cmd, r, &f)
			}
			return playRecording(cmd, r, &f)
		},
	}
	f.dir = dirFlag(cmd)
	cmd.Flags().StringVar(&f.to, "to", "", "address of a server to send it to")
	cmd.Flags().Float64Var(&f.speed, "speed", 1, "with --to: times the recorded speed, 0 for no pauses")
	cmd.Flags().StringVar(&f.password, "password", "", "with --to: password of that server; a recording has none")
	cmd.Flags().IntVar(&f.most, "max", 20, "stop after so many differences, 0 for never")
	cmd.Flags().BoolVar(&f.compare, "compare", false, "with --to: compare the replies too")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object a line: each difference, then the sums")
	return cmd
}

// check refuses flags that would be without effect.
func (f *replayFlags) check(cmd *cobra.Command) error {
	if f.speed < 0 {
		return usagef("--speed %v: a speed is not negative; 0 is as fast as possible", f.speed)
	}
	for _, name := range []string{"speed", "compare", "password"} {
		if f.to == "" && cmd.Flags().Changed(name) {
			return usagef("--%s belongs to --to ADDR: without it the recording is played on a private server", name)
		}
	}
	return nil
}

// openRecording opens a recording by path, or by name in the data directory.
func openRecording(dir, name string) (*session.Reader, error) {
	r, err := session.Open(name)
	if errors.Is(err, os.ErrNotExist) && !strings.ContainsAny(name, `/\`) {
		inDir := filepath.Join(dir, "recordings", strings.TrimSuffix(name, ".session")+".session")
		if _, serr := os.Stat(inDir); serr == nil {
			return session.Open(inDir)
		}
		err = fmt.Errorf("%w; there is no %s either", err, inDir)
	}
	return r, err
}

// playRecording plays a recording against a private engine.
func playRecording(cmd *cobra.Command, r *session.Reader, f *replayFlags) error {
	h := r.Header
	m, err := log.ReadManifest(*f.dir)
	if err != nil {
		return err
	}
	if h.LogID != m.LogID.String() && h.LogID != m.IDAt(h.Offset).String() { // a fork has its ancestors' moments too
		return usagef("the recording %s was made on log %s, and %s holds log %s; name the right directory with --dir", h.Name, h.LogID, *f.dir, m.LogID)
	}
	tmp, remove, err := scratchDir("replay")
	if err != nil {
		return err
	}
	defer remove()
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: recorded %s on the state at @%d\n", h.Name, stamp(h.Started), h.Offset)
	p, l, err := newPlayerAt(*f.dir, filepath.Join(tmp, "data"), h)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close(false) }() // a private directory, removed in a moment
	res, err := session.Play(r, p, printDivergences(cmd, f))
	if err != nil {
		return err
	}
	return judgeReplay(cmd, res, f)
}

// newPlayerAt restores the state that a recording began with into dir and puts
// a player's engine on it.
func newPlayerAt(from, dir string, h session.Header) (*player, *log.Log, error) {
	if _, err := replay.Restore(from, replay.AtOffset(h.Offset), dir, replay.Wanted{}, nil); err != nil {
		return nil, nil, err
	}
	rec, err := replay.Recover(dir, replay.Options{Log: log.Options{Policy: log.No}})
	if err != nil {
		return nil, nil, err
	}
	p := newPlayer()
	cfg := engine.NewConfig()
	for name, text := range h.Settings {
		if err := cfg.Set(name, text); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("the recording's setting %s: %w", name, err), rec.Log.Close(false))
		}
	}
	p.clock = h.Started
	p.engine = engine.New(p.options(engine.Options{Config: cfg}))
	p.engine.Ready(rec.Log, rec.State)
	return p, rec.Log, nil
}

// printDivergences prints each difference, and stops the run after most.
func printDivergences(cmd *cobra.Command, f *replayFlags) func(session.Divergence) bool {
	n, most := 0, f.most
	indent := func(text string) string { return strings.ReplaceAll(text, "\n", "\n            ") }
	return func(d session.Divergence) bool {
		n++
		if f.json {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(newDivergenceJSON(d)) == nil && n != most
		}
		command := quoteArgs(d.Args)
		if len(d.Args) == 0 {
			command = "(a message, or the reply of a command that waited)"
		}
		fmt.Fprintf(cmd.OutOrStdout(), "step %d, connection %d, %s\n  command   %s\n  expected  %s\n  got       %s\n",
			d.Step, d.Conn, stamp(d.Clock), command, indent(recordedText(d.Expected)), indent(recordedText(d.Got)))
		if most > 0 && n == most {
			fmt.Fprintf(cmd.OutOrStdout(), "stopped after %d differences (--max)\n", most)
			return false
		}
		return true
	}
}

func judgeReplay(cmd *cobra.Command, res session.Result, f *replayFlags) error {
	if f.json {
		err := json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{
			"steps": res.Steps, "compared": res.Commands, "divergences": res.Divergences, "complete": res.Complete,
		})
		if err != nil {
			return err
		}
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "%s, %d replies compared, %s\n", count(res.Steps, "step"), res.Commands, count(res.Divergences, "divergence"))
	}
	if !res.Complete && res.Divergences == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "the recording has no end: its server was killed, or is still recording; all that is there was played")
	}
	if res.Divergences > 0 {
		return found("divergences")
	}
	return nil
}

// sendRecording sends a recording to a server.
func sendRecording(cmd *cobra.Command, r *session.Reader, f *replayFlags) error {
	ctx, stop := untilInterrupted(cmd)
	defer stop()
	res, err := session.Send(ctx, r, session.SendOptions{
		Speed: f.speed, Compare: f.compare, Password: f.password, Diverged: printDivergences(cmd, f),
		Dial: func(ctx context.Context) (net.Conn, error) { return dialServer(ctx, f.to) },
	})
	if ctx.Err() != nil {
		err = &codedError{code: exitInterrupted, err: errors.New("interrupted; the rest was not sent")}
	} else if err != nil {
		return err
	}
	if f.json {
		err = errors.Join(err, json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{
			"sent": res.Commands, "elapsed_ms": res.Elapsed.Milliseconds(), "new_errors": res.Errors, "late_ms": res.Late.Milliseconds(),
		}))
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "%s sent in %v, %s, at most %v late\n",
			count(res.Commands, "command"), res.Elapsed.Round(time.Millisecond), count(res.Errors, "new error"), res.Late.Round(time.Millisecond))
	}
	if err == nil && f.compare {
		return judgeReplay(cmd, res.Result, f)
	}
	if res.Errors > 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "new errors are replies that were none when this was recorded; --compare prints them")
	}
	return err
}

// divergenceJSON is a line of --json; its names are never changed.
type divergenceJSON struct {
	Step     int64         `json:"step"`
	Conn     uint64        `json:"conn"`
	Clock    string        `json:"time"`
	Command  []replay.Text `json:"command"`
	Expected *replyValue   `json:"expected"` // null for no reply
	Got      *replyValue   `json:"got"`
}

func newDivergenceJSON(d session.Divergence) divergenceJSON {
	out := divergenceJSON{Step: d.Step, Conn: d.Conn, Clock: stamp(d.Clock), Expected: recordedJSON(d.Expected), Got: recordedJSON(d.Got)}
	for _, a := range d.Args {
		out.Command = append(out.Command, replay.Text(a))
	}
	return out
}
