package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/altilium-db/altilium/resp"
	"github.com/spf13/cobra"
	"golang.org/x/term"
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
	next := plainLines(in, p.errs, text)
	if isTerminal(in) && isTerminal(p.errs) {
		next = editedLines(in.(*os.File), p.errs, text)
	}
	for {
		line, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if more, err := p.run(splitWords(line)); !more {
			return err
		}
	}
}

// plainLines gives the lines of in as they come, then io.EOF.
func plainLines(in io.Reader, errs io.Writer, text string) (next func() (string, error)) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 512<<20)
	return func() (string, error) {
		if isTerminal(in) {
			fmt.Fprint(errs, text)
		}
		if !lines.Scan() {
			return "", cmp.Or(lines.Err(), io.EOF)
		}
		return lines.Text(), nil
	}
}

// editedLines gives lines that a person types and edits at a terminal, with those before
// at the arrow keys; Ctrl-C and Ctrl-D are io.EOF. The terminal is raw only meanwhile: while
// a command runs, Ctrl-C is a signal.
func editedLines(in *os.File, errs io.Writer, text string) (next func() (string, error)) {
	fd := int(in.Fd())
	editor := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, errs}, text)
	// The editor leaves a tab out, which in a line that is pasted made one word of two.
	editor.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		return line[:pos] + " " + line[pos:], pos + 1, true
	}
	return func() (string, error) {
		before, err := term.MakeRaw(fd)
		if err != nil {
			return "", err
		}
		if width, height, err := term.GetSize(fd); err == nil && width > 0 {
			_ = editor.SetSize(width, height) // what it could not draw, the next line shows
		}
		line, err := editor.ReadLine()
		if restored := term.Restore(fd, before); restored != nil {
			return "", restored
		}
		if errors.Is(err, io.EOF) {
			fmt.Fprintln(errs) // what follows begins on a line of its own
		}
		return line, err
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
