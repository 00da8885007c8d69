package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/replay/session"
)

// The exit codes of every verb.
const (
	exitOK         = 0
	exitDifference = 1 // a difference, divergence, damage or failed command was found
	exitUsage      = 2
	exitCompacted  = 3 // the point is no longer in the log
	exitFuture     = 4 // the point is not there yet
	exitDamaged    = 5 // log, checkpoint or recording damaged
	exitInUse      = 6 // another server has the directory
	exitNewer      = 7 // a format newer than this program
	exitIO         = 8 // everything that the operating system refused

	exitInterrupted = 130 // Ctrl-C, as shells have it
)

// codedError carries an exit code; quiet ones have already been reported.
type codedError struct {
	code  int
	quiet bool
	err   error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &codedError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// found says that a verb did its work and what it looked for is there: a
// difference, a divergence, damage. What there is to say has been printed.
func found(what string) error {
	return &codedError{code: exitDifference, quiet: true, err: errors.New(what)}
}

// failed says that a server answered a command with an error.
func failed(reply string) error {
	return &codedError{code: exitDifference, err: errors.New(withPasswordHint(reply))}
}

// withPasswordHint adds to the reply of a server that wants a password how it is given.
func withPasswordHint(reply string) string {
	if strings.HasPrefix(reply, "NOAUTH ") {
		reply += " Give --password, or set ALTILIUM_REQUIREPASS"
	}
	return reply
}

func isQuiet(err error) bool {
	var coded *codedError
	return errors.As(err, &coded) && coded.quiet
}

// exitCode maps an error to the code that scripts rely on.
func exitCode(err error) int {
	var coded *codedError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &coded):
		return coded.code
	case errors.Is(err, replay.ErrBadPoint), errors.Is(err, replay.ErrNoTag), errors.Is(err, replay.ErrTooLarge), errors.Is(err, log.ErrExists):
		return exitUsage
	case errors.Is(err, log.ErrCompacted):
		return exitCompacted
	case errors.Is(err, log.ErrFuture):
		return exitFuture
	case errors.Is(err, log.ErrNewerFormat), errors.Is(err, session.ErrNewerFormat):
		return exitNewer
	case errors.Is(err, log.ErrDamaged), errors.Is(err, session.ErrDamaged):
		return exitDamaged
	case errors.Is(err, log.ErrInUse):
		return exitInUse
	default:
		return exitIO
	}
}
