package log

import (
	"errors"
	"os"
	"path/filepath"
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
			if _, err := Repair(dir, filepath.Join(t.TempDir(), "x"), func(Checkpoint) bool { return false }); err != nil {
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
