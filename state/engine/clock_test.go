package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
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

// TestClockGoesOn: a clock that is set stands, goes on, or goes on at a speed, from where
// it is; and how long it takes in truth until it is so much later follows from that.
func TestClockGoesOn(t *testing.T) {
	wall := int64(1_000_000)
	c := clock{given: func() int64 { return wall }}
	now := c.read()
	for _, x := range []struct {
		set   clockSetting
		gone  int64 // µs of the wall clock
		later int64 // µs of this one
		until int64 // of the wall clock, for 1000 of this one
	}{
		{clockSetting{}, 70, 70, 1000},
		{clockSetting{own: true}, 70, 0, 1<<63 - 1},
		{clockSetting{own: true, speed: 1}, 70, 70, 1000},
		{clockSetting{own: true, speed: 2.5}, 70, 175, 400},
		{clockSetting{own: true, speed: 0.1}, 70, 7, 10_000},
		{clockSetting{own: true, speed: maxSpeed}, 70, 70_000_000, 1},
		{clockSetting{own: true, speed: 3}, -10, -30, 334}, // the wall clock was put back
	} {
		x.set.at = now
		c.change(x.set)
		if !x.set.own {
			now = c.read()
		}
		wall += x.gone
		got := c.read()
		if got != now+x.later {
			t.Errorf("%s: after %d µs it is %d later, want %d", x.set, x.gone, got-now, x.later)
		}
		if until := c.until(1000); until != x.until {
			t.Errorf("%s: it is 1000 later after %d, want %d", x.set, until, x.until)
		}
		if c.until(0) != 0 || c.until(-5) != -5 {
			t.Errorf("%s: what is over is not over", x.set)
		}
		now = got
	}
	for _, speed := range []float64{1, 2, maxSpeed} { // it does not run over
		c.change(clockSetting{own: true, at: lastClock - 5, speed: speed})
		wall += 1 << 55
		if got := c.read(); got != lastClock {
			t.Errorf("x%v: %d", speed, got)
		}
	}
}

// TestClockSettings: the setting takes what it shows.
func TestClockSettings(t *testing.T) {
	for text, want := range map[string]string{
		"real": "real", "frozen": "frozen", "FROZEN": "frozen", "x10": "x10", "x0.5": "x0.5", "x1e3": "x1000", "X2": "x2",
		"": "", "x": "", "x0": "", "x-1": "", "xnan": "", "xinf": "", "x1e7": "", "10": "", "stopped": "",
	} {
		cfg := NewConfig()
		err := cfg.Set("clock", text)
		if got, _ := cfg.Get("clock"); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("clock = %q: %q, %v", text, got, err)
		}
	}
}

// TestClockMovesWithoutWaiting: where CLOCK says that it is later, keys expire and the
// time of those who wait is over in the next Tick, which is wanted at once.
func TestClockMovesWithoutWaiting(t *testing.T) {
	h := newHarness(t, setup{})
	a, b := h.connect(), h.connect()
	a.do("CLOCK FREEZE", "SET k v EX 3600")
	b.do("BLPOP list 3600")
	h.e.Tick()
	h.advance(24 * time.Hour)
	if next := h.e.Tick(); next != maxTick || len(b.frames) > 0 || h.e.state.TotalKeys() != 1 {
		t.Fatalf("the clock stands still: %d keys, sent %q, the next Tick after %v", h.e.state.TotalKeys(), b.frames, next)
	}
	a.run("CLOCK ADVANCE 3599999")
	if sooner := h.e.Commit(); sooner <= 0 || sooner > time.Millisecond {
		t.Errorf("a Tick is wanted after %v", sooner)
	}
	if h.e.Tick(); len(b.frames) > 0 || h.e.state.TotalKeys() != 1 {
		t.Fatalf("a millisecond too early: %d keys, sent %q", h.e.state.TotalKeys(), b.frames)
	}
	a.do("CLOCK ADVANCE 1")
	if h.e.Tick(); !slices.Equal(b.frames, []string{"*-1\r\n"}) || h.e.state.TotalKeys() != 0 {
		t.Fatalf("%d keys, sent %q", h.e.state.TotalKeys(), b.frames)
	}

	// A fast clock: what is due in a second is due in 20 ms.
	a.take()
	a.do("CLOCK RUN 50", "SET k v PX 1000")
	h.e.Commit()
	if next := h.e.Tick(); next != 20*time.Millisecond {
		t.Errorf("the next Tick comes after %v", next)
	}
	b.do("BLPOP list 0.5")
	if next := h.e.Tick(); next != 10*time.Millisecond {
		t.Errorf("the next Tick comes after %v", next)
	}
	h.advance(20 * time.Millisecond)
	if h.e.Tick(); len(b.frames) != 2 || h.e.state.TotalKeys() != 0 {
		t.Errorf("%d keys, sent %q", h.e.state.TotalKeys(), b.frames)
	}
	h.check()
}

