package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much garbage may pile up before it is collected, in percent of the memory
// in use. A start allocates mostly what stays. Serving, each collection looks at
// every key, while most of the garbage is the log's write buffer, which costs
// nothing to look at: twice Go's default halves that work. But a server with
// gigabytes of data should not take three times as many.
const (
	gcLoading = 400
	gcServing = 200
	gcLeast   = 25

	// maxGarbage is how many bytes of garbage a server may have, unless gcLeast
	// percent are more.
	maxGarbage = 512 << 20
)

// gcPercent is the percentage for a server with live bytes in use.
func gcPercent(live uint64) int {
	return int(min(gcServing, max(gcLeast, maxGarbage*100/max(live, 1))))
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
