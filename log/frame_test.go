package log

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestLibraryNeverRolls pins what this package relies on in tidwall/wal: a
// uvarint length before each entry, and no segment of its own making.
func TestLibraryNeverRolls(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{})
	first := make([]byte, 300)
	l.Append(KindChange, 1, first)
	l.Append(KindChange, 2, []byte("x"))
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	f1 := appendFrame(nil, l.seed, base{first: 1}, Entry{Offset: 1, Kind: 1, Time: 1, Body: first})
	f2 := appendFrame(nil, l.seed, base{first: 1, time: 1}, Entry{Offset: 2, Kind: 1, Time: 2, Body: []byte("x")})
	want := append([]byte{byte(len(f1)) | 0x80, byte(len(f1) >> 7)}, f1...)
	want = append(append(want, byte(len(f2))), f2...)
	if !bytes.Equal(raw, want) {
		t.Fatalf("the library wrote\n%s, not a length before each frame\n%s", hex.Dump(raw), hex.Dump(want))
	}
	big := make([]byte, 1<<20)
	for range 24 { // 24 MiB: beyond the library's default of 20
		l.Append(KindChange, 3, big)
	}
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
	if segs, _ := listSegments(dir); len(segs) != 1 {
		t.Fatalf("the library rolled by itself: %v", segs)
	}
	closeLog(t, l, true)
}

func TestGoldenFrames(t *testing.T) {
	var id ID
	copy(id[:], "the log's own id")
	seed := seedOf(id)
	var b strings.Builder
	for _, tc := range []struct {
		name string
		b    base
		e    Entry
	}{
		{"first of a segment: absolute time", base{first: 1000}, Entry{Offset: 1000, Kind: 1, Time: 1767225600000000, Synced: 999, Body: []byte("body")}},
		{"later: deltas", base{first: 1000, time: 1767225600000000}, Entry{Offset: 1300, Kind: 1, Time: 1767225600001000, Synced: 1000, Body: []byte("body")}},
		{"empty body", base{first: 1, time: 7}, Entry{Offset: 2, Kind: 1, Time: 7, Synced: 0}},
	} {
		p := appendFrame(nil, seed, tc.b, tc.e)
		fmt.Fprintf(&b, "# %s\n%s\n", tc.name, hex.Dump(p))
		var got Entry
		err := parseFrame(&got, p, seed, tc.b)
		if err != nil || got.Offset != tc.e.Offset || got.Time != tc.e.Time || got.Synced != tc.e.Synced || !bytes.Equal(got.Body, tc.e.Body) {
			t.Errorf("%s: read back as %+v, %v", tc.name, got, err)
		}
		if err := parseFrame(&got, p, seed+1, tc.b); err == nil {
			t.Errorf("%s: a frame of another log was accepted", tc.name)
		}
	}
	golden(t, "frames.txt", b.String())
}

// TestSizeOfSet holds the price of a SET of a 16-byte key and a 32-byte value,
// whose body has 63 bytes (package event pins that).
func TestSizeOfSet(t *testing.T) {
	b := base{first: 1, time: 1767225600000000}
	for _, tc := range []struct {
		what   string
		offset uint64
		micros int64
		lag    uint64
	}{
		{"busy: 200,000 entries and a second into a segment", 200_000, 1_000_000, 16_000},
		{"quiet: four minutes into it", 2_000, 240_000_000, 20},
	} {
		e := Entry{Offset: tc.offset, Kind: 1, Time: b.time + tc.micros, Synced: tc.offset - tc.lag, Body: make([]byte, 63)}
		size := len(appendFrame(nil, 0, b, e)) + 1
		t.Logf("%s: %d bytes", tc.what, size)
		if size > 80 {
			t.Errorf("%s: %d bytes of log, want at most 80", tc.what, size)
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add(appendFrame(nil, 5, base{first: 1}, Entry{Offset: 1, Kind: 1, Time: 9, Body: []byte("b")}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var e Entry
		if err := parseFrame(&e, data, 5, base{first: 1}); err == nil && e.Synced > e.Offset {
			t.Fatalf("%+v", e)
		}
		r := newSegmentReader(bytes.NewReader(data), 5, 1)
		for range len(data) + 1 {
			if _, err := r.read(); err != nil {
				break
			}
		}
		if r.pos > int64(len(data)) {
			t.Fatal("read beyond the end")
		}
	})
}
