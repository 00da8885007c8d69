package log

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestStep6AppendAndReopen(t *testing.T) {
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
					if m := l.Manifest(); m.Clean != nil || m.Boot == "" {
						t.Fatalf("while a server runs the manifest has %+v and boot %q", m.Clean, m.Boot)
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

// TestStep4CutAtEveryByte cuts the newest segment at every byte of its last three
// entries: each start is automatic, keeps every whole entry, puts the rest into
// quarantine, and goes on appending.
func TestStep4CutAtEveryByte(t *testing.T) {
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

// TestStep4HoleAfterPowerLoss: pages were written out of order. Nothing proves that
// the hole was ever durable, so the start is automatic.
func TestStep4HoleAfterPowerLoss(t *testing.T) {
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

// TestStep1LockTwoProcesses starts this test binary as the second process.
func TestStep1LockTwoProcesses(t *testing.T) {
	if dir := os.Getenv("ALTILIUM_TEST_LOCK"); dir != "" {
		_, err := OpenDir(dir, Options{})
		fmt.Println("second process:", err)
		return
	}
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{})
	cmd := exec.Command(os.Args[0], "-test.run=^TestStep1LockTwoProcesses$", "-test.v")
	cmd.Env = append(os.Environ(), "ALTILIUM_TEST_LOCK="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("data directory in use: process %d", os.Getpid())) {
		t.Errorf("%v\n%s", err, out)
	}
	closeLog(t, l, true)
	l, _, _ = testLog(t, dir, Options{})
	closeLog(t, l, true)
}
