package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much garbage may pile up before it is collected. Keys are not on Go's heap but
// for large values, and a turn makes next to none: there need not be much. A start
// allocates mostly what stays.
const (
	gcLoading = 400 // percent of the memory in use
	gcServing = 100

	leastGarbage = 32 << 20  // bytes that are always allowed, as far as gcServing goes
	mostGarbage  = 512 << 20 // and never more than these, or a quarter of the memory in use
)

// gcPercent is the percentage for a server with live bytes in use.
func gcPercent(live uint64) int {
	garbage := max(leastGarbage, min(live/4, mostGarbage))
	return int(min(gcServing, max(5, garbage*100/max(live, 1))))
}

// setGC sets the percentage, unless GOGC in the environment does.
func setGC(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// tuneGC lets the percentage follow the memory in use until ctx ends.
func tuneGC(ctx context.Context) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	set := 0
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		metrics.Read(live)
		if p := gcPercent(live[0].Value.Uint64()); set == 0 || p < set*9/10 || p > set*11/10 {
			set = p
			setGC(p)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
