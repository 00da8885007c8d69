package past

import (
	"path/filepath"
	"testing"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/engine"
)

// epoch is the clock of a new world, in µs: 2026-01-01T00:00:00Z.
const epoch = 1_767_225_600_000_000

// world is a server without sockets: commands are typed into it, and become its log.
type world struct {
	t     testing.TB
	dir   string
	log   *log.Log
	e     *engine.Engine
	s     resp.Session
	clock int64
	table *command.Table
}

func newWorld(t testing.TB) *world { return newWorldOf(t, 2000) }

// newWorldOf makes one whose log has segments of so many bytes.
func newWorldOf(t testing.TB, segment int64) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "data"), clock: epoch, table: command.NewTable()}
	rec, err := replay.Recover(w.dir, replay.Options{Create: true, Log: log.Options{SegmentSize: segment, Policy: log.No}})
	if err != nil {
		t.Fatal(err)
	}
	w.log = rec.Log
	t.Cleanup(func() { rec.Log.Close(false) })
	w.e = engine.New(engine.Options{Clock: func() int64 { return w.clock }, Seed: func() uint64 { return 1 }})
	w.e.Ready(rec.Log, rec.State)
	if w.s, err = w.e.Open(peer{}); err != nil {
		t.Fatal(err)
	}
	return w
}

// do carries out commands, a turn each, and gives the last reply.
func (w *world) do(lines ...string) (reply string) {
	w.t.Helper()
	for _, line := range lines {
		args, err := resp.SplitWords([]byte(line))
		if err != nil {
			w.t.Fatal(err)
		}
		var out resp.Writer
		w.s.Run([][][]byte{args}, &out)
		w.e.Commit()
		reply = string(out.Bytes())
	}
	return reply
}

func (w *world) checkpoint(at uint64) {
	w.t.Helper()
	made, err := compaction.Make(w.dir, at, nil)
	if err == nil {
		err = compaction.Register(w.log, made.Checkpoint)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// reader looks at the state after an entry, with the clock of that.
func (w *world) reader(offset uint64) *Reader {
	w.t.Helper()
	b, err := compaction.Build(w.dir, offset, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &Reader{
		Table: w.table, State: b.State, Rand: func() uint64 { return 1 },
		At: replay.Resolved{Offset: offset, Time: b.AtTime, Clock: b.AtTime},
	}
}

func (w *world) parse(text string) *Expr {
	w.t.Helper()
	x, err := ParseExpr(w.table, text)
	if err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
	return x
}

// peer is the other end of the only connection.
type peer struct{}

func (peer) RemoteAddr() string  { return "127.0.0.1:1" }
func (peer) LocalAddr() string   { return "127.0.0.1:2" }
func (peer) Hangup()             {}
func (peer) Kill()               {}
func (peer) Resume()             {}
func (peer) Unsent() int         { return 0 }
func (peer) Send(f [][]byte) int { return 0 }
