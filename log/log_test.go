package log

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
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

func TestAppendAndReopen(t *testing.T) {
	for _, policy := range []Policy{EverySec, Always, No} {
		for _, clean := range []bool{true, false} {
			t.Run(fmt.Sprint(policy, clean), func(t *testing.T) {
				dir := t.TempDir()
				total := 0
				for round := range 4 {
					l, bodies, rep := testLog(t, dir, Options{Policy: policy, SegmentSize: 700})
					wantBodies(t, bodies, total)
					if rep.Cut != nil || rep.Last != uint64(total) {
						t.Fatalf("report %+v", rep)
					}
					fill(t, l, 50+round, 1+round*3)
					total += 50 + round
					if l.Last() != uint64(total) || policy == Always && l.Durable() != l.Last() {
						t.Fatalf("last %d, durable %d", l.Last(), l.Durable())
					}
					closeLog(t, l, clean)
				}
				m, err := ReadManifest(dir)
				if err != nil {
					t.Fatal(err)
				}
				if (m.Clean != nil) != clean {
					t.Errorf("clean stop %v, mark %+v", clean, m.Clean)
				}
				if len(m.Sealed) < 3 {
					t.Errorf("only %d sealed segments: the roll was not tested", len(m.Sealed))
				}
			})
		}
	}
}

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
		got, err := parseFrame(p, seed, tc.b)
		if err != nil || got.Offset != tc.e.Offset || got.Time != tc.e.Time || got.Synced != tc.e.Synced || !bytes.Equal(got.Body, tc.e.Body) {
			t.Errorf("%s: read back as %+v, %v", tc.name, got, err)
		}
		if _, err := parseFrame(p, seed+1, tc.b); err == nil {
			t.Errorf("%s: a frame of another log was accepted", tc.name)
		}
	}
	golden(t, "frames.txt", b.String())
}

func TestGoldenManifest(t *testing.T) {
	m := &Manifest{
		Format: FormatVersion, First: 5, Active: 30,
		Parent:      &Parent{Offset: 4},
		Sealed:      []Segment{{First: 5, Count: 25, Size: 1234, LastCRC: 7, LastTime: 1767225600000000}},
		Checkpoints: []Checkpoint{{Offset: 20, Time: 1767225600000000, File: "checkpoints/00000000000000000020.snap", Size: 99, Keys: 3, Digest: 1 << 63}},
		Tags:        map[string]uint64{"pre-migrate": 12, "a": 6},
		Clean:       &CleanStop{Last: 40, CRC: 9},
	}
	copy(m.LogID[:], "the log's own id")
	raw, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "manifest.txt", string(raw))
	for bit := range len(raw) * 8 {
		bad := bytes.Clone(raw)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := decodeManifest(bad); err == nil {
			t.Fatalf("bit %d of byte %d flipped: not noticed", bit%8, bit/8)
		}
	}
	t.Logf("manifest: %d bits flipped, all found", len(raw)*8)
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

