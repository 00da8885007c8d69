package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp/server"
	"github.com/altilium-db/altilium/state/engine"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
)

func newServe() *cobra.Command {
	var set *settings
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server on a data directory, which is made when it is not there.

Settings come from flags, then ALTILIUM_… environment variables, then the file
given with --config, then defaults; ` + "`altilium config`" + ` shows each and where it
came from. Ctrl-C (or SIGTERM) stops it in order; killing it loses nothing that
was acknowledged.`,
		Example: `  altilium serve
  altilium serve --port 7000 --dir /tmp/scratch
  altilium serve --fsync always --requirepass secret
  altilium serve --config Config.toml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := set.load(cmd); err != nil {
				return err
			}
			ctx, stop := untilInterrupted(cmd)
			defer stop()
			return runServer(ctx, set, cmd.ErrOrStderr())
		},
	}
	set = addSettings(cmd)
	return cmd
}

// daemon is a running server: the listener's loop, the engine on it, and the
// log that both live from.
type daemon struct {
	set    *settings
	logger zerolog.Logger
	errs   io.Writer
	dir    string

	front  *server.Server
	engine *engine.Engine
	log    *log.Log // nil until recovery is done; the loop's

	asked chan string // somebody wants the server to stop: why
	fatal chan error  // it cannot go on

	background sync.WaitGroup // recovery
}

// runServer serves until it is told to stop.
func runServer(ctx context.Context, set *settings, errs io.Writer) error {
	d := &daemon{
		set: set, errs: errs, dir: set.engine.Dir(),
		logger: newLogger(errs, set.engine.LogLevel()),
		asked:  make(chan string, 1),
		fatal:  make(chan error, 1),
	}
	listeners, err := d.listen()
	if err == nil {
		err = prepareDir(d.dir)
	}
	if err != nil {
		for _, ln := range listeners {
			ln.Close()
		}
		return err
	}
	d.engine = engine.New(d.engineOptions())
	d.front = server.New(d.engine, d.serverOptions())
	served := make(chan error, len(listeners))
	for _, ln := range listeners {
		go func() { served <- d.front.Serve(ln) }()
	}
	d.banner(listeners[0].Addr().String())

	recoverCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.background.Go(func() { d.recover(recoverCtx) })

	var cause error
	select {
	case <-ctx.Done():
		d.logger.Info().Msg("stopping: signal received")
	case why := <-d.asked:
		d.logger.Info().Msg("stopping: " + why)
	case cause = <-d.fatal:
	case cause = <-served:
	}
	cancel()
	return d.stop(cause)
}

// listen opens the addresses of the setting bind. An address that begins with a
// minus may be missing on this machine; a port that is taken is named with the
// way out.
func (d *daemon) listen() (all []net.Listener, err error) {
	port := d.set.engine.Port()
	for _, host := range strings.Fields(d.set.engine.Bind()) {
		host, optional := strings.CutPrefix(host, "-")
		network, host := networkOf(host)
		ln, err := server.Listen(network, net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			all = append(all, ln)
			if port == 0 { // any free one, the same for all, and what INFO and CONFIG GET tell
				port = ln.Addr().(*net.TCPAddr).Port
				err = d.set.engine.Set("port", strconv.Itoa(port))
			}
			if err != nil {
				return all, err
			}
			continue
		}
		if !optional {
			return all, fmt.Errorf("%w\n%s", err, listenHint(err))
		}
		d.logger.Debug().Err(err).Msg("an optional address is not there")
	}
	if path := d.set.engine.UnixSocket(); path != "" {
		ln, err := server.Listen("unix", path)
		if err != nil {
			return all, err
		}
		all = append(all, ln)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no address to listen on: bind is %q", d.set.engine.Bind())
	}
	return all, nil
}

// networkOf gives the network to listen on for an address of bind, and the
// address as package net has it. That takes 0.0.0.0 and :: for every address of
// either kind, as only * is meant to.
func networkOf(host string) (network, addr string) {
	switch ip := net.ParseIP(host); {
	case host == "*":
		return "tcp", ""
	case host == "::*":
		return "tcp6", "::"
	case ip == nil:
		return "tcp", host
	case ip.To4() != nil:
		return "tcp4", host
	}
	return "tcp6", host
}

