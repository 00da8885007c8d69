package engine

import (
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
)

// The live state answers for the past where a moment's keys hold what they held then (package
// comment, "The past"). Whether anything was written since the moment is found out beside the
// loop, up to the entry that was the last one when the question was handed over; what is
// written after that is noted here, for as long as the question is under way.

// overlayState are the keys that questions under way read. Its counts only ever grow, so that a
// sum of some that is what it was says that none of them has changed.
type overlayState struct {
	count int // of questions
	marks [state.Databases]map[string]*mark
	all   uint64 // events that speak of whole databases

	served int64 // questions that the live state has answered
	again  int64 // that were asked a second time, since their keys were written meanwhile
}

// mark is a key that questions read.
type mark struct {
	db      int
	key     string
	users   int    // of questions; at 0 it goes
	touched uint64 // events that speak of it
}

// glance is what is noted for one question.
type glance struct {
	marks  []*mark
	before uint64 // their sum, when it began
}

// mostMarks is how many keys a question may read that the live state answers: as many as are
// looked for in an index in some milliseconds.
const mostMarks = 1024

// mostLive is how many bytes keys may take that the live state reads for a command which may
// look at all of them. What takes longer is answered beside the loop, as if there were no
// present: who looks at the past is not to make others wait.
const mostLive = 64 << 10

// readAlone gives the keys that calls of s at a moment read, where the live state may answer
// them; nil where it may not: they read more, or a lot, or tell of the process (OBJECT IDLETIME).
func (e *Engine) readAlone(s *Session, calls ...[][]byte) [][]byte {
	fast := true
	for _, args := range calls {
		spec, _ := e.table.Lookup(args)
		if spec == nil {
			continue
		}
		if spec.Flags&command.Volatile != 0 {
			return nil
		}
		fast = fast && spec.Flags&command.Fast != 0
	}
	keys, ok := e.table.Reads(calls, mostMarks)
	if !ok || e.mode == modeLoading || !fast && e.weight(s.db, keys) > mostLive {
		return nil
	}
	return keys
}

// weight is about how many bytes some keys take.
func (e *Engine) weight(db int, keys [][]byte) (sum int64) {
	v := e.state.View(db, 0)
	for _, key := range keys {
		n, _ := v.Weight(key)
		sum += n
	}
	return sum
}

// begin notes what is written to these keys from now on; nil where there are none.
func (o *overlayState) begin(db int, keys [][]byte) *glance {
	if len(keys) == 0 {
		return nil
	}
	o.count++
	g := &glance{marks: make([]*mark, len(keys))}
	for i, key := range keys {
		m := o.marks[db][string(key)]
		if m == nil {
			m = &mark{db: db, key: string(key)}
			if o.marks[db] == nil {
				o.marks[db] = map[string]*mark{}
			}
			o.marks[db][m.key] = m
		}
		m.users++
		g.marks[i] = m
	}
	g.before = o.sum(g)
	return g
}

// end reports whether nothing was written to the keys of g, which may be nil, and forgets them.
func (o *overlayState) end(g *glance) (untouched bool) {
	if g == nil {
		return false
	}
	o.count--
	untouched = o.sum(g) == g.before
	for _, m := range g.marks {
		if m.users--; m.users == 0 {
			delete(o.marks[m.db], m.key)
		}
	}
	return untouched
}

func (o *overlayState) sum(g *glance) uint64 {
	n := o.all
	for _, m := range g.marks {
		n += m.touched
	}
	return n
}

// touch notes an event in db. It is stricter than a WATCH: whatever speaks of a key counts.
func (o *overlayState) touch(db int, ev *event.Event) {
	if ev.OnDatabases() {
		o.all++
		return
	}
	ev.Keys(db, func(db int, key []byte) {
		if m := o.marks[db][string(key)]; m != nil {
			m.touched++
		}
	})
}

// readLive answers q by what the live state has, or has it answered without.
func (e *Engine) readLive(s *Session, q PastRequest, a PastAnswer, untouched bool) {
	switch {
	case s.gone || !s.waiting:
	case !untouched || e.mode == modeLoading:
		e.overlay.again++
		q.Keys = nil
		e.handToPast(s, q)
	default:
		e.overlay.served++
		began := e.clock.lap()
		s.answer(func(c *command.Call) {
			e.state.Unnoticed(func() { a.Live(e.state, c.Out) })
		})
		e.measuredLive(s, q, began)
	}
}

// measuredLive is measured, of what the loop has read for q.
func (e *Engine) measuredLive(s *Session, q PastRequest, began int64) {
	args := q.Args
	if q.Queue != nil {
		args = [][]byte{[]byte("EXEC")}
	}
	if spec, _ := e.table.Lookup(args); spec != nil {
		ended := e.clock.lap()
		e.measured(s, &e.rows[spec.Ord], args, max(0, ended-began), ended)
	}
}
