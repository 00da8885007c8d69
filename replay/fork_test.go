package replay

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
)

// forked makes a fork and returns its directory.
func forked(t *testing.T, dir string, at uint64) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "fork")
	f, err := Fork(dir, AtOffset(at), out, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.Offset != at || f.Out != out {
		t.Errorf("@%d: %+v", at, f)
	}
	return out
}

// wantHistory holds the state at offsets of a directory against what it was, with and
// without checkpoints.
func wantHistory(t *testing.T, dir string, digests []uint64, from, to uint64) {
	t.Helper()
	for at := from; at <= to; at += 1 + at%5 {
		b, err := compaction.Build(dir, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		if b.State.Digest() != digests[at] || len(b.Refused) > 0 {
			t.Errorf("@%d has digest %016x, it was %016x; refused %v", at, b.State.Digest(), digests[at], b.Refused)
		}
	}
	if c, err := log.Check(dir, nil); err != nil || len(c.Findings) > 0 {
		t.Errorf("check: %+v, %v", c, err)
	}
}

// TestForkAnywhere forks a running server's log at every kind of point: the fork has
// every state that the log had up to there, and goes on.
func TestForkAnywhere(t *testing.T) {
	w := newWorld(t, 700)
	w.random(60)
	w.checkpoint(30)
	w.checkpoint(52)
	w.tag("here", 44)
	for _, at := range []uint64{0, 1, 17, 29, 30, 31, 52, 59, 60} {
		out := forked(t, w.dir, at)
		wantHistory(t, out, w.digests, 0, at)
		opens(t, out, at, w.digests[at])
		wantHistory(t, out, w.digests, 0, at)
		again := forked(t, out, at/2)
		opens(t, again, at/2, w.digests[at/2])
		restored := filepath.Join(t.TempDir(), "restored")
		if _, err := Restore(again, AtOffset(at/2), restored, Wanted{}, nil); err != nil {
			t.Fatal(err)
		}
		opens(t, restored, at/2, w.digests[at/2])
		last := forked(t, restored, at/2)
		opens(t, last, at/2, w.digests[at/2])
	}
	wantHistory(t, w.dir, w.digests, 0, 60)
	for text, at := range map[string]uint64{"@last": 60, "here^": 43, "@2026-01-01T00:00:33.5Z": 33, "@-1ms": 60} {
		p, err := ParsePoint(text)
		if err != nil {
			t.Fatal(err)
		}
		if f, err := Fork(w.dir, p, filepath.Join(t.TempDir(), "fork"), nil); err != nil || f.Offset != at {
			t.Errorf("%s: %+v, %v", text, f, err)
		}
	}
}

// TestForkAndRetention: a fork lets its history go as any log does, and what it shares
// stays with the source; it makes checkpoints of what was its ancestor's.
func TestForkAndRetention(t *testing.T) {
	w := newWorld(t, 700)
	w.random(80)
	w.checkpoint(20)
	w.checkpoint(40)
	out := forked(t, w.dir, 70)
	f := &world{t: t, dir: out, rng: w.rng, opt: w.opt, digests: append([]uint64{}, w.digests[:71]...)}
	f.open()
	f.checkpoint(55) // by the ancestor's id
	f.checkpoint(70)
	f.random(40)
	f.checkpoint(90)
	f.checkpoint(100)
	wantHistory(t, out, f.digests, 0, 110)
	drops := compaction.Plan(f.Log.Manifest(), compaction.Policy{Age: time.Minute}, base().Add(170*time.Second), nil, nil)
	if err := compaction.Apply(f.Log, drops); err != nil {
		t.Fatal(err)
	}
	w2, err := Look(out)
	if err != nil || w2.Reach < 55 {
		t.Fatalf("it reaches back to %+v, %v", w2, err)
	}
	wantHistory(t, out, f.digests, w2.Reach, 110)
	wantHistory(t, w.dir, w.digests, 0, 80)
	_, err = Fork(out, AtOffset(w2.Reach-1), filepath.Join(t.TempDir(), "x"), nil)
	if !errors.Is(err, log.ErrCompacted) || !strings.Contains(err.Error(), "reachable: @") {
		t.Errorf("a fork of what is gone: %v", err)
	}
	twice := forked(t, out, w2.Reach)
	opens(t, twice, w2.Reach, f.digests[w2.Reach])
	f.stop(true)
	opens(t, out, 110, f.digests[110])
	w.stop(true)
	opens(t, w.dir, 80, w.digests[80])
}

// TestForkOfDamage: a fork needs no checkpoint where it has the whole log, and is refused
// where nothing else stands for the beginning.
func TestForkOfDamage(t *testing.T) {
	w := newWorld(t, 700)
	w.random(40)
	c := w.checkpoint(20)
	w.stop(true)
	if err := os.Remove(w.file(c.File)); err != nil {
		t.Fatal(err)
	}
	opens(t, forked(t, w.dir, 30), 30, w.digests[30])

	restored := filepath.Join(t.TempDir(), "restored")
	if _, err := Restore(w.dir, AtOffset(10), restored, Wanted{}, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(restored, filepath.FromSlash(compaction.FileName(10)))); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "x")
	if _, err := Fork(restored, AtOffset(10), out, nil); !errors.Is(err, log.ErrDamaged) {
		t.Errorf("without its only checkpoint: %v", err)
	}
	segment := w.segments()[1]
	chop(t, segment, 1)
	if _, err := Fork(w.dir, AtOffset(40), out, nil); !errors.Is(err, log.ErrDamaged) || !strings.Contains(err.Error(), filepath.Base(segment)) {
		t.Errorf("with a short segment: %v", err)
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was made of damage: %v", err)
	}
}
