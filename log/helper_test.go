package log

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// entry is what a test appends: number i has a body that says so.
func body(i uint64) []byte { return fmt.Appendf(nil, "body of entry %d", i) }

// testLog opens dir for appending, creating it first where it is new. Bodies
// that the scan hands out are returned.
func testLog(t testing.TB, dir string, o Options) (*Log, []string, Report) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, manifestName)); err != nil {
		if _, err := Create(dir, CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	l, bodies, rep, err := tryLog(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return l, bodies, rep
}

func tryLog(dir string, o Options) (*Log, []string, Report, error) {
	d, err := OpenDir(dir, o)
	if err != nil {
		return nil, nil, Report{}, err
	}
	var bodies []string
	rep, err := d.Scan(0, func(e Entry) error {
		bodies = append(bodies, string(e.Body))
		return nil
	})
	if err != nil {
		d.Close()
		return nil, bodies, rep, err
	}
	l, err := d.OpenAppend()
	if err != nil {
		d.Close()
	}
	return l, bodies, rep, err
}

// fill appends n entries in turns of the given size.
func fill(t testing.TB, l *Log, n, turn int) {
	t.Helper()
	for i := 0; i < n; {
		for k := 0; k < turn && i < n; k++ {
			l.Append(KindChange, 1_000_000*int64(l.Next()), body(l.Next()))
			i++
		}
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

func wantBodies(t testing.TB, got []string, n int) {
	t.Helper()
	if len(got) != n {
		t.Fatalf("%d entries, want %d", len(got), n)
	}
	for i, b := range got {
		if b != string(body(uint64(i+1))) {
			t.Fatalf("entry %d holds %q", i+1, b)
		}
	}
}

func closeLog(t testing.TB, l *Log, clean bool) {
	t.Helper()
	if err := l.Close(clean); err != nil {
		t.Fatal(err)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs (go test -run %s -rewrite, then read the diff):\n%s", path, t.Name(), got)
	}
}

func entrySizes(t *testing.T, dir string) []int64 {
	t.Helper()
	r, err := OpenReader(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var sizes []int64
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return sizes
		}
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, int64(e.Size))
	}
}

func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func walFiles(t *testing.T, dir string) []string {
	t.Helper()
	segments, err := listSegments(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range segments {
		out = append(out, "wal/"+segmentName(s))
	}
	return out
}

func segmentsOf(t testing.TB, dir string) []uint64 {
	t.Helper()
	segments, err := listSegments(dir)
	if err != nil {
		t.Fatal(err)
	}
	return segments
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for something that another goroutine does.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("not in 30 s: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
