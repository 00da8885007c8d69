package engine

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
)

// maker stands in for compaction: it does what the test tells it.
type maker struct {
	offset, digest uint64
	calls          int
	result         chan func() (CheckpointResult, error)
}

func (m *maker) options(o *Options) {
	m.result = make(chan func() (CheckpointResult, error), 8)
	o.Checkpoint = func(offset, digest uint64) (CheckpointResult, error) {
		f := <-m.result
		m.offset, m.digest = offset, digest
		m.calls++
		return f()
	}
}

// good answers the next request with a right checkpoint.
func (m *maker) good() {
	m.result <- func() (CheckpointResult, error) {
		return CheckpointResult{Offset: m.offset, Digest: m.digest, Keys: 1}, nil
	}
}

// TestSaveWaits: SAVE is answered when the checkpoint is done, holds only its
// own connection up, and covers what that connection has written before.
func TestSaveWaits(t *testing.T) {
	var m maker
	h := newHarness(t, setup{change: m.options})
	a, b := h.connect(), h.connect()
	if n := a.s.Run([][][]byte{words("SET k v"), words("SAVE"), words("GET k")}, &a.out); n != 2 {
		t.Fatalf("Run consumed %d commands, not 2", n)
	}
	h.e.Commit()
	if got := flat(a.take()); got != "+OK" || !a.s.Waiting() {
		t.Fatalf("answered %q, waiting: %v", got, a.s.Waiting())
	}
	b.want("+OK", "SET k w")
	b.want("-ERR Background save already in progress", "SAVE")
	b.want("-ERR Background save already in progress", "BGSAVE")
	m.good()
	h.advance(1e9)
	h.post()
	if a.resumed != 1 || m.offset != 1 {
		t.Fatalf("resumed %d times after a checkpoint at %d", a.resumed, m.offset)
	}
	a.want("+OK $1 w", "GET k")
	if a.s.Waiting() {
		t.Fatal("still waiting")
	}
	b.want(":1767225601", "LASTSAVE")
}

func TestFailedSave(t *testing.T) {
	var m maker
	h := newHarness(t, setup{change: m.options})
	c := h.connect()
	c.do("SET k v")
	c.do("SAVE")
	m.result <- func() (CheckpointResult, error) { return CheckpointResult{}, errors.New("disk full") }
	h.post()
	if got := flat(c.do()); got != "-ERR the checkpoint failed: disk full" {
		t.Fatalf("answered %q", got)
	}
	c.want(":1767225600", "LASTSAVE")
}

// TestCheckpointThatDiffers: a checkpoint with another digest than the live
// state had is shouted about.
func TestCheckpointThatDiffers(t *testing.T) {
	var m maker
	h := newHarness(t, setup{change: m.options})
	c := h.connect()
	c.do("SET k v")
	c.do("SAVE")
	m.result <- func() (CheckpointResult, error) {
		return CheckpointResult{Offset: m.offset, Digest: m.digest + 1}, nil
	}
	h.post()
	if got := c.do(); !strings.Contains(got, "differs from the live state") || !h.e.checkpoint.differs {
		t.Fatalf("answered %q", got)
	}
}

func TestBackgroundSave(t *testing.T) {
	var m maker
	h := newHarness(t, setup{change: m.options})
	c := h.connect()
	c.want("-ERR syntax error", "BGSAVE SOON")
	c.want("+Background saving started", "BGSAVE")
	c.want("+Background append only file rewriting scheduled", "BGREWRITEAOF")
	c.want("+OK +QUEUED *1 -ERR Background save already in progress", "MULTI", "BGSAVE", "EXEC")
	m.good()
	h.post()
	m.good()
	h.post() // the scheduled one
	if m.calls != 2 || h.e.checkpoint.running {
		t.Fatalf("%d checkpoints, running: %v", m.calls, h.e.checkpoint.running)
	}
}

func TestBackgroundRewrite(t *testing.T) {
	var m maker
	h := newHarness(t, setup{change: m.options})
	c := h.connect()
	c.want("+Background append only file rewriting started", "BGREWRITEAOF")
	c.want("-ERR Background append only file rewriting already in progress", "BGREWRITEAOF")
	c.want("-ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.", "BGSAVE")
	c.want("+Background saving scheduled", "BGSAVE SCHEDULE")
	m.good()
	h.post()
	m.good()
	h.post() // the scheduled one
	if m.calls != 2 || h.e.checkpoint.running {
		t.Fatalf("%d checkpoints, running: %v", m.calls, h.e.checkpoint.running)
	}
	c.want("+OK +QUEUED *1 +Background saving scheduled", "MULTI", "BGSAVE", "EXEC")
	m.good()
	h.post()
}

// TestCheckpointByGrowth: the log's growth since the last checkpoint is what
// makes the next one.
func TestCheckpointByGrowth(t *testing.T) {
	var m maker
	h := newHarness(t, setup{change: m.options})
	h.configure(func(s *settings) { s.growth = 1000 })
	c := h.connect()
	c.do("SET k v")
	h.e.Tick()
	if h.e.checkpoint.running {
		t.Fatal("a checkpoint after one small entry")
	}
	for range 50 {
		c.do("SET k v")
	}
	h.e.Tick()
	m.good()
	h.post()
	if m.calls != 1 || m.offset != 51 {
		t.Fatalf("%d checkpoints, the last at %d", m.calls, m.offset)
	}
	h.e.Tick()
	if h.e.checkpoint.running {
		t.Fatal("another checkpoint without growth")
	}
}

