package engine

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// clock is the engine's time in µs since 1970: the wall clock's, or, in tests, one that
// CLOCK has set (package comment, "Clock and chance").
//
//	real      the wall clock
//	frozen    at                                 until it is set or advanced
//	running   at + (wall − from) · speed         also where speed is 1
type clock struct {
	given  func() int64 // Options.Clock
	played bool         // given says already what the clock that was recorded said

	begun  time.Time // the last reading of the wall clock
	micros int64     // what it said
	wall   int64     // µs of the wall clock at the last read or next

	set    clockSetting
	before clockSetting // what it was before this turn, once that has changed it
	moved  bool         // this turn has
	hurry  bool         // what is due, and when, must be looked at anew
}

// clockSetting is what CLOCK has made of the clock. The zero value: nothing.
type clockSetting struct {
	own      bool // it is not the wall clock
	from, at int64
	speed    float64 // 0: it stands still
}

// lastClock is as far as a clock goes: the last µs of the year 9999.
const lastClock = 253_402_300_799_999_999

// maxSpeed is how fast one may go: an hour in 3.6 ms.
const maxSpeed = 1e6

// String is the setting as INFO and the setting clock have it.
func (s clockSetting) String() string {
	switch {
	case !s.own:
		return "real"
	case s.speed == 0:
		return "frozen"
	}
	return "x" + strconv.FormatFloat(s.speed, 'g', -1, 64)
}

// parseClock reads what String writes; from and at are the caller's.
func parseClock(text string) (s clockSetting, err error) {
	switch text = strings.ToLower(text); text {
	case "real":
		return s, nil
	case "frozen":
		return clockSetting{own: true}, nil
	}
	digits, isSpeed := strings.CutPrefix(text, "x")
	if s.own, s.speed = true, 0; isSpeed {
		s.speed, err = parseSpeed(digits)
	} else {
		err = fmt.Errorf("argument must be 'real', 'frozen', or 'x' and a speed, such as x10")
	}
	return s, err
}

// parseSpeed reads how many times as fast as the wall clock a clock goes.
func parseSpeed(text string) (float64, error) {
	speed, err := strconv.ParseFloat(text, 64)
	if err != nil || !(speed > 0 && speed <= maxSpeed) {
		return 0, fmt.Errorf("a speed is a number above 0, at most %d", int(maxSpeed))
	}
	return speed, nil
}

// read reads the wall clock, and says what time it is.
func (c *clock) read() int64 {
	if c.given != nil {
		return c.says(c.given())
	}
	c.begun = time.Now()
	c.micros = c.begun.UnixMicro()
	return c.says(c.micros)
}

// next is read without a look at the wall clock: what that said last and the time that
// has gone by since, which is what there is within a turn, for half the price.
func (c *clock) next() int64 { return c.says(c.lap()) }

// lap is the wall clock as next sees it: what durations are measured by.
func (c *clock) lap() int64 {
	if c.given != nil {
		return c.given()
	}
	return c.micros + time.Since(c.begun).Microseconds()
}

// says notes what the wall clock says, and gives what this one does.
func (c *clock) says(wall int64) int64 {
	c.wall = wall
	if !c.set.own || c.played {
		return wall
	}
	gone := float64(wall-c.set.from) * c.set.speed
	switch {
	case c.set.speed == 0:
		return c.set.at
	case c.set.speed == 1: // exactly
		return min(max(1, c.set.at+wall-c.set.from), lastClock)
	case gone >= float64(lastClock-c.set.at):
		return lastClock
	}
	return max(1, c.set.at+int64(gone))
}

// change makes the clock go on from at as s says; the wall clock was read when it said at.
func (c *clock) change(s clockSetting) {
	if !c.moved {
		c.before, c.moved = c.set, true
	}
	s.from = c.wall
	c.set, c.hurry = s, true
}

// undo takes back what this turn has changed: it is not in the log.
func (c *clock) undo() {
	if c.moved {
		c.set, c.moved, c.hurry = c.before, false, true
	}
}

// until is how long it takes in truth until the clock has gone on by so many µs: for ever
// where it stands still.
func (c *clock) until(micros int64) int64 {
	if micros <= 0 || !c.set.own || c.played {
		return micros
	}
	real := float64(micros) / c.set.speed
	if real >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(math.Ceil(real))
}
