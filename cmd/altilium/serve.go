package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp/server"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/engine"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
)

func newServe() *cobra.Command {
	var set *settings
	var at string
	cmd := &cobra.Command{
		Use:        "serve",
		Short:      "Run the server",
		SuggestFor: []string{"start"},
		Long: `Run the server on a data directory, which is made when it is not there.

Settings come from flags, then ALTILIUM_… environment variables, then the file
given with --config, then defaults; ` + "`altilium config`" + ` shows each and where it
came from. Ctrl-C (or SIGTERM) stops it in order; killing it loses nothing that
was acknowledged.

With --at it serves the data of one moment of the past, read-only: clients look
at it with the clock standing still at that moment, and writes are answered
-ASOFRO. Nothing in the directory is changed or locked, so another server may
run on it meanwhile.`,
		Example: `  altilium serve
  altilium serve --port 7000 --dir /tmp/scratch
  altilium serve --fsync always --requirepass secret
  altilium serve --config Config.toml
  altilium serve --at @1200 --port 7000      the data after entry 1200
  altilium serve --at @-5m --port 0          that of five minutes ago, on any free port`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := set.load(cmd); err != nil {
				return err
			}
			var moment *replay.Resolved
			if cmd.Flags().Changed("at") {
				var err error
				if moment, err = resolveAt(set.engine.Dir(), at); err != nil {
					return err
				}
			}
			ctx, stop := untilInterrupted(cmd)
			defer stop()
			return runServer(ctx, set, moment, cmd.ErrOrStderr())
		},
	}
	set = addSettings(cmd)
	cmd.Flags().StringVar(&at, "at", "", "serve the data as it was at a point, read-only")
	return cmd
}

// daemon is a running server: the listener's loop, the engine on it, and the
// log that both live from.
type daemon struct {
	set    *settings
	logger zerolog.Logger
	errs   io.Writer
	dir    string
	at     *replay.Resolved // the moment of the past that it shows; nil: none

	front  *server.Server
	engine *engine.Engine
	log    *log.Log                 // nil until recovery is done; the loop's
	past   atomic.Pointer[pastRoom] // likewise
	pace   pace

	asked chan string // somebody wants the server to stop: why
	fatal chan error  // it cannot go on

	background sync.WaitGroup // recovery, then the indexes
	child      sync.Mutex     // held while there is a process that makes a checkpoint
}

// runServer serves until it is told to stop: a moment of the past, or, where that is
// nil, on the log.
func runServer(ctx context.Context, set *settings, at *replay.Resolved, errs io.Writer) error {
	d := &daemon{
		set: set, errs: errs, dir: set.engine.Dir(), at: at,
		logger: newLogger(errs, set.engine.LogLevel),
		asked:  make(chan string, 1),
		fatal:  make(chan error, 1),
	}
	if err := d.fitClients(openFiles()); err != nil {
		return err
	}
	listeners, err := d.listen()
	if err == nil && at == nil {
		err = claimDir(d.dir)
	}
	if err != nil {
		for _, ln := range listeners {
			ln.Close()
		}
		return err
	}
	for _, stray := range set.stray {
		d.logger.Warn().Msg(stray)
	}
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	options, load := d.engineOptions(running), d.recover
	if at != nil {
		options, load = d.pastOptions(), d.build
	}
	d.engine = engine.New(options)
	d.front = server.New(d.engine, d.serverOptions())
	served := make(chan error, len(listeners))
	for _, ln := range listeners {
		go func() { served <- d.front.Serve(ln) }()
	}
	printBanner(errs, set.engine, at, listeners[0].Addr().String())
	recovering, cancel := context.WithCancel(ctx)
	defer cancel()
	d.background.Go(func() { load(recovering) })

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
	return d.stop(cause, end)
}

// stopping is how long a server is waited for that has the directory: after SHUTDOWN its
// clients are gone a moment before it has given that up.
const stopping = time.Second

// claimDir is prepareDir for a server that may follow upon another.
func claimDir(dir string) error {
	for end := time.Now().Add(stopping); ; time.Sleep(10 * time.Millisecond) {
		if err := prepareDir(dir); !errors.Is(err, log.ErrInUse) || time.Now().After(end) {
			return err
		}
	}
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
		Guard:     d.guard,
		MostConns: mostConns(openFiles()),
		Timeout:   func() time.Duration { return time.Duration(cfg.Timeout()) * time.Second },
	}
}