// listenHint is the way out where an address cannot be listened on.
func listenHint(err error) string {
	var name *net.DNSError
	var address *net.AddrError
	switch {
	case errors.As(err, &name), errors.As(err, &address), errors.Is(err, syscall.EADDRNOTAVAIL):
		return "host must be an address of this machine: 127.0.0.1 for clients on it only, * for all"
	case errors.Is(err, fs.ErrPermission):
		return "ports below 1024 are the system's; choose another port with --port"
	}
	return "another server may be running there; choose another port with --port (0 takes any free one)"
}

// prepareDir makes a data directory where there is none. That another server has
// it is said here, before anything looks as if this one were running; recovery
// then takes the lock for good.
func prepareDir(dir string) error {
	_, err := log.ReadManifest(dir)
	if errors.Is(err, log.ErrNoLog) {
		_, err = log.Create(dir, log.CreateOptions{})
	}
	if err != nil {
		return err
	}
	lock, err := log.Acquire(dir)
	if err != nil {
		return err
	}
	return lock.Release()
}

func (d *daemon) serverOptions() server.Options {
	cfg := d.set.engine
	keepAlive := time.Duration(cfg.TCPKeepAlive()) * time.Second
	if keepAlive == 0 {
		keepAlive = -1
	}
	return server.Options{
		Logger:    d.logger,
		KeepAlive: keepAlive,
		Timeout:   func() time.Duration { return time.Duration(cfg.Timeout()) * time.Second },
	}
}

func (d *daemon) engineOptions() engine.Options {
	return engine.Options{
		Config:     d.set.engine,
		Version:    version,
		Logger:     d.logger,
		Post:       func(f func()) { d.front.Post(f) },
		Rebuild:    replay.Committed,
		Checkpoint: d.checkpoint,
		Shutdown:   d.ask,
		Record:     d.record,
	}
}

// ask makes the server stop; the first reason counts.
func (d *daemon) ask(why string) {
	select {
	case d.asked <- why:
	default:
	}
}

// fail makes the server stop with an error.
func (d *daemon) fail(err error) {
	select {
	case d.fatal <- err:
	default:
	}
}

// recover loads the data and hands it to the engine. Until then the engine
// answers -LOADING.
func (d *daemon) recover(ctx context.Context) {
	began := time.Now()
	setGC(gcLoading)
	rec, err := replay.Recover(d.dir, d.recoverOptions())
	go tuneGC(ctx)
	if err != nil {
		d.fail(err)
		return
	}
	if ctx.Err() != nil {
		d.fail(rec.Log.Close(true))
		return
	}
	took := time.Since(began)
	d.front.Post(func() {
		d.log = rec.Log
		d.engine.Ready(rec.Log, rec.State)
		d.report(rec, took)
	})
}

func (d *daemon) recoverOptions() replay.Options {
	return replay.Options{
		Log: log.Options{
			Policy:      d.set.engine.Fsync(),
			SegmentSize: d.set.engine.SegmentSize(),
			Logger:      d.logger,
			Fatal:       d.fatalSync,
			Moved:       d.fatalMoved,
			Faults:      faults(),
		},
		Progress: d.engine.LoadProgress,
	}
}

// fatalSync ends the process at once after a failed fsync: nothing that is in
// memory may be acknowledged any more, and the next start reads what the disk
// really has.
func (d *daemon) fatalSync(err error) {
	fmt.Fprintf(d.errs, "altilium: %v\nThe server stops, so that nothing is acknowledged that is not on the disk. Check the disk, then start it again.\n", err)
	os.Exit(exitIO)
}

// fatalMoved ends the process when its directory has gone elsewhere: a start on
// the old name would not find what is acknowledged from now on.
func (d *daemon) fatalMoved(err error) {
	fmt.Fprintf(d.errs, "altilium: %v\nThe server stops, so that nothing is acknowledged that the next start would not find.\n", err)
	os.Exit(exitIO)
}

// report says what recovery found.
func (d *daemon) report(rec *replay.Recovered, took time.Duration) {
	for _, refused := range rec.Report.Refused {
		d.logger.Warn().Err(refused).Msg("a checkpoint cannot be used; the log was replayed from further back")
	}
	ev := d.logger.Info().Uint64("offset", rec.Log.Last()).Int("keys", rec.State.TotalKeys()).
		Uint64("replayed", rec.Report.Entries).Str("took", took.Round(time.Millisecond).String())
	if c := rec.Report.Checkpoint; c != nil {
		ev = ev.Uint64("checkpoint", c.Offset)
	}
	ev.Msg("ready")
}

