package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
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

const defaultDir = "altilium-data"

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

// stamp is how times are printed.
func stamp(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000000Z")
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
