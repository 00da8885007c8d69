package replay

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// life is how a server lives while a stream of entries happens to it.
type life struct {
	policy     log.Policy
	segment    int64
	checkpoint int  // every so many entries; 0: never
	restart    int  // every so many entries; 0: never
	clean      bool // the restarts are orderly
	drop       bool // history is dropped as soon as it may be
}

// content is the whole state as text, the order of fields included; that of keys
// is each log's own.
func content(st *state.State) string {
	var lines []string
	for db := range state.Databases {
		st.Export(db, 0, func(r state.Record) bool {
			lines = append(lines, fmt.Sprintf("%d %q %v %d %d %q %q\n", db, r.Key, r.Type, r.Encoding, r.ExpireAt, r.Value, r.Items))
			return true
		})
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// TestSameStreamOtherLives: one stream of entries, and servers with other
// policies, segment sizes, checkpoints, restarts and retention. All end in the
// same state.
func TestSameStreamOtherLives(t *testing.T) {
	const entries = 200
	want := ""
	for _, l := range []life{
		{policy: log.No},
		{policy: log.Always, segment: 1000, restart: 100},
		{policy: log.EverySec, segment: 300, restart: 37, clean: true},
		{policy: log.No, segment: 5000, checkpoint: 50, restart: 75},
		{policy: log.No, segment: 200, checkpoint: 7, restart: 20, clean: true},
		{policy: log.No, segment: 200, checkpoint: 7, restart: 20, drop: true},
		{policy: log.EverySec, segment: 60, checkpoint: 60, restart: 70, clean: true, drop: true},
	} {
		w := newWorld(t, l.segment)
		w.opt.Log.Policy = l.policy
		w.stop(true)
		w.open()
		w.rng = rand.New(rand.NewPCG(7, 7))
		for i := 1; i <= entries; i++ {
			w.random(1)
			if l.checkpoint > 0 && i%l.checkpoint == 0 {
				w.checkpoint(uint64(i - i*7%5)) // a little behind, as a real one is
			}
			if l.drop && i%40 == 0 {
				d := compaction.Plan(w.Log.Manifest(), compaction.Policy{Bytes: 1}, time.Now(), nil, nil)
				if err := compaction.Apply(w.Log, d); err != nil {
					t.Fatal(err)
				}
			}
			if l.restart > 0 && i%l.restart == 0 {
				w.stop(l.clean)
				w.open()
			}
		}
		w.stop(l.clean)
		w.open()
		w.wantState(entries)
		got := content(w.State)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%+v ends in\n%swant\n%s", l, got, want)
		}
		if l.drop && w.Log.Manifest().First == 1 {
			t.Errorf("%+v: nothing was dropped", l)
		}
	}
}

// TestRestoresOfRestores: to go back and on again, over several directories, is
// the same as to have gone only that way.
func TestRestoresOfRestores(t *testing.T) {
	straight := newWorld(t, 500)
	straight.rng = rand.New(rand.NewPCG(9, 9))
	straight.random(60)

	w := newWorld(t, 500)
	rng := rand.New(rand.NewPCG(9, 9))
	w.rng = rng
	for at := 10; at <= 50; at += 10 {
		w.random(10)
		w.rng = rand.New(rand.NewPCG(uint64(at), 1))
		w.random(5) // what is undone
		out := filepath.Join(t.TempDir(), "out")
		if _, err := Restore(w.dir, AtOffset(uint64(at)), out, Wanted{}, nil); err != nil {
			t.Fatal(err)
		}
		w.stop(true)
		w.dir, w.rng, w.digests = out, rng, w.digests[:at+1]
		w.open()
	}
	w.random(10)
	if content(w.State) != content(straight.State) || w.Log.Last() != 60 {
		t.Errorf("@%d:\n%swant\n%s", w.Log.Last(), content(w.State), content(straight.State))
	}
	if m := w.Log.Manifest(); m.Parent == nil || m.Parent.Offset != 50 || m.First != 51 {
		t.Errorf("the last of them begins at %d, from %+v", m.First, m.Parent)
	}
}

// TestRestoreToManyOffsets is restore's promise in the plain: the digest there is
// what the server had.
func TestRestoreToManyOffsets(t *testing.T) {
	w := newWorld(t, 2000)
	w.random(400)
	w.checkpoint(150)
	w.checkpoint(320)
	for range 25 {
		at := w.rng.Uint64N(401)
		out := filepath.Join(t.TempDir(), "out")
		r, err := Restore(w.dir, AtOffset(at), out, Wanted{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := StateAt(out, Last(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Digest != w.digests[at] || s.State.Digest() != w.digests[at] || s.Offset != at || s.Time != r.Time {
			t.Errorf("@%d: digest %016x, opened @%d with %016x, it was %016x", at, r.Digest, s.Offset, s.State.Digest(), w.digests[at])
		}
	}
}

// TestReportForPeople pins the line of a start.
func TestReportForPeople(t *testing.T) {
	r := Report{Keys: 3, Last: 20, LastTime: epoch, Entries: 8, Bytes: 1_234_567, Took: 1_234_567_890}
	if got, want := r.String(), "3 keys at @20 (2026-01-01T00:00:00.000000Z): 8 entries of log (1.2 MB) in 1.235s"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r.Checkpoint = &log.Checkpoint{Offset: 12}
	r.Refused = []*compaction.Refusal{{File: "f", Byte: 4, Offset: 15, What: "why"}}
	r.Cut = &log.Cut{File: "wal/1", Byte: 9, Offset: 21, What: "cut short", Bytes: 5, Quarantine: []string{"q"}}
	want := "3 keys at @20 (2026-01-01T00:00:00.000000Z): checkpoint @12 and 8 entries of log (1.2 MB) in 1.235s; " +
		"checkpoint @15 refused: f, byte 4: why; " + r.Cut.String()
	if got := r.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestValuesForPeople pins how values and commands are written.
func TestValuesForPeople(t *testing.T) {
	for want, v := range map[string]Value{
		"(none)":                 {},
		`""`:                     {Type: state.String},
		`"a\n\"\xff"`:            {Type: state.String, Text: []byte("a\n\"\xff")},
		`{"f": "v", "g": ""}`:    {Type: state.Hash, Pairs: [][]byte{[]byte("f"), []byte("v"), []byte("g"), nil}},
		`{"m": -1.5, "n": +Inf}`: {Type: state.ZSet, Members: [][]byte{[]byte("m"), []byte("n")}, Scores: []float64{-1.5, math.Inf(1)}},
		`["x", "x"]`:             {Type: state.List, Elements: [][]byte{[]byte("x"), []byte("x")}},
		`{"m", "n"}`:             {Type: state.Set, Members: [][]byte{[]byte("m"), []byte("n")}},
		`[1-0 {"f": "v"}]`:       {Type: state.Stream, Stream: &Stream{Entries: []Entry{{event.ID{MS: 1}, []Text{Text("f"), Text("v")}}}}},
		`[] "g" at 1-2, 3 pending for 1 consumers`: {Type: state.Stream, Stream: &Stream{
			Groups: []Group{{Name: Text("g"), Last: event.ID{MS: 1, Seq: 2}, Pending: 3, Consumers: 1}}}},
		`"v" expires 2026-01-01T00:00:00.000000Z`: {Type: state.String, Text: []byte("v"), ExpireAt: epoch / 1000},
	} {
		if got := v.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for want, words := range map[string][]string{
		"SET":                   {"SET"},
		`SET k ""`:              {"SET", "k", ""},
		`SET "a b" "\x00"`:      {"SET", "a b", "\x00"},
		`SET "it's" "\"" "\\-"`: {"SET", "it's", `"`, `\-`},
	} {
		argv := make([][]byte, len(words))
		for i, s := range words {
			argv[i] = []byte(s)
		}
		if got := string(appendArgv(nil, argv)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for want, c := range map[string]struct {
		conn uint64
		o    *event.Origin
	}{
		"server":                        {0, nil},
		"conn 4":                        {4, nil},
		"conn 4 1.2.3.4:5":              {4, &event.Origin{Addr: "1.2.3.4:5", User: "default"}},
		"conn 4 1.2.3.4:5 worker as bo": {4, &event.Origin{Addr: "1.2.3.4:5", User: "bo", Name: "worker"}},
	} {
		if got := string(appendWho(nil, c.conn, c.o)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
