package command_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
)

// newYear is the clock that transcripts begin with: 2026-01-01T00:00:00Z in ms.
const newYear = 1767225600000

// world is the smallest thing that carries out commands: a state, a clock and
// the duties that package command leaves to the engine. It holds every command
// to the rules of the package comment.
type world struct {
	table  *command.Table
	st     *state.State
	db     int
	now    int64 // ms since 1970
	random uint64
	events event.Buffer
	out    resp.Writer
}

func newWorld() *world {
	return &world{table: command.NewTable(), st: state.New(0), now: newYear}
}

// fresh empties the world; its clock goes on.
func (w *world) fresh() { w.st, w.db = state.New(0), 0 }

// outcome is what became of one command.
type outcome struct {
	wire   []byte // the reply
	reply  resp.Value
	due    []string // events that removed due keys before it, rendered
	events []string // its own, rendered
	told   bool
}

// do carries out one command. The error is a broken rule: a reply that is not
// exactly one, events beside an error or from a command that only reads, a
// digest that is not what it should be.
func (w *world) do(args [][]byte) (o outcome, err error) {
	w.out.Reset(1 << 20)
	w.events.Truncate(0)
	spec, problem := w.table.Lookup(args)
	if problem != "" {
		w.out.Error(problem)
		return w.finish(spec, o)
	}
	if o.due, err = w.removeDue(spec, args); err != nil {
		return o, err
	}
	return w.carryOut(spec, args, o)
}

// carryOut is do for a command that may be carried out.
func (w *world) carryOut(spec *command.Spec, args [][]byte, o outcome) (outcome, error) {
	switch {
	case spec.Decide != nil:
		var err error
		if o.told, err = w.decide(spec, args); err != nil {
			return o, err
		}
	case spec.Name == "select":
		w.choose(args[1])
	default:
		return o, fmt.Errorf("%s has no decision", spec.FullName())
	}
	return w.finish(spec, o)
}

// finish checks the reply and applies the events.
func (w *world) finish(spec *command.Spec, o outcome) (_ outcome, err error) {
	o.wire = bytes.Clone(w.out.Bytes())
	if o.reply, err = readOne(o.wire); err != nil {
		return o, err
	}
	if w.events.Len() == 0 {
		return o, nil
	}
	if o.reply.IsError() || !mayRecord(spec) {
		return o, fmt.Errorf("%s must not record events", spec.FullName())
	}
	o.events, err = w.apply(w.db)
	return o, err
}

// mayRecord reports whether a command may record events: if it writes, or if it only
// reads and its row says nevertheless that it changes its keys (PFCOUNT).
func mayRecord(spec *command.Spec) bool {
	return spec.Flags&command.Write != 0 || spec.Flags&command.ReadOnly != 0 &&
		slices.ContainsFunc(spec.Keys, func(k command.Keys) bool { return strings.HasPrefix(k.Flags, "RW") })
}

// decide lets a command decide, and holds it to leaving its arguments alone.
func (w *world) decide(spec *command.Spec, args [][]byte) (told bool, err error) {
	given := make([][]byte, len(args))
	for i, a := range args {
		given[i] = bytes.Clone(a)
	}
	c := command.Call{View: w.st.View(w.db, w.now), Out: &w.out, Events: &w.events, Rand: w.rand}
	c.Reset(spec, args)
	spec.Decide(&c)
	if !slices.EqualFunc(args, given, bytes.Equal) {
		return false, fmt.Errorf("%s changed its arguments", spec.FullName())
	}
	return c.Told(), nil
}

// removeDue removes the due keys that a command names, in whichever database.
func (w *world) removeDue(spec *command.Spec, args [][]byte) (removed []string, err error) {
	for at := range spec.KeyPositions(args) {
		for db := range state.Databases {
			if !w.st.Expired(db, args[at], w.now) {
				continue
			}
			w.events.Truncate(0)
			w.events.Delete(args[at], event.Expired)
			facts, err := w.apply(db)
			if err != nil {
				return nil, err
			}
			removed = append(removed, facts...)
		}
	}
	w.events.Truncate(0)
	return removed, nil
}

// apply applies the recorded events and renders them.
func (w *world) apply(db int) (facts []string, err error) {
	if _, err := w.st.Apply(db, w.events.Bytes()); err != nil {
		return nil, fmt.Errorf("apply: %w", err)
	}
	if kept, made := w.st.Digest(), w.st.RecomputeDigest(); kept != made {
		return nil, fmt.Errorf("the digest that was kept is %016x, made anew %016x", kept, made)
	}
	var ev event.Event
	for rest := w.events.Bytes(); len(rest) > 0; {
		if rest, err = ev.Decode(rest); err != nil {
			return nil, err
		}
		facts = append(facts, ev.String())
	}
	return facts, nil
}

// choose is SELECT, which a transcript needs though it is the engine's.
func (w *world) choose(arg []byte) {
	n, ok := command.ParseInt(arg)
	switch {
	case !ok:
		w.out.Error(command.TextNotInteger)
	case n < 0 || n >= state.Databases:
		w.out.Error("ERR DB index is out of range")
	default:
		w.db = int(n)
		w.out.OK()
	}
}

// rand is a fixed sequence (Knuth's MMIX generator, its upper bits), so that
// transcripts of random choices stay as they are.
func (w *world) rand() uint64 {
	w.random = w.random*6364136223846793005 + 1442695040888963407
	return w.random ^ w.random>>32
}

// readOne reads a reply that must be all of wire.
func readOne(wire []byte) (v resp.Value, err error) {
	in := bytes.NewReader(wire)
	r := resp.NewReader(in)
	if v, err = r.Read(); err != nil {
		return v, fmt.Errorf("reply %q: %w", wire, err)
	}
	if _, err := r.Read(); !errors.Is(err, io.EOF) {
		return v, fmt.Errorf("more than one reply: %q", wire)
	}
	return v, nil
}

// words splits a line of a transcript.
func words(line string) [][]byte {
	args, err := resp.SplitWords([]byte(line))
	if err != nil {
		panic(fmt.Sprintf("%s: %v", line, err))
	}
	return args
}
