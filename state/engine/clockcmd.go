package engine

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
)

// The commands of CLOCK, for tests: who may use DEBUG may use them. Each change is an
// entry with a Clock event, which changes no data, so that whoever reads the log knows
// what its times are worth.

func clockHandlers() map[string]handler {
	return map[string]handler{
		"clock|advance": clockAdvance,
		"clock|freeze":  clockFreeze,
		"clock|get":     clockGet,
		"clock|help":    helpOfContainer,
		"clock|real":    clockReal,
		"clock|run":     clockRun,
		"clock|set":     clockSet,
	}
}

// clockGet tells the clock of the unit, and how it goes.
func clockGet(e *Engine, s *Session, c *command.Call) {
	if !e.mayDebug(s, c) {
		return
	}
	set := e.clock.set.String()
	if e.mode == modePast {
		set = clockSetting{own: true}.String() // for data, it stands still
	}
	c.Out.Map(3)
	pairString(c.Out, "clock", set)
	pairInt(c.Out, "usec", e.dataClock())
	pairString(c.Out, "time", time.UnixMicro(e.dataClock()).UTC().Format("2006-01-02T15:04:05.000000Z"))
}

func clockFreeze(e *Engine, s *Session, c *command.Call) {
	e.setClock(s, c, clockSetting{own: true, at: e.now})
}

func clockReal(e *Engine, s *Session, c *command.Call) { e.setClock(s, c, clockSetting{}) }

// clockRun lets the clock go on from where it is.
func clockRun(e *Engine, s *Session, c *command.Call) {
	speed := 1.0
	if len(c.Args) > 3 {
		c.Out.Error(command.TextSyntax)
		return
	}
	if len(c.Args) == 3 {
		var err error
		if speed, err = parseSpeed(string(c.Args[2])); err != nil {
			c.Out.Error("ERR " + err.Error() + "; CLOCK FREEZE stops it")
			return
		}
	}
	e.setClock(s, c, clockSetting{own: true, at: e.now, speed: speed})
}

// clockAdvance sets the clock forward; it goes on, or stands still, as before.
func clockAdvance(e *Engine, s *Session, c *command.Call) {
	ms, ok := command.ParseInt(c.Args[2])
	switch {
	case !ok:
		c.Out.Error(command.TextNotInteger)
	case ms < 0:
		c.Out.Error("ERR the clock advances by a number of milliseconds that is not negative; CLOCK SET takes it back")
	case ms > (lastClock-e.now)/1000:
		c.Out.Error("ERR the clock does not go beyond the year 9999")
	default:
		e.setClock(s, c, e.clock.set.movedTo(e.now+1000*ms))
	}
}

// clockSet sets the clock to a time; it goes on, or stands still, as before.
func clockSet(e *Engine, s *Session, c *command.Call) {
	at, ok := parseInstant(string(c.Args[2]))
	if !ok {
		c.Out.Error("ERR a time is a number of microseconds since 1970, or like 2026-01-01T00:00:00Z, after 1970 and before the year 10000")
		return
	}
	e.setClock(s, c, e.clock.set.movedTo(at))
}

// movedTo is a clock that is at a time and goes on as s does.
func (s clockSetting) movedTo(micros int64) clockSetting {
	if !s.own {
		s.speed = 1
	}
	s.own, s.at = true, micros
	return s
}

// parseInstant reads µs since 1970, or RFC 3339.
func parseInstant(text string) (micros int64, ok bool) {
	micros, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		at, err := time.Parse(time.RFC3339Nano, strings.ToUpper(text))
		if err != nil {
			return 0, false
		}
		micros = at.UnixMicro()
	}
	return micros, micros > 0 && micros <= lastClock
}

// setClock records and makes a change of the clock, which is what it says from the next
// unit on: this one has seen its own.
func (e *Engine) setClock(s *Session, c *command.Call, set clockSetting) {
	if !e.mayDebug(s, c) {
		return
	}
	switch {
	case e.mode == modePast:
		c.Out.Error(fmt.Sprintf("ASOFRO this server shows the past at @%d, where the clock stands still", e.last))
		return
	case e.mode != modeReady:
		c.Out.Error(e.failure.text()) // it could not be logged
		return
	}
	c.Tell()
	e.clockEvent(set)
	e.clock.change(set)
	c.Out.OK()
}

func (e *Engine) clockEvent(set clockSetting) {
	if !set.own {
		e.events.Clock(0, 1)
		return
	}
	e.events.Clock(set.at, set.speed)
}

// startClock is for a server that does not start by the wall clock: one that is frozen
// stands at the time of the last entry. It is an entry that nobody asked for. Whoever
// plays a recording has the times of its steps, and no entry more than there was.
func (e *Engine) startClock() {
	set := e.cfg.now.Load().clock
	if !set.own {
		return
	}
	e.now = e.clock.read()
	set.at = e.now
	if last := e.log.LastTime(); set.speed == 0 && last > 0 {
		set.at = last
	}
	e.clock.change(set)
	if e.o.Played {
		return
	}
	e.now = set.at
	e.unit.begin()
	e.events.Truncate(0)
	e.clockEvent(set)
	e.unit.body.Header(event.Header{})
	_ = e.apply(0, nil) // a failure is kept in e.broken
}
