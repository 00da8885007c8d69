package compaction

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
	"pgregory.net/rapid"
)

// everyOffset builds the state at each offset and holds it against what the
// state was there.
func (j *journal) everyOffset(from uint64) {
	j.t.Helper()
	for at := from; at < uint64(len(j.digests)); at++ {
		b, err := Build(j.dir, at, nil)
		if err != nil {
			j.t.Fatalf("@%d: %v", at, err)
		}
		if b.At != at || b.State.Digest() != j.digests[at] || b.State.RecomputeDigest() != j.digests[at] {
			j.t.Fatalf("@%d: built @%d with digest %016x (anew %016x), it was %016x", at, b.At, b.State.Digest(),
				b.State.RecomputeDigest(), j.digests[at])
		}
	}
}

// TestBuildAtEveryOffset: random events, segments of a few hundred bytes, and
// checkpoints in random places; the state at every offset is what it was.
func TestBuildAtEveryOffset(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		j := newJournal(t, rapid.Int64Range(200, 4000).Draw(rt, "segment"))
		j.rng = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		for range rapid.IntRange(1, 3).Draw(rt, "pieces") {
			j.random(rapid.IntRange(1, 16).Draw(rt, "entries"))
			j.checkpoint(uint64(rapid.IntRange(0, len(j.digests)-1).Draw(rt, "at")))
		}
		j.everyOffset(0)
		j.close()
		j.everyOffset(uint64(len(j.digests) - 2)) // the end, when nobody writes any more
	})
}

