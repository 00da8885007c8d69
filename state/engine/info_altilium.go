package engine

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/altilium-db/altilium/log"
)

// infoState is what only INFO needs.
type infoState struct {
	id    string // names this run of the server, 40 hex digits; "" until asked for
	peak  int64  // the most memory that a Tick, INFO or MEMORY has seen in use, in bytes
	done  atomic.Int64
	total atomic.Int64 // bytes of the log that the start reads
}

// LoadProgress tells how far the start has come: bytes of checkpoint and log
// read, and all there are. INFO shows it. It may be called from any goroutine.
func (e *Engine) LoadProgress(done, total int64) {
	e.info.done.Store(done)
	e.info.total.Store(total)
}

// runID names this run of the server.
func (e *Engine) runID() string {
	if e.info.id == "" {
		var b [20]byte
		_, _ = rand.Read(b[:]) // never fails (crypto/rand)
		e.info.id = hex.EncodeToString(b[:])
	}
	return e.info.id
}

// version is this module's, as the build knows it.
func version() string {
	if bi, ok := debug.ReadBuildInfo(); ok && bi.Main.Version != "" {
		return bi.Main.Version
	}
	return "(devel)"
}

// infoAltilium says what no Redis has: the log, its reachable window, and
// whether a point of it can still be gone back to.
func infoAltilium(e *Engine, t *infoText) {
	t.put("mode", e.mode)
	t.put("goroutines", runtime.NumGoroutine())
	t.put("failures", e.failure.count)
	if e.failure.cause != nil {
		t.put("failure", infoLine(e.failure.cause.Error()))
		t.put("failing_since", e.failure.since/1e6)
	}
	if e.log != nil {
		e.infoLog(t)
	}
	if e.mode == modePast {
		e.infoOfPast(t)
	}
	t.put("past_reads_live", e.overlay.served)
	t.put("past_reads_again", e.overlay.again)
	e.infoCheckpoint(t)
	t.put("recording", ifso(e.recording.to != nil))
	if e.recording.to != nil {
		t.put("recording_name", e.recording.name)
		t.put("recording_offset", e.recording.offset)
		t.put("recording_steps", e.recording.steps)
	}
}

func (e *Engine) infoLog(t *infoText) {
	m := e.log.Manifest()
	var size int64
	for _, s := range m.Sealed {
		size += s.Size
	}
	t.put("log_id", e.log.ID())
	t.put("log_first_offset", m.First)
	t.put("log_last_offset", e.last)
	t.put("log_last_time_usec", e.log.LastTime())
	t.put("log_durable_offset", e.log.Durable())
	t.put("log_first_reachable_offset", firstReachable(m))
	t.put("log_last_reachable_offset", e.last)
	t.put("log_retention", e.cfg.Retention())
	t.put("log_segments", len(m.Sealed)+1)
	t.put("log_sealed_bytes", size)
	t.put("log_written_bytes", e.log.Written())
	t.put("log_fsync", e.cfg.Fsync())
	t.put("log_dir", infoLine(e.log.Dir()))
	t.put("state_digest", hex16(e.state.Digest()))
	if newest, ok := m.Newest(math.MaxUint64); ok {
		t.put("checkpoint_offset", newest.Offset)
		t.put("checkpoint_time_usec", newest.Time)
		t.put("checkpoint_digest", hex16(newest.Digest))
		t.put("checkpoint_keys", newest.Keys)
		t.put("checkpoint_bytes", newest.Size)
	}
	t.put("checkpoints", len(m.Checkpoints))
}

// firstReachable is the earliest offset whose state can still be had: 0, the
// empty state, while the log begins at its beginning; otherwise that of the
// oldest checkpoint with all of the log after it.
func firstReachable(m *log.Manifest) uint64 {
	if m.First <= 1 {
		return 0
	}
	first := uint64(math.MaxUint64)
	for _, c := range m.Checkpoints {
		if c.Offset+1 >= m.First {
			first = min(first, c.Offset)
		}
	}
	return first
}

func (e *Engine) infoCheckpoint(t *infoText) {
	cp := &e.checkpoint
	t.put("checkpoint_in_progress", ifso(cp.running))
	t.put("checkpoints_made", cp.made)
	t.put("checkpoints_failed", cp.failed)
	t.put("checkpoint_differs", ifso(cp.differs))
	t.put("checkpoint_growth", e.cfg.checkpointGrowth())
	if e.o.Pace != nil && e.log != nil {
		worst, typical := e.o.Pace.Opening(e.log.Manifest(), e.last)
		t.put("checkpoint_spacing", e.o.Pace.Spacing(e.state.TotalKeys(), cp.size))
		t.put("open_worst_msec", worst.Milliseconds())
		t.put("open_typical_msec", typical.Milliseconds())
	}
	if cp.lastErr != nil {
		t.put("checkpoint_error", infoLine(cp.lastErr.Error()))
	}
}

// infoLine makes text fit one line of INFO.
func infoLine(text string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(text) }

// infoLoading tells how far the start has come, in Redis' fields.
func (e *Engine) infoLoading(t *infoText) {
	done, total := e.info.done.Load(), e.info.total.Load()
	since := max(0, e.clock.wall-e.started) / 1e6
	percent, eta := 0.0, int64(1)
	if total > 0 {
		percent = 100 * float64(done) / float64(total)
	}
	if done > 0 {
		eta = since * (total - done) / done
	}
	t.put("loading_start_time", e.started/1e6)
	t.put("loading_total_bytes", total)
	t.put("loading_loaded_bytes", done)
	t.put("loading_loaded_perc", fmt.Sprintf("%.2f", percent))
	t.put("loading_eta_seconds", eta)
}

// residentMemory is what the process takes of the machine's memory, in bytes.
func residentMemory() int64 {
	// Linux counts pages: total, resident, …
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := strings.Fields(string(text)); len(f) > 1 {
			if pages, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				return pages * int64(os.Getpagesize())
			}
		}
	}
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64())
}

func infoMemory(e *Engine, t *infoText) {
	rss, used := residentMemory(), e.state.Used()
	e.info.peak = max(e.info.peak, used)
	t.put("used_memory", used)
	t.put("used_memory_human", human(used))
	t.put("used_memory_rss", rss)
	t.put("used_memory_rss_human", human(rss))
	t.put("used_memory_peak", e.info.peak)
	t.put("used_memory_peak_human", human(e.info.peak))
	t.put("used_memory_dataset", used)
	t.put("used_memory_lua", 0)
	t.put("maxmemory", e.memory.limit)
	t.put("maxmemory_human", human(e.memory.limit))
	t.put("maxmemory_policy", e.memory.policy.String())
	t.put("mem_fragmentation_ratio", fmt.Sprintf("%.2f", float64(rss)/float64(max(1, used))))
	t.put("mem_allocator", "go")
	t.put("active_defrag_running", 0)
	t.put("lazyfree_pending_objects", 0)
}

// human prints bytes as Redis does: 1.30M.
func human(n int64) string {
	units := []string{"B", "K", "M", "G", "T", "P"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%dB", n)
	}
	return fmt.Sprintf("%.2f%s", f, units[i])
}

func infoCPU(_ *Engine, t *infoText) {
	user, system := processorTime()
	t.put("used_cpu_sys", seconds(system))
	t.put("used_cpu_user", seconds(user))
	t.put("used_cpu_sys_children", seconds(time.Duration(0)))
	t.put("used_cpu_user_children", seconds(time.Duration(0)))
}
