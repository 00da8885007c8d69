package replay

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
)

// TestGoingBackStopped: without its checkpoint the entry is there all the same, and what is
// only looked at, or too large, changes nothing.
func TestGoingBackStopped(t *testing.T) {
	w := newWorld(t, 700)
	w.random(40)
	w.do(event.Header{Name: "FLUSHALL"}, func(b *event.Buffer) { b.FlushAll() })
	w.set("later", "1")
	if _, err := RestoreInPlace(w.dir, AtOffset(9), InPlace{}); !errors.Is(err, log.ErrInUse) {
		t.Errorf("under a server: %v", err)
	}
	w.stop(true)
	before := contents(t, w.dir)
	p, err := BeforeLast(w.dir, "FlushAll")
	if err != nil || p.String() != "@40" {
		t.Fatalf("before FLUSHALL is %v, %v", p, err)
	}
	u, err := RestoreInPlace(w.dir, p, InPlace{DryRun: true})
	if err != nil || u.Removed != 1 || u.Added == 0 || u.Entry != 0 || u.Bytes == 0 {
		t.Errorf("a look: %+v, %v", u, err)
	}
	if !maps.Equal(before, contents(t, w.dir)) {
		t.Error("a look changed something")
	}
	_, err = RestoreInPlace(w.dir, p, InPlace{limit: u.Bytes - 1})
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "--out") {
		t.Errorf("too large: %v", err)
	}
	killed := errors.New("killed")
	u, err = RestoreInPlace(w.dir, p, InPlace{limit: u.Bytes, at: func(step) error { return killed }})
	if !errors.Is(err, killed) || u.Entry != 43 || u.Checkpoint {
		t.Fatalf("without a checkpoint: %+v, %v", u, err)
	}
	opens(t, w.dir, 43, w.digests[40])
	if _, err := BeforeLast(w.dir, "EXEC"); !errors.Is(err, ErrBadPoint) {
		t.Errorf("before what never was: %v", err)
	}
}
