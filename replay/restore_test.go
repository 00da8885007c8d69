package replay

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
)

// opens opens a restored directory as a server would and holds it against what
// it must be, then writes to it and opens it again.
func opens(t *testing.T, dir string, offset, digest uint64) {
	t.Helper()
	w := &world{t: t, dir: dir}
	w.open()
	if w.Log.Last() != offset || w.State.Digest() != digest {
		t.Fatalf("%s opens @%d with digest %016x, want @%d with %016x", dir, w.Log.Last(), w.State.Digest(), offset, digest)
	}
	before := w.Log.LastTime()
	w.set("written", "after it")
	if w.Log.Last() != offset+1 || w.Log.LastTime() < before {
		t.Errorf("the next entry is @%d at %d, after %d", w.Log.Last(), w.Log.LastTime(), before)
	}
	now := w.State.Digest()
	w.stop(true)
	w.open()
	if w.State.Digest() != now || w.Log.Last() != offset+1 {
		t.Errorf("it opens again @%d with %016x", w.Log.Last(), w.State.Digest())
	}
	w.stop(true)
}

// TestRestoreAnywhere restores to every kind of point of a running server's log.
func TestRestoreAnywhere(t *testing.T) {
	w := newWorld(t, 700)
	w.random(60)
	w.checkpoint(30)
	for _, at := range []uint64{0, 1, 17, 29, 30, 31, 59, 60} {
		out := filepath.Join(t.TempDir(), "out")
		if at%2 == 0 { // an empty directory will do as well as none
			if err := os.Mkdir(out, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		before := contents(t, w.file("wal")) // the manifest is the running server's to change
		r, err := Restore(w.dir, AtOffset(at), out, Wanted{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Offset != at || r.Digest != w.digests[at] || r.Parent != (log.Parent{LogID: w.Log.ID(), Offset: at}) || r.LogID == w.Log.ID() {
			t.Errorf("@%d: %+v", at, r)
		}
		if !maps.Equal(before, contents(t, w.file("wal"))) {
			t.Errorf("@%d: the source changed", at)
		}
		info, err := os.Stat(out)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
			t.Errorf("@%d: the directory has mode %o", at, info.Mode().Perm())
		}
		m, err := log.ReadManifest(out)
		if err != nil || m.RootID() != w.Log.Manifest().RootID() || m.First != at+1 || *m.Parent != r.Parent || len(m.Checkpoints) != 1 {
			t.Errorf("@%d: manifest %+v, %v", at, m, err)
		}
		opens(t, out, at, w.digests[at])
		// And from there once more, as if nothing had been in between.
		again := filepath.Join(t.TempDir(), "again")
		if _, err := Restore(out, AtOffset(at), again, Wanted{}, nil); err != nil {
			t.Fatal(err)
		}
		opens(t, again, at, w.digests[at])
	}
}

func TestRestoreRefuses(t *testing.T) {
	w := newWorld(t, 0)
	w.random(5)
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(w.dir, link); err != nil {
		t.Skip(err)
	}
	foreign := filepath.Join(t.TempDir(), "out")
	if err := os.MkdirAll(filepath.Join(foreign+".partial", "precious"), 0o700); err != nil {
		t.Fatal(err)
	}
	dangling, taken := filepath.Join(filepath.Dir(link), "dangling"), filepath.Join(t.TempDir(), "out")
	if err := errors.Join(os.Symlink("nowhere", dangling), os.Mkdir(taken+".partial", 0o700)); err != nil {
		t.Fatal(err)
	}
	lock, err := log.Acquire(taken + ".partial")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	before := contents(t, w.dir)
	for name, c := range map[string]struct {
		out  string
		at   Point
		kind error
		says string
	}{
		"not empty":             {full, AtOffset(3), log.ErrExists, "mine"},
		"the source":            {w.dir, AtOffset(3), log.ErrExists, w.dir},
		"the source, a detour":  {filepath.Join(w.dir, "wal", ".."), AtOffset(3), log.ErrExists, w.dir},
		"the source, a link":    {link, AtOffset(3), log.ErrExists, w.dir},
		"in the source":         {w.file("new"), AtOffset(3), log.ErrExists, w.dir},
		"in it, through a link": {filepath.Join(link, "a", "b"), AtOffset(3), log.ErrExists, w.dir},
		"around the source":     {filepath.Dir(w.dir), AtOffset(3), log.ErrExists, w.dir},
		"another's partial":     {foreign, AtOffset(3), log.ErrExists, "precious"},
		"a file":                {filepath.Join(full, "mine"), AtOffset(3), log.ErrExists, "mine"},
		"in a file":             {filepath.Join(full, "mine", "new"), AtOffset(3), log.ErrExists, "mine"},
		"a link to nothing":     {dangling, AtOffset(3), log.ErrExists, "symbolic link"},
		"somebody is at it":     {taken, AtOffset(3), log.ErrInUse, ".partial"},
		"the future":            {filepath.Join(full, "new"), AtOffset(6), log.ErrFuture, "@5"},
		"no tag":                {filepath.Join(full, "new"), Point{text: "t", form: byTag, tag: "t"}, ErrNoTag, "t"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Restore(w.dir, c.at, c.out, Wanted{}, nil)
			if err == nil || r != nil || c.kind != nil && !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("it gives %+v, %v", r, err)
			}
		})
	}
	if !maps.Equal(before, contents(t, w.dir)) {
		t.Error("the source changed")
	}
	if _, err := Restore(filepath.Join(full, "none"), AtOffset(0), filepath.Join(full, "new"), Wanted{}, nil); !errors.Is(err, log.ErrNoLog) {
		t.Errorf("no source gives %v", err)
	}
	if files, err := os.ReadDir(full); err != nil || len(files) != 1 {
		t.Errorf("%v is left behind, %v", files, err)
	}
}

// TestRestoreThroughALink fills the empty directory that a symbolic link leads to, and
// leaves the link.
func TestRestoreThroughALink(t *testing.T) {
	w := newWorld(t, 0)
	w.random(20)
	home, real := t.TempDir(), filepath.Join(t.TempDir(), "real")
	link := filepath.Join(home, "link")
	if err := errors.Join(os.Mkdir(real, 0o700), os.Symlink(real, link)); err != nil {
		t.Skip(err)
	}
	if _, err := Restore(w.dir, AtOffset(7), link, Wanted{}, nil); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != real {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if files, err := os.ReadDir(home); err != nil || len(files) != 1 {
		t.Errorf("%v lies beside the link, %v", files, err)
	}
	opens(t, real, 7, w.digests[7])
}

// TestRestoreKilled stops a restore at each of its steps: there is no out, or a
// complete one; the source is as it was; and the next try succeeds.
func TestRestoreKilled(t *testing.T) {
	w := newWorld(t, 0)
	w.random(20)
	killed := errors.New("killed")
	steps := []step{stepBuilt, stepCreated, stepWritten, stepRegistered, stepVerified, stepRenamed}
	for _, at := range steps {
		for _, empty := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, empty %v", at, empty), func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "out")
				if empty {
					if err := os.Mkdir(out, 0o700); err != nil {
						t.Fatal(err)
					}
				}
				seen := 0
				_, err := restore(w.dir, AtOffset(15), out, Wanted{}, nil, func(s step) error {
					seen++
					if s == at {
						return killed
					}
					return nil
				})
				if !errors.Is(err, killed) || seen == 0 || steps[seen-1] != at {
					t.Fatalf("stopped after %d steps: %v", seen, err)
				}
				files, err := os.ReadDir(out)
				switch {
				case at == stepRenamed:
					opens(t, out, 15, w.digests[15])
					return
				case err == nil && len(files) > 0:
					t.Fatalf("a half-made out holds %s", files[0].Name())
				}
				if _, err := Restore(w.dir, AtOffset(16), out, Wanted{}, nil); err != nil {
					t.Fatalf("the next try: %v", err)
				}
				opens(t, out, 16, w.digests[16])
				if _, err := os.Stat(out + ".partial"); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s.partial is left: %v", out, err)
				}
			})
		}
	}
}

