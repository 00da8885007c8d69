package log

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

func TestRepair(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 300})
	fill(t, l, 60, 2)
	closeLog(t, l, true)
	segments, _ := listSegments(dir)
	path := segmentPath(dir, segments[2])
	raw, _ := os.ReadFile(path)
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := tryLog(dir, Options{}); !errors.Is(err, ErrDamaged) {
		t.Fatalf("opened: %v", err)
	}
	out := filepath.Join(t.TempDir(), "new")
	rep, err := Repair(dir, out, nil)
	if err != nil {
		t.Fatal(err)
	}
	l, bodies, _ := testLog(t, out, Options{})
	wantBodies(t, bodies, int(rep.Last))
	if rep.Last < segments[2] || rep.Last > segments[3] || len(rep.Aside) == 0 {
		t.Errorf("saved up to %d, aside %v; the damage is between %d and %d", rep.Last, rep.Aside, segments[2], segments[3])
	}
	closeLog(t, l, true)
	var kept int
	for _, a := range append(rep.Aside, walFiles(t, out)...) {
		b, err := os.ReadFile(filepath.Join(out, a))
		if err != nil {
			t.Fatal(err)
		}
		kept += len(b)
	}
	var had int
	for _, a := range walFiles(t, dir) {
		b, _ := os.ReadFile(filepath.Join(dir, a))
		had += len(b)
	}
	if kept != had {
		t.Errorf("%d bytes kept of %d", kept, had)
	}
	if _, err := Repair(dir, dir, nil); !errors.Is(err, ErrExists) {
		t.Errorf("repair over itself: %v", err)
	}
}

// TestRepairIsWholeOrNot: a repair that fails at its very end leaves no directory that a
// server would open, and the next one succeeds.
func TestRepairIsWholeOrNot(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 300})
	fill(t, l, 60, 2)
	closeLog(t, l, true)
	recordings := filepath.Join(dir, "recordings")
	if err := os.Remove(recordings); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recordings, nil, 0o600); err != nil { // it cannot be listed
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "new")
	if _, err := Repair(dir, out, nil); err == nil {
		t.Fatal("repaired")
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("out is there: %v", err)
	}
	if err := os.Remove(recordings); err != nil {
		t.Fatal(err)
	}
	if _, err := Repair(dir, out, nil); err != nil {
		t.Fatal(err)
	}
	l, bodies, _ := testLog(t, out, Options{})
	wantBodies(t, bodies, 60)
	closeLog(t, l, true)
	if _, err := os.Stat(out + ".partial"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the place it was built in is still there: %v", err)
	}
}

// TestRepairKeepsWhatFollowsACheckpoint: damage before a checkpoint, in the same
// segment or in one before, costs history and nothing else.
func TestRepairKeepsWhatFollowsACheckpoint(t *testing.T) {
	for _, tc := range []struct {
		name        string
		damaged, at uint64 // offsets: of the damage, of the checkpoint
	}{
		{"in the same segment", 5, 8},
		{"just after the damage", 5, 5},
		{"in a later segment", 5, 40},
		{"the first entry", 1, 8},
		{"the last entry of all", 30, 60},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			l, _, _ := testLog(t, dir, Options{SegmentSize: 600})
			fill(t, l, 60, 1)
			if err := l.UpdateManifest(func(m *Manifest) error {
				m.AddCheckpoint(Checkpoint{Offset: tc.at, Time: int64(tc.at) * 1_000_000, File: "checkpoints/c.snap", Size: 1})
				m.Tags = map[string]uint64{"before": tc.damaged, "after": tc.at}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(dir, "checkpoints", "c.snap"), []byte("c"))
			closeLog(t, l, true)
			flipEntry(t, dir, tc.damaged)

			out := filepath.Join(t.TempDir(), "new")
			rep, err := Repair(dir, out, nil)
			if err != nil {
				t.Fatal(err)
			}
			if rep.From != tc.at || rep.Last != 60 || len(rep.Aside) == 0 {
				t.Fatalf("%+v", rep)
			}
			d, err := OpenDir(out, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if _, ok := d.Manifest.Tags["before"]; ok && tc.damaged < tc.at || d.Manifest.Tags["after"] != tc.at {
				t.Errorf("tags %v", d.Manifest.Tags)
			}
			want := tc.at
			if _, err := d.Scan(tc.at, func(e Entry) error {
				if want++; e.Offset != want || string(e.Body) != string(body(want)) {
					t.Errorf("@%d where @%d comes next: %q", e.Offset, want, e.Body)
				}
				return nil
			}); err != nil || want != 60 {
				t.Errorf("up to @%d: %v", want, err)
			}
			if _, err := Repair(dir, filepath.Join(t.TempDir(), "x"), func(*Manifest, Checkpoint) bool { return false }); err != nil {
				t.Errorf("without a usable checkpoint: %v", err)
			}
		})
	}
}

