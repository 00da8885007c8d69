package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp/server"
	"github.com/altilium-db/altilium/state/engine"
)

// errTrialAborted is returned when the program of --run said that there is no sense in
// going on.
var errTrialAborted = errors.New("the program stopped the search")

// trial judges moments by a program that talks to a server on each.
type trial struct {
	program []string
	out     io.Writer // the program's output, and the progress
}

func (t *trial) bisection() *replay.Bisection {
	return &replay.Bisection{Try: t.try, Told: func(p replay.Probe) { fmt.Fprintln(t.out, p) }}
}

// try runs the program once, with a server of its own on the state, on a port of this
// machine that is free.
func (t *trial) try(ctx context.Context, at *replay.At) (v replay.Verdict, err error) {
	ln, err := server.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return replay.Skip, err
	}
	var front *server.Server
	stop := sync.OnceValue(func() error {
		// The program is over, or has said SHUTDOWN: whoever is still connected is cut off.
		soon, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return front.Shutdown(soon)
	})
	e := engine.New(engine.Options{
		Version: version, Post: func(f func()) { front.Post(f) }, Shutdown: func(string) { go func() { _ = stop() }() },
	})
	e.ReadyAt(at.State, engine.Moment(at.Resolved))
	front = server.New(e, server.Options{})
	served := make(chan error, 1)
	go func() { served <- front.Serve(ln) }()
	defer func() {
		if ended := stop(); ended != nil && !errors.Is(ended, context.DeadlineExceeded) {
			err = errors.Join(err, ended)
		}
		if ended := <-served; ended != nil && !errors.Is(ended, server.ErrShutdown) {
			err = errors.Join(err, ended)
		}
	}()
	return t.run(ctx, ln.Addr().(*net.TCPAddr), at.Resolved)
}

// run runs the program against the server at an address.
func (t *trial) run(ctx context.Context, addr *net.TCPAddr, at replay.Resolved) (replay.Verdict, error) {
	args := make([]string, len(t.program))
	for i, a := range t.program {
		args[i] = strings.ReplaceAll(a, "{}", addr.String())
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = t.out, t.out
	cmd.Env = append(os.Environ(), "ALTILIUM_ADDR="+addr.String(), "ALTILIUM_HOST="+addr.IP.String(),
		fmt.Sprintf("ALTILIUM_PORT=%d", addr.Port))
	cmd.WaitDelay = time.Second // for what it has left running with its output
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return replay.Skip, ctx.Err()
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return replay.Good, nil
	case !errors.As(err, &exit):
		return replay.Skip, fmt.Errorf("--run: %w", err)
	case exit.ExitCode() == 125:
		return replay.Skip, nil
	case exit.ExitCode() < 0 || exit.ExitCode() >= 128:
		return replay.Skip, fmt.Errorf("%w at %s: %s ended with %w", errTrialAborted, at, args[0], exit)
	}
	return replay.Bad, nil
}
