package log

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStep4EveryBitFlip flips every bit of a log of 16 KiB in three segments. Each
// is found: the start refuses, or cuts a torn tail and says so. What is refused
// is left as it is, and what is handed out is never anything that was not
// written.
func TestStep4EveryBitFlip(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 6000})
	fill(t, l, 480, 16)
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l, false)
	segments, err := listSegments(dir)
	if err != nil {
		t.Fatal(err)
	}
	flips, refused, cut, bytesTotal := 0, 0, 0, 0
	d, err := OpenDir(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, first := range segments {
		path := segmentPath(dir, first)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bytesTotal += len(whole)
		step := 1
		if testing.Short() {
			step = 13
		}
		for bit := 0; bit < len(whole)*8; bit += step {
			verdict := scanWithFlip(t, d, path, whole, bit)
			flips++
			switch {
			case errors.Is(verdict.err, ErrDamaged):
				refused++
			case verdict.err == nil && verdict.cut && first == segments[len(segments)-1]:
				cut++
			default:
				t.Fatalf("segment %d, bit %d of byte %d: %+v", first, bit%8, bit/8, verdict)
			}
			if verdict.entries < int(first)-1 {
				t.Fatalf("segment %d, bit %d of byte %d: good entries before it were not handed out", first, bit%8, bit/8)
			}
		}
	}
	if len(segments) < 3 {
		t.Fatalf("only %d segments", len(segments))
	}
	t.Logf("%d bytes in %d segments: bits flipped %d, found %d (refused %d, cut as a torn tail and reported %d)",
		bytesTotal, len(segments), flips, refused+cut, refused, cut)
}

type verdict struct {
	entries int
	cut     bool
	err     error
}

// scanWithFlip scans d with one bit of a file flipped, as a start would, and
// puts everything back.
func scanWithFlip(t *testing.T, d *Dir, path string, whole []byte, bit int) verdict {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	poke := func(at int, p []byte) {
		if _, err := f.WriteAt(p, int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	poke(bit/8, []byte{whole[bit/8] ^ 1<<(bit%8)})
	n := 0
	rep, err := d.Scan(0, func(e Entry) error {
		n++
		if string(e.Body) != string(body(e.Offset)) {
			t.Fatalf("entry %d was handed out as %q", e.Offset, e.Body)
		}
		return nil
	})
	if rep.Cut == nil {
		poke(bit/8, whole[bit/8:bit/8+1])
		return verdict{n, false, err}
	}
	poke(0, whole)
	for _, q := range rep.Cut.Quarantine {
		os.Remove(filepath.Join(d.Path, q))
	}
	return verdict{n, true, err}
}

// TestStep4EachFileLost loses and empties each file once: it is refused by name.
func TestStep4EachFileLost(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 300})
	fill(t, l, 60, 2)
	closeLog(t, l, true)
	segments, err := listSegments(dir)
	if err != nil || len(segments) < 4 {
		t.Fatalf("%d segments, %v", len(segments), err)
	}
	files := []string{manifestName}
	for _, s := range segments {
		files = append(files, "wal/"+segmentName(s))
	}
	n := 0
	for _, file := range files {
		for _, how := range []string{"lost", "emptied", "cut in half"} {
			c := copyDir(t, dir)
			path := filepath.Join(c, file)
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			switch how {
			case "lost":
				err = os.Remove(path)
			case "emptied":
				err = os.WriteFile(path, nil, 0o600)
			default:
				err = os.WriteFile(path, raw[:len(raw)/2], 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			_, _, _, err = tryLog(c, Options{})
			if len(raw) == 0 && how != "lost" {
				continue // the newest segment was empty already
			}
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), file) {
				t.Errorf("%s %s: %v", file, how, err)
			}
			n++
			checked, err := Check(c, nil)
			if err != nil || !checked.Damaged() {
				t.Errorf("%s %s: check found %+v, %v", file, how, checked, err)
			}
		}
	}
	t.Logf("%d files, %d losses, all refused by name", len(files), n)
}

func TestStep4ForeignSegment(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	for _, dir := range []string{a, b} {
		l, _, _ := testLog(t, dir, Options{SegmentSize: 500})
		fill(t, l, 60, 4)
		closeLog(t, l, true)
	}
	raw, _ := os.ReadFile(segmentPath(b, 1))
	if err := os.WriteFile(segmentPath(a, 1), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := tryLog(a, Options{}); !errors.Is(err, ErrDamaged) {
		t.Fatalf("a segment of another log, of the same size: %v", err)
	}
}
