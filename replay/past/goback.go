package past

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// LOG RESTORE and LOG UNDO: what is to be done to the data is found here, beside the
// server, and done by the engine, if nothing was written meanwhile. Otherwise it asks again.

// Change is what makes the data what it was.
type Change struct {
	UpTo   uint64  // the entry after which the data is what Events are for
	Events []byte  // of one entry, in database 0 at first; empty: nothing differs
	Digest *uint64 // of the state after them; nil: not known

	// Reply is the answer once it is done, by an entry; 0: there was nothing to do.
	Reply func(entry uint64, out *resp.Writer)
	// Again finds the change anew after a later entry: there was more written. It may take as
	// long as Answer.
	Again func(ctx context.Context, upTo uint64) Answer
	// Done must be called once, of the first Change of a request: whatever has become of
	// it. entry is the committed one that did it; 0: it was not done.
	Done func(entry uint64)
}

// errBusyBack is returned while somebody else is going back.
var errBusyBack = errors.New("another LOG RESTORE or LOG UNDO is under way; try again when it has ended")

// returns is who is going back, and who has come back.
type returns struct {
	mu    sync.Mutex
	now   *goingBack         // who is at it
	from  *log.Reader        // that one's; kept, since who comes next mostly wants what came since. nil: there is none
	known *replay.Known      // what keys were where the last one went back to; nil: nobody has
	same  map[uint64]landing // by offset: when all data was last what it was there
}

// landing is an entry of a LOG RESTORE of all data.
type landing struct {
	entry uint64
	shift int64 // ms that it has added to expiries
}

// mostSame is how many are remembered.
const mostSame = 256

// begin makes the turn g's; end must follow.
func (r *returns) begin(g *goingBack) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now != nil {
		return errBusyBack
	}
	r.now = g
	if g.undo != nil { // which wants the entries themselves, and mostly once
		return nil
	}
	at := g.way.To.Offset
	if l := r.same[at]; l.shift == 0 || g.way.TTL == replay.TTLShift {
		g.way.Same, g.way.SameShift = l.entry, l.shift
	}
	if r.known == nil || r.known.Offset() != at {
		r.known = replay.NewKnown(at)
	}
	g.way.Known = r.known
	return nil
}

// end ends it. l is what all data was made the same by as at a moment; without an entry: by none.
func (r *returns) end(at uint64, l landing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = nil
	if l.entry == 0 {
		return
	}
	if len(r.same) >= mostSame {
		clear(r.same)
	}
	r.same[at] = l
}

// offsets is what retention must keep for who is at it.
func (r *returns) offsets() []uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil {
		return nil
	}
	return []uint64{r.now.way.To.Offset}
}

// goingBack is a LOG RESTORE or LOG UNDO.
type goingBack struct {
	room *Room
	way  replay.Return
	undo *replay.Span // of LOG UNDO: what is taken back
	q    Request
}

// goBack is LOG RESTORE point [MATCH glob] [TTL ABSOLUTE|SHIFT|FROZEN] and LOG UNDO first [last]
// [MATCH glob] [FORCE]: the answer is a change.
func (r *Room) goBack(ctx context.Context, q *Request, words []string, a *Answer) error {
	g := &goingBack{room: r, q: *q}
	parse := g.parseRestore
	if upper(words[0]) == "UNDO" {
		parse = g.parseUndo
	}
	if err := parse(words[1:]); err != nil {
		return err
	}
	g.way.Log, g.way.Views, g.way.Seeker, g.way.Done, g.way.Limit = r.log, r.views, r.seeker, r.seekers.done, q.Limit
	if err := r.returns.begin(g); err != nil {
		return err
	}
	var err error
	if r.returns.from == nil {
		if r.returns.from, err = r.log.Reader(q.Last + 1); err != nil {
			g.done(0)
			return err
		}
	}
	g.way.Reader = r.returns.from
	change, err := g.change(ctx, q.Last)
	if err != nil {
		g.done(0)
		return err
	}
	a.Change = change
	return nil
}