// stop ends everything in order: no new connections, the turn finished and its
// replies sent, the log synced and marked.
func (d *daemon) stop(cause error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	d.background.Wait()
	var l *log.Log
	d.front.Post(func() { l = d.log })
	err := d.front.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // clients that do not read were cut off
	}
	select {
	case late := <-d.fatal:
		cause = errors.Join(cause, late)
	default:
	}
	err = errors.Join(err, d.engine.StopRecording())
	if l != nil {
		err = errors.Join(err, l.Close(true))
	}
	if cause == nil && err == nil {
		d.logger.Info().Msg("stopped; everything is on the disk")
	}
	return errors.Join(cause, err)
}

// checkpoint makes a checkpoint in a process of its own, so that the work has
// its own memory and its own, low, priority.
func (d *daemon) checkpoint(offset, digest uint64) (engine.CheckpointResult, error) {
	began := time.Now()
	c, err := checkpointInChild(d.dir, offset)
	if err != nil {
		return engine.CheckpointResult{}, err
	}
	res := engine.CheckpointResult{
		Offset: c.Offset, Digest: c.Digest, Keys: c.Keys, Bytes: c.Size, Micros: time.Since(began).Microseconds(),
	}
	if c.Digest != digest {
		return res, nil // not registered: the engine says what it means
	}
	done := make(chan *log.Log, 1)
	d.front.Post(func() { done <- d.log })
	l := <-done
	if err := compaction.Register(l, c); err != nil {
		return engine.CheckpointResult{}, err
	}
	if err := retain(l, d.set.retention()); err != nil {
		d.logger.Error().Err(err).Msg("retention")
	}
	return res, nil
}

// retain drops what the retention policy no longer keeps.
func retain(l *log.Log, policy compaction.Policy) error {
	drops := compaction.Plan(l.Manifest(), policy, time.Now(), nil, nil)
	if drops.Nothing() {
		return nil
	}
	return compaction.Apply(l, drops)
}

// banner tells a person who has just started the server what there is.
func (d *daemon) banner(addr string) {
	fmt.Fprintf(d.errs, `
  altilium %s   listening on %s
  data        %s
  durability  %s
  try         altilium cli%s SET greeting hello   (redis-cli or any other client will do)
              altilium at%s @-1m                  (the state of a minute ago)
              altilium history%s greeting         (who changed a key)

`, version, addr, d.dir, durability(d.set.engine.Fsync()), addrHint(addr), dirHint(d.dir), dirHint(d.dir))
}

// addrHint is the flag that `altilium cli` needs to find a server.
func addrHint(addr string) string {
	if addr == defaultAddr {
		return ""
	}
	return " --addr " + addr
}

// dirHint is the flag that other verbs need to find a directory.
func dirHint(dir string) string {
	if dir == defaultDir {
		return ""
	}
	return " --dir " + dir
}

func durability(p log.Policy) string {
	switch p {
	case log.Always:
		return "always: an acknowledged write is on the disk"
	case log.No:
		return "no: kill -9 loses nothing; power loss costs what the system had not written"
	}
	return "everysec: kill -9 loses nothing; power loss costs at most 1.5 s"
}

// newLogger writes for people on a terminal, one line an event.
func newLogger(out io.Writer, level string) zerolog.Logger {
	lvl, err := zerolog.ParseLevel(map[string]string{"notice": "info", "verbose": "debug", "warning": "warn"}[level])
	if err != nil || lvl == zerolog.NoLevel {
		lvl, err = zerolog.ParseLevel(strings.ToLower(level))
	}
	if err != nil {
		lvl = zerolog.InfoLevel
	}
	console := zerolog.ConsoleWriter{Out: out, NoColor: !isTerminal(out) || os.Getenv("NO_COLOR") != ""}
	return zerolog.New(console).Level(lvl).Hook(clock{})
}

// clock puts the time of day on each line, in ms: the library's own has only
// seconds, unless a variable of the whole process is changed.
type clock struct{}

// Run is zerolog's hook.
func (clock) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	e.Str(zerolog.TimestampFieldName, time.Now().Format("15:04:05.000"))
}
