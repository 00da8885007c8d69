package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
)

// TestTickRemovesDueKeys: each due key goes by an entry of its own, which says
// that nobody asked for it, and Tick knows when the next one is due.
func TestTickRemovesDueKeys(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	c.do("SET a 1 PX 30", "SET b 1 PX 20", "SET c 1 PX 70", "SET d 1")
	if next := h.e.Tick(); next != 20*time.Millisecond {
		t.Errorf("with a key due in 20 ms the next Tick is in %v", next)
	}
	h.advance(31 * time.Millisecond)
	if next := h.e.Tick(); next != 39*time.Millisecond {
		t.Errorf("with a key due in 39 ms the next Tick is in %v", next)
	}
	if got, want := h.entry(5)+" / "+h.entry(6), "db 0 conn 0 | Delete b expired / db 0 conn 0 | Delete a expired"; got != want {
		t.Errorf("the entries are %s", got)
	}
	h.advance(time.Hour)
	if next := h.e.Tick(); next != maxTick {
		t.Errorf("with nothing to expire the next Tick is in %v", next)
	}
	c.want(":1", "DBSIZE")
	if h.e.counters.expired != 3 {
		t.Errorf("%d expired keys counted", h.e.counters.expired)
	}
	h.check()
}

func TestTickIsBounded(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	for i := range expirePerTick + 500 {
		c.do(fmt.Sprintf("SET key:%d v PX 1", i))
	}
	h.advance(time.Second)
	if next := h.e.Tick(); next != againSoon {
		t.Errorf("with work left the next Tick is in %v", next)
	}
	c.want(":500", "DBSIZE")
	h.e.Tick()
	c.want(":0", "DBSIZE")
	h.check()
}

// TestClockPutBack: keys live by the wall clock, entries never go back in time,
// and the log replays to the same state.
func TestClockPutBack(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	c.do("SET before v PX 60000", "SET gone v PX 1")
	h.advance(time.Second)
	h.e.Tick()
	noon := h.log.LastTime()
	h.advance(-time.Hour)
	h.e.Tick()
	c.want("$1 v :3659000 $-1", "GET before", "PTTL before", "GET gone")
	c.want("+OK +OK", "SET after v PX 10", "SET stays v")
	if h.log.LastTime() != noon {
		t.Errorf("the log's time went from %d to %d", noon, h.log.LastTime())
	}
	h.advance(11 * time.Millisecond)
	h.e.Tick()
	c.want("$-1 $1 v $1 v", "GET after", "GET before", "GET stays")
	h.advance(2 * time.Hour)
	h.e.Tick()
	c.want("$-1 :1", "GET before", "DBSIZE")
	c.want("+OK", "SET late v")
	last := int64(0)
	if err := eachEntry(h.log, func(en log.Entry) error {
		if en.Time < last {
			t.Errorf("@%d is of %d, the entry before it of %d", en.Offset, en.Time, last)
		}
		last = en.Time
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if last != h.clock {
		t.Errorf("the last entry is of %d, the clock shows %d", last, h.clock)
	}
	h.check()
}

func TestInactiveExpiry(t *testing.T) {
	h := newHarness(t, setup{})
	h.e.expiry.active = false
	c := h.connect()
	c.do("SET k v PX 10", "SET l v PX 10")
	h.advance(time.Second)
	h.e.Tick()
	c.want(":2", "DBSIZE")
	c.want("$-1", "GET k")
	c.want(":1", "DBSIZE") // a named key goes all the same
	h.check()
}

// TestNamedDueKeysGoFirst: before a command is decided, the due keys that it
// names are removed, by entries of their own.
func TestNamedDueKeysGoFirst(t *testing.T) {
	table := []struct{ command, want string }{
		{"GET k", "db 0 conn 0 | Delete k expired"},
		{"EXISTS k k l", "db 0 conn 0 | Delete k expired"},
		{"APPEND k x", "db 0 conn 0 | Delete k expired, db 0 conn 1 APPEND | String k"},
		{"RENAME l k", "db 0 conn 0 | Delete k expired, db 0 conn 1 RENAME | Rename l"},
		{"HGET k f", "db 0 conn 0 | Delete k expired"},
		{"MOVE m 2", "db 2 conn 0 | Delete m expired, db 0 conn 1 MOVE | Move m"},
		{"COPY l m DB 2", "db 2 conn 0 | Delete m expired, db 0 conn 1 COPY | Copy l"},
		{"GET l", ""},
		{"PING", ""},
	}
	for _, x := range table {
		t.Run(x.command, func(t *testing.T) {
			h := newHarness(t, setup{})
			c := h.connect()
			c.do("SET k v PX 10", "SET l v", "SET m v", "SELECT 2", "SET m v PX 10", "SELECT 0")
			from := h.log.Last()
			h.advance(10 * time.Millisecond)
			c.do(x.command)
			got := ""
			for o := from + 1; o <= h.log.Last(); o++ {
				if got != "" {
					got += ", "
				}
				got += h.entry(o)
			}
			if got != x.want {
				t.Errorf("the log says %q, not %q", got, x.want)
			}
			h.check()
		})
	}
}

// TestTickOfAFarExpiry: a key that expires in more years than a time.Duration has does
// not make the loop tick for nothing.
func TestTickOfAFarExpiry(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	for _, at := range []string{"20000000000000", "99999999999999", "9223372036854775000"} {
		c.do("SET a 1 PXAT " + at)
		if next := h.e.Tick(); next != maxTick {
			t.Errorf("with a key due at %s ms the next Tick is in %v", at, next)
		}
	}
	h.check()
}