// evenPace is a Pace that always says the same.
type evenPace struct{ spacing uint64 }

func (p evenPace) Spacing(int, int64) uint64 { return p.spacing }

func (p evenPace) Opening(_ *log.Manifest, last uint64) (worst, typical time.Duration) {
	return time.Duration(last) * time.Second, time.Second
}

// TestCheckpointBySpacing: entries since the last checkpoint make the next one, but not
// before the last has been rested from: here it took a second.
func TestCheckpointBySpacing(t *testing.T) {
	var m maker
	h := newHarness(t, setup{change: func(o *Options) { m.options(o); o.Pace = evenPace{10} }})
	c := h.connect()
	set := func(n int) {
		for range n {
			c.do("SET k v")
		}
		h.e.Tick()
	}
	set(10)
	if h.e.checkpoint.running {
		t.Fatal("a checkpoint before the spacing")
	}
	set(1)
	h.advance(1e9)
	m.good()
	h.post()
	if m.calls != 1 || m.offset != 11 {
		t.Fatalf("%d checkpoints, the last at %d", m.calls, m.offset)
	}
	h.advance(8_900_000_000)
	set(50)
	if h.e.checkpoint.running {
		t.Fatal("the next one within nine times as long as the last one took")
	}
	if got := c.do("INFO altilium"); !strings.Contains(got, "checkpoint_spacing:10\r\nopen_worst_msec:61000\r\nopen_typical_msec:1000\r\n") {
		t.Errorf("INFO tells %s", got)
	}
	h.advance(200_000_000)
	set(0)
	m.good()
	h.post()
	if m.calls != 2 || m.offset != 61 {
		t.Fatalf("%d checkpoints, the last at %d", m.calls, m.offset)
	}
	h.configure(func(s *settings) { s.growth = 0 })
	h.advance(1e12)
	set(50)
	if h.e.checkpoint.running {
		t.Fatal("a checkpoint that nobody asked for")
	}
}

func TestSaveInAFailedTurn(t *testing.T) {
	var m maker
	d := &brokenDisk{}
	h := newHarness(t, setup{change: m.options, faults: d.faults()})
	c := h.connect()
	d.full.Store(true)
	c.s.Run([][][]byte{words("SET k v"), words("SAVE")}, &c.out)
	h.e.Commit()
	if got := flat(c.take()); got != misconf+" "+misconf || c.s.Waiting() {
		t.Fatalf("answered %q, waiting: %v", got, c.s.Waiting())
	}
	h.post()
	c.want(misconf, "SAVE")
	h.healed(d, c)
	if h.e.checkpoint.running || len(h.e.checkpoint.savers) > 0 {
		t.Fatal("the SAVE of the failed turn goes on")
	}
}

func TestSaveOfAClosedConnection(t *testing.T) {
	var m maker
	h := newHarness(t, setup{change: m.options})
	c := h.connect()
	c.do("SAVE")
	c.s.Closed()
	m.good()
	h.post()
	if c.resumed != 0 {
		t.Fatal("a closed connection was resumed")
	}
}

func TestWithoutCheckpoints(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	h.advance(5e9)
	c.want("+OK +Background saving started +Background append only file rewriting started", "SAVE", "BGSAVE", "BGREWRITEAOF")
	c.want(":1767225605", "LASTSAVE")
}

// TestShutdown: without a reply, after the turn's Commit.
func TestShutdown(t *testing.T) {
	for _, line := range []string{"SHUTDOWN", "SHUTDOWN NOSAVE", "shutdown now force nosave"} {
		var why string
		var last uint64
		var h *harness
		h = newHarness(t, setup{change: func(o *Options) {
			o.Shutdown = func(reason string) { why, last = reason, h.log.Last() }
		}})
		c := h.connect()
		if n := c.s.Run([][][]byte{words("SET k v"), words(line), words("SET k w")}, &c.out); n != 2 || why != "" {
			t.Fatalf("%s: Run consumed %d; stopped: %q", line, n, why)
		}
		h.e.Commit()
		if got := flat(c.take()); got != "+OK" || why != "SHUTDOWN from 127.0.0.1:40001" || last != 1 {
			t.Fatalf("%s: answered %q, stopped because of %q at %d", line, got, why, last)
		}
	}
}

func TestShutdownSave(t *testing.T) {
	var m maker
	stopped := 0
	h := newHarness(t, setup{change: func(o *Options) {
		m.options(o)
		o.Shutdown = func(string) { stopped++ }
	}})
	a, b := h.connect(), h.connect()
	a.do("SHUTDOWN SAVE")
	m.result <- func() (CheckpointResult, error) { return CheckpointResult{}, errors.New("disk full") }
	h.post()
	if got := flat(a.do()); got != "-"+errShutdown || stopped != 0 {
		t.Fatalf("answered %q, stopped %d times", got, stopped)
	}
	a.do("SHUTDOWN SAVE")
	b.want("+OK", "SHUTDOWN ABORT")
	if got := flat(a.do()); got != "-"+errShutdown {
		t.Fatalf("answered %q", got)
	}
	m.good()
	h.post()
	if stopped != 0 {
		t.Fatal("an aborted shutdown went on")
	}
	a.do("SHUTDOWN SAVE")
	m.good()
	h.post()
	if stopped != 1 {
		t.Fatalf("stopped %d times", stopped)
	}
}
