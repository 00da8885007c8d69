package engine

import (
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// maxQueued bounds what a transaction may queue, in bytes of arguments. Its
// events repeat them at most twice (as cause and as value), and must fit one
// entry of the log.
const maxQueued = 448 << 20

// queuedOverhead is what a queued command costs beside its bytes: a client
// that queues PING for ever is bounded too.
const queuedOverhead = 64

// multi is a transaction between MULTI and EXEC. Its queue only grows, and a
// new transaction gets a new one, so a copy of a multi stays what it was.
type multi struct {
	active  bool
	aborted bool         // a command was refused: EXEC will be
	flags   command.Flag // of all queued commands together
	bytes   int
	queue   []queued
}

// queued is one command of a transaction; args are copies.
type queued struct {
	row  *row
	args [][]byte
}

// enqueue keeps a command for EXEC.
func (s *Session) enqueue(r *row, args [][]byte, out *resp.Writer) {
	m := &s.multi
	size := queuedOverhead
	for _, a := range args {
		size += len(a) + 24
	}
	if m.bytes+size > s.e.queueLimit() {
		s.e.reject(s, r, out, "ERR this transaction is too large to be queued")
		return
	}
	m.bytes += size
	m.flags |= r.spec.Flags
	m.queue = append(m.queue, queued{r, cloneArgs(args)})
	out.Simple("QUEUED")
}

// queueLimit is how many bytes a transaction may queue.
func (e *Engine) queueLimit() int {
	return int(min(maxQueued, e.cfg.queryBufferLimit()))
}

// cloneArgs copies arguments into one block of memory.
func cloneArgs(args [][]byte) [][]byte {
	n := 0
	for _, a := range args {
		n += len(a)
	}
	block := make([]byte, 0, n)
	out := make([][]byte, len(args))
	for i, a := range args {
		at := len(block)
		block = append(block, a...)
		out[i] = block[at:len(block):len(block)]
	}
	return out
}

// endMulti forgets the transaction and everything that was watched for it: what is watched in
// the present is not for one about the past.
func (s *Session) endMulti() {
	s.multi = multi{}
	if s.past == nil {
		s.e.unwatch(s)
	}
	s.e.turn[s.part].ended = true
}

func multiCommand(_ *Engine, s *Session, c *command.Call) {
	if s.multi.active {
		c.Out.Error("ERR MULTI calls can not be nested")
		return
	}
	s.multi = multi{active: true}
	c.Out.OK()
}

func discardCommand(_ *Engine, s *Session, c *command.Call) {
	if !s.multi.active {
		c.Out.Error("ERR DISCARD without MULTI")
		return
	}
	s.endMulti()
	c.Out.OK()
}

func execCommand(e *Engine, s *Session, c *command.Call) {
	if !s.multi.active {
		c.Out.Error("ERR EXEC without MULTI")
		return
	}
	m, lost := s.multi, s.lost || e.watchedExpired(s)
	s.endMulti()
	switch {
	case m.aborted:
		c.Out.Error("EXECABORT Transaction discarded because of previous errors.")
	case s.past != nil:
		e.execInPast(s, m.queue, c.Out)
	case lost:
		c.Out.NullArray()
	default:
		e.runQueue(s, m.queue, c.Out)
	}
}

// runQueue executes a transaction's commands as one unit.
func (e *Engine) runQueue(s *Session, queue []queued, out *resp.Writer) {
	limit := command.NewLimit(out)
	e.unit.exec = true
	out.Array(len(queue))
	for _, q := range queue {
		e.unit.caused = false
		e.unit.volatile = e.unit.volatile || q.row.spec.Flags&command.Volatile != 0
		began, start := e.clock.lap(), out.Len()
		e.invoke(s, q.row, q.args, out, command.AtOnce)
		if len(e.monitor.sessions) > 0 {
			e.show(s, q.row, q.args)
		}
		if limit.Exceeded() {
			out.Truncate(start)
			out.Error("ERR this command was executed; its reply is left out, since those of this transaction would be too large (more than 1 GiB, or 128 MiB of values below 16 KiB)")
		}
		ended := e.clock.lap()
		micros := max(0, ended-began)
		q.row.stats.Micros += micros
		e.measured(s, q.row, q.args, micros, ended)
		if e.broken != nil {
			limit.Drop()
			out.Error(internalError(e.broken))
			return
		}
	}
	e.appendUnit()
}
