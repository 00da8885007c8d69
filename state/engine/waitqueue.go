package engine

import (
	"sort"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

// waiter is a command that waits, and with it its session.
//
//	began ──▶ waits ──▶ served ──Commit──▶ forgotten
//	            ▲         │
//	            └─ failed ┘
//
// It stays where it stands in its queues until the turn in which it was served is
// committed, so that it can wait again as if that turn had not been.
type waiter struct {
	s        *Session
	row      *row
	args     [][]byte // copies
	keys     []string
	db       int
	typ      state.Type
	gone     bool   // it wants to know when a key is gone, too
	seq      uint64 // who came first
	began    int64  // µs
	turn     uint64 // the number of the turn in which it began
	deadline int64  // µs; 0: never
	place    int    // in the deadlines' heap; -1: in none

	served    bool // answered in this turn
	leaving   bool // CLIENT UNBLOCK has spoken of it in this unit
	forgotten bool // it is in no queue any more
}

// waitSlot is a place in a queue; w is nil once that waiter has left.
type waitSlot struct {
	seq uint64
	w   *waiter
}

// waitQueue is everybody who waits for one key, in the order in which they came.
type waitQueue struct {
	db    int
	key   string
	slots []waitSlot // ascending by seq
	head  int        // those before it have left, or been served in this turn
	live  int        // slots with a waiter
	gones int        // of them with gone
	ready bool       // it is among those to be looked at
}

// add puts w at the end, once: it may have named the key twice.
func (q *waitQueue) add(w *waiter) {
	if n := len(q.slots); n > 0 && q.slots[n-1].seq == w.seq {
		return
	}
	q.slots = append(q.slots, waitSlot{w.seq, w})
	q.live++
	if w.gone {
		q.gones++
	}
}

// remove forgets w. Half of the slots may be empty: leaving is O(log n), however
// many wait.
func (q *waitQueue) remove(w *waiter) {
	i := sort.Search(len(q.slots), func(i int) bool { return q.slots[i].seq >= w.seq })
	if i == len(q.slots) || q.slots[i].w != w {
		return
	}
	q.slots[i].w = nil
	q.live--
	if w.gone {
		q.gones--
	}
}

// tidy drops the empty slots when they are the most. Only between turns: while a
// queue is served it must stay as it is.
func (q *waitQueue) tidy() {
	if 2*q.live >= len(q.slots) {
		return
	}
	q.head = 0
	kept := q.slots[:0]
	for _, slot := range q.slots {
		if slot.w != nil {
			kept = append(kept, slot)
		}
	}
	clear(q.slots[len(kept):])
	q.slots = kept
}

// deadlines is a heap of those waiters that wait for a limited time, the soonest
// first; of those of one moment, who came first.
type deadlines []*waiter

func (h deadlines) less(a, b int) bool {
	if h[a].deadline != h[b].deadline {
		return h[a].deadline < h[b].deadline
	}
	return h[a].seq < h[b].seq
}

func (h deadlines) swap(a, b int) {
	h[a], h[b] = h[b], h[a]
	h[a].place, h[b].place = a, b
}

func (h *deadlines) push(w *waiter) {
	w.place = len(*h)
	*h = append(*h, w)
	h.up(w.place)
}

// remove forgets w, if it is there.
func (h *deadlines) remove(w *waiter) {
	at, last := w.place, len(*h)-1
	if at < 0 {
		return
	}
	h.swap(at, last)
	(*h)[last] = nil
	*h = (*h)[:last]
	if at < last {
		h.down(at)
		h.up(at)
	}
	w.place = -1
}

func (h deadlines) up(i int) {
	for parent := (i - 1) / 2; i > 0 && h.less(i, parent); i, parent = parent, (parent-1)/2 {
		h.swap(i, parent)
	}
}

func (h deadlines) down(i int) {
	for child := 2*i + 1; child < len(h); child = 2*i + 1 {
		if child+1 < len(h) && h.less(child+1, child) {
			child++
		}
		if !h.less(child, i) {
			return
		}
		h.swap(i, child)
		i = child
	}
}

// newWaiter is the waiter for what a decision asked for.
func (e *Engine) newWaiter(s *Session, r *row, args [][]byte, w command.Waiting) *waiter {
	if w.Args != nil {
		args = w.Args
	}
	e.block.seq++
	n := &waiter{
		s: s, row: r, args: cloneArgs(args), db: s.db, typ: w.Type, gone: w.Gone,
		seq: e.block.seq, began: e.now, turn: e.turnSeq, place: -1,
	}
	if w.Timeout > 0 {
		n.deadline = deadline(e.now, w.Timeout)
	}
	for _, key := range w.Keys {
		n.keys = append(n.keys, string(key))
	}
	return n
}

// deadline is ms after now, in µs, or the end of all times.
func deadline(now, ms int64) int64 {
	const end = 1<<63 - 1
	if ms > (end-now)/1000 {
		return end
	}
	return now + 1000*ms
}
