package log

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rewriteSegment changes the bytes of a segment.
func rewriteSegment(t *testing.T, dir string, first uint64, change func(raw []byte) []byte) {
	t.Helper()
	raw, err := os.ReadFile(segmentPath(dir, first))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segmentPath(dir, first), change(raw), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantRefused wants a start to be refused as damage that says all of says, and nothing
// to be changed.
func wantRefused(t *testing.T, dir string, o Options, says ...string) {
	t.Helper()
	before := snapshot(t, dir)
	_, _, _, err := tryLog(dir, o)
	if !errors.Is(err, ErrDamaged) {
		t.Fatalf("it gives %v", err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q is not said: %v", s, err)
		}
	}
	if snapshot(t, dir) != before {
		t.Error("the directory was changed")
	}
}

// snapshot is all that lies in a directory's segments and quarantine.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, sub := range []string{"wal", "quarantine"} {
		files, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			raw, err := os.ReadFile(filepath.Join(dir, sub, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s/%s %x\n", sub, f.Name(), raw)
		}
	}
	return b.String()
}

// TestStep4CheckpointIsEvidence: the log is on the disk up to a registered checkpoint.
// What is not whole before it, or missing before it, is no torn tail.
func TestStep4CheckpointIsEvidence(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{Policy: No})
	fill(t, l, 5, 1)
	if err := l.UpdateManifest(func(m *Manifest) error {
		m.AddCheckpoint(Checkpoint{Offset: 4, File: "checkpoints/none"})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l, false)
	sizes := entrySizes(t, dir)
	upTo := func(n int) (sum int64) {
		for _, size := range sizes[:n] {
			sum += size
		}
		return sum
	}
	for name, tc := range map[string]struct {
		keep int64
		says string
	}{
		"cut inside entry 4": {upTo(4) - 1, "checkpoint @4"},
		"ends with entry 3":  {upTo(3), "checkpoint @4"},
	} {
		t.Run(name, func(t *testing.T) {
			c := copyDir(t, dir)
			rewriteSegment(t, c, 1, func(raw []byte) []byte { return raw[:tc.keep] })
			wantRefused(t, c, Options{Boot: "another"}, tc.says, segmentName(1), "offset 4")
		})
	}
	c := copyDir(t, dir)
	rewriteSegment(t, c, 1, func(raw []byte) []byte { return raw[:upTo(5)-1] })
	l, bodies, rep := testLog(t, c, Options{Boot: "another"})
	if wantBodies(t, bodies, 4); rep.Cut == nil {
		t.Error("the torn tail after the checkpoint is not reported")
	}
	closeLog(t, l, true)
}

// TestStep4AnotherEnd: after a clean stop the last entry is replaced by another one of
// the same log, whole and of the same offset.
func TestStep4AnotherEnd(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{})
	fill(t, l, 4, 1)
	closeLog(t, l, true)
	other := copyDir(t, dir)
	for at, d := range map[string]string{"fifth": dir, "FIFTH": other} {
		l, _, _ := testLog(t, d, Options{})
		l.Append(KindChange, 1, []byte(at))
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
		closeLog(t, l, true)
	}
	raw, err := os.ReadFile(segmentPath(other, 1))
	if err != nil {
		t.Fatal(err)
	}
	rewriteSegment(t, dir, 1, func([]byte) []byte { return raw })
	wantRefused(t, dir, Options{}, "clean-stop mark", segmentName(1))
}

// TestStep4EntriesInTheWrongPlace: entries of equal length change places, or one is there
// twice. Each is whole; the order is not.
func TestStep4EntriesInTheWrongPlace(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{})
	for i := range uint64(6) {
		l.Append(KindChange, 1, body(i+1)) // all of them have the same length then
	}
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l, false)
	sizes := entrySizes(t, dir)
	if sizes[2] != sizes[3] {
		t.Fatalf("entries 3 and 4 have %d and %d bytes", sizes[2], sizes[3])
	}
	at, n := sizes[0]+sizes[1], sizes[2]
	for name, change := range map[string]func(raw []byte) []byte{
		"swapped": func(raw []byte) []byte {
			return bytes.Join([][]byte{raw[:at], raw[at+n : at+2*n], raw[at : at+n], raw[at+2*n:]}, nil)
		},
		"doubled": func(raw []byte) []byte {
			return bytes.Join([][]byte{raw[:at+n], raw[at:]}, nil)
		},
		"left out": func(raw []byte) []byte {
			return bytes.Join([][]byte{raw[:at], raw[at+n:]}, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := copyDir(t, dir)
			rewriteSegment(t, c, 1, change)
			wantRefused(t, c, Options{}, "the entry says it has offset")
		})
	}
}

// TestStep4HalfDoneTruncation: the library would act on these files and delete
// segments; they are refused before it is asked.
func TestStep4HalfDoneTruncation(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 200})
	fill(t, l, 20, 1)
	closeLog(t, l, true)
	for _, end := range []string{".START", ".END"} {
		c := copyDir(t, dir)
		name := segmentName(1) + end
		if err := os.WriteFile(filepath.Join(c, "wal", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		wantRefused(t, c, Options{}, name, "move it out of wal/")
		if checked, err := Check(c, nil); err != nil || !checked.Damaged() {
			t.Errorf("%s: check finds %+v, %v", name, checked, err)
		}
	}
}

// TestFoldersLeftOut: a copy of a directory without its empty folders opens, also with a
// torn tail to keep aside; without wal/ the segments are missed by name.
func TestFoldersLeftOut(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 200})
	fill(t, l, 5, 1)
	closeLog(t, l, false)
	copied := copyDir(t, dir)
	for _, sub := range []string{"checkpoints", "index", "quarantine", "recordings"} {
		if err := os.Remove(filepath.Join(copied, sub)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := ReadManifest(copied)
	if err != nil {
		t.Fatal(err)
	}
	rewriteSegment(t, copied, m.Active, func(raw []byte) []byte { return append(raw, "half an entry"...) })
	l, bodies, rep := testLog(t, copied, Options{SegmentSize: 200})
	if wantBodies(t, bodies, 5); rep.Cut == nil || len(rep.Cut.Quarantine) != 1 {
		t.Errorf("the torn tail: %+v", rep.Cut)
	}
	closeLog(t, l, true)

	if err := os.RemoveAll(filepath.Join(dir, "wal")); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := tryLog(dir, Options{}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "wal/"+segmentName(1)) {
		t.Errorf("without wal/: %v", err)
	}
	if checked, err := Check(dir, nil); err != nil || !checked.Damaged() {
		t.Errorf("without wal/ check finds %+v, %v", checked, err)
	}
}

// TestSearchOverWindows: whole entries are looked for a window at a time, and one that
// begins anywhere about the end of a window is found.
func TestSearchOverWindows(t *testing.T) {
	b := base{first: 1, time: 1000}
	frame := appendFrame(nil, 7, b, Entry{Offset: 300, Kind: KindChange, Time: 2000, Synced: 299, Body: make([]byte, 100)})
	entry := append([]byte{byte(len(frame))}, frame...)
	for before := searchWindow - 2*headMax; before < searchWindow+headMax; before++ {
		file := append(bytes.Repeat([]byte{0xff}, before), entry...)
		s := searcher{f: bytes.NewReader(file), size: int64(len(file)), seed: 7, base: base{first: 1}}
		if e, ok, err := s.next(0, 5); !ok || err != nil || e.Offset != 300 || e.Pos != int64(before) {
			t.Fatalf("after %d other bytes: %+v, %v, %v", before, e, ok, err)
		}
	}
}
