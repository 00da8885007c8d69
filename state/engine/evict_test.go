package engine

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
)

// fillUp writes keys of 1 KiB, each in a turn of its own.
func (c *client) fillUp(from, to int) {
	c.h.t.Helper()
	value := strings.Repeat("x", 1024)
	for i := from; i < to; i++ {
		c.want("+OK", fmt.Sprintf("SET key:%d %s", i, value))
	}
}

// TestEviction: keys go, each by an entry with its reason, so that what is there stays
// below the limit; the log says the same.
func TestEviction(t *testing.T) {
	for p := state.AllKeysLRU; p <= state.VolatileTTL; p++ {
		h := newHarness(t, setup{})
		c := h.connect()
		c.fillUp(0, 100)
		for i := range 100 {
			c.want(":1", fmt.Sprint("PEXPIREAT key:", i, " ", startMS+1_000_000+i))
		}
		limit := h.e.state.Used()
		c.want("+OK", fmt.Sprint("CONFIG SET maxmemory ", limit, " maxmemory-policy ", p))
		c.fillUp(100, 150)
		if used := h.e.state.Used(); used > limit+2048 {
			t.Errorf("%v: %d bytes are used, the limit is %d", p, used, limit)
		}
		if n := h.e.counters.evicted; n < 45 || n > 100 {
			t.Errorf("%v: %d keys were evicted for 50", p, n)
		}
		if p == state.VolatileTTL {
			c.want(":0", "EXISTS key:0 key:1 key:2")
			if got, want := h.entry(202), "db 0 conn 0 | Delete key:0 evicted"; got != want {
				t.Errorf("the entry is %s", got)
			}
		}
		if info := c.do("INFO stats"); !strings.Contains(info, fmt.Sprint("evicted_keys:", h.e.counters.evicted, "\r\n")) {
			t.Errorf("%v: INFO says %s", p, info)
		}
		h.check()
	}
}

// TestFullMemory: where nothing can be evicted, what needs memory is refused, what gives
// some back is not; a transaction that needs some is refused whole.
func TestFullMemory(t *testing.T) {
	const oom = "-" + oomText
	for _, policy := range []string{"noeviction", "volatile-lru"} {
		h := newHarness(t, setup{})
		c, other := h.connect(), h.connect()
		c.fillUp(0, 100)
		other.want("+OK +QUEUED", "MULTI", "SET k v")
		c.want("+OK", fmt.Sprint("CONFIG SET maxmemory ", h.e.state.Used()-10*1024, " maxmemory-policy ", policy))
		c.want(oom, "SET k v")
		c.want(oom, "APPEND key:1 x")
		c.want("$-1", "GET k")
		c.want("+OK "+oom+" "+oom+" -EXECABORT Transaction discarded because of previous errors.", "MULTI", "SET k v", "GET k", "EXEC")
		other.want("-EXECABORT Transaction discarded because of: "+oomText, "EXEC")
		c.want("-ERR unknown command 'NOSUCH', with args beginning with: 'x'", "NOSUCH x")
		var names []string
		for i := range 12 {
			names = append(names, fmt.Sprint("key:", i))
		}
		c.want(":12", "DEL "+strings.Join(names, " "))
		c.want("+OK", "SET k v")
		c.want("+OK +QUEUED *1 +OK", "MULTI", "SET k v", "EXEC")
		c.want("+OK", "CONFIG SET maxmemory 1")
		c.want(oom, "SET k v")
		c.want("+OK", "CONFIG SET maxmemory 0")
		c.want("+OK", "SET k v")
		h.check()
	}
}

// TestLimitLowered: no command and no Tick evicts more than a bounded number of keys, and
// Ticks go on until it is enough.
func TestLimitLowered(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	c.fillUp(0, 1000)
	c.want("+OK", fmt.Sprint("CONFIG SET maxmemory ", h.e.state.Used()/4, " maxmemory-policy allkeys-random"))
	c.want("+PONG", "PING")
	if n := h.e.counters.evicted; n != evictPerTurn {
		t.Errorf("a command evicted %d keys", n)
	}
	ticks := 0
	for ; h.e.Tick() == againSoon; ticks++ {
		if ticks > 10 {
			t.Fatal("the Ticks do not end")
		}
	}
	if used := h.e.state.Used(); used > h.e.memory.limit || ticks < 2 {
		t.Errorf("after %d Ticks %d bytes are used, the limit is %d", ticks, used, h.e.memory.limit)
	}
	h.check()
}

