package engine

import (
	"testing"
	"time"
)

// Within a turn time goes on from the wall clock's last reading, as fast as it does.
func TestClock(t *testing.T) {
	var c clock
	before := time.Now().UnixMicro()
	read := c.read()
	if after := time.Now().UnixMicro(); read < before || read > after {
		t.Fatalf("read %d, the wall clock went from %d to %d", read, before, after)
	}
	for began := time.Now(); time.Since(began) < 2*time.Millisecond; {
	}
	next := c.next()
	if gone := next - read; gone < 2000 || next > time.Now().UnixMicro()+1000 {
		t.Errorf("%d µs after the reading, at least 2000 have gone by", gone)
	}
	if again := c.next(); again < next {
		t.Errorf("%d, then %d", next, again)
	}

	given := int64(7)
	c = clock{given: func() int64 { return given }}
	if a := c.read(); a != 7 {
		t.Errorf("read %d of a clock that says 7", a)
	}
	given = 9
	if b := c.next(); b != 9 {
		t.Errorf("next %d of a clock that says 9", b)
	}
}

// TestTurnsReadTheWallClock, each of them once: what is read within a turn is only the
// time that has gone by since, and would never see that the wall clock was set.
func TestTurnsReadTheWallClock(t *testing.T) {
	h := newHarness(t, setup{change: func(o *Options) { o.Clock = nil }})
	c := h.connect()
	c.do("PING")
	for range 3 {
		before := h.e.clock.begun
		c.do("PING")
		if !h.e.clock.begun.After(before) {
			t.Fatal("a turn went by the clock of the one before")
		}
	}
}