// TestCutAtEveryByte cuts the newest segment at every byte of its last three
// entries: each start is automatic, keeps every whole entry, puts the rest into
// quarantine, and goes on appending.
func TestCutAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{})
	fill(t, l, 20, 1)
	closeLog(t, l, false)
	whole, err := os.ReadFile(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	sizes := entrySizes(t, dir)
	from := int64(len(whole)) - sizes[17] - sizes[18] - sizes[19]
	cuts := 0
	for cut := from; cut < int64(len(whole)); cut++ {
		for _, tail := range []struct {
			name string
			data []byte
		}{
			{"cut", nil},
			{"zeroed", make([]byte, int64(len(whole))-cut)},
			{"garbage", bytes.Repeat([]byte{0xa5, 0x17, 0x3c}, 40)},
		} {
			c := copyDir(t, dir)
			if err := os.WriteFile(segmentPath(c, 1), append(bytes.Clone(whole[:cut]), tail.data...), 0o600); err != nil {
				t.Fatal(err)
			}
			keep, end := 0, int64(0)
			for keep < 20 && end+sizes[keep] <= cut {
				end += sizes[keep]
				keep++
			}
			l, bodies, rep := testLog(t, c, Options{})
			wantBodies(t, bodies, keep)
			if torn := cut > end || tail.data != nil; torn != (rep.Cut != nil) {
				t.Fatalf("%s at byte %d: report %+v", tail.name, cut, rep)
			}
			if rep.Cut != nil {
				kept, err := os.ReadFile(filepath.Join(c, rep.Cut.Quarantine[0]))
				if err != nil || !bytes.Equal(kept, append(bytes.Clone(whole[end:cut]), tail.data...)) {
					t.Fatalf("%s at byte %d: quarantine holds %d bytes (%v)", tail.name, cut, len(kept), err)
				}
			}
			fill(t, l, 2, 1)
			closeLog(t, l, true)
			l, bodies, _ = testLog(t, c, Options{})
			wantBodies(t, bodies, keep+2)
			closeLog(t, l, true)
			cuts++
		}
	}
	t.Logf("cuts %d, recovered %d", cuts, cuts)
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

// TestEveryBitFlip flips every bit of a log of 16 KiB in three segments. Each
// is found: the start refuses, or cuts a torn tail and says so. What is refused
// is left as it is, and what is handed out is never anything that was not
// written.
func TestEveryBitFlip(t *testing.T) {
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

// TestHoleAfterPowerLoss: pages were written out of order. Nothing proves that
// the hole was ever durable, so the start is automatic.
func TestHoleAfterPowerLoss(t *testing.T) {
	for _, tc := range []struct {
		name    string
		boot    string // at the second start
		sync    bool   // before the last entries
		refused bool
	}{
		{"other boot, nothing proven", "boot-2", false, false},
		{"same boot", "boot-1", false, true},
		{"other boot, proven by synced", "boot-2", true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			l, _, _ := testLog(t, dir, Options{Policy: No, Boot: "boot-1"})
			fill(t, l, 10, 1)
			if tc.sync {
				if err := l.Sync(); err != nil {
					t.Fatal(err)
				}
			}
			fill(t, l, 10, 1)
			closeLog(t, l, false)
			raw, _ := os.ReadFile(segmentPath(dir, 1))
			sizes := entrySizes(t, dir)
			at := sizes[0] + sizes[1] + sizes[2]
			copy(raw[at:], make([]byte, sizes[3]))
			if err := os.WriteFile(segmentPath(dir, 1), raw, 0o600); err != nil {
				t.Fatal(err)
			}
			l, bodies, rep, err := tryLog(dir, Options{Boot: tc.boot})
			if tc.refused {
				var dmg *Damage
				if !errors.As(err, &dmg) || dmg.Byte != at || dmg.Offset != 4 || !strings.Contains(err.Error(), "altilium check") {
					t.Fatalf("want damage at byte %d, offset 4, got %v", at, err)
				}
				after, _ := os.ReadFile(segmentPath(dir, 1))
				if !bytes.Equal(after, raw) {
					t.Fatal("a refused directory was changed")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wantBodies(t, bodies, 3)
			if rep.Cut == nil || rep.Cut.Offset != 4 {
				t.Fatalf("report %+v", rep)
			}
			closeLog(t, l, true)
		})
	}
}

// TestEachFileLost loses and empties each file once: it is refused by name.
func TestEachFileLost(t *testing.T) {
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

func TestForeignSegmentIsRefused(t *testing.T) {
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

// TestFailedWriteLeavesNoTrace fails writes after any number of bytes: the turn
// leaves no trace, and after Heal the log goes on where it was.
func TestFailedWriteLeavesNoTrace(t *testing.T) {
	for _, short := range []int{0, 1, 5, 20} {
		dir := t.TempDir()
		var fail atomic.Bool
		full := errors.New("no space left on device")
		l, _, _ := testLog(t, dir, Options{SegmentSize: 300, Faults: &Faults{Write: func([]byte) (int, error) {
			if fail.Load() {
				return short, full
			}
			return 0, nil
		}}})
		fill(t, l, 7, 1)
		for round := range 5 {
			fail.Store(true)
			first := l.Append(KindChange, 1, []byte("never happened"))
			l.Append(KindChange, 1, []byte("neither"))
			if err := l.Commit(); !errors.Is(err, full) {
				t.Fatalf("the failed write answered %v", err)
			}
			if l.Append(KindChange, 1, nil) != first || l.Commit() == nil {
				t.Fatal("a log that needs healing took a turn")
			}
			if l.Heal() == nil {
				t.Fatal("healed on a full disk")
			}
			fail.Store(false)
			if err := l.Heal(); err != nil {
				t.Fatal(err)
			}
			fill(t, l, 3+round, 2)
		}
		closeLog(t, l, false)
		l, bodies, rep := testLog(t, dir, Options{})
		wantBodies(t, bodies, 7+3+4+5+6+7)
		if rep.Cut != nil {
			t.Fatalf("short %d: a trace was left: %v", short, rep.Cut)
		}
		closeLog(t, l, true)
	}
}

// TestFailedFsyncIsFinal: nothing is acknowledged after it.
func TestFailedFsyncIsFinal(t *testing.T) {
	dir := t.TempDir()
	broken := errors.New("input/output error")
	var fail atomic.Bool
	var fatal atomic.Int32
	l, _, _ := testLog(t, dir, Options{Policy: Always,
		Fatal:  func(error) { fatal.Add(1) },
		Faults: &Faults{Sync: func() error { return map[bool]error{true: broken}[fail.Load()] }}})
	fill(t, l, 5, 1)
	fail.Store(true)
	l.Append(KindChange, 1, body(6))
	if err := l.Commit(); !errors.Is(err, broken) {
		t.Fatalf("acknowledged: %v", err)
	}
	fail.Store(false) // the kernel reports such an error once
	l.Append(KindChange, 1, body(6))
	if err := l.Commit(); !errors.Is(err, broken) {
		t.Fatalf("acknowledged after a failed fsync: %v", err)
	}
	if l.Heal() == nil || l.Sync() == nil {
		t.Fatal("healed after a failed fsync")
	}
	if l.Durable() != 5 || fatal.Load() != 1 {
		t.Fatalf("durable %d, fatal called %d times", l.Durable(), fatal.Load())
	}
	closeLog(t, l, true)
	if m, err := ReadManifest(dir); err != nil || m.Clean != nil {
		t.Fatalf("a stop after a failed fsync was marked clean: %v", err)
	}
}

// TestSlowFsyncDoesNotDelayEverySec: the writer goes on while an fsync hangs.
func TestSlowFsyncDoesNotDelayEverySec(t *testing.T) {
	release, entered := make(chan struct{}), make(chan struct{}, 1)
	var once atomic.Bool
	l, _, _ := testLog(t, t.TempDir(), Options{Faults: &Faults{Sync: func() error {
		if once.CompareAndSwap(false, true) {
			entered <- struct{}{}
			<-release
		}
		return nil
	}}})
	fill(t, l, 1, 1)
	<-entered // the syncer hangs
	fill(t, l, 1000, 10)
	if l.Durable() != 0 {
		t.Errorf("durable %d while the fsync hangs", l.Durable())
	}
	close(release)
	closeLog(t, l, true)
}

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

func TestFindTime(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 400})
	fill(t, l, 100, 3)
	closeLog(t, l, true)
	for _, tc := range []struct {
		micros int64
		want   uint64
	}{{0, 0}, {999_999, 0}, {1_000_000, 1}, {50_500_000, 50}, {100_000_000, 100}, {1 << 60, 100}} {
		got, _, err := FindTime(dir, tc.micros)
		if err != nil || got != tc.want {
			t.Errorf("%d: %d, want %d (%v)", tc.micros, got, tc.want, err)
		}
	}
}

func TestTimeNeverGoesBack(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 200})
	for _, micros := range []int64{1000, 500, 2000, 1, 1999, 3000} {
		for range 5 {
			l.Append(KindChange, micros, []byte("x"))
			if err := l.Commit(); err != nil {
				t.Fatal(err)
			}
		}
	}
	closeLog(t, l, true)
	l, _, _ = testLog(t, dir, Options{})
	l.Append(KindChange, 5, []byte("after a restart with the clock put back"))
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
	if l.LastTime() != 3000 {
		t.Errorf("time %d after a restart, the log was at 3000", l.LastTime())
	}
	closeLog(t, l, true)
}

func TestDropBefore(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{SegmentSize: 300, Policy: Always})
	fill(t, l, 60, 2)
	closeLog(t, l, true)
	l, _, _ = testLog(t, dir, Options{SegmentSize: 300})
	dropped, err := l.DropBefore(25)
	if err != nil || len(dropped) == 0 || dropped[len(dropped)-1].Last() >= 25 {
		t.Fatalf("dropped %v, %v", dropped, err)
	}
	first := l.Manifest().First
	if first > 25 || first == 1 {
		t.Fatalf("first is %d", first)
	}
	if _, err := OpenReader(dir, first-1); !errors.Is(err, ErrCompacted) {
		t.Errorf("reading before the first: %v", err)
	}
	// A drop that was interrupted between the manifest and the files.
	if err := os.WriteFile(segmentPath(dir, 1), []byte("left over"), 0o600); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l, true)
	l, bodies, _ := testLog(t, dir, Options{})
	if len(bodies) != int(60-first+1) || bodies[0] != string(body(first)) {
		t.Errorf("%d entries from %q on", len(bodies), bodies[0])
	}
	if _, err := os.Stat(segmentPath(dir, 1)); err == nil {
		t.Error("the left-over segment is still there")
	}
	closeLog(t, l, true)
}

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

