package engine

import "time"

// clock is the time in µs since 1970.
type clock struct {
	given  func() int64 // Options.Clock
	begun  time.Time    // the last reading of the wall clock
	micros int64        // what it said
}

// read reads the wall clock.
func (c *clock) read() int64 {
	if c.given != nil {
		return c.given()
	}
	c.begun = time.Now()
	c.micros = c.begun.UnixMicro()
	return c.micros
}

// next is the wall clock as it was last read and the time that has gone by since:
// what there is within a turn, for half the price.
func (c *clock) next() int64 {
	if c.given != nil {
		return c.given()
	}
	return c.micros + time.Since(c.begun).Microseconds()
}
