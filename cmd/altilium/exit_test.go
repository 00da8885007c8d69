package main

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/replay/session"
	"github.com/altilium-db/altilium/state"
)

// TestExitCodes: the codes are a promise to scripts.
func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{found("differences"), 1},
		{failed("ERR no"), 1},
		{importError(errImport), 1},
		{usagef("no such flag"), 2},
		{&replay.PointError{Kind: replay.ErrBadPoint}, 2},
		{replay.ErrNoTag, 2},
		{log.ErrExists, 2},
		{log.ErrCompacted, 3},
		{&replay.PointError{Kind: log.ErrCompacted}, 3},
		{log.ErrFuture, 4},
		{log.ErrDamaged, 5},
		{&log.Damage{File: "MANIFEST"}, 5},
		{session.ErrDamaged, 5},
		{log.ErrInUse, 6},
		{log.ErrNewerFormat, 7},
		{session.ErrNewerFormat, 7},
		{log.ErrNoLog, 8},
		{fs.ErrPermission, 8},
		{importError(fs.ErrNotExist), 8},
		{errGone, 8},
		{&state.OutOfMemory{}, 8},
		{errors.New("anything"), 8},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.want)
		}
		if c.err == nil {
			continue
		}
		if got := exitCode(fmt.Errorf("while reading: %w", c.err)); got != c.want {
			t.Errorf("%v, wrapped: exit code %d, want %d", c.err, got, c.want)
		}
		if got := exitCode(errors.Join(c.err, nil)); got != c.want {
			t.Errorf("%v, joined: exit code %d, want %d", c.err, got, c.want)
		}
	}
	if !isQuiet(found("x")) || isQuiet(failed("x")) || isQuiet(usagef("x")) || isQuiet(nil) {
		t.Error("what has been printed already is printed again, or never")
	}
}
