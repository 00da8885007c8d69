package engine

import (
	"math"

	"github.com/altilium-db/altilium/state/command"
)

// waitTime reads Args[i] as a time to wait in ms, 0 for ever; after an error it is
// answered.
func (e *Engine) waitTime(c *command.Call, i int) (ms int64, ok bool) {
	ms, ok = command.ParseInt(c.Args[i])
	switch {
	case !ok:
		c.Out.Error("ERR timeout is not an integer or out of range")
	case ms < 0:
		c.Out.Error("ERR timeout is negative")
	case ms > math.MaxInt64-e.now/1000:
		c.Out.Error("ERR timeout is out of range")
	default:
		return ms, true
	}
	return 0, false
}

// waitCommand is WAIT numreplicas timeout. There are no replicas to wait for, but the
// client waits for its time, as it would for replicas that do not come.
func waitCommand(e *Engine, _ *Session, c *command.Call) {
	n, ok := c.Int(1)
	if !ok {
		return
	}
	ms, ok := e.waitTime(c, 2)
	switch {
	case !ok:
	case n > 0 && c.Patience == command.MayWait:
		c.Wait(command.Waiting{Timeout: ms})
	default:
		c.Out.Int(0)
	}
}

// waitaofCommand is WAITAOF numlocal numreplicas timeout: it answers whether what the
// connection has written last is on this disk, and on how many replicas'. What it says
// is the log's own durable offset. A played recording does not wait: its log is none.
func waitaofCommand(e *Engine, s *Session, c *command.Call) {
	local, ok := c.Int(1)
	if !ok {
		return
	}
	if local < 0 || local > 1 {
		c.Out.Error("ERR value is out of range, must be between 0 and 1")
		return
	}
	replicas, ok := c.Int(2)
	if !ok {
		return
	}
	if replicas < 0 {
		c.Out.Error("ERR value is out of range, must be positive")
		return
	}
	ms, ok := e.waitTime(c, 3)
	if !ok {
		return
	}
	synced := int64(0)
	if e.log != nil && e.log.Durable() >= s.wrote {
		synced = 1
	}
	if (synced < local || replicas > 0) && c.Patience == command.MayWait && !e.o.Played {
		c.Wait(command.Waiting{Timeout: ms})
		return
	}
	c.Out.Array(2)
	c.Out.Int(synced)
	c.Out.Int(0)
}

// clientUnblock is CLIENT UNBLOCK id [TIMEOUT|ERROR]. The other's reply is written when
// this unit is over.
func clientUnblock(e *Engine, _ *Session, c *command.Call) {
	failed := false
	switch n := len(c.Args); {
	case n > 4:
		unknownUse(c)
		return
	case n == 4 && c.Is(3, "ERROR"):
		failed = true
	case n == 4 && !c.Is(3, "TIMEOUT"):
		c.Out.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
		return
	}
	id, ok := c.Int(2)
	if !ok {
		return
	}
	other := e.sessions[uint64(id)]
	if other == nil || other.waiter == nil || other.waiter.leaving {
		c.Out.Int(0)
		return
	}
	other.waiter.leaving = true
	e.block.leaving = append(e.block.leaving, leaving{other.waiter, failed})
	c.Out.Int(1)
}