// TestTwoProcesses starts this test binary as the second process.
func TestTwoProcesses(t *testing.T) {
	if dir := os.Getenv("ALTILIUM_TEST_LOCK"); dir != "" {
		_, err := OpenDir(dir, Options{})
		fmt.Println("second process:", err)
		return
	}
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{})
	cmd := exec.Command(os.Args[0], "-test.run=^TestTwoProcesses$", "-test.v")
	cmd.Env = append(os.Environ(), "ALTILIUM_TEST_LOCK="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("data directory in use: process %d", os.Getpid())) {
		t.Errorf("%v\n%s", err, out)
	}
	closeLog(t, l, true)
	l, _, _ = testLog(t, dir, Options{})
	closeLog(t, l, true)
}

func TestCreateRefusesWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{})
	fill(t, l, 1, 1)
	closeLog(t, l, true)
	if _, err := Create(dir, CreateOptions{}); !errors.Is(err, ErrExists) {
		t.Errorf("over a data directory: %v", err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "thesis.txt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(other, CreateOptions{}); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "thesis.txt") {
		t.Errorf("over somebody's files: %v", err)
	}
	if _, err := OpenDir(filepath.Join(dir, "none"), Options{}); !errors.Is(err, ErrNoLog) {
		t.Errorf("a missing directory: %v", err)
	}
}

