package compaction

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
	"pgregory.net/rapid"
)

func TestParsePolicy(t *testing.T) {
	for text, want := range map[string]Policy{
		"all": {}, "2GB": {Bytes: 2 << 30}, "500MB": {Bytes: 500 << 20}, "2048kb": {Bytes: 2 << 20}, "1TB": {Bytes: 1 << 40},
		"24h": {Age: 24 * time.Hour}, "7d": {Age: 7 * 24 * time.Hour}, "90m": {Age: 90 * time.Minute}, "1h30m": {Age: 90 * time.Minute},
	} {
		got, err := ParsePolicy(text)
		if err != nil || got != want {
			t.Errorf("%q gives %+v, %v", text, got, err)
		}
		if again, err := ParsePolicy(got.String()); err != nil || again != want {
			t.Errorf("%q is written as %q, which gives %+v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "2", "0GB", "-1GB", "1KB", "1.5GB", "99999999999TB", "5s", "-24h", "0d", "d", "GB", "all ", "none", "99999d"} {
		if p, err := ParsePolicy(text); err == nil || !strings.Contains(err.Error(), "24h") {
			t.Errorf("%q gives %+v, %v", text, p, err)
		}
	}
}

const mb = 1 << 20

// hour is a moment of the retention tables' log: an entry each hour.
func hour(n uint64) time.Time { return time.UnixMicro(0).Add(time.Duration(n) * time.Hour) }

// ledger is a manifest of sealed segments of ten entries and 10 MB each, whose
// entries come once an hour, and of checkpoints of the given size.
func ledger(first uint64, segments int, size int64, checkpoints ...uint64) *log.Manifest {
	m := &log.Manifest{First: first, Tags: map[string]uint64{}}
	next := first
	for range segments {
		m.Sealed = append(m.Sealed, log.Segment{First: next, Count: 10, Size: 10 * mb, LastTime: hour(next + 9).UnixMicro()})
		next += 10
	}
	m.Active = next
	for _, at := range checkpoints {
		m.AddCheckpoint(log.Checkpoint{Offset: at, Time: hour(at).UnixMicro(), File: FileName(at), Size: size})
	}
	return m
}

func (d *Drops) summary() string {
	var segments, checkpoints []uint64
	for _, s := range d.Segments {
		segments = append(segments, s.First)
	}
	for _, c := range d.Checkpoints {
		checkpoints = append(checkpoints, c.Offset)
	}
	return fmt.Sprintf("base %d, segments %v, checkpoints %v", d.Base, segments, checkpoints)
}

// TestPlan is the retention table. The log is 1..100 in ten segments unless
// said otherwise; now is hour 100.
func TestPlan(t *testing.T) {
	tag := func(m *log.Manifest, at uint64) *log.Manifest { m.Tags["t"] = at; return m }
	for _, c := range []struct {
		name            string
		m               *log.Manifest
		policy          string
		needed, refused []uint64
		want            string
	}{
		{"all keeps all", ledger(1, 10, mb, 20, 40, 60, 80), "all", nil, nil, "base 0, segments [], checkpoints []"},
		{"it fits", ledger(1, 10, mb, 20, 40, 60, 80), "104MB", nil, nil, "base 0, segments [], checkpoints []"},
		{"a byte too much", ledger(1, 10, mb, 20, 40, 60, 80), "103MB", nil, nil, "base 20, segments [1 11], checkpoints []"},
		{"the oldest base that fits", ledger(1, 10, mb, 20, 40, 60, 80), "64MB", nil, nil, "base 40, segments [1 11 21 31], checkpoints [20]"},
		{"none fits: two checkpoints stay", ledger(1, 10, mb, 20, 40, 60, 80), "1MB", nil, nil,
			"base 60, segments [1 11 21 31 41 51], checkpoints [20 40]"},
		{"the base lies within a segment", ledger(1, 10, mb, 25, 95), "1MB", nil, nil, "base 25, segments [1 11], checkpoints []"},
		{"one checkpoint is not enough", ledger(1, 10, mb, 80), "1MB", nil, nil, "base 0, segments [], checkpoints []"},
		{"no checkpoint", ledger(1, 10, mb), "1MB", nil, nil, "base 0, segments [], checkpoints []"},
		{"an empty log", ledger(1, 0, mb), "1MB", nil, nil, "base 0, segments [], checkpoints []"},
		{"a tag holds", tag(ledger(1, 10, mb, 20, 40, 60, 80), 45), "1MB", nil, nil, "base 40, segments [1 11 21 31], checkpoints [20]"},
		{"a tag on a checkpoint", tag(ledger(1, 10, mb, 20, 40, 60, 80), 40), "1MB", nil, nil, "base 40, segments [1 11 21 31], checkpoints [20]"},
		{"a tag before every checkpoint", tag(ledger(1, 10, mb, 20, 40, 60, 80), 19), "1MB", nil, nil, "base 0, segments [], checkpoints []"},
		{"an open view holds", ledger(1, 10, mb, 20, 40, 60, 80), "1MB", []uint64{90, 30}, nil, "base 20, segments [1 11], checkpoints []"},
		{"a refused one counts for nothing", ledger(1, 10, mb, 20, 40, 60, 80), "1MB", nil, []uint64{80},
			"base 40, segments [1 11 21 31], checkpoints [20]"},
		{"a refused one before the base goes", ledger(1, 10, mb, 20, 40, 60, 80), "1MB", nil, []uint64{20},
			"base 60, segments [1 11 21 31 41 51], checkpoints [20 40]"},
		{"age: the base is older than it", ledger(1, 10, mb, 20, 40, 60, 80), "50h", nil, nil, "base 40, segments [1 11 21 31], checkpoints [20]"},
		{"age: to the hour", ledger(1, 10, mb, 20, 40, 60, 80), "60h", nil, nil, "base 40, segments [1 11 21 31], checkpoints [20]"},
		{"age: an hour more", ledger(1, 10, mb, 20, 40, 60, 80), "61h", nil, nil, "base 20, segments [1 11], checkpoints []"},
		{"age: nothing is so old", ledger(1, 10, mb, 20, 40, 60, 80), "90h", nil, nil, "base 0, segments [], checkpoints []"},
		{"age: never less than two", ledger(1, 10, mb, 20, 40, 60, 80), "1h", nil, nil,
			"base 60, segments [1 11 21 31 41 51], checkpoints [20 40]"},
		{"age: a tag holds", tag(ledger(1, 10, mb, 20, 40, 60, 80), 25), "1h", nil, nil, "base 20, segments [1 11], checkpoints []"},
		{"again: nothing more", ledger(41, 6, mb, 40, 60, 80), "64MB", nil, nil, "base 40, segments [], checkpoints []"},
		{"restored: its first checkpoint is the base", ledger(501, 3, mb, 500, 520), "10MB", nil, nil, "base 500, segments [], checkpoints []"},
		{"restored: the base moves on", ledger(501, 3, mb, 500, 510, 520), "10MB", nil, nil, "base 510, segments [501], checkpoints [500]"},
		{"a stale one", ledger(41, 6, mb, 20, 40, 60, 80), "all", nil, nil, "base 40, segments [], checkpoints [20]"},
		{"thinned where the log is smaller than they", ledger(1, 10, 25*mb, 10, 20, 30, 40, 50, 60, 70, 80), "all", nil, nil,
			"base 0, segments [], checkpoints [10 20 40 50]"},
		{"thinned until it fits", ledger(1, 10, 1000*mb, 20, 40, 60, 80, 90), "2500MB", nil, nil,
			"base 0, segments [], checkpoints [20 40 60]"},
		{"checkpoints weigh more than log", ledger(1, 10, 1000*mb, 20, 40, 60, 80, 90), "2050MB", nil, nil,
			"base 80, segments [1 11 21 31 41 51 61 71], checkpoints [20 40 60]"},
		{"thinned, but not the base", tag(ledger(1, 10, 1000*mb, 20, 40, 60, 80, 90), 45), "1MB", nil, nil,
			"base 40, segments [1 11 21 31], checkpoints [20 60]"},
		{"no whole segment before the base", ledger(1, 10, mb, 5, 7), "1MB", nil, nil, "base 0, segments [], checkpoints []"},
		{"thinned, but not a tag", tag(ledger(1, 10, 1000*mb, 20, 40, 60, 80, 90), 40), "all", nil, nil,
			"base 0, segments [], checkpoints [20 60]"},
		{"thinned, but not a view", ledger(1, 10, 1000*mb, 20, 40, 60, 80, 90), "all", []uint64{60}, nil,
			"base 0, segments [], checkpoints [20 40]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := ParsePolicy(c.policy)
			if err != nil {
				t.Fatal(err)
			}
			d := Plan(c.m, p, hour(100), c.needed, c.refused)
			if got := d.summary(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestPlanKeepsItsPromises: whatever the manifest is, the rules of the package
// comment hold.
func TestPlanKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.Uint64Range(1, 3).Draw(t, "first")*10 - 9
		var at []uint64
		if first > 1 {
			at = append(at, first-1)
		}
		at = append(at, rapid.SliceOfN(rapid.Uint64Range(first, 120), 0, 8).Draw(t, "checkpoints")...)
		m := ledger(first, rapid.IntRange(0, 10).Draw(t, "segments"), rapid.Int64Range(1, 50).Draw(t, "size")*mb, at...)
		var needed []uint64
		for i := range rapid.IntRange(0, 2).Draw(t, "holds") {
			hold := rapid.Uint64Range(Reach(m), 120).Draw(t, "hold")
			if i == 0 {
				m.Tags["t"] = hold
			} else {
				needed = append(needed, hold)
			}
		}
		p := Policy{Bytes: rapid.Int64Range(0, 200).Draw(t, "bytes") * mb}
		if rapid.Bool().Draw(t, "by age") {
			p = Policy{Age: time.Duration(rapid.IntRange(1, 120).Draw(t, "hours")) * time.Hour}
		}
		d := Plan(m, p, hour(120), needed, nil)

		dropped := map[uint64]bool{}
		for _, c := range d.Checkpoints {
			dropped[c.Offset] = true
		}
		left := 0
		for i, c := range m.Checkpoints {
			if !dropped[c.Offset] {
				left++
			} else if i >= len(m.Checkpoints)-2 {
				t.Fatalf("one of the newest two goes: %s", d.summary())
			}
		}
		if d.Base < Reach(m) || d.Base > Reach(m) && (dropped[d.Base] || left < 2) {
			t.Fatalf("%d checkpoints are left: %s", left, d.summary())
		}
		for _, hold := range append(needed, m.Tags["t"]) {
			if _, tagged := m.Tags["t"]; hold < d.Base && (hold != 0 || tagged) {
				t.Fatalf("@%d is held: %s", hold, d.summary())
			}
		}
		for i, s := range d.Segments {
			if s.Last() > d.Base || s.First != m.Sealed[i].First {
				t.Fatalf("a segment that is needed goes: %s", d.summary())
			}
		}
		if p.Age > 0 && len(d.Segments) > 0 && hour(d.Base).After(hour(120).Add(-p.Age)) {
			t.Fatalf("an age of %v is not reachable: %s", p.Age, d.summary())
		}
	})
}

// TestApply drops history of real logs, again and again, and finds every state
// from the base on as it was, in the running log and after a restart.
func TestApply(t *testing.T) {
	for seed := range uint64(20) {
		j := newJournal(t, 400)
		j.rng = rand.New(rand.NewPCG(seed, 0))
		for range 2 + j.rng.IntN(3) {
			j.random(10 + j.rng.IntN(20))
			last := uint64(len(j.digests) - 1)
			j.checkpoint(last - uint64(j.rng.IntN(5)))
			j.checkpoint(last)
			j.seal(400)
			d := Plan(j.log.Manifest(), Policy{Bytes: 1 + j.rng.Int64N(8000)}, hour(1), nil, nil)
			if err := Apply(j.log, d); err != nil {
				t.Fatal(err)
			}
			if got := Reach(j.log.Manifest()); got != d.Base {
				t.Fatalf("reachable from @%d, planned @%d", got, d.Base)
			}
			j.everyOffset(d.Base)
			if d.Base > 0 {
				if _, err := Build(j.dir, d.Base-1, nil); !errors.Is(err, log.ErrCompacted) {
					t.Fatalf("before the base: %v", err)
				}
			}
		}
		files, err := filepath.Glob(j.file("checkpoints/*"))
		if err != nil || len(files) != len(j.log.Manifest().Checkpoints) {
			t.Fatalf("%v on the disk, %d in the manifest", files, len(j.log.Manifest().Checkpoints))
		}
		j.close()
	}
}

// keep gives a journal whose log Plan wants to shorten, and that plan.
func keep(t *testing.T) (*journal, Drops) {
	t.Helper()
	j := newJournal(t, 400)
	j.random(60)
	for _, at := range []uint64{20, 40, 60} {
		j.checkpoint(at)
	}
	j.seal(400)
	d := Plan(j.log.Manifest(), Policy{Bytes: 1}, hour(1), nil, nil)
	if d.Base != 40 || len(d.Segments) == 0 {
		t.Fatalf("planned %s", d.summary())
	}
	return j, d
}

// TestApplyChecksFirst: log goes only if what stands for it can be read.
func TestApplyChecksFirst(t *testing.T) {
	for _, at := range []uint64{40, 60} {
		j, d := keep(t)
		before := j.log.Manifest()
		spoil(t, j.file(FileName(at)), "flipped")
		err := Apply(j.log, d)
		var r *Refusal
		if !errors.As(err, &r) || r.Offset != at {
			t.Errorf("with @%d rotten: %v", at, err)
		}
		if now := j.log.Manifest(); now.First != before.First || len(now.Checkpoints) != len(before.Checkpoints) {
			t.Errorf("with @%d rotten the manifest changed", at)
		}
		j.everyOffset(0)
	}
}

// TestApplyWithoutItsBase: a plan that was made for another manifest.
func TestApplyWithoutItsBase(t *testing.T) {
	j, d := keep(t)
	if err := j.log.UpdateManifest(func(m *log.Manifest) error {
		m.Checkpoints = m.Checkpoints[2:]
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := Apply(j.log, d); err == nil || !strings.Contains(err.Error(), "@40") {
		t.Errorf("it gives %v", err)
	}
	if first := j.log.Manifest().First; first != 1 {
		t.Errorf("the log begins at %d", first)
	}
}

// halfway is a holder that dies after some of Apply's calls.
type halfway struct {
	*log.Log
	left int
}

func (h *halfway) UpdateManifest(f func(*log.Manifest) error) error {
	if h.left--; h.left < 0 {
		return errFault
	}
	return h.Log.UpdateManifest(f)
}

func (h *halfway) DropBefore(at uint64) ([]log.Segment, error) {
	if h.left--; h.left < 0 {
		return nil, errFault
	}
	return h.Log.DropBefore(at)
}

func (h *halfway) Dir() string {
	if h.left == 0 {
		return filepath.Join(h.Log.Dir(), "no such directory")
	}
	return h.Log.Dir()
}

// TestApplyDies: after each of its steps the directory opens, everything from
// the base on is there, and the next Apply cleans up.
func TestApplyDies(t *testing.T) {
	for n := range 2 {
		j, d := keep(t)
		if err := Apply(&halfway{j.log, n}, d); err == nil {
			t.Errorf("step %d: no error", n)
		}
		j.seal(400)
		j.everyOffset(40)
		if err := os.WriteFile(j.file(FileName(7)), []byte("left over"), 0o600); err != nil {
			t.Fatal(err)
		}
		j.entry(func(b *event.Buffer) { b.String([]byte("one"), []byte("more"), 0) })
		j.checkpoint(61)
		d = Plan(j.log.Manifest(), Policy{Bytes: 1}, hour(1), nil, nil)
		if err := Apply(j.log, d); err != nil {
			t.Fatalf("step %d, once more: %v", n, err)
		}
		files, err := filepath.Glob(j.file("checkpoints/*"))
		if err != nil || len(files) != len(j.log.Manifest().Checkpoints) {
			t.Errorf("step %d: %v stay, %d are registered", n, files, len(j.log.Manifest().Checkpoints))
		}
		j.everyOffset(Reach(j.log.Manifest()))
	}
}
