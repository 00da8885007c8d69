package engine

import (
	"runtime"
	"testing"
	"time"
)

// TestFailureGivesMemoryUp: nobody has the state any more that a failed write has made
// worthless, so that its memory can be the next one's.
func TestFailureGivesMemoryUp(t *testing.T) {
	d := &brokenDisk{}
	h := newHarness(t, setup{faults: d.faults()})
	a := h.connect()
	a.want("+OK", "SET k v")
	collected := make(chan struct{})
	runtime.AddCleanup(h.e.state, func(c chan struct{}) { close(c) }, collected)
	d.full.Store(true)
	a.run("GET k", "SET k w")
	h.e.Commit()
	a.take()
	for deadline := time.Now().Add(20 * time.Second); ; {
		runtime.GC()
		select {
		case <-collected:
			h.post() // rebuilt
			h.healed(d, a)
			a.want("$1 v", "GET k")
			return
		case <-time.After(time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("the state that was given up is still there")
		}
	}
}
