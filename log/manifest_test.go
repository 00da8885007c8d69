package log

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGoldenManifest(t *testing.T) {
	m := &Manifest{
		Format: formatOf(nil), First: 5, Active: 30,
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
	fork := m.clone()
	fork.Ancestors = []Ancestor{{LogID: ID([]byte("grandparent's id")), UpTo: 9}, {LogID: ID([]byte("the parent's own")), UpTo: 24}}
	fork.Format = formatOf(fork.Ancestors)
	forked, err := fork.encode()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "manifest_fork.txt", string(forked))
	for bit := range len(raw) * 8 {
		bad := bytes.Clone(raw)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := decodeManifest(bad); err == nil {
			t.Fatalf("bit %d of byte %d flipped: not noticed", bit%8, bit/8)
		}
	}
	t.Logf("manifest: %d bits flipped, all found", len(raw)*8)
}

// TestRootID: a new log's is random and not the id that clients are shown, it is
// kept, and what is restored from the log has it too; an old manifest's is its id.
func TestRootID(t *testing.T) {
	dir := t.TempDir()
	made, err := Create(dir, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	root := m.RootID()
	if root != made.RootID() || root == m.LogID || root == (ID{}) {
		t.Errorf("root %v of log %v, it was made as %v", root, m.LogID, made.RootID())
	}
	child, err := Create(t.TempDir(), CreateOptions{Root: &root})
	if err != nil || child.RootID() != root || child.LogID == m.LogID {
		t.Errorf("the child's root is %v, %v", child.RootID(), err)
	}
	if old := (&Manifest{LogID: m.LogID}); old.RootID() != m.LogID {
		t.Errorf("without a root it is %v", old.RootID())
	}
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

// TestCreateInterrupted lays out a directory and stops before each of the steps: whoever
// comes next finds no log, and can make one there.
func TestCreateInterrupted(t *testing.T) {
	whole := t.TempDir()
	if _, err := Create(whole, CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	order := []string{"LOCK", "wal", "checkpoints", "index", "quarantine", "recordings", "wal/" + segmentName(1),
		copyName + ".tmp", copyName, manifestName + ".tmp"}
	for n := range len(order) + 1 {
		dir := t.TempDir()
		for _, name := range order[:n] {
			path, text := filepath.Join(dir, name), ""
			if strings.HasPrefix(name, manifestName) {
				text = "{ half a manif"
			}
			info, err := os.Stat(filepath.Join(whole, name))
			if err == nil && info.IsDir() {
				err = os.Mkdir(path, 0o700)
			} else {
				err = os.WriteFile(path, []byte(text), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := OpenDir(dir, Options{}); !errors.Is(err, ErrNoLog) {
			t.Errorf("a Create that died after %v leaves %v", order[:n], err)
		}
		l, _, _ := testLog(t, dir, Options{})
		fill(t, l, 3, 1)
		closeLog(t, l, true)
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
