package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/state"
)

// TestReadyAt: an engine on a moment of the past reads as the one that wrote, with the
// clock of then, and changes nothing.
func TestReadyAt(t *testing.T) {
	h := newHarness(t, setup{})
	w := h.connect()
	w.do("SET k v PX 5000", "SADD s a b c", "PFADD p x y")
	at := Moment{Offset: h.e.last, Time: h.clock, Clock: h.clock}
	st, err := replayLog(h.log)
	if err != nil {
		t.Fatal(err)
	}
	digest := st.Digest()
	h.advance(time.Hour)

	past := &harness{t: t, dir: h.dir, log: h.log, clock: h.clock}
	past.e = New(Options{Clock: func() int64 { return past.clock }})
	c := past.connect()
	c.want("-LOADING Redis is loading the dataset in memory", "GET k")
	past.e.ReadyAt(st, at)
	c.want("$1 v", "GET k")
	c.want(":5000", "PTTL k")
	c.want(":3", "SCARD s")
	c.want(":3", "LOG OFFSET")
	c.want("*2 $10 1767225600 $1 0", "TIME")
	c.want(":2", "PFCOUNT p") // what it finds out is not kept
	for _, write := range []string{"SET k w", "SPOP s", "FLUSHALL", "EXPIRE k 1", "DEL k", "SAVE", "BGSAVE", "BGREWRITEAOF", "BLPOP l 0"} {
		if got := c.do(write); !strings.HasPrefix(got, "-ASOFRO this server shows the past at @3, which is read-only") {
			t.Errorf("%s: %s", write, got)
		}
	}
	c.want("+OK +QUEUED *1 $1 v", "MULTI", "GET k", "EXEC")
	if got := flat(c.do("MULTI", "SET k w", "GET k", "EXEC")); !strings.HasPrefix(got, "+OK -ASOFRO") || !strings.Contains(got, "-EXECABORT") {
		t.Errorf("a transaction that writes: %s", got)
	}
	for range 3 { // nothing that is due goes
		past.advance(time.Hour)
		past.e.Tick()
	}
	c.want("$1 v", "GET k")
	if got := st.Digest(); got != digest || st.RecomputeDigest() != digest {
		t.Errorf("the state has digest %016x, it had %016x", got, digest)
	}

	// What blocks goes by the clock of the server.
	c.run("XREAD BLOCK 1000 STREAMS nosuch 0")
	past.e.Commit()
	if got := c.take(); got != "" {
		t.Errorf("it does not wait: %q", got)
	}
	past.advance(2 * time.Second)
	past.e.Tick()
	if c.s.(*Session).waiter != nil {
		t.Error("it waits on after its time")
	}
	h.check()

	// Another moment.
	past.e.ReadyAt(state.New(0), Moment{})
	d := past.connect()
	d.want(":0", "DBSIZE")
	d.want(":0", "LOG OFFSET")
}
