package main

import (
	"context"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/replay/past"
	"github.com/altilium-db/altilium/state/engine"
)

// viewIdle is how long a whole state of the past is kept after its last use.
const viewIdle = time.Minute

// pastRoom is what a running server knows of the past.
type pastRoom struct {
	*past.Room
	views   *replay.Views
	indexer *replay.Indexer
}

func (d *daemon) newPast(l *log.Log) *pastRoom {
	views := replay.NewViews(l.Dir(), d.set.engine.AsofViews(), viewIdle)
	indexer := replay.NewIndexer(l, func(err error) {
		d.logger.Warn().Err(err).Msg("an index of keys cannot be made or used; looking for single keys takes longer")
	})
	return &pastRoom{Room: past.New(past.Options{Log: l, Views: views, Indexer: indexer}), views: views, indexer: indexer}
}

// needed are the offsets whose history retention must keep.
func (r *pastRoom) needed() []uint64 { return append(r.views.Offsets(), r.Searched()...) }

// askPast answers what a client asks of the past; the engine calls it beside its loop.
func (d *daemon) askPast(q engine.PastRequest) engine.PastAnswer {
	a := d.past.Load().Answer(context.Background(), past.Request{
		Args: q.Args, Queue: q.Queue, At: (*replay.Resolved)(q.At), DB: q.DB, Proto: q.Proto,
		Last: q.Last, LastTime: q.LastTime, Now: q.Now, Limit: q.Limit, Keys: q.Keys,
	})
	return pastAnswer(a)
}

// pastAnswer is an answer in the engine's words.
func pastAnswer(a past.Answer) engine.PastAnswer {
	answer := engine.PastAnswer{Reply: a.Reply, At: (*engine.Moment)(a.At), Follow: a.Follow, Live: a.Live}
	if c := a.Change; c != nil {
		answer.Change = &engine.PastChange{
			UpTo: c.UpTo, Events: c.Events, Digest: c.Digest, Reply: c.Reply, Done: c.Done,
			Again: func(upTo uint64) engine.PastAnswer { return pastAnswer(c.Again(context.Background(), upTo)) },
		}
	}
	return answer
}

// follow reads the log for a client; the engine calls it beside its loop.
func (d *daemon) follow(ctx context.Context, after uint64, words [][]byte, put func(offset uint64, line []byte) error, idle func() error) error {
	options := make([]string, len(words))
	for i, w := range words {
		options[i] = string(w)
	}
	return d.past.Load().Follow(ctx, after, options, put, idle)
}
