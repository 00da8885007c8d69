package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// dirFlag adds --dir to a verb that works on a data directory.
func dirFlag(cmd *cobra.Command) *string {
	dir := os.Getenv("ALTILIUM_DIR")
	if dir == "" {
		dir = defaultDir
	}
	return cmd.Flags().String("dir", dir, "data directory")
}

// Where a server is when nothing else was said.
const (
	defaultDir  = "altilium-data"
	defaultAddr = "127.0.0.1:6379"
)

// noArgs refuses arguments with the verb's own help at hand.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument %q; see `%s --help`", cmd.Name(), args[0], cmd.CommandPath())
	}
	return nil
}

// wantArgs wants between least and most arguments.
func wantArgs(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return usagef("usage: %s; see `%s --help`", cmd.UseLine(), cmd.CommandPath())
		}
		return nil
	}
}

// untilInterrupted gives a verb that has something to finish a context that ends
// with Ctrl-C or SIGTERM. The second of them ends the process at once, as the
// first does with every verb that does not ask for this.
func untilInterrupted(cmd *cobra.Command) (ctx context.Context, stop func()) {
	ctx, stop = signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// isTerminal reports whether a person looks at w.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress shows how far a long task is, on a terminal only. done ends it.
func progress(errs io.Writer, what string) (report func(done, total int64), done func()) {
	if !isTerminal(errs) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions64(1,
		progressbar.OptionSetWriter(errs), progressbar.OptionSetDescription(what), progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	report = func(n, total int64) {
		if total > 0 {
			bar.ChangeMax64(total)
		}
		_ = bar.Set64(n) // a bar that cannot be drawn changes nothing
	}
	return report, func() { _ = bar.Finish() }
}

// printJSON writes one value as indented JSON.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// digestText is a state's digest in JSON: text, since a number of 64 bits is not
// safe there.
func digestText(digest uint64) string { return fmt.Sprintf("%016x", digest) }

// stamp is how times are printed.
func stamp(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000000Z")
}

// count is a number of things: 1 segment, 2 segments.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// size prints bytes for people.
func size(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 10<<10:
		return fmt.Sprintf("%.1f kB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