// TestRestoresOfOnePlace: of two who make the same directory one is refused, and what the
// other makes is complete, whenever the second comes.
func TestRestoresOfOnePlace(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it has no locks for directories")
	}
	w := newWorld(t, 0)
	w.random(20)
	for at, want := range map[step]error{
		stepCreated: log.ErrInUse, stepWritten: log.ErrInUse, stepRegistered: log.ErrInUse, stepVerified: log.ErrInUse,
		stepRenamed: log.ErrExists,
	} {
		t.Run(string(at), func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			// The second has seen a free place before the first began.
			late, err := log.NewPlace(w.dir, out)
			if err != nil {
				t.Fatal(err)
			}
			_, err = restore(w.dir, AtOffset(15), out, Wanted{}, nil, func(s step) error {
				if s != at {
					return nil
				}
				if _, err := Restore(w.dir, AtOffset(15), out, Wanted{}, nil); !errors.Is(err, want) {
					t.Errorf("the second gets %v, want %v", err, want)
				}
				if err := late.Make(func() error { return nil }); !errors.Is(err, want) {
					t.Errorf("a late second gets %v, want %v", err, want)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			opens(t, out, 15, w.digests[15])
			if _, err := os.Stat(out + ".partial"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s.partial is left: %v", out, err)
			}
		})
	}
}

// TestRestoreVerifies: a restored directory that is not the state it should be
// never gets its name.
func TestRestoreVerifies(t *testing.T) {
	w := newWorld(t, 0)
	w.random(20)
	out := filepath.Join(t.TempDir(), "out")
	_, err := restore(w.dir, AtOffset(15), out, Wanted{}, nil, func(s step) error {
		if s == stepRegistered {
			chop(t, filepath.Join(out+".partial", filepath.FromSlash(compaction.FileName(15))), 9)
		}
		return nil
	})
	if !errors.Is(err, log.ErrDamaged) {
		t.Errorf("it gives %v", err)
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("out is there: %v", err)
	}
}

// TestLostCheckpointOfARestore: nothing else stands for what came before.
func TestLostCheckpointOfARestore(t *testing.T) {
	w := newWorld(t, 0)
	w.random(20)
	out := filepath.Join(t.TempDir(), "out")
	if _, err := Restore(w.dir, AtOffset(15), out, Wanted{}, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(out, filepath.FromSlash(compaction.FileName(15)))
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	failed(t, out, log.ErrDamaged, compaction.FileName(15))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	failed(t, out, log.ErrDamaged, compaction.FileName(15), "missing")
}

func TestStateAt(t *testing.T) {
	w := newWorld(t, 700)
	w.random(50)
	w.checkpoint(20)
	for _, at := range []string{"@0", "@19", "@20", "@21", "@last", "@last-3", "@2026-01-01T00:00:33.5Z"} {
		p, err := ParsePoint(at)
		if err != nil {
			t.Fatal(err)
		}
		s, err := StateAt(w.dir, p, nil)
		if err != nil {
			t.Fatal(err)
		}
		if s.State.Digest() != w.digests[s.Offset] || s.At != s.Offset {
			t.Errorf("%s: @%d has digest %016x, it was %016x", at, s.Offset, s.State.Digest(), w.digests[s.Offset])
		}
	}
	p, err := ParsePoint("@51")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := StateAt(w.dir, p, nil); !errors.Is(err, log.ErrFuture) {
		t.Errorf("@51 gives %v", err)
	}
}
