package engine

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

// memoryHandlers are the subcommands of MEMORY that speak of the process.
func memoryHandlers() map[string]handler {
	return map[string]handler{
		"memory|doctor":       memoryDoctor,
		"memory|help":         helpOfContainer,
		"memory|malloc-stats": memoryMallocStats,
		"memory|purge":        memoryPurge,
		"memory|stats":        memoryStats,
	}
}

// memoryFigures are what MEMORY STATS and DOCTOR go by, in bytes. Keys lie in blocks of
// pages outside Go's heap; what is large of them, and all else, is in it. Together they
// are what an allocator is in Redis.
type memoryFigures struct {
	used, peak int64 // by keys, as the memory limit counts
	clients    int64 // queued in transactions
	overhead   int64 // of used and clients: what is not the keys and their values
	keys       int64

	allocated int64 // blocks and objects in use
	active    int64 // pages in which they lie
	resident  int64 // and what Go keeps free
	rss       int64 // of the process
}

func (e *Engine) memoryFigures() (m memoryFigures) {
	m.used, m.rss, m.keys = e.state.Used(), residentMemory(), int64(e.state.TotalKeys())
	e.info.peak = max(e.info.peak, m.used)
	m.peak = e.info.peak
	for _, s := range e.sessions {
		m.clients += int64(s.multi.bytes)
	}
	m.overhead = m.clients
	for db := range state.Databases {
		index, expiries := e.state.Overhead(db)
		m.overhead += index + expiries
	}
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(heap)
	m.allocated = e.state.Blocks() + int64(heap[0].Value.Uint64())
	m.active = e.state.Memory() + int64(heap[0].Value.Uint64()+heap[1].Value.Uint64())
	m.resident = m.active + int64(heap[2].Value.Uint64())
	return m
}

// ratio is a part of a whole that may be nothing.
func ratio(part, whole int64) float64 { return float64(part) / float64(max(1, whole)) }

// memoryStats is MEMORY STATS: Redis' names, in its order.
func memoryStats(e *Engine, _ *Session, c *command.Call) {
	m := e.memoryFigures()
	var dbs []int
	for db := range state.Databases {
		if e.state.Keys(db) > 0 {
			dbs = append(dbs, db)
		}
	}
	c.Out.Map(27 + len(dbs))
	write := func(name string, n int64) { pairInt(c.Out, name, n) }
	writeRatio := func(name string, f float64) { c.Out.BulkString(name); c.Out.Double(f) }
	write("peak.allocated", m.peak)
	write("total.allocated", m.used)
	write("startup.allocated", 0)
	write("replication.backlog", 0)
	write("clients.slaves", 0)
	write("clients.normal", m.clients)
	write("cluster.links", 0)
	write("aof.buffer", 0) // what a turn appends is written before its end
	write("lua.caches", 0)
	write("functions.caches", 0)
	for _, db := range dbs {
		e.writeOverhead(c.Out, db)
	}
	write("overhead.total", m.overhead)
	write("keys.count", m.keys)
	write("keys.bytes-per-key", m.used/max(1, m.keys))
	dataset := max(0, m.used+m.clients-m.overhead)
	write("dataset.bytes", dataset)
	writeRatio("dataset.percentage", 100*ratio(dataset, m.used))
	writeRatio("peak.percentage", 100*ratio(m.used, m.peak))
	write("allocator.allocated", m.allocated)
	write("allocator.active", m.active)
	write("allocator.resident", m.resident)
	writeRatio("allocator-fragmentation.ratio", ratio(m.active, m.allocated))
	write("allocator-fragmentation.bytes", m.active-m.allocated)
	writeRatio("allocator-rss.ratio", ratio(m.resident, m.active))
	write("allocator-rss.bytes", m.resident-m.active)
	writeRatio("rss-overhead.ratio", ratio(m.rss, m.resident))
	write("rss-overhead.bytes", m.rss-m.resident)
	writeRatio("fragmentation", ratio(m.rss, m.used))
	write("fragmentation.bytes", m.rss-m.used)
}

// writeOverhead writes what a database's index and expiries take.
func (e *Engine) writeOverhead(out *resp.Writer, db int) {
	index, expiries := e.state.Overhead(db)
	out.BulkString(fmt.Sprintf("db.%d", db))
	out.Map(3)
	pairInt(out, "overhead.hashtable.main", index)
	pairInt(out, "overhead.hashtable.expires", expiries)
	pairInt(out, "overhead.hashtable.slot-to-keys", 0)
}

