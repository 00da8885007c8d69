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

	leastGarbage = 32 << 20  // bytes that are always allowed, as far as the percentage goes
	mostGarbage  = 512 << 20 // and never more than these, or a quarter of the memory in use
)

// gcPercent is the percentage, at most so large, for a server with live bytes in use.
func gcPercent(live uint64, most int) int {
	garbage := max(leastGarbage, min(live/4, mostGarbage))
	return int(min(uint64(most), max(5, garbage*100/max(live, 1))))
}

// setGC sets the percentage, unless GOGC in the environment does.
func setGC(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// tuneGC lets the percentage follow the memory in use until ctx ends, with a start first,
// which may take in a gigabyte of large values a second.
func tuneGC(ctx context.Context, loaded <-chan struct{}) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	set, most := 0, gcLoading
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		metrics.Read(live)
		if p := gcPercent(live[0].Value.Uint64(), most); set == 0 || p < set*9/10 || p > set*11/10 {
			set = p
			setGC(p)
		}
		select {
		case <-ctx.Done():
			return
		case <-loaded:
			loaded, most = nil, gcServing
			tick.Reset(time.Second)
		case <-tick.C:
		}
	}
}
