package compaction

import (
	"os"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
)

func TestSpacing(t *testing.T) {
	p := Pace{Entries: 1e6, Bytes: 100e6}
	for _, c := range []struct {
		keys  int
		bytes int64
		want  uint64
	}{
		{0, 0, 50_000},
		{49_999, 3e6, 50_000},
		{200_000, 10e6, 200_000},
		{900_000, 50e6, 500_000},    // half a second is left
		{5_000_000, 300e6, 750_000}, // a second is not possible
		{2_000_000, 0, 1_000_000},
	} {
		if got := p.Spacing(c.keys, c.bytes); got != c.want {
			t.Errorf("%d keys, %d bytes: %d entries, want %d", c.keys, c.bytes, got, c.want)
		}
	}
}

func TestOpening(t *testing.T) {
	p := Pace{Entries: 1000, Bytes: 100}
	m := &log.Manifest{First: 1}
	near := func(what string, got, want time.Duration) {
		t.Helper()
		if d := got - want; d < -5*time.Millisecond || d > 5*time.Millisecond {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	o := p.Opening(m, 0)
	near("an empty log", o.Worst, 0)
	o = p.Opening(m, 2000)
	near("the end of 2000 entries", o.Worst, 2*time.Second)
	near("the middle of them", o.Typical, time.Second)
	m.Checkpoints = []log.Checkpoint{{Offset: 1000, Size: 50}, {Offset: 2000, Size: 100}}
	o = p.Opening(m, 2100)
	near("just before the second", o.Worst, 1499*time.Millisecond)
	if o.At != 1999 {
		t.Errorf("the worst point is @%d", o.At)
	}
	near("half of them", o.Typical, 777*time.Millisecond) // 777 before the first, 277 before the second
	m.First = 1001
	m.Checkpoints = m.Checkpoints[:1]
	o = p.Opening(m, 1000)
	near("only the checkpoint", o.Worst, 500*time.Millisecond)
	near("which is all there is", o.Typical, 500*time.Millisecond)
}

// TestPaceIsKept: what a checkpoint's making has measured is there for the next who asks;
// what is too little to measure by leaves it, and a rotten file is as none.
func TestPaceIsKept(t *testing.T) {
	dir := t.TempDir()
	if got := ReadPace(dir); got != assumed() {
		t.Errorf("without a file: %+v", got)
	}
	if err := os.Mkdir(dir+"/checkpoints", 0o700); err != nil {
		t.Fatal(err)
	}
	p := ReadPace(dir).Measured(50<<20, time.Second/2, 100_000, time.Second/4)
	if err := p.keep(dir); err != nil {
		t.Fatal(err)
	}
	if got := ReadPace(dir); got != p || got != (Pace{Entries: 400_000, Bytes: 100 << 20}) {
		t.Errorf("kept %+v, got %+v", p, got)
	}
	if got := p.Measured(10, time.Second, 10, time.Second); got != p {
		t.Errorf("by ten entries: %+v", got)
	}
	if err := os.WriteFile(paceFile(dir), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := ReadPace(dir); got != assumed() {
		t.Errorf("with a rotten file: %+v", got)
	}
}
