package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/state/engine"
)

// What `altilium serve --at` does otherwise than a server on its log: it takes no lock,
// writes nothing, and has neither checkpoints nor recordings.

// resolveAt finds the moment that a server is to show, before anything looks as if it
// were running.
func resolveAt(dir, point string) (*replay.Resolved, error) {
	p, err := replay.ParsePoint(point)
	if err != nil {
		return nil, err
	}
	at, err := p.Resolve(dir, time.Now())
	if errors.Is(err, log.ErrNoLog) || errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: --at shows the past of a data directory that is there", err)
	}
	if err != nil {
		return nil, err
	}
	return &at, nil
}

// pastOptions are the engine's, for a server on the past.
func (d *daemon) pastOptions() engine.Options {
	return engine.Options{
		Config:   d.set.engine,
		Version:  version,
		Logger:   d.logger,
		Post:     func(f func()) { d.front.Post(f) },
		Shutdown: d.ask,
	}
}

// build builds the state of the moment that the server shows, and hands it to the engine.
func (d *daemon) build(ctx context.Context) {
	began := time.Now()
	b, err := compaction.Build(d.dir, d.at.Offset, d.engine.LoadProgress)
	if err != nil {
		d.fail(err)
		return
	}
	if ctx.Err() != nil {
		return
	}
	took := time.Since(began)
	d.front.Post(func() {
		d.engine.ReadyAt(b.State, engine.Moment(*d.at))
		for _, refused := range b.Refused {
			d.logger.Warn().Err(refused).Msg("a checkpoint cannot be used; the log was replayed from further back")
		}
		d.logger.Info().Uint64("offset", b.At).Int("keys", b.State.TotalKeys()).Uint64("replayed", b.Entries).
			Str("took", took.Round(time.Millisecond).String()).Msg("ready")
	})
}
