package engine

import (
	"math"
	"time"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

const (
	// maxTick is the longest time between two Ticks.
	maxTick = 100 * time.Millisecond
	// againSoon is the pause when a Tick has left due keys: other turns come
	// in between.
	againSoon = time.Millisecond

	// expirePerTick bounds a Tick by keys and not by time, a few milliseconds'
	// worth: a replayed session must remove the same keys in the same Tick.
	expirePerTick = 2000
)

// expiryState is the active expiry.
type expiryState struct {
	active bool // DEBUG SET-ACTIVE-EXPIRE; keys that a command names go anyhow
}

// expireDue removes due keys, each by an entry of its own, and returns when
// there may be more to do.
func (e *Engine) expireDue() time.Duration {
	if !e.expiry.active || !e.cfg.activeExpire() || e.paused() {
		return maxTick
	}
	ms := e.now / 1000
	for n := 0; e.state.Due(ms); n++ {
		if n == expirePerTick {
			return againSoon
		}
		db, key, ok := e.state.NextDue(ms)
		if !ok {
			break
		}
		e.recordTick()
		if e.expire(db, key) != nil {
			break
		}
	}
	at, ok := e.state.NextExpiry()
	if !ok || at-ms >= math.MaxInt64/1000 { // an expiry need not end after 292,000 years
		return maxTick
	}
	left := e.clock.until((at - ms) * 1000)
	if left >= maxTick.Microseconds() {
		return maxTick
	}
	return max(againSoon, time.Duration(left)*time.Microsecond)
}

// expire removes one due key by an entry that nobody asked for: connection 0,
// no cause.
func (e *Engine) expire(db int, key []byte) error {
	e.unit.begin()
	e.events.Truncate(0)
	e.events.Delete(key, event.Expired)
	e.unit.body.Header(event.Header{DB: db})
	e.counters.expired++
	err := e.apply(db, nil)
	if len(e.tracking.touched) > 0 {
		e.broadcastKeys()
	}
	return err
}

// removeNamed removes the due keys that a command names, before it is decided:
// each by an entry of its own, inside EXEC within the unit. false: there they do
// not fit, and none has been removed.
func (e *Engine) removeNamed(s *Session, r *row, args [][]byte, ms int64) (fits bool) {
	if !e.unit.exec {
		e.eachDue(s, r, args, ms, func(db int, key []byte) { e.expireNamed(db, key) })
		return true
	}
	const each = 32 // what one takes besides its key, at most, and the cause of all
	more := s.headLen() + each
	e.eachDue(s, r, args, ms, func(_ int, key []byte) { more += len(key) + each })
	if e.unit.body.Len()+more > e.maxBody {
		return false
	}
	e.eachDue(s, r, args, ms, func(db int, key []byte) { e.expireInExec(s, r, db, key) })
	return true
}

// eachDue gives do the due keys that a command names, while nothing is broken.
func (e *Engine) eachDue(s *Session, r *row, args [][]byte, ms int64, do func(db int, key []byte)) {
	first, last := s.db, s.db
	if r.crossDB {
		first, last = 0, state.Databases-1
	}
	for i := range r.spec.KeyPositions(args) {
		for db := first; db <= last; db++ {
			if e.broken == nil && e.state.Expired(db, args[i], ms) {
				do(db, args[i])
			}
		}
	}
}

// expireNamed is expire within a client's unit, whose seed must survive: the
// unit's body is still empty here.
func (e *Engine) expireNamed(db int, key []byte) {
	e.events.Delete(key, event.Expired)
	e.unit.body.Header(event.Header{DB: db})
	e.counters.expired++
	_ = e.apply(db, nil) // a failure is kept in e.broken
}

// expireAllDue is expireNamed for every due key there is, and tells of them at once.
func (e *Engine) expireAllDue() {
	for ms := e.now / 1000; e.broken == nil && e.state.Due(ms); {
		db, key, ok := e.state.NextDue(ms)
		if !ok {
			break
		}
		e.expireNamed(db, key)
	}
	if len(e.tracking.touched) > 0 {
		e.broadcastKeys()
	}
}

func (e *Engine) expireInExec(s *Session, r *row, db int, key []byte) {
	e.causeInExec(s, r, nil)
	if db != e.unit.db {
		e.unit.body.Database(db)
		e.unit.db = db
	}
	e.events.Delete(key, event.Expired)
	e.counters.expired++
	_ = e.apply(db, nil)
}