// engineOptions are the engine's; a checkpoint in the making ends with running.
func (d *daemon) engineOptions(running context.Context) engine.Options {
	return engine.Options{
		Config:  d.set.engine,
		Version: version,
		Logger:  d.logger,
		Post:    func(f func()) { d.front.Post(f) },
		Rebuild: rebuild,
		Checkpoint: func(offset, digest uint64) (engine.CheckpointResult, error) {
			return d.checkpoint(running, offset, digest)
		},
		Pace:     &d.pace,
		Past:     d.askPast,
		Follow:   d.follow,
		Shutdown: d.ask,
		Record:   d.record,
	}
}

// rebuild builds the state anew. The one that has been given up still has its memory until
// the collector finds that out: first, so that there need not be room for both.
func rebuild(l *log.Log) (*state.State, error) {
	runtime.GC()
	return replay.Committed(l)
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
// answers -LOADING. Then it keeps the indexes of the log's segments, until ctx ends.
func (d *daemon) recover(ctx context.Context) {
	began := time.Now()
	loaded := make(chan struct{})
	go tuneGC(ctx, loaded)
	rec, err := replay.Recover(d.dir, d.recoverOptions())
	close(loaded)
	if err != nil {
		d.fail(err)
		return
	}
	if ctx.Err() != nil {
		d.fail(rec.Log.Close(true))
		return
	}
	took := time.Since(began)
	d.pace.set(rec.Report.Pace(compaction.ReadPace(d.dir)))
	d.past.Store(d.newPast(rec.Log))
	d.front.Post(func() {
		d.log = rec.Log
		d.engine.Ready(rec.Log, rec.State)
		d.report(rec, took)
	})
	d.index(ctx)
}

// index makes the indexes of segments as they are sealed, on a thread that lets the others
// go first.
func (d *daemon) index(ctx context.Context) {
	runtime.LockOSThread() // for good: the thread ends with the goroutine
	lowerThread()
	d.past.Load().indexer.Run(ctx)
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
// replies sent, the log synced and marked. endChild ends the process that makes a
// checkpoint, if there is one.
func (d *daemon) stop(cause error, endChild func()) error {
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
	endChild()
	d.child.Lock() // waits for its end
	defer d.child.Unlock()
	err = errors.Join(err, d.engine.StopRecording())
	if l != nil {
		err = errors.Join(err, l.Close(true))
	}
	if cause == nil && err == nil {
		text := "stopped; everything is on the disk"
		if d.at != nil {
			text = "stopped; nothing was changed"
		}
		d.logger.Info().Msg(text)
	}
	return errors.Join(cause, err)
}

// checkpoint makes a checkpoint in a process of its own, so that the work has
// its own memory and its own, low, priority.
func (d *daemon) checkpoint(running context.Context, offset, digest uint64) (engine.CheckpointResult, error) {
	began := time.Now()
	d.child.Lock()
	c, err := checkpointInChild(running, d.dir, offset)
	d.child.Unlock()
	if err != nil {
		return engine.CheckpointResult{}, err
	}
	d.pace.set(compaction.ReadPace(d.dir))
	res := engine.CheckpointResult{
		Offset: c.Offset, Digest: c.Digest, Keys: c.Keys, Bytes: c.Size, Micros: time.Since(began).Microseconds(),
	}
	if c.Digest != digest {
		return res, nil // not registered: the engine says what it means
	}
	got := make(chan []uint64, 1)
	var l *log.Log
	d.front.Post(func() { l = d.log; got <- d.engine.NeededPast() })
	var needed []uint64
	select {
	case needed = <-got:
	case <-running.Done(): // the loop takes nothing any more
		return engine.CheckpointResult{}, running.Err()
	}
	if err := compaction.Register(l, c); err != nil {
		return engine.CheckpointResult{}, err
	}
	needed = append(needed, d.past.Load().needed()...)
	if err := retain(l, d.set.retention(), needed); err != nil {
		d.logger.Error().Err(err).Msg("retention")
	}
	return res, nil
}

// retain drops what the retention policy no longer keeps; needed are the offsets at which
// somebody looks at the past.
func retain(l *log.Log, policy compaction.Policy, needed []uint64) error {
	drops := compaction.Plan(l.Manifest(), policy, time.Now(), needed, nil)
	if drops.Nothing() {
		return nil
	}
	return compaction.Apply(l, drops)
}
