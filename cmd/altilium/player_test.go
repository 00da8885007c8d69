package main

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/engine"
)

// newTestPlayer gives a player on an empty directory.
func newTestPlayer(t *testing.T) (*player, *log.Log) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "d")
	if err := prepareDir(dir); err != nil {
		t.Fatal(err)
	}
	rec, err := replay.Recover(dir, replay.Options{Log: log.Options{Policy: log.No}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rec.Log.Close(false) })
	p := newPlayer()
	p.engine = engine.New(p.options(engine.Options{}))
	p.engine.Ready(rec.Log, rec.State)
	return p, rec.Log
}

func stepOf(conn uint64, clock int64, words ...string) resp.Step {
	s := resp.Step{Kind: resp.StepCommand, Conn: conn, Clock: clock}
	for _, w := range words {
		s.Args = append(s.Args, []byte(w))
	}
	return s
}

// TestPlayer: connections are apart, the clock and the seeds are the steps', and
// nothing else is: the same steps give the same replies again.
func TestPlayer(t *testing.T) {
	const t0 = 1_800_000_000_000_000 // µs since 1970
	run := func() (replies []string) {
		p, l := newTestPlayer(t)
		do := func(s resp.Step) {
			got, err := p.Command(s)
			if err != nil {
				t.Fatal(err)
			}
			replies = append(replies, string(got))
		}
		for id := uint64(7); id <= 8; id++ {
			if err := p.Connect(resp.Step{Conn: id, Clock: t0, Addr: "127.0.0.1:9"}); err != nil {
				t.Fatal(err)
			}
		}
		do(stepOf(7, t0, "CLIENT", "ID"))
		do(stepOf(8, t0, "CLIENT", "ID"))
		do(stepOf(7, t0, "MULTI"))
		do(stepOf(7, t0, "SET", "k", "v", "PX", "100"))
		do(stepOf(8, t0, "GET", "k"))
		do(stepOf(7, t0, "EXEC"))
		do(stepOf(8, t0+50_000, "PTTL", "k"))
		before := l.Last()
		if err := p.Tick(resp.Step{Clock: t0 + 200_000}); err != nil {
			t.Fatal(err)
		}
		if l.Last() != before+1 {
			t.Errorf("the tick after the key's time made %d entries", l.Last()-before)
		}
		do(stepOf(8, t0+200_000, "TIME"))
		do(stepOf(8, t0+200_000, "HSET", "h", "a", "1", "b", "2", "c", "3", "d", "4"))
		random := stepOf(8, t0+200_000, "HRANDFIELD", "h", "-9")
		random.Seed = 42
		do(random)
		if err := p.Disconnect(resp.Step{Conn: 7, Clock: t0}); err != nil {
			t.Fatal(err)
		}
		return replies
	}
	first, second := run(), run()
	want := []string{":7\r\n", ":8\r\n", "+OK\r\n", "+QUEUED\r\n", "$-1\r\n", "*1\r\n+OK\r\n", ":50\r\n",
		"*2\r\n$10\r\n1800000000\r\n$6\r\n200000\r\n", ":4\r\n"}
	for i, w := range want {
		if first[i] != w {
			t.Errorf("reply %d is %q, want %q", i, first[i], w)
		}
	}
	for i := range first {
		if first[i] != second[i] {
			t.Errorf("reply %d is %q, and %q the second time", i, first[i], second[i])
		}
	}
}

// TestPlayerRefuses what no recording of ours holds.
func TestPlayerRefuses(t *testing.T) {
	p, _ := newTestPlayer(t)
	if _, err := p.Command(stepOf(3, 1, "PING")); !errors.Is(err, errUnknownConn) {
		t.Errorf("a command of no connection: %v", err)
	}
	if err := p.Disconnect(resp.Step{Conn: 3}); !errors.Is(err, errUnknownConn) {
		t.Errorf("the end of no connection: %v", err)
	}
}
