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
	var r rest
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
		if loaded == nil && r.due(readHeap()) {
			debug.FreeOSMemory()
		}
	}
}

// heap is what the Go heap looks like, as far as rest wants to know.
type heap struct {
	cycles    uint64 // collections since the start
	allocated uint64 // bytes, since the start
	held      uint64 // bytes of memory that it has of the system
}

func readHeap() heap {
	const classes = "/memory/classes/heap/"
	all := []metrics.Sample{
		{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/allocs:bytes"},
		{Name: classes + "objects:bytes"}, {Name: classes + "unused:bytes"}, {Name: classes + "free:bytes"},
	}
	metrics.Read(all)
	h := heap{cycles: all[0].Value.Uint64(), allocated: all[1].Value.Uint64()}
	for _, s := range all[2:] {
		h.held += s.Value.Uint64()
	}
	return h
}

// rest finds the moment to collect garbage though there is little new: a collection comes
// when so much has been allocated, and commands allocate next to nothing. What a large
// value took that is long deleted would stay until the two minutes are over after which Go
// collects anyhow, and a third of it longer.
type rest struct {
	seen  heap
	calm  int    // looks since the last collection
	freed uint64 // allocated, when rest was due last
}

const (
	calmLooks = 5         // seconds without a collection
	worthIt   = 128 << 20 // bytes held, and bytes allocated since the last time
)

// due looks once a second.
func (r *rest) due(h heap) bool {
	if h.cycles != r.seen.cycles {
		r.calm = 0
	}
	r.seen = h
	if r.calm++; r.calm < calmLooks || h.held < worthIt || h.allocated-r.freed < worthIt {
		return false
	}
	r.calm, r.freed = 0, h.allocated
	return true
}
