package engine

import (
	"fmt"
	"strings"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

// Moment is a point of the past where a connection stands after ASOF. Nobody changes one.
type Moment struct {
	Offset uint64
	Time   int64 // µs since 1970 of the entry there
	Clock  int64 // µs since 1970 that is the present then
}

// PastRequest is a command, or a transaction, that is asked of the past. Its slices are
// copies.
type PastRequest struct {
	Args  [][]byte   // of a command of LOG or ASOF, or one that reads at a moment
	Queue [][][]byte // what an EXEC at a moment carries out, in place of Args
	At    *Moment    // where the connection stands; nil: in the present
	DB    int
	Proto int // 2 or 3

	Last     uint64 // offset of the last committed entry
	LastTime int64  // its time, µs since 1970
	Now      int64  // µs since 1970
	Limit    int    // bytes that the events of a PastChange may take

	// Keys are those of DB that it reads, where it reads nothing else and its answer may be
	// PastAnswer.Live.
	Keys [][]byte
}

// PastAnswer is the reply to one, a whole value in wire form.
type PastAnswer struct {
	Reply []byte
	At    *Moment // where the connection stands from now on; nil: where it stood

	// Follow: the connection has subscribed to the log after this offset.
	Follow *uint64

	// Change: this is to be done, and answered then (goback.go).
	Change *PastChange

	// Live: no entry after the moment that it is about, up to PastRequest.Last, speaks of
	// PastRequest.Keys. So this writes the reply, from the live state, as long as no later one
	// does. It is called on the loop.
	Live func(live *state.State, out *resp.Writer)
}

// asofCommand is ASOF LATEST, ASOF point, and ASOF point command ….
func asofCommand(e *Engine, s *Session, c *command.Call) {
	if len(c.Args) == 2 && strings.EqualFold(string(c.Args[1]), "latest") {
		s.past = nil
		c.Out.OK()
		return
	}
	q := PastRequest{Args: cloneArgs(c.Args)}
	if len(q.Args) > 2 {
		q.Keys = e.readAlone(s, q.Args[2:])
	}
	e.askPast(s, c.Out, q)
}

// askCommand is a command of LOG that is answered beside the server.
func askCommand(e *Engine, s *Session, c *command.Call) {
	e.askPast(s, c.Out, PastRequest{Args: cloneArgs(c.Args)})
}

// pastHandlers are the commands about the past itself.
func pastHandlers() map[string]handler {
	return map[string]handler{
		"asof":            asofCommand,
		"log|bisect":      askCommand,
		"log|blame":       askCommand,
		"log|diff":        askCommand,
		"log|fork":        askCommand,
		"log|key":         askCommand,
		"log|range":       askCommand,
		"log|restore":     goBackCommand,
		"log|tag":         askCommand,
		"log|tags":        askCommand,
		"log|subscribe":   logSubscribe,
		"log|unsubscribe": logUnsubscribe,
		"log|undo":        goBackCommand,
		"log|untag":       askCommand,
	}
}

// readsData reports whether a row is asked of the moment where a connection stands.
func readsData(s *command.Spec) bool {
	switch s.FullName() {
	case "echo":
		return false
	case "time", "log|offset", "log|digest":
		return true
	}
	return s.Decide != nil && s.Flags&command.Write == 0
}

// refuseInPast says why a command is not carried out for one who stands in the past: ""
// when it is.
func (s *Session) refuseInPast(r *row) string {
	switch {
	case r.isExec:
		return ""
	case r.spec.Flags&command.Write != 0:
		return "ASOFRO " + r.upper + " writes, and this connection looks at the past (ASOF), which is read-only; ASOF LATEST or RESET brings it back"
	case s.multi.active && !r.immediate && !r.past:
		return "ERR " + r.upper + " is not possible in a transaction about the past"
	}
	return ""
}

// askAtMoment asks a command that reads of the moment where s stands.
func (e *Engine) askAtMoment(s *Session, args [][]byte, out *resp.Writer) {
	q := PastRequest{Args: cloneArgs(args)}
	q.Keys = e.readAlone(s, q.Args)
	e.askPast(s, out, q)
}

// askPast hands q to whoever knows the past once the turn is committed, so that whatever
// s has been answered before is part of it. s waits.
func (e *Engine) askPast(s *Session, out *resp.Writer, q PastRequest) {
	if e.o.Past == nil {
		text := "ERR this server cannot look at the past"
		if e.mode == modePast {
			text = fmt.Sprintf("ERR this server shows the past at @%d and no other; ASOF and LOG are for one that runs on its log", e.last)
		}
		out.Error(text)
		return
	}
	q.At, q.DB, q.Proto, q.Now = s.past, s.db, s.proto, e.now
	s.wait()
	s.asking = true
	e.after = append(e.after, func() {
		q.Last, q.LastTime = e.log.Last(), e.log.LastTime()
		e.handToPast(s, q)
	})
}

// handToPast has q answered beside the loop.
func (e *Engine) handToPast(s *Session, q PastRequest) {
	g := e.overlay.begin(q.DB, q.Keys)
	ask, post := e.o.Past, e.o.Post
	go func() {
		a := ask(q)
		post(func() {
			if untouched := e.overlay.end(g); a.Live != nil {
				e.readLive(s, q, a, untouched)
				return
			}
			e.pastAnswered(s, q.Args, a)
		})
	}()
}

// pastAnswered ends the waiting of s.
func (e *Engine) pastAnswered(s *Session, args [][]byte, a PastAnswer) {
	if a.Change != nil {
		e.goBack(&goingBack{s: s, args: args, change: a.Change, done: a.Change.Done})
		return
	}
	s.answer(func(c *command.Call) {
		if a.At != nil {
			s.past = a.At
		}
		if a.Follow != nil {
			e.follow(s, *a.Follow, args[3:]) // behind LOG SUBSCRIBE point
		}
		c.Out.Raw(a.Reply)
	})
}

// execInPast hands a transaction over as a whole.
func (e *Engine) execInPast(s *Session, queue []queued, out *resp.Writer) {
	q := PastRequest{Queue: make([][][]byte, len(queue))}
	for i, one := range queue {
		one.row.stats.Calls++
		q.Queue[i] = one.args
	}
	q.Keys = e.readAlone(s, q.Queue...)
	e.askPast(s, out, q)
}

// NeededPast are the offsets where connections stand: history that retention must keep.
func (e *Engine) NeededPast() (offsets []uint64) {
	for _, s := range e.sessions {
		if s.past != nil {
			offsets = append(offsets, s.past.Offset)
		}
	}
	return offsets
}

// noStep reports whether a command of s is left out of recordings: it asks something of
// the past, which changes nothing, and which whoever plays the recording does not have; or it was
// answered as it was only because s follows the log, which is no step either.
func (s *Session) noStep(r *row) bool {
	switch {
	case r == nil:
		return false
	case s.listening() && s.subscriptions() == 0 && (r.spec.Name == "ping" || !whileListening(r.spec.FullName())):
		return true
	case s.past == nil:
		return r.asks && !s.multi.active // within MULTI it is refused, and the transaction with it
	}
	return s.asking || r.asks || r.past || r.spec.Flags&command.Write != 0 || r.spec.Group == "transactions" ||
		s.multi.active && !r.immediate
}
