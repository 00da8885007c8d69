package replay

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// verified is a world of three checkpoints, the last of which may hold something else than
// the log gives, stopped.
func verified(t *testing.T, wrong bool) *world {
	w := newWorld(t, 300)
	set := func(n int) {
		for range n {
			key := fmt.Appendf(nil, "k%d", w.rng.IntN(9))
			w.do(event.Header{Conn: 1, Name: "SET"}, func(b *event.Buffer) { b.String(key, fmt.Append(nil, len(w.digests)), 0) })
		}
	}
	checkpoint := func(st *state.State) {
		c, err := compaction.Write(w.dir, st, compaction.Meta{LogID: w.Log.ID(), Offset: w.Log.Last(), Time: w.Log.LastTime()})
		if err == nil {
			err = compaction.Register(w.Log, c)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	set(20)
	checkpoint(w.State)
	set(20)
	checkpoint(w.State)
	set(20)
	other := w.State
	if wrong {
		b, err := compaction.Build(w.dir, 55, nil)
		if err != nil {
			t.Fatal(err)
		}
		other = b.State
	}
	checkpoint(other)
	set(5)
	return w
}

// TestVerify: what is right is found so, beside a server and without, from the beginning of
// the log and from a checkpoint.
func TestVerify(t *testing.T) {
	w := verified(t, false)
	check := func(from uint64, checkpoints int) {
		t.Helper()
		v, err := Verify(w.dir, func(done, total int64) {
			if done > total {
				t.Errorf("%d of %d bytes are read", done, total)
			}
		})
		if err != nil || len(v.Findings) > 0 || v.From != from || v.Last != 65 || v.Checkpoints != checkpoints || v.Digest != w.digests[65] {
			t.Errorf("%+v, %v", v, err)
		}
	}
	check(0, 3)
	if _, err := w.Log.DropBefore(21); err != nil {
		t.Fatal(err)
	}
	if first := w.Log.Manifest().First; first == 1 || first > 21 {
		t.Fatalf("the log begins at @%d", first)
	}
	check(20, 3)
	w.stop(true)
	check(20, 3)
}

// TestVerifyFinds what only a replay can find: every file is whole.
func TestVerifyFinds(t *testing.T) {
	for _, x := range []struct {
		name  string
		do    func(w *world)
		find  string
		wrong []uint64
	}{
		{"another state in a checkpoint", func(*world) {}, "the checkpoint @60, ", []uint64{60}},
		{"a tag beyond the end", func(w *world) { w.edit(func(m *log.Manifest) { m.Tags["far"] = 99 }) }, "the tag far is @99, after the last entry", []uint64{60}},
		{"no digest but another", func(w *world) { w.edit(func(m *log.Manifest) { m.Checkpoints[0].Digest++ }) }, "the checkpoint @20, ", []uint64{20, 60}},
	} {
		w := verified(t, true)
		w.stop(true)
		if c, err := log.Check(w.dir, nil); err != nil || c.Damaged() {
			t.Fatalf("%s: %+v, %v", x.name, c, err)
		}
		x.do(w)
		v, err := Verify(w.dir, nil)
		if err != nil || !strings.Contains(strings.Join(v.Findings, "\n"), x.find) || !slices.Equal(v.Wrong, x.wrong) || v.Last != 65 {
			t.Errorf("%s: %+v, %v", x.name, v, err)
		}
	}
}

// edit changes the manifest of a directory that is not open.
func (w *world) edit(change func(m *log.Manifest)) {
	w.t.Helper()
	d, err := log.OpenDir(w.dir, log.Options{})
	if err == nil {
		err = d.UpdateManifest(func(m *log.Manifest) error { change(m); return nil })
	}
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestVerifyOfADamagedLog tells how far it came, and reads on nothing.
func TestVerifyOfADamagedLog(t *testing.T) {
	w := verified(t, false)
	w.stop(true)
	m, err := log.ReadManifest(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	file := fmt.Sprintf("%s/wal/%020d", w.dir, m.Sealed[1].First)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	raw[30] ^= 1
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := Verify(w.dir, nil)
	want := fmt.Sprintf("the replay ends after @%d: ", m.Sealed[1].First-1)
	if err != nil || len(v.Findings) != 1 || !strings.HasPrefix(v.Findings[0], want) {
		t.Errorf("%+v, %v; want %s", v, err, want)
	}
}