// parseRestore reads point [MATCH glob] [TTL ABSOLUTE|SHIFT|FROZEN].
func (g *goingBack) parseRestore(words []string) (err error) {
	var options query
	if err := options.parseOnly(words[1:], nil, []string{"MATCH", "TTL"}); err != nil {
		return err
	}
	if g.way.To, err = g.room.resolve(&g.q, words[0]); err != nil {
		return err
	}
	if g.way.TTL, err = replay.ParseTTL(strings.ToLower(options.option("TTL", "ABSOLUTE"))); err != nil {
		return fmt.Errorf("%w: TTL %w", ErrUsage, err)
	}
	g.way.Now = time.UnixMicro(g.q.Now)
	g.match(&options)
	return nil
}

// parseUndo reads first [last] [MATCH glob] [FORCE]. first may be a range.
func (g *goingBack) parseUndo(words []string) error {
	first, words := words[0], words[1:]
	span, err := replay.ParseRange(first)
	if err != nil {
		return err
	}
	if len(words) > 0 && upper(words[0]) != "MATCH" && upper(words[0]) != "FORCE" && !strings.Contains(first, "..") {
		if span.To, err = replay.ParsePoint(words[0]); err != nil {
			return err
		}
		words = words[1:]
	}
	var options query
	if err := options.parseOnly(words, []string{"FORCE"}, []string{"MATCH"}); err != nil {
		return err
	}
	undo, err := g.room.window(&g.q).ResolveRange(span, time.UnixMicro(g.q.Now))
	if err != nil {
		return err
	}
	if undo.To.Offset <= undo.After.Offset {
		return fmt.Errorf("no entry lies after @%d up to @%d", undo.After.Offset, undo.To.Offset)
	}
	g.undo, g.way.To, g.way.Last, g.way.Force = &undo, undo.After, undo.To.Offset, options.has("FORCE")
	g.match(&options)
	return nil
}

// match takes over MATCH.
func (g *goingBack) match(options *query) {
	if pattern, ok := options.options["MATCH"]; ok {
		g.way.Keys = func(key []byte) bool { return command.Glob([]byte(pattern), key, false) }
	}
}

// change finds what leads back from an entry.
func (g *goingBack) change(ctx context.Context, upTo uint64) (*Change, error) {
	lead, err := g.way.Lead(ctx, upTo)
	if err != nil {
		g.room.returns.from = nil // it may be what is wrong
		return nil, errors.Join(err, g.way.Reader.Close())
	}
	return &Change{
		UpTo: lead.UpTo, Events: lead.Events, Digest: lead.Digest,
		Reply: func(entry uint64, out *resp.Writer) { g.reply(lead, entry, out) },
		Again: g.again,
		Done:  g.done,
	}, nil
}

func (g *goingBack) again(ctx context.Context, upTo uint64) Answer {
	change, err := g.change(ctx, upTo)
	if err != nil {
		return Answer{Reply: errorReply(g.q.Proto, err)}
	}
	return Answer{Change: change}
}

// done lets others go back. Where all data is what it was then, that is remembered: who
// goes there again need not look at what came before.
func (g *goingBack) done(entry uint64) {
	if g.undo != nil || g.way.Keys != nil || g.way.TTL == replay.TTLFrozen {
		entry = 0
	}
	g.room.returns.end(g.way.To.Offset, landing{entry, g.way.Shift()})
}

// reply tells what was done.
func (g *goingBack) reply(lead *replay.Lead, entry uint64, out *resp.Writer) {
	number := func(name string, n int64) {
		out.BulkString(name)
		out.Int(n)
	}
	if g.undo == nil {
		out.Map(5)
		out.BulkString("point")
		out.BulkString(g.way.To.String())
	} else {
		out.Map(7)
		number("first", int64(g.undo.After.Offset+1))
		number("last", int64(g.undo.To.Offset))
	}
	number("entry", int64(entry))
	number("added", int64(lead.Added))
	number("removed", int64(lead.Removed))
	number("changed", int64(lead.Changed))
	if g.undo != nil {
		number("conflicts", int64(lead.Conflicts))
	}
}

// errorReply is an error as a reply in wire form.
func errorReply(proto int, err error) []byte {
	var out resp.Writer
	out.SetProtocol(proto)
	out.Error(errorText(err))
	return out.Bytes()
}
