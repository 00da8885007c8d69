package main

import (
	"path/filepath"
	"testing"

	"github.com/altilium-db/altilium/log"
)

// TestStillNamed: a checkpoint that a running server has let go is no damage,
// one that the manifest names is.
func TestStillNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := prepareDir(dir); err != nil {
		t.Fatal(err)
	}
	if code := run([]string{"checkpoint", "--dir", dir}); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	m, err := log.ReadManifest(dir)
	if err != nil || len(m.Checkpoints) != 1 {
		t.Fatalf("%d checkpoints: %v", len(m.Checkpoints), err)
	}
	gone := m.Checkpoints[0]
	gone.Offset++
	if !stillNamed(dir, m.Checkpoints[0]) || stillNamed(dir, gone) || !stillNamed(dir+"x", gone) {
		t.Error("what the manifest names is mistaken")
	}
}