// TestClockIsLogged: each change is an entry, and the entries' times never go back; neither
// data nor digest knows of it.
func TestClockIsLogged(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	digest := h.e.state.Digest()
	c.do("CLOCK FREEZE", "CLOCK ADVANCE 5000", "CLOCK SET 2020-01-01T00:00:00Z", "CLOCK RUN 2", "CLOCK GET", "CLOCK RUN 0", "CLOCK REAL")
	if got := h.e.state.Digest(); got != digest {
		t.Errorf("the digest was %016x, is %016x", digest, got)
	}
	c.do("CLOCK SET 2020-01-01T00:00:00Z", "SET k v EX 10")
	c.want("$1 v :10", "GET k", "TTL k")
	var got []string
	var last int64
	if err := eachEntry(h.log, func(en log.Entry) error {
		_, events, err := event.SkipHeader(en.Body)
		var ev event.Event
		if err == nil {
			_, err = ev.Decode(events)
		}
		got = append(got, fmt.Sprintf("+%d %s", en.Time/1000-startMS, &ev))
		if en.Time < last {
			t.Errorf("@%d goes back in time", en.Offset)
		}
		last = en.Time
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want := `+0 Clock frozen at 2026-01-01T00:00:00.000000Z
+0 Clock frozen at 2026-01-01T00:00:05.000000Z
+5000 Clock frozen at 2020-01-01T00:00:00.000000Z
+5000 Clock from 2020-01-01T00:00:00.000000Z x2
+5000 Clock real
+5000 Clock from 2020-01-01T00:00:00.000000Z x1
+5000 String "k" = "v" expires 2020-01-01T00:00:10.000Z`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("the log says\n%s\nnot\n%s", text, want)
	}
	if text := h.entry(2); text != "db 0 conn 1 CLOCK ADVANCE 5000 | Clock " {
		t.Errorf("@2: %s", text)
	}
	h.check()
}

// TestClockOfAFailedTurn: what is not in the log has not happened to the clock either.
func TestClockOfAFailedTurn(t *testing.T) {
	full := false
	h := newHarness(t, setup{faults: &log.Faults{Write: func([]byte) (int, error) {
		if full {
			return 0, fmt.Errorf("no space left on device")
		}
		return 0, nil
	}}})
	c := h.connect()
	c.do("CLOCK SET 2030-01-01T00:00:00Z", "CLOCK FREEZE")
	full = true
	for _, reply := range strings.Split(strings.TrimSpace(c.do("CLOCK ADVANCE 1000", "CLOCK RUN", "CLOCK GET")), "\r\n") {
		if !strings.HasPrefix(reply, "-MISCONF") {
			t.Errorf("answered %q", reply)
		}
	}
	const frozen = "*6 $5 clock $6 frozen $4 usec :1893456000000000 $4 time $27 2030-01-01T00:00:00.000000Z"
	c.want(frozen, "CLOCK GET")
	h.post()
	if got := c.do("CLOCK ADVANCE 1"); !strings.HasPrefix(got, "-MISCONF") {
		t.Errorf("while the log cannot be written: %q", got)
	}
	c.want(frozen, "CLOCK GET")
}

// TestClockFromTheStart: a server that starts frozen stands at the time of the last entry,
// where there is none at the present, and says so in the log; one that does not goes by the
// wall clock, whatever it did before.
func TestClockFromTheStart(t *testing.T) {
	h := newHarness(t, setup{})
	start := func(setting string) *client {
		cfg := NewConfig()
		if err := cfg.Set("clock", setting); err != nil {
			t.Fatal(err)
		}
		h.e = New(Options{Clock: func() int64 { return h.clock }, Config: cfg})
		st, err := replayLog(h.log)
		if err != nil {
			t.Fatal(err)
		}
		h.e.Ready(h.log, st)
		h.e.Commit()
		return h.connect()
	}
	clockIs := func(c *client, how string, ms int64) {
		t.Helper()
		if got := flat(c.do("CLOCK GET")); !strings.Contains(got, fmt.Sprintf(" %s $4 usec :%d ", how, ms*1000)) {
			t.Errorf("%s, not %s at %d", got, how, ms*1000)
		}
		if info := c.do("INFO server"); !strings.Contains(info, "\r\naltilium_clock:"+how+"\r\n") {
			t.Error("INFO does not say ", how)
		}
	}
	c := start("frozen")
	clockIs(c, "frozen", startMS)
	h.advance(time.Minute)
	clockIs(c, "frozen", startMS)
	c.do("CLOCK ADVANCE 5000", "SET k v PX 100")
	c = start("real")
	clockIs(c, "real", startMS+60_000)
	c = start("frozen")
	clockIs(c, "frozen", startMS+5000)
	c.want(":100", "PTTL k")
	c = start("x2")
	h.advance(time.Second)
	clockIs(c, "x2", startMS+62_000)
	if got := h.entry(1) + "; " + h.entry(4); got != "db 0 conn 0 | Clock ; db 0 conn 0 | Clock " || h.log.Last() != 5 {
		t.Errorf("%d entries: %s", h.log.Last(), got)
	}
}

// TestClockIsForTests: who may not use DEBUG may not touch the clock.
func TestClockIsForTests(t *testing.T) {
	h := newHarness(t, setup{})
	h.configure(func(s *settings) { s.enableDebug = "no" })
	c := h.connect()
	for _, line := range []string{"CLOCK GET", "CLOCK FREEZE", "CLOCK ADVANCE 1", "CLOCK SET 1", "CLOCK RUN", "CLOCK REAL"} {
		if got := c.do(line); !strings.HasPrefix(got, "-ERR CLOCK command not allowed. If the enable-debug-command option") {
			t.Errorf("%s: %s", line, got)
		}
	}
	if h.log.Last() != 0 {
		t.Error("something was logged")
	}
}

// TestTimesTakenAreTheWallClocks: how long a command took is no matter of CLOCK.
func TestTimesTakenAreTheWallClocks(t *testing.T) {
	h := newHarness(t, setup{})
	h.configure(func(s *settings) { s.slowFrom = 1 })
	c := h.connect()
	c.do("CLOCK FREEZE", "CLOCK ADVANCE 3600000", "CLOCK RUN 1000000", "CLOCK SET 2020-01-01T00:00:00Z", "PING")
	c.want(":0", "SLOWLOG LEN")
	if info := c.do("INFO commandstats"); !strings.Contains(info, "cmdstat_clock|advance:calls=1,usec=0,") {
		t.Error(info)
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
