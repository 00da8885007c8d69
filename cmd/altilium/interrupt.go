package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// untilInterrupted gives a verb that has something to finish a context that ends
// with Ctrl-C or SIGTERM. The second of them ends the process at once, as the
// first does with every verb that does not ask for this.
func untilInterrupted(cmd *cobra.Command) (ctx context.Context, stop func()) {
	ctx, stop = signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// scratchDir makes a directory of the system's for temporary files. remove takes
// it away; Ctrl-C and SIGTERM do that too, and end the process.
func scratchDir(verb string) (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "altilium-"+verb)
	if err != nil {
		return "", nil, err
	}
	stop := onInterrupt(func() { os.RemoveAll(dir) })
	return dir, func() {
		stop()
		os.RemoveAll(dir)
	}, nil
}

// onInterrupt has Ctrl-C and SIGTERM clean up before they end the process, until stop is
// called.
func onInterrupt(clean func()) (stop func()) {
	signals := make(chan os.Signal, 1)
	done := make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			clean()
			os.Exit(exitInterrupted)
		case <-done:
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
