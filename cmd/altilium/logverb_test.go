package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/replay/past"
)

// TestFollowEnds: Ctrl-C ends a log that has always another entry.
func TestFollowEnds(t *testing.T) {
	aof, dir := filepath.Join(t.TempDir(), "a.aof"), filepath.Join(t.TempDir(), "d")
	if err := os.WriteFile(aof, []byte("SET a 1\nSET b 2\nSET c 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := run([]string{"import", "--dir", dir, aof}); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	entries, err := replay.OpenEntries(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer entries.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	first := &firstWrite{then: interrupt}
	err = (&past.Source{}).Follow(ctx, entries, nil, func(_ uint64, line []byte) error { return writeLine(first, line) }, func() error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if got := first.text.String(); !strings.Contains(got, "@1 ") || strings.Contains(got, "@3 ") {
		t.Errorf("printed:\n%s", got)
	}
}

// firstWrite calls then when it is written to.
type firstWrite struct {
	text strings.Builder
	then func()
}

func (f *firstWrite) Write(p []byte) (int, error) {
	f.then()
	return f.text.Write(p)
}
