package main

import (
	"context"
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
	"github.com/altilium-db/altilium/resp"
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
}

func newReplay() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay FILE",
		Short: "Run a recorded session again and compare every reply",
		Long: `Run a recorded session again. A private server is started on the state that the
recording began with, under the recorded clock and randomness, and every reply is
compared with the recorded one; each difference is printed, and the exit code is
1 when there is any.

With --to ADDR the recording is sent to any server that speaks RESP instead, at
the speed it was recorded with, N times as fast, or, with --speed 0, as fast as
the server answers.`,
		Example: `  altilium replay altilium-data/recordings/checkout-bug.session
  altilium replay checkout-bug --dir altilium-data
  altilium replay checkout-bug.session --to 127.0.0.1:7000 --speed 10`,
		Args: wantArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
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
	cmd.Flags().IntVar(&f.most, "max", 20, "stop after so many differences, 0 for never")
	cmd.Flags().BoolVar(&f.compare, "compare", false, "with --to: compare the replies too")
	return cmd
}

// openRecording opens a recording by path, or by name in the data directory.
func openRecording(dir, name string) (*session.Reader, error) {
	r, err := session.Open(name)
	if errors.Is(err, os.ErrNotExist) && !strings.ContainsAny(name, `/\`) {
		inDir := filepath.Join(dir, "recordings", strings.TrimSuffix(name, ".session")+".session")
		if _, serr := os.Stat(inDir); serr == nil {
			return session.Open(inDir)
		}
	}
	return r, err
}

// playRecording plays a recording against a private engine.
func playRecording(cmd *cobra.Command, r *session.Reader, f *replayFlags) error {
	tmp, err := os.MkdirTemp("", "altilium-replay")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	h := r.Header
	m, err := log.ReadManifest(*f.dir)
	if err != nil {
		return err
	}
	if m.LogID.String() != h.LogID {
		return fmt.Errorf("the recording %s was made on log %s, and %s holds log %s; name the right directory with --dir", h.Name, h.LogID, *f.dir, m.LogID)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: recorded %s on the state at @%d\n", h.Name, stamp(h.Started), h.Offset)
	p, l, err := newPlayerAt(*f.dir, filepath.Join(tmp, "data"), h)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close(false) }() // a private directory, removed in a moment
	res, err := session.Play(r, p, printDivergences(cmd, f.most))
	if err != nil {
		return err
	}
	return judgeReplay(cmd, res)
}

// newPlayerAt restores the state that a recording began with into dir and puts
// a player's engine on it.
func newPlayerAt(from, dir string, h session.Header) (*player, *log.Log, error) {
	if _, err := replay.Restore(from, replay.AtOffset(h.Offset), dir, nil); err != nil {
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
func printDivergences(cmd *cobra.Command, most int) func(session.Divergence) bool {
	n := 0
	return func(d session.Divergence) bool {
		n++
		fmt.Fprintf(cmd.OutOrStdout(), "step %d, connection %d, %s\n  command   %s\n  expected  %s\n  got       %s\n",
			d.Step, d.Conn, stamp(d.Clock), quoteArgs(d.Args), replyText(d.Expected), replyText(d.Got))
		if most > 0 && n == most {
			fmt.Fprintf(cmd.OutOrStdout(), "stopped after %d differences (--max)\n", most)
			return false
		}
		return true
	}
}

// quoteArgs shows a command as it could be typed.
func quoteArgs(args [][]byte) string {
	words := make([]string, 0, len(args))
	for _, a := range args {
		if len(a) > 0 && !strings.ContainsFunc(string(a), func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\'' || r == '\\' }) {
			words = append(words, string(a))
			continue
		}
		words = append(words, fmt.Sprintf("%q", a))
	}
	return strings.Join(words, " ")
}

// replyText shows a reply in wire form to a person.
func replyText(raw []byte) string {
	if len(raw) == 0 {
		return "(no reply)"
	}
	v, err := resp.NewReader(strings.NewReader(string(raw))).Read()
	if err != nil {
		return fmt.Sprintf("%q", raw)
	}
	return strings.ReplaceAll(v.String(), "\n", "\n            ")
}

func judgeReplay(cmd *cobra.Command, res session.Result) error {
	fmt.Fprintf(cmd.OutOrStdout(), "%d steps, %d replies compared, %d divergences\n", res.Steps, res.Commands, res.Divergences)
	if !res.Complete && res.Divergences == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "the recording has no end: the server that wrote it was killed; all that is there was played")
	}
	if res.Divergences > 0 {
		return found("divergences")
	}
	return nil
}

// sendRecording sends a recording to a server.
func sendRecording(cmd *cobra.Command, r *session.Reader, f *replayFlags) error {
	if f.speed < 0 {
		return usagef("--speed %v: a speed is not negative; 0 is as fast as possible", f.speed)
	}
	res, err := session.Send(cmd.Context(), r, session.SendOptions{
		Speed: f.speed, Compare: f.compare, Diverged: printDivergences(cmd, f.most),
		Dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", f.to)
		},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d commands sent in %v, %d new errors, at most %v late\n",
		res.Commands, res.Elapsed.Round(time.Millisecond), res.Errors, res.Late.Round(time.Millisecond))
	if f.compare {
		return judgeReplay(cmd, res.Result)
	}
	return nil
}