// flipEntry flips a bit in the middle of the entry at an offset.
func flipEntry(t *testing.T, dir string, offset uint64) {
	t.Helper()
	r, err := OpenReader(dir, offset)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	e, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	path := r.f.Name()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[e.Pos+int64(e.Size)/2] ^= 8
	writeFile(t, path, raw)
}

// loseManifest takes a directory's manifest and the copy.
func loseManifest(t *testing.T, dir string) {
	t.Helper()
	if err := errors.Join(os.Remove(filepath.Join(dir, manifestName)), os.Remove(filepath.Join(dir, copyName))); err != nil {
		t.Fatal(err)
	}
}

// TestRepairFigures harms a log without checkpoints in each way and wants every
// entry before the damage in the new log, every byte after it aside, and the old
// directory as it was.
func TestRepairFigures(t *testing.T) {
	manifest := func(how func(path string) error) func(*testing.T, string, []uint64) uint64 {
		return func(t *testing.T, dir string, _ []uint64) uint64 {
			if err := how(filepath.Join(dir, manifestName)); err != nil {
				t.Fatal(err)
			}
			return 60
		}
	}
	flip := func(offset func(segments []uint64) uint64) func(*testing.T, string, []uint64) uint64 {
		return func(t *testing.T, dir string, segments []uint64) uint64 {
			flipEntry(t, dir, offset(segments))
			return offset(segments) - 1
		}
	}
	for name, harm := range map[string]func(*testing.T, string, []uint64) uint64{
		"manifest lost": manifest(os.Remove),
		"manifest and its copy lost": func(t *testing.T, dir string, _ []uint64) uint64 {
			loseManifest(t, dir)
			return 60
		},
		"manifest and copy lost, an entry damaged": func(t *testing.T, dir string, segments []uint64) uint64 {
			flipEntry(t, dir, segments[2]+1)
			loseManifest(t, dir)
			return segments[2]
		},
		"manifest emptied": manifest(func(path string) error { return os.Truncate(path, 0) }),
		"manifest and an entry": func(t *testing.T, dir string, segments []uint64) uint64 {
			flipEntry(t, dir, segments[2]+1)
			if err := os.Remove(filepath.Join(dir, manifestName)); err != nil {
				t.Fatal(err)
			}
			return segments[2]
		},
		"first entry of a sealed segment":      flip(func(s []uint64) uint64 { return s[1] }),
		"in the middle of a sealed segment":    flip(func(s []uint64) uint64 { return (s[2] + s[3]) / 2 }),
		"last entry of a sealed segment":       flip(func(s []uint64) uint64 { return s[3] - 1 }),
		"first entry of the newest segment":    flip(func(s []uint64) uint64 { return s[len(s)-1] }),
		"in the middle of the newest segment":  flip(func(s []uint64) uint64 { return (s[len(s)-1] + 60) / 2 }),
		"the last entry of all, clean stop":    flip(func([]uint64) uint64 { return 60 }),
		"the very first entry, with no way on": flip(func([]uint64) uint64 { return 1 }),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l, _, _ := testLog(t, dir, Options{SegmentSize: 400})
			fill(t, l, 60, 1)
			if err := l.UpdateManifest(func(m *Manifest) error { m.Tags = map[string]uint64{"t": 3, "u": 60}; return nil }); err != nil {
				t.Fatal(err)
			}
			closeLog(t, l, true)
			segments := segmentsOf(t, dir)
			good := harm(t, dir, segments)
			before := filesOf(t, dir)
			if _, _, _, err := tryLog(dir, Options{}); !errors.Is(err, ErrDamaged) {
				t.Fatalf("opened: %v", err)
			}
			out := filepath.Join(t.TempDir(), "new")
			rep, err := Repair(dir, out, nil)
			if err != nil {
				t.Fatal(err)
			}
			if rep.Last != good || len(rep.Findings) == 0 {
				t.Errorf("saved up to @%d, want @%d; findings %v", rep.Last, good, rep.Findings)
			}
			if filesOf(t, dir) != before {
				t.Error("the old directory was changed")
			}
			wantEveryByte(t, dir, out, rep)
			c, err := Check(out, nil)
			if err != nil || c.Damaged() || len(c.Findings) > 0 {
				t.Errorf("the new directory: %+v, %v", c, err)
			}
			l, bodies, _ := testLog(t, out, Options{})
			wantBodies(t, bodies, int(good))
			for tag, at := range l.Manifest().Tags {
				if at > good {
					t.Errorf("the tag %s points to @%d", tag, at)
				}
			}
			fill(t, l, 3, 1)
			closeLog(t, l, true)
		})
	}
}

// wantEveryByte wants the bytes of the old segments in the new ones and aside.
func wantEveryByte(t *testing.T, dir, out string, rep *Repaired) {
	t.Helper()
	sum := func(dir string, files []string) (n int64) {
		for _, f := range files {
			info, err := os.Stat(filepath.Join(dir, f))
			if err != nil {
				t.Fatal(err)
			}
			n += info.Size()
		}
		return n
	}
	had, kept := sum(dir, walFiles(t, dir)), sum(out, append(walFiles(t, out), rep.Aside...))
	if had != kept {
		t.Errorf("%d bytes kept of %d", kept, had)
	}
}