func TestNewerFormat(t *testing.T) {
	dir := t.TempDir()
	m, err := Create(dir, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m.Format = FormatVersion + 1
	if err := m.write(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDir(dir, Options{}); !errors.Is(err, ErrNewerFormat) {
		t.Errorf("got %v", err)
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	l, _, _ := testLog(t, dir, Options{SegmentSize: 100})
	fill(t, l, 20, 1)
	closeLog(t, l, true)
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add(appendFrame(nil, 5, base{first: 1}, Entry{Offset: 1, Kind: 1, Time: 9, Body: []byte("b")}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := parseFrame(data, 5, base{first: 1}); err == nil && e.Synced > e.Offset {
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

func BenchmarkCommit(b *testing.B) {
	for _, turn := range []int{1, 16, 64} {
		b.Run(fmt.Sprint("turn=", turn), func(b *testing.B) {
			l, _, _ := testLog(b, b.TempDir(), Options{})
			p := make([]byte, 63)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				l.Append(KindChange, int64(i), p)
				if i%turn == turn-1 {
					if err := l.Commit(); err != nil {
						b.Fatal(err)
					}
				}
			}
			closeLog(b, l, false)
		})
	}
}

func BenchmarkScan(b *testing.B) {
	dir := b.TempDir()
	l, _, _ := testLog(b, dir, Options{})
	p := make([]byte, 63)
	for i := range 1_000_000 {
		l.Append(KindChange, int64(i), p)
		if i%100 == 0 {
			if err := l.Commit(); err != nil {
				b.Fatal(err)
			}
		}
	}
	closeLog(b, l, true)
	b.ResetTimer()
	began := time.Now()
	var bytes int64
	for b.Loop() {
		d, err := OpenDir(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		rep, err := d.Scan(0, func(Entry) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		bytes += rep.Bytes
		d.Close()
	}
	b.ReportMetric(float64(bytes)/time.Since(began).Seconds()/1e9, "GB/s")
}
