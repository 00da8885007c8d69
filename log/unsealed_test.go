package log

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// unsealedLog leaves three segments that the manifest does not know as sealed,
// as a crash does that comes before the syncer: its first fsync never returns
// while entries are written. With synced the last ten were written when the others
// were durable. It returns the segments' first offsets.
func unsealedLog(t *testing.T, synced bool) (dir string, segments []uint64) {
	t.Helper()
	dir = t.TempDir()
	release := make(chan struct{})
	hang := func() error { <-release; return nil }
	if synced {
		hang = func() error { return nil }
	}
	full := errors.New("no space left on device")
	l, _, _ := testLog(t, dir, Options{Policy: No, SegmentSize: 500, Boot: "boot-1",
		Faults: &Faults{Sync: hang, Manifest: func() error { return full }}})
	for len(segmentsOf(t, dir)) < 3 {
		fill(t, l, 1, 1)
	}
	if synced {
		if err := l.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, l, 5, 1)
	close(release)
	closeLog(t, l, false)
	segments = segmentsOf(t, dir)
	if m, err := ReadManifest(dir); err != nil || len(m.Sealed) != 0 || len(segments) != 3 {
		t.Fatalf("%v: %d sealed of %d", err, len(m.Sealed), len(segments))
	}
	return dir, segments
}

// TestStep4DamageOverSeveralUnsealedSegments harms one of three segments that no
// manifest vouches for. What the machine cannot have lost, since it has not been
// rebooted, or what an entry proves to have been durable, is damage; otherwise it
// is a torn tail, and everything after it, whole segments too, goes to quarantine.
func TestStep4DamageOverSeveralUnsealedSegments(t *testing.T) {
	for _, harm := range []string{"zeroed entry", "lost", "emptied", "cut"} {
		for _, where := range []int{0, 1} {
			for _, tc := range []struct {
				name    string
				boot    string
				synced  bool
				refused bool
			}{
				{"same boot", "boot-1", false, true},
				{"other boot", "boot-2", false, false},
				{"other boot, proven", "boot-2", true, true},
			} {
				t.Run(harm+" in segment "+string(rune('1'+where))+", "+tc.name, func(t *testing.T) {
					if harm == "lost" && where == 0 {
						tc.refused = true // the manifest names it
					}
					dir, segments := unsealedLog(t, tc.synced)
					bad := harmSegment(t, dir, segments[where], harm)
					before := filesOf(t, dir)
					l, bodies, rep, err := tryLog(dir, Options{Boot: tc.boot})
					if tc.refused {
						var dmg *Damage
						if !errors.As(err, &dmg) || dmg.Offset != bad {
							t.Fatalf("want damage at offset %d: %v", bad, err)
						}
						if filesOf(t, dir) != before {
							t.Error("a refused directory was changed")
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					wantBodies(t, bodies, int(bad)-1)
					wantAllAside(t, dir, rep, segments[where:])
					fill(t, l, 4, 1)
					closeLog(t, l, true)
					l, bodies, _ = testLog(t, dir, Options{})
					wantBodies(t, bodies, int(bad)+3)
					closeLog(t, l, true)
				})
			}
		}
	}
}

// harmSegment harms a segment and returns the first offset that is bad.
func harmSegment(t *testing.T, dir string, first uint64, how string) uint64 {
	t.Helper()
	path := segmentPath(dir, first)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(dir, first+2)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	e, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	switch how {
	case "lost":
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return first
	case "emptied":
		writeFile(t, path, nil)
		return first
	case "cut":
		writeFile(t, path, raw[:e.Pos+5])
	default:
		copy(raw[e.Pos:], make([]byte, e.Size))
		writeFile(t, path, raw)
	}
	return first + 2
}

// wantAllAside wants every byte from the cut on in quarantine.
func wantAllAside(t *testing.T, dir string, rep Report, after []uint64) {
	t.Helper()
	if rep.Cut == nil {
		t.Fatal("nothing is reported")
	}
	var kept int64
	for _, q := range rep.Cut.Quarantine {
		info, err := os.Stat(filepath.Join(dir, q))
		if err != nil {
			t.Fatal(err)
		}
		kept += info.Size()
	}
	if kept != rep.Cut.Bytes || len(rep.Cut.Quarantine) < len(after)-1 {
		t.Errorf("%d bytes in %v, reported %d", kept, rep.Cut.Quarantine, rep.Cut.Bytes)
	}
	for _, first := range after[1:] {
		if _, err := os.Stat(segmentPath(dir, first)); err == nil && first != rep.Last+1 {
			t.Errorf("the segment at %d is still there", first)
		}
	}
}