// TestRepairWithoutManifestRefuses: where nobody can know any more what the log
// began with, the answer is a refusal with the way out, and no half directory.
func TestRepairWithoutManifestRefuses(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, dir string, l *Log){
		"the log begins later": func(t *testing.T, dir string, l *Log) {
			dropFront(t, l, 30)
			closeLog(t, l, true)
			if err := os.Remove(filepath.Join(dir, copyName)); err != nil {
				t.Fatal(err)
			}
		},
		"the first entry is damaged too": func(t *testing.T, dir string, l *Log) {
			closeLog(t, l, true)
			flipEntry(t, dir, 1)
			writeFile(t, filepath.Join(dir, copyName), []byte("{ half a manif"))
		},
		"the copy is older than what retention has dropped": func(t *testing.T, dir string, l *Log) {
			before, err := os.ReadFile(filepath.Join(dir, copyName))
			if err != nil {
				t.Fatal(err)
			}
			dropFront(t, l, 30)
			closeLog(t, l, true)
			writeFile(t, filepath.Join(dir, copyName), before)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l, _, _ := testLog(t, dir, Options{SegmentSize: 400})
			fill(t, l, 60, 1)
			harm(t, dir, l)
			if err := os.Remove(filepath.Join(dir, manifestName)); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "new")
			var dmg *Damage
			if rep, err := Repair(dir, out, nil); !errors.As(err, &dmg) || dmg.Hint == "" {
				t.Errorf("%+v, %v", rep, err)
			}
			if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a directory was made: %v", err)
			}
		})
	}
}

// dropFront does what retention does, as soon as the segments before an offset are sealed.
func dropFront(t *testing.T, l *Log, before uint64) {
	t.Helper()
	eventually(t, "dropped", func() bool {
		dropped, err := l.DropBefore(before)
		return err == nil && len(dropped) > 0
	})
}

// TestRepairTakesTheCopy: where the manifest is damaged, its copy has all that it said,
// also what the entries do not tell: where the log begins, the checkpoints and the tags.
func TestRepairTakesTheCopy(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 400})
	fill(t, l, 60, 1)
	fakeCheckpoint(t, l, 40)
	if err := l.UpdateManifest(func(m *Manifest) error { m.Tags = map[string]uint64{"t": 50}; return nil }); err != nil {
		t.Fatal(err)
	}
	dropFront(t, l, 30)
	closeLog(t, l, true)
	want, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, manifestName), []byte("{ half a manif"))
	out := filepath.Join(t.TempDir(), "new")
	rep, err := Repair(dir, out, nil)
	if err != nil {
		t.Fatal(err)
	}
	if rep.Last != 60 || rep.From != 0 || rep.Manifest == "" || len(rep.Lost) > 0 || len(rep.Findings) != 1 {
		t.Errorf("%+v", rep)
	}
	got, err := ReadManifest(out)
	if err != nil {
		t.Fatal(err)
	}
	want.Clean, want.Boot = nil, "" // its next start looks at it as after a crash
	if !reflect.DeepEqual(got, want) {
		t.Errorf("it has become\n%+v, was\n%+v", got, want)
	}
}

// TestRepairLeavesDeadCheckpointsBehind: one that cannot be read does not go into
// the new directory; where the log alone is not enough and none can be, there is
// no new directory.
func TestRepairLeavesDeadCheckpointsBehind(t *testing.T) {
	for _, dropped := range []bool{false, true} {
		dir := t.TempDir()
		l, _, _ := testLog(t, dir, Options{SegmentSize: 400})
		fill(t, l, 60, 1)
		if err := l.UpdateManifest(func(m *Manifest) error {
			for _, at := range []uint64{30, 40, 50} {
				m.AddCheckpoint(Checkpoint{Offset: at, File: fmt.Sprintf("checkpoints/%d", at), Size: 1})
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, "checkpoints", "30"), []byte("c"))
		writeFile(t, filepath.Join(dir, "checkpoints", "40"), nil)
		if dropped {
			eventually(t, "dropped", func() bool {
				gone, err := l.DropBefore(25)
				return err == nil && len(gone) > 0
			})
		}
		closeLog(t, l, true)
		rep, err := Repair(dir, filepath.Join(t.TempDir(), "new"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"checkpoints/40", "checkpoints/50"}; !slices.Equal(rep.Lost, want) || rep.Last != 60 {
			t.Errorf("left behind %v, want %v; up to @%d", rep.Lost, want, rep.Last)
		}
		out := filepath.Join(t.TempDir(), "new")
		_, err = Repair(dir, out, func(*Manifest, Checkpoint) bool { return false })
		_, there := os.Stat(out)
		if dropped != errors.Is(err, ErrDamaged) || dropped == (there == nil) {
			t.Errorf("dropped %v, no checkpoint usable: %v, %v", dropped, err, there)
		}
	}
}
