package past

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

// Room answers what is asked of the past of one log.
type Room struct {
	log     *log.Log
	table   *command.Table
	views   *replay.Views
	seekers seekers
	times   timeCache

	search  search
	returns returns
	diffing sync.Mutex // held by the LOG DIFF that is under way
}

// Options is what a room needs. Log is required.
type Options struct {
	Log   *log.Log
	Views *replay.Views // required

	// Indexer looks for single keys. nil: each look goes without a server's indexes.
	Indexer *replay.Indexer
}

// New makes the room of a log that is open in this process.
func New(o Options) *Room {
	return &Room{log: o.Log, table: command.NewTable(), views: o.Views, seekers: newSeekers(o), times: timeCache{at: map[uint64]int64{}},
		returns: returns{same: map[uint64]landing{}}}
}

// Request is one command, or a transaction, that is asked of the past.
type Request struct {
	Args  [][]byte   // ASOF …, or what is asked of At
	Queue [][][]byte // of an EXEC, in place of Args
	At    *replay.Resolved
	DB    int
	Proto int

	Last     uint64 // what @last is: committed, and so readable
	LastTime int64  // µs, of that entry
	Now      int64  // µs since 1970, from which ages count
	Limit    int    // bytes that the events of a Change may take

	// Keys are those that it reads, and nothing else, where the live state is at hand: see
	// Answer.Live. nil: it is not.
	Keys [][]byte
}

// Answer is the reply, a whole value in wire form, and where the connection stands after it.
type Answer struct {
	Reply []byte
	At    *replay.Resolved // after ASOF point; nil: it stands where it stood

	// Follow: the connection has subscribed to the entries after this offset, see Room.Follow.
	Follow *uint64

	// Change: the reply is given once this is done, see Change.
	Change *Change

	// Live: no entry after the moment, up to Request.Last, speaks of Request.Keys. So this
	// writes the reply, from the live state: if no later one that is in that does.
	Live func(live *state.State, out *resp.Writer)
}

// Answer answers q. It returns when the work is done, or ctx is.
func (r *Room) Answer(ctx context.Context, q Request) Answer {
	var out resp.Writer
	out.SetProtocol(q.Proto)
	var a Answer
	if err := r.answer(ctx, &q, &a, &out); err != nil {
		a.Reply = errorReply(q.Proto, err)
		return a
	}
	a.Reply = out.Bytes()
	return a
}

func (r *Room) answer(ctx context.Context, q *Request, a *Answer, out *resp.Writer) error {
	switch {
	case q.Queue != nil || q.At != nil && !isASOF(q.Args) && !isHistory(q.Args):
		return r.read(ctx, *q.At, q, a, out)
	case !isASOF(q.Args):
		return r.tellLog(ctx, q, a, out)
	}
	at, err := r.resolve(q, string(q.Args[1]))
	if err != nil {
		return err
	}
	if len(q.Args) > 2 {
		inner := *q
		inner.Args = q.Args[2:]
		return r.read(ctx, at, &inner, a, out)
	}
	a.At = &at
	out.Simple(at.String())
	return nil
}

func isASOF(args [][]byte) bool { return strings.EqualFold(string(args[0]), "asof") }

// window is what can be reached as q came in.
func (r *Room) window(q *Request) *replay.Window {
	w := replay.LookLive(r.log, q.Last, q.LastTime)
	w.TimeOf = r.timeOf
	w.FindTime = func(micros int64) (uint64, error) { return r.findTime(micros, q.Last) }
	return w
}

// resolve finds a point.
func (r *Room) resolve(q *Request, point string) (replay.Resolved, error) {
	p, err := replay.ParsePoint(point)
	if err != nil {
		return replay.Resolved{}, err
	}
	return r.window(q).Resolve(p, time.UnixMicro(q.Now))
}

// read carries out what q asks of a moment.
func (r *Room) read(ctx context.Context, at replay.Resolved, q *Request, a *Answer, out *resp.Writer) error {
	if q.Queue == nil {
		if problem := r.refused(q.Args, at); problem != "" {
			out.Error(problem) // no state is built to say so
			return nil
		}
	}
	if !r.views.Has(at.Offset) {
		if len(q.Keys) > 0 && r.asNow(at, q) {
			a.Live = func(live *state.State, out *resp.Writer) { r.run(at, live, q, out) }
			return nil
		}
		if keys, ok := r.named(q); ok {
			return r.readKeys(at, keys, q, out)
		}
	}
	return r.views.Read(ctx, at.Offset, func(b *compaction.Built) error {
		r.run(at, b.State, q, out)
		return nil
	})
}

// run carries out what q asks on a state of that moment.
func (r *Room) run(at replay.Resolved, st *state.State, q *Request, out *resp.Writer) {
	reader := &Reader{Table: r.table, At: at, State: st, DB: q.DB, Rand: rand.Uint64}
	if q.Queue == nil {
		reader.Run(q.Args, out)
		return
	}
	reader.Exec(q.Queue, out)
}

// refused says why a command is nothing that can be asked of the past: "" when it can.
func (r *Room) refused(args [][]byte, at replay.Resolved) string {
	spec, problem := r.table.Lookup(args)
	switch {
	case problem != "":
		return problem
	case spec.Flags&command.Write != 0:
		return ReadOnly(spec, at.String())
	}
	return ""
}

// errorText is an error in the form of an error reply.
func errorText(err error) string {
	var p *replay.PointError
	switch {
	case errors.As(err, &p):
		return p.Code() + " " + err.Error()
	case errors.Is(err, replay.ErrBusyView), errors.Is(err, errBusySearch), errors.Is(err, errBusyDiff), errors.Is(err, errBusyBack):
		return "BUSYVIEW " + err.Error()
	case errors.Is(err, replay.ErrConflict):
		return "CONFLICT " + err.Error() + "; nothing was done. FORCE takes them back all the same"
	case errors.Is(err, log.ErrCompacted):
		return "COMPACTED " + err.Error()
	case errors.Is(err, log.ErrFuture):
		return "FUTURE " + err.Error()
	case errors.Is(err, log.ErrDamaged):
		return "DAMAGED " + err.Error()
	}
	return "ERR " + err.Error()
}

// timeCache remembers the times of entries that were asked for, each of which costs some
// looks into a segment.
type timeCache struct {
	mu sync.Mutex
	at map[uint64]int64
}

// mostTimes is how many are remembered.
const mostTimes = 1 << 14

// timeOf gives the time of the entry at an offset.
func (r *Room) timeOf(offset uint64) (int64, error) {
	c := &r.times
	c.mu.Lock()
	at, ok := c.at[offset]
	c.mu.Unlock()
	if ok {
		return at, nil
	}
	s, err := r.seeker()
	if err != nil {
		return 0, err
	}
	defer r.seekers.done(s)
	if at, err = s.TimeOf(offset); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.at) >= mostTimes {
		clear(c.at)
	}
	c.at[offset] = at
	return at, nil
}

// findTime gives the last entry at or before a time that is less than that of the entry last.
func (r *Room) findTime(micros int64, last uint64) (uint64, error) {
	s, err := r.seeker()
	if err != nil {
		return 0, err
	}
	defer r.seekers.done(s)
	return s.FindTime(micros, last)
}