// memoryDoctor is MEMORY DOCTOR.
func memoryDoctor(e *Engine, _ *Session, c *command.Call) {
	c.Out.Verbatim("txt", e.memoryFigures().diagnosis())
}

// diagnosis tells what is wrong by Redis' measures, in our own words.
func (m memoryFigures) diagnosis() string {
	const little, much = 5 << 20, 10 << 20
	if m.used < little {
		return "The keys take less than 5 MiB: there is nothing to look at yet.\n"
	}
	var b strings.Builder
	say := func(wrong bool, format string, args ...any) {
		if wrong {
			fmt.Fprintf(&b, " * "+format+"\n", args...)
		}
	}
	exceeds := func(part, whole int64, most float64) bool {
		return ratio(part, whole) > most && part-whole > much
	}
	say(ratio(m.peak, m.used) > 1.5, "Peak: the keys took %s once and take %s now. What they do not need any more is free for others; "+
		"MEMORY PURGE gives it back to the system.", human(m.peak), human(m.used))
	say(exceeds(m.active, m.allocated, 1.1), "Fragmentation: blocks and objects of %s lie in pages of %s. Records are moved together by and by, "+
		"as commands change keys.", human(m.allocated), human(m.active))
	say(exceeds(m.resident, m.active, 1.1), "Free memory: Go's heap keeps %s beyond what is in use. It goes back by itself, or by MEMORY PURGE; "+
		"GOMEMLIMIT bounds it.", human(m.resident-m.active))
	say(exceeds(m.rss, m.resident, 1.1), "The process takes %s, which is %s more than data and Go's heap: stacks, the program itself, "+
		"and pages that are kept for new keys.", human(m.rss), human(m.rss-m.resident))
	say(m.clients > much, "Transactions: commands that clients have queued take %s.", human(m.clients))
	if b.Len() == 0 {
		return "No problem was found.\n"
	}
	return "These are not as they should be:\n\n" + b.String()
}

// memoryMallocStats is MEMORY MALLOC-STATS: what the two allocators say.
func memoryMallocStats(e *Engine, _ *Session, c *command.Call) {
	var b strings.Builder
	fmt.Fprintf(&b, "Keys, outside Go's heap:\n  %-44s %d\n  %-44s %d\n", "blocks in use:bytes", e.state.Blocks(), "pages in use:bytes", e.state.Memory())
	b.WriteString("Go:\n")
	all := metrics.All()
	samples := make([]metrics.Sample, 0, len(all))
	for _, d := range all {
		if strings.HasPrefix(d.Name, "/memory/classes/") || strings.HasPrefix(d.Name, "/gc/cycles/") || strings.HasPrefix(d.Name, "/gc/heap/") {
			samples = append(samples, metrics.Sample{Name: d.Name})
		}
	}
	metrics.Read(samples)
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 && s.Value.Uint64() < math.MaxInt64 { // no limit is the greatest number
			fmt.Fprintf(&b, "  %-44s %d\n", s.Name[1:], s.Value.Uint64())
		}
	}
	c.Out.Verbatim("txt", b.String())
}

// purgeState is what MEMORY PURGE and collectStrings have Go's collector do, beside the server.
type purgeState struct {
	running bool
	again   bool // it was asked for once more meanwhile
}

// memoryPurge is MEMORY PURGE. The keys' free pages, of which few keep memory, are given back
// at once; of Go's heap, which holds large values and buffers, all must be looked at first:
// that happens beside the server, as a rule within a second, and the answer does not wait.
func memoryPurge(e *Engine, _ *Session, c *command.Call) {
	e.state.Purge()
	e.purgeHeap(debug.FreeOSMemory)
	c.Out.OK()
}

// purgeHeap begins a collection, or wants another where one is running: however often it is
// asked for, there are two at most. A player, which has no loop, needs none.
func (e *Engine) purgeHeap(collect func()) {
	if e.purge.again = e.purge.running; e.purge.running || e.o.Post == nil {
		return
	}
	e.purge.running = true
	post := e.o.Post
	go func() {
		collect()
		post(func() {
			e.purge.running = false
			if e.purge.again {
				e.purgeHeap(debug.FreeOSMemory)
			}
		})
	}()
}

// collectFrom is how many bytes of long strings the collector may have to give back before
// it is asked to run.
const collectFrom = 64 << 20

// collectStrings has the collector run where replies had much of strings that are gone: that
// memory is not Go's, so it does not know that it is worth its while.
func (e *Engine) collectStrings() {
	if e.state.LetGone() >= collectFrom && !e.purge.running {
		e.state.Collecting()
		e.purgeHeap(runtime.GC)
	}
}
