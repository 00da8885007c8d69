package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
)

// wait runs what is posted until the client's session has its reply.
func (c *client) wait() string {
	c.h.t.Helper()
	for c.resumed == 0 {
		c.h.post()
	}
	c.resumed = 0
	c.s.Run(nil, &c.out)
	c.h.e.Commit()
	return flat(c.take())
}

// TestReload: the checkpoint is of the offset at which it was asked for, others
// go on meanwhile, and what memory is afterwards comes from the log.
func TestReload(t *testing.T) {
	var asked uint64
	release := make(chan struct{})
	h := newHarness(t, setup{change: func(o *Options) {
		o.Checkpoint = func(offset, digest uint64) (CheckpointResult, error) {
			asked = offset
			<-release
			return CheckpointResult{Offset: offset, Digest: digest}, nil
		}
	}})
	a, b := h.connect(), h.connect()
	a.do("SET k v", "SET t v PX 5000", "HSET h f v")
	before := h.e.state
	if got := a.do("DEBUG RELOAD"); got != "" || !a.s.Waiting() {
		t.Fatalf("answered %q at once", got)
	}
	b.want("+OK :4", "SET while going-on", "LOG OFFSET")
	b.want("-ERR Background save already in progress", "DEBUG RELOAD")
	b.want("-ERR Background save already in progress", "DEBUG LOADAOF")
	digest := b.do("DEBUG DIGEST")
	close(release)
	if got := a.wait(); got != "+OK" {
		t.Fatalf("answered %q", got)
	}
	if h.e.state == before {
		t.Error("the state is the old one")
	}
	if asked != 3 || h.e.checkpoint.made != 1 {
		t.Errorf("the checkpoint is of @%d, %d were made", asked, h.e.checkpoint.made)
	}
	if again := b.do("DEBUG DIGEST"); again != digest {
		t.Errorf("the digest was %q and is %q", digest, again)
	}
	b.want("$8 going-on :5000", "GET while", "PTTL t")
	h.check()
}

// TestReloadFindsDifferences: a rebuilt state that differs is not taken, and
// the client is told.
func TestReloadFindsDifferences(t *testing.T) {
	wrong := func(change func(*state.State)) func(*log.Log) (*state.State, error) {
		return func(l *log.Log) (*state.State, error) {
			st, err := replayLog(l)
			change(st)
			return st, err
		}
	}
	another := func(st *state.State) {
		rec := state.Record{}
		st.Export(0, 0, func(r state.Record) bool { rec = r; return false })
		rec.Key = []byte("another")
		_ = st.Import(0, rec)
	}
	for name, rebuild := range map[string]func(*log.Log) (*state.State, error){
		"a key too many": wrong(another),
		"nothing":        func(*log.Log) (*state.State, error) { return state.New(0), nil },
		"an error":       func(*log.Log) (*state.State, error) { return nil, errors.New("the disk is gone") },
	} {
		h := newHarness(t, setup{change: func(o *Options) { o.Rebuild = rebuild }})
		c := h.connect()
		c.do("SET k v")
		c.do("DEBUG LOADAOF")
		if got := c.wait(); !strings.HasPrefix(got, "-ERR Error trying to load the data: ") {
			t.Errorf("%s: answered %q", name, got)
		}
		c.want("$1 v", "GET k")
	}
}

func TestReloadAfterAFailedCheckpoint(t *testing.T) {
	h := newHarness(t, setup{change: func(o *Options) {
		o.Checkpoint = func(uint64, uint64) (CheckpointResult, error) { return CheckpointResult{}, errors.New("no space") }
	}})
	c := h.connect()
	c.do("SET k v", "DEBUG RELOAD")
	if got := c.wait(); got != "-ERR the checkpoint failed: no space" {
		t.Errorf("answered %q", got)
	}
	c.want("+OK $1 v", "SET j v", "GET k")
}

// TestReloadInAFailedTurn: nothing is reloaded, and the client is told as
// everybody is.
func TestReloadInAFailedTurn(t *testing.T) {
	broken := false
	h := newHarness(t, setup{faults: &log.Faults{Write: func([]byte) (int, error) {
		if broken {
			return 0, errors.New("no space")
		}
		return 0, nil
	}}})
	c := h.connect()
	broken = true
	if got := c.do("SET k v", "DEBUG LOADAOF"); strings.Count(got, "-MISCONF") != 2 || c.s.Waiting() {
		t.Errorf("answered %q, waiting %v", got, c.s.Waiting())
	}
}

// TestReloadOfOneWhoLeaves: his session is gone when the reply is known.
func TestReloadOfOneWhoLeaves(t *testing.T) {
	h := newHarness(t, setup{change: func(o *Options) {
		o.Checkpoint = func(offset, digest uint64) (CheckpointResult, error) {
			return CheckpointResult{Offset: offset, Digest: digest}, nil
		}
	}})
	a, b := h.connect(), h.connect()
	a.do("SET k v", "DEBUG RELOAD")
	a.s.Closed()
	h.post()
	if a.resumed != 0 {
		t.Error("a closed connection was resumed")
	}
	b.want("$1 v", "GET k")
}

// TestReloadOfAPlayer: without anything to rebuild from it is answered as if it
// had been done.
func TestReloadOfAPlayer(t *testing.T) {
	h := newHarness(t, setup{change: func(o *Options) { o.Rebuild, o.Post = nil, nil }})
	c := h.connect()
	c.want("+OK +OK +OK +OK", "SET k v", "DEBUG RELOAD", "DEBUG LOADAOF", "DEBUG SLEEP 3600")
}

func TestDebugRights(t *testing.T) {
	for _, test := range []struct {
		setting, addr string
		allowed       bool
	}{
		{"local", "127.0.0.1:1", true}, {"local", "[::1]:1", true}, {"local", "@", true}, {"local", "10.0.0.1:1", false},
		{"yes", "10.0.0.1:1", true}, {"no", "127.0.0.1:1", false}, {"no", "10.0.0.1:1", false},
	} {
		h := newHarness(t, setup{})
		h.configure(func(s *settings) { s.enableDebug, s.protectedMode = test.setting, false })
		c := &client{h: h, addr: test.addr}
		c.s, _ = h.e.Open(c)
		got := flat(c.do("DEBUG SLEEP 0"))
		if (got == "+OK") != test.allowed || !test.allowed && !strings.HasPrefix(got, "-ERR DEBUG command not allowed") {
			t.Errorf("%s for %s: %q", test.setting, test.addr, got)
		}
	}
}

func TestLeadingInt(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "x": 0, "1": 1, "0": 0, " 12x": 12, "-3": -3, "+4": 4, "-": 0, "--1": 0, "1-2": 1} {
		if got := leadingInt(text); got != want {
			t.Errorf("%q is %d, not %d", text, got, want)
		}
	}
}