// TestEvictionsAreReplayed: which key goes depends on what the process remembers of
// accesses, so a recording says it, and when memory was full.
func TestEvictionsAreReplayed(t *testing.T) {
	for seed := range uint64(6) {
		var p tape
		h := newHarness(t, setup{change: p.options})
		r := rand.New(rand.NewPCG(seed, 9))
		h.seed = seed << 32
		clients := []*client{h.connect(), h.connect()}
		empty := h.e.state.Used()
		clients[0].want("+OK", fmt.Sprint("CONFIG SET maxmemory ", empty+300, " maxmemory-policy ", []string{"allkeys-lru", "noeviction", "volatile-lfu"}[seed%3]))
		clients[0].want("+OK", "RECORD START x")
		randomTurns(h, r, clients, 400)
		h.connect().do("RECORD STOP")
		kinds := map[resp.StepKind]int{}
		for _, s := range p.steps {
			kinds[s.Kind]++
		}
		if seed%3 == 0 && kinds[resp.StepEvict] == 0 || seed%3 == 1 && kinds[resp.StepFull] == 0 {
			t.Errorf("nothing was evicted or refused: %v", kinds)
		}
		if diverged := playTape(t, h, &p); diverged > 0 {
			t.Fatalf("seed %d: %d of %d steps diverged", seed, diverged, len(p.steps))
		}
	}
}

// TestPlayEvictionRefuses what no recording of ours has.
func TestPlayEvictionRefuses(t *testing.T) {
	h := newHarness(t, setup{})
	for _, args := range []string{"", "0", "x k", "16 k", "-1 k"} {
		if err := h.e.PlayEviction(resp.Step{Kind: resp.StepEvict, Args: words(args)}); err == nil {
			t.Errorf("%q is taken for an eviction", args)
		}
	}
	if err := h.e.PlayEviction(resp.Step{Kind: resp.StepEvict, Args: words("3 nosuch")}); err != nil {
		t.Error(err)
	}
}

// TestRestoredAccesses: RESTORE says when a key was accessed last, or how often, in the way
// in which accesses are noted, and the log says nothing of it.
func TestRestoredAccesses(t *testing.T) {
	const five = "'\x00\xc0\x05\x0a\x00c/_f\x83/\xb3Q'"
	h := newHarness(t, setup{})
	c := h.connect()
	c.want("+OK", "RESTORE k 0 "+five+" IDLETIME 1000")
	c.want(":1000", "OBJECT IDLETIME k")
	c.want("+OK", "RESTORE k 0 "+five+" REPLACE FREQ 100")
	c.want(":0", "OBJECT IDLETIME k")
	c.want("+OK", "RESTORE k 0 "+five+" REPLACE IDLETIME 9223372036854775807")
	c.want(":8388608", "OBJECT IDLETIME k") // longer is not told from the future
	c.want("+OK +QUEUED +QUEUED *2 +OK :77", "MULTI", "RESTORE l 0 "+five+" IDLETIME 77", "OBJECT IDLETIME l", "EXEC")
	c.want("-BUSYKEY Target key name already exists.", "RESTORE l 0 "+five+" IDLETIME 1")
	c.want(":0", "OBJECT IDLETIME l") // it was looked up, as in Redis

	c.want("+OK", "CONFIG SET maxmemory-policy allkeys-lfu lfu-decay-time 0")
	c.want("+OK", "RESTORE k 0 "+five+" REPLACE FREQ 200")
	c.want(":200", "OBJECT FREQ k")
	c.want("+OK", "RESTORE k 0 "+five+" REPLACE IDLETIME 5")
	c.want(":5", "OBJECT FREQ k")
	c.want("+OK", "RESTORE gone 1 "+five+" ABSTTL FREQ 7")
	c.want("-ERR no such key", "RENAME gone other")
	h.check()
}
