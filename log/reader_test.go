package log

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestReaderFollowsOverRolls(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 400})
	inside, err := l.Reader(1)
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	outside, err := OpenReader(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	seen := uint64(0)
	for round := range 60 {
		fill(t, l, 1+round%7, 3)
		for _, r := range []*Reader{inside, outside} {
			for {
				e, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if string(e.Body) != string(body(e.Offset)) || e.Time != int64(e.Offset)*1_000_000 {
					t.Fatalf("entry %d: %q at %d", e.Offset, e.Body, e.Time)
				}
				seen++
			}
			if r.Pos() != l.Last()+1 {
				t.Fatalf("read up to %d, committed %d", r.Pos()-1, l.Last())
			}
		}
	}
	if seen != 2*l.Last() {
		t.Errorf("%d entries seen, want twice %d", seen, l.Last())
	}
	// Random access, forward and back, by the sparse index and without it.
	for _, off := range []uint64{1, l.Last(), 17, 100, 3, l.Last() / 2} {
		if err := inside.Seek(off); err != nil {
			t.Fatal(err)
		}
		if e, err := inside.Next(); err != nil || e.Offset != off || string(e.Body) != string(body(off)) {
			t.Fatalf("seek %d: got %d, %v", off, e.Offset, err)
		}
	}
	if err := outside.Seek(l.Last() + 2); !errors.Is(err, ErrFuture) {
		t.Errorf("two after the end: %v", err)
	}
	closeLog(t, l, true)
}

func TestSeekBySparseIndex(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{})
	fill(t, l, 5000, 100)
	r, err := l.Reader(5000)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n := len(r.idx[1]); n != 4 {
		t.Fatalf("%d marks after reading 5000 entries", n)
	}
	for off := uint64(5000); off > 0; off -= 37 {
		if err := r.Seek(off); err != nil {
			t.Fatal(err)
		}
		if e, err := r.Next(); err != nil || string(e.Body) != string(body(off)) || e.Time != int64(off)*1_000_000 {
			t.Fatalf("seek %d: %+v, %v", off, e, err)
		}
		if off < 37 {
			break
		}
	}
	closeLog(t, l, true)
}

// TestReaderWhole: the end that a reader finds is judged as a start would judge it.
func TestReaderWhole(t *testing.T) {
	flip := func(raw []byte) []byte { raw[len(raw)/2] ^= 1; return raw }
	for _, tc := range []struct {
		name   string
		clean  bool
		change func(raw []byte) []byte
		want   string // in the error; none: it is whole
	}{
		{"all is there", true, bytes.Clone, ""},
		{"a torn tail", false, func(raw []byte) []byte { return raw[:len(raw)-3] }, ""},
		{"more than there was", true, func(raw []byte) []byte { return append(raw, 1, 2) }, ""},
		{"damage after a stop in order", true, flip, "the entry fails its CRC; the server stopped in order at offset 10"},
		{"damage after a crash", false, flip, "after it is whole, and the machine has not lost power since"},
		{"the end is lost", true, func(raw []byte) []byte { return raw[:0] }, "the log ends here; the server stopped in order at offset 10"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if strings.Contains(tc.want, "lost power") && bootID() == "" {
				t.Skip("this system does not tell one boot from another")
			}
			dir := t.TempDir()
			l, _, _ := testLog(t, dir, Options{Boot: bootID()})
			fill(t, l, 10, 10)
			closeLog(t, l, tc.clean)
			rewriteSegment(t, dir, 1, tc.change)
			r, err := OpenReader(dir, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for err == nil {
				_, err = r.Next()
			}
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			err = r.Whole()
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (!errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func TestFindTime(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 400})
	fill(t, l, 100, 3)
	closeLog(t, l, true)
	for _, tc := range []struct {
		micros int64
		want   uint64
	}{{0, 0}, {999_999, 0}, {1_000_000, 1}, {50_500_000, 50}, {100_000_000, 100}, {1 << 60, 100}} {
		got, err := FindTime(dir, tc.micros)
		if err != nil || got != tc.want {
			t.Errorf("%d: %d, want %d (%v)", tc.micros, got, tc.want, err)
		}
	}
}

// TestReaderReuse: who reads with Reuse sees the same entries, over rolls, each until the
// next; and does take the memory again.
func TestReaderReuse(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 20_000})
	defer closeLog(t, l, true)
	fill(t, l, 3000, 7)
	plain, err := OpenReader(dir, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	r, err := OpenReader(dir, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.Reuse()
	overwritten := false
	var kept []byte
	for i := uint64(100); i <= 3000; i++ {
		want, err := plain.Next()
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Next()
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("@%d: %v, %v, want %v", i, got, err, want)
		}
		if i == 2000 { // the memory has grown to what it will be
			kept = got.Body
		}
		overwritten = overwritten || kept != nil && string(kept) != string(body(2000))
	}
	if len(segmentsOf(t, dir)) < 3 || !overwritten {
		t.Errorf("%d segments, memory was used again: %v", len(segmentsOf(t, dir)), overwritten)
	}
}

// TestReaderReuseOfLong: the memory of a long entry is given back, at the latest when there
// is nothing to read.
func TestReaderReuseOfLong(t *testing.T) {
	l, _, _ := testLog(t, t.TempDir(), Options{})
	defer closeLog(t, l, true)
	r, err := l.Reader(1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.Reuse()
	long := bytes.Repeat([]byte("long "), readKeep)
	next := func(n int, want []byte) {
		t.Helper()
		for range n {
			if e, err := r.Next(); err != nil || !bytes.Equal(e.Body, want) {
				t.Fatalf("@%d: %d bytes, %v", e.Offset, len(e.Body), err)
			}
		}
	}
	for _, after := range []int{0, 1000} {
		for _, body := range append([][]byte{long}, slices.Repeat([][]byte{long[:1000]}, after)...) {
			l.Append(KindChange, 1, body)
		}
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
		next(1, long)
		if cap(r.seg.spare) < len(long) {
			t.Fatalf("%d bytes are read in %d", len(long), cap(r.seg.spare))
		}
		next(after, long[:1000])
		if after == 0 {
			ctx, stop := context.WithCancel(context.Background())
			stop()
			if err := r.Wait(ctx); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		if cap(r.seg.spare) > readKeep {
			t.Errorf("%d entries after it, %d bytes are kept", after, cap(r.seg.spare))
		}
	}
}

// TestManifestReader: a manifest is read again when it has changed, and only then.
func TestManifestReader(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{})
	defer closeLog(t, l, true)
	r := ManifestReader{Dir: dir}
	first, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.Read(); again != first || err != nil {
		t.Errorf("decoded again: %v", err)
	}
	if err := l.UpdateManifest(func(m *Manifest) error { m.Tags["x"] = 1; return nil }); err != nil {
		t.Fatal(err)
	}
	if now, err := r.Read(); err != nil || now == first || now.Tags["x"] != 1 {
		t.Errorf("after a change: %v, %v", now, err)
	}
	if _, err := (&ManifestReader{Dir: t.TempDir()}).Read(); !errors.Is(err, ErrNoLog) {
		t.Errorf("without one: %v", err)
	}
}
