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
	rep, err := Repair(dir, out)
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
	if _, err := Repair(dir, dir); !errors.Is(err, ErrExists) {
		t.Errorf("repair over itself: %v", err)
	}
}
