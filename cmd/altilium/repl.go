package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/altilium-db/altilium/resp"
	"golang.org/x/term"
)

// errExit ends a loop of lines: the user typed EXIT.
var errExit = errors.New("exit")

// errGone ends a loop of lines: there is nobody to talk to any more.
var errGone = errors.New("the connection is gone")

// readLines feeds lines of in to do, one by one, until the end of the input,
// errExit or errGone; the last is returned. prompt is shown on a terminal only. Errors of single lines are
// printed to errs; it reports whether there was any.
func readLines(in io.Reader, out, errs io.Writer, prompt string, do func(words []string) error) (failed bool, err error) {
	terminal := false
	if f, ok := in.(*os.File); ok {
		terminal = term.IsTerminal(int(f.Fd()))
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 512<<20)
	for {
		if terminal {
			fmt.Fprint(out, prompt)
		}
		if !lines.Scan() {
			return failed, lines.Err()
		}
		words, err := splitWords(lines.Text())
		if err == nil && len(words) > 0 {
			err = do(words)
		}
		if errors.Is(err, errExit) {
			return failed, nil
		}
		if errors.Is(err, errGone) {
			return true, err
		}
		if err != nil {
			failed = true
			fmt.Fprintln(errs, err)
		}
	}
}

// splitWords splits a line as redis-cli does.
func splitWords(line string) ([]string, error) {
	args, err := resp.SplitWords([]byte(line))
	if err != nil {
		return nil, errors.New("unbalanced quotes; close the quotation, or escape the quote with a backslash")
	}
	words := make([]string, 0, len(args))
	for _, a := range args {
		words = append(words, string(a))
	}
	return words, nil
}
