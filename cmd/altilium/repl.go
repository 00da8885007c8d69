package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/altilium-db/altilium/resp"
	"github.com/spf13/cobra"
)

// errExit ends a prompt: the user typed EXIT.
var errExit = errors.New("exit")

// errGone ends a prompt: there is nobody to talk to any more.
var errGone = errors.New("the connection is gone")

// prompt gives commands to do, and tells a person what went wrong with each.
type prompt struct {
	errs   io.Writer
	do     func(words []string) error
	failed bool // one of them went wrong
}

// runCommands executes the command that a verb was given or, without one, each
// line of standard input. text is shown before a line on a terminal.
func runCommands(cmd *cobra.Command, words []string, text string, do func(words []string) error) error {
	p := &prompt{errs: cmd.ErrOrStderr(), do: do}
	var err error
	if len(words) > 0 {
		_, err = p.run(words, nil)
	} else {
		err = p.readLines(os.Stdin, text)
	}
	if err == nil && p.failed {
		err = found("a command failed")
	}
	return err
}

// run executes one command, unless its line could not be split. It reports
// whether there may be another; an error says that there is nobody to take it.
func (p *prompt) run(words []string, err error) (more bool, gone error) {
	if err == nil && len(words) > 0 {
		err = p.do(words)
	}
	switch {
	case errors.Is(err, errExit):
		return false, nil
	case errors.Is(err, errGone):
		return false, err
	case err != nil:
		p.failed = true
		fmt.Fprintln(p.errs, err)
	}
	return true, nil
}

// readLines runs each line of in. The prompt is a message to the person at the
// terminal: standard output holds replies only.
func (p *prompt) readLines(in io.Reader, text string) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 512<<20)
	for {
		if isTerminal(in) {
			fmt.Fprint(p.errs, text)
		}
		if !lines.Scan() {
			return lines.Err()
		}
		if more, err := p.run(splitWords(lines.Text())); !more {
			return err
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

// byteArgs are words as the wire and the commands have them.
func byteArgs(words []string) [][]byte {
	args := make([][]byte, 0, len(words))
	for _, w := range words {
		args = append(args, []byte(w))
	}
	return args
}
