package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// output is standard output as the verbs have it. It keeps the first error, so
// that a verb which prints line by line need not look after each, and a full
// disk is an error all the same.
type output struct {
	w   io.Writer
	err error
}

// Write writes p; after an error nothing more.
func (o *output) Write(p []byte) (n int, err error) {
	if o.err == nil {
		n, o.err = o.w.Write(p)
	}
	return n, o.err
}

// isTerminal reports whether a person is at the other end of f.
func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
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
func count[N int | int64 | uint64](n N, thing string) string {
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
	return count(n, "byte")
}