func TestBuildSaysWhereItBegan(t *testing.T) {
	j := newJournal(t, 2000)
	j.random(50)
	j.checkpoint(20)
	j.checkpoint(40)
	for at, want := range map[uint64]uint64{0: 0, 19: 0, 20: 20, 39: 20, 40: 40, 50: 40} {
		b, err := Build(j.dir, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		if b.Offset() != want || b.Entries != at-want || b.LogID != j.log.ID() {
			t.Errorf("@%d was built from @%d and %d entries, want @%d", at, b.Offset(), b.Entries, want)
		}
		wantTime := int64(0)
		if at > 0 {
			wantTime = 1_767_225_600_000_000 + int64(at)*1000
		}
		if b.AtTime != wantTime {
			t.Errorf("@%d has time %d, want %d", at, b.AtTime, wantTime)
		}
	}
	b, err := Build(j.dir, Latest, nil)
	if err != nil || b.At != 50 {
		t.Errorf("the latest is @%d, %v", b.At, err)
	}
	if _, err := Build(j.dir, 51, nil); !errors.Is(err, log.ErrFuture) || !strings.Contains(err.Error(), "@50") {
		t.Errorf("@51 gives %v", err)
	}
}

// spoil is what can happen to a file.
func spoil(t *testing.T, path, how string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	switch how {
	case "lost":
		err = os.Remove(path)
	case "emptied":
		err = os.WriteFile(path, nil, 0o600)
	case "cut":
		err = os.WriteFile(path, raw[:len(raw)/2], 0o600)
	case "flipped":
		raw[len(raw)-20] ^= 4
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestFallBack: a checkpoint that cannot be used is named, and an older one or
// the log serves instead.
func TestFallBack(t *testing.T) {
	for _, how := range []string{"lost", "emptied", "cut", "flipped"} {
		t.Run(how, func(t *testing.T) {
			j := newJournal(t, 2000)
			j.random(30)
			old, newer := j.checkpoint(10), j.checkpoint(20)
			spoil(t, j.file(newer.File), how)
			b, err := Build(j.dir, 30, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(b.Refused) != 1 || b.Refused[0].File != newer.File || b.Offset() != 10 || b.State.Digest() != j.digests[30] {
				t.Errorf("built from @%d, refused %v", b.Offset(), b.Refused)
			}
			spoil(t, j.file(old.File), how)
			if b, err = Build(j.dir, 30, nil); err != nil {
				t.Fatal(err)
			}
			if len(b.Refused) != 2 || b.Checkpoint != nil || b.State.Digest() != j.digests[30] {
				t.Errorf("built from %v, refused %v", b.Checkpoint, b.Refused)
			}
			j.everyOffset(0)
		})
	}
}

// TestNoBase: where the log before is gone, a lost checkpoint is damage.
func TestNoBase(t *testing.T) {
	for _, how := range []string{"lost", "emptied", "cut", "flipped"} {
		t.Run(how, func(t *testing.T) {
			j := newJournal(t, 500)
			j.random(60)
			c := j.checkpoint(50)
			j.seal(500)
			if _, err := j.log.DropBefore(51); err != nil {
				t.Fatal(err)
			}
			if j.log.Manifest().First == 1 {
				t.Fatal("no segment was dropped")
			}
			j.everyOffset(50)
			if _, err := Build(j.dir, 49, nil); !errors.Is(err, log.ErrCompacted) || !strings.Contains(err.Error(), "@50") {
				t.Errorf("@49 gives %v", err)
			}
			spoil(t, j.file(c.File), how)
			_, err := Build(j.dir, 55, nil)
			var n *NoBase
			if !errors.As(err, &n) || !errors.Is(err, log.ErrDamaged) || !strings.Contains(err.Error(), c.File) {
				t.Errorf("without it: %v", err)
			}
		})
	}
}

// TestNoBaseBehindAGap: an older checkpoint, whole, does not stand for the newest one that is
// lost when the log between them is gone. Nothing may be built over the gap.
func TestNoBaseBehindAGap(t *testing.T) {
	j := newJournal(t, 500)
	j.random(60)
	j.checkpoint(10)
	c := j.checkpoint(50)
	j.seal(500)
	if _, err := j.log.DropBefore(51); err != nil {
		t.Fatal(err)
	}
	if m := j.log.Manifest(); m.First <= 11 || len(m.Checkpoints) != 2 {
		t.Fatalf("the log begins at @%d, with %d checkpoints", m.First, len(m.Checkpoints))
	}
	spoil(t, j.file(c.File), "flipped")
	for _, at := range []uint64{50, 55, Latest} {
		_, err := Build(j.dir, at, nil)
		var n *NoBase
		if !errors.As(err, &n) || len(n.Refused) != 1 || n.Refused[0].File != c.File {
			t.Errorf("@%d: %v", at, err)
		}
	}
	if _, err := Build(j.dir, 10, nil); !errors.Is(err, log.ErrCompacted) {
		t.Errorf("@10, which nothing after can be reached from: %v", err)
	}
}

// TestLogLost: what the log has lost is damage, never a shorter history.
func TestLogLost(t *testing.T) {
	j := newJournal(t, 300)
	j.random(60)
	j.checkpoint(50)
	j.close()
	segments, err := filepath.Glob(j.file("wal/*"))
	if err != nil || len(segments) < 4 {
		t.Fatalf("%d segments, %v", len(segments), err)
	}
	spoil(t, segments[1], "lost")
	if _, err := Build(j.dir, 40, nil); !errors.Is(err, log.ErrDamaged) {
		t.Errorf("with a lost segment @40 gives %v", err)
	}
	for _, s := range segments[2:] {
		spoil(t, s, "lost")
	}
	if _, err := Build(j.dir, Latest, nil); !errors.Is(err, log.ErrDamaged) {
		t.Errorf("a log that ends before its checkpoint gives %v", err)
	}
	if b, err := Build(j.dir, 50, nil); err != nil || b.State.Digest() != j.digests[50] {
		t.Errorf("the checkpoint itself gives %v", err)
	}
}

// TestUnapplicable: an entry that cannot be applied is named, and everything before it is
// there, wherever the mistake is found.
func TestUnapplicable(t *testing.T) {
	body := func(db int) []byte {
		var b event.Buffer
		b.Header(event.Header{DB: db, Name: "BAD"})
		b.Delete([]byte("no such key"), event.User)
		return b.Bytes()
	}
	for name, bad := range map[string][]byte{
		"no such key": body(0), "no such database": body(state.Databases), "no header": {7}, "nothing": nil,
		"no events": event.AppendHeader(nil, event.Header{Name: "BAD"})[:3], "half an event": body(0)[:12],
	} {
		t.Run(name, func(t *testing.T) {
			j := newJournal(t, 2000)
			j.random(3)
			j.log.Append(log.KindChange, 0, bad)
			if err := j.log.Commit(); err != nil {
				t.Fatal(err)
			}
			_, err := Build(j.dir, Latest, nil)
			var u *Unapplicable
			if !errors.As(err, &u) || u.Offset != 4 || !errors.Is(err, log.ErrDamaged) || u.Unwrap() == nil {
				t.Errorf("it gives %v", err)
			}
			if b, err := Build(j.dir, 3, nil); err != nil || b.State.Digest() != j.digests[3] {
				t.Errorf("before it: %v", err)
			}
		})
	}
}

// TestApplierAfterAnError neither hangs nor applies more.
func TestApplierAfterAnError(t *testing.T) {
	st := state.New(Seed(testID))
	a := NewApplier(st)
	var err error
	for i := uint64(1); i <= 5000 && err == nil; i++ {
		var b event.Buffer
		b.Header(event.Header{Name: "SET"})
		b.String(fmt.Appendf(nil, "k%d", i), bytes.Repeat([]byte{1}, 1000), 0)
		if i == 100 {
			b.Delete([]byte("no such key"), event.User)
		}
		if i == 700 {
			b.String([]byte("giant"), bytes.Repeat([]byte{1}, 16*batchBytes), 0)
		}
		err = a.Add(log.Entry{Offset: i, Body: b.Bytes()})
	}
	var u *Unapplicable
	if err := a.Close(); !errors.As(err, &u) || u.Offset != 100 {
		t.Errorf("Close gives %v", err)
	}
	if n := st.TotalKeys(); n != 100 {
		t.Errorf("%d keys: the entries before it, and its own first event", n)
	}
}

func TestProgressOfABuild(t *testing.T) {
	j := newJournal(t, 1<<20)
	for i := range 60 {
		j.entry(func(b *event.Buffer) { b.String(fmt.Appendf(nil, "k%d", i), bytes.Repeat([]byte{1}, 100<<10), 0) })
	}
	j.checkpoint(20)
	j.seal(1 << 20)
	var calls, last, total int64
	if _, err := Build(j.dir, Latest, func(done, of int64) {
		if done < last || done > of {
			t.Errorf("progress %d of %d after %d", done, of, last)
		}
		calls, last, total = calls+1, done, of
	}); err != nil {
		t.Fatal(err)
	}
	if calls < 4 || last != total || total < 6<<20 || total > 8<<20 {
		t.Errorf("%d calls, ending at %d of %d", calls, last, total)
	}
}

// TestMakeBesideAWriter: checkpoints are made at offsets of a log that grows
// and rolls meanwhile, and registered by its holder.
func TestMakeBesideAWriter(t *testing.T) {
	j := newJournal(t, 3000)
	j.random(20)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var made []*Made
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			m, err := Make(j.dir, Latest, nil)
			if err != nil {
				t.Errorf("beside a writer: %v", err)
				return
			}
			made = append(made, m)
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	j.random(2000)
	close(stop)
	wg.Wait()
	for _, m := range made {
		if want := j.digests[m.Checkpoint.Offset]; m.Checkpoint.Digest != want {
			t.Errorf("the checkpoint @%d has digest %016x, it was %016x", m.Checkpoint.Offset, m.Checkpoint.Digest, want)
		}
		if err := Register(j.log, m.Checkpoint); err != nil {
			t.Error(err)
		}
		if j.log.Durable() < m.Checkpoint.Offset {
			t.Errorf("@%d is registered, the log is on the disk up to @%d", m.Checkpoint.Offset, j.log.Durable())
		}
	}
	t.Logf("%d checkpoints made while 2000 entries were written", len(made))
	again, err := Make(j.dir, made[len(made)-1].Checkpoint.Offset, nil)
	if err != nil || !again.Existed || again.Checkpoint != made[len(made)-1].Checkpoint {
		t.Errorf("made once more: %+v, %v", again, err)
	}
}

func TestRegisterRefuses(t *testing.T) {
	j := newJournal(t, 2000)
	j.random(10)
	made, err := Make(j.dir, 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	future := made.Checkpoint
	future.Offset = 11
	if err := Register(j.log, future); !errors.Is(err, log.ErrFuture) {
		t.Errorf("a future one gives %v", err)
	}
	wrong := made.Checkpoint
	wrong.Size++
	if err := Register(j.log, wrong); err == nil {
		t.Error("one of another size is registered")
	}
	spoil(t, j.file(made.Checkpoint.File), "lost")
	if err := Register(j.log, made.Checkpoint); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a lost one gives %v", err)
	}
	if n := len(j.log.Manifest().Checkpoints); n != 0 {
		t.Errorf("%d are registered", n)
	}
}
